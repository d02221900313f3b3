// SPDX-License-Identifier: GPL-2.0-only
/* Tests of core/split.c. */
#include <kunit/test.h>
#include <linux/bio.h>
#include <linux/log2.h>
#include <linux/prandom.h>
#include <linux/random.h>

#include "core/split.h"
#include "no_limit.h"

/*
 * Memory is only pointed at: an aligned run of pages, in which a piece is given
 * by its offset. Pieces are bvecs even where they touch each other.
 */
#define ARENA_ORDER	8
#define ARENA_BYTES	((u32)PAGE_SIZE << ARENA_ORDER)
#define MAX_PIECES	64
#define MAX_BIOS	4

struct piece {
	u32 offset;
	u32 len;
};

struct split_test {
	struct page *arena;
	struct bio_vec bvec[MAX_PIECES];
	struct bio bio[MAX_BIOS];
	struct asblk_segment segs[256];
	struct asblk_segment mapped[MAX_PIECES];
	struct asblk_cursor start;
	u32 bytes;
};

static int split_test_init(struct kunit *test)
{
	struct split_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->arena = alloc_pages(GFP_KERNEL, ARENA_ORDER);
	KUNIT_ASSERT_NOT_NULL(test, t->arena);
	test->priv = t;
	return 0;
}

static void split_test_exit(struct kunit *test)
{
	struct split_test *t = test->priv;

	__free_pages(t->arena, ARENA_ORDER);
}

/* Chain the pieces into bios of @per_bio pieces each. */
static void lay_out(struct split_test *t, const struct piece *piece,
		    unsigned int nr, unsigned int per_bio)
{
	struct bio *bio = NULL;
	unsigned int i, nr_bios = 0;

	t->bytes = 0;
	for (i = 0; i < nr; i++) {
		if (i % per_bio == 0) {
			struct bio *next = &t->bio[nr_bios++];

			bio_init(next, NULL, &t->bvec[i], per_bio, REQ_OP_READ);
			next->bi_iter.bi_sector = t->bytes >> SECTOR_SHIFT;
			if (bio)
				bio->bi_next = next;
			bio = next;
		}
		bvec_set_page(&t->bvec[i], t->arena +
			      (piece[i].offset >> PAGE_SHIFT), piece[i].len,
			      offset_in_page(piece[i].offset));
		t->mapped[i].addr = bvec_phys(&t->bvec[i]);
		t->mapped[i].len = piece[i].len;
		bio->bi_vcnt++;
		bio->bi_iter.bi_size += piece[i].len;
		t->bytes += piece[i].len;
	}
	t->start.bio = &t->bio[0];
	t->start.iter = t->bio[0].bi_iter;
}

struct part {
	u32 bytes;
	u32 segments;
};

struct shape {
	const char *name;
	struct asblk_limits lim;
	u32 block;
	struct piece piece[12];
	struct part part[10];	/* 0 bytes with segments 1: impossible */
};

#define IMPOSSIBLE	{ 0, 1 }

