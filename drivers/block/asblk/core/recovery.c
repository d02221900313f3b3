// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recovery: what becomes of a controller that does not answer. The ladder, for a
 * request that is late:
 *
 *	look whether it has finished (the interrupt was lost)
 *	ask the device to abort its transfers, and wait once more
 *	reset the queue
 *	reset the controller
 *	declare the controller dead: everything fails, now and later
 *
 * A rung that the controller does not have is skipped. A reset after which nothing
 * at all completed is not tried a second time. Transfers that a reset lost are
 * offered again, or fail if their retries are used up; their IDs are retired
 * first, so what completes late names nothing.
 *
 * The first two rungs are climbed where the timeout is noticed, the others by a
 * work item: they sleep. asblk_recovery::lock serialises them with everybody else
 * who stops a controller.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/pm_runtime.h>

#include "core.h"

/* Transfers of one request that are aborted at a time; the rest will be late too. */
#define RECOVERY_ABORTS		16

/* Memory may have to be written out before it is free: must go on without any. */
static struct workqueue_struct *recovery_wq;

static void recovery_stop_queue(struct asblk_equeue *q)
{
	spin_lock_irq(&q->lock);
	q->held |= ASBLK_HELD_STOPPED;
	q->unrung = false;
	spin_unlock_irq(&q->lock);
}

/* Take back what was in flight and go on, unless held by more than @held. */
static unsigned int recovery_start_queue(struct asblk_equeue *q, u8 held)
{
	struct asblk_visit v;
	unsigned int nr;

	asblk_engine_enter(&v, q, NULL);
	nr = asblk_engine_take_back(&v, BLK_STS_OK);
	q->held &= ~held;
	q->count.resets++;
	asblk_engine_leave(&v, true);
	return nr;
}

static void recovery_stop_all(struct asblk_ctrl *ctrl)
{
	unsigned int i;

	for (i = 0; i < ctrl->nr_queues; i++)
		recovery_stop_queue(&ctrl->queues[i]);
}

static unsigned int recovery_start_all(struct asblk_ctrl *ctrl)
{
	unsigned int i, nr = 0;

	for (i = 0; i < ctrl->nr_queues; i++)
		nr += recovery_start_queue(&ctrl->queues[i],
					   ASBLK_HELD_STOPPED | ASBLK_HELD_IDLE);
	return nr;
}

static u64 recovery_completions(struct asblk_ctrl *ctrl)
{
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < ctrl->nr_queues; i++)
		sum += READ_ONCE(ctrl->queues[i].count.completions);
	return sum;
}

/* The last rung. Under asblk_recovery::lock; harmless if it is dead already. */
static void recovery_die(struct asblk_ctrl *ctrl, const char *why)
{
	unsigned int i, nr = 0;

	if (ctrl->recovery.state >= ASBLK_CTRL_DEAD)
		return;
	WRITE_ONCE(ctrl->recovery.state, ASBLK_CTRL_DEAD);
	recovery_stop_all(ctrl);
	/* Memory goes back to its owners only when the device cannot reach it. */
	if (ctrl->ops->disable)
		ctrl->ops->disable(ctrl);
	for (i = 0; i < ctrl->nr_queues; i++) {
		struct asblk_equeue *q = &ctrl->queues[i];
		struct asblk_visit v;

		asblk_engine_enter(&v, q, NULL);
		q->held |= ASBLK_HELD_DEAD;
		nr += asblk_engine_take_back(&v, BLK_STS_OFFLINE);
		asblk_engine_leave(&v, false);
	}
	dev_err(&ctrl->dev, "dead: %s; %u transfers in flight failed\n", why, nr);
}

