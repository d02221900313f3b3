// SPDX-License-Identifier: GPL-2.0-only
/* Tests of core/submit.c, on a disk of the fake controller. */
#include <kunit/test.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/prandom.h>
#include <linux/random.h>

#include "test_io.h"

static void engine_whole(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE | REQ_FUA, 24, PART);
	const struct asblk_transfer *x = &t->fake->seen[0].t;

	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 1);
	KUNIT_EXPECT_EQ(test, t->fake->rings, 1);
	KUNIT_EXPECT_EQ(test, x->op, ASBLK_OP_WRITE);
	KUNIT_EXPECT_EQ(test, x->opts, ASBLK_OPT_FUA);
	KUNIT_EXPECT_EQ(test, x->range.lba, 24);
	KUNIT_EXPECT_EQ(test, x->range.nr_blocks, 8);
	KUNIT_EXPECT_EQ(test, t->fake->seen[0].data, PART);
	tio_expect_no_end(test, p);
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

static void engine_flush(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE | REQ_PREFLUSH, 0, 0);

	tio_wait_seen(test, 1);
	KUNIT_EXPECT_EQ(test, t->fake->seen[0].t.op, ASBLK_OP_FLUSH);
	KUNIT_EXPECT_EQ(test, t->fake->seen[0].t.nr_segments, 0);
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* Parts carry FUA and their own blocks, and are in flight together. */
static void engine_parts(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE | REQ_FUA, 8, 5 * PART);
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
		tio_expect_no_end(test, p);
		fake_finish(t->fake, (i * 2) % 5, BLK_STS_OK, 0);
	}
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* 64 parts through 5 slots: the rest is issued from completions. */
static void engine_more_parts_than_slots(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_READ, 0, 64 * PART);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 5);
	for (i = 0; i < 64; i++) {
		KUNIT_ASSERT_EQ(test, t->fake->nr_seen, min(i + 5, 64U));
		tio_expect_no_end(test, p);
		KUNIT_EXPECT_EQ(test, t->fake->seen[i].t.range.lba, i * 8);
		fake_finish(t->fake, i, BLK_STS_OK, 0);
	}
	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 64);
}

/* Four large requests at once: each always has its own tag's slot. */
static void engine_large_requests_share(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p[4];
	unsigned int i;

	for (i = 0; i < 4; i++)
		p[i] = tio_send(test, i, REQ_OP_WRITE, i * 2048, 32 * PART);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 8);
	KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake), 4 * 32);
	for (i = 0; i < 4; i++)
		tio_expect_end(test, p[i], BLK_STS_OK, 0);
}

/* A busy controller is asked again: after a while if nothing is in flight... */
static void engine_busy_alone(struct kunit *test)
{
	struct tio_test *t = test->priv;
	u32 bytes[] = { PART, 3 * PART };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bytes); i++) {
		struct test_io *p;

		t->fake->busy = 3;
		p = tio_send(test, 0, REQ_OP_READ, 0, bytes[i]);
		tio_wait_seen(test, bytes[i] / PART);
		KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake),
				bytes[i] / PART);
		tio_expect_end(test, p, BLK_STS_OK, 0);
		fake_forget(t->fake);
	}
	KUNIT_EXPECT_EQ(test, tio_counters(t)->busy, 6);
}

/* ...and at the next completion if something is. */
static void engine_busy_with_others(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p, *other = tio_send(test, 0, REQ_OP_READ, 0, PART);

	t->fake->busy = 1;
	p = tio_send(test, 1, REQ_OP_WRITE, 8, 2 * PART);
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	tio_expect_end(test, other, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 3);
	fake_finish_all(t->fake);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

static void engine_refused(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p;

	t->fake->final = BLK_STS_TRANSPORT;
	p = tio_send(test, 0, REQ_OP_READ, 0, PART);
	tio_expect_end(test, p, BLK_STS_TRANSPORT, PART);
	t->fake->final = BLK_STS_TRANSPORT;
	p = tio_send(test, 0, REQ_OP_READ, 0, 4 * PART);
	tio_expect_end(test, p, BLK_STS_TRANSPORT, 4 * PART);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 0);
	KUNIT_EXPECT_EQ(test, tio_counters(t)->errors, 2);
}

