// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of nvme/: reads and writes transfer exactly their data, with PRPs and with SGLs,
 * for memory of many layouts.
 */
#include <kunit/test.h>
#include <linux/bio.h>
#include <linux/random.h>
#include <linux/vmalloc.h>

#include "bad_nvme.h"
#include "test_io.h"

#define DATA_ORDER	10	/* 4 MiB */
#define DATA_BYTES	(PAGE_SIZE << DATA_ORDER)
#define MAX_PIECES	256
#define GUARD		0xa5

/**
 * struct data_shape - memory of a request
 * @name: for the log
 * @offset: offset of the first byte in its page
 * @bytes: length
 * @run: contiguous pages per piece, pieces in descending order with a page between them;
 *	0: one piece
 */
struct data_shape {
	const char *name;
	u32 offset;
	u32 bytes;
	u32 run;
};

static const struct data_shape shapes[] = {
	{ "a block", 0, 512 },
	{ "a block inside a page", 1024, 512 },
	{ "the last block of a page", 3584, 512 },
	{ "a block from the fourth byte on", 4, 512 },
	{ "a block over the end of a page", 4092 - 252, 512 },
	{ "a page", 0, 4096 },
	{ "a page over the end of a page", 512, 4096 },
	{ "two pages", 0, 8192 },
	{ "two halves of two pages", 2048, 4096 },
	{ "two pages that touch three", 512, 8192 },
	{ "to the end of the third page", 512, 3 * 4096 - 512 },
	{ "a block into the third page", 512, 2 * 4096 },
	{ "as much as a list describes", 0, 512 * 4096 },
	{ "as much from an offset on: 512 entries in the list", 512, 512 * 4096 },
	{ "more than a transfer", 2048, 3 * SZ_1M },
	{ "two pages here and there", 0, 8192, 1 },
	{ "three pages here and there", 0, 3 * 4096, 1 },
	{ "60 pages here and there", 0, 60 * 4096, 1 },
	{ "from the middle of a page, here and there", 2048, 60 * 4096, 1 },
	{ "to the middle of a page, here and there", 0, 20 * 4096 - 1536, 1 },
	{ "127 pages here and there", 0, 127 * 4096, 1 },
	/* Long enough for an SGL of more than one descriptor. */
	{ "two pages in a row, here and there", 0, 60 * 4096, 2 },
	{ "four, from the second block of the first", 512, 64 * 4096 - 512, 4 },
	{ "seven, and half a page", 0, 70 * 4096 + 2048, 7 },
};
KUNIT_ARRAY_PARAM_DESC(shape, shapes, name);

struct data_test {
	struct page *pages;
	struct bio_vec piece[MAX_PIECES];
	unsigned int nr;
};

/* Compute the pieces of a shape. */
static void lay_out(struct data_test *d, const struct data_shape *s)
{
	u32 left = s->bytes, offset = s->offset;
	u32 run = s->run * PAGE_SIZE;
	unsigned int page = run ? (s->run + 1) * DIV_ROUND_UP(left + offset, run) : 1;

	d->nr = 0;
	if (!run) {
		bvec_set_page(&d->piece[d->nr++], d->pages + 1, left, offset);
		return;
	}
	while (left) {
		u32 len = min(left, run - offset);

		bvec_set_page(&d->piece[d->nr++], d->pages + page, len, offset);
		left -= len;
		offset = 0;
		page -= s->run + 1;
	}
}

static u8 *piece_data(const struct bio_vec *bv)
{
	return page_address(bv->bv_page) + bv->bv_offset;
}

/* Transfer the pieces as one bio, and wait. */
static blk_status_t transfer(struct kunit *test, struct data_test *d, blk_opf_t opf, sector_t at)
{
	struct tio_test *t = test->priv;
	struct bio *bio = bio_alloc(t->disk->gd->part0, d->nr, opf, GFP_KERNEL);
	blk_status_t status;
	unsigned int i;

	bio->bi_iter.bi_sector = at;
	for (i = 0; i < d->nr; i++)
		__bio_add_page(bio, d->piece[i].bv_page, d->piece[i].bv_len,
			       d->piece[i].bv_offset);
	submit_bio_wait(bio);
	status = bio->bi_status;
	bio_put(bio);
	return status;
}

/* Does @medium contain the data of the pieces? */
static bool same(const struct data_test *d, const u8 *medium)
{
	unsigned int i;

	for (i = 0; i < d->nr; i++) {
		if (memcmp(medium, piece_data(&d->piece[i]), d->piece[i].bv_len))
			return false;
		medium += d->piece[i].bv_len;
	}
	return true;
}

/* Is memory outside the pieces unchanged? */
static bool guarded(const struct data_test *d, u8 *memory)
{
	unsigned int i;

	for (i = 0; i < d->nr; i++)
		memset(piece_data(&d->piece[i]), GUARD, d->piece[i].bv_len);
	return !memchr_inv(memory, GUARD, DATA_BYTES);
}

static void no_mdts(struct nvme_id_ctrl *id) { id->mdts = 0; }

static void sgls(struct nvme_id_ctrl *id)
{
	id->mdts = 0;
	id->sgls = cpu_to_le32(1);
}

static void move(struct kunit *test, void (*edit)(struct nvme_id_ctrl *id))
{
	const struct data_shape *s = test->param_value;
	struct data_test *d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);
	struct bad_nvme *b = bad_nvme(test);
	sector_t at = 24;
	u8 *memory;

	KUNIT_ASSERT_NOT_NULL(test, d);
	d->pages = alloc_pages(GFP_KERNEL, DATA_ORDER);
	b->medium = vzalloc(BAD_BLOCKS << BAD_SHIFT);
	KUNIT_ASSERT_TRUE(test, d->pages && b->medium);
	memory = page_address(d->pages);
	b->edit_ctrl = edit;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	lay_out(d, s);

	get_random_bytes(memory, DATA_BYTES);
	KUNIT_EXPECT_EQ(test, (__force int)transfer(test, d, REQ_OP_WRITE, at), 0);
	KUNIT_EXPECT_TRUE(test, same(d, b->medium + (at << 9)));
	KUNIT_EXPECT_NULL(test, memchr_inv(b->medium, 0, at << 9));
	KUNIT_EXPECT_NULL(test, memchr_inv(b->medium + (at << 9) + s->bytes, 0, SZ_64K));

	memset(memory, GUARD, DATA_BYTES);
	KUNIT_EXPECT_EQ(test, (__force int)transfer(test, d, REQ_OP_READ, at), 0);
	KUNIT_EXPECT_TRUE(test, same(d, b->medium + (at << 9)));
	KUNIT_EXPECT_TRUE(test, guarded(d, memory));
	KUNIT_EXPECT_NULL(test, b->dma_error);
	if (b->dma_error)
		kunit_info(test, "%s", b->dma_error);
	bad_take_down(test);
	__free_pages(d->pages, DATA_ORDER);
}

static void nvme_data_prp(struct kunit *test)
{
	move(test, no_mdts);
}

static void nvme_data_sgl(struct kunit *test)
{
	move(test, sgls);
}

static struct kunit_case nvme_data_cases[] = {
	KUNIT_CASE_PARAM(nvme_data_prp, shape_gen_params),
	KUNIT_CASE_PARAM(nvme_data_sgl, shape_gen_params),
	{}
};

static struct kunit_suite nvme_data_suite = {
	.name = "asblk_nvme_data",
	.init = bad_init,
	.exit = bad_exit,
	.test_cases = nvme_data_cases,
};
kunit_test_suite(nvme_data_suite);
