// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the emulated controller as a whole: every rung of the recovery ladder, from
 * real timeouts. (Of an interrupt queue; test_faults has polled ones too.)
 */
#include <kunit/test.h>
#include <linux/blkdev.h>
#include <linux/delay.h>

#include "test_emul.h"

/* Long enough for a command on a slow machine, short enough to wait for. */
#define TIMEOUT		(HZ / 4)

static int emul_suite_init(struct kunit *test)
{
	struct tio_test *t;
	int err = emul_test_init(test);

	if (err)
		return err;
	t = test->priv;
	blk_queue_rq_timeout(t->disk->gd->queue, TIMEOUT);
	emul_be_slow(&emul_of(test)->dev);
	return 0;
}

/* Have the device do that to so many commands. */
static void misbehave(struct kunit *test, const char *action, const char *total,
		      const char *until)
{
	struct emul_rule *r = emul_test(test)->rule;

	KUNIT_ASSERT_EQ(test, emul_rule_set(r, RULE_ACTION, action), 0);
	KUNIT_ASSERT_EQ(test, emul_rule_set(r, RULE_TIMES, total), 0);
	KUNIT_ASSERT_EQ(test, emul_rule_set(r, RULE_RECOVERED_BY, until), 0);
	KUNIT_ASSERT_EQ(test, emul_rule_enable(r, true), 0);
}

static const struct asblk_counters *counters(struct kunit *test)
{
	return &emul_of(test)->ctrl->queues[0]->count;
}

/* Recovery counts what it has done, and then the request may have ended already. */
static void expect_count(struct kunit *test, const u64 *count, u64 nr)
{
	unsigned int tries;

	for (tries = 0; tries < 100 && READ_ONCE(*count) < nr; tries++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*count), nr);
}

static void emul_lost_interrupt(struct kunit *test)
{
	struct test_io *p;

	misbehave(test, "lose-interrupt", "1", "abort");
	p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	expect_count(test, &counters(test)->lost_interrupts, 1);
	KUNIT_EXPECT_EQ(test, counters(test)->aborts, 0);
}

