// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of core/recovery.c, on a disk of the fake controller. Requests are late
 * because the test says so: nothing here waits for a timeout.
 */
#include <kunit/test.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>

#include "test_io.h"

static bool late_now(struct tio_test *t, struct request *rq)
{
	bool done = asblk_timed_out(asblk_to_hwq(t->fake->q), rq);

	flush_work(&t->fake->ctrl->recovery.work);
	return done;
}

/* The request of io @index, if it has a slot. */
static struct request *request_of(struct tio_test *t, unsigned int index)
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

/* The request of io @index is late; wait for what recovery does about it. */
static bool late(struct tio_test *t, unsigned int index)
{
	struct request *rq = request_of(t, index);

	return !rq || late_now(t, rq);
}

/* The same of a request that has nothing in flight. */
static bool late_rq(struct tio_test *t, unsigned int index)
{
	struct asblk_hwq *hwq = asblk_to_hwq(t->fake->q);
	struct asblk_rq *ar;

	list_for_each_entry(ar, &hwq->pending, pending) {
		struct request *rq = blk_mq_rq_from_pdu(ar);

		if (rq->bio == t->io[index].bio[0].bio)
			return late_now(t, rq);
	}
	return true;
}

static enum asblk_ctrl_state state(struct tio_test *t)
{
	return t->fake->ctrl->state;
}

static u16 id_of(struct tio_test *t, unsigned int index)
{
	return t->fake->seen[index].t.id;
}

static void recovery_lost_interrupt(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_READ, 0, PART);

	t->fake->seen[0].done = true;
	fake_say(t->fake, id_of(t, 0), BLK_STS_OK, 0, 0);
	KUNIT_EXPECT_TRUE(test, late(t, 0));
	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, tio_counters(t)->lost_interrupts, 1);
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 0);
}

/* What is aborted completes, and may be offered again. */
static void recovery_abort(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE, 0, 3 * PART);
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
	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, tio_counters(t)->aborts, 3);
}

/* Nobody is asked twice: late again, it is the queue's turn. */
static void recovery_queue_reset(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE, 0, 2 * PART);
	struct test_io *other = tio_send(test, 1, REQ_OP_READ, 64, PART);
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
	KUNIT_EXPECT_EQ(test, tio_counters(t)->unknown_ids, 3);
	tio_expect_no_end(test, p);
	for (i = 3; i < 6; i++)
		KUNIT_EXPECT_FALSE(test, id_of(t, i) == old[0] ||
				   id_of(t, i) == old[1] ||
				   id_of(t, i) == old[2]);
	KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake), 3);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	tio_expect_end(test, other, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, tio_counters(t)->requeued, 3);
}

/* Every rung fails in turn, until the controller is dead. */
static void recovery_ladder(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_READ, 0, 2 * PART);
	struct test_io *q;

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
	tio_expect_end(test, p, BLK_STS_OFFLINE, 2 * PART);
	/* From now on all fails at once, nothing reaches the controller. */
	fake_forget(t->fake);
	q = tio_send(test, 1, REQ_OP_WRITE, 0, PART);
	tio_expect_end(test, q, BLK_STS_OFFLINE, PART);
	q = tio_send(test, 2, REQ_OP_WRITE, 0, 4 * PART);
	tio_expect_end(test, q, BLK_STS_OFFLINE, 4 * PART);
	q = tio_send(test, 3, REQ_OP_DISCARD, 0, PART);
	tio_expect_end(test, q, BLK_STS_OFFLINE, PART);
	q = tio_send(test, 4, REQ_OP_WRITE | REQ_PREFLUSH, 0, 0);
	tio_expect_end(test, q, BLK_STS_OFFLINE, 0);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 0);
}

