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

/*
 * How long a busy controller is left alone if no completion comes first: as long as blk-mq
 * waits after BLK_STS_RESOURCE.
 */
#define ASBLK_RERUN_DELAY	msecs_to_jiffies(3)

static inline u8 submit_opts(const struct request *rq)
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

static const u8 submit_ops[] = {
	[REQ_OP_READ]		= ASBLK_OP_READ,
	[REQ_OP_WRITE]		= ASBLK_OP_WRITE,
	[REQ_OP_FLUSH]		= ASBLK_OP_FLUSH,
	[REQ_OP_DISCARD]	= ASBLK_OP_UNMAP,
	[REQ_OP_SECURE_ERASE]	= ASBLK_OP_SECURE_ERASE,
	[REQ_OP_WRITE_ZEROES]	= ASBLK_OP_WRITE_ZEROES,
};

static inline bool submit_knows(enum req_op op)
{
	/* 0 is a read: the gaps of the table must not pass for one. */
	return op == REQ_OP_READ ||
	       (op_number(op) < ARRAY_SIZE(submit_ops) &&
		submit_ops[op_number(op)]);
}

/* The operation of an accepted request's transfers. */
u8 asblk_submit_op(struct request *rq)
{
	return blk_rq_is_passthrough(rq) ? ASBLK_OP_COMMAND : submit_ops[op_number(req_op(rq))];
}

static inline struct asblk_transfer *submit_prepare(struct asblk_hwq *hwq,
						    struct asblk_slot *slot,
						    unsigned int index,
						    struct request *rq)
{
	const struct asblk_unit *unit = rq->q->queuedata;
	struct asblk_transfer *t = &hwq->transfer;

	t->id = slot->id;
	t->slot = index;
	t->op = submit_ops[op_number(req_op(rq))];
	t->opts = submit_opts(rq);
	t->ioprio = req_get_ioprio(rq);
	t->nr_segments = 0;
	t->nr_ranges = 0;
	t->unit = unit->id;
	t->priv = asblk_hwq_priv(hwq, index);
	t->block_shift = unit->block_shift;
	return t;
}

static void submit_keep_provisioned(const struct request *rq,
				    struct asblk_transfer *t)
{
	const struct asblk_unit *unit = rq->q->queuedata;

	if (t->op == ASBLK_OP_WRITE_ZEROES && !unit->zeroes_unmap)
		t->opts |= ASBLK_OPT_NOUNMAP;
}

static struct asblk_cursor submit_memory(const struct asblk_hwq *hwq, struct request *rq)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);
	struct asblk_cursor at = { .bio = rq->bio, .iter = rq->bio->bi_iter };

	if (unlikely(hwq->must_map && ar->map.nr_segs))
		at.seg = ar->map.segs;
	return at;
}

/*
 * Turn a transfer's addresses into the device's. If memory must be mapped, the request has
 * been: the splitter has put its addresses into parts, and a transfer that is the whole
 * request gets its own here. Else this is arithmetic that needs no undoing.
 * Return: false if the device cannot reach the memory, and never will.
 */
