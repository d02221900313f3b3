// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of core/timeout.c, on a disk of the fake controller. Requests time out when the test
 * says so: nothing here waits for that.
 */
#include <kunit/test.h>
#include <linux/blkdev.h>
#include <linux/delay.h>

#include "test_io.h"

static void timeout_lost_interrupt(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_READ, 0, PART);

	t->fake->seen[0].done = true;
	fake_say(t->fake, tio_id(t, 0), BLK_STS_OK, 0, 0);
	KUNIT_EXPECT_TRUE(test, tio_time_out(t, 0));
	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, tio_counters(t)->lost_interrupts, 1);
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 0);
}

/* An aborted transfer completes, and may be retried. */
static void timeout_abort(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE, 0, 3 * PART);
	unsigned int i;

	KUNIT_EXPECT_FALSE(test, tio_time_out(t, 0));
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 3);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 0);
	for (i = 0; i < 3; i++) {
		t->fake->seen[i].done = true;
		fake_say(t->fake, tio_id(t, i), BLK_STS_TIMEOUT, 0, ASBLK_MAY_RETRY);
	}
	asblk_reap(t->fake->q);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 6);
	KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake), 3);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, tio_counters(t)->aborts, 3);
}

/* At the second timeout the queue is reset instead of aborting again. */
static void timeout_queue_reset(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE, 0, 2 * PART);
	struct test_io *other = tio_send(test, 1, REQ_OP_READ, 64, PART);
	u16 old[3];
	unsigned int i;

	tio_time_out(t, 0);
	tio_time_out(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 2);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 0);
	/* All three are requeued under new IDs; the old ones are stale. */
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 6);
	for (i = 0; i < 3; i++) {
		old[i] = tio_id(t, i);
		t->fake->seen[i].done = true;
		fake_finish(t->fake, i, BLK_STS_IOERR, 0);
	}
	KUNIT_EXPECT_EQ(test, tio_counters(t)->unknown_ids, 3);
	tio_expect_no_end(test, p);
	for (i = 3; i < 6; i++)
		KUNIT_EXPECT_FALSE(test, tio_id(t, i) == old[0] ||
				   tio_id(t, i) == old[1] ||
				   tio_id(t, i) == old[2]);
	KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake), 3);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	tio_expect_end(test, other, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, tio_counters(t)->requeued, 3);
}

/* Every step fails in turn, until the controller is dead. */
static void timeout_steps(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_READ, 0, 2 * PART);
	struct test_io *q;

	t->fake->abort_err = -EIO;
	tio_time_out(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 0);
	/* Nothing has completed since: the same again will not help. */
	tio_time_out(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	KUNIT_EXPECT_EQ(test, (int)tio_state(t), ASBLK_CTRL_LIVE);
	tio_time_out(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	KUNIT_EXPECT_EQ(test, t->fake->disables, 1);
	KUNIT_EXPECT_EQ(test, (int)tio_state(t), ASBLK_CTRL_DEAD);
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
static void timeout_abort_busy(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_READ, 0, PART);

	t->fake->abort_err = -EBUSY;
	tio_time_out(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 0);
	tio_time_out(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	fake_finish_all(t->fake);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* Whoever else asks for a reset does not keep a controller that answers nothing alive. */
static void timeout_and_reset_requested(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_READ, 0, PART);

	t->fake->abort_err = -EIO;
	t->fake->reset_queue_err = -ETIMEDOUT;
	tio_time_out(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	WRITE_ONCE(t->fake->ctrl->recovery.needs_reset, true);
	tio_time_out(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	KUNIT_EXPECT_EQ(test, (int)tio_state(t), ASBLK_CTRL_DEAD);
	tio_expect_end(test, p, BLK_STS_OFFLINE, PART);
}

/* After a completion every step is tried again. */
static void timeout_progress(struct kunit *test)
{
	struct tio_test *t = test->priv;
	unsigned int i;

	t->fake->abort_err = -EIO;
	for (i = 0; i < 5; i++) {
		struct test_io *p = tio_send(test, 0, REQ_OP_READ, 0, PART);

		tio_time_out(t, 0);
		KUNIT_EXPECT_EQ(test, t->fake->queue_resets, i + 1);
		t->fake->seen[0].done = true;
		fake_finish_all(t->fake);
		tio_expect_end(test, p, BLK_STS_OK, 0);
		fake_forget(t->fake);
	}
	KUNIT_EXPECT_EQ(test, t->fake->resets, 0);
}

static void timeout_reset_fails(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE, 0, 20 * PART);

	t->fake->abort_err = -EIO;
	t->fake->reset_queue_err = -EIO;
	t->fake->reset_err = -ETIMEDOUT;
	tio_time_out(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	KUNIT_EXPECT_EQ(test, t->fake->disables, 1);
	tio_expect_end(test, p, BLK_STS_OFFLINE, 20 * PART);
}

/* A request whose retry the device has delayed does not escalate meanwhile. */
static void timeout_delayed(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_READ, 0, PART);
	unsigned int i;

	t->fake->seen[0].done = true;
	fake_say(t->fake, tio_id(t, 0), BLK_STS_IOERR, 0,
		 ASBLK_MAY_RETRY | ASBLK_RETRY_AFTER(3000));
	asblk_reap(t->fake->q);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_FALSE(test, tio_time_out(t, 0));
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets + t->fake->resets, 0);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 1);
	for (i = 0; i < 300 && READ_ONCE(t->fake->nr_seen) < 2; i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake), 1);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* A requeued transfer has a full timeout before its request escalates. */
static void timeout_requeued(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		p[i] = tio_send(test, i, REQ_OP_WRITE, i * 64, PART);
	/* One after the other, first for its abort, then for the reset of the queue. */
	for (i = 0; i < 3; i++)
		tio_time_out(t, i);
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 3);
	tio_time_out(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	/* Their time began before the reset. */
	tio_time_out(t, 1);
	tio_time_out(t, 2);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 0);
	KUNIT_EXPECT_EQ(test, (int)tio_state(t), ASBLK_CTRL_LIVE);
	/* That of the first began with it. */
	tio_time_out(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 9);
	for (i = 0; i < 6; i++)
		t->fake->seen[i].done = true;
	KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake), 3);
	for (i = 0; i < 3; i++)
		tio_expect_end(test, p[i], BLK_STS_OK, 0);
}

