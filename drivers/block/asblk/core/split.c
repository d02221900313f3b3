// SPDX-License-Identifier: GPL-2.0-only
/*
 * The splitter: cuts a request's memory, or its ranges, into transfers that the
 * controller's limits allow. No state, no locks, any context.
 *
 * Bytes are counted, not blocks: a block may straddle bvecs, and a bvec may hold
 * a fraction of one.
 */
#include <kunit/visibility.h>
#include <linux/bio.h>
#include <linux/export.h>

#include "../compat.h"
#include "split.h"

static void cursor_next_bio(struct asblk_cursor *c)
{
	c->bio = c->bio->bi_next;
	if (c->bio)
		c->iter = c->bio->bi_iter;
}

/* The same number of bytes in the mapped memory. */
static void cursor_advance_mapped(struct asblk_cursor *c, u32 bytes)
{
	c->seg_used += bytes;
	while (c->bio && c->seg_used >= c->seg->len) {
		c->seg_used -= c->seg->len;
		c->seg++;
	}
}

/**
 * asblk_cursor_advance - move a cursor on
 * @c: cursor; of ranges if its bios carry no data
 * @bytes: how far; not beyond the end of the request
 */
void asblk_cursor_advance(struct asblk_cursor *c, u32 bytes)
{
	u32 left = bytes;

	while (left) {
		u32 step = min(left, c->iter.bi_size);

		bio_advance_iter(c->bio, &c->iter, step);
		left -= step;
		if (!c->iter.bi_size)
			cursor_next_bio(c);
	}
	if (unlikely(c->seg))
		cursor_advance_mapped(c, bytes);
}
EXPORT_SYMBOL_IF_KUNIT(asblk_cursor_advance);

/* asblk_cursor_advance() within one bvec; the sector is left as it is. */
static inline void cursor_step(struct asblk_cursor *c, u32 bytes)
{
	if (unlikely(c->seg)) {
		asblk_cursor_advance(c, bytes);
		return;
	}
	bvec_iter_advance_single(c->bio->bi_io_vec, &c->iter, bytes);
	if (!c->iter.bi_size)
		cursor_next_bio(c);
}

/* The segment at a cursor, of at most @left bytes, within its own limits. */
static inline void segment_at(const struct asblk_limits *lim,
			      const struct asblk_cursor *c, u64 left,
			      struct asblk_segment *seg)
{
	u64 room;

	if (unlikely(c->seg)) {
		seg->addr = c->seg->addr + c->seg_used;
		seg->len = c->seg->len - c->seg_used;
	} else {
		struct bio_vec bv = mp_bvec_iter_bvec(c->bio->bi_io_vec, c->iter);

		seg->addr = bvec_phys(&bv);
		seg->len = bv.bv_len;
	}
	seg->len = min3((u64)seg->len, left, (u64)lim->max_segment_bytes);
	room = lim->seg_boundary_mask - (seg->addr & lim->seg_boundary_mask);
	if (unlikely(seg->len - 1 > room))
		seg->len = room + 1;
}

static void range_at(const struct asblk_cursor *c, u64 max, u8 block_shift,
		     struct asblk_range *range)
{
	u64 bytes = min(c->iter.bi_size, max);

	range->lba = c->iter.bi_sector >> (block_shift - SECTOR_SHIFT);
	range->nr_blocks = bytes >> block_shift;
}

/* For asblk_next_range(). */
bool __asblk_next_range(struct asblk_transfer *t)
{
	asblk_cursor_advance(&t->cursor, t->range.nr_blocks << t->block_shift);
	range_at(&t->cursor, t->lim->max_range_bytes, t->block_shift, &t->range);
	t->ranges_left--;
	return true;
}
ASBLK_EXPORT(__asblk_next_range);

