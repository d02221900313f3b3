// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of core/recovery.c, on a disk of the fake controller. Requests are late
 * because the test says so: nothing here waits for a timeout.
 */
#include <kunit/test.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/kthread.h>

#include "probe.h"

/* The request of probe @index is late; wait for what recovery does about it. */
static bool late(struct probe_test *t, unsigned int index)
{
	struct asblk_equeue *q = asblk_to_equeue(t->fake->q);
	struct request *rq = NULL;
	unsigned int i;
	bool done;

	for (i = 0; i < q->slots.nr; i++) {
		struct asblk_slot *slot = &q->slots.slot[i];

		if (slot->rq && slot->rq->bio == t->probe[index].bio[0].bio)
			rq = slot->rq;
	}
	if (!rq)
		return true;
	done = asblk_recovery_late(q, rq);
	flush_work(&t->fake->ctrl->recovery.work);
	return done;
}

static enum asblk_ctrl_state state(struct probe_test *t)
{
	return t->fake->ctrl->recovery.state;
}

static u16 id_of(struct probe_test *t, unsigned int index)
{
	return t->fake->seen[index].t.id;
}

static void recovery_lost_interrupt(struct kunit *test)
{
	struct probe_test *t = test->priv;
	struct probe *p = probe_send(test, 0, REQ_OP_READ, 0, PART);

	t->fake->seen[0].done = true;
	fake_say(t->fake, id_of(t, 0), BLK_STS_OK, 0, 0);
	KUNIT_EXPECT_TRUE(test, late(t, 0));
	probe_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, probe_counters(t)->lost_interrupts, 1);
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 0);
}

/* What is aborted completes, and may be offered again. */
static void recovery_abort(struct kunit *test)
{
	struct probe_test *t = test->priv;
	struct probe *p = probe_send(test, 0, REQ_OP_WRITE, 0, 3 * PART);
	unsigned int i;

	KUNIT_EXPECT_FALSE(test, late(t, 0));
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 3);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 0);
	for (i = 0; i < 3; i++) {
		t->fake->seen[i].done = true;
		fake_say(t->fake, id_of(t, i), BLK_STS_TIMEOUT, 0, ASBLK_MAY_RETRY);
	}
	asblk_reap(t->fake->q);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 6);
	KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake), 3);
	probe_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, probe_counters(t)->aborts, 3);
}

/* Nobody is asked twice: late again, it is the queue's turn. */
static void recovery_queue_reset(struct kunit *test)
{
	struct probe_test *t = test->priv;
	struct probe *p = probe_send(test, 0, REQ_OP_WRITE, 0, 2 * PART);
	struct probe *other = probe_send(test, 1, REQ_OP_READ, 64, PART);
	u16 old[3];
	unsigned int i;

	late(t, 0);
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 2);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 0);
	/* All three are offered again, under other IDs; the old ones are stale. */
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 6);
	for (i = 0; i < 3; i++) {
		old[i] = id_of(t, i);
		t->fake->seen[i].done = true;
		fake_finish(t->fake, i, BLK_STS_IOERR, 0);
	}
	KUNIT_EXPECT_EQ(test, probe_counters(t)->stale, 3);
	probe_expect_no_end(test, p);
	for (i = 3; i < 6; i++)
		KUNIT_EXPECT_FALSE(test, id_of(t, i) == old[0] ||
				   id_of(t, i) == old[1] ||
				   id_of(t, i) == old[2]);
	KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake), 3);
	probe_expect_end(test, p, BLK_STS_OK, 0);
	probe_expect_end(test, other, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, probe_counters(t)->taken_back, 3);
}

/* Every rung fails in turn, until the controller is dead. */
static void recovery_ladder(struct kunit *test)
{
	struct probe_test *t = test->priv;
	struct probe *p = probe_send(test, 0, REQ_OP_READ, 0, 2 * PART);
	struct probe *q;

	t->fake->abort_err = -EIO;
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 0);
	/* Nothing has completed since: the same again will not help. */
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	KUNIT_EXPECT_EQ(test, (int)state(t), ASBLK_CTRL_LIVE);
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	KUNIT_EXPECT_EQ(test, t->fake->disables, 1);
	KUNIT_EXPECT_EQ(test, (int)state(t), ASBLK_CTRL_DEAD);
	probe_expect_end(test, p, BLK_STS_OFFLINE, 2 * PART);
	/* From now on all fails at once, nothing reaches the controller. */
	fake_forget(t->fake);
	q = probe_send(test, 1, REQ_OP_WRITE, 0, PART);
	probe_expect_end(test, q, BLK_STS_OFFLINE, PART);
	q = probe_send(test, 2, REQ_OP_WRITE, 0, 4 * PART);
	probe_expect_end(test, q, BLK_STS_OFFLINE, 4 * PART);
	q = probe_send(test, 3, REQ_OP_DISCARD, 0, PART);
	probe_expect_end(test, q, BLK_STS_OFFLINE, PART);
	q = probe_send(test, 4, REQ_OP_WRITE | REQ_PREFLUSH, 0, 0);
	probe_expect_end(test, q, BLK_STS_OFFLINE, 0);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 0);
}