static noinline bool submit_address(struct asblk_hwq *hwq, struct asblk_slot *slot,
				    struct request *rq, struct asblk_transfer *t)
{
	struct asblk_segment *seg = t->segs, *end = seg + t->nr_segments;
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);

	if (hwq->must_map) {
		if (slot->kind == ASBLK_SLOT_WHOLE && t->nr_segments)
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

/* Schedule a rerun: perhaps nothing is in flight whose completion would cause one. */
static noinline void submit_busy(struct asblk_hwq *hwq)
{
	hwq->count.busy++;
	hwq->held |= ASBLK_HELD_RETRY;
	kblockd_mod_delayed_work_on(WORK_CPU_UNBOUND, &hwq->rerun_work,
				    ASBLK_RERUN_DELAY);
}

static inline blk_status_t submit_transfer(struct asblk_hwq *hwq,
					   struct asblk_slot *slot,
					   struct request *rq,
					   struct asblk_transfer *t)
{
	blk_status_t status;

	slot->rq = rq;
	if (unlikely(hwq->dma_dev) && !submit_address(hwq, slot, rq, t))
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
		submit_busy(hwq);
	return status;
}

/*
 * An atomic write is one bio, which always fits; merging may have put several into
 * the request. Return: bytes of the whole bios that fit, 0 if none does.
 */
static u32 submit_split_atomic(struct asblk_transfer *t,
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
 * enum submit_issued - outcome of issuing the next part of a request
 * @SUBMIT_ISSUED: the controller has it, or the request has failed
 * @SUBMIT_NO_SLOT: there is no slot for it
 * @SUBMIT_BUSY: the controller is busy
 */
enum submit_issued {
	SUBMIT_ISSUED,
	SUBMIT_NO_SLOT,
	SUBMIT_BUSY,
};

static enum submit_issued submit_issue_part(struct asblk_batch *batch, struct request *rq)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);
	struct asblk_hwq *hwq = batch->hwq;
	struct asblk_slot *slot = asblk_slot_take(&hwq->slots, rq->tag);
	struct asblk_cursor end = ar->next;
	struct asblk_transfer *t;
	blk_status_t status;
	u32 left = blk_rq_bytes(rq) - ar->issued;

	if (!slot)
		return SUBMIT_NO_SLOT;
	t = submit_prepare(hwq, slot, slot - hwq->slots.slot, rq);
	slot->offset = ar->issued;
	slot->retries = 0;
	slot->kind = ASBLK_SLOT_PART;
	slot->aborted = false;
	submit_keep_provisioned(rq, t);
	slot->bytes = asblk_split(t, &end, left);
	if (unlikely(slot->bytes < left && (rq->cmd_flags & REQ_ATOMIC))) {
		end = ar->next;
		slot->bytes = submit_split_atomic(t, &end, slot->bytes);
	}
	if (unlikely(!slot->bytes))
		status = BLK_STS_INVAL;
	else
		status = submit_transfer(hwq, slot, rq, t);
	if (unlikely(status != BLK_STS_OK)) {
		asblk_slot_give(&hwq->slots, slot);
		if (status == BLK_STS_RESOURCE)
			return SUBMIT_BUSY;
		asblk_rq_note_failure(ar, ar->issued, status);
		return SUBMIT_ISSUED;
	}
	ar->next = end;
	ar->issued += slot->bytes;
	ar->parts++;
	return SUBMIT_ISSUED;
}

/*
 * Issue as many parts as possible; a failed request with none in flight ends here.
 * Return: why the request has to wait with the rest, or SUBMIT_ISSUED.
 */
static enum submit_issued submit_issue(struct asblk_batch *batch, struct request *rq)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);
	enum submit_issued issued = SUBMIT_ISSUED;
	u32 bytes = blk_rq_bytes(rq);

	while (ar->issued < bytes && ar->bad == ASBLK_NO_BAD) {
		issued = submit_issue_part(batch, rq);
		if (issued != SUBMIT_ISSUED)
			return issued;
	}
	list_del_init(&ar->pending);
	if (!ar->parts)
		asblk_rq_finish_bad(batch, rq);
	return SUBMIT_ISSUED;
}

/*
 * Wait for a busy controller, or for a slot: that of the request's tag, which one of its
 * parts will free, or one from the pool.
 */
static void submit_wait(struct asblk_hwq *hwq, struct request *rq,
			enum submit_issued why)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);

	ar->starved = why == SUBMIT_NO_SLOT;
	list_move_tail(&ar->pending, ar->starved ? &hwq->starved : &hwq->pending);
	hwq->waiting = true;
}

/* The memory of a request that is one segment of @bytes, at most &asblk_hwq.whole_bytes. */
static inline void submit_segment(struct asblk_transfer *t, const struct request *rq, u32 bytes)
{
	const struct bio *bio = rq->bio;
	struct bio_vec bv = mp_bvec_iter_bvec(bio->bi_io_vec, bio->bi_iter);
	struct asblk_segment *seg = t->segs;

	t->nr_segments = 1;
	seg->addr = bvec_phys(&bv);
	seg->len = bytes;
}

