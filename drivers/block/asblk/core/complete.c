// SPDX-License-Identifier: GPL-2.0-only
/*
 * Completion: finished transfers become a finished request, during a batch on their
 * queue (queue.c). After a reset unfinished ones are requeued or fail.
 */
#include <linux/bio.h>
#include <linux/bitfield.h>
#include <linux/export.h>

#include <trace/events/asblk.h>

#include "complete.h"
#include "request.h"

/* The device has answered: note what. */
static noinline void complete_command(struct asblk_hwq *hwq, struct asblk_slot *slot)
{
	struct asblk_command *command = asblk_rq_command(slot->rq);

	hwq->ops->answer(&hwq->pub, command, asblk_hwq_priv(hwq, slot - hwq->slots.slot));
	command->answered = true;
}

/* How often a transfer may be retried. */
static unsigned int max_retries(const struct asblk_hwq *hwq, const struct asblk_slot *slot)
{
	return slot->kind == ASBLK_SLOT_COMMAND ? asblk_rq_command(slot->rq)->max_retries :
						  READ_ONCE(hwq->max_retries);
}

/**
 * asblk_complete - complete a transfer without an error
 * @batch: as passed to &asblk_ctrl_ops.reap
 * @id: ID of the transfer; an unknown one is counted and ignored
 *
 * Context: &asblk_ctrl_ops.reap only.
 * Return: false if @id names no transfer in flight.
 */
bool asblk_complete(struct asblk_batch *batch, u16 id)
{
	struct asblk_hwq *hwq = batch->hwq;
	struct asblk_slot *slot = asblk_slot_find(&hwq->slots, id);
	struct request *rq;

	lockdep_assert_held(&hwq->lock);
	if (unlikely(!slot)) {
		hwq->count.unknown_ids++;
		return false;
	}
	/* The kernel's fault injection: the completion is lost. */
	if (unlikely(blk_should_fake_timeout(slot->rq->q)))
		return true;
	batch->nr++;
	trace_asblk_complete(&hwq->pub, id, slot->rq, BLK_STS_OK, slot->bytes);
	if (likely(slot->kind == ASBLK_SLOT_WHOLE)) {
		rq = slot->rq;
		asblk_slot_give_tag(&hwq->slots, slot);
		asblk_rq_finish_good(batch, rq);
		return true;
	}
	if (unlikely(slot->kind == ASBLK_SLOT_COMMAND))
		complete_command(hwq, slot);
	asblk_rq_part_done(batch, slot);
	return true;
}
ASBLK_EXPORT(asblk_complete);

static bool complete_may_retry(struct asblk_hwq *hwq, const struct asblk_slot *slot,
			       unsigned int flags)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(slot->rq);

	if (ar->bad != ASBLK_NO_BAD || blk_noretry_request(slot->rq))
		return false;
	if ((flags & ASBLK_REQUEUE) && slot->kind != ASBLK_SLOT_COMMAND)
		return true;
	return (flags & (ASBLK_REQUEUE | ASBLK_MAY_RETRY)) &&
	       slot->retries < max_retries(hwq, slot);
}

/* Jiffies, at least one. */
static unsigned long complete_delay(unsigned int flags)
{
	return msecs_to_jiffies(FIELD_GET(ASBLK_RETRY_DELAY, flags)) ?: 1;
}

/**
 * asblk_complete_error - complete a transfer that failed or was short
 * @batch: as passed to &asblk_ctrl_ops.reap
 * @id: ID of the transfer; an unknown one is counted and ignored
 * @status: error; %BLK_STS_OK with too few @good_bytes of a read or write counts as
 *	%BLK_STS_IOERR
 * @good_bytes: bytes from the front that were transferred; 0 for an operation without
 *	data
 * @flags: 0, or %ASBLK_MAY_RETRY or %ASBLK_REQUEUE, and with these
 *	ASBLK_RETRY_AFTER()
 *
 * A command that ends with an error is answered all the same: @status is what its request
 * ends with.
 *
 * Context: &asblk_ctrl_ops.reap only.
 * Return: false if @id names no transfer in flight.
 */
bool asblk_complete_error(struct asblk_batch *batch, u16 id, blk_status_t status,
			  u32 good_bytes, unsigned int flags)
{
	struct asblk_hwq *hwq = batch->hwq;
	struct asblk_slot *slot = asblk_slot_find(&hwq->slots, id);
	struct asblk_rq *ar;

	lockdep_assert_held(&hwq->lock);
	if (unlikely(!slot)) {
		hwq->count.unknown_ids++;
		return false;
	}
	if (unlikely(blk_should_fake_timeout(slot->rq->q)))
		return true;
	if (status == BLK_STS_OK) {
		/* Only reads and writes can be short. */
		if (good_bytes >= slot->bytes ||
		    op_number(req_op(slot->rq)) > op_number(REQ_OP_WRITE))
			return asblk_complete(batch, id);
		status = BLK_STS_IOERR;
	}
	batch->nr++;
	trace_asblk_complete(&hwq->pub, id, slot->rq, status, good_bytes);
	ar = blk_mq_rq_to_pdu(slot->rq);
	if (slot->kind == ASBLK_SLOT_WHOLE)
		asblk_rq_become_parts(slot, slot->rq);
	if (slot->kind == ASBLK_SLOT_COMMAND) {
		complete_command(hwq, slot);
		good_bytes = 0;
	}
	if (complete_may_retry(hwq, slot, flags)) {
		slot->retries += !(flags & ASBLK_REQUEUE) || slot->kind == ASBLK_SLOT_COMMAND;
		hwq->count.retries++;
		asblk_slot_retire(&hwq->slots, slot);
		if (flags & ASBLK_RETRY_DELAY)
			asblk_hwq_retry_after(hwq, slot, complete_delay(flags));
		else
			asblk_hwq_retry(hwq, slot);
		return true;
	}
	/* Within the transfer, even if all of its bytes are good: it did fail. */
	asblk_rq_note_failure(ar, slot->offset + min(good_bytes, slot->bytes ?
					  slot->bytes - 1 : 0), status);
	asblk_rq_part_done(batch, slot);
	return true;
}
ASBLK_EXPORT(asblk_complete_error);

