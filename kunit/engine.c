// SPDX-License-Identifier: GPL-2.0-only
/* Tests of core/engine.c, on a disk of the fake controller. */
#include <kunit/test.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/prandom.h>
#include <linux/random.h>

#include "core/core.h"
#include "fake.h"

#define PART	SZ_4K

#define MAX_BIOS	512

struct probe;

struct probe_bio {
	struct bio *bio;
	struct probe *probe;
	u32 offset;
};

/* A request, as bios that say when and how they ended. */
struct probe {
	struct probe_bio bio[MAX_BIOS];
	struct completion done;
	unsigned int nr;	/* bios */
	unsigned int ends;
	u32 bytes;
	u32 good;		/* bytes of the bios that ended well */
	u32 bad;		/* lowest offset of those that did not */
	blk_status_t status;	/* of that one */
};

struct engine_test {
	struct fake *fake;
	struct page *pages;
	struct probe *probe;
};

#define NR_PROBES	8
#define MEMORY_ORDER	6	/* 256 KiB */

static void probe_free(struct probe *p)
{
	while (p->nr)
		bio_put(p->bio[--p->nr].bio);
}

static int engine_test_init(struct kunit *test)
{
	struct engine_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct asblk_ctrl_params p;

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->pages = alloc_pages(GFP_KERNEL, MEMORY_ORDER);
	KUNIT_ASSERT_NOT_NULL(test, t->pages);
	fake_params(&p);
	t->probe = kunit_kcalloc(test, NR_PROBES, sizeof(*t->probe),
				 GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->probe);
	t->fake = fake_create(test, &p);
	test->priv = t;
	return 0;
}

static void engine_test_exit(struct kunit *test)
{
	struct engine_test *t = test->priv;
	unsigned int i;

	fake_finish_all(t->fake);
	for (i = 0; i < NR_PROBES; i++)
		probe_free(&t->probe[i]);
	fake_destroy(t->fake);
	__free_pages(t->pages, MEMORY_ORDER);
}

static struct asblk_counters *counters(struct engine_test *t)
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
static struct probe *send_bios(struct kunit *test, unsigned int index,
			       blk_opf_t opf, sector_t sector, u32 bytes,
			       unsigned int nr)
{
	struct engine_test *t = test->priv;
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
		b->bio = bio_alloc(t->fake->disk->gd->part0, 1, opf,
				   GFP_KERNEL);
		b->bio->bi_iter.bi_sector = sector + (b->offset >> SECTOR_SHIFT);
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

static struct probe *send(struct kunit *test, unsigned int index, blk_opf_t opf,
			  sector_t sector, u32 bytes)
{
	return send_bios(test, index, opf, sector, bytes, 1);
}

/* Bios that end well, then those of @left bytes that end with @status. */
static void expect_end(struct kunit *test, struct probe *p, blk_status_t status,
		       u32 left)
{
	/* Errors end in a softirq at the latest. */
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&p->done, 5 * HZ),
			0);
	KUNIT_EXPECT_EQ(test, p->ends, p->nr);
	KUNIT_EXPECT_EQ(test, (__force int)p->status, (__force int)status);
	KUNIT_EXPECT_EQ(test, p->bytes - p->good, left);
	if (left)
		KUNIT_EXPECT_EQ(test, p->bad, p->good);
}

/* The block layer issues flushes from a work item of its own. */
static void wait_seen(struct kunit *test, unsigned int nr)
{
	struct engine_test *t = test->priv;
	unsigned int tries;

	for (tries = 0; tries < 250 && READ_ONCE(t->fake->nr_seen) < nr; tries++)
		msleep(20);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, nr);
}

static void expect_no_end(struct kunit *test, struct probe *p)
{
	KUNIT_EXPECT_EQ(test, p->ends, 0);
}

