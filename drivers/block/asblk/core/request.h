/* SPDX-License-Identifier: GPL-2.0-only */
/* A request in the engine, and the account of its parts. */
#ifndef _ASBLK_REQUEST_H
#define _ASBLK_REQUEST_H

#include <linux/asblk.h>
#include <linux/blk-mq.h>

#include "dma.h"
#include "queue.h"
#include "slots.h"

/**
 * struct asblk_unit - a medium as the data path knows it
 * @id: &asblk_media_params.unit
 * @nr_sectors: capacity in sectors of 512 bytes, 0 while there is no medium.
 *	Written with the queue frozen.
 * @block_shift: log2 of the logical block size
 * @zeroes_unmap: write zeroes may unmap
 */
struct asblk_unit {
	u32 id;
	u8 block_shift;
	bool zeroes_unmap;
	sector_t nr_sectors;
};

/**
 * struct asblk_rq - the engine's part of a struct request
 * @next: first byte without a part
 * @command: what the request carries instead, if it is for a command
 * @pending: on &asblk_hwq.pending or &asblk_hwq.starved
 * @queue_seen: &asblk_counters.completions at the last timeout
 * @issued: bytes that parts have been made for
 * @bad: offset of the lowest byte known to have failed, ASBLK_NO_BAD if none
 * @parts: parts in flight, or waiting to be retried
 * @ended: parts that have ended for good, modulo 65536
 * @timed_out_at: when it last timed out and was to be charged for a reset, in jiffies
 * @ended_seen: @ended at the last timeout
 * @starved: @pending is on &asblk_hwq.starved, if it is on a list
 * @status: status at @bad
 * @map: its memory as the device sees it. There is room for it only if &asblk_dma.must_map
 *
 * A request that is one transfer uses @status alone, and what mapping needs.
 * Protected by &asblk_hwq.lock until the request is handed back.
 */
struct asblk_rq {
	union {
		struct asblk_cursor next;
		struct asblk_command *command;
	};
	struct list_head pending;
	u64 queue_seen;
	u32 issued;
	u32 bad;
	u32 timed_out_at;
	u16 parts;
	u16 ended;
	u16 ended_seen;
	bool starved;
	blk_status_t status;
	struct asblk_mapping map;
};

/* What &blk_mq_tag_set.cmd_size leaves out is at the end. */
static_assert(offsetofend(struct asblk_rq, map) == sizeof(struct asblk_rq));

static inline size_t asblk_rq_size(bool must_map)
{
	return must_map ? sizeof(struct asblk_rq) : offsetof(struct asblk_rq, map);
}

/* Room for a command, if the controller knows any, is behind it. */
static_assert(offsetof(struct asblk_rq, map) % __alignof__(struct asblk_command) == 0 &&
	      sizeof(struct asblk_rq) % __alignof__(struct asblk_command) == 0);

static inline struct asblk_command *asblk_rq_own_command(const struct asblk_hwq *hwq,
							 struct request *rq)
{
	return blk_mq_rq_to_pdu(rq) + asblk_rq_size(hwq->must_map);
}

#define ASBLK_NO_BAD	U32_MAX

/* An operation of the block layer as a number, to compare and to index with. */
#define op_number(op)	((__force unsigned int)(op))

/* Operations with data are below a flush, those with ranges above it. */
static_assert(op_number(REQ_OP_READ) < op_number(REQ_OP_WRITE) &&
	      op_number(REQ_OP_WRITE) < op_number(REQ_OP_FLUSH) &&
	      op_number(REQ_OP_FLUSH) < op_number(REQ_OP_DISCARD) &&
	      op_number(REQ_OP_FLUSH) < op_number(REQ_OP_SECURE_ERASE) &&
	      op_number(REQ_OP_FLUSH) < op_number(REQ_OP_WRITE_ZEROES));

static inline bool asblk_rq_has_ranges(const struct request *rq)
{
	return op_number(req_op(rq)) > op_number(REQ_OP_FLUSH);
}

void asblk_rq_end(struct request *rq);
void asblk_rq_end_mapped(struct io_comp_batch *iob);

/*
 * A request has failed and nothing of it is in flight. From here on, as in
 * asblk_rq_finish_good(), it is complete for the block layer: a timeout sees that, and
 * queue/rq_affinity may move its end to another CPU.
 */
static inline void asblk_rq_finish_bad(struct asblk_batch *batch, struct request *rq)
{
	lockdep_assert_held(&batch->hwq->lock);
	batch->hwq->count.errors++;
	if (!blk_mq_complete_request_remote(rq))
		rq_list_add_tail(&batch->single, rq);
}

