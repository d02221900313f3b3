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
#include <linux/device.h>
#include <linux/export.h>
#include <linux/log2.h>

#include "core.h"

/**
 * asblk_limits_check - check limits that do not depend on a medium
 * @lim: limits
 * @dev: device to name in the log
 *
 * Return: 0, or -EINVAL after a line in the log.
 */
int asblk_limits_check(const struct asblk_limits *lim, struct device *dev)
{
	u64 align = (u64)lim->dma_alignment_mask + 1;
	u64 virt = (u64)lim->virt_boundary_mask + 1;
	u64 seg = lim->seg_boundary_mask + 1;	/* 0: no boundary */
	const char *wrong = NULL;

	if (!is_power_of_2(align) || align > PAGE_SIZE)
		wrong = "dma_alignment_mask";
	else if (!lim->max_bytes || lim->max_bytes > ASBLK_MAX_REQUEST_BYTES ||
		 lim->max_bytes % SECTOR_SIZE)
		wrong = "max_bytes";
	else if (!lim->max_segments || lim->max_segments > USHRT_MAX)
		wrong = "max_segments";
	else if (lim->max_segment_bytes < SECTOR_SIZE ||
		 lim->max_segment_bytes % align)
		wrong = "max_segment_bytes";
	else if (seg && (!is_power_of_2(seg) || seg < SECTOR_SIZE ||
			 seg < align))
		wrong = "seg_boundary_mask";
	else if (!is_power_of_2(virt) ||
		 (virt > 1 && (virt < SECTOR_SIZE || virt > SZ_64K)))
		wrong = "virt_boundary_mask";
	else if (!lim->max_ranges || lim->max_ranges > USHRT_MAX)
		wrong = "max_ranges";
	else if (!lim->max_range_bytes ||
		 lim->max_range_bytes % SECTOR_SIZE)
		wrong = "max_range_bytes";
	if (!wrong)
		return 0;
	dev_err(dev, "limit %s is impossible\n", wrong);
	return -EINVAL;
}
EXPORT_SYMBOL_IF_KUNIT(asblk_limits_check);

/* The most that one segment of page-sized memory can carry. */
static u32 limits_piece(const struct asblk_limits *lim)
{
	return min3((u64)PAGE_SIZE, (u64)lim->max_segment_bytes,
		    lim->seg_boundary_mask == U64_MAX ?
		    (u64)PAGE_SIZE : lim->seg_boundary_mask + 1);
}

/**
 * asblk_limits_check_block - check that a transfer can carry any one block
 * @lim: limits
 * @block_size: logical block size in bytes
 * @dev: device to name in the log
 *
 * Return: 0, or -EINVAL after a line in the log.
 */
int asblk_limits_check_block(const struct asblk_limits *lim, u32 block_size,
			     struct device *dev)
{
	u32 piece = limits_piece(lim);

