// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recovery of a controller that does not answer. Timeouts (timeout.c) escalate, a step
 * each time:
 *
 *	poll for the completion (the interrupt was lost)
 *	ask the device to abort the request's transfers, and wait once more
 *	reset the queue
 *	reset the controller
 *	declare the controller dead: everything fails, now and later
 *
 * A step that the controller does not have is skipped. A reset is not repeated if
 * nothing at all has completed since the last one. Transfers that a reset lost are
 * requeued; those of requests that timed out are charged a retry, and fail when their
 * retries are used up. Their IDs are retired first: a completion that still comes
 * names no transfer.
 *
 * timeout.c takes the first two steps. The others sleep: a work item takes them.
 * asblk_ctrl::ops_lock serialises all but the first with everybody else who stops
 * a controller.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/pm_runtime.h>

#include "complete.h"
#include "queue.h"
#include "recovery.h"
#include "settings.h"
#include "state.h"

/*
 * Give a controller up when its driver requests a reset so many times in a row, each within
 * so many jiffies of the end of the last one, while nothing completes.
 */
#define RECOVERY_FUTILE_RESETS	5
#define RECOVERY_FUTILE_TIME	HZ

/* WQ_MEM_RECLAIM: freeing memory may require writing to this device, recovered. */
static struct workqueue_struct *recovery_wq;

static void recovery_stop_queue(struct asblk_hwq *hwq)
{
	spin_lock_irq(&hwq->lock);
	hwq->held |= ASBLK_HELD_STOPPED;
	hwq->doorbell_due = false;
	spin_unlock_irq(&hwq->lock);
}

/* Requeue what was in flight and go on, unless the queue is held by more than @held. */
static unsigned int recovery_start_queue(struct asblk_hwq *hwq, u8 held,
					 enum asblk_blame blame)
{
	struct asblk_batch batch;
	unsigned int nr;

	asblk_batch_begin(&batch, hwq, NULL);
	nr = asblk_requeue_all(&batch, blame);
	hwq->held &= ~held;
	hwq->count.resets++;
	asblk_batch_end(&batch, true);
	return nr;
}

static void recovery_stop_all(struct asblk_ctrl *ctrl)
{
	unsigned int i;

	lockdep_assert_held(&ctrl->ops_lock);
	for (i = 0; i < ctrl->nr_queues; i++)
		recovery_stop_queue(ctrl->queues[i]);
}

static unsigned int recovery_start_all(struct asblk_ctrl *ctrl, enum asblk_blame blame)
{
	unsigned int i, nr = 0;

	lockdep_assert_held(&ctrl->ops_lock);
	for (i = 0; i < ctrl->nr_queues; i++)
		nr += recovery_start_queue(ctrl->queues[i],
					   ASBLK_HELD_STOPPED | ASBLK_HELD_IDLE, blame);
	return nr;
}

static u64 recovery_queue_completions(struct asblk_hwq *hwq)
{
	u64 completions;

	spin_lock_irq(&hwq->lock);
	completions = hwq->count.completions;
	spin_unlock_irq(&hwq->lock);
	return completions;
}

static u64 recovery_completions(struct asblk_ctrl *ctrl)
{
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < ctrl->nr_queues; i++)
		sum += recovery_queue_completions(ctrl->queues[i]);
	return sum;
}

/**
 * asblk_admin_stop - submit no more commands to the admin queue
 * @ctrl: controller with an admin queue
 *
 * Before the device is reset or loses its power. Commands wait, within their time limits.
 *
 * Context: task.
 */
void asblk_admin_stop(struct asblk_ctrl *ctrl)
{
	recovery_stop_queue(ctrl->admin.hwq);
}
ASBLK_EXPORT(asblk_admin_stop);

/**
 * asblk_admin_start - go on after asblk_admin_stop()
 * @ctrl: controller whose device has forgotten all commands
 *
 * Those that were in flight end, or are sent again, see &struct asblk_command.
 *
 * Context: task.
 */
void asblk_admin_start(struct asblk_ctrl *ctrl)
{
	recovery_start_queue(ctrl->admin.hwq, ASBLK_HELD_STOPPED, ASBLK_BLAME_ALL);
}
ASBLK_EXPORT(asblk_admin_start);

/* A queue's device no longer accesses memory: fail everything, now and later. */
static unsigned int recovery_fail_queue(struct asblk_hwq *hwq)
{
	struct asblk_batch batch;
	unsigned int nr;

	asblk_batch_begin(&batch, hwq, NULL);
	hwq->held |= ASBLK_HELD_STOPPED | ASBLK_HELD_DEAD;
	nr = asblk_fail_all(&batch, BLK_STS_OFFLINE);
	asblk_batch_end(&batch, false);
	return nr;
}