static void engine_whole(struct kunit *test)
{
	struct engine_test *t = test->priv;
	struct probe *p = send(test, 0, REQ_OP_WRITE | REQ_FUA, 24, PART);
	const struct asblk_transfer *x = &t->fake->seen[0].t;

	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 1);
	KUNIT_EXPECT_EQ(test, t->fake->rings, 1);
	KUNIT_EXPECT_EQ(test, x->op, ASBLK_OP_WRITE);
	KUNIT_EXPECT_EQ(test, x->opts, ASBLK_OPT_FUA);
	KUNIT_EXPECT_EQ(test, x->range.lba, 24);
	KUNIT_EXPECT_EQ(test, x->range.nr_blocks, 8);
	KUNIT_EXPECT_EQ(test, t->fake->seen[0].data, PART);
	expect_no_end(test, p);
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	expect_end(test, p, BLK_STS_OK, 0);
}

static void engine_flush(struct kunit *test)
{
	struct engine_test *t = test->priv;
	struct probe *p = send(test, 0, REQ_OP_WRITE | REQ_PREFLUSH, 0, 0);

	wait_seen(test, 1);
	KUNIT_EXPECT_EQ(test, t->fake->seen[0].t.op, ASBLK_OP_FLUSH);
	KUNIT_EXPECT_EQ(test, t->fake->seen[0].t.nr_segments, 0);
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	expect_end(test, p, BLK_STS_OK, 0);
}

/* A flush that fails, fails; the second try is asked for by the controller. */
static void engine_flush_fails(struct kunit *test)
{
	struct engine_test *t = test->priv;
	struct probe *p = send(test, 0, REQ_OP_WRITE | REQ_PREFLUSH, 0, 0);

	wait_seen(test, 1);
	fake_say(t->fake, t->fake->seen[0].t.id, BLK_STS_IOERR, 0,
		 ASBLK_MAY_RETRY);
	asblk_reap(t->fake->q);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 2);
	KUNIT_EXPECT_EQ(test, t->fake->seen[1].t.op, ASBLK_OP_FLUSH);
	fake_finish(t->fake, 1, BLK_STS_MEDIUM, 0);
	expect_end(test, p, BLK_STS_MEDIUM, 0);
}

/* Parts carry FUA and their own blocks, and are in flight together. */
static void engine_parts(struct kunit *test)
{
	struct engine_test *t = test->priv;
	struct probe *p = send(test, 0, REQ_OP_WRITE | REQ_FUA, 8, 5 * PART);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 5);
	KUNIT_EXPECT_EQ(test, t->fake->rings, 1);
	for (i = 0; i < 5; i++) {
		const struct asblk_transfer *x = &t->fake->seen[i].t;

		KUNIT_EXPECT_EQ(test, x->opts, ASBLK_OPT_FUA);
		KUNIT_EXPECT_EQ(test, x->range.lba, 8 + i * 8);
		KUNIT_EXPECT_EQ(test, x->bytes, PART);
	}
	for (i = 0; i < 5; i++) {
		expect_no_end(test, p);
		fake_finish(t->fake, (i * 2) % 5, BLK_STS_OK, 0);
	}
	expect_end(test, p, BLK_STS_OK, 0);
}

/* 64 parts through 5 slots: the rest is issued from completions. */
static void engine_more_parts_than_slots(struct kunit *test)
{
	struct engine_test *t = test->priv;
	struct probe *p = send(test, 0, REQ_OP_READ, 0, 64 * PART);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 5);
	for (i = 0; i < 64; i++) {
		KUNIT_ASSERT_EQ(test, t->fake->nr_seen, min(i + 5, 64U));
		expect_no_end(test, p);
		KUNIT_EXPECT_EQ(test, t->fake->seen[i].t.range.lba, i * 8);
		fake_finish(t->fake, i, BLK_STS_OK, 0);
	}
	expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 64);
}

/* Four large requests at once: each always has its own tag's slot. */
static void engine_large_requests_share(struct kunit *test)
{
	struct engine_test *t = test->priv;
	struct probe *p[4];
	unsigned int i;

	for (i = 0; i < 4; i++)
		p[i] = send(test, i, REQ_OP_WRITE, i * 2048, 32 * PART);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 8);
	KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake), 4 * 32);
	for (i = 0; i < 4; i++)
		expect_end(test, p[i], BLK_STS_OK, 0);
}

struct error_param {
	const char *name;
	unsigned int parts;
	unsigned int bad;
	u32 good;	/* bytes of the bad part */
	unsigned int also_bad;	/* or the same as bad */
	u32 left;	/* bytes that are not good in the end */
};

