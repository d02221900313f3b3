/* SPDX-License-Identifier: GPL-2.0-only */
/* What the two halves of the engine, engine.c and complete.c, share. */
#ifndef _ASBLK_ENGINE_H
#define _ASBLK_ENGINE_H

#include <linux/dma-mapping.h>

#include <trace/events/asblk.h>

#include "core.h"

/* An operation of the block layer as a number, to compare and to index by. */
#define op_number(op)	((__force unsigned int)(op))

/* A request has failed, as its asblk_rq says, and nothing of it is in flight. */
static inline void engine_finish_bad(struct asblk_visit *v, struct request *rq)
{
	v->q->count.errors++;
	rq_list_add_tail(&v->single, rq);
}

static inline void engine_finish_good(struct asblk_visit *v, struct request *rq)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);

	if (likely(blk_mq_add_to_batch(rq, v->iob, false, blk_mq_end_request_batch)))
		return;
	ar->bad = ASBLK_NO_BAD;
	ar->status = BLK_STS_OK;
	rq_list_add_tail(&v->single, rq);
}

/* Note a failure; the lowest offset wins. */
static inline void engine_bad(struct asblk_rq *ar, u32 offset, blk_status_t status)
{
	if (offset >= ar->bad)
		return;
	ar->bad = offset;
	ar->status = status;
}

void engine_unmap(struct asblk_equeue *q, struct asblk_slot *slot);

/* The device has let go of a transfer's memory. */
static inline void engine_landed(struct asblk_equeue *q, struct asblk_slot *slot)
{
	if (unlikely(slot->nr_mapped))
		engine_unmap(q, slot);
}

/* A part has ended for good; with it perhaps its request. */
static inline void engine_part_done(struct asblk_visit *v, struct asblk_slot *slot)
{
	struct request *rq = slot->rq;
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);

	asblk_slot_give(&v->q->slots, slot);
	if (--ar->parts)
		return;
	if (ar->bad != ASBLK_NO_BAD) {
		list_del_init(&ar->pending);
		engine_finish_bad(v, rq);
	} else if (ar->issued == blk_rq_bytes(rq)) {
		engine_finish_good(v, rq);
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
	ar->status = BLK_STS_OK;
	slot->whole = false;
}

/* Have a transfer offered again, after those that wait already. */
static inline void engine_retry_later(struct asblk_equeue *q,
				      struct asblk_slot *slot)
{
	u16 index = slot - q->slots.slot;

	q->held |= ASBLK_HELD_RETRY;
	if (q->retry == ASBLK_SLOT_NONE)
		q->retry = index;
	else
		q->slots.slot[q->retry_tail].next = index;
	q->retry_tail = index;
	slot->next = ASBLK_SLOT_NONE;
}

#endif /* _ASBLK_ENGINE_H */