/* The admin queue was stopped for good. */
void asblk_admin_die(struct asblk_ctrl *ctrl)
{
	if (ctrl->admin.hwq)
		recovery_fail_queue(ctrl->admin.hwq);
}

/* The last step; harmless if the controller is dead already. */
static void recovery_die(struct asblk_ctrl *ctrl, const char *why)
{
	unsigned int i, nr = 0;

	lockdep_assert_held(&ctrl->ops_lock);
	if (ctrl->state >= ASBLK_CTRL_DEAD)
		return;
	WRITE_ONCE(ctrl->state, ASBLK_CTRL_DEAD);
	recovery_stop_all(ctrl);
	/* Memory may be freed only when the device cannot reach it. */
	if (ctrl->ops->disable)
		ctrl->ops->disable(ctrl);
	for (i = 0; i < ctrl->nr_queues; i++)
		nr += recovery_fail_queue(ctrl->queues[i]);
	asblk_admin_die(ctrl);
	dev_err(&ctrl->dev, "dead: %s; %u transfers in flight failed\n", why, nr);
}

/* Return: 0 if the controller is live again. */
static int recovery_reset(struct asblk_ctrl *ctrl, enum asblk_reset kind, const char *why,
			  enum asblk_blame blame)
{
	ktime_t start = ktime_get();
	unsigned int nr;
	int err;

	lockdep_assert_held(&ctrl->ops_lock);
	WRITE_ONCE(ctrl->state, ASBLK_CTRL_RESETTING);
	recovery_stop_all(ctrl);
	err = ctrl->ops->reset(ctrl, kind);
	if (!err)
		err = asblk_settings_restore(ctrl);
	if (err)
		return err;
	WRITE_ONCE(ctrl->state, ASBLK_CTRL_LIVE);
	ctrl->recovery.resets++;
	nr = recovery_start_all(ctrl, blame);
	/* The reset has woken the device. */
	pm_request_resume(&ctrl->dev);
	dev_warn_ratelimited(&ctrl->dev,
			     "reset after %s: %lld ms, %u transfers requeued\n",
			     why, ktime_ms_delta(ktime_get(), start), nr);
	return 0;
}

static int recovery_reset_ctrl(struct asblk_ctrl *ctrl, const char *why,
			       enum asblk_blame blame)
{
	return recovery_reset(ctrl, ASBLK_RESET_CTRL, why, blame);
}

/* Return: false if its controller is to be reset instead. */
static bool recovery_reset_queue(struct asblk_hwq *hwq)
{
	struct device *dev = &hwq->pub.ctrl->dev;
	u64 completions = recovery_queue_completions(hwq);
	unsigned int nr;
	int err;

	lockdep_assert_held(&hwq->pub.ctrl->ops_lock);
	if (!hwq->ops->reset_queue || hwq->reset_at == completions)
		return false;
	WRITE_ONCE(hwq->pub.ctrl->state, ASBLK_CTRL_RESETTING);
	recovery_stop_queue(hwq);
	err = hwq->ops->reset_queue(&hwq->pub);
	WRITE_ONCE(hwq->pub.ctrl->state, ASBLK_CTRL_LIVE);
	if (err) {
		spin_lock_irq(&hwq->lock);
		hwq->count.failed_resets++;
		spin_unlock_irq(&hwq->lock);
		dev_warn(dev, "%s: reset failed (%d)\n", hwq->name, err);
		return false;
	}
	hwq->reset_at = completions;
	nr = recovery_start_queue(hwq, ASBLK_HELD_STOPPED, ASBLK_BLAME_TIMED_OUT);
	dev_warn_ratelimited(dev, "%s: reset, %u transfers requeued\n", hwq->name, nr);
	return true;
}

/* Timeouts led here: reset the controller, or give it up if that did not help. */
static void recovery_escalate_ctrl(struct asblk_ctrl *ctrl)
{
	struct asblk_recovery *r = &ctrl->recovery;
	u64 completions = recovery_completions(ctrl);

	lockdep_assert_held(&ctrl->ops_lock);
	/* Without a reset all that is left is to wait. */
	if (!ctrl->ops->reset)
		return;
	if (r->reset_at == completions) {
		recovery_die(ctrl, "nothing completed since its last reset");
		return;
	}
	r->reset_at = completions;
	if (recovery_reset_ctrl(ctrl, "a timeout", ASBLK_BLAME_TIMED_OUT))
		recovery_die(ctrl, "reset failed");
}