/* Return: 0 if the controller is live again. Under asblk_recovery::lock. */
static int recovery_reset_ctrl(struct asblk_ctrl *ctrl, const char *why)
{
	ktime_t start = ktime_get();
	unsigned int nr;
	int err;

	WRITE_ONCE(ctrl->recovery.state, ASBLK_CTRL_RESETTING);
	recovery_stop_all(ctrl);
	err = ctrl->ops->reset(ctrl);
	if (!err)
		err = asblk_settings_restore(ctrl);
	if (err)
		return err;
	WRITE_ONCE(ctrl->recovery.state, ASBLK_CTRL_LIVE);
	ctrl->recovery.resets++;
	nr = recovery_start_all(ctrl);
	/* No device is asleep after a reset. */
	pm_request_resume(&ctrl->dev);
	dev_warn_ratelimited(&ctrl->dev,
			     "reset after %s: %lld ms, %u transfers taken back\n",
			     why, ktime_ms_delta(ktime_get(), start), nr);
	return 0;
}

/* Return: true if the queue works again, for all that is known. */
static bool recovery_reset_queue(struct asblk_equeue *q)
{
	struct device *dev = &q->pub.ctrl->dev;
	unsigned int nr;
	int err;

	if (!q->ops->reset_queue ||
	    (q->was_reset && q->reset_at == q->count.completions))
		return false;
	/* Nothing else is to be called for the queue: no aborts, that is. */
	WRITE_ONCE(q->pub.ctrl->recovery.state, ASBLK_CTRL_RESETTING);
	recovery_stop_queue(q);
	err = q->ops->reset_queue(&q->pub);
	WRITE_ONCE(q->pub.ctrl->recovery.state, ASBLK_CTRL_LIVE);
	if (err) {
		spin_lock_irq(&q->lock);
		q->count.failed_resets++;
		spin_unlock_irq(&q->lock);
		dev_warn(dev, "queue %u: reset failed (%d)\n", q->pub.index, err);
		return false;
	}
	q->was_reset = true;
	q->reset_at = q->count.completions;
	nr = recovery_start_queue(q, ASBLK_HELD_STOPPED);
	dev_warn_ratelimited(dev, "queue %u: reset, %u transfers taken back\n",
			     q->pub.index, nr);
	return true;
}

/* Late requests have led here: the controller is next, if that can help. */
static void recovery_late_ctrl(struct asblk_ctrl *ctrl)
{
	struct asblk_recovery *r = &ctrl->recovery;
	u64 completions = recovery_completions(ctrl);

	/* Without one there is nothing to be done but to wait. */
	if (!ctrl->ops->reset)
		return;
	if (r->was_reset && r->reset_at == completions) {
		recovery_die(ctrl, "nothing completed since its last reset");
		return;
	}
	r->was_reset = true;
	r->reset_at = completions;
	if (recovery_reset_ctrl(ctrl, "a timeout"))
		recovery_die(ctrl, "reset failed");
}

static void recovery_work(struct work_struct *work)
{
	struct asblk_ctrl *ctrl = container_of(work, struct asblk_ctrl,
					       recovery.work);
	struct asblk_recovery *r = &ctrl->recovery;
	bool all = false, wanted;
	unsigned int i;

	mutex_lock(&r->lock);
	for (i = 0; i < ctrl->nr_queues; i++) {
		struct asblk_equeue *q = &ctrl->queues[i];

		if (!xchg(&q->wanted, false) || r->state != ASBLK_CTRL_LIVE)
			continue;
		if (!recovery_reset_queue(q))
			all = true;
	}
	wanted = xchg(&r->reset_wanted, false);
	/* First, as it knows when to give up, whatever else asks for a reset meanwhile. */
	if (all) {
		recovery_late_ctrl(ctrl);
	} else if (wanted && r->state == ASBLK_CTRL_LIVE) {
		if (recovery_reset_ctrl(ctrl, "a request for it"))
			recovery_die(ctrl, "reset failed");
	}
	mutex_unlock(&r->lock);
}

