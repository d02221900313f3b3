// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timeouts: has a request stopped advancing, and what is done about it next. The steps
 * that sleep are recovery.c's.
 *
 * A request advances while parts of it end or, if none is in flight, while transfers of
 * its queue complete.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/jiffies.h>

#include "command.h"
#include "recovery.h"
#include "request.h"
#include "timeout.h"

/* Transfers of a request that are aborted between two holds of the queue's lock. */
#define TIMEOUT_ABORTS		16

static bool timeout_in_flight(const struct request *rq, const struct asblk_slot *slot)
{
	return slot->rq == rq && slot->in_flight;
}

/* The same question at the next timeout is about what has happened from here on. */
static bool timeout_parts_advance(struct asblk_hwq *hwq, struct request *rq, bool busy)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);
	bool advances = ar->ended != ar->ended_seen ||
			(!busy && ar->queue_seen != hwq->count.completions);

	ar->ended_seen = ar->ended;
	ar->queue_seen = hwq->count.completions;
	return advances;
}

/* Does a transfer of the request wait for the delay that the device asked for? */
static bool timeout_is_delayed(const struct asblk_hwq *hwq, const struct request *rq)
{
	u16 i;

	for (i = hwq->delayed; i != ASBLK_SLOT_NONE; i = hwq->slots.slot[i].next)
		if (hwq->slots.slot[i].rq == rq)
			return true;
	return false;
}

static bool timeout_advances(struct asblk_hwq *hwq, struct request *rq)
{
	struct asblk_slot *own = &hwq->slots.slot[rq->tag];
	bool busy = false;
	unsigned int i;

	lockdep_assert_held(&hwq->lock);
	/* It has ended, in a batch whose end is still to come. */
	if (blk_mq_rq_state(rq) != MQ_RQ_IN_FLIGHT)
		return true;
	if (own->rq == rq && own->kind == ASBLK_SLOT_WHOLE)
		return false;
	for (i = 0; i < hwq->slots.nr && !busy; i++)
		busy = timeout_in_flight(rq, &hwq->slots.slot[i]);
	return timeout_parts_advance(hwq, rq, busy) || timeout_is_delayed(hwq, rq);
}

/* Return: the step to take, an ASBLK_ESCALATE_*, or -1 if the request advances. */
static int timeout_step(struct asblk_hwq *hwq, struct request *rq)
{
	struct asblk_slot *own = &hwq->slots.slot[rq->tag];
	int step = -1;

	spin_lock_irq(&hwq->lock);
	if (timeout_advances(hwq, rq)) {
		own->escalation = ASBLK_ESCALATE_ABORT;
	} else if (own->escalation & ASBLK_ESCALATE_FRESH) {
		/* The device has had its transfers for less than a timeout. */
		own->escalation &= ~ASBLK_ESCALATE_FRESH;
	} else {
		step = own->escalation & ASBLK_ESCALATE_STEP;
		if (step < ASBLK_ESCALATE_CTRL)
			own->escalation++;
	}
	spin_unlock_irq(&hwq->lock);
	return step;
}

/* Collect the IDs of the request's transfers from slot @at on, and move that on. */
static unsigned int timeout_to_abort(struct asblk_hwq *hwq, struct request *rq,
				     unsigned int *at, u16 id[TIMEOUT_ABORTS])
{
	unsigned int nr = 0;

	spin_lock_irq(&hwq->lock);
	for (; *at < hwq->slots.nr && nr < TIMEOUT_ABORTS; (*at)++) {
		struct asblk_slot *slot = &hwq->slots.slot[*at];

		if (!timeout_in_flight(rq, slot))
			continue;
		slot->aborted = true;
		id[nr++] = slot->id;
	}
	spin_unlock_irq(&hwq->lock);
	return nr;
}

