/* SPDX-License-Identifier: GPL-2.0-only */
/* What the two halves of the engine, submit.c and complete.c, share. */
#ifndef _ASBLK_REQUEST_H
#define _ASBLK_REQUEST_H

#include <linux/dma-mapping.h>

#include <trace/events/asblk.h>

#include "core.h"

/*
 * A request has failed, as its asblk_rq says, and nothing of it is in flight. From here
 * on, as in engine_finish_good(), it is complete for the block layer: a timeout finds
 * that out, and queue/rq_affinity may have it end on another CPU.
 */
static inline void engine_finish_bad(struct asblk_batch *batch, struct request *rq)
{
	batch->hwq->count.errors++;
	if (!blk_mq_complete_request_remote(rq))
		rq_list_add_tail(&batch->single, rq);
}

static inline void engine_finish_good(struct asblk_batch *batch, struct request *rq)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);

	ar->status = BLK_STS_OK;
	if (blk_mq_complete_request_remote(rq) ||
	    likely(blk_mq_add_to_batch(rq, batch->iob, false,
				       unlikely(batch->hwq->must_map) ? asblk_engine_end_mapped :
								  blk_mq_end_request_batch)))
		return;
	rq_list_add_tail(&batch->single, rq);
}

/* Note a failure; the lowest offset wins. */
static inline void engine_bad(struct asblk_rq *ar, u32 offset, blk_status_t status)
{
	if (offset >= ar->bad)
		return;
	ar->bad = offset;
	ar->status = status;
}

/* The slot of its own tag is what a request that waits for slots gets before others. */
static inline void engine_wants_slot(struct asblk_hwq *hwq, struct asblk_slot *slot,
				     struct request *rq, struct asblk_rq *ar)
{
	if (list_empty(&ar->pending) || !ar->starved || slot - hwq->slots.slot != rq->tag)
		return;
	ar->starved = false;
	list_move_tail(&ar->pending, &hwq->pending);
}

/* A part has ended for good; with it perhaps its request. */
static inline void engine_part_done(struct asblk_batch *batch, struct asblk_slot *slot)
{
	struct request *rq = slot->rq;
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);

	asblk_slot_give(&batch->hwq->slots, slot);
	ar->ended++;
	if (--ar->parts) {
		engine_wants_slot(batch->hwq, slot, rq, ar);
	} else if (ar->bad != ASBLK_NO_BAD) {
		list_del_init(&ar->pending);
		engine_finish_bad(batch, rq);
	} else if (ar->issued == blk_rq_bytes(rq)) {
		engine_finish_good(batch, rq);
	} else {
		engine_wants_slot(batch->hwq, slot, rq, ar);
	}
}

/* A request that was one transfer turns into one with a part in @slot. */
static inline void engine_become_parts(struct asblk_slot *slot,
				       struct request *rq)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);

	INIT_LIST_HEAD(&ar->pending);
	ar->issued = slot->bytes;
	ar->bad = ASBLK_NO_BAD;
	ar->parts = 1;
	ar->ended = 0;
	ar->ended_seen = 0;
	ar->queue_seen = U64_MAX;
	ar->status = BLK_STS_OK;
	slot->whole = false;
}

/* Have a transfer offered again, after those that wait already. */
static inline void engine_retry(struct asblk_hwq *hwq, struct asblk_slot *slot)
{
	u16 index = slot - hwq->slots.slot;

	hwq->held |= ASBLK_HELD_RETRY;
	hwq->waiting = true;
	if (hwq->retry == ASBLK_SLOT_NONE)
		hwq->retry = index;
	else
		hwq->slots.slot[hwq->retry_tail].next = index;
	hwq->retry_tail = index;
	slot->next = ASBLK_SLOT_NONE;
}

/* The same, but not before @delay jiffies are over; others go first meanwhile. */
static inline void engine_retry_after(struct asblk_hwq *hwq, struct asblk_slot *slot,
				      unsigned long delay)
{
	u32 due = (u32)jiffies + delay;

	if (hwq->later == ASBLK_SLOT_NONE || (s32)(due - hwq->later_due) < 0) {
		hwq->later_due = due;
		kblockd_mod_delayed_work_on(WORK_CPU_UNBOUND, &hwq->later_work, delay);
	}
	slot->due = due;
	slot->next = hwq->later;
	hwq->later = slot - hwq->slots.slot;
	hwq->waiting = true;
}

#endif /* _ASBLK_REQUEST_H */
