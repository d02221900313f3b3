// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the emulated controller as a whole: every rung of the recovery ladder,
 * for an interrupt and for a polled queue alike, from real timeouts.
 */
#include <kunit/test.h>
#include <linux/blkdev.h>
#include <linux/delay.h>

#include "emul/emul.h"
#include "probe.h"

/* Long enough for a command on a slow machine, short enough to wait for. */
#define TIMEOUT		(HZ / 4)

static struct emul *emul_of(struct kunit *test)
{
	struct probe_test *t = test->priv;

	return t->priv;
}

static int emul_test_init(struct kunit *test)
{
	struct probe_test *t = probe_test_alloc(test);
	const struct emul_params p = {
		.size = SZ_16M, .memory_limit = SZ_16M, .queues = 1,
		.queue_depth = 16, .block_size = 512, .physical_block_size = 4096,
		.limits = {
			.max_bytes = SZ_4K, .max_segments = 4,
			.max_segment_bytes = SZ_4K, .seg_boundary_mask = U64_MAX,
			.max_ranges = 4, .max_range_bytes = SZ_1M,
		},
	};
	struct emul *emul = emul_create(&p, 900);

	KUNIT_ASSERT_FALSE(test, IS_ERR(emul));
	t->priv = emul;
	t->disk = emul->disk;
	blk_queue_rq_timeout(t->disk->gd->queue, TIMEOUT);
	emul_hooks_enable(true);
	return 0;
}

static void emul_test_exit(struct kunit *test)
{
	struct probe_test *t = test->priv;

	emul_destroy(t->priv);
	emul_hooks_enable(false);
	probe_test_free(t);
}

static const struct asblk_counters *counters(struct kunit *test)
{
	return &emul_of(test)->ctrl->queues[0].count;
}

static void emul_lost_interrupt(struct kunit *test)
{
	unsigned int tries;
	struct probe *p;

	emul_of(test)->queue[0].hooks.drop_interrupts = 1;
	p = probe_send(test, 0, REQ_OP_WRITE, 0, 4 * PART);
	probe_expect_end(test, p, BLK_STS_OK, 0);
	/* Counted just after that. */
	for (tries = 0; tries < 100 && !READ_ONCE(counters(test)->lost_interrupts);
	     tries++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, counters(test)->lost_interrupts, 1);
	KUNIT_EXPECT_EQ(test, counters(test)->aborts, 0);
}

static void emul_aborted(struct kunit *test)
{
	struct probe *p;

	emul_of(test)->queue[0].hooks.drop_completions = 2;
	p = probe_send(test, 0, REQ_OP_WRITE, 0, 4 * PART);
	probe_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, counters(test)->aborts, 2);
	KUNIT_EXPECT_EQ(test, counters(test)->retries, 2);
	KUNIT_EXPECT_EQ(test, counters(test)->resets, 0);
}

static void emul_queue_reset(struct kunit *test)
{
	struct emul_hooks *h = &emul_of(test)->queue[0].hooks;
	struct probe *p, *other;

	h->heals = EMUL_HEALS_QUEUE;
	h->hang = true;
	p = probe_send(test, 0, REQ_OP_WRITE, 0, 4 * PART);
	other = probe_send(test, 1, REQ_OP_READ, 512, PART);
	probe_expect_end(test, p, BLK_STS_OK, 0);
	probe_expect_end(test, other, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, counters(test)->resets, 1);
	KUNIT_EXPECT_EQ(test, emul_of(test)->ctrl->recovery.resets, 0);
}

static void emul_ctrl_reset(struct kunit *test)
{
	struct emul_hooks *h = &emul_of(test)->queue[0].hooks;
	struct probe *p;

	h->heals = EMUL_HEALS_CTRL;
	h->hang = true;
	p = probe_send(test, 0, REQ_OP_WRITE | REQ_FUA, 0, 4 * PART);
	probe_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, emul_of(test)->ctrl->recovery.resets, 1);
}

static void emul_fatal(struct kunit *test)
{
	struct emul_hooks *h = &emul_of(test)->queue[0].hooks;
	struct probe *p;

	h->heals = EMUL_HEALS_NEVER;
	h->hang = true;
	p = probe_send(test, 0, REQ_OP_WRITE, 0, 4 * PART);
	probe_expect_end(test, p, BLK_STS_OFFLINE, 4 * PART);
	p = probe_send(test, 1, REQ_OP_READ, 0, PART);
	probe_expect_end(test, p, BLK_STS_OFFLINE, PART);
	KUNIT_EXPECT_EQ(test, (int)emul_of(test)->ctrl->recovery.state,
			ASBLK_CTRL_DEAD);
}

