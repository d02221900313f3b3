// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runtime power management: a controller that was not used for a while saves power until
 * the next request.
 *
 * It costs the data path nothing. Whether a queue was used is seen from its counters each
 * time the autosuspend delay has passed, and requests wait as they do for any other reason
 * that a queue is held for, see asblk_hwq::held.
 */
#include <linux/pm_runtime.h>

#include "pm.h"
#include "queue.h"

/* The default autosuspend delay. */
#define PM_DELAY_MS	5000
/* The least time between two checks, however short the autosuspend delay is. */
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

/* Hold a queue that was not used since the last check. Return: false if it was. */
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
	/* Check all of them, as each remembers its counter. */
	for (i = 0; i < ctrl->nr_queues; i++)
		idle &= asblk_pm_stop_queue(ctrl->queues[i]);
	if (idle && ctrl->state == ASBLK_CTRL_LIVE)
		err = ctrl->ops->idle(ctrl);
	if (err)
		asblk_pm_start_all(ctrl);
	mutex_unlock(&ctrl->ops_lock);
	if (!err)
		return 0;
	/* Restart the delay. One that has passed already needs the check as well. */
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
		dev_warn(dev, "failed to wake up (%d)\n", err);
	/* A reset wakes it and releases its queues. */
	if (err && ctrl->ops->reset)
		asblk_ctrl_reset(ctrl);
	else
		asblk_pm_start_all(ctrl);
	mutex_unlock(&ctrl->ops_lock);
	pm_runtime_mark_last_busy(dev);
	return 0;
}

/* During system sleep, without runtime PM, held requests would wait forever. */
static int asblk_pm_prepare(struct device *dev)
{
	pm_runtime_resume(dev);
	return 0;
}

const struct dev_pm_ops asblk_pm_ops = {
	.prepare = pm_sleep_ptr(asblk_pm_prepare),
	RUNTIME_PM_OPS(asblk_pm_suspend, asblk_pm_resume, NULL)
};

/* Off until users turn it on with power/control. */
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

/* Wake a controller, whose disks have all been removed, for good. May sleep. */
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