/* Write zeroes and discards split by their own limits. */
static void engine_ranges(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE_ZEROES | REQ_NOUNMAP, 0,
			       5 * SZ_1M / 2);

	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 3);
	KUNIT_EXPECT_EQ(test, t->fake->seen[0].t.opts, ASBLK_OPT_NOUNMAP);
	KUNIT_EXPECT_EQ(test, t->fake->seen[2].t.range.lba,
			2 * SZ_1M / FAKE_BLOCK);
	KUNIT_EXPECT_EQ(test, t->fake->seen[2].t.range.nr_blocks,
			SZ_1M / 2 / FAKE_BLOCK);
	fake_finish_all(t->fake);
	tio_expect_end(test, p, BLK_STS_OK, 0);

	fake_forget(t->fake);
	p = tio_send(test, 0, REQ_OP_DISCARD, 0, 5 * SZ_1M);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 3);
	KUNIT_EXPECT_EQ(test, t->fake->seen[0].t.nr_ranges, 2);
	fake_finish(t->fake, 1, BLK_STS_IOERR, 0);
	fake_finish_all(t->fake);
	/* An unmap fails as a whole. */
	tio_expect_end(test, p, BLK_STS_IOERR, 5 * SZ_1M);
}

/* Beyond the medium the driver itself says no. */
static void engine_range_check(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p;

	WRITE_ONCE(t->fake->disk->unit.nr_sectors, 16);
	p = tio_send(test, 0, REQ_OP_READ, 8, 2 * PART);
	tio_expect_end(test, p, BLK_STS_IOERR, 2 * PART);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 0);
	p = tio_send(test, 0, REQ_OP_READ, 8, PART);
	KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake), 1);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* A medium has one of the kind that it has, or none. */
static void engine_unique_id(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct asblk_disk *disk = t->fake->disk;
	struct gendisk *gd = disk->gd;
	u8 id[16] = { };

	memset(disk->params.wwid, 0, sizeof(disk->params.wwid));
	KUNIT_EXPECT_EQ(test, gd->fops->get_unique_id(gd, id, BLK_UID_EUI64), -EINVAL);
	disk->params.wwid[15] = 0x5a;
	KUNIT_EXPECT_EQ(test, gd->fops->get_unique_id(gd, id, BLK_UID_NAA), -EINVAL);
	KUNIT_EXPECT_EQ(test, id[15], 0);
	KUNIT_EXPECT_EQ(test, gd->fops->get_unique_id(gd, id, BLK_UID_EUI64), 16);
	KUNIT_EXPECT_EQ(test, id[15], 0x5a);
}

static void engine_atomic_is_not_split(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct request_queue *q = t->fake->disk->gd->queue;
	struct test_io *p;

	KUNIT_EXPECT_EQ(test, queue_atomic_write_unit_max_bytes(q), SZ_4K);
	p = tio_send(test, 0, REQ_OP_WRITE | REQ_ATOMIC, 8, PART);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 1);
	KUNIT_EXPECT_EQ(test, t->fake->seen[0].t.opts, ASBLK_OPT_ATOMIC);
	fake_finish_all(t->fake);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	/* The block layer refuses the larger one before the engine has to. */
	fake_forget(t->fake);
	p = tio_send(test, 0, REQ_OP_WRITE | REQ_ATOMIC, 8, 2 * PART);
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&p->done, HZ), 0);
	KUNIT_EXPECT_NE(test, (__force int)p->status, 0);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 0);
}

#define RANDOM_ROUNDS	300