/* A device that is still busy with other aborts is waited for, but not for ever. */
static void recovery_abort_busy(struct kunit *test)
{
	struct probe_test *t = test->priv;
	struct probe *p = probe_send(test, 0, REQ_OP_READ, 0, PART);

	t->fake->abort_err = -EBUSY;
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 0);
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	fake_finish_all(t->fake);
	probe_expect_end(test, p, BLK_STS_OK, 0);
}

/* Whoever else asks for a reset does not keep a controller that answers nothing alive. */
static void recovery_reset_asked_for(struct kunit *test)
{
	struct probe_test *t = test->priv;
	struct probe *p = probe_send(test, 0, REQ_OP_READ, 0, PART);

	t->fake->abort_err = -EIO;
	t->fake->reset_queue_err = -ETIMEDOUT;
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	WRITE_ONCE(t->fake->ctrl->recovery.reset_wanted, true);
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	KUNIT_EXPECT_EQ(test, (int)state(t), ASBLK_CTRL_DEAD);
	probe_expect_end(test, p, BLK_STS_OFFLINE, PART);
}

/* A completion in between makes every rung worth another try. */
static void recovery_progress(struct kunit *test)
{
	struct probe_test *t = test->priv;
	unsigned int i;

	t->fake->abort_err = -EIO;
	for (i = 0; i < 5; i++) {
		struct probe *p = probe_send(test, 0, REQ_OP_READ, 0, PART);

		late(t, 0);
		KUNIT_EXPECT_EQ(test, t->fake->queue_resets, i + 1);
		t->fake->seen[0].done = true;
		fake_finish_all(t->fake);
		probe_expect_end(test, p, BLK_STS_OK, 0);
		fake_forget(t->fake);
	}
	KUNIT_EXPECT_EQ(test, t->fake->resets, 0);
}

static void recovery_reset_fails(struct kunit *test)
{
	struct probe_test *t = test->priv;
	struct probe *p = probe_send(test, 0, REQ_OP_WRITE, 0, 20 * PART);

	t->fake->abort_err = -EIO;
	t->fake->reset_queue_err = -EIO;
	t->fake->reset_err = -ETIMEDOUT;
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	KUNIT_EXPECT_EQ(test, t->fake->disables, 1);
	probe_expect_end(test, p, BLK_STS_OFFLINE, 20 * PART);
}

/* The policy: with its retries used up a transfer fails. */
static void recovery_retries(struct kunit *test)
{
	struct probe_test *t = test->priv;
	struct probe *p = probe_send(test, 0, REQ_OP_WRITE, 0, 3 * PART);
	unsigned int i;

	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(t->fake->ctrl), 0);
		probe_expect_no_end(test, p);
	}
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 9);
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(t->fake->ctrl), 0);
	probe_expect_end(test, p, BLK_STS_TIMEOUT, 3 * PART);
	for (i = 0; i < 9; i++)
		t->fake->seen[i].done = true;
	KUNIT_EXPECT_EQ(test, t->fake->ctrl->recovery.resets, 3);
}

