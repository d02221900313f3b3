// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/delay.h>

#include "probe.h"

static void probe_free(struct probe *p)
{
	while (p->nr)
		bio_put(p->bio[--p->nr].bio);
}

struct probe_test *probe_test_alloc(struct kunit *test)
{
	struct probe_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->pages = alloc_pages(GFP_KERNEL | __GFP_ZERO, MEMORY_ORDER);
	KUNIT_ASSERT_NOT_NULL(test, t->pages);
	t->probe = kunit_kcalloc(test, NR_PROBES, sizeof(*t->probe),
				 GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->probe);
	test->priv = t;
	return t;
}

void probe_test_free(struct probe_test *t)
{
	unsigned int i;

	for (i = 0; i < NR_PROBES; i++)
		probe_free(&t->probe[i]);
	__free_pages(t->pages, MEMORY_ORDER);
}

/* A test on the fake controller. */
int probe_test_init(struct kunit *test)
{
	struct probe_test *t = probe_test_alloc(test);
	struct asblk_ctrl_params p;

	fake_params(&p);
	t->fake = fake_create(test, &p);
	t->disk = t->fake->disk;
	return 0;
}

void probe_test_exit(struct kunit *test)
{
	struct probe_test *t = test->priv;

	if (!t)
		return;		/* skipped */
	fake_finish_all(t->fake);
	fake_destroy(t->fake);
	probe_test_free(t);
}

struct asblk_counters *probe_counters(struct probe_test *t)
{
	return &asblk_to_equeue(t->fake->q)->count;
}

static void probe_end(struct bio *bio)
{
	struct probe_bio *b = bio->bi_private;
	struct probe *p = b->probe;

	if (bio->bi_status == BLK_STS_OK) {
		p->good += p->bytes / p->nr;
	} else if (b->offset < p->bad) {
		p->bad = b->offset;
		p->status = bio->bi_status;
	}
	if (++p->ends == p->nr)
		complete(&p->done);
}

/* Send a request that consists of @nr bios. */
struct probe *probe_send_bios(struct kunit *test, unsigned int index,
			      blk_opf_t opf, sector_t sector, u32 bytes,
			      unsigned int nr)
{
	struct probe_test *t = test->priv;
	struct probe *p = &t->probe[index];
	u32 each = bytes / nr;
	struct blk_plug plug;
	unsigned int i;

	probe_free(p);
	memset(p, 0, sizeof(*p));
	init_completion(&p->done);
	p->nr = nr;
	p->bytes = bytes;
	p->bad = U32_MAX;
	/* All of them first: what is merged must not end while more follow. */
	blk_start_plug(&plug);
	for (i = 0; i < nr; i++) {
		struct probe_bio *b = &p->bio[i];

		b->probe = p;
		b->offset = i * each;
		b->bio = bio_alloc(t->disk->gd->part0, 1, opf, GFP_KERNEL);
		b->bio->bi_iter.bi_sector = sector +
					    (b->offset >> SECTOR_SHIFT);
		b->bio->bi_private = b;
		b->bio->bi_end_io = probe_end;
		if (op_is_discard(opf) ||
		    (opf & REQ_OP_MASK) == REQ_OP_WRITE_ZEROES)
			b->bio->bi_iter.bi_size = each;
		else if (each)
			__bio_add_page(b->bio, t->pages, each, b->offset);
		submit_bio(b->bio);
	}
	blk_finish_plug(&plug);
	return p;
}

struct probe *probe_send(struct kunit *test, unsigned int index, blk_opf_t opf,
			 sector_t sector, u32 bytes)
{
	return probe_send_bios(test, index, opf, sector, bytes, 1);
}

/* Bios that end well, then those of @left bytes that end with @status. */
void probe_expect_end(struct kunit *test, struct probe *p, blk_status_t status,
		      u32 left)
{
	/* Errors end in a softirq at the latest. */
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&p->done, 30 * HZ), 0);
	KUNIT_EXPECT_EQ(test, p->ends, p->nr);
	KUNIT_EXPECT_EQ(test, (__force int)p->status, (__force int)status);
	KUNIT_EXPECT_EQ(test, p->bytes - p->good, left);
	if (left)
		KUNIT_EXPECT_EQ(test, p->bad, p->good);
}

/* The block layer issues flushes from a work item of its own. */
void probe_wait_seen(struct kunit *test, unsigned int nr)
{
	struct probe_test *t = test->priv;
	unsigned int tries;

	for (tries = 0; tries < 250 && READ_ONCE(t->fake->nr_seen) < nr;
	     tries++)
		msleep(20);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, nr);
}

void probe_expect_no_end(struct kunit *test, struct probe *p)
{
	KUNIT_EXPECT_EQ(test, p->ends, 0);
}