/* A device that is still busy with other aborts is waited for, but not for ever. */
static void recovery_abort_busy(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_READ, 0, PART);

	t->fake->abort_err = -EBUSY;
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 0);
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	fake_finish_all(t->fake);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* Whoever else asks for a reset does not keep a controller that answers nothing alive. */
static void recovery_reset_asked_for(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_READ, 0, PART);

	t->fake->abort_err = -EIO;
	t->fake->reset_queue_err = -ETIMEDOUT;
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	WRITE_ONCE(t->fake->ctrl->recovery.needs_reset, true);
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	KUNIT_EXPECT_EQ(test, (int)state(t), ASBLK_CTRL_DEAD);
	tio_expect_end(test, p, BLK_STS_OFFLINE, PART);
}

/* A completion in between makes every rung worth another try. */
static void recovery_progress(struct kunit *test)
{
	struct tio_test *t = test->priv;
	unsigned int i;

	t->fake->abort_err = -EIO;
	for (i = 0; i < 5; i++) {
		struct test_io *p = tio_send(test, 0, REQ_OP_READ, 0, PART);

		late(t, 0);
		KUNIT_EXPECT_EQ(test, t->fake->queue_resets, i + 1);
		t->fake->seen[0].done = true;
		fake_finish_all(t->fake);
		tio_expect_end(test, p, BLK_STS_OK, 0);
		fake_forget(t->fake);
	}
	KUNIT_EXPECT_EQ(test, t->fake->resets, 0);
}

static void recovery_reset_fails(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE, 0, 20 * PART);

	t->fake->abort_err = -EIO;
	t->fake->reset_queue_err = -EIO;
	t->fake->reset_err = -ETIMEDOUT;
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	KUNIT_EXPECT_EQ(test, t->fake->disables, 1);
	tio_expect_end(test, p, BLK_STS_OFFLINE, 20 * PART);
}

/* Complete the transfer that was accepted last. */
static void finish_last(struct tio_test *t)
{
	fake_finish(t->fake, t->fake->nr_seen - 1, BLK_STS_OK, 0);
}

/*
 * The policy: with its retries used up a transfer fails; the resets that a request is late
 * for are what it pays for. Another one that is there all the time does not.
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
		late(t, 0);
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
	fake_say(t->fake, id_of(t, 4), BLK_STS_IOERR, 0, ASBLK_MAY_RETRY);
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
	fake_say(t->fake, id_of(t, 0), BLK_STS_IOERR, 0, ASBLK_MAY_RETRY);
	asblk_reap(t->fake->q);
	tio_expect_end(test, p, BLK_STS_IOERR, PART);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 1);
	/* Not after a reset that others are late for either. */
	p = tio_send(test, 0, REQ_OP_READ | REQ_FAILFAST_TRANSPORT, 0, PART);
	slow = tio_send(test, 1, REQ_OP_READ, 512, PART);
	t->fake->abort_err = -EIO;
	late(t, 1);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	tio_expect_end(test, p, BLK_STS_TIMEOUT, PART);
	tio_expect_no_end(test, slow);
	fake_finish_all(t->fake);
	tio_expect_end(test, slow, BLK_STS_OK, 0);
}

/* What the device gives back for others' sake costs nothing, however often. */
static void recovery_given_back(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	unsigned int i;

	asblk_settings_max_retries(t->fake->ctrl, 1);
	/* Nor do they take away from what the last error may cost. */
	for (i = 0; i < 10; i++) {
		t->fake->seen[i].done = true;
		fake_say(t->fake, id_of(t, i), BLK_STS_TIMEOUT, 0,
			 i < 9 ? ASBLK_REQUEUE : ASBLK_MAY_RETRY);
		asblk_reap(t->fake->q);
		KUNIT_ASSERT_EQ(test, t->fake->nr_seen, i + 2);
	}
	fake_finish_all(t->fake);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* "Try later" is tried later, and others go first; nothing of it is lost in a reset. */
static void recovery_try_later(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	unsigned long start = jiffies;
	struct test_io *other;
	unsigned int i;

	t->fake->seen[0].done = true;
	fake_say(t->fake, id_of(t, 0), BLK_STS_TARGET, 0,
		 ASBLK_MAY_RETRY | ASBLK_RETRY_AFTER(300));
	asblk_reap(t->fake->q);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 1);
	/* A longer wait, and a shorter one, beside it. */
	tio_send(test, 1, REQ_OP_WRITE, 512, PART);
	tio_send(test, 2, REQ_OP_WRITE, 1024, PART);
	for (i = 1; i <= 2; i++) {
		t->fake->seen[i].done = true;
		fake_say(t->fake, id_of(t, i), BLK_STS_TARGET, 0,
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

/* One that the device has put off is not late before its time. */
static void recovery_put_off(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_READ, 0, PART);
	unsigned int i;

	t->fake->seen[0].done = true;
	fake_say(t->fake, id_of(t, 0), BLK_STS_IOERR, 0,
		 ASBLK_MAY_RETRY | ASBLK_RETRY_AFTER(3000));
	asblk_reap(t->fake->q);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_FALSE(test, late(t, 0));
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets + t->fake->resets, 0);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 1);
	for (i = 0; i < 300 && READ_ONCE(t->fake->nr_seen) < 2; i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake), 1);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* What a reset has taken back has a timeout's time again before it is late. */