static const struct shape shapes[] = {
	/* by bytes */
	{ "one block", { NO_LIMIT }, 512, { { 0, 512 } }, { { 512, 1 } } },
	{ "one page", { NO_LIMIT }, 512, { { 0, 4096 } }, { { 4096, 1 } } },
	{ "exactly the most bytes", { NO_LIMIT, .max_bytes = 8192 }, 512,
	  { { 0, 8192 } }, { { 8192, 1 } } },
	{ "one block more than the most", { NO_LIMIT, .max_bytes = 8192 }, 512,
	  { { 0, 8704 } }, { { 8192, 1 }, { 512, 1 } } },
	{ "one block less than the most", { NO_LIMIT, .max_bytes = 8192 }, 512,
	  { { 0, 7680 } }, { { 7680, 1 } } },
	{ "four full parts", { NO_LIMIT, .max_bytes = 4096 }, 4096,
	  { { 0, 16384 } },
	  { { 4096, 1 }, { 4096, 1 }, { 4096, 1 }, { 4096, 1 } } },
	{ "most bytes are one block", { NO_LIMIT, .max_bytes = 512 }, 512,
	  { { 0, 1536 } }, { { 512, 1 }, { 512, 1 }, { 512, 1 } } },
	{ "cut inside the second bvec", { NO_LIMIT, .max_bytes = 8192 }, 512,
	  { { 0, 4096 }, { 8192, 8192 } }, { { 8192, 2 }, { 4096, 1 } } },
	{ "64K blocks", { NO_LIMIT, .max_bytes = SZ_128K }, SZ_64K,
	  { { 0, SZ_64K }, { SZ_128K, SZ_128K } },
	  { { SZ_128K, 2 }, { SZ_64K, 1 } } },
	/* by segments */
	{ "exactly the most segments", { NO_LIMIT, .max_segments = 3 }, 512,
	  { { 0, 4096 }, { 8192, 4096 }, { 16384, 4096 } }, { { 12288, 3 } } },
	{ "one segment more than the most", { NO_LIMIT, .max_segments = 2 },
	  512, { { 0, 4096 }, { 8192, 4096 }, { 16384, 4096 } },
	  { { 8192, 2 }, { 4096, 1 } } },
	{ "one segment at a time", { NO_LIMIT, .max_segments = 1 }, 512,
	  { { 0, 512 }, { 4096, 1024 }, { 8192, 512 } },
	  { { 512, 1 }, { 1024, 1 }, { 512, 1 } } },
	{ "segments run out inside a block", { NO_LIMIT, .max_segments = 2 },
	  4096, { { 0, 6144 }, { 8192, 1024 }, { 16384, 1024 } },
	  { { 4096, 1 }, IMPOSSIBLE } },
	{ "touching bvecs stay two segments", { NO_LIMIT, .max_segments = 2 },
	  512, { { 0, 4096 }, { 4096, 4096 } }, { { 8192, 2 } } },
	{ "a block in too many pieces", { NO_LIMIT, .max_segments = 2 }, 4096,
	  { { 0, 1024 }, { 2048, 1024 }, { 4096, 2048 } }, { IMPOSSIBLE } },
	{ "a good block, then one in too many pieces",
	  { NO_LIMIT, .max_segments = 2 }, 4096,
	  { { 0, 4096 }, { 8192, 1024 }, { 12288, 1024 }, { 16384, 2048 } },
	  { { 4096, 1 }, IMPOSSIBLE } },
	/* by segment size */
	{ "segments of a page", { NO_LIMIT, .max_segment_bytes = 4096 }, 512,
	  { { 0, 12288 } }, { { 12288, 3 } } },
	{ "segments of a page, two at a time",
	  { NO_LIMIT, .max_segment_bytes = 4096, .max_segments = 2 }, 512,
	  { { 0, 12288 } }, { { 8192, 2 }, { 4096, 1 } } },
	{ "segment size counts from the segment, not the page",
	  { NO_LIMIT, .max_segment_bytes = 4096 }, 512,
	  { { 512, 8192 } }, { { 8192, 2 } } },
	{ "segment size that is no power of two",
	  { NO_LIMIT, .max_segment_bytes = 1536 }, 512,
	  { { 0, 4096 } }, { { 4096, 3 } } },
	{ "segment size smaller than a block",
	  { NO_LIMIT, .max_segment_bytes = 1536, .max_segments = 4 }, 4096,
	  { { 0, 8192 } }, { { 4096, 3 }, { 4096, 3 } } },
	{ "segment size and a short bvec",
	  { NO_LIMIT, .max_segment_bytes = 4096 }, 512,
	  { { 0, 5120 }, { 8192, 512 } }, { { 5632, 3 } } },
	/* by segment boundary */
	{ "no crossing of 4K", { NO_LIMIT, .seg_boundary_mask = 4095 }, 512,
	  { { 0, 8192 } }, { { 8192, 2 } } },
	{ "unaligned over 4K", { NO_LIMIT, .seg_boundary_mask = 4095 }, 512,
	  { { 2048, 4096 } }, { { 4096, 2 } } },
	{ "ends at the boundary", { NO_LIMIT, .seg_boundary_mask = 8191 }, 512,
	  { { 4096, 4096 } }, { { 4096, 1 } } },
	{ "one block over the boundary",
	  { NO_LIMIT, .seg_boundary_mask = 8191 }, 512,
	  { { 4096, 4608 } }, { { 4608, 2 } } },
	{ "boundary and most segments",
	  { NO_LIMIT, .seg_boundary_mask = 4095, .max_segments = 2 }, 512,
	  { { 2048, 8192 } }, { { 6144, 2 }, { 2048, 1 } } },
	{ "boundary smaller than the segment size",
	  { NO_LIMIT, .seg_boundary_mask = 4095, .max_segment_bytes = 8192 },
	  512, { { 0, 8192 } }, { { 8192, 2 } } },
	{ "segment size smaller than the boundary",
	  { NO_LIMIT, .seg_boundary_mask = 8191, .max_segment_bytes = 4096 },
	  512, { { 2048, 8192 } }, { { 8192, 3 } } },
	/* by virtual boundary */
	{ "pages without a gap", { NO_LIMIT, .virt_boundary_mask = 4095 }, 512,
	  { { 0, 4096 }, { 8192, 4096 } }, { { 8192, 2 } } },
	{ "short first page", { NO_LIMIT, .virt_boundary_mask = 4095 }, 512,
	  { { 3584, 512 }, { 8192, 4096 } }, { { 4608, 2 } } },
	{ "short last page", { NO_LIMIT, .virt_boundary_mask = 4095 }, 512,
	  { { 0, 4096 }, { 8192, 512 } }, { { 4608, 2 } } },
	{ "gap at the end of a segment",
	  { NO_LIMIT, .virt_boundary_mask = 4095 }, 512,
	  { { 0, 512 }, { 4096, 4096 } }, { { 512, 1 }, { 4096, 1 } } },
	{ "gap at the start of a segment",
	  { NO_LIMIT, .virt_boundary_mask = 4095 }, 512,
	  { { 0, 4096 }, { 4608, 512 } }, { { 4096, 1 }, { 512, 1 } } },
	{ "gaps everywhere", { NO_LIMIT, .virt_boundary_mask = 4095 }, 512,
	  { { 512, 512 }, { 4608, 512 }, { 8704, 512 } },
	  { { 512, 1 }, { 512, 1 }, { 512, 1 } } },
	{ "gap inside a block", { NO_LIMIT, .virt_boundary_mask = 4095 }, 4096,
	  { { 0, 1024 }, { 8192, 3072 } }, { IMPOSSIBLE } },
	{ "gap inside the second block",
	  { NO_LIMIT, .virt_boundary_mask = 4095 }, 1024,
	  { { 0, 1536 }, { 8192, 512 } }, { { 1024, 1 }, IMPOSSIBLE } },
	{ "part begins off the boundary",
	  { NO_LIMIT, .virt_boundary_mask = 4095, .max_bytes = 5120 }, 512,
	  { { 512, 3584 }, { 8192, 4096 }, { 16384, 1024 } },
	  { { 5120, 2 }, { 3584, 2 } } },
	/* blocks that straddle bvecs */
	{ "block in two halves", { NO_LIMIT }, 4096,
	  { { 0, 2048 }, { 4096, 2048 } }, { { 4096, 2 } } },
	{ "block in eight pieces", { NO_LIMIT }, 4096,
	  { { 0, 512 }, { 1024, 512 }, { 2048, 512 }, { 3072, 512 },
	    { 4096, 512 }, { 5120, 512 }, { 6144, 512 }, { 7168, 512 } },
	  { { 4096, 8 } } },
	{ "sector in pieces of 4 bytes and more", { NO_LIMIT }, 512,
	  { { 4, 4 }, { 4096, 252 }, { 8200, 256 } }, { { 512, 3 } } },
	{ "cut between two blocks that straddle",
	  { NO_LIMIT, .max_bytes = 1024 }, 512,
	  { { 0, 300 }, { 512, 1000 }, { 4096, 236 } },
	  { { 1024, 2 }, { 512, 2 } } },
	{ "segments run out in a straddling block",
	  { NO_LIMIT, .max_segments = 3 }, 512,
	  { { 0, 512 }, { 1024, 300 }, { 2048, 100 }, { 4096, 112 },
	    { 8192, 512 } },
	  { { 512, 1 }, { 512, 3 }, { 512, 1 } } },
	{ "everything at once",
	  { NO_LIMIT, .max_bytes = 8192, .max_segments = 3,
	    .max_segment_bytes = 4096, .seg_boundary_mask = 4095 }, 512,
	  { { 1024, 6144 }, { 8192, 512 }, { 16384, 8192 } },
	  { { 6656, 3 }, { 8192, 2 } } },
};

