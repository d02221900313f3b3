// SPDX-License-Identifier: GPL-2.0-only
/*
 * Submission: a request becomes transfers, during a batch on its queue (queue.c).
 * complete.c is the way back.
 */
#include <linux/bio.h>
#include <linux/pm_runtime.h>

#include <trace/events/asblk.h>

#include "request.h"
#include "split.h"
#include "submit.h"

/* How long a busy controller is left alone if no completion comes first. */
#define ASBLK_KICK_DELAY	msecs_to_jiffies(3)

static inline u8 engine_opts(const struct request *rq)
{
	u8 opts = 0;

	if (likely(!(rq->cmd_flags & (REQ_FUA | REQ_ATOMIC | REQ_META |
				      REQ_PRIO | REQ_RAHEAD | REQ_NOUNMAP))))
		return 0;
	if (rq->cmd_flags & REQ_FUA)
		opts |= ASBLK_OPT_FUA;
	if (rq->cmd_flags & REQ_ATOMIC)
		opts |= ASBLK_OPT_ATOMIC;
	if (rq->cmd_flags & REQ_META)
		opts |= ASBLK_OPT_META;
	if (rq->cmd_flags & REQ_PRIO)
		opts |= ASBLK_OPT_PRIO;
	if (rq->cmd_flags & REQ_RAHEAD)
		opts |= ASBLK_OPT_RAHEAD;
	/* A flag of write zeroes only; elsewhere its bit means nothing. */
	if (req_op(rq) == REQ_OP_WRITE_ZEROES && (rq->cmd_flags & REQ_NOUNMAP))
		opts |= ASBLK_OPT_NOUNMAP;
	return opts;
}

static const u8 engine_ops[] = {
	[REQ_OP_READ]		= ASBLK_OP_READ,
	[REQ_OP_WRITE]		= ASBLK_OP_WRITE,
	[REQ_OP_FLUSH]		= ASBLK_OP_FLUSH,
	[REQ_OP_DISCARD]	= ASBLK_OP_UNMAP,
	[REQ_OP_SECURE_ERASE]	= ASBLK_OP_SECURE_ERASE,
	[REQ_OP_WRITE_ZEROES]	= ASBLK_OP_WRITE_ZEROES,
};

static inline bool engine_knows(enum req_op op)
{
	/* 0 is a read: the gaps of the table must not pass for one. */
	return op == REQ_OP_READ ||
	       (op_number(op) < ARRAY_SIZE(engine_ops) &&
		engine_ops[op_number(op)]);
}

/* What the transfers of a request that was accepted do. */
u8 asblk_engine_op(const struct request *rq)
{
	return engine_ops[op_number(req_op(rq))];
}

static inline struct asblk_transfer *engine_prepare(struct asblk_hwq *hwq,
						    struct asblk_slot *slot,
						    unsigned int index,
						    struct request *rq)
{
	const struct asblk_unit *unit = rq->q->queuedata;
	struct asblk_transfer *t = &hwq->transfer;

	t->id = slot->id;
	t->slot = index;
	t->op = engine_ops[op_number(req_op(rq))];
	t->opts = engine_opts(rq);
	t->ioprio = req_get_ioprio(rq);
	t->nr_segments = 0;
	t->nr_ranges = 0;
	t->unit = unit->id;
	t->priv = hwq->priv_area + index * hwq->priv_size;
	t->block_shift = unit->block_shift;
	return t;
}

/* A medium whose write zeroes cannot unmap is not asked to. */
static void engine_keep_provisioned(const struct request *rq,
				    struct asblk_transfer *t)
{
	const struct asblk_unit *unit = rq->q->queuedata;

	if (t->op == ASBLK_OP_WRITE_ZEROES && !unit->zeroes_unmap)
		t->opts |= ASBLK_OPT_NOUNMAP;
}

/* Where the memory of a request begins, as far as transfers are concerned. */
static struct asblk_cursor engine_memory(const struct asblk_hwq *hwq, struct request *rq)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);
	struct asblk_cursor at = { .bio = rq->bio, .iter = rq->bio->bi_iter };

	if (unlikely(hwq->must_map && ar->map.nr_segs))
		at.seg = ar->map.segs;
	return at;
}

/*
 * Turn a transfer's addresses into the device's. Where memory has to be mapped the request
 * was: the splitter has given parts their addresses, and a request in one segment gets its
 * own here. Elsewhere this is arithmetic that needs no undoing.
 * Return: false if the device does not reach the memory, and never will.
 */
