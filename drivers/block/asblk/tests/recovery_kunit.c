// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of core/recovery.c, and of what becomes of transfers in resets, on a disk of the
 * fake controller.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>

#include "test_io.h"

/* Complete the transfer that was accepted last. */
static void finish_last(struct tio_test *t)
{
	fake_finish(t->fake, t->fake->nr_seen - 1, BLK_STS_OK, 0);
}

/*
 * The resets that a request's timeouts lead to cost it retries, and it fails when these are
 * used up. They cost another one that is in flight all the time nothing.
 */
static void recovery_retries(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *innocent = tio_send(test, 1, REQ_OP_READ, 512, PART);
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE, 0, 2 * PART);
	struct test_io *other;
	unsigned int i;

	t->fake->abort_err = -EIO;
	for (i = 0; i < 3; i++) {
		tio_expect_no_end(test, p);
		tio_time_out(t, 0);
		/* Something completes: it is not the controller that is dead. */
		other = tio_send(test, 2, REQ_OP_READ, 1024, PART);
		finish_last(t);
		tio_expect_end(test, other, BLK_STS_OK, 0);
	}
	tio_expect_end(test, p, BLK_STS_TIMEOUT, 2 * PART);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	KUNIT_EXPECT_EQ(test, t->fake->ctrl->recovery.resets, 2);
	tio_expect_no_end(test, innocent);
	fake_finish_all(t->fake);
	tio_expect_end(test, innocent, BLK_STS_OK, 0);
}

/* A user's resets, and pauses, are nobody's fault, even where nothing is retried. */
static void recovery_innocent(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE, 0, 3 * PART);
	struct test_io *fast = tio_send(test, 1, REQ_OP_READ | REQ_FAILFAST_DEV, 512, PART);
	unsigned int i;

	asblk_settings_max_retries(t->fake->ctrl, 0);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(t->fake->ctrl), 0);
	asblk_ctrl_pause(t->fake->ctrl);
	KUNIT_EXPECT_EQ(test, asblk_ctrl_resume(t->fake->ctrl), 0);
	tio_expect_no_end(test, p);
	tio_expect_no_end(test, fast);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 6 * 4);
	/* The driver's are: any of them may be what the device cannot bear. */
	asblk_ctrl_reset(t->fake->ctrl);
	flush_work(&t->fake->ctrl->recovery.work);
	tio_expect_end(test, p, BLK_STS_TIMEOUT, 3 * PART);
	tio_expect_end(test, fast, BLK_STS_TIMEOUT, PART);
}

/* Nor do they take away from what an error may cost. */
static void recovery_free_of_charge(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	unsigned int i;

	asblk_settings_max_retries(t->fake->ctrl, 1);
	for (i = 0; i < 4; i++) {
		t->fake->seen[i].done = true;
		KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(t->fake->ctrl), 0);
		KUNIT_ASSERT_EQ(test, t->fake->nr_seen, i + 2);
	}
	t->fake->seen[4].done = true;
	fake_say(t->fake, tio_id(t, 4), BLK_STS_IOERR, 0, ASBLK_MAY_RETRY);
	asblk_reap(t->fake->q);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 6);
	fake_finish_all(t->fake);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* A user of REQ_FAILFAST has another way: nothing is tried again. */
static void recovery_failfast(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_READ | REQ_FAILFAST_TRANSPORT, 0, PART);
	struct test_io *slow;

	t->fake->seen[0].done = true;
	fake_say(t->fake, tio_id(t, 0), BLK_STS_IOERR, 0, ASBLK_MAY_RETRY);
	asblk_reap(t->fake->q);
	tio_expect_end(test, p, BLK_STS_IOERR, PART);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 1);
	/* Nor after a reset because others timed out. */
	p = tio_send(test, 0, REQ_OP_READ | REQ_FAILFAST_TRANSPORT, 0, PART);
	slow = tio_send(test, 1, REQ_OP_READ, 512, PART);
	t->fake->abort_err = -EIO;
	tio_time_out(t, 1);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	tio_expect_end(test, p, BLK_STS_TIMEOUT, PART);
	tio_expect_no_end(test, slow);
	fake_finish_all(t->fake);
	tio_expect_end(test, slow, BLK_STS_OK, 0);
}