/* Random sizes, orders, failures: what is good is what was before the first. */
static void engine_property(struct kunit *test)
{
	struct tio_test *t = test->priv;
	u64 seed = get_random_u64();
	struct rnd_state rnd;
	unsigned int round;

	kunit_info(test, "seed %#llx", seed);
	prandom_seed_state(&rnd, seed);
	for (round = 0; round < RANDOM_ROUNDS; round++) {
		u32 blocks = 1 + prandom_u32_state(&rnd) % (48 * 8);
		u32 bytes = blocks * FAKE_BLOCK, bad = bytes;
		struct test_io *p = tio_send_bios(test, 0, REQ_OP_WRITE, 0, bytes,
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
		tio_expect_end(test, p, bad == bytes ? BLK_STS_OK : BLK_STS_MEDIUM,
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
	struct tio_test *t = test->priv;
	struct asblk_ctrl_params p;
	struct asblk_ctrl *ctrl;
	struct fake *other;

	other = kunit_kzalloc(test, sizeof(*other), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, other);
	other->start_err = c->start_err;
	fake_params(&p);
	p.nr_queues = c->queues;
	p.queue_depth = c->depth;
	p.limits.max_bytes = c->max_bytes;
	ctrl = asblk_ctrl_create(t->fake->ctrl->ops, &p, NULL, other);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(ctrl), c->err);
	if (!IS_ERR(ctrl))
		asblk_ctrl_destroy(ctrl);
}

/* Ranges of a discard come in any order, up to the end of the medium. */
static void engine_discard_any_order(struct kunit *test)
{
	struct tio_test *t = test->priv;
	sector_t end = get_capacity(t->fake->disk->gd);
	struct test_io *p[2];
	struct blk_plug plug;

	blk_start_plug(&plug);
	p[0] = tio_send(test, 0, REQ_OP_DISCARD, end - 8, PART);
	p[1] = tio_send(test, 1, REQ_OP_DISCARD, 0, PART);
	blk_finish_plug(&plug);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 1);
	KUNIT_EXPECT_EQ(test, t->fake->seen[0].t.nr_ranges, 2);
	KUNIT_EXPECT_EQ(test, t->fake->seen[0].t.nr_segments, 0);
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	tio_expect_end(test, p[0], BLK_STS_OK, 0);
	tio_expect_end(test, p[1], BLK_STS_OK, 0);
	/* Each of them is checked, not their sum. */
	WRITE_ONCE(t->fake->disk->unit.nr_sectors, end - 8);
	blk_start_plug(&plug);
	p[0] = tio_send(test, 0, REQ_OP_DISCARD, 0, PART);
	p[1] = tio_send(test, 1, REQ_OP_DISCARD, end - 8, PART);
	blk_finish_plug(&plug);
	tio_expect_end(test, p[0], BLK_STS_IOERR, PART);
	tio_expect_end(test, p[1], BLK_STS_IOERR, PART);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 1);
}

/* Merged atomic writes are cut between bios only. */
static void engine_atomic_merged(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct asblk_ctrl_params params;
	struct fake *fake = t->fake;
	struct test_io *p;

	fake_params(&params);
	params.limits.max_segments = 5;
	t->fake = fake_create(test, &params);
	t->disk = t->fake->disk;
	p = tio_send_bios(test, 0, REQ_OP_WRITE | REQ_ATOMIC, 0, PART, 8);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 2);
	KUNIT_EXPECT_EQ(test, t->fake->seen[0].t.bytes, 5 * FAKE_BLOCK);
	KUNIT_EXPECT_EQ(test, t->fake->seen[1].t.bytes, 3 * FAKE_BLOCK);
	fake_finish_all(t->fake);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	fake_destroy(t->fake);
	t->fake = fake;
	t->disk = fake->disk;
}