static noinline bool submit_split_command(struct asblk_hwq *hwq, struct request *rq,
					  struct asblk_transfer *t, u32 bytes)
{
	struct asblk_cursor at = submit_memory(hwq, rq);

	return asblk_split_bytes(t, &at, bytes) == bytes;
}

/* A command goes to the device as it is, with all of its data or not at all. */
static blk_status_t submit_command(struct asblk_hwq *hwq, struct asblk_slot *slot,
				   struct request *rq)
{
	const struct asblk_unit *unit = rq->q->queuedata;
	unsigned int index = slot - hwq->slots.slot;
	struct asblk_command *command = asblk_rq_command(rq);
	struct asblk_transfer *t = &hwq->transfer;

	command->answered = false;
	command->status = 0;
	command->result = 0;
	t->id = slot->id;
	t->slot = index;
	t->op = ASBLK_OP_COMMAND;
	t->opts = 0;
	t->ioprio = req_get_ioprio(rq);
	t->nr_segments = 0;
	t->nr_ranges = 0;
	t->bytes = slot->bytes;
	t->unit = unit->id;
	t->range = (struct asblk_range) { };
	t->command = command;
	t->priv = asblk_hwq_priv(hwq, index);
	if (slot->bytes && slot->bytes <= hwq->whole_bytes && rq->nr_phys_segments == 1 &&
	    !hwq->must_map)
		submit_segment(t, rq, slot->bytes);
	else if (slot->bytes && !submit_split_command(hwq, rq, t, slot->bytes))
		return BLK_STS_INVAL;
	return submit_transfer(hwq, slot, rq, t);
}

/* Return: false if the controller is busy. */
static bool submit_retry(struct asblk_batch *batch, struct asblk_slot *slot)
{
	struct asblk_hwq *hwq = batch->hwq;
	struct request *rq = slot->rq;
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);
	struct asblk_transfer *t;
	blk_status_t status;
	u32 bytes = 0;

	if (slot->offset >= ar->bad) {
		/* An earlier part has failed: the request ends there. */
		asblk_rq_part_done(batch, slot);
		return true;
	}
	slot->aborted = false;
	if (slot->kind == ASBLK_SLOT_COMMAND) {
		status = submit_command(hwq, slot, rq);
		goto submitted;
	}
	t = submit_prepare(hwq, slot, slot - hwq->slots.slot, rq);
	submit_keep_provisioned(rq, t);
	if (req_op(rq) == REQ_OP_FLUSH) {
		t->bytes = 0;
	} else {
		struct asblk_cursor from = submit_memory(hwq, rq);

		asblk_cursor_advance(&from, slot->offset);
		bytes = asblk_split(t, &from, slot->bytes);
	}
	/* A part is cut the same way every time. */
	status = bytes == slot->bytes ? submit_transfer(hwq, slot, rq, t) :
					BLK_STS_INVAL;
submitted:
	if (status == BLK_STS_RESOURCE)
		return false;
	if (status != BLK_STS_OK) {
		asblk_rq_note_failure(ar, slot->offset, status);
		asblk_rq_part_done(batch, slot);
	}
	return true;
}

/* Move delayed transfers that are due to those that wait to be retried. */
static void submit_due(struct asblk_hwq *hwq)
{
	u32 now = jiffies;
	u16 index = hwq->delayed;

	if ((s32)(now - hwq->delayed_due) < 0)
		return;
	hwq->delayed = ASBLK_SLOT_NONE;
	while (index != ASBLK_SLOT_NONE) {
		struct asblk_slot *slot = &hwq->slots.slot[index];
		s32 left = slot->due - now;

		index = slot->next;
		if (left > 0)
			asblk_hwq_retry_after(hwq, slot, left);
		else
			asblk_hwq_retry(hwq, slot);
	}
}