	if (lim->max_bytes % block_size || lim->max_range_bytes % block_size) {
		dev_err(dev, "transfers of %u bytes and ranges of %llu bytes are no multiple of blocks of %u\n",
			lim->max_bytes, lim->max_range_bytes, block_size);
		return -EINVAL;
	}
	if (lim->dma_alignment_mask >= block_size) {
		dev_err(dev, "blocks of %u bytes are smaller than the DMA alignment of %u\n",
			block_size, lim->dma_alignment_mask + 1);
		return -EINVAL;
	}
	if (DIV_ROUND_UP(block_size, piece) > lim->max_segments ||
	    (lim->virt_boundary_mask && block_size > piece &&
	     piece % (lim->virt_boundary_mask + 1))) {
		dev_err(dev, "a block of %u bytes does not fit %u segments of %u bytes\n",
			block_size, lim->max_segments, piece);
		return -EINVAL;
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(asblk_limits_check_block);

/**
 * asblk_limits_dma_alignment - alignment to ask of the block layer
 * @lim: limits that pass asblk_limits_check_block()
 * @block_size: logical block size in bytes
 *
 * A block in memory that is not aligned to the block size touches one piece
 * more than an aligned one. Where there is no segment for it, or where segments
 * that end inside a block would break the virtual boundary, buffers must be
 * aligned to blocks.
 *
 * Return: mask for &queue_limits.dma_alignment.
 */
u32 asblk_limits_dma_alignment(const struct asblk_limits *lim, u32 block_size)
{
	u32 piece = limits_piece(lim);
	u32 aligned = min_t(u32, block_size, PAGE_SIZE) - 1;

	if (DIV_ROUND_UP(block_size, piece) + 1 > lim->max_segments ||
	    (lim->virt_boundary_mask && piece < PAGE_SIZE))
		return max(aligned, lim->dma_alignment_mask);
	return lim->dma_alignment_mask;
}
EXPORT_SYMBOL_IF_KUNIT(asblk_limits_dma_alignment);

/**
 * asblk_limits_atomic - the largest write that always fits one transfer
 * @lim: limits
 * @wanted: what the medium can do, in bytes; a power of two, or 0
 *
 * Return: bytes, a power of two, or 0 if there is no such write.
 */
u32 asblk_limits_atomic(const struct asblk_limits *lim, u32 wanted)
{
	/* Unaligned memory takes a segment more than its length suggests. */
	u64 fits = (u64)(lim->max_segments - 1) * limits_piece(lim);

	fits = min3(fits, (u64)lim->max_bytes, (u64)wanted);
	return fits ? rounddown_pow_of_two(fits) : 0;
}
EXPORT_SYMBOL_IF_KUNIT(asblk_limits_atomic);

/**
 * asblk_limits_whole_segments - up to how many segments need no closer look
 * @lim: limits
 *
 * The block layer counts a request's segments without the controller's limits
 * on a single segment; only where those cannot bite is its count ours. It sees
 * gaps at a virtual boundary within a page only: beyond, a single segment is sure
 * to have none.
 *
 * Return: number of segments; 0 if every request needs the splitter.
 */
unsigned int asblk_limits_whole_segments(const struct asblk_limits *lim)
{
	if (lim->max_segment_bytes < lim->max_bytes ||
	    lim->seg_boundary_mask != U64_MAX)
		return 0;
	if (lim->virt_boundary_mask >= PAGE_SIZE)
		return 1;
	return lim->max_segments;
}
EXPORT_SYMBOL_IF_KUNIT(asblk_limits_whole_segments);

static void cursor_next_bio(struct asblk_cursor *c)
{
	c->bio = c->bio->bi_next;
	if (c->bio)
		c->iter = c->bio->bi_iter;
}

/**
 * asblk_cursor_advance - move a cursor on
 * @c: cursor; of ranges if its bios carry no data
 * @bytes: how far; not beyond the end of the request
 */
void asblk_cursor_advance(struct asblk_cursor *c, u32 bytes)
{
	while (bytes) {
		u32 step = min(bytes, c->iter.bi_size);

		bio_advance_iter(c->bio, &c->iter, step);
		bytes -= step;
		if (!c->iter.bi_size)
			cursor_next_bio(c);
	}
}
EXPORT_SYMBOL_IF_KUNIT(asblk_cursor_advance);

/* The segment at a cursor, of at most @left bytes, within its own limits. */
static inline void segment_at(const struct asblk_limits *lim,
			      const struct asblk_cursor *c, u64 left,
			      struct asblk_segment *seg)
{
	struct bio_vec bv = mp_bvec_iter_bvec(c->bio->bi_io_vec, c->iter);
	u64 room;

	seg->addr = bvec_phys(&bv);
	seg->len = min3((u64)bv.bv_len, left, (u64)lim->max_segment_bytes);
	room = lim->seg_boundary_mask - (seg->addr & lim->seg_boundary_mask);
	if (unlikely(seg->len - 1 > room))
		seg->len = room + 1;
}

static void range_at(const struct asblk_limits *lim,
		     const struct asblk_cursor *c, u8 block_shift,
		     struct asblk_range *range)
{
	u64 bytes = min_t(u64, c->iter.bi_size, lim->max_range_bytes);

	range->lba = c->iter.bi_sector >> (block_shift - SECTOR_SHIFT);
	range->nr_blocks = bytes >> block_shift;
}

/* For asblk_next_segment(). */
bool __asblk_next_segment(struct asblk_transfer *t)
{
	asblk_cursor_advance(&t->cursor, t->seg.len);
	segment_at(t->lim, &t->cursor, t->left, &t->seg);
	t->left -= t->seg.len;
	return true;
}
ASBLK_EXPORT(__asblk_next_segment);

/* For asblk_next_range(). */
bool __asblk_next_range(struct asblk_transfer *t)
{
	asblk_cursor_advance(&t->cursor, t->range.nr_blocks << t->block_shift);
	range_at(t->lim, &t->cursor, t->block_shift, &t->range);
	t->left--;
	return true;
}
ASBLK_EXPORT(__asblk_next_range);

/* Segments that fit a transfer of @left bytes; cut at a block. */
static u32 split_segments(struct asblk_transfer *t, struct asblk_cursor c,
			  u32 left)
{
	const struct asblk_limits *lim = t->lim;
	u32 block_mask = (1U << t->block_shift) - 1;
	u32 bytes = 0, cut = 0, nr = 0, nr_cut = 0;
	struct asblk_segment seg;
	u64 end = 0;

	left = min(left, lim->max_bytes);
	while (bytes < left && nr < lim->max_segments) {
		segment_at(lim, &c, left - bytes, &seg);
		if (nr && ((end | seg.addr) & lim->virt_boundary_mask))
			break;
		end = seg.addr + seg.len;
		bytes += seg.len;
		nr++;
		/* A later cut may have to come back to here. */
		if (bytes - cut > block_mask) {
			cut = bytes & ~block_mask;
			nr_cut = nr;
		}
		asblk_cursor_advance(&c, seg.len);
	}
	t->nr_segments = nr_cut;
	return cut;
}

static u32 split_ranges(struct asblk_transfer *t, struct asblk_cursor c,
			u32 left)
{
	const struct asblk_limits *lim = t->lim;
	u32 max = t->op == ASBLK_OP_UNMAP ? lim->max_ranges : 1;
	struct asblk_range range;
	u32 bytes = 0, nr = 0;

	while (bytes < left && nr < max) {
		range_at(lim, &c, t->block_shift, &range);
		bytes += range.nr_blocks << t->block_shift;
		nr++;
		asblk_cursor_advance(&c, range.nr_blocks << t->block_shift);
	}
	t->nr_ranges = nr;
	return bytes;
}

/**
 * asblk_split - make the next part of a request
 * @t: transfer with &asblk_transfer.op, lim and block_shift set; its memory or
 *	ranges are filled in
 * @from: where the part begins; at a block
 * @left: bytes from there to the end of the request, at least a block
 *
 * Segments are the longest possible, from the front; the part ends at a block.
 *
 * Return: bytes of the request that @t carries; 0 if the limits do not allow
 * even one block, because its memory is in too many pieces.
 */
u32 asblk_split(struct asblk_transfer *t, const struct asblk_cursor *from,
		u32 left)
{
	u32 bytes;

	t->cursor = *from;
	if (t->op > ASBLK_OP_WRITE) {
		range_at(t->lim, from, t->block_shift, &t->range);
		bytes = split_ranges(t, *from, left);
		t->left = t->nr_ranges - 1;
		if (t->op == ASBLK_OP_UNMAP) {
			t->bytes = 0;
		} else {
			t->bytes = bytes;
			t->nr_ranges = 0;
		}
		return bytes;
	}
	bytes = split_segments(t, *from, left);
	if (!bytes)
		return 0;
	t->bytes = bytes;
	t->range.lba = from->iter.bi_sector >> (t->block_shift - SECTOR_SHIFT);
	t->range.nr_blocks = bytes >> t->block_shift;
	segment_at(t->lim, from, bytes, &t->seg);
	t->left = bytes - t->seg.len;
	return bytes;
}
EXPORT_SYMBOL_IF_KUNIT(asblk_split);