static const struct error_param error_params[] = {
	{ "whole request, nothing good", 1, 0, 0, 0, PART },
	{ "whole request, a block good", 1, 0, 512, 0, PART - 512 },
	{ "whole request, all but a block good", 1, 0, PART - 512, 0, 512 },
	{ "whole request, half a block more than one", 1, 0, 768, 0,
	  PART - 512 },
	{ "whole request, all good and still an error", 1, 0, PART, 0, 512 },
	{ "first of five", 5, 0, 0, 0, 5 * PART },
	{ "second of five", 5, 1, 0, 1, 4 * PART },
	{ "third of five", 5, 2, 0, 2, 3 * PART },
	{ "fourth of five", 5, 3, 0, 3, 2 * PART },
	{ "last of five", 5, 4, 0, 4, PART },
	{ "third of five, two blocks good", 5, 2, 1024, 2, 3 * PART - 1024 },
	{ "last of five, all but a block good", 5, 4, PART - 512, 4, 512 },
	{ "second and fourth: the lower wins", 5, 1, 512, 3, 4 * PART - 512 },
	{ "fourth and second: the lower wins", 5, 3, 512, 1, 4 * PART },
	{ "first and last", 5, 0, 0, 4, 5 * PART },
};
KUNIT_ARRAY_PARAM_DESC(error, error_params, name);

/* In every order of completion the same blocks are good in the end. */
static void engine_errors(struct kunit *test)
{
	const struct error_param *e = test->param_value;
	struct engine_test *t = test->priv;
	unsigned int step, i;

	/* Steps through 1 or 5 parts: forward, mixed, and backward. */
	for (step = 1; step < 5; step++) {
		blk_status_t status = e->also_bad < e->bad ? BLK_STS_TARGET :
							     BLK_STS_MEDIUM;
		struct probe *p = send_bios(test, 0, REQ_OP_READ, 64,
					    e->parts * PART,
					    e->parts * PART / FAKE_BLOCK);

		KUNIT_ASSERT_EQ(test, t->fake->nr_seen, e->parts);
		for (i = 0; i < e->parts; i++) {
			unsigned int part = i * step % e->parts;

			expect_no_end(test, p);
			if (part == e->bad)
				fake_finish(t->fake, part, BLK_STS_MEDIUM,
					    e->good);
			else if (part == e->also_bad)
				fake_finish(t->fake, part, BLK_STS_TARGET, 0);
			else
				fake_finish(t->fake, part, BLK_STS_OK, 0);
		}
		expect_end(test, p, status, e->left);
		fake_forget(t->fake);
	}
}

/* After a failure nothing more is issued, and what flies is waited for. */
static void engine_error_stops_issue(struct kunit *test)
{
	struct engine_test *t = test->priv;
	struct probe *p = send_bios(test, 0, REQ_OP_WRITE, 0, 64 * PART, 64);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 5);
	fake_finish(t->fake, 2, BLK_STS_IOERR, 0);
	for (i = 0; i < 5; i++) {
		KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 5);
		if (i == 2)
			continue;
		expect_no_end(test, p);
		fake_finish(t->fake, i, BLK_STS_OK, 0);
	}
	expect_end(test, p, BLK_STS_IOERR, 62 * PART);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 5);
}

/* A short completion without a status is an error all the same. */
static void engine_short_is_an_error(struct kunit *test)
{
	struct engine_test *t = test->priv;
	struct probe *p = send_bios(test, 0, REQ_OP_READ, 0, PART, 8);

	fake_finish(t->fake, 0, BLK_STS_OK, 1024);
	expect_end(test, p, BLK_STS_IOERR, PART - 1024);
	fake_forget(t->fake);
	p = send(test, 0, REQ_OP_READ, 0, PART);
	fake_finish(t->fake, 0, BLK_STS_OK, PART);
	expect_end(test, p, BLK_STS_OK, 0);
}

