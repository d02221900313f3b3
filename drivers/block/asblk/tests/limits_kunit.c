// SPDX-License-Identifier: GPL-2.0-only
/* Tests of core/limits.c. */
#include <kunit/test.h>

#include "core/limits.h"
#include "no_limit.h"

struct limit_param {
	const char *name;
	struct asblk_limits lim;
	u32 block;
	int err;
	u32 dma_mask;
	u32 atomic;	/* of 64 KiB wanted */
	u32 whole;
};

static const struct limit_param limit_params[] = {
	{ "no limits", { NO_LIMIT }, 512, 0, 0, SZ_64K,
	  SZ_1M },
	{ "dword aligned", { NO_LIMIT, .dma_alignment_mask = 3 }, 512, 0, 3,
	  SZ_64K, SZ_1M },
	{ "alignment of 3", { NO_LIMIT, .dma_alignment_mask = 2 }, 512,
	  -EINVAL },
	{ "alignment over a block", { NO_LIMIT, .dma_alignment_mask = 1023 },
	  512, -EINVAL },
	{ "no bytes", { NO_LIMIT, .max_bytes = 0 }, 512, -EINVAL },
	{ "bytes that are no sectors", { NO_LIMIT, .max_bytes = 1000 }, 512,
	  -EINVAL },
	{ "less bytes than a block", { NO_LIMIT, .max_bytes = 2048 }, 4096,
	  -EINVAL },
	{ "bytes that are no blocks", { NO_LIMIT, .max_bytes = 6144 }, 4096,
	  -EINVAL },
	{ "no segments", { NO_LIMIT, .max_segments = 0 }, 512, -EINVAL },
	{ "one segment: aligned blocks", { NO_LIMIT, .max_segments = 1 }, 512,
	  0, 511, 0, SZ_1M },
	{ "two segments", { NO_LIMIT, .max_segments = 2 }, 512, 0, 0, 4096,
	  SZ_1M },
	{ "a block in exactly all segments",
	  { NO_LIMIT, .max_segments = 8, .max_segment_bytes = 512 }, 4096,
	  0, 4095, 2048, 512 },
	{ "a block over all segments",
	  { NO_LIMIT, .max_segments = 7, .max_segment_bytes = 512 }, 4096,
	  -EINVAL },
	/* Segments end with their page, however much more they could carry. */
	{ "two pages in segments of three quarters of one",
	  { NO_LIMIT, .max_segments = 3, .max_segment_bytes = 3072 }, 8192, -EINVAL },
	{ "16 pages in segments of three quarters of one",
	  { NO_LIMIT, .max_segments = 24, .max_segment_bytes = 3072 }, SZ_64K, -EINVAL },
	{ "as many as that takes",
	  { NO_LIMIT, .max_segments = 32, .max_segment_bytes = 3072 }, SZ_64K, 0, 4095,
	  SZ_32K, 3072 },
	{ "atomic writes of segments of three quarters of a page",
	  { NO_LIMIT, .max_segments = 23, .max_segment_bytes = 3072 }, 512, 0, 0,
	  SZ_32K, 3072 },
	{ "boundaries inside a page, and segments shorter than that",
	  { NO_LIMIT, .max_segments = 11, .max_segment_bytes = 1536,
	    .seg_boundary_mask = 2047 }, 4096, 0, 0, SZ_8K, 0 },
	{ "segments smaller than a sector",
	  { NO_LIMIT, .max_segment_bytes = 256 }, 512, -EINVAL },
	{ "segments that are not aligned",
	  { NO_LIMIT, .max_segment_bytes = 4098, .dma_alignment_mask = 3 },
	  512, -EINVAL },
	{ "boundary that is no power of two",
	  { NO_LIMIT, .seg_boundary_mask = 4096 }, 512, -EINVAL },
	{ "boundary of 4K", { NO_LIMIT, .seg_boundary_mask = 4095 }, 512, 0, 0,
	  SZ_64K, 0 },
	{ "virtual boundary of 4K", { NO_LIMIT, .virt_boundary_mask = 4095 },
	  512, 0, 0, SZ_64K, SZ_1M },
	{ "virtual boundary that is no power of two",
	  { NO_LIMIT, .virt_boundary_mask = 4096 }, 512, -EINVAL },
	{ "virtual boundary of 64K", { NO_LIMIT, .virt_boundary_mask = 65535 },
	  512, 0, 0, SZ_64K, SZ_1M },
	{ "no ranges", { NO_LIMIT, .max_ranges = 0 }, 512, -EINVAL },
	{ "no range bytes", { NO_LIMIT, .max_range_bytes = 0 }, 512, -EINVAL },
	{ "no bytes to zero", { NO_LIMIT, .max_zeroes_bytes = 0 }, 512, -EINVAL },
	{ "ranges of part of a block", { NO_LIMIT, .max_range_bytes = 4096 + 512 },
	  4096, -EINVAL },
	{ "zeroes of part of a block", { NO_LIMIT, .max_zeroes_bytes = 4096 + 512 },
	  4096, -EINVAL },
};
KUNIT_ARRAY_PARAM_DESC(limit, limit_params, name);

static void limits_check(struct kunit *test)
{
	const struct limit_param *p = test->param_value;
	int err = asblk_limits_check(&p->lim, NULL) ?:
		  asblk_limits_check_block(&p->lim, p->block, NULL);

	KUNIT_EXPECT_EQ(test, err, p->err);
	if (err)
		return;
	KUNIT_EXPECT_EQ(test, asblk_limits_dma_alignment(&p->lim, p->block),
			p->dma_mask);
	KUNIT_EXPECT_EQ(test, asblk_limits_atomic(&p->lim, SZ_64K), p->atomic);
	KUNIT_EXPECT_EQ(test, asblk_limits_atomic(&p->lim, 0), 0);
	KUNIT_EXPECT_EQ(test, asblk_limits_whole_bytes(&p->lim), p->whole);
}

static struct kunit_case limits_cases[] = {
	KUNIT_CASE_PARAM(limits_check, limit_gen_params),
	{}
};

static struct kunit_suite limits_suite = {
	.name = "asblk_limits",
	.test_cases = limits_cases,
};
kunit_test_suite(limits_suite);