/* What the device gives back for others' sake costs nothing, however often. */
static void recovery_requeue(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	unsigned int i;

	asblk_settings_max_retries(t->fake->ctrl, 1);
	/* Nor do they take away from what the last error may cost. */
	for (i = 0; i < 10; i++) {
		t->fake->seen[i].done = true;
		fake_say(t->fake, tio_id(t, i), BLK_STS_TIMEOUT, 0,
			 i < 9 ? ASBLK_REQUEUE : ASBLK_MAY_RETRY);
		asblk_reap(t->fake->q);
		KUNIT_ASSERT_EQ(test, t->fake->nr_seen, i + 2);
	}
	fake_finish_all(t->fake);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* "Try later" is tried later, and others go first; nothing of it is lost in a reset. */
static void recovery_delayed(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	unsigned long start = jiffies;
	struct test_io *other;
	unsigned int i;

	t->fake->seen[0].done = true;
	fake_say(t->fake, tio_id(t, 0), BLK_STS_TARGET, 0,
		 ASBLK_MAY_RETRY | ASBLK_RETRY_AFTER(300));
	asblk_reap(t->fake->q);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 1);
	/* A longer wait, and a shorter one, beside it. */
	tio_send(test, 1, REQ_OP_WRITE, 512, PART);
	tio_send(test, 2, REQ_OP_WRITE, 1024, PART);
	for (i = 1; i <= 2; i++) {
		t->fake->seen[i].done = true;
		fake_say(t->fake, tio_id(t, i), BLK_STS_TARGET, 0,
			 ASBLK_MAY_RETRY | ASBLK_RETRY_AFTER(i == 1 ? 600 : 100));
	}
	asblk_reap(t->fake->q);
	other = tio_send(test, 3, REQ_OP_READ, 2048, PART);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 4);
	fake_finish(t->fake, 3, BLK_STS_OK, 0);
	tio_expect_end(test, other, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(t->fake->ctrl), 0);
	tio_wait_seen(test, 5);
	KUNIT_EXPECT_EQ(test, t->fake->seen[4].t.range.lba, 1024);
	KUNIT_EXPECT_GE(test, jiffies - start, msecs_to_jiffies(100));
	tio_wait_seen(test, 6);
	KUNIT_EXPECT_EQ(test, t->fake->seen[5].t.range.lba, 0);
	KUNIT_EXPECT_GE(test, jiffies - start, msecs_to_jiffies(300));
	tio_wait_seen(test, 7);
	KUNIT_EXPECT_EQ(test, t->fake->seen[6].t.range.lba, 512);
	KUNIT_EXPECT_GE(test, jiffies - start, msecs_to_jiffies(600));
	fake_finish_all(t->fake);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* A device that wants to be reset again and again is not, for ever. */
static void recovery_futile(struct kunit *test)
{
	struct tio_test *t = test->priv;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		asblk_ctrl_reset(t->fake->ctrl);
		flush_work(&t->fake->ctrl->recovery.work);
	}
	KUNIT_EXPECT_LT(test, t->fake->resets, 10);
	KUNIT_EXPECT_EQ(test, t->fake->disables, 1);
	KUNIT_EXPECT_EQ(test, (int)tio_state(t), ASBLK_CTRL_DEAD);
}

/* While a controller is paused nothing is offered, and nothing fails. */
static void recovery_pause(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p[6];
	unsigned int i;

	p[0] = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	asblk_ctrl_pause(t->fake->ctrl);
	t->fake->seen[0].done = true;
	p[1] = tio_send(test, 1, REQ_OP_READ, 512, PART);
	p[2] = tio_send(test, 2, REQ_OP_WRITE, 1024, 5 * PART);
	p[3] = tio_send(test, 3, REQ_OP_DISCARD, 2048, PART);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 1);
	/* Neither a timeout nor a completion is acted upon. */
	tio_time_out(t, 1);
	fake_say(t->fake, tio_id(t, 0), BLK_STS_IOERR, 0, 0);
	asblk_reap(t->fake->q);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 0);
	tio_expect_no_end(test, p[0]);
	t->fake->nr_results = 0;
	KUNIT_EXPECT_EQ(test, asblk_ctrl_resume(t->fake->ctrl), 0);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	fake_finish_all(t->fake);
	for (i = 0; i < 4; i++)
		tio_expect_end(test, p[i], BLK_STS_OK, 0);
	/* Without a pause there is nothing to resume. */
	KUNIT_EXPECT_EQ(test, asblk_ctrl_resume(t->fake->ctrl), 0);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
}

