// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/delay.h>

#include "test_io.h"

static void tio_free(struct test_io *p)
{
	while (p->nr)
		bio_put(p->bio[--p->nr].bio);
}

struct tio_test *tio_test_alloc(struct kunit *test)
{
	struct tio_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->pages = alloc_pages(GFP_KERNEL | __GFP_ZERO, MEMORY_ORDER);
	KUNIT_ASSERT_NOT_NULL(test, t->pages);
	t->io = kunit_kcalloc(test, NR_TEST_IOS, sizeof(*t->io),
			      GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->io);
	test->priv = t;
	return t;
}

void tio_test_free(struct tio_test *t)
{
	unsigned int i;

	for (i = 0; i < NR_TEST_IOS; i++)
		tio_free(&t->io[i]);
	__free_pages(t->pages, MEMORY_ORDER);
}

/* A test on the fake controller. */
int tio_test_init(struct kunit *test)
{
	struct tio_test *t = tio_test_alloc(test);
	struct asblk_ctrl_params p;

	fake_params(&p);
	t->fake = fake_create(test, &p);
	t->disk = t->fake->disk;
	return 0;
}

void tio_test_exit(struct kunit *test)
{
	struct tio_test *t = test->priv;

	if (!t)
		return;		/* skipped */
	fake_finish_all(t->fake);
	fake_destroy(t->fake);
	tio_test_free(t);
}

struct asblk_counters *tio_counters(struct tio_test *t)
{
	return &asblk_to_hwq(t->fake->q)->count;
}

static void tio_end(struct bio *bio)
{
	struct tio_bio *b = bio->bi_private;
	struct test_io *p = b->io;

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
struct test_io *tio_send_bios(struct kunit *test, unsigned int index,
			      blk_opf_t opf, sector_t sector, u32 bytes,
			      unsigned int nr)
{
	struct tio_test *t = test->priv;
	struct test_io *p = &t->io[index];
	u32 each = bytes / nr;
	struct blk_plug plug;
	unsigned int i;

	tio_free(p);
	memset(p, 0, sizeof(*p));
	init_completion(&p->done);
	p->nr = nr;
	p->bytes = bytes;
	p->bad = U32_MAX;
	/* All of them first: what is merged must not end while more follow. */
	blk_start_plug(&plug);
	for (i = 0; i < nr; i++) {
		struct tio_bio *b = &p->bio[i];

		b->io = p;
		b->offset = i * each;
		b->bio = bio_alloc(t->disk->gd->part0, 1, opf, GFP_KERNEL);
		b->bio->bi_iter.bi_sector = sector +
					    (b->offset >> SECTOR_SHIFT);
		b->bio->bi_private = b;
		b->bio->bi_end_io = tio_end;
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

struct test_io *tio_send(struct kunit *test, unsigned int index, blk_opf_t opf,
			 sector_t sector, u32 bytes)
{
	return tio_send_bios(test, index, opf, sector, bytes, 1);
}

/* Bios that end well, then those of @left bytes that end with @status. */
void tio_expect_end(struct kunit *test, struct test_io *p, blk_status_t status,
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
void tio_wait_seen(struct kunit *test, unsigned int nr)
{
	struct tio_test *t = test->priv;
	unsigned int tries;

	for (tries = 0; tries < 250 && READ_ONCE(t->fake->nr_seen) < nr;
	     tries++)
		msleep(20);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, nr);
}

void tio_expect_no_end(struct kunit *test, struct test_io *p)
{
	KUNIT_EXPECT_EQ(test, p->ends, 0);
}

/* The request of io @index, if it has a slot. */
struct request *tio_request(struct tio_test *t, unsigned int index)
{
	struct asblk_hwq *hwq = asblk_to_hwq(t->fake->q);
	unsigned int i;

	for (i = 0; i < hwq->slots.nr; i++) {
		struct asblk_slot *slot = &hwq->slots.slot[i];

		if (slot->rq && slot->rq->bio == t->io[index].bio[0].bio)
			return slot->rq;
	}
	return NULL;
}

/* A request times out; wait for what recovery does about it. */
bool tio_time_out_rq(struct tio_test *t, struct request *rq)
{
	bool done = asblk_timed_out(asblk_to_hwq(t->fake->q), rq);

	flush_work(&t->fake->ctrl->recovery.work);
	return done;
}

/* The same of that of io @index. */
bool tio_time_out(struct tio_test *t, unsigned int index)
{
	struct request *rq = tio_request(t, index);

	return !rq || tio_time_out_rq(t, rq);
}

enum asblk_ctrl_state tio_state(struct tio_test *t)
{
	return t->fake->ctrl->state;
}

u16 tio_id(struct tio_test *t, unsigned int index)
{
	return t->fake->seen[index].t.id;
}
