// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runtime power management: a controller that nobody has used for a while saves
 * power until the next request.
 *
 * The data path knows nothing of it. Whether a queue was used is seen from its
 * counters, each time the autosuspend delay is over; and a queue that is held back
 * already makes requests wait, see asblk_hwq::held.
 */
#include <linux/pm_runtime.h>

#include "pm.h"
#include "queue.h"

/* For users who switch it on without asking how long. */
#define PM_DELAY_MS	5000
/* How long a controller is used at least that has no delay worth the name. */
#define PM_IDLE_CHECK_MS	100

static bool asblk_pm_queue_in_use(const struct asblk_hwq *hwq)
{
	unsigned int i;

	lockdep_assert_held(&hwq->lock);
	if (hwq->held || !list_empty(&hwq->pending))
		return true;
	for (i = 0; i < hwq->slots.nr; i++)
		if (hwq->slots.slot[i].rq)
			return true;
	return false;
}

/* Hold a queue that was not used since the last look. Return: false if it was. */
static bool asblk_pm_stop_queue(struct asblk_hwq *hwq)
{
	bool idle;

	spin_lock_irq(&hwq->lock);
	idle = hwq->idle_at == hwq->count.requests && !asblk_pm_queue_in_use(hwq);
	hwq->idle_at = hwq->count.requests;
	if (idle)
		hwq->held |= ASBLK_HELD_IDLE;
	spin_unlock_irq(&hwq->lock);
	return idle;
}

static void asblk_pm_start_all(struct asblk_ctrl *ctrl)
{
	unsigned int i;

	for (i = 0; i < ctrl->nr_queues; i++) {
		struct asblk_batch batch;

		asblk_batch_begin(&batch, ctrl->queues[i], NULL);
		batch.hwq->held &= ~ASBLK_HELD_IDLE;
		asblk_batch_end(&batch, true);
	}
}

static int asblk_pm_suspend(struct device *dev)
{
	struct asblk_ctrl *ctrl = to_ctrl(dev);
	bool idle = true;
	unsigned int i;
	int err = -EBUSY;

	mutex_lock(&ctrl->ops_lock);
	/* All of them are looked at: each remembers what it has seen. */
	for (i = 0; i < ctrl->nr_queues; i++)
		idle &= asblk_pm_stop_queue(ctrl->queues[i]);
	if (idle && ctrl->state == ASBLK_CTRL_LIVE)
		err = ctrl->ops->idle(ctrl);
	if (err)
		asblk_pm_start_all(ctrl);
	mutex_unlock(&ctrl->ops_lock);
	if (!err)
		return 0;
	/* The delay begins anew. One that is over already is not waited for again. */
	pm_runtime_mark_last_busy(dev);
	mod_delayed_work(system_dfl_wq, &ctrl->idle_check,
			 msecs_to_jiffies(PM_IDLE_CHECK_MS));
	return -EBUSY;
}

static void asblk_pm_idle_check(struct work_struct *work)
{
	struct asblk_ctrl *ctrl = container_of(work, struct asblk_ctrl, idle_check.work);

	pm_request_autosuspend(&ctrl->dev);
}

static int asblk_pm_resume(struct device *dev)
{
	struct asblk_ctrl *ctrl = to_ctrl(dev);
	int err = 0;

	mutex_lock(&ctrl->ops_lock);
	if (ctrl->state == ASBLK_CTRL_LIVE)
		err = ctrl->ops->wake(ctrl);
	if (err)
		dev_warn(dev, "does not wake up (%d)\n", err);
	/* A reset wakes it, and lets go of its queues. */
	if (err && ctrl->ops->reset)
		asblk_ctrl_reset(ctrl);
	else
		asblk_pm_start_all(ctrl);
	mutex_unlock(&ctrl->ops_lock);
	pm_runtime_mark_last_busy(dev);
	return 0;
}

/* Held requests would wait in vain while there is no runtime power management. */
static int asblk_pm_prepare(struct device *dev)
{
	pm_runtime_resume(dev);
	return 0;
}

const struct dev_pm_ops asblk_pm_ops = {
	.prepare = pm_sleep_ptr(asblk_pm_prepare),
	RUNTIME_PM_OPS(asblk_pm_suspend, asblk_pm_resume, NULL)
};

/**
 * asblk_pm_init - begin runtime power management, switched off
 * @ctrl: controller that nobody knows yet
 *
 * Users switch it on with power/control. Context: task.
 */
void asblk_pm_init(struct asblk_ctrl *ctrl)
{
	struct device *dev = &ctrl->dev;

	INIT_DELAYED_WORK(&ctrl->idle_check, asblk_pm_idle_check);
	if (!ctrl->ops->idle)
		return;
	pm_runtime_forbid(dev);
	pm_runtime_set_autosuspend_delay(dev, PM_DELAY_MS);
	pm_runtime_use_autosuspend(dev);
	pm_runtime_set_active(dev);
	pm_runtime_enable(dev);
}

/**
 * asblk_pm_exit - wake a controller and leave it awake
 * @ctrl: controller, whose disks have all been removed
 *
 * Context: task, may sleep.
 */
void asblk_pm_exit(struct asblk_ctrl *ctrl)
{
	struct device *dev = &ctrl->dev;

	if (!ctrl->ops->idle)
		return;
	disable_delayed_work_sync(&ctrl->idle_check);
	pm_runtime_get_sync(dev);
	pm_runtime_disable(dev);
	pm_runtime_dont_use_autosuspend(dev);
	pm_runtime_put_noidle(dev);
}