static noinline bool engine_address(struct asblk_hwq *hwq, struct asblk_slot *slot,
				    struct request *rq, struct asblk_transfer *t)
{
	struct asblk_segment *seg = t->segs, *end = seg + t->nr_segments;
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);

	if (hwq->must_map) {
		if (slot->whole && t->nr_segments)
			seg->addr = ar->map.segs->addr;
		return true;
	}
	for (; seg < end; seg++) {
		seg->addr = asblk_dma_map_phys(hwq->dma_dev, seg->addr, seg->len,
					       rq_dma_dir(rq));
		if (unlikely(dma_mapping_error(hwq->dma_dev, seg->addr)))
			return false;
	}
	return true;
}

/* Nothing may be in flight that would bring us back to what has to wait. */
static noinline void engine_busy(struct asblk_hwq *hwq)
{
	hwq->count.busy++;
	hwq->held |= ASBLK_HELD_RETRY;
	kblockd_mod_delayed_work_on(WORK_CPU_UNBOUND, &hwq->kick,
				    ASBLK_KICK_DELAY);
}

/* Offer a prepared transfer to the controller. */
static inline blk_status_t engine_submit(struct asblk_hwq *hwq,
					 struct asblk_slot *slot,
					 struct request *rq,
					 struct asblk_transfer *t)
{
	blk_status_t status;

	slot->rq = rq;
	if (unlikely(hwq->dma_dev) && !engine_address(hwq, slot, rq, t))
		return BLK_STS_IOERR;
	slot->in_flight = true;
	trace_asblk_transfer(&hwq->pub, t, rq, slot->offset);
	status = hwq->ops->submit(&hwq->pub, t);
	if (likely(status == BLK_STS_OK)) {
		hwq->doorbell_due = true;
		hwq->count.transfers++;
		return status;
	}
	slot->in_flight = false;
	if (status == BLK_STS_RESOURCE)
		engine_busy(hwq);
	return status;
}

/*
 * An atomic write is a bio, which always fits; merging may have put several into
 * the request. Return: bytes of a part of whole bios, 0 if there is none.
 */
static u32 engine_split_atomic(struct asblk_transfer *t,
			       struct asblk_cursor *at, u32 fits)
{
	const struct bio *bio;
	u32 bytes = 0;

	for (bio = at->bio; bio && bytes + bio->bi_iter.bi_size <= fits;
	     bio = bio->bi_next)
		bytes += bio->bi_iter.bi_size;
	return bytes ? asblk_split(t, at, bytes) : 0;
}

/**
 * enum engine_issued - what became of the next part of a request
 * @ENGINE_ISSUED: the controller has it, or the request has failed
 * @ENGINE_NO_SLOT: there is no slot for it
 * @ENGINE_BUSY: the controller is busy
 */
enum engine_issued {
	ENGINE_ISSUED,
	ENGINE_NO_SLOT,
	ENGINE_BUSY,
};

static enum engine_issued engine_issue_part(struct asblk_batch *batch, struct request *rq)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);
	struct asblk_hwq *hwq = batch->hwq;
	struct asblk_slot *slot = asblk_slot_take(&hwq->slots, rq->tag);
	struct asblk_cursor end = ar->next;
	struct asblk_transfer *t;
	blk_status_t status;
	u32 left = blk_rq_bytes(rq) - ar->issued;

	if (!slot)
		return ENGINE_NO_SLOT;
	t = engine_prepare(hwq, slot, slot - hwq->slots.slot, rq);
	slot->offset = ar->issued;
	slot->retries = 0;
	slot->whole = false;
	slot->aborted = false;
	engine_keep_provisioned(rq, t);
	slot->bytes = asblk_split(t, &end, left);
	if (unlikely(slot->bytes < left && (rq->cmd_flags & REQ_ATOMIC))) {
		end = ar->next;
		slot->bytes = engine_split_atomic(t, &end, slot->bytes);
	}
	if (unlikely(!slot->bytes))
		status = BLK_STS_INVAL;
	else
		status = engine_submit(hwq, slot, rq, t);
	if (unlikely(status != BLK_STS_OK)) {
		asblk_slot_give(&hwq->slots, slot);
		if (status == BLK_STS_RESOURCE)
			return ENGINE_BUSY;
		engine_bad(ar, ar->issued, status);
		return ENGINE_ISSUED;
	}
	ar->next = end;
	ar->issued += slot->bytes;
	ar->parts++;
	return ENGINE_ISSUED;
}

/*
 * Issue what can be issued; a request that has failed ends here if nothing of it is in
 * flight. Return: why it has parts left, and must wait, or ENGINE_ISSUED.
 */
static enum engine_issued engine_issue(struct asblk_batch *batch, struct request *rq)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);
	enum engine_issued issued = ENGINE_ISSUED;
	u32 bytes = blk_rq_bytes(rq);

	while (ar->issued < bytes && ar->bad == ASBLK_NO_BAD) {
		issued = engine_issue_part(batch, rq);
		if (issued != ENGINE_ISSUED)
			return issued;
	}
	list_del_init(&ar->pending);
	if (!ar->parts)
		engine_finish_bad(batch, rq);
	return ENGINE_ISSUED;
}