/* Return: false if the controller is busy. */
static bool submit_retries(struct asblk_batch *batch)
{
	struct asblk_hwq *hwq = batch->hwq;

	while (hwq->retry != ASBLK_SLOT_NONE) {
		struct asblk_slot *slot = &hwq->slots.slot[hwq->retry];
		u16 next = slot->next;	/* the pool's, once the slot is given */

		if (!submit_retry(batch, slot))
			return false;
		hwq->retry = next;
	}
	return true;
}

/*
 * Return: false if the controller is busy. Each request on the first list can have a
 * part in flight; of those on the second the first ones get what slots there are.
 */
static bool submit_requests(struct asblk_batch *batch)
{
	struct asblk_hwq *hwq = batch->hwq;
	struct asblk_rq *ar;

	while ((ar = list_first_entry_or_null(&hwq->pending, struct asblk_rq, pending))) {
		struct request *rq = blk_mq_rq_from_pdu(ar);
		enum submit_issued issued = submit_issue(batch, rq);

		if (issued == SUBMIT_BUSY)
			return false;
		if (issued == SUBMIT_NO_SLOT)
			submit_wait(hwq, rq, issued);
	}
	while (asblk_slot_in_pool(&hwq->slots) &&
	       (ar = list_first_entry_or_null(&hwq->starved, struct asblk_rq, pending)))
		if (submit_issue(batch, blk_mq_rq_from_pdu(ar)) == SUBMIT_BUSY)
			return false;
	return true;
}

/* Submit what had to wait. A busy controller is tried once, however much waits for it. */
void asblk_submit_waiting(struct asblk_batch *batch)
{
	struct asblk_hwq *hwq = batch->hwq;

	lockdep_assert_held(&hwq->lock);
	if (hwq->held & ASBLK_HELD_IDLE)
		pm_request_resume(hwq->dev);
	if (hwq->held & (ASBLK_HELD_STOPPED | ASBLK_HELD_IDLE))
		return;
	if (hwq->delayed != ASBLK_SLOT_NONE)
		submit_due(hwq);
	if (!submit_retries(batch) || !submit_requests(batch))
		return;
	hwq->held &= ~ASBLK_HELD_RETRY;
	hwq->waiting = hwq->delayed != ASBLK_SLOT_NONE || !list_empty(&hwq->starved);
}

/* For a request that is, or may be, more than one transfer, or that has to wait. */
static noinline void submit_start_parts(struct asblk_batch *batch,
					struct request *rq)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);
	enum submit_issued issued = SUBMIT_BUSY;
	struct asblk_hwq *hwq = batch->hwq;

	ar->next = submit_memory(hwq, rq);
	asblk_rq_init_parts(ar, 0, 0);
	hwq->slots.slot[rq->tag].escalation = ASBLK_ESCALATE_ABORT;
	if (unlikely(hwq->held & ASBLK_HELD_DEAD))
		asblk_rq_note_failure(ar, 0, BLK_STS_OFFLINE);
	/* Nothing overtakes what a busy controller has refused. */
	if (likely(!hwq->held) || ar->bad != ASBLK_NO_BAD)
		issued = submit_issue(batch, rq);
	if (issued != SUBMIT_ISSUED)
		submit_wait(hwq, rq, issued);
}

/* The controller has refused the only transfer of a request, which keeps account of it. */
static void submit_refused(struct asblk_batch *batch, struct asblk_slot *slot,
			   struct request *rq, blk_status_t status)
{
	if (status == BLK_STS_RESOURCE) {
		slot->rq = rq;
		asblk_hwq_retry(batch->hwq, slot);
		return;
	}
	asblk_rq_note_failure(blk_mq_rq_to_pdu(rq), 0, status);
	slot->rq = rq;
	asblk_rq_part_done(batch, slot);
}

static noinline void submit_start_failed(struct asblk_batch *batch,
					 struct asblk_slot *slot,
					 struct request *rq,
					 blk_status_t status)
{
	asblk_rq_become_parts(slot, rq);
	submit_refused(batch, slot, rq, status);
}

