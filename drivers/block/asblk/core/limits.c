// SPDX-License-Identifier: GPL-2.0-only
/* A controller's limits: are they valid, and what follows from them. */
#include <kunit/visibility.h>
#include <linux/device.h>
#include <linux/export.h>
#include <linux/log2.h>

#include "../compat.h"
#include "limits.h"

/* What does not depend on a medium. Return: 0, or -EINVAL after a line in the log. */
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
	else if (!lim->max_zeroes_bytes ||
		 lim->max_zeroes_bytes % SECTOR_SIZE)
		wrong = "max_zeroes_bytes";
	if (!wrong)
		return 0;
	dev_err(dev, "invalid limit %s\n", wrong);
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

/* Segments for @bytes within a page, aligned to their power of two. */
static u32 limits_page_segments(const struct asblk_limits *lim, u32 bytes)
{
	u64 boundary = lim->seg_boundary_mask + 1;	/* 0: no boundary */

	/* A boundary begins a new segment, however short the last one was. */
	if (boundary && boundary < bytes)
		return bytes / boundary * DIV_ROUND_UP(boundary, lim->max_segment_bytes);
	return DIV_ROUND_UP(bytes, lim->max_segment_bytes);
}

/**
 * asblk_limits_segments - most segments that memory needs, if no two pages are contiguous
 * @lim: limits
 * @bytes: length of the memory, a power of two, and aligned to that or to pages; unaligned
 *	memory needs one segment more
 *
 * Context: any.
 * Return: number of segments.
 */
u32 asblk_limits_segments(const struct asblk_limits *lim, u32 bytes)
{
	if (bytes <= PAGE_SIZE)
		return limits_page_segments(lim, bytes);
	return bytes / PAGE_SIZE * limits_page_segments(lim, PAGE_SIZE);
}
ASBLK_EXPORT(asblk_limits_segments);

static bool limits_divide(const struct asblk_limits *lim, u32 block_size)
{
	return lim->max_bytes % block_size == 0 && lim->max_range_bytes % block_size == 0 &&
	       lim->max_zeroes_bytes % block_size == 0;
}

static bool limits_segments(const struct asblk_limits *lim, u32 block_size)
{
	u32 piece = limits_piece(lim);

	return asblk_limits_segments(lim, block_size) <= lim->max_segments &&
	       (!lim->virt_boundary_mask || block_size <= piece ||
		piece % (lim->virt_boundary_mask + 1) == 0);
}

/* Can a transfer carry any one block of that size? */
bool asblk_limits_carry(const struct asblk_limits *lim, u32 block_size)
{
	return limits_divide(lim, block_size) && lim->dma_alignment_mask < block_size &&
	       limits_segments(lim, block_size);
}

/* asblk_limits_carry(), or -EINVAL after a line in the log. */
int asblk_limits_check_block(const struct asblk_limits *lim, u32 block_size,
			     const struct device *dev)
{
	if (asblk_limits_carry(lim, block_size))
		return 0;
	if (!limits_divide(lim, block_size))
		dev_err(dev, "max_bytes %u, max_range_bytes %llu or max_zeroes_bytes %llu is not a multiple of the block size %u\n",
			lim->max_bytes, lim->max_range_bytes, lim->max_zeroes_bytes,
			block_size);
	else if (lim->dma_alignment_mask >= block_size)
		dev_err(dev, "block size %u is smaller than the DMA alignment %u\n",
			block_size, lim->dma_alignment_mask + 1);
	else
		dev_err(dev, "a block of %u bytes does not fit into %u segments of up to %u bytes of a page\n",
			block_size, lim->max_segments, limits_piece(lim));
	return -EINVAL;
}
EXPORT_SYMBOL_IF_KUNIT(asblk_limits_check_block);

/*
 * A block in memory that is not aligned to the block size needs one segment more than an
 * aligned one. If there is none left, or if segments that end inside a block would break
 * the virtual boundary, buffers must be aligned to blocks. @lim passes
 * asblk_limits_check_block(). Return: mask for &queue_limits.dma_alignment.
 */
u32 asblk_limits_dma_alignment(const struct asblk_limits *lim, u32 block_size)
{
	u32 piece = limits_piece(lim);
	u32 aligned = min_t(u32, block_size, PAGE_SIZE) - 1;

	if (asblk_limits_segments(lim, block_size) + 1 > lim->max_segments ||
	    (lim->virt_boundary_mask && piece < PAGE_SIZE))
		return max(aligned, lim->dma_alignment_mask);
	return lim->dma_alignment_mask;
}
EXPORT_SYMBOL_IF_KUNIT(asblk_limits_dma_alignment);

/*
 * The largest write that always fits into one transfer, up to @atomic_bytes. Return: bytes,
 * a power of two, or 0 if there is none.
 */
u32 asblk_limits_atomic(const struct asblk_limits *lim, u32 atomic_bytes)
{
	u32 fits = min(lim->max_bytes, atomic_bytes);

	if (!fits)
		return 0;
	/* Unaligned memory needs one segment more. */
	for (fits = rounddown_pow_of_two(fits); fits >= SECTOR_SIZE; fits /= 2)
		if (asblk_limits_segments(lim, fits) + 1 <= lim->max_segments)
			return fits;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(asblk_limits_atomic);

/*
 * The block layer counts a request's segments without the controller's limits on a single
 * segment. Return: up to how many bytes a request with one of its segments is one transfer
 * with one segment; 0 if every request needs the splitter.
 */
u32 asblk_limits_whole_bytes(const struct asblk_limits *lim)
{
	if (lim->seg_boundary_mask != U64_MAX)
		return 0;
	return min(lim->max_bytes, lim->max_segment_bytes);
}
EXPORT_SYMBOL_IF_KUNIT(asblk_limits_whole_bytes);