/* A busy controller is asked once at a time, for whoever came first; the others follow. */
static void engine_busy_once(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct fake *fake = t->fake;
	struct test_io *p[5];
	unsigned int i;
	u64 order[7];

	p[0] = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	fake->busy = UINT_MAX;
	/* One of three parts, one of one, one with a range. */
	p[1] = tio_send(test, 1, REQ_OP_WRITE, 1024, 3 * PART);
	p[2] = tio_send(test, 2, REQ_OP_READ, 2048, PART);
	p[3] = tio_send(test, 3, REQ_OP_DISCARD, 3072, PART);
	for (i = 1; i < min_t(unsigned int, fake->nr_offered, FAKE_MAX_TRANSFERS); i++)
		KUNIT_EXPECT_EQ(test, fake->offered[i], 1024);
	/* A batch with a completion asks once more. */
	i = fake->nr_offered;
	asblk_reap(fake->q);
	KUNIT_EXPECT_LE(test, fake->nr_offered, i + 2);
	fake->busy = 0;
	fake_finish(fake, 0, BLK_STS_OK, 0);
	tio_expect_end(test, p[0], BLK_STS_OK, 0);
	KUNIT_ASSERT_EQ(test, fake->nr_seen, 6);
	for (i = 1; i < 6; i++)
		order[i] = fake->seen[i].t.range.lba;
	KUNIT_EXPECT_EQ(test, order[1], 1024);
	KUNIT_EXPECT_EQ(test, order[2], 1032);
	KUNIT_EXPECT_EQ(test, order[3], 1040);
	KUNIT_EXPECT_EQ(test, order[4], 2048);
	KUNIT_EXPECT_EQ(test, order[5], 3072);
	fake_finish_all(fake);
	for (i = 1; i < 4; i++)
		tio_expect_end(test, p[i], BLK_STS_OK, 0);
}

/*
 * With all slots of the pool taken each request goes on with the one of its own tag; what
 * comes back to the pool goes to who came first.
 */
static void engine_starved(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct fake *fake = t->fake;
	struct test_io *p[4];
	unsigned int i;

	/* Five slots: its tag's and the pool's. */
	p[0] = tio_send(test, 0, REQ_OP_WRITE, 0, 20 * PART);
	KUNIT_ASSERT_EQ(test, fake->nr_seen, 5);
	/* Each of these has its own. */
	for (i = 1; i < 4; i++)
		p[i] = tio_send(test, i, REQ_OP_WRITE, 1024 * i, 3 * PART);
	KUNIT_ASSERT_EQ(test, fake->nr_seen, 8);
	/* A tag's slot is its request's again. */
	fake_finish(fake, 6, BLK_STS_OK, 0);
	KUNIT_ASSERT_EQ(test, fake->nr_seen, 9);
	KUNIT_EXPECT_EQ(test, fake->seen[8].t.range.lba, 2048 + 8);
	/* One of the pool: the first's. */
	fake_finish(fake, 2, BLK_STS_OK, 0);
	KUNIT_ASSERT_EQ(test, fake->nr_seen, 10);
	KUNIT_EXPECT_EQ(test, fake->seen[9].t.range.lba, 5 * 8);
	fake_finish_all(fake);
	for (i = 0; i < 4; i++)
		tio_expect_end(test, p[i], BLK_STS_OK, 0);
}

static struct kunit_case engine_cases[] = {
	KUNIT_CASE(engine_whole),
	KUNIT_CASE(engine_flush),
	KUNIT_CASE(engine_parts),
	KUNIT_CASE(engine_more_parts_than_slots),
	KUNIT_CASE(engine_large_requests_share),
	KUNIT_CASE(engine_busy_alone),
	KUNIT_CASE(engine_busy_with_others),
	KUNIT_CASE(engine_busy_once),
	KUNIT_CASE(engine_starved),
	KUNIT_CASE(engine_refused),
	KUNIT_CASE(engine_ranges),
	KUNIT_CASE(engine_range_check),
	KUNIT_CASE(engine_unique_id),
	KUNIT_CASE(engine_discard_any_order),
	KUNIT_CASE(engine_atomic_is_not_split),
	KUNIT_CASE(engine_atomic_merged),
	KUNIT_CASE_ATTR(engine_property, { .speed = KUNIT_SPEED_VERY_SLOW }),
	KUNIT_CASE_PARAM(engine_create, create_gen_params),
	{}
};

static struct kunit_suite engine_suite = {
	.name = "asblk_engine",
	.init = tio_test_init,
	.exit = tio_test_exit,
	.test_cases = engine_cases,
};
kunit_test_suite(engine_suite);