/* While a controller is paused nothing is offered, and nothing fails. */
static void recovery_pause(struct kunit *test)
{
	struct probe_test *t = test->priv;
	struct probe *p[6];
	unsigned int i;

	p[0] = probe_send(test, 0, REQ_OP_WRITE, 0, PART);
	asblk_ctrl_pause(t->fake->ctrl);
	t->fake->seen[0].done = true;
	p[1] = probe_send(test, 1, REQ_OP_READ, 512, PART);
	p[2] = probe_send(test, 2, REQ_OP_WRITE, 1024, 5 * PART);
	p[3] = probe_send(test, 3, REQ_OP_DISCARD, 2048, PART);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 1);
	/* Not even a late one, nor what the device has to say meanwhile. */
	late(t, 1);
	fake_say(t->fake, id_of(t, 0), BLK_STS_IOERR, 0, 0);
	asblk_reap(t->fake->q);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 0);
	probe_expect_no_end(test, p[0]);
	t->fake->nr_results = 0;
	KUNIT_EXPECT_EQ(test, asblk_ctrl_resume(t->fake->ctrl), 0);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	fake_finish_all(t->fake);
	for (i = 0; i < 4; i++)
		probe_expect_end(test, p[i], BLK_STS_OK, 0);
	/* Without a pause there is nothing to resume. */
	KUNIT_EXPECT_EQ(test, asblk_ctrl_resume(t->fake->ctrl), 0);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
}

/* The device is gone with everything in it, and its disk is removed. */
static void recovery_gone(struct kunit *test)
{
	struct probe_test *t = test->priv;
	struct probe *p[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		p[i] = probe_send(test, i, REQ_OP_WRITE, i * 512, 6 * PART);
	asblk_ctrl_dead(t->fake->ctrl, "the test says so");
	asblk_ctrl_dead(t->fake->ctrl, "once more");
	for (i = 0; i < 3; i++)
		probe_expect_end(test, p[i], BLK_STS_OFFLINE, 6 * PART);
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

	for (i = 0; i < 50; i++) {
		asblk_ctrl_reset(r->fake->ctrl);
		asblk_recovery_reset_now(r->fake->ctrl);
	}
	complete(&r->done);
	return 0;
}

/* Resets during resets. */
static void recovery_resets_at_once(struct kunit *test)
{
	struct probe_test *t = test->priv;
	struct resetter resetter[4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(resetter); i++) {
		struct task_struct *task;

		resetter[i].fake = t->fake;
		init_completion(&resetter[i].done);
		task = kthread_run(reset_often, &resetter[i], "asblk-test%u", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	}
	for (i = 0; i < ARRAY_SIZE(resetter); i++)
		wait_for_completion(&resetter[i].done);
	flush_work(&t->fake->ctrl->recovery.work);
	KUNIT_EXPECT_GE(test, t->fake->resets, 4 * 50);
	KUNIT_EXPECT_EQ(test, (int)state(t), ASBLK_CTRL_LIVE);
}

#define LATE_ROUNDS	1500

/*
 * Completions that come after a reset has retired their IDs, and completions that
 * come twice: counted, and harmless.
 */
static void recovery_late_completions(struct kunit *test)
{
	struct probe_test *t = test->priv;
	unsigned int round, i;

	for (round = 0; round < LATE_ROUNDS; round++) {
		struct probe *p = probe_send(test, 0, REQ_OP_WRITE, 0, 4 * PART);

		KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 4);
		KUNIT_ASSERT_EQ(test, asblk_recovery_reset_now(t->fake->ctrl), 0);
		KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 8);
		for (i = 0; i < 4; i++)
			fake_finish(t->fake, i, BLK_STS_IOERR, 0);
		for (i = 4; i < 8; i++) {
			fake_finish(t->fake, i, BLK_STS_OK, 0);
			fake_finish(t->fake, i, BLK_STS_IOERR, 0);
		}
		probe_expect_end(test, p, BLK_STS_OK, 0);
		fake_forget(t->fake);
		cond_resched();
	}
	KUNIT_EXPECT_EQ(test, probe_counters(t)->stale, 8 * LATE_ROUNDS);
}

static struct kunit_case recovery_cases[] = {
	KUNIT_CASE(recovery_lost_interrupt),
	KUNIT_CASE(recovery_abort),
	KUNIT_CASE(recovery_queue_reset),
	KUNIT_CASE(recovery_ladder),
	KUNIT_CASE(recovery_abort_busy),
	KUNIT_CASE(recovery_reset_asked_for),
	KUNIT_CASE(recovery_progress),
	KUNIT_CASE(recovery_reset_fails),
	KUNIT_CASE(recovery_retries),
	KUNIT_CASE(recovery_pause),
	KUNIT_CASE(recovery_gone),
	KUNIT_CASE(recovery_resets_at_once),
	KUNIT_CASE_SLOW(recovery_late_completions),
	{}
};

static struct kunit_suite recovery_suite = {
	.name = "asblk_recovery",
	.init = probe_test_init,
	.exit = probe_test_exit,
	.test_cases = recovery_cases,
};
kunit_test_suite(recovery_suite);