/*
 * A request waits for a busy controller, or for a slot: that of its own tag, which comes
 * back with one of its parts, or one from the pool.
 */
static void engine_wait(struct asblk_hwq *hwq, struct request *rq,
			enum engine_issued why)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);

	ar->starved = why == ENGINE_NO_SLOT;
	list_move_tail(&ar->pending, ar->starved ? &hwq->starved : &hwq->pending);
	hwq->waiting = true;
}

/*
 * Offer a transfer that failed, or that the controller was too busy for. Return:
 * false if it is busy now.
 */
static bool engine_issue_again(struct asblk_batch *batch, struct asblk_slot *slot)
{
	struct asblk_hwq *hwq = batch->hwq;
	struct request *rq = slot->rq;
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);
	struct asblk_transfer *t;
	blk_status_t status;
	u32 bytes = 0;

	if (slot->offset >= ar->bad) {
		/* The request has failed before this: nothing more is issued. */
		engine_part_done(batch, slot);
		return true;
	}
	slot->aborted = false;
	t = engine_prepare(hwq, slot, slot - hwq->slots.slot, rq);
	engine_keep_provisioned(rq, t);
	if (req_op(rq) == REQ_OP_FLUSH) {
		t->bytes = 0;
	} else {
		struct asblk_cursor from = engine_memory(hwq, rq);

		asblk_cursor_advance(&from, slot->offset);
		bytes = asblk_split(t, &from, slot->bytes);
	}
	/* A part is cut the same way every time. */
	status = bytes == slot->bytes ? engine_submit(hwq, slot, rq, t) :
					BLK_STS_INVAL;
	if (status == BLK_STS_RESOURCE)
		return false;
	if (status != BLK_STS_OK) {
		engine_bad(ar, slot->offset, status);
		engine_part_done(batch, slot);
	}
	return true;
}

/* What was to be offered again later, and is due, waits with the others. */
static void engine_resume_due(struct asblk_hwq *hwq)
{
	u32 now = jiffies;
	u16 index = hwq->later;

	if ((s32)(now - hwq->later_due) < 0)
		return;
	hwq->later = ASBLK_SLOT_NONE;
	while (index != ASBLK_SLOT_NONE) {
		struct asblk_slot *slot = &hwq->slots.slot[index];
		s32 left = slot->due - now;

		index = slot->next;
		if (left > 0)
			engine_retry_after(hwq, slot, left);
		else
			engine_retry(hwq, slot);
	}
}

/* Return: false if the controller is busy. */
static bool engine_resume_retries(struct asblk_batch *batch)
{
	struct asblk_hwq *hwq = batch->hwq;

	while (hwq->retry != ASBLK_SLOT_NONE) {
		struct asblk_slot *slot = &hwq->slots.slot[hwq->retry];
		u16 next = slot->next;	/* the pool's, once the slot is given */

		if (!engine_issue_again(batch, slot))
			return false;
		hwq->retry = next;
	}
	return true;
}

/*
 * Return: false if the controller is busy. Each request on the first list can have a
 * part in flight; of those on the second the first ones get what slots there are.
 */
static bool engine_resume_requests(struct asblk_batch *batch)
{
	struct asblk_hwq *hwq = batch->hwq;
	struct asblk_rq *ar;

	while ((ar = list_first_entry_or_null(&hwq->pending, struct asblk_rq, pending))) {
		struct request *rq = blk_mq_rq_from_pdu(ar);
		enum engine_issued issued = engine_issue(batch, rq);

		if (issued == ENGINE_BUSY)
			return false;
		if (issued == ENGINE_NO_SLOT)
			engine_wait(hwq, rq, issued);
	}
	while (asblk_slot_in_pool(&hwq->slots) &&
	       (ar = list_first_entry_or_null(&hwq->starved, struct asblk_rq, pending)))
		if (engine_issue(batch, blk_mq_rq_from_pdu(ar)) == ENGINE_BUSY)
			return false;
	return true;
}

/* Go on with what had to wait. A busy controller is asked once, whatever waits for it. */
void asblk_engine_resume(struct asblk_batch *batch)
{
	struct asblk_hwq *hwq = batch->hwq;

	if (hwq->held & ASBLK_HELD_IDLE)
		pm_request_resume(hwq->dev);
	if (hwq->held & (ASBLK_HELD_STOPPED | ASBLK_HELD_IDLE))
		return;
	if (hwq->later != ASBLK_SLOT_NONE)
		engine_resume_due(hwq);
	if (!engine_resume_retries(batch) || !engine_resume_requests(batch))
		return;
	hwq->held &= ~ASBLK_HELD_RETRY;
	hwq->waiting = hwq->later != ASBLK_SLOT_NONE || !list_empty(&hwq->starved);
}