/* The first rung. Return: true if the request was only waiting for it. */
static bool recovery_poll(struct asblk_equeue *q, struct request *rq)
{
	u64 lost;

	if (!asblk_engine_late(q) || blk_mq_rq_state(rq) == MQ_RQ_IN_FLIGHT)
		return false;
	spin_lock_irq(&q->lock);
	lost = ++q->count.lost_interrupts;
	spin_unlock_irq(&q->lock);
	dev_warn_ratelimited(&q->pub.ctrl->dev,
			     "queue %u: interrupt lost, request %d was done (%llu so far)\n",
			     q->pub.index, rq->tag, lost);
	return true;
}

/*
 * The second rung. Return: true if the device was asked to abort something, or is still
 * busy with what it was asked before: it has a timeout's time.
 */
static bool recovery_abort(struct asblk_equeue *q, struct request *rq)
{
	u16 id[RECOVERY_ABORTS];
	unsigned int i, nr = 0, asked = 0;
	bool busy = false;
	int err;

	if (!q->ops->abort)
		return false;
	spin_lock_irq(&q->lock);
	for (i = 0; i < q->slots.nr && nr < ARRAY_SIZE(id); i++) {
		struct asblk_slot *slot = &q->slots.slot[i];

		if (slot->rq != rq || !slot->in_flight ||
		    slot->aborted == slot->id)
			continue;
		slot->aborted = slot->id;
		id[nr++] = slot->id;
	}
	spin_unlock_irq(&q->lock);

	for (i = 0; i < nr; i++) {
		err = q->ops->abort(&q->pub, id[i]);
		asked += !err;
		busy |= err == -EBUSY;
	}
	if (!asked)
		return busy;
	spin_lock_irq(&q->lock);
	q->count.aborts += asked;
	spin_unlock_irq(&q->lock);
	dev_warn_ratelimited(&q->pub.ctrl->dev,
			     "queue %u: request %d is late, %u of its transfers aborted\n",
			     q->pub.index, rq->tag, asked);
	return true;
}

/**
 * asblk_recovery_late - a request has timed out
 * @q: its queue
 * @rq: request
 *
 * Context: task; may race with the request's completion.
 * Return: true if the request is no longer in flight.
 */
bool asblk_recovery_late(struct asblk_equeue *q, struct request *rq)
{
	struct asblk_ctrl *ctrl = q->pub.ctrl;

	if (recovery_poll(q, rq))
		return true;
	if (blk_mq_rq_state(rq) != MQ_RQ_IN_FLIGHT)
		return true;
	/* Whoever has stopped the controller takes care of its requests too. */
	if (READ_ONCE(ctrl->recovery.state) != ASBLK_CTRL_LIVE)
		return false;
	if (recovery_abort(q, rq))
		return false;
	dev_warn_ratelimited(&ctrl->dev, "queue %u: request %d is late\n",
			     q->pub.index, rq->tag);
	WRITE_ONCE(q->wanted, true);
	queue_work(recovery_wq, &ctrl->recovery.work);
	return false;
}
EXPORT_SYMBOL_IF_KUNIT(asblk_recovery_late);

/**
 * asblk_ctrl_reset - have a controller reset soon
 * @ctrl: controller with &asblk_ctrl_ops.reset
 *
 * For a controller driver that sees its device fail. Transfers in flight are
 * offered again, or fail if their retries are used up.
 *
 * Context: any.
 */
void asblk_ctrl_reset(struct asblk_ctrl *ctrl)
{
	WRITE_ONCE(ctrl->recovery.reset_wanted, true);
	queue_work(recovery_wq, &ctrl->recovery.work);
}
ASBLK_EXPORT(asblk_ctrl_reset);