static void recovery_offered_again(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		p[i] = tio_send(test, i, REQ_OP_WRITE, i * 64, PART);
	/* One after the other, first for its abort, then for the reset of the queue. */
	for (i = 0; i < 3; i++)
		late(t, i);
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 3);
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	/* Their time began before the reset. */
	late(t, 1);
	late(t, 2);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 0);
	KUNIT_EXPECT_EQ(test, (int)state(t), ASBLK_CTRL_LIVE);
	/* That of the first began with it. */
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 9);
	for (i = 0; i < 6; i++)
		t->fake->seen[i].done = true;
	KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake), 3);
	for (i = 0; i < 3; i++)
		tio_expect_end(test, p[i], BLK_STS_OK, 0);
}

/* A reset that takes longer than a timeout leaves none of that to whoever waits for it. */
static void recovery_slow_reset(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	unsigned int i;

	late(t, 0);
	/* As good as no time. */
	request_of(t, 0)->timeout = 1;
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 0);
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 3);
	for (i = 0; i < 2; i++)
		t->fake->seen[i].done = true;
	KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake), 1);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* A request of many parts that end one by one is not late, however long it takes. */
static void recovery_advances(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE, 0, 20 * PART);
	unsigned int i;

	for (i = 0; i < 19; i++) {
		fake_finish(t->fake, i, BLK_STS_OK, 0);
		KUNIT_EXPECT_FALSE(test, late(t, 0));
	}
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 0);
	KUNIT_EXPECT_EQ(test, tio_counters(t)->retries, 0);
	/* And when it does not it is: the steps begin anew. */
	KUNIT_EXPECT_FALSE(test, late(t, 0));
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 1);
	fake_finish_all(t->fake);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* However many parts a request has, it is the queue's turn at the second timeout. */
static void recovery_many_parts(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct asblk_ctrl_params params;
	struct test_io *p;

	fake_destroy(t->fake);
	fake_params(&params);
	params.nr_extra_slots = 60;
	t->fake = fake_create(test, &params);
	t->disk = t->fake->disk;
	p = tio_send(test, 0, REQ_OP_WRITE, 0, 60 * PART);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 60);
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 60);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 0);
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 60);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	fake_finish_all(t->fake);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* One that waits for others is not late while these advance. */
static void recovery_waits(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *first = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	struct test_io *p;

	t->fake->busy = UINT_MAX;
	p = tio_send(test, 1, REQ_OP_WRITE, 512, 2 * PART);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 1);
	late_rq(t, 1);
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	tio_expect_end(test, first, BLK_STS_OK, 0);
	late_rq(t, 1);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 0);
	/* Now they do not. */
	late_rq(t, 1);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	t->fake->busy = 0;
	tio_wait_seen(test, 3);
	fake_finish_all(t->fake);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* Reaped, but not given back yet: not late. */