/* A request that is more than one transfer, or might be, or has to wait. */
static noinline void engine_start_parts(struct asblk_batch *batch,
					struct request *rq)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);
	enum engine_issued issued = ENGINE_BUSY;
	struct asblk_hwq *hwq = batch->hwq;

	ar->next = engine_memory(hwq, rq);
	INIT_LIST_HEAD(&ar->pending);
	ar->issued = 0;
	ar->bad = ASBLK_NO_BAD;
	ar->parts = 0;
	ar->ended = 0;
	ar->ended_seen = 0;
	ar->queue_seen = U64_MAX;
	ar->status = BLK_STS_OK;
	hwq->slots.slot[rq->tag].late = ASBLK_LATE_ABORT;
	if (unlikely(hwq->held & ASBLK_HELD_DEAD))
		engine_bad(ar, 0, BLK_STS_OFFLINE);
	/* Nobody overtakes those that a busy controller has turned away. */
	if (likely(!hwq->held) || ar->bad != ASBLK_NO_BAD)
		issued = engine_issue(batch, rq);
	if (issued != ENGINE_ISSUED)
		engine_wait(hwq, rq, issued);
}

/* The controller did not take the only transfer of a request. */
static noinline void engine_start_failed(struct asblk_batch *batch,
					 struct asblk_slot *slot,
					 struct request *rq,
					 blk_status_t status)
{
	engine_become_parts(slot, rq);
	if (status == BLK_STS_RESOURCE) {
		slot->rq = rq;
		engine_retry(batch->hwq, slot);
		return;
	}
	engine_bad(blk_mq_rq_to_pdu(rq), 0, status);
	slot->rq = rq;
	engine_part_done(batch, slot);
}

/* A discard's ranges are its bios, in any order. */
static bool engine_in_range(struct request *rq, sector_t nr_sectors)
{
	struct bio *bio;

	if (likely(req_op(rq) != REQ_OP_DISCARD))
		return blk_rq_pos(rq) + blk_rq_sectors(rq) <= nr_sectors;
	__rq_for_each_bio(bio, rq)
		if (bio_end_sector(bio) > nr_sectors)
			return false;
	return true;
}

/**
 * asblk_engine_start - accept a request
 * @batch: batch on the request's queue
 * @rq: request, not started
 *
 * An accepted request ends exactly once, whatever happens.
 *
 * Return: %BLK_STS_OK, or the status to fail @rq with, which was not touched.
 */
blk_status_t asblk_engine_start(struct asblk_batch *batch, struct request *rq)
{
	struct asblk_unit *unit = rq->q->queuedata;
	struct asblk_hwq *hwq = batch->hwq;
	struct asblk_slot *slot = &hwq->slots.slot[rq->tag];
	struct asblk_transfer *t;
	blk_status_t status;
	u32 bytes = blk_rq_bytes(rq);

	if (unlikely(!engine_knows(req_op(rq))))
		return BLK_STS_NOTSUPP;
	if (unlikely(bytes &&
		     !engine_in_range(rq, READ_ONCE(unit->nr_sectors))))
		return BLK_STS_IOERR;

	blk_mq_start_request(rq);
	hwq->count.requests++;
	trace_asblk_submit(&hwq->pub, rq);

	if (asblk_engine_has_ranges(rq) ||
	    (bytes && (bytes > hwq->whole_bytes || rq->nr_phys_segments > 1 ||
		       unlikely(hwq->held)))) {
		engine_start_parts(batch, rq);
		return BLK_STS_OK;
	}

	t = engine_prepare(hwq, slot, rq->tag, rq);
	t->bytes = bytes;
	if (likely(bytes)) {
		const struct bio *bio = rq->bio;
		struct bio_vec bv = mp_bvec_iter_bvec(bio->bi_io_vec, bio->bi_iter);
		struct asblk_segment *seg = t->segs;
		u8 shift = t->block_shift;

		t->range.lba = blk_rq_pos(rq) >> (shift - SECTOR_SHIFT);
		t->range.nr_blocks = bytes >> shift;
		t->nr_segments = 1;
		seg->addr = bvec_phys(&bv);
		seg->len = bytes;
	}
	slot->offset = 0;
	slot->bytes = bytes;
	slot->retries = 0;
	slot->whole = true;
	slot->aborted = false;
	slot->late = ASBLK_LATE_ABORT;
	/* Only a flush can find it held here: it has no parts to wait with. */
	if (likely(!hwq->held))
		status = engine_submit(hwq, slot, rq, t);
	else if (hwq->held & ASBLK_HELD_DEAD)
		status = BLK_STS_OFFLINE;
	else
		status = BLK_STS_RESOURCE;
	if (unlikely(status != BLK_STS_OK))
		engine_start_failed(batch, slot, rq, status);
	return BLK_STS_OK;
}