static void emul_aborted(struct kunit *test)
{
	struct test_io *p;

	misbehave(test, "lose", "2", "abort");
	p = tio_send(test, 0, REQ_OP_WRITE, 0, 4 * PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	expect_count(test, &counters(test)->aborts, 2);
	KUNIT_EXPECT_EQ(test, counters(test)->retries, 2);
	KUNIT_EXPECT_EQ(test, counters(test)->resets, 0);
}

static void emul_queue_reset(struct kunit *test)
{
	struct test_io *p, *other;

	misbehave(test, "hang", "1", "queue-reset");
	p = tio_send(test, 0, REQ_OP_WRITE, 0, 4 * PART);
	other = tio_send(test, 1, REQ_OP_READ, 512, PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	tio_expect_end(test, other, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, counters(test)->resets, 1);
	KUNIT_EXPECT_EQ(test, emul_of(test)->ctrl->recovery.resets, 0);
}

static void emul_ctrl_reset(struct kunit *test)
{
	struct test_io *p;

	misbehave(test, "hang", "1", "controller-reset");
	p = tio_send(test, 0, REQ_OP_WRITE | REQ_FUA, 0, 4 * PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, emul_of(test)->ctrl->recovery.resets, 1);
}

static void emul_fatal(struct kunit *test)
{
	struct test_io *p;

	misbehave(test, "fatal", "1", "abort");
	p = tio_send(test, 0, REQ_OP_WRITE, 0, 4 * PART);
	tio_expect_end(test, p, BLK_STS_OFFLINE, 4 * PART);
	p = tio_send(test, 1, REQ_OP_READ, 0, PART);
	tio_expect_end(test, p, BLK_STS_OFFLINE, PART);
	KUNIT_EXPECT_EQ(test, (int)emul_of(test)->ctrl->state,
			ASBLK_CTRL_DEAD);
}

/* What was lost comes after all, when others have its place. */
static void emul_late(struct kunit *test)
{
	struct test_io *p;

	misbehave(test, "late", "3", "queue-reset");
	p = tio_send(test, 0, REQ_OP_WRITE, 0, 3 * PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, counters(test)->unknown_ids, 3);
	p = tio_send(test, 0, REQ_OP_READ, 0, 3 * PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

static void emul_duplicates(struct kunit *test)
{
	struct test_io *p;
	unsigned int i;

	misbehave(test, "duplicate", "40", "abort");
	for (i = 0; i < 20; i++) {
		p = tio_send(test, 0, REQ_OP_WRITE, 0, 4 * PART);
		tio_expect_end(test, p, BLK_STS_OK, 0);
	}
	KUNIT_EXPECT_EQ(test, counters(test)->unknown_ids, 40);
}

/**
 * struct blocker - keeps a device's worker from executing commands until a reset
 * @work: of the worker
 * @hwq: queue that is reset
 */
struct blocker {
	struct work_struct work;
	struct asblk_hwq *hwq;
};

static void block_until_reset(struct work_struct *work)
{
	struct blocker *b = container_of(work, struct blocker, work);

	while (!(READ_ONCE(b->hwq->held) & ASBLK_HELD_STOPPED))
		usleep_range(50, 100);
}

/*
 * Commands that the worker has are waited for before their memory is given back: what it
 * said of them afterwards would be for commands that are not in flight.
 */
static void emul_reset_with_worker(struct kunit *test)
{
	struct emul *emul = emul_of(test);
	struct blocker blocker = { .hwq = emul->ctrl->queues[0] };
	struct test_io *p[NR_TEST_IOS];
	unsigned int round, i;

	INIT_WORK_ONSTACK(&blocker.work, block_until_reset);
	workqueue_set_max_active(emul->dev.wq, 1);
	for (round = 0; round < 20; round++) {
		queue_work(emul->dev.wq, &blocker.work);
		/* Every other one has pages to give back. */
		for (i = 0; i < NR_TEST_IOS; i++)
			p[i] = tio_send(test, i, i % 2 ? REQ_OP_DISCARD : REQ_OP_WRITE_ZEROES,
					(i / 2 * SZ_2M) >> SECTOR_SHIFT, SZ_2M);
		KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(emul->ctrl), 0);
		for (i = 0; i < NR_TEST_IOS; i++)
			tio_expect_end(test, p[i], BLK_STS_OK, 0);
	}
	destroy_work_on_stack(&blocker.work);
	KUNIT_EXPECT_GE(test, counters(test)->requeued, round * NR_TEST_IOS);
	KUNIT_EXPECT_EQ(test, counters(test)->unknown_ids, 0);
}

/* The device checks for itself, whatever the block layer would let pass. */
static void emul_checks(struct kunit *test)
{
	struct emul *emul = emul_of(test);
	struct test_io *p;

	emul->dev.medium->read_only = true;
	p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	tio_expect_end(test, p, BLK_STS_TARGET, PART);
	p = tio_send(test, 1, REQ_OP_DISCARD, 0, PART);
	tio_expect_end(test, p, BLK_STS_TARGET, PART);
	p = tio_send(test, 2, REQ_OP_READ, 0, PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	emul->dev.medium->read_only = false;
	emul->dev.medium->nr_blocks = 8;
	p = tio_send(test, 3, REQ_OP_WRITE, 8, PART);
	tio_expect_end(test, p, BLK_STS_TARGET, PART);
	p = tio_send(test, 4, REQ_OP_DISCARD, 8, PART);
	tio_expect_end(test, p, BLK_STS_TARGET, PART);
	/* All of the ranges, or none. */
	p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	p = tio_send_bios(test, 1, REQ_OP_DISCARD, 0, 2 * PART, 2);
	tio_expect_end(test, p, BLK_STS_TARGET, 2 * PART);
	KUNIT_EXPECT_EQ(test, emul_store_used(&emul->dev.medium->store), PAGE_SIZE);
	emul->dev.medium->loaded = false;
	p = tio_send(test, 5, REQ_OP_READ, 0, PART);
	tio_expect_end(test, p, BLK_STS_OFFLINE, PART);
	emul->dev.medium->loaded = true;
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
	.init = emul_suite_init,
	.exit = emul_test_exit,
	.test_cases = emul_cases,
};
kunit_test_suite(emul_suite);