static inline void asblk_rq_finish_good(struct asblk_batch *batch, struct request *rq)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);

	lockdep_assert_held(&batch->hwq->lock);
	ar->status = BLK_STS_OK;
	if (blk_mq_complete_request_remote(rq) ||
	    likely(blk_mq_add_to_batch(rq, batch->iob, false,
				       unlikely(batch->hwq->must_map) ? asblk_rq_end_mapped :
								  blk_mq_end_request_batch)))
		return;
	rq_list_add_tail(&batch->single, rq);
}

/* Note a failure; the lowest offset wins. */
static inline void asblk_rq_note_failure(struct asblk_rq *ar, u32 offset, blk_status_t status)
{
	if (offset >= ar->bad)
		return;
	ar->bad = offset;
	ar->status = status;
}

/* A request that waits for slots is first to get the one of its own tag. */
static inline void asblk_rq_wants_slot(struct asblk_hwq *hwq, struct asblk_slot *slot,
				       struct request *rq, struct asblk_rq *ar)
{
	if (list_empty(&ar->pending) || !ar->starved || slot - hwq->slots.slot != rq->tag)
		return;
	ar->starved = false;
	list_move_tail(&ar->pending, &hwq->pending);
}

/* A part has ended and is not retried; with it perhaps its request. */
static inline void asblk_rq_part_done(struct asblk_batch *batch, struct asblk_slot *slot)
{
	struct request *rq = slot->rq;
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);

	lockdep_assert_held(&batch->hwq->lock);
	asblk_slot_give(&batch->hwq->slots, slot);
	ar->ended++;
	if (--ar->parts) {
		asblk_rq_wants_slot(batch->hwq, slot, rq, ar);
	} else if (ar->bad != ASBLK_NO_BAD) {
		list_del_init(&ar->pending);
		asblk_rq_finish_bad(batch, rq);
	} else if (ar->issued == blk_rq_bytes(rq)) {
		asblk_rq_finish_good(batch, rq);
	} else {
		asblk_rq_wants_slot(batch->hwq, slot, rq, ar);
	}
}

/* Of @issued bytes @parts parts have been made. */
static inline void asblk_rq_init_parts(struct asblk_rq *ar, u32 issued, u16 parts)
{
	INIT_LIST_HEAD(&ar->pending);
	ar->issued = issued;
	ar->bad = ASBLK_NO_BAD;
	ar->parts = parts;
	ar->ended = 0;
	ar->ended_seen = 0;
	ar->queue_seen = U64_MAX;
	ar->status = BLK_STS_OK;
}

/* Account for the only transfer of a request, in @slot, as for a part. */
static inline void asblk_rq_become_parts(struct asblk_slot *slot, struct request *rq)
{
	asblk_rq_init_parts(blk_mq_rq_to_pdu(rq), slot->bytes, 1);
	slot->kind = ASBLK_SLOT_PART;
}

static inline struct asblk_command *asblk_rq_command(struct request *rq)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);

	return ar->command;
}

/* Retry a transfer after those that wait already. */
static inline void asblk_hwq_retry(struct asblk_hwq *hwq, struct asblk_slot *slot)
{
	u16 index = slot - hwq->slots.slot;

	lockdep_assert_held(&hwq->lock);
	hwq->held |= ASBLK_HELD_RETRY;
	hwq->waiting = true;
	if (hwq->retry == ASBLK_SLOT_NONE)
		hwq->retry = index;
	else
		hwq->slots.slot[hwq->retry_tail].next = index;
	hwq->retry_tail = index;
	slot->next = ASBLK_SLOT_NONE;
}

/* Retry a transfer after @delay jiffies; others overtake it. */
static inline void asblk_hwq_retry_after(struct asblk_hwq *hwq, struct asblk_slot *slot,
					 unsigned long delay)
{
	u32 due = (u32)jiffies + delay;

	lockdep_assert_held(&hwq->lock);
	if (hwq->delayed == ASBLK_SLOT_NONE || (s32)(due - hwq->delayed_due) < 0) {
		hwq->delayed_due = due;
		kblockd_mod_delayed_work_on(WORK_CPU_UNBOUND, &hwq->due_work, delay);
	}
	slot->due = due;
	slot->next = hwq->delayed;
	hwq->delayed = slot - hwq->slots.slot;
	hwq->waiting = true;
}

#endif /* _ASBLK_REQUEST_H */