/* Does the driver request reset after reset while nothing completes? */
static bool recovery_is_futile(struct asblk_ctrl *ctrl)
{
	struct asblk_recovery *r = &ctrl->recovery;
	u64 completions = recovery_completions(ctrl);

	lockdep_assert_held(&ctrl->ops_lock);
	if (r->requested_at == completions &&
	    time_before(jiffies, r->requested_end + RECOVERY_FUTILE_TIME))
		r->futile++;
	else
		r->futile = 0;
	r->requested_at = completions;
	return r->futile >= RECOVERY_FUTILE_RESETS;
}

/* For a command that neither ends nor lets itself be aborted. Others are innocent. */
static void recovery_reset_for_command(struct asblk_ctrl *ctrl)
{
	lockdep_assert_held(&ctrl->ops_lock);
	if (!ctrl->ops->reset)
		return;
	if (recovery_reset_ctrl(ctrl, "a command's timeout", ASBLK_BLAME_NOBODY))
		recovery_die(ctrl, "reset failed");
}

/* By the device's driver: any of the transfers in flight may be the reason. */
static void recovery_reset_requested(struct asblk_ctrl *ctrl)
{
	lockdep_assert_held(&ctrl->ops_lock);
	if (recovery_is_futile(ctrl))
		recovery_die(ctrl, "resets do not help");
	else if (recovery_reset_ctrl(ctrl, "the driver's request", ASBLK_BLAME_ALL))
		recovery_die(ctrl, "reset failed");
	ctrl->recovery.requested_end = jiffies;
}

static void recovery_work(struct work_struct *work)
{
	struct asblk_ctrl *ctrl = container_of(work, struct asblk_ctrl,
					       recovery.work);
	struct asblk_recovery *r = &ctrl->recovery;
	bool all = false, wanted;
	unsigned int i;

	guard(mutex)(&ctrl->ops_lock);
	for (i = 0; i < ctrl->nr_queues; i++) {
		struct asblk_hwq *hwq = ctrl->queues[i];
		u8 step = xchg(&hwq->needs_reset, 0);

		if (!step || ctrl->state != ASBLK_CTRL_LIVE)
			continue;
		if (step == ASBLK_ESCALATE_CTRL || !recovery_reset_queue(hwq))
			all = true;
	}
	if (ctrl->admin.hwq && xchg(&ctrl->admin.hwq->needs_reset, 0) &&
	    ctrl->state == ASBLK_CTRL_LIVE && !all)
		recovery_reset_for_command(ctrl);
	wanted = xchg(&r->needs_reset, false);
	/* Timeouts first: they know when to give up. One reset serves both. */
	if (all)
		recovery_escalate_ctrl(ctrl);
	else if (wanted && ctrl->state == ASBLK_CTRL_LIVE)
		recovery_reset_requested(ctrl);
}

/* Reset a queue, or its controller, soon: an ASBLK_ESCALATE_*; the higher step wins. */
void asblk_recovery_schedule(struct asblk_hwq *hwq, u8 step)
{
	if (READ_ONCE(hwq->needs_reset) < step)
		WRITE_ONCE(hwq->needs_reset, step);
	queue_work(recovery_wq, &hwq->pub.ctrl->recovery.work);
}

/**
 * asblk_ctrl_reset - schedule a reset of a controller
 * @ctrl: controller with &asblk_ctrl_ops.reset
 *
 * For a controller driver that sees its device fail. Transfers in flight are
 * requeued, or fail if their retries are used up or with REQ_FAILFAST_*. Does nothing
 * while the controller is paused or dead. A controller for which this is called
 * repeatedly while nothing completes is declared dead.
 *
 * Context: any.
 */
void asblk_ctrl_reset(struct asblk_ctrl *ctrl)
{
	if (WARN_ON_ONCE(!ctrl->ops->reset))
		return;
	WRITE_ONCE(ctrl->recovery.needs_reset, true);
	queue_work(recovery_wq, &ctrl->recovery.work);
}
ASBLK_EXPORT(asblk_ctrl_reset);

static int recovery_reset_now(struct asblk_ctrl *ctrl, enum asblk_reset kind)
{
	int err = asblk_ctrl_lock_live(ctrl);

	if (err)
		return err;
	err = recovery_reset(ctrl, kind, "a user's request", ASBLK_BLAME_NOBODY);
	if (err)
		recovery_die(ctrl, "reset failed");
	asblk_ctrl_unlock(ctrl);
	return err;
}