/* Late, duplicate, out of range: counted, and nothing else. */
static void engine_ids(struct kunit *test)
{
	struct engine_test *t = test->priv;
	struct probe *p = send(test, 0, REQ_OP_READ, 0, 2 * PART);
	u16 first = t->fake->seen[0].t.id, second = t->fake->seen[1].t.id;
	u32 id;

	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	fake_finish(t->fake, 0, BLK_STS_MEDIUM, 0);
	KUNIT_EXPECT_EQ(test, counters(t)->stale, 2);
	for (id = 0; id <= U16_MAX; id++) {
		if (id == second)
			continue;
		fake_say(t->fake, id, id & 1 ? BLK_STS_OK : BLK_STS_IOERR, 0,
			 id & 2 ? ASBLK_MAY_RETRY : 0);
		asblk_reap(t->fake->q);
	}
	expect_no_end(test, p);
	KUNIT_EXPECT_EQ(test, counters(t)->stale, 2 + U16_MAX);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 2);
	fake_finish(t->fake, 1, BLK_STS_OK, 0);
	expect_end(test, p, BLK_STS_OK, 0);
	/* The tag's slot has another generation now. */
	p = send(test, 1, REQ_OP_READ, 0, 2 * PART);
	fake_say(t->fake, first, BLK_STS_IOERR, 0, 0);
	fake_say(t->fake, second, BLK_STS_IOERR, 0, 0);
	asblk_reap(t->fake->q);
	expect_no_end(test, p);
	KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake), 2);
	expect_end(test, p, BLK_STS_OK, 0);
}

/* Twice offered again, then it fails; each time under another ID. */
static void engine_retries(struct kunit *test)
{
	struct engine_test *t = test->priv;
	struct probe *p = send_bios(test, 0, REQ_OP_WRITE, 16, 3 * PART, 24);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 3);
	fake_say(t->fake, t->fake->seen[1].t.id, BLK_STS_IOERR, 512,
		 ASBLK_MAY_RETRY);
	asblk_reap(t->fake->q);
	for (i = 3; i < 5; i++) {
		KUNIT_ASSERT_EQ(test, t->fake->nr_seen, i + 1);
		KUNIT_EXPECT_EQ(test, t->fake->seen[i].t.range.lba, 24);
		KUNIT_EXPECT_EQ(test, t->fake->seen[i].data, PART);
		KUNIT_EXPECT_NE(test, t->fake->seen[i].t.id,
				t->fake->seen[i - 1].t.id);
		fake_say(t->fake, t->fake->seen[i].t.id, BLK_STS_IOERR, 512,
			 ASBLK_MAY_RETRY);
		asblk_reap(t->fake->q);
	}
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 5);
	KUNIT_EXPECT_EQ(test, counters(t)->retries, 2);
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	fake_finish(t->fake, 2, BLK_STS_OK, 0);
	expect_end(test, p, BLK_STS_IOERR, 2 * PART - 512);
}

static void engine_retry_helps(struct kunit *test)
{
	struct engine_test *t = test->priv;
	struct probe *p = send(test, 0, REQ_OP_WRITE, 16, PART);

	fake_say(t->fake, t->fake->seen[0].t.id, BLK_STS_IOERR, 0,
		 ASBLK_MAY_RETRY);
	asblk_reap(t->fake->q);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 2);
	fake_finish(t->fake, 1, BLK_STS_OK, 0);
	expect_end(test, p, BLK_STS_OK, 0);
}

/* A busy controller is asked again: after a while if nothing is in flight... */
static void engine_busy_alone(struct kunit *test)
{
	struct engine_test *t = test->priv;
	u32 bytes[] = { PART, 3 * PART };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bytes); i++) {
		struct probe *p;

		t->fake->busy = 3;
		p = send(test, 0, REQ_OP_READ, 0, bytes[i]);
		KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 0);
		wait_seen(test, bytes[i] / PART);
		KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake),
				bytes[i] / PART);
		expect_end(test, p, BLK_STS_OK, 0);
		fake_forget(t->fake);
	}
	KUNIT_EXPECT_EQ(test, counters(t)->busy, 6);
}

/* ...and at the next completion if something is. */
static void engine_busy_with_others(struct kunit *test)
{
	struct engine_test *t = test->priv;
	struct probe *p, *other = send(test, 0, REQ_OP_READ, 0, PART);

	t->fake->busy = 1;
	p = send(test, 1, REQ_OP_WRITE, 8, 2 * PART);
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	expect_end(test, other, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 3);
	fake_finish_all(t->fake);
	expect_end(test, p, BLK_STS_OK, 0);
}