/* A user asks for a reset. Return: 0 or a negative errno. */
int asblk_recovery_reset_now(struct asblk_ctrl *ctrl)
{
	int err = asblk_recovery_begin(ctrl);

	if (err)
		return err;
	err = recovery_reset_ctrl(ctrl, "a user's request");
	if (err)
		recovery_die(ctrl, "reset failed");
	asblk_recovery_end(ctrl);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(asblk_recovery_reset_now);

/**
 * asblk_recovery_begin - keep recovery away while the device is told something
 * @ctrl: controller
 *
 * Context: task, may sleep: waits for a reset that is under way.
 * Return: 0, to be followed by asblk_recovery_end(); -ENODEV if the controller is
 * dead or paused, or -ERESTARTSYS.
 */
int asblk_recovery_begin(struct asblk_ctrl *ctrl)
{
	if (mutex_lock_interruptible(&ctrl->recovery.lock))
		return -ERESTARTSYS;
	if (ctrl->recovery.state == ASBLK_CTRL_LIVE)
		return 0;
	mutex_unlock(&ctrl->recovery.lock);
	return -ENODEV;
}

/* The end of what asblk_recovery_begin() began. */
void asblk_recovery_end(struct asblk_ctrl *ctrl)
{
	mutex_unlock(&ctrl->recovery.lock);
}

/**
 * asblk_ctrl_pause - offer a controller no more transfers
 * @ctrl: controller with &asblk_ctrl_ops.reset
 *
 * For the time that somebody else resets the device, or takes its power. None of
 * the controller's operations runs until asblk_ctrl_resume(). Requests wait.
 *
 * Context: task, may sleep: waits for a reset that is under way.
 */
void asblk_ctrl_pause(struct asblk_ctrl *ctrl)
{
	mutex_lock(&ctrl->recovery.lock);
	if (ctrl->recovery.state == ASBLK_CTRL_LIVE) {
		WRITE_ONCE(ctrl->recovery.state, ASBLK_CTRL_PAUSED);
		recovery_stop_all(ctrl);
	}
	mutex_unlock(&ctrl->recovery.lock);
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
	int err = 0;

	mutex_lock(&ctrl->recovery.lock);
	if (ctrl->recovery.state == ASBLK_CTRL_PAUSED) {
		err = recovery_reset_ctrl(ctrl, "a pause");
		if (err)
			recovery_die(ctrl, "reset failed");
	} else if (ctrl->recovery.state != ASBLK_CTRL_LIVE) {
		err = -ENODEV;
	}
	mutex_unlock(&ctrl->recovery.lock);
	return err;
}
ASBLK_EXPORT(asblk_ctrl_resume);

/**
 * asblk_ctrl_dead - give a controller up
 * @ctrl: controller
 * @why: for the log
 *
 * Every request fails from now on, those in flight first. For a device that is
 * gone; its disks are still to be removed.
 *
 * Context: task, may sleep: waits for a reset that is under way.
 */
void asblk_ctrl_dead(struct asblk_ctrl *ctrl, const char *why)
{
	mutex_lock(&ctrl->recovery.lock);
	recovery_die(ctrl, why);
	mutex_unlock(&ctrl->recovery.lock);
}
ASBLK_EXPORT(asblk_ctrl_dead);

void asblk_recovery_init(struct asblk_ctrl *ctrl)
{
	mutex_init(&ctrl->recovery.lock);
	/* Not before it is whole. */
	ctrl->recovery.state = ASBLK_CTRL_PAUSED;
	INIT_WORK(&ctrl->recovery.work, recovery_work);
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

/* The controller is whole: from now on it is recovered. */
void asblk_recovery_live(struct asblk_ctrl *ctrl)
{
	mutex_lock(&ctrl->recovery.lock);
	WRITE_ONCE(ctrl->recovery.state, ASBLK_CTRL_LIVE);
	mutex_unlock(&ctrl->recovery.lock);
}

/* No recovery begins any more, none is under way. No disk is left. */
void asblk_recovery_exit(struct asblk_ctrl *ctrl)
{
	mutex_lock(&ctrl->recovery.lock);
	WRITE_ONCE(ctrl->recovery.state, ASBLK_CTRL_REMOVING);
	mutex_unlock(&ctrl->recovery.lock);
	disable_work_sync(&ctrl->recovery.work);
}