/* A reset for a user. May sleep. Return: 0 or a negative errno. */
int asblk_recovery_reset_now(struct asblk_ctrl *ctrl)
{
	return recovery_reset_now(ctrl, ASBLK_RESET_CTRL);
}
EXPORT_SYMBOL_IF_KUNIT(asblk_recovery_reset_now);

/* The same of the NVM subsystem, for a controller that can do that. */
int asblk_recovery_reset_subsystem(struct asblk_ctrl *ctrl)
{
	return recovery_reset_now(ctrl, ASBLK_RESET_SUBSYSTEM);
}
EXPORT_SYMBOL_IF_KUNIT(asblk_recovery_reset_subsystem);

/**
 * asblk_ctrl_pause - submit no more transfers to a controller
 * @ctrl: controller with &asblk_ctrl_ops.reset
 *
 * While something else resets the device or removes its power. None of the controller's
 * operations runs until asblk_ctrl_resume(), except those that &struct asblk_ctrl_ops
 * says run beside everything. Requests wait.
 *
 * Context: task, may sleep: waits for a reset that is under way.
 */
void asblk_ctrl_pause(struct asblk_ctrl *ctrl)
{
	if (WARN_ON_ONCE(!ctrl->ops->reset))
		return;
	guard(mutex)(&ctrl->ops_lock);
	if (ctrl->state == ASBLK_CTRL_LIVE) {
		WRITE_ONCE(ctrl->state, ASBLK_CTRL_PAUSED);
		recovery_stop_all(ctrl);
	}
}
ASBLK_EXPORT(asblk_ctrl_pause);

/**
 * asblk_ctrl_resume - go on after asblk_ctrl_pause(), with a reset
 * @ctrl: controller
 *
 * Context: task, may sleep.
 * Return: 0, or a negative errno; then the controller is dead.
 */
int asblk_ctrl_resume(struct asblk_ctrl *ctrl)
{
	int err;

	guard(mutex)(&ctrl->ops_lock);
	if (ctrl->state != ASBLK_CTRL_PAUSED)
		return ctrl->state == ASBLK_CTRL_LIVE ? 0 : -ENODEV;
	err = recovery_reset_ctrl(ctrl, "a pause", ASBLK_BLAME_NOBODY);
	if (err)
		recovery_die(ctrl, "reset failed");
	return err;
}
ASBLK_EXPORT(asblk_ctrl_resume);

/**
 * asblk_ctrl_dead - give a controller up
 * @ctrl: controller
 * @why: for the log
 *
 * Every request fails from now on, those in flight first. For a device that is
 * gone; its disks have to be removed all the same.
 *
 * Context: task, may sleep: waits for a reset that is under way.
 */
void asblk_ctrl_dead(struct asblk_ctrl *ctrl, const char *why)
{
	guard(mutex)(&ctrl->ops_lock);
	recovery_die(ctrl, why);
}
ASBLK_EXPORT(asblk_ctrl_dead);

void asblk_recovery_init(struct asblk_ctrl *ctrl)
{
	mutex_init(&ctrl->ops_lock);
	/* Until asblk_recovery_live(). */
	ctrl->state = ASBLK_CTRL_PAUSED;
	ctrl->recovery.reset_at = U64_MAX;
	ctrl->recovery.requested_at = U64_MAX;
	INIT_WORK(&ctrl->recovery.work, recovery_work);
	disable_work(&ctrl->recovery.work);
}

int asblk_recovery_start(void)
{
	recovery_wq = alloc_workqueue("asblk-recovery",
				      WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return recovery_wq ? 0 : -ENOMEM;
}

void asblk_recovery_stop(void)
{
	destroy_workqueue(recovery_wq);
}

/* The controller is complete: recover it from now on. */
void asblk_recovery_live(struct asblk_ctrl *ctrl)
{
	guard(mutex)(&ctrl->ops_lock);
	WRITE_ONCE(ctrl->state, ASBLK_CTRL_LIVE);
	/* A reset may have been asked for already. */
	enable_and_queue_work(recovery_wq, &ctrl->recovery.work);
}

/* Recovery neither begins nor runs any more. No disk is left. */
void asblk_recovery_exit(struct asblk_ctrl *ctrl)
{
	scoped_guard(mutex, &ctrl->ops_lock)
		WRITE_ONCE(ctrl->state, ASBLK_CTRL_REMOVING);
	disable_work_sync(&ctrl->recovery.work);
}