static void engine_refused(struct kunit *test)
{
	struct engine_test *t = test->priv;
	struct probe *p;

	t->fake->final = BLK_STS_TRANSPORT;
	p = send(test, 0, REQ_OP_READ, 0, PART);
	expect_end(test, p, BLK_STS_TRANSPORT, PART);
	t->fake->final = BLK_STS_TRANSPORT;
	p = send(test, 0, REQ_OP_READ, 0, 4 * PART);
	expect_end(test, p, BLK_STS_TRANSPORT, 4 * PART);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 0);
	KUNIT_EXPECT_EQ(test, counters(t)->errors, 2);
}

/* Write zeroes and discards split by their own limits. */
static void engine_ranges(struct kunit *test)
{
	struct engine_test *t = test->priv;
	struct probe *p = send(test, 0, REQ_OP_WRITE_ZEROES | REQ_NOUNMAP, 0,
			       5 * SZ_1M / 2);

	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 3);
	KUNIT_EXPECT_EQ(test, t->fake->seen[0].t.opts, ASBLK_OPT_NOUNMAP);
	KUNIT_EXPECT_EQ(test, t->fake->seen[2].t.range.lba,
			2 * SZ_1M / FAKE_BLOCK);
	KUNIT_EXPECT_EQ(test, t->fake->seen[2].t.range.nr_blocks,
			SZ_1M / 2 / FAKE_BLOCK);
	fake_finish_all(t->fake);
	expect_end(test, p, BLK_STS_OK, 0);

	fake_forget(t->fake);
	p = send(test, 0, REQ_OP_DISCARD, 0, 5 * SZ_1M);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 3);
	KUNIT_EXPECT_EQ(test, t->fake->seen[0].t.nr_ranges, 2);
	fake_finish(t->fake, 1, BLK_STS_IOERR, 0);
	fake_finish_all(t->fake);
	/* An unmap fails as a whole. */
	expect_end(test, p, BLK_STS_IOERR, 5 * SZ_1M);
}

/* Beyond the medium the driver itself says no. */
static void engine_range_check(struct kunit *test)
{
	struct engine_test *t = test->priv;
	struct probe *p;

	WRITE_ONCE(t->fake->disk->unit.nr_sectors, 16);
	p = send(test, 0, REQ_OP_READ, 8, 2 * PART);
	expect_end(test, p, BLK_STS_IOERR, 2 * PART);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 0);
	p = send(test, 0, REQ_OP_READ, 8, PART);
	KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake), 1);
	expect_end(test, p, BLK_STS_OK, 0);
}

static void engine_atomic_is_not_split(struct kunit *test)
{
	struct engine_test *t = test->priv;
	struct request_queue *q = t->fake->disk->gd->queue;
	struct probe *p;

	KUNIT_EXPECT_EQ(test, queue_atomic_write_unit_max_bytes(q), SZ_4K);
	p = send(test, 0, REQ_OP_WRITE | REQ_ATOMIC, 8, PART);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 1);
	KUNIT_EXPECT_EQ(test, t->fake->seen[0].t.opts, ASBLK_OPT_ATOMIC);
	fake_finish_all(t->fake);
	expect_end(test, p, BLK_STS_OK, 0);
	/* The block layer refuses the larger one before the engine has to. */
	fake_forget(t->fake);
	p = send(test, 0, REQ_OP_WRITE | REQ_ATOMIC, 8, 2 * PART);
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&p->done, HZ), 0);
	KUNIT_EXPECT_NE(test, (__force int)p->status, 0);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 0);
}

#define RANDOM_ROUNDS	300