/* What was lost comes after all, when others have its place. */
static void emul_late(struct kunit *test)
{
	struct emul_hooks *h = &emul_of(test)->queue[0].hooks;
	struct probe *p;

	h->heals = EMUL_HEALS_QUEUE;
	h->drop_completions = 3;
	p = probe_send(test, 0, REQ_OP_WRITE, 0, 3 * PART);
	probe_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, counters(test)->stale, 0);
	emul_hooks_late(&emul_of(test)->queue[0]);
	msleep(20);
	KUNIT_EXPECT_EQ(test, counters(test)->stale, 3);
	p = probe_send(test, 0, REQ_OP_READ, 0, 3 * PART);
	probe_expect_end(test, p, BLK_STS_OK, 0);
}

static void emul_duplicates(struct kunit *test)
{
	struct probe *p;
	unsigned int i;

	emul_of(test)->queue[0].hooks.duplicates = 40;
	for (i = 0; i < 20; i++) {
		p = probe_send(test, 0, REQ_OP_WRITE, 0, 4 * PART);
		probe_expect_end(test, p, BLK_STS_OK, 0);
	}
	KUNIT_EXPECT_EQ(test, counters(test)->stale, 40);
}

/* Deferred commands are waited for before their memory is given back. */
static void emul_reset_with_worker(struct kunit *test)
{
	struct emul *emul = emul_of(test);
	struct probe *p[NR_PROBES];
	unsigned int round, i;

	for (round = 0; round < 20; round++) {
		for (i = 0; i < NR_PROBES; i++)
			p[i] = probe_send(test, i, i % 2 ? REQ_OP_DISCARD :
					  REQ_OP_WRITE, i * 512, 4 * PART);
		KUNIT_ASSERT_EQ(test, asblk_recovery_reset_now(emul->ctrl), 0);
		for (i = 0; i < NR_PROBES; i++)
			probe_expect_end(test, p[i], BLK_STS_OK, 0);
	}
}

/* The device checks for itself, whatever the block layer would let pass. */
static void emul_checks(struct kunit *test)
{
	struct emul *emul = emul_of(test);
	struct probe *p;

	emul->params.read_only = true;
	p = probe_send(test, 0, REQ_OP_WRITE, 0, PART);
	probe_expect_end(test, p, BLK_STS_TARGET, PART);
	p = probe_send(test, 1, REQ_OP_DISCARD, 0, PART);
	probe_expect_end(test, p, BLK_STS_TARGET, PART);
	p = probe_send(test, 2, REQ_OP_READ, 0, PART);
	probe_expect_end(test, p, BLK_STS_OK, 0);
	emul->params.read_only = false;
	emul->nr_blocks = 8;
	p = probe_send(test, 3, REQ_OP_WRITE, 8, PART);
	probe_expect_end(test, p, BLK_STS_TARGET, PART);
	p = probe_send(test, 4, REQ_OP_DISCARD, 8, PART);
	probe_expect_end(test, p, BLK_STS_TARGET, PART);
	emul->loaded = false;
	p = probe_send(test, 5, REQ_OP_READ, 0, PART);
	probe_expect_end(test, p, BLK_STS_OFFLINE, PART);
	emul->loaded = true;
}

static struct kunit_case emul_cases[] = {
	KUNIT_CASE(emul_checks),
	KUNIT_CASE(emul_lost_interrupt),
	KUNIT_CASE(emul_aborted),
	KUNIT_CASE(emul_queue_reset),
	KUNIT_CASE(emul_ctrl_reset),
	KUNIT_CASE(emul_fatal),
	KUNIT_CASE(emul_late),
	KUNIT_CASE(emul_duplicates),
	KUNIT_CASE(emul_reset_with_worker),
	{}
};

static struct kunit_suite emul_suite = {
	.name = "asblk_emul",
	.init = emul_test_init,
	.exit = emul_test_exit,
	.test_cases = emul_cases,
};
kunit_test_suite(emul_suite);