/*
 * Abort each of a request's transfers once, as far as the device accepts that: one that
 * completes meanwhile may be in flight again under another ID. Return: true if the
 * device accepted any, or is still busy with others: the request gets another timeout.
 */
static bool timeout_abort(struct asblk_hwq *hwq, struct request *rq)
{
	u16 id[TIMEOUT_ABORTS];
	unsigned int i, nr, at = 0, asked = 0;
	int err = 0;

	if (!hwq->ops->abort)
		return false;
	do {
		nr = timeout_to_abort(hwq, rq, &at, id);
		for (i = 0; i < nr && err != -EBUSY; i++) {
			err = hwq->ops->abort(&hwq->pub, id[i]);
			asked += !err;
		}
	} while (nr && !err);
	if (!asked)
		return err == -EBUSY;
	spin_lock_irq(&hwq->lock);
	hwq->count.aborts += asked;
	spin_unlock_irq(&hwq->lock);
	dev_warn_ratelimited(&hwq->pub.ctrl->dev,
			     "%s: request %d timed out, %u of its transfers aborted\n",
			     hwq->name, rq->tag, asked);
	return true;
}

/* The reset that follows costs the request a retry. */
static void timeout_blame(struct asblk_hwq *hwq, struct request *rq)
{
	struct asblk_slot *own = &hwq->slots.slot[rq->tag];
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);

	spin_lock_irq(&hwq->lock);
	own->escalation |= ASBLK_ESCALATE_BLAMED;
	ar->timed_out_at = (u32)jiffies;
	if ((own->escalation & ASBLK_ESCALATE_STEP) == ASBLK_ESCALATE_QUEUE)
		own->escalation++;
	spin_unlock_irq(&hwq->lock);
}

/* A command's own limit may be shorter than what a device deserves before it is reset. */
static bool timeout_extend(struct request *rq)
{
	if (!blk_rq_is_passthrough(rq) || rq->timeout >= rq->q->rq_timeout)
		return false;
	rq->timeout = rq->q->rq_timeout;
	return true;
}

static void timeout_escalate(struct asblk_hwq *hwq, struct request *rq)
{
	struct asblk_ctrl *ctrl = hwq->pub.ctrl;
	int step = timeout_step(hwq, rq);
	bool aborted = step == ASBLK_ESCALATE_ABORT && timeout_abort(hwq, rq);

	lockdep_assert_held(&ctrl->ops_lock);
	if (step < 0 || timeout_extend(rq) || aborted)
		return;
	timeout_blame(hwq, rq);
	dev_warn_ratelimited(&ctrl->dev, "%s: request %d timed out\n", hwq->name, rq->tag);
	asblk_recovery_schedule(hwq, max(step, ASBLK_ESCALATE_QUEUE));
}

/*
 * A request has timed out. Context: task; may race with its completion. Return: true if it
 * is no longer in flight.
 */
bool asblk_timed_out(struct asblk_hwq *hwq, struct request *rq)
{
	struct asblk_ctrl *ctrl = hwq->pub.ctrl;

	if (rq->timeout == ASBLK_NO_TIMEOUT)
		return false;
	if (asblk_hwq_lost_interrupt(hwq, rq)) {
		dev_warn_ratelimited(&ctrl->dev, "%s: interrupt lost, request %d had completed\n",
				     hwq->name, rq->tag);
		return true;
	}
	if (blk_mq_rq_state(rq) != MQ_RQ_IN_FLIGHT)
		return true;
	if (blk_rq_is_passthrough(rq) && asblk_command_withdraw(hwq, rq))
		return true;
	/* Recovery holds it, or a short command: the next timeout looks again. */
	if (!mutex_trylock(&ctrl->ops_lock))
		return false;
	if (ctrl->state == ASBLK_CTRL_LIVE)
		timeout_escalate(hwq, rq);
	mutex_unlock(&ctrl->ops_lock);
	return false;
}
EXPORT_SYMBOL_IF_KUNIT(asblk_timed_out);