static void recovery_ended(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct asblk_hwq *hwq = asblk_to_hwq(t->fake->q);
	struct test_io *p = tio_send(test, 0, REQ_OP_READ, 0, PART);
	struct request *rq = hwq->slots.slot[t->fake->seen[0].t.slot].rq;
	DEFINE_IO_COMP_BATCH(iob);
	struct asblk_batch batch;

	asblk_batch_begin(&batch, hwq, &iob);
	KUNIT_EXPECT_TRUE(test, asblk_complete(&batch, id_of(t, 0)));
	t->fake->seen[0].done = true;
	spin_unlock_irqrestore(&hwq->lock, batch.flags);
	KUNIT_EXPECT_TRUE(test, asblk_timed_out(hwq, rq));
	flush_work(&t->fake->ctrl->recovery.work);
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 0);
	spin_lock_irqsave(&hwq->lock, batch.flags);
	asblk_batch_end(&batch, true);
	if (!rq_list_empty(&iob.req_list))
		iob.complete(&iob);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* Whoever has the controller has it alone: no abort comes in between. */
static void recovery_excluded(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_READ, 0, PART);

	KUNIT_ASSERT_EQ(test, asblk_ctrl_lock_live(t->fake->ctrl), 0);
	late(t, 0);
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 0);
	asblk_ctrl_unlock(t->fake->ctrl);
	late(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 1);
	fake_finish_all(t->fake);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* A device that wants to be reset again and again is not, for ever. */
static void recovery_in_vain(struct kunit *test)
{
	struct tio_test *t = test->priv;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		asblk_ctrl_reset(t->fake->ctrl);
		flush_work(&t->fake->ctrl->recovery.work);
	}
	KUNIT_EXPECT_LT(test, t->fake->resets, 10);
	KUNIT_EXPECT_EQ(test, t->fake->disables, 1);
	KUNIT_EXPECT_EQ(test, (int)state(t), ASBLK_CTRL_DEAD);
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
	/* Not even a late one, nor what the device has to say meanwhile. */
	late(t, 1);
	fake_say(t->fake, id_of(t, 0), BLK_STS_IOERR, 0, 0);
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
	KUNIT_EXPECT_EQ(test, (int)state(t), ASBLK_CTRL_LIVE);
}

#define LATE_ROUNDS	1500

/*
 * Completions that come after a reset has retired their IDs, and completions that
 * come twice: counted, and harmless.
 */
static void recovery_late_completions(struct kunit *test)
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
	KUNIT_CASE(recovery_lost_interrupt),
	KUNIT_CASE(recovery_abort),
	KUNIT_CASE(recovery_queue_reset),
	KUNIT_CASE(recovery_ladder),
	KUNIT_CASE(recovery_abort_busy),
	KUNIT_CASE(recovery_reset_asked_for),
	KUNIT_CASE(recovery_progress),
	KUNIT_CASE(recovery_reset_fails),
	KUNIT_CASE(recovery_retries),
	KUNIT_CASE(recovery_innocent),
	KUNIT_CASE(recovery_free_of_charge),
	KUNIT_CASE(recovery_failfast),
	KUNIT_CASE(recovery_given_back),
	KUNIT_CASE(recovery_try_later),
	KUNIT_CASE_SLOW(recovery_put_off),
	KUNIT_CASE(recovery_offered_again),
	KUNIT_CASE(recovery_slow_reset),
	KUNIT_CASE(recovery_advances),
	KUNIT_CASE(recovery_many_parts),
	KUNIT_CASE(recovery_waits),
	KUNIT_CASE(recovery_ended),
	KUNIT_CASE(recovery_excluded),
	KUNIT_CASE(recovery_in_vain),
	KUNIT_CASE(recovery_needs_reset),
	KUNIT_CASE(recovery_pause),
	KUNIT_CASE(recovery_gone),
	KUNIT_CASE(recovery_resets_at_once),
	KUNIT_CASE_SLOW(recovery_late_completions),
	{}
};

static struct kunit_suite recovery_suite = {
	.name = "asblk_recovery",
	.init = tio_test_init,
	.exit = tio_test_exit,
	.test_cases = recovery_cases,
};
kunit_test_suite(recovery_suite);