/* The device is gone with everything in it, and its disk is removed. */
static void recovery_gone(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		p[i] = tio_send(test, i, REQ_OP_WRITE, i * 512, 6 * PART);
	asblk_ctrl_dead(t->fake->ctrl, "the test says so");
	asblk_ctrl_dead(t->fake->ctrl, "once more");
	for (i = 0; i < 3; i++)
		tio_expect_end(test, p[i], BLK_STS_OFFLINE, 6 * PART);
	KUNIT_EXPECT_EQ(test, t->fake->disables, 1);
	for (i = 0; i < t->fake->nr_seen; i++)
		t->fake->seen[i].done = true;
	asblk_ctrl_reset(t->fake->ctrl);
	flush_work(&t->fake->ctrl->recovery.work);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 0);
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(t->fake->ctrl), -ENODEV);
	KUNIT_EXPECT_EQ(test, asblk_ctrl_resume(t->fake->ctrl), -ENODEV);
}

struct resetter {
	struct fake *fake;
	struct completion done;
};

static int reset_often(void *data)
{
	struct resetter *r = data;
	unsigned int i;

	for (i = 0; i < 50; i++)
		asblk_recovery_reset_now(r->fake->ctrl);
	complete(&r->done);
	return 0;
}

/* Resets during resets. */
static void recovery_resets_at_once(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct resetter resetter[4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(resetter); i++) {
		struct task_struct *task;

		resetter[i].fake = t->fake;
		init_completion(&resetter[i].done);
		task = kthread_run(reset_often, &resetter[i], "asblk-test%u", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	}
	asblk_ctrl_reset(t->fake->ctrl);
	for (i = 0; i < ARRAY_SIZE(resetter); i++)
		wait_for_completion(&resetter[i].done);
	flush_work(&t->fake->ctrl->recovery.work);
	KUNIT_EXPECT_GE(test, t->fake->resets, 4 * 50);
	KUNIT_EXPECT_EQ(test, (int)tio_state(t), ASBLK_CTRL_LIVE);
}

#define LATE_ROUNDS	1500

/*
 * Completions that come after a reset has retired their IDs, and completions that
 * come twice: counted, and harmless.
 */
static void recovery_stale_completions(struct kunit *test)
{
	struct tio_test *t = test->priv;
	unsigned int round, i;

	for (round = 0; round < LATE_ROUNDS; round++) {
		struct test_io *p = tio_send(test, 0, REQ_OP_WRITE, 0, 4 * PART);

		KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 4);
		KUNIT_ASSERT_EQ(test, asblk_recovery_reset_now(t->fake->ctrl), 0);
		KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 8);
		for (i = 0; i < 4; i++)
			fake_finish(t->fake, i, BLK_STS_IOERR, 0);
		for (i = 4; i < 8; i++) {
			fake_finish(t->fake, i, BLK_STS_OK, 0);
			fake_finish(t->fake, i, BLK_STS_IOERR, 0);
		}
		tio_expect_end(test, p, BLK_STS_OK, 0);
		fake_forget(t->fake);
		cond_resched();
	}
	KUNIT_EXPECT_EQ(test, tio_counters(t)->unknown_ids, 8 * LATE_ROUNDS);
}

static int any_reset_queue(struct asblk_queue *q)
{
	return 0;
}

/* A queue whose reset fails would hang: there has to be a next step. */
static void recovery_needs_reset(struct kunit *test)
{
	const struct asblk_ctrl_ops ops = { .reset_queue = any_reset_queue };
	struct asblk_ctrl_params params;

	fake_params(&params);
	KUNIT_EXPECT_EQ(test, PTR_ERR(asblk_ctrl_create(&ops, &params, NULL, NULL)), -EINVAL);
}

static struct kunit_case recovery_cases[] = {
	KUNIT_CASE(recovery_retries),
	KUNIT_CASE(recovery_innocent),
	KUNIT_CASE(recovery_free_of_charge),
	KUNIT_CASE(recovery_failfast),
	KUNIT_CASE(recovery_requeue),
	KUNIT_CASE(recovery_delayed),
	KUNIT_CASE(recovery_futile),
	KUNIT_CASE(recovery_needs_reset),
	KUNIT_CASE(recovery_pause),
	KUNIT_CASE(recovery_gone),
	KUNIT_CASE(recovery_resets_at_once),
	KUNIT_CASE_SLOW(recovery_stale_completions),
	{}
};

static struct kunit_suite recovery_suite = {
	.name = "asblk_recovery",
	.init = tio_test_init,
	.exit = tio_test_exit,
	.test_cases = recovery_cases,
};
kunit_test_suite(recovery_suite);