/* @charged: at the cost of a retry. */
static bool requeue_allowed(const struct asblk_hwq *hwq, const struct asblk_slot *slot,
			    enum asblk_blame blame, bool charged)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(slot->rq);

	if (ar->bad != ASBLK_NO_BAD)
		return false;
	if (blame != ASBLK_BLAME_NOBODY && blk_noretry_request(slot->rq))
		return false;
	return !charged || slot->retries < max_retries(hwq, slot);
}

/*
 * Is most of a timeout left? That of a request that timed out was restarted then, but the
 * reset may have taken long.
 */
static bool requeue_has_time(struct request *rq, u8 escalation)
{
	const struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);

	return escalation & ASBLK_ESCALATE_BLAMED &&
	       (u32)jiffies - ar->timed_out_at < rq->timeout / 2;
}

static void requeue(struct asblk_batch *batch, struct asblk_slot *slot,
		    enum asblk_blame blame)
{
	struct asblk_hwq *hwq = batch->hwq;
	struct asblk_slot *own = &hwq->slots.slot[slot->rq->tag];
	/* What a device may do twice is for the sender of a command to say. */
	bool charged = blame == ASBLK_BLAME_ALL || slot->kind == ASBLK_SLOT_COMMAND ||
		       (blame == ASBLK_BLAME_TIMED_OUT && own->escalation & ASBLK_ESCALATE_BLAMED);

	if (slot->kind == ASBLK_SLOT_WHOLE)
		asblk_rq_become_parts(slot, slot->rq);
	if (!requeue_allowed(hwq, slot, blame, charged)) {
		asblk_rq_note_failure(blk_mq_rq_to_pdu(slot->rq), slot->offset, BLK_STS_TIMEOUT);
		asblk_rq_part_done(batch, slot);
		return;
	}
	if (!requeue_has_time(slot->rq, own->escalation))
		own->escalation |= ASBLK_ESCALATE_FRESH;
	slot->retries += charged;
	hwq->count.retries++;
	asblk_slot_retire(&hwq->slots, slot);
	asblk_hwq_retry(hwq, slot);
}

/*
 * A reset has made the device forget a queue's transfers: requeue them, except those with
 * REQ_FAILFAST_* and those of requests that have already failed. Their IDs are retired.
 * Context: queue stopped, no controller operation running. Return: how many were in flight.
 */
unsigned int asblk_requeue_all(struct asblk_batch *batch, enum asblk_blame blame)
{
	struct asblk_hwq *hwq = batch->hwq;
	unsigned int i, nr = 0;

	lockdep_assert_held(&hwq->lock);
	for (i = 0; i < hwq->slots.nr; i++) {
		if (!hwq->slots.slot[i].in_flight)
			continue;
		nr++;
		requeue(batch, &hwq->slots.slot[i], blame);
	}
	for (i = 0; i < hwq->slots.nr_tags; i++)
		hwq->slots.slot[i].escalation &= ~ASBLK_ESCALATE_BLAMED;
	hwq->count.requeued += nr;
	return nr;
}

static void fail_requests(struct asblk_batch *batch, struct list_head *list,
			  blk_status_t status)
{
	struct asblk_rq *ar, *tmp;

	/* Nothing of them is in flight: no completion would end them. */
	list_for_each_entry_safe(ar, tmp, list, pending) {
		asblk_rq_note_failure(ar, ar->issued, status);
		list_del_init(&ar->pending);
		asblk_rq_finish_bad(batch, blk_mq_rq_from_pdu(ar));
	}
}

/*
 * Fail everything that a queue holds. Context: as asblk_requeue_all(); nothing is submitted
 * any more. Return: how many were in flight.
 */
unsigned int asblk_fail_all(struct asblk_batch *batch, blk_status_t status)
{
	struct asblk_hwq *hwq = batch->hwq;
	unsigned int i, nr = 0;

	lockdep_assert_held(&hwq->lock);
	for (i = 0; i < hwq->slots.nr; i++) {
		struct asblk_slot *slot = &hwq->slots.slot[i];

		if (!slot->rq)
			continue;
		nr += slot->in_flight;
		if (slot->kind == ASBLK_SLOT_WHOLE)
			asblk_rq_become_parts(slot, slot->rq);
		asblk_rq_note_failure(blk_mq_rq_to_pdu(slot->rq), slot->offset, status);
		asblk_rq_part_done(batch, slot);
	}
	hwq->count.requeued += nr;
	hwq->retry = ASBLK_SLOT_NONE;
	hwq->delayed = ASBLK_SLOT_NONE;
	fail_requests(batch, &hwq->pending, status);
	fail_requests(batch, &hwq->starved, status);
	hwq->waiting = false;
	return nr;
}