static void shape_desc(const struct shape *s, char *desc)
{
	strscpy(desc, s->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(shape, shapes, shape_desc);

static struct asblk_transfer transfer_of(struct split_test *t,
					 const struct asblk_limits *lim,
					 u32 block, enum asblk_op op)
{
	return (struct asblk_transfer) {
		.op = op, .lim = lim, .block_shift = ilog2(block),
		.segs = t->segs,
	};
}

static void split_shape(struct kunit *test, const struct shape *s, struct asblk_cursor c)
{
	struct split_test *t = test->priv;
	unsigned int i;
	u32 done = 0;

	for (i = 0; s->part[i].segments; i++) {
		struct asblk_transfer x = transfer_of(t, &s->lim, s->block,
						      ASBLK_OP_WRITE);
		u32 bytes = asblk_split(&x, &c, t->bytes - done);

		KUNIT_ASSERT_EQ(test, bytes, s->part[i].bytes);
		if (!bytes)
			return;
		KUNIT_EXPECT_EQ(test, x.nr_segments, s->part[i].segments);
		KUNIT_EXPECT_EQ(test, x.range.lba, done / s->block);
		KUNIT_EXPECT_EQ(test, x.range.nr_blocks, bytes / s->block);
		done += bytes;
	}
	KUNIT_EXPECT_EQ(test, done, t->bytes);
	KUNIT_EXPECT_NULL(test, c.bio);
}

/* From memory as it is, and as it was mapped. */
static void split_shapes(struct kunit *test)
{
	const struct shape *s = test->param_value;
	struct split_test *t = test->priv;
	struct asblk_cursor mapped;
	unsigned int nr = 0;

	while (s->piece[nr].len)
		nr++;
	lay_out(t, s->piece, nr, nr);
	split_shape(test, s, t->start);
	mapped = t->start;
	mapped.seg = t->mapped;
	split_shape(test, s, mapped);
}

/* An IOMMU has put pieces side by side: fewer segments, elsewhere. */
static void split_coalesced(struct kunit *test)
{
	const struct piece piece[] = {
		{ 0, 4096 }, { 16384, 4096 }, { 8192, 4096 }, { 61440, 4096 },
	};
	const struct asblk_segment one = { 0xfeed0000, 4 * 4096 };
	const struct asblk_limits lim = { NO_LIMIT, .max_segments = 2, .max_bytes = 3 * 4096 };
	struct split_test *t = test->priv;
	struct asblk_transfer x = transfer_of(t, &lim, 512, ASBLK_OP_WRITE);
	struct asblk_cursor c;

	lay_out(t, piece, ARRAY_SIZE(piece), 2);
	c = t->start;
	c.seg = &one;
	KUNIT_EXPECT_EQ(test, asblk_split(&x, &c, t->bytes), 3 * 4096);
	KUNIT_EXPECT_EQ(test, x.nr_segments, 1);
	KUNIT_EXPECT_EQ(test, x.segs[0].addr, 0xfeed0000);
	KUNIT_EXPECT_EQ(test, x.segs[0].len, 3 * 4096);
	KUNIT_EXPECT_EQ(test, asblk_split(&x, &c, 4096), 4096);
	KUNIT_EXPECT_EQ(test, x.segs[0].addr, 0xfeed3000);
	KUNIT_EXPECT_EQ(test, x.range.lba, 3 * 8);
	/* From the middle, as a part that is offered again is made. */
	c = t->start;
	c.seg = &one;
	asblk_cursor_advance(&c, 5632);
	KUNIT_EXPECT_EQ(test, asblk_split(&x, &c, 1024), 1024);
	KUNIT_EXPECT_EQ(test, x.segs[0].addr, 0xfeed0000 + 5632);
	KUNIT_EXPECT_EQ(test, x.range.lba, 11);
}

/* Where byte @pos of the request is in memory, and in which piece. */
static phys_addr_t locate(struct split_test *t, u32 pos, unsigned int *piece)
{
	unsigned int i;

	for (i = 0; pos >= t->bvec[i].bv_len; i++)
		pos -= t->bvec[i].bv_len;
	*piece = i;
	return page_to_phys(t->bvec[i].bv_page) + t->bvec[i].bv_offset + pos;
}

/*
 * The longest part from @from, found another way: word by word. Return: bytes.
 */
static u32 slow_split(struct split_test *t, const struct asblk_limits *lim,
		      u32 block, u32 from, u32 *segments)
{
	u32 word = lim->dma_alignment_mask + 1, pos, seg = 0, len = 0, best = 0;
	unsigned int piece, last = UINT_MAX;
	phys_addr_t addr, end = 0;

	for (pos = from; pos < t->bytes && pos - from < lim->max_bytes;
	     pos += word) {
		addr = locate(t, pos, &piece);
		if (piece != last || len + word > lim->max_segment_bytes ||
		    (lim->seg_boundary_mask != U64_MAX &&
		     !(addr & lim->seg_boundary_mask))) {
			if (seg == lim->max_segments)
				break;
			if (seg && ((addr | end) & lim->virt_boundary_mask))
				break;
			seg++;
			len = 0;
			last = piece;
		}
		len += word;
		end = addr + word;
		if ((pos + word - from) % block == 0) {
			best = pos + word - from;
			*segments = seg;
		}
	}
	return best;
}

/* Every segment is where the request's memory is, in order, within limits. */
static void check_segments(struct kunit *test, struct split_test *t,
			   struct asblk_transfer *x, u32 from, u32 bytes)
{
	const struct asblk_limits *lim = x->lim;
	u32 nr, done = 0;
	phys_addr_t end = 0;

	for (nr = 0; nr < x->nr_segments; nr++) {
		const struct asblk_segment *seg = &x->segs[nr];
		unsigned int piece;

		KUNIT_ASSERT_EQ(test, seg->addr,
				locate(t, from + done, &piece));
		KUNIT_ASSERT_GT(test, seg->len, 0);
		KUNIT_ASSERT_LE(test, seg->len, lim->max_segment_bytes);
		KUNIT_ASSERT_EQ(test, (seg->addr | seg->len) &
				lim->dma_alignment_mask, 0);
		if (lim->seg_boundary_mask != U64_MAX)
			KUNIT_ASSERT_EQ(test,
					seg->addr & ~lim->seg_boundary_mask,
					(seg->addr + seg->len - 1) &
					~lim->seg_boundary_mask);
		if (nr)
			KUNIT_ASSERT_EQ(test, (end | seg->addr) &
					lim->virt_boundary_mask, 0);
		end = seg->addr + seg->len;
		done += seg->len;
	}
	KUNIT_ASSERT_EQ(test, done, bytes);
}

#define below(rnd, n)	(prandom_u32_state(rnd) % (n))

static void random_limits(struct rnd_state *rnd, struct asblk_limits *lim,
			  u32 block)
{
	u32 align = 4 << below(rnd, 8);

	*lim = (struct asblk_limits) {
		.max_bytes = block * (1 + below(rnd, 32)),
		.max_segments = 1 + below(rnd, 16),
		.max_segment_bytes = round_up(512 << below(rnd, 8), align) +
				     align * below(rnd, 3),
		.seg_boundary_mask = below(rnd, 2) ? U64_MAX :
				     (4096ULL << below(rnd, 5)) - 1,
		.virt_boundary_mask = below(rnd, 2) ? 0 :
				      (512U << below(rnd, 5)) - 1,
		.dma_alignment_mask = align - 1,
		.max_ranges = 1,
		.max_range_bytes = block,
		.max_zeroes_bytes = block,
	};
}

/* Pieces anywhere in the arena, in all a multiple of the block. */
static void random_layout(struct rnd_state *rnd, struct split_test *t,
			  u32 align, u32 block)
{
	unsigned int i, nr = 1 + below(rnd, MAX_PIECES - 1);
	struct piece piece[MAX_PIECES];
	u32 bytes = 0;

	for (i = 0; i < nr; i++) {
		/* Half of them start at a page, as most memory does. */
		piece[i].offset = below(rnd, 2) ?
			below(rnd, ARENA_BYTES / 2 / PAGE_SIZE) * PAGE_SIZE :
			below(rnd, ARENA_BYTES / 2 / align) * align;
		piece[i].len = align *
			(1 + below(rnd, (512 << below(rnd, 8)) / align));
		bytes += piece[i].len;
	}
	if (bytes % block) {
		piece[nr].offset = ARENA_BYTES / 2;
		piece[nr].len = block - bytes % block;
		nr++;
	}
	/* A bio ends at a block: more than one only where every piece does. */
	for (i = 0; i < nr && piece[i].len % block == 0; i++)
		;
	lay_out(t, piece, nr, i == nr ? DIV_ROUND_UP(nr, MAX_BIOS) : nr);
}

#define PROPERTY_ROUNDS	1000

/* Any limits, any layout; the seed is printed so that it can be had again. */
static void split_property(struct kunit *test)
{
	struct split_test *t = test->priv;
	u64 seed = get_random_u64();
	struct rnd_state rnd;
	unsigned int round, parts = 0, impossible = 0;

	kunit_info(test, "seed %#llx", seed);
	prandom_seed_state(&rnd, seed);
	for (round = 0; round < PROPERTY_ROUNDS; round++) {
		u32 block = 512 << below(&rnd, 4), done = 0;
		struct asblk_limits lim;
		struct asblk_cursor c;

		random_limits(&rnd, &lim, block);
		random_layout(&rnd, t, lim.dma_alignment_mask + 1, block);
		c = t->start;
		/* Where an IOMMU sees things as they are it makes no difference. */
		if (round % 2)
			c.seg = t->mapped;
		while (done < t->bytes) {
			struct asblk_transfer x = transfer_of(t, &lim, block,
							      ASBLK_OP_READ);
			u32 segments = 0;
			u32 want = slow_split(t, &lim, block, done, &segments);
			u32 bytes = asblk_split(&x, &c, t->bytes - done);

			KUNIT_ASSERT_EQ(test, bytes, want);
			if (!bytes) {
				impossible++;
				break;
			}
			parts++;
			KUNIT_ASSERT_EQ(test, x.nr_segments, segments);
			KUNIT_ASSERT_EQ(test, x.bytes, bytes);
			KUNIT_ASSERT_EQ(test, x.range.lba * block, done);
			check_segments(test, t, &x, done, bytes);
			done += bytes;
		}
		cond_resched();
	}
	/* The rounds did test something. */
	KUNIT_EXPECT_GT(test, parts, PROPERTY_ROUNDS);
	KUNIT_EXPECT_GT(test, impossible, 0);
	KUNIT_EXPECT_LT(test, impossible, PROPERTY_ROUNDS);
}

struct range_shape {
	const char *name;
	enum asblk_op op;
	u32 max_ranges;
	u64 max_bytes;
	struct { u32 sector, sectors; } range[MAX_BIOS];
	struct { u32 bytes, ranges; } part[8];
};

static const struct range_shape range_shapes[] = {
	{ "one range", ASBLK_OP_UNMAP, 4, SZ_1G, { { 8, 8 } },
	  { { 4096, 1 } } },
	{ "four ranges in one transfer", ASBLK_OP_UNMAP, 4, SZ_1G,
	  { { 8, 8 }, { 32, 8 }, { 64, 16 }, { 1024, 8 } },
	  { { 20480, 4 } } },
	{ "more ranges than a transfer takes", ASBLK_OP_UNMAP, 3, SZ_1G,
	  { { 8, 8 }, { 32, 8 }, { 64, 16 }, { 1024, 8 } },
	  { { 16384, 3 }, { 4096, 1 } } },
	{ "a range longer than a range may be", ASBLK_OP_UNMAP, 2, 4096,
	  { { 8, 40 } }, { { 8192, 2 }, { 8192, 2 }, { 4096, 1 } } },
	{ "a long range between short ones", ASBLK_OP_UNMAP, 2, 8192,
	  { { 0, 8 }, { 80, 24 }, { 800, 8 } },
	  { { 12288, 2 }, { 8192, 2 } } },
	{ "write zeroes takes one", ASBLK_OP_WRITE_ZEROES, 4, SZ_1G,
	  { { 8, 80 } }, { { 40960, 0 } } },
	{ "write zeroes in pieces", ASBLK_OP_WRITE_ZEROES, 4, 16384,
	  { { 8, 80 } }, { { 16384, 0 }, { 16384, 0 }, { 8192, 0 } } },
	{ "secure erase in pieces", ASBLK_OP_SECURE_ERASE, 4, 4096,
	  { { 8, 16 } }, { { 4096, 0 }, { 4096, 0 } } },
};
KUNIT_ARRAY_PARAM_DESC(range, range_shapes, name);

static enum req_op req_op_of(enum asblk_op op)
{
	return op == ASBLK_OP_UNMAP ? REQ_OP_DISCARD :
	       op == ASBLK_OP_WRITE_ZEROES ? REQ_OP_WRITE_ZEROES :
	       REQ_OP_SECURE_ERASE;
}

static void split_ranges(struct kunit *test)
{
	const struct range_shape *s = test->param_value;
	struct split_test *t = test->priv;
	struct asblk_limits lim = { NO_LIMIT, .max_ranges = s->max_ranges };
	u64 *max = s->op == ASBLK_OP_UNMAP ? &lim.max_range_bytes : &lim.max_zeroes_bytes;
	struct asblk_cursor c = {};
	unsigned int i, bio = 0;
	u32 bytes, total = 0, done = 0, in_bio = 0;

	*max = s->max_bytes;
	for (i = 0; i < MAX_BIOS && s->range[i].sectors; i++) {
		bio_init(&t->bio[i], NULL, NULL, 0, req_op_of(s->op));
		t->bio[i].bi_iter.bi_sector = s->range[i].sector;
		t->bio[i].bi_iter.bi_size = s->range[i].sectors << SECTOR_SHIFT;
		total += t->bio[i].bi_iter.bi_size;
		if (i)
			t->bio[i - 1].bi_next = &t->bio[i];
	}
	c.bio = &t->bio[0];
	c.iter = c.bio->bi_iter;
	for (i = 0; s->part[i].bytes; i++) {
		struct asblk_transfer x = transfer_of(t, &lim, 4096, s->op);
		u32 nr = 0, sum = 0;

		bytes = asblk_split(&x, &c, total - done);
		KUNIT_ASSERT_EQ(test, bytes, s->part[i].bytes);
		KUNIT_EXPECT_EQ(test, x.nr_ranges, s->part[i].ranges);
		KUNIT_EXPECT_EQ(test, x.bytes,
				s->op == ASBLK_OP_UNMAP ? 0 : bytes);
		do {
			KUNIT_EXPECT_EQ(test, x.range.lba * 8,
					s->range[bio].sector + in_bio);
			KUNIT_EXPECT_LE(test, x.range.nr_blocks * 4096,
					s->max_bytes);
			in_bio += x.range.nr_blocks * 8;
			sum += x.range.nr_blocks * 4096;
			if (in_bio == s->range[bio].sectors) {
				in_bio = 0;
				bio++;
			}
			nr++;
		} while (asblk_next_range(&x));
		KUNIT_EXPECT_EQ(test, sum, bytes);
		if (s->op == ASBLK_OP_UNMAP)
			KUNIT_EXPECT_EQ(test, nr, x.nr_ranges);
		done += bytes;
	}
	KUNIT_EXPECT_EQ(test, done, total);
}

static struct kunit_case split_cases[] = {
	KUNIT_CASE_PARAM(split_shapes, shape_gen_params),
	KUNIT_CASE(split_coalesced),
	KUNIT_CASE_SLOW(split_property),
	KUNIT_CASE_PARAM(split_ranges, range_gen_params),
	{}
};

static struct kunit_suite split_suite = {
	.name = "asblk_split",
	.init = split_test_init,
	.exit = split_test_exit,
	.test_cases = split_cases,
};
kunit_test_suite(split_suite);