/* Segments that fit a transfer of @left bytes; cut at a multiple of @block_mask plus 1. */
static inline u32 split_segments(struct asblk_transfer *t, struct asblk_cursor *at,
				 u32 left, u32 block_mask)
{
	const struct asblk_limits *lim = t->lim;
	const struct asblk_cursor from = *at;
	u32 bytes = 0, cut = 0, over = 0, nr = 0, nr_cut = 0;
	u64 end = 0;

	left = min(left, lim->max_bytes);
	while (bytes < left && nr < lim->max_segments) {
		struct asblk_segment *seg = &t->segs[nr];

		segment_at(lim, at, left - bytes, seg);
		if (nr && ((end | seg->addr) & lim->virt_boundary_mask))
			break;
		end = seg->addr + seg->len;
		bytes += seg->len;
		nr++;
		/* The last place to cut at a block so far. */
		if (bytes - cut > block_mask) {
			over = bytes & block_mask;
			cut = bytes - over;
			nr_cut = nr;
		}
		cursor_step(at, seg->len);
	}
	t->nr_segments = nr_cut;
	if (unlikely(cut < bytes)) {
		if (cut)
			t->segs[nr_cut - 1].len -= over;
		*at = from;
		asblk_cursor_advance(at, cut);
	} else if (at->bio) {
		at->iter.bi_sector = from.iter.bi_sector + (cut >> SECTOR_SHIFT);
	}
	return cut;
}

static u32 split_ranges(struct asblk_transfer *t, struct asblk_cursor *at,
			u32 left)
{
	const struct asblk_limits *lim = t->lim;
	bool unmap = t->op == ASBLK_OP_UNMAP;
	u64 max_bytes = unmap ? lim->max_range_bytes : lim->max_zeroes_bytes;
	u32 max = unmap ? lim->max_ranges : 1;
	struct asblk_range range;
	u32 bytes = 0, nr = 0;

	t->cursor = *at;
	range_at(at, max_bytes, t->block_shift, &t->range);
	while (bytes < left && nr < max) {
		range_at(at, max_bytes, t->block_shift, &range);
		bytes += range.nr_blocks << t->block_shift;
		nr++;
		asblk_cursor_advance(at, range.nr_blocks << t->block_shift);
	}
	t->ranges_left = nr - 1;
	return bytes;
}

/**
 * asblk_split - make the next part of a request
 * @t: transfer with &asblk_transfer.op, segs, lim and block_shift set; its memory
 *	or ranges are filled in
 * @at: where the part begins, at a block; moved to where it ends
 * @left: bytes from there to the end of the request, at least a block
 *
 * Segments are the longest possible, from the front; the part ends at a block.
 *
 * Return: bytes of the request that @t carries; 0 if the limits do not allow
 * even one block, because its memory is in too many pieces.
 */
u32 asblk_split(struct asblk_transfer *t, struct asblk_cursor *at, u32 left)
{
	sector_t sector = at->iter.bi_sector;
	u32 bytes;

	if (t->op > ASBLK_OP_WRITE) {
		bytes = split_ranges(t, at, left);
		if (t->op == ASBLK_OP_UNMAP) {
			t->nr_ranges = t->ranges_left + 1;
			t->bytes = 0;
		} else {
			t->bytes = bytes;
		}
		return bytes;
	}
	bytes = split_segments(t, at, left, (1U << t->block_shift) - 1);
	t->bytes = bytes;
	t->range.lba = sector >> (t->block_shift - SECTOR_SHIFT);
	t->range.nr_blocks = bytes >> t->block_shift;
	return bytes;
}
EXPORT_SYMBOL_IF_KUNIT(asblk_split);

/**
 * asblk_split_bytes - as asblk_split(), of memory that is not of blocks
 * @t: transfer with &asblk_transfer.segs and lim set; its memory is filled in
 * @at: where the memory begins; moved
 * @left: bytes of it, at least 1
 *
 * Return: bytes that @t carries.
 */
u32 asblk_split_bytes(struct asblk_transfer *t, struct asblk_cursor *at, u32 left)
{
	t->bytes = split_segments(t, at, left, 0);
	return t->bytes;
}