/* As asblk_submit(), for what is no request for blocks. */
static noinline blk_status_t submit_start_command(struct asblk_batch *batch, struct request *rq)
{
	struct asblk_hwq *hwq = batch->hwq;
	struct asblk_slot *slot = &hwq->slots.slot[rq->tag];
	blk_status_t status = BLK_STS_RESOURCE;

	if (!blk_rq_is_passthrough(rq) || !hwq->ops->answer)
		return BLK_STS_NOTSUPP;
	blk_mq_start_request(rq);
	hwq->count.requests++;
	trace_asblk_submit(&hwq->pub, rq);

	slot->offset = 0;
	slot->bytes = blk_rq_bytes(rq);
	slot->retries = 0;
	slot->kind = ASBLK_SLOT_COMMAND;
	slot->aborted = false;
	slot->escalation = ASBLK_ESCALATE_ABORT;
	asblk_rq_init_parts(blk_mq_rq_to_pdu(rq), slot->bytes, 1);
	if (hwq->held & ASBLK_HELD_DEAD)
		status = BLK_STS_OFFLINE;
	else if (!hwq->held)
		status = submit_command(hwq, slot, rq);
	if (status != BLK_STS_OK)
		submit_refused(batch, slot, rq, status);
	return BLK_STS_OK;
}

/* A discard's ranges are its bios, in any order. */
static bool submit_in_range(struct request *rq, sector_t nr_sectors)
{
	struct bio *bio;

	if (likely(req_op(rq) != REQ_OP_DISCARD))
		return blk_rq_pos(rq) + blk_rq_sectors(rq) <= nr_sectors;
	__rq_for_each_bio(bio, rq)
		if (bio_end_sector(bio) > nr_sectors)
			return false;
	return true;
}

/*
 * Start a request. Once accepted it ends exactly once, whatever happens. Return: %BLK_STS_OK,
 * or the status to fail it with: it was not touched.
 */
blk_status_t asblk_submit(struct asblk_batch *batch, struct request *rq)
{
	struct asblk_unit *unit = rq->q->queuedata;
	struct asblk_hwq *hwq = batch->hwq;
	struct asblk_slot *slot = &hwq->slots.slot[rq->tag];
	struct asblk_transfer *t;
	blk_status_t status;
	u32 bytes = blk_rq_bytes(rq);

	lockdep_assert_held(&hwq->lock);
	if (unlikely(!submit_knows(req_op(rq))))
		return submit_start_command(batch, rq);
	if (unlikely(bytes &&
		     !submit_in_range(rq, READ_ONCE(unit->nr_sectors))))
		return BLK_STS_IOERR;

	blk_mq_start_request(rq);
	hwq->count.requests++;
	trace_asblk_submit(&hwq->pub, rq);

	if (asblk_rq_has_ranges(rq) ||
	    (bytes && (bytes > hwq->whole_bytes || rq->nr_phys_segments > 1 ||
		       unlikely(hwq->held)))) {
		submit_start_parts(batch, rq);
		return BLK_STS_OK;
	}

	t = submit_prepare(hwq, slot, rq->tag, rq);
	t->bytes = bytes;
	if (likely(bytes)) {
		u8 shift = t->block_shift;

		t->range.lba = blk_rq_pos(rq) >> (shift - SECTOR_SHIFT);
		t->range.nr_blocks = bytes >> shift;
		submit_segment(t, rq, bytes);
	}
	slot->offset = 0;
	slot->bytes = bytes;
	slot->retries = 0;
	slot->kind = ASBLK_SLOT_WHOLE;
	slot->aborted = false;
	slot->escalation = ASBLK_ESCALATE_ABORT;
	/* Held at this point only for a flush, which has no parts that could wait. */
	if (likely(!hwq->held))
		status = submit_transfer(hwq, slot, rq, t);
	else if (hwq->held & ASBLK_HELD_DEAD)
		status = BLK_STS_OFFLINE;
	else
		status = BLK_STS_RESOURCE;
	if (unlikely(status != BLK_STS_OK))
		submit_start_failed(batch, slot, rq, status);
	return BLK_STS_OK;
}