/* Random sizes, orders, failures: what is good is what was before the first. */
static void engine_property(struct kunit *test)
{
	struct engine_test *t = test->priv;
	u64 seed = get_random_u64();
	struct rnd_state rnd;
	unsigned int round;

	kunit_info(test, "seed %#llx", seed);
	prandom_seed_state(&rnd, seed);
	for (round = 0; round < RANDOM_ROUNDS; round++) {
		u32 blocks = 1 + prandom_u32_state(&rnd) % (48 * 8);
		u32 bytes = blocks * FAKE_BLOCK, bad = bytes;
		struct probe *p = send_bios(test, 0, REQ_OP_WRITE, 0, bytes,
					    blocks);

		while (!completion_done(&p->done)) {
			unsigned int i, flying = 0, pick = 0;
			u32 offset;

			for (i = 0; i < t->fake->nr_seen; i++)
				if (!t->fake->seen[i].done &&
				    prandom_u32_state(&rnd) % ++flying == 0)
					pick = i;
			if (!flying)
				break;
			offset = t->fake->seen[pick].t.range.lba * FAKE_BLOCK;
			if (prandom_u32_state(&rnd) % 16) {
				fake_finish(t->fake, pick, BLK_STS_OK, 0);
			} else {
				fake_finish(t->fake, pick, BLK_STS_MEDIUM, 0);
				bad = min(bad, offset);
			}
		}
		expect_end(test, p, bad == bytes ? BLK_STS_OK : BLK_STS_MEDIUM,
			   bytes - bad);
		fake_forget(t->fake);
	}
}

struct create_param {
	const char *name;
	unsigned int queues;
	unsigned int depth;
	u32 max_bytes;
	int start_err;
	int err;
};

static const struct create_param create_params[] = {
	{ "no queues", 0, 4, SZ_4K, 0, -EINVAL },
	{ "too many queues", UINT_MAX, 4, SZ_4K, 0, -EINVAL },
	{ "no depth", 1, 0, SZ_4K, 0, -EINVAL },
	{ "too much depth", 1, ASBLK_MAX_QUEUE_DEPTH + 1, SZ_4K, 0, -EINVAL },
	{ "no transfer", 1, 4, 0, 0, -EINVAL },
	{ "a queue that does not start", 1, 4, SZ_4K, -EIO, -EIO },
	{ "good", 1, 4, SZ_4K, 0, 0 },
};
KUNIT_ARRAY_PARAM_DESC(create, create_params, name);

static void engine_create(struct kunit *test)
{
	const struct create_param *c = test->param_value;
	struct engine_test *t = test->priv;
	struct asblk_ctrl_params p;
	struct fake other = { .start_err = c->start_err };
	struct asblk_ctrl *ctrl;

	fake_params(&p);
	p.nr_queues = c->queues;
	p.queue_depth = c->depth;
	p.limits.max_bytes = c->max_bytes;
	ctrl = asblk_ctrl_create(t->fake->ctrl->ops, &p, NULL, &other);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(ctrl), c->err);
	if (!IS_ERR(ctrl))
		asblk_ctrl_destroy(ctrl);
}

/* A part to be offered again is not, once the request has failed before it. */
static void engine_retry_after_failure(struct kunit *test)
{
	struct engine_test *t = test->priv;
	struct probe *p = send_bios(test, 0, REQ_OP_WRITE, 0, 64 * PART, 64);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 5);
	fake_say(t->fake, t->fake->seen[2].t.id, BLK_STS_IOERR, 0,
		 ASBLK_MAY_RETRY);
	fake_say(t->fake, t->fake->seen[1].t.id, BLK_STS_TARGET, 0, 0);
	for (i = 0; i < 5; i++) {
		t->fake->seen[i].done = true;
		if (i != 1 && i != 2)
			fake_say(t->fake, t->fake->seen[i].t.id, BLK_STS_OK, 0,
				 0);
	}
	asblk_reap(t->fake->q);
	expect_end(test, p, BLK_STS_TARGET, 63 * PART);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 5);
}

/* The only part in flight is refused for good while more wait for a slot. */
static void engine_retry_is_refused(struct kunit *test)
{
	struct engine_test *t = test->priv;
	struct probe *p;
	unsigned int i;

	p = send_bios(test, 0, REQ_OP_WRITE, 0, 64 * PART, 64);
	for (i = 1; i < 5; i++)
		fake_finish(t->fake, i, BLK_STS_OK, 0);
	fake_say(t->fake, t->fake->seen[0].t.id, BLK_STS_IOERR, 0,
		 ASBLK_MAY_RETRY);
	t->fake->seen[0].done = true;
	t->fake->final = BLK_STS_TRANSPORT;
	asblk_reap(t->fake->q);
	fake_finish_all(t->fake);
	expect_end(test, p, BLK_STS_TRANSPORT, 64 * PART);
}