/* A reset that takes longer than a timeout leaves none of that to whoever waits for it. */
static void timeout_slow_reset(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	unsigned int i;

	tio_time_out(t, 0);
	/* As good as no time. */
	tio_request(t, 0)->timeout = 1;
	tio_time_out(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	tio_time_out(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 0);
	tio_time_out(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 3);
	for (i = 0; i < 2; i++)
		t->fake->seen[i].done = true;
	KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake), 1);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* A request whose parts end one by one does not escalate, however long it takes. */
static void timeout_advances(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE, 0, 20 * PART);
	unsigned int i;

	for (i = 0; i < 19; i++) {
		fake_finish(t->fake, i, BLK_STS_OK, 0);
		KUNIT_EXPECT_FALSE(test, tio_time_out(t, 0));
	}
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 0);
	KUNIT_EXPECT_EQ(test, tio_counters(t)->retries, 0);
	/* And when it does not it is: the steps begin anew. */
	KUNIT_EXPECT_FALSE(test, tio_time_out(t, 0));
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 1);
	fake_finish_all(t->fake);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* However many parts a request has, it is the queue's turn at the second timeout. */
static void timeout_many_parts(struct kunit *test)
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
	tio_time_out(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 60);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 0);
	tio_time_out(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 60);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	tio_time_out(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	fake_finish_all(t->fake);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* The request of io @index, which has nothing in flight, times out. */
static bool time_out_waiting(struct tio_test *t, unsigned int index)
{
	struct asblk_hwq *hwq = asblk_to_hwq(t->fake->q);
	struct asblk_rq *ar;

	list_for_each_entry(ar, &hwq->pending, pending) {
		struct request *rq = blk_mq_rq_from_pdu(ar);

		if (rq->bio == t->io[index].bio[0].bio)
			return tio_time_out_rq(t, rq);
	}
	return true;
}

/* A request that waits for others does not escalate while these advance. */
static void timeout_waits(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *first = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	struct test_io *p;

	t->fake->busy = UINT_MAX;
	p = tio_send(test, 1, REQ_OP_WRITE, 512, 2 * PART);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 1);
	time_out_waiting(t, 1);
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	tio_expect_end(test, first, BLK_STS_OK, 0);
	time_out_waiting(t, 1);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 0);
	/* Now they do not. */
	time_out_waiting(t, 1);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	t->fake->busy = 0;
	tio_wait_seen(test, 3);
	fake_finish_all(t->fake);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* Completed in a batch that has not ended: no escalation. */
static void timeout_ended(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct asblk_hwq *hwq = asblk_to_hwq(t->fake->q);
	struct test_io *p = tio_send(test, 0, REQ_OP_READ, 0, PART);
	struct request *rq = hwq->slots.slot[t->fake->seen[0].t.slot].rq;
	DEFINE_IO_COMP_BATCH(iob);
	struct asblk_batch batch;

	asblk_batch_begin(&batch, hwq, &iob);
	KUNIT_EXPECT_TRUE(test, asblk_complete(&batch, tio_id(t, 0)));
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
static void timeout_excluded(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_READ, 0, PART);

	KUNIT_ASSERT_EQ(test, asblk_ctrl_lock_live(t->fake->ctrl), 0);
	tio_time_out(t, 0);
	tio_time_out(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 0);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 0);
	asblk_ctrl_unlock(t->fake->ctrl);
	tio_time_out(t, 0);
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 1);
	fake_finish_all(t->fake);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

static struct kunit_case timeout_cases[] = {
	KUNIT_CASE(timeout_lost_interrupt),
	KUNIT_CASE(timeout_abort),
	KUNIT_CASE(timeout_queue_reset),
	KUNIT_CASE(timeout_steps),
	KUNIT_CASE(timeout_abort_busy),
	KUNIT_CASE(timeout_and_reset_requested),
	KUNIT_CASE(timeout_progress),
	KUNIT_CASE(timeout_reset_fails),
	KUNIT_CASE_SLOW(timeout_delayed),
	KUNIT_CASE(timeout_requeued),
	KUNIT_CASE(timeout_slow_reset),
	KUNIT_CASE(timeout_advances),
	KUNIT_CASE(timeout_many_parts),
	KUNIT_CASE(timeout_waits),
	KUNIT_CASE(timeout_ended),
	KUNIT_CASE(timeout_excluded),
	{}
};

static struct kunit_suite timeout_suite = {
	.name = "asblk_timeout",
	.init = tio_test_init,
	.exit = tio_test_exit,
	.test_cases = timeout_cases,
};
kunit_test_suite(timeout_suite);