/* Ranges of a discard come in any order, up to the end of the medium. */
static void engine_discard_any_order(struct kunit *test)
{
	struct engine_test *t = test->priv;
	sector_t end = get_capacity(t->fake->disk->gd);
	struct probe *p[2];
	struct blk_plug plug;

	blk_start_plug(&plug);
	p[0] = send(test, 0, REQ_OP_DISCARD, end - 8, PART);
	p[1] = send(test, 1, REQ_OP_DISCARD, 0, PART);
	blk_finish_plug(&plug);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 1);
	KUNIT_EXPECT_EQ(test, t->fake->seen[0].t.nr_ranges, 2);
	KUNIT_EXPECT_EQ(test, t->fake->seen[0].t.nr_segments, 0);
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	expect_end(test, p[0], BLK_STS_OK, 0);
	expect_end(test, p[1], BLK_STS_OK, 0);
	/* Each of them is checked, not their sum. */
	WRITE_ONCE(t->fake->disk->unit.nr_sectors, end - 8);
	blk_start_plug(&plug);
	p[0] = send(test, 0, REQ_OP_DISCARD, 0, PART);
	p[1] = send(test, 1, REQ_OP_DISCARD, end - 8, PART);
	blk_finish_plug(&plug);
	expect_end(test, p[0], BLK_STS_IOERR, PART);
	expect_end(test, p[1], BLK_STS_IOERR, PART);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 1);
}

/* Merged atomic writes are cut between bios only. */
static void engine_atomic_merged(struct kunit *test)
{
	struct engine_test *t = test->priv;
	struct asblk_ctrl_params params;
	struct fake *fake = t->fake;
	struct probe *p;

	fake_params(&params);
	params.limits.max_segments = 5;
	t->fake = fake_create(test, &params);
	p = send_bios(test, 0, REQ_OP_WRITE | REQ_ATOMIC, 0, PART, 8);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 2);
	KUNIT_EXPECT_EQ(test, t->fake->seen[0].t.bytes, 5 * FAKE_BLOCK);
	KUNIT_EXPECT_EQ(test, t->fake->seen[1].t.bytes, 3 * FAKE_BLOCK);
	fake_finish_all(t->fake);
	expect_end(test, p, BLK_STS_OK, 0);
	fake_destroy(t->fake);
	t->fake = fake;
}

static struct kunit_case engine_cases[] = {
	KUNIT_CASE(engine_whole),
	KUNIT_CASE(engine_flush),
	KUNIT_CASE(engine_flush_fails),
	KUNIT_CASE(engine_parts),
	KUNIT_CASE(engine_more_parts_than_slots),
	KUNIT_CASE(engine_large_requests_share),
	KUNIT_CASE_PARAM(engine_errors, error_gen_params),
	KUNIT_CASE(engine_error_stops_issue),
	KUNIT_CASE(engine_short_is_an_error),
	KUNIT_CASE_SLOW(engine_ids),
	KUNIT_CASE(engine_retries),
	KUNIT_CASE(engine_retry_helps),
	KUNIT_CASE(engine_busy_alone),
	KUNIT_CASE(engine_busy_with_others),
	KUNIT_CASE(engine_refused),
	KUNIT_CASE(engine_ranges),
	KUNIT_CASE(engine_range_check),
	KUNIT_CASE(engine_retry_after_failure),
	KUNIT_CASE(engine_retry_is_refused),
	KUNIT_CASE(engine_discard_any_order),
	KUNIT_CASE(engine_atomic_is_not_split),
	KUNIT_CASE(engine_atomic_merged),
	KUNIT_CASE_SLOW(engine_property),
	KUNIT_CASE_PARAM(engine_create, create_gen_params),
	{}
};

static struct kunit_suite engine_suite = {
	.name = "asblk_engine",
	.init = engine_test_init,
	.exit = engine_test_exit,
	.test_cases = engine_cases,
};
kunit_test_suite(engine_suite);
