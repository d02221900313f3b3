// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of commands that are sent on purpose (core/command.c, core/admin.c, and their way
 * through submission, completion and recovery), on the fake controller.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>

#include "test_io.h"

#define DEPTH		4
#define NR_SENT		(2 * DEPTH)

/**
 * struct sent - a command that was sent
 * @command: the command
 * @rq: its request
 * @done: it has ended
 * @ends: how often
 * @status: with this
 */
struct sent {
	struct asblk_command command;
	struct request *rq;
	struct completion done;
	unsigned int ends;
	blk_status_t status;
};

/**
 * struct cmd_test - what a test case has
 * @fake: controller with an admin queue
 * @sent: commands
 * @nr_sent: number of them
 * @data: for commands with data
 * @destroyed: @fake is
 */
struct cmd_test {
	struct fake *fake;
	struct sent sent[NR_SENT];
	unsigned int nr_sent;
	void *data;
	bool destroyed;
};

static enum rq_end_io_ret sent_end(ASBLK_END_IO_ARGS)
{
	struct sent *s = rq->end_io_data;

	s->ends++;
	s->status = status;
	complete(&s->done);
	return RQ_END_IO_NONE;
}

static enum rq_end_io_ret sent_end_free(ASBLK_END_IO_ARGS)
{
	struct sent *s = rq->end_io_data;

	s->ends++;
	s->status = status;
	complete(&s->done);
	return RQ_END_IO_FREE;
}

static struct sent *prepare(struct kunit *test, struct request_queue *q, u32 bytes)
{
	struct cmd_test *t = test->priv;
	struct sent *s = &t->sent[t->nr_sent];

	KUNIT_ASSERT_LT(test, t->nr_sent, NR_SENT);
	init_completion(&s->done);
	memset(s->command.bytes, t->nr_sent + 1, ASBLK_COMMAND_BYTES);
	s->rq = asblk_command_request(q, &s->command, REQ_OP_DRV_OUT, BLK_MQ_REQ_NOWAIT);
	KUNIT_ASSERT_FALSE(test, IS_ERR(s->rq));
	if (bytes && blk_rq_map_kern(s->rq, t->data, bytes, GFP_KERNEL)) {
		blk_mq_free_request(s->rq);
		KUNIT_FAIL_AND_ABORT(test, "%u bytes cannot be mapped", bytes);
	}
	t->nr_sent++;
	s->rq->end_io = sent_end;
	s->rq->end_io_data = s;
	return s;
}

static struct sent *send_to(struct kunit *test, struct request_queue *q, u32 bytes)
{
	struct sent *s = prepare(test, q, bytes);

	blk_execute_rq_nowait(s->rq, false);
	return s;
}

static struct sent *send_disk(struct kunit *test, u32 bytes)
{
	struct cmd_test *t = test->priv;

	return send_to(test, asblk_disk_queue(t->fake->disk), bytes);
}

static struct sent *send_admin(struct kunit *test, u32 bytes)
{
	struct cmd_test *t = test->priv;

	return send_to(test, asblk_admin_queue(t->fake->ctrl), bytes);
}

static void expect_end(struct kunit *test, struct sent *s, blk_status_t status, bool answered)
{
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&s->done, 30 * HZ), 0);
	KUNIT_EXPECT_EQ(test, s->ends, 1);
	KUNIT_EXPECT_EQ(test, (__force int)s->status, (__force int)status);
	KUNIT_EXPECT_EQ(test, s->command.answered, answered);
}

static void expect_no_end(struct kunit *test, struct sent *s)
{
	KUNIT_EXPECT_EQ(test, s->ends, 0);
}

static struct asblk_hwq *queue_of(struct sent *s)
{
	return s->rq->mq_hctx->driver_data;
}

/* It times out; wait for what recovery does about it. Return: true if that has ended it. */
static bool time_out(struct cmd_test *t, struct sent *s)
{
	bool done = asblk_timed_out(queue_of(s), s->rq);

	flush_work(&t->fake->ctrl->recovery.work);
	return done;
}

static int cmd_test_init(struct kunit *test)
{
	struct cmd_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct asblk_admin_params admin = {
		.depth = DEPTH, .nr_reserved = 1, .transfer_priv_size = sizeof(u16),
	};
	struct asblk_ctrl_params p;

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->data = (void *)__get_free_pages(GFP_KERNEL, 2);
	KUNIT_ASSERT_NOT_NULL(test, t->data);
	test->priv = t;
	fake_params(&p);
	admin.limits = p.limits;
	admin.timeout_ms = 1000;
	t->fake = fake_create_admin(test, &p, &admin);
	return 0;
}

static void cmd_test_exit(struct kunit *test)
{
	struct cmd_test *t = test->priv;
	unsigned int i;

	if (!t)
		return;
	fake_finish_all(t->fake);
	/* Queues do not go before their requests. */
	for (i = 0; i < t->nr_sent; i++)
		if (t->sent[i].ends && !t->destroyed)
			blk_mq_free_request(t->sent[i].rq);
	if (!t->destroyed)
		fake_destroy(t->fake);
	free_pages((unsigned long)t->data, 2);
}

/* The command arrives as it is, with its data, and the answer comes back. */
static void command_answer(struct kunit *test)
{
	struct cmd_test *t = test->priv;
	const struct asblk_transfer *seen = &t->fake->seen[0].t;
	struct sent *s = send_disk(test, 2048);

	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 1);
	KUNIT_EXPECT_EQ(test, seen->op, ASBLK_OP_COMMAND);
	KUNIT_EXPECT_PTR_EQ(test, seen->command, &s->command);
	KUNIT_EXPECT_EQ(test, seen->bytes, 2048);
	KUNIT_EXPECT_EQ(test, t->fake->seen[0].data, 2048);
	expect_no_end(test, s);
	t->fake->answer = 0x123456789abcdef0;
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	expect_end(test, s, BLK_STS_OK, true);
	KUNIT_EXPECT_EQ(test, s->command.result, 0x123456789abcdef0);
	KUNIT_EXPECT_EQ(test, s->command.status, 0);
}

/* Whoever answers gets the command's own memory. */
static void command_priv(struct kunit *test)
{
	struct cmd_test *t = test->priv;
	struct sent *s[3];
	int i;

	for (i = 0; i < 3; i++)
		s[i] = i ? send_disk(test, 0) : send_admin(test, 0);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 3);
	for (i = 2; i >= 0; i--) {
		fake_finish(t->fake, i, BLK_STS_OK, 0);
		expect_end(test, s[i], BLK_STS_OK, true);
		KUNIT_EXPECT_EQ(test, t->fake->answered, t->fake->seen[i].t.id);
	}
}

static void command_error(struct kunit *test)
{
	struct cmd_test *t = test->priv;
	struct sent *s = send_disk(test, 512);

	t->fake->answer = 7;
	t->fake->answer_status = 0x4002;
	/* All data was good: the command has failed all the same. */
	fake_finish(t->fake, 0, BLK_STS_NOTSUPP, 512);
	expect_end(test, s, BLK_STS_NOTSUPP, true);
	KUNIT_EXPECT_EQ(test, s->command.status, 0x4002);
	KUNIT_EXPECT_EQ(test, s->command.result, 7);
}

/* Nothing of a command that is too large for one transfer reaches the device. */
static void command_too_large(struct kunit *test)
{
	struct cmd_test *t = test->priv;

	expect_end(test, send_disk(test, SZ_4K + 512), BLK_STS_INVAL, false);
	KUNIT_EXPECT_EQ(test, t->fake->nr_offered, 0);
}

/* It is sent again only as often as its sender says. */
static void command_retries(struct kunit *test)
{
	struct cmd_test *t = test->priv;
	struct sent *s = send_disk(test, 0);

	t->fake->answer_status = 1;
	fake_finish_flags(t->fake, 0, BLK_STS_IOERR, 0, ASBLK_MAY_RETRY);
	expect_end(test, s, BLK_STS_IOERR, true);

	s = prepare(test, asblk_disk_queue(t->fake->disk), 0);
	s->command.max_retries = 1;
	blk_execute_rq_nowait(s->rq, false);
	fake_finish_flags(t->fake, 1, BLK_STS_IOERR, 0, ASBLK_REQUEUE);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 3);
	expect_no_end(test, s);
	KUNIT_EXPECT_FALSE(test, s->command.answered);
	fake_finish_flags(t->fake, 2, BLK_STS_IOERR, 0, ASBLK_MAY_RETRY);
	expect_end(test, s, BLK_STS_IOERR, true);
}

/* A busy controller gets commands and requests for blocks in the order in which they came. */
static void command_busy(struct kunit *test)
{
	struct cmd_test *t = test->priv;
	struct sent *first, *second;

	t->fake->busy = UINT_MAX;
	first = send_disk(test, 0);
	second = send_disk(test, 0);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 0);
	t->fake->busy = 0;
	asblk_reap(t->fake->q);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 2);
	KUNIT_EXPECT_PTR_EQ(test, t->fake->seen[0].t.command, &first->command);
	KUNIT_EXPECT_PTR_EQ(test, t->fake->seen[1].t.command, &second->command);
}

/* A reset ends what may have been executed; what had not been sent is sent then. */
static void command_reset(struct kunit *test)
{
	struct cmd_test *t = test->priv;
	struct sent *lost = send_disk(test, 0), *again, *waits;
	u16 old = t->fake->seen[0].t.id;

	again = prepare(test, asblk_disk_queue(t->fake->disk), 0);
	again->command.max_retries = 1;
	blk_execute_rq_nowait(again->rq, false);
	t->fake->busy = UINT_MAX;
	waits = send_disk(test, 0);
	t->fake->busy = 0;
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(t->fake->ctrl), 0);
	expect_end(test, lost, BLK_STS_TIMEOUT, false);
	expect_no_end(test, again);
	expect_no_end(test, waits);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 4);
	/* The device may still say something about it. */
	fake_say(t->fake, old, BLK_STS_OK, 0, 0);
	asblk_reap(t->fake->q);
	KUNIT_EXPECT_EQ(test, asblk_to_hwq(t->fake->q)->count.unknown_ids, 1);
	KUNIT_EXPECT_EQ(test, lost->ends, 1);
	fake_finish(t->fake, 2, BLK_STS_OK, 0);
	fake_finish(t->fake, 3, BLK_STS_OK, 0);
	expect_end(test, again, BLK_STS_OK, true);
	expect_end(test, waits, BLK_STS_OK, true);
}

/* A device that does not answer is told to abort, and reset after the queue's own limit. */
static void command_timeout(struct kunit *test)
{
	struct cmd_test *t = test->priv;
	struct sent *s = prepare(test, asblk_disk_queue(t->fake->disk), 0);

	s->rq->timeout = 1;
	blk_execute_rq_nowait(s->rq, false);
	KUNIT_EXPECT_FALSE(test, time_out(t, s));
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 1);
	KUNIT_EXPECT_EQ(test, t->fake->aborted, t->fake->seen[0].t.id);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 0);
	KUNIT_EXPECT_EQ(test, s->rq->timeout, s->rq->q->rq_timeout);
	expect_no_end(test, s);
	KUNIT_EXPECT_FALSE(test, time_out(t, s));
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	expect_end(test, s, BLK_STS_TIMEOUT, false);
}

/* Even if nothing can be aborted a sender's own short limit is no reason for a reset. */
static void command_timeout_short(struct kunit *test)
{
	struct cmd_test *t = test->priv;
	struct sent *s = prepare(test, asblk_disk_queue(t->fake->disk), 0);

	t->fake->abort_err = -EIO;
	s->rq->timeout = 1;
	blk_execute_rq_nowait(s->rq, false);
	KUNIT_EXPECT_FALSE(test, time_out(t, s));
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets + t->fake->resets, 0);
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	expect_end(test, s, BLK_STS_OK, true);
}

static void command_no_timeout(struct kunit *test)
{
	struct cmd_test *t = test->priv;
	struct sent *s = prepare(test, asblk_admin_queue(t->fake->ctrl), 0);

	s->rq->timeout = ASBLK_NO_TIMEOUT;
	blk_execute_rq_nowait(s->rq, false);
	KUNIT_EXPECT_FALSE(test, time_out(t, s));
	KUNIT_EXPECT_FALSE(test, time_out(t, s));
	KUNIT_EXPECT_EQ(test, t->fake->aborts + t->fake->resets, 0);
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	expect_end(test, s, BLK_STS_OK, true);
}

/* Commands that wait for a busy controller are withdrawn, whichever of them. */
static void command_withdraw(struct kunit *test)
{
	struct cmd_test *t = test->priv;
	struct sent *s[DEPTH];
	unsigned int i;

	t->fake->busy = UINT_MAX;
	for (i = 0; i < DEPTH; i++)
		s[i] = send_disk(test, 0);
	KUNIT_EXPECT_TRUE(test, time_out(t, s[3]));
	expect_end(test, s[3], BLK_STS_TIMEOUT, false);
	KUNIT_EXPECT_TRUE(test, time_out(t, s[1]));
	expect_end(test, s[1], BLK_STS_TIMEOUT, false);
	KUNIT_EXPECT_EQ(test, t->fake->aborts + t->fake->queue_resets, 0);
	/* The list is whole: one more goes to its end. */
	blk_mq_free_request(s[1]->rq);
	s[1]->ends = 0;
	s[1] = send_disk(test, 0);
	t->fake->busy = 0;
	asblk_reap(t->fake->q);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 3);
	KUNIT_EXPECT_PTR_EQ(test, t->fake->seen[0].t.command, &s[0]->command);
	KUNIT_EXPECT_PTR_EQ(test, t->fake->seen[1].t.command, &s[2]->command);
	KUNIT_EXPECT_PTR_EQ(test, t->fake->seen[2].t.command, &s[1]->command);
}

/* One that the device wants to see again later waits elsewhere. */
static void command_withdraw_delayed(struct kunit *test)
{
	struct cmd_test *t = test->priv;
	struct sent *s = prepare(test, asblk_disk_queue(t->fake->disk), 0);

	s->command.max_retries = 1;
	blk_execute_rq_nowait(s->rq, false);
	fake_finish_flags(t->fake, 0, BLK_STS_IOERR, 0,
			  ASBLK_MAY_RETRY | ASBLK_RETRY_AFTER(1000000));
	expect_no_end(test, s);
	KUNIT_EXPECT_TRUE(test, asblk_command_cancel(s->rq));
	expect_end(test, s, BLK_STS_TIMEOUT, true);
	KUNIT_EXPECT_FALSE(test, asblk_command_cancel(s->rq));
}

static void command_cancel(struct kunit *test)
{
	struct cmd_test *t = test->priv;
	struct sent *s = send_disk(test, 0), *waits;

	KUNIT_EXPECT_TRUE(test, asblk_command_cancel(s->rq));
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 1);
	KUNIT_EXPECT_EQ(test, t->fake->aborted, t->fake->seen[0].t.id);
	expect_no_end(test, s);
	/* The race is decided by the completion, once. */
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	expect_end(test, s, BLK_STS_OK, true);
	KUNIT_EXPECT_FALSE(test, asblk_command_cancel(s->rq));
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 1);

	t->fake->busy = UINT_MAX;
	waits = send_disk(test, 0);
	KUNIT_EXPECT_TRUE(test, asblk_command_cancel(waits->rq));
	expect_end(test, waits, BLK_STS_TIMEOUT, false);
	t->fake->busy = 0;
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 1);

	t->fake->abort_err = -EBUSY;
	s = send_disk(test, 0);
	KUNIT_EXPECT_FALSE(test, asblk_command_cancel(s->rq));
}

static int execute(void *arg)
{
	struct sent *s = arg;

	/* As if it was about to be killed. */
	allow_signal(SIGKILL);
	s->status = asblk_command_execute(s->rq);
	s->ends++;
	complete(&s->done);
	while (!kthread_should_stop())
		msleep(1);
	return 0;
}

/* A fatal signal does not leave the command alone: it is aborted, and waited for. */
static void command_killed(struct kunit *test)
{
	struct cmd_test *t = test->priv;
	struct sent *s = prepare(test, asblk_admin_queue(t->fake->ctrl), 0);
	struct task_struct *task = kthread_run(execute, s, "asblk_killed");
	unsigned int tries;

	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	for (tries = 0; tries < 500 && !READ_ONCE(t->fake->nr_seen); tries++)
		msleep(20);
	send_sig(SIGKILL, task, 1);
	for (tries = 0; tries < 500 && !READ_ONCE(t->fake->aborts); tries++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 1);
	expect_no_end(test, s);
	fake_finish(t->fake, 0, BLK_STS_TIMEOUT, 0);
	expect_end(test, s, BLK_STS_TIMEOUT, true);
	kthread_stop(task);
}

/* The admin queue has tags and IDs of its own, and is not held by a reset. */
static void command_admin(struct kunit *test)
{
	struct cmd_test *t = test->priv;
	struct sent *disk = send_disk(test, 0), *admin = send_admin(test, 512);

	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 2);
	KUNIT_EXPECT_PTR_EQ(test, t->fake->seen[1].q, t->fake->admin);
	KUNIT_EXPECT_EQ(test, t->fake->admin->index, ASBLK_ADMIN_QUEUE);
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(t->fake->ctrl), 0);
	expect_end(test, disk, BLK_STS_TIMEOUT, false);
	expect_no_end(test, admin);
	fake_finish(t->fake, 1, BLK_STS_OK, 0);
	expect_end(test, admin, BLK_STS_OK, true);
}

/* Between stop and start commands wait; what was in flight ends at the start. */
static void command_admin_restart(struct kunit *test)
{
	struct cmd_test *t = test->priv;
	struct sent *lost = send_admin(test, 0), *waits, *late;

	asblk_admin_stop(t->fake->ctrl);
	waits = send_admin(test, 0);
	late = send_admin(test, 0);
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	expect_no_end(test, lost);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 1);
	KUNIT_EXPECT_TRUE(test, time_out(t, late));
	expect_end(test, late, BLK_STS_TIMEOUT, false);
	asblk_admin_start(t->fake->ctrl);
	expect_end(test, lost, BLK_STS_TIMEOUT, false);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 2);
	fake_finish(t->fake, 1, BLK_STS_OK, 0);
	expect_end(test, waits, BLK_STS_OK, true);
}

/* A command that hangs is reason for a reset, but never for giving the controller up. */
static void command_admin_timeout(struct kunit *test)
{
	struct cmd_test *t = test->priv;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct sent *s = send_admin(test, 0);

		KUNIT_EXPECT_FALSE(test, time_out(t, s));
		KUNIT_EXPECT_EQ(test, t->fake->aborts, i + 1);
		KUNIT_EXPECT_EQ(test, t->fake->resets, i);
		KUNIT_EXPECT_FALSE(test, time_out(t, s));
		KUNIT_EXPECT_EQ(test, t->fake->resets, i + 1);
		/* As a driver does it within its reset. */
		asblk_admin_stop(t->fake->ctrl);
		asblk_admin_start(t->fake->ctrl);
		expect_end(test, s, BLK_STS_TIMEOUT, false);
	}
	KUNIT_EXPECT_EQ(test, (int)t->fake->ctrl->state, ASBLK_CTRL_LIVE);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 0);
}

static void command_dead(struct kunit *test)
{
	struct cmd_test *t = test->priv;
	struct sent *disk = send_disk(test, 0), *admin = send_admin(test, 0);

	asblk_ctrl_dead(t->fake->ctrl, "test");
	expect_end(test, disk, BLK_STS_OFFLINE, false);
	expect_end(test, admin, BLK_STS_OFFLINE, false);
	expect_end(test, send_disk(test, 0), BLK_STS_OFFLINE, false);
	expect_end(test, send_admin(test, 0), BLK_STS_OFFLINE, false);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 2);
}

/* Removal ends what the device has, after the device was told. */
static void command_removal(struct kunit *test)
{
	struct cmd_test *t = test->priv;
	struct device *dev = get_device(asblk_ctrl_device(t->fake->ctrl));
	struct request_queue *q = asblk_admin_queue(t->fake->ctrl);
	struct sent *s = prepare(test, q, 0);
	struct asblk_command command = {};

	s->rq->end_io = sent_end_free;
	blk_execute_rq_nowait(s->rq, false);
	fake_destroy(t->fake);
	t->destroyed = true;
	t->fake->nr_seen = 0;
	KUNIT_EXPECT_EQ(test, t->fake->stops, 2);
	expect_end(test, s, BLK_STS_OFFLINE, false);
	KUNIT_EXPECT_EQ(test, PTR_ERR(asblk_command_request(q, &command, REQ_OP_DRV_IN, 0)),
			-ENODEV);
	put_device(dev);
}

/* Reserved tags are there when all others are in use. */
static void command_reserved(struct kunit *test)
{
	struct cmd_test *t = test->priv;
	struct request_queue *q = asblk_admin_queue(t->fake->ctrl);
	struct asblk_command command = {};
	struct request *rq;
	unsigned int i;

	for (i = 0; i < DEPTH - 1; i++)
		send_admin(test, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR(asblk_command_request(q, &command, REQ_OP_DRV_IN,
							    BLK_MQ_REQ_NOWAIT)), -EWOULDBLOCK);
	rq = asblk_command_request(q, &command, REQ_OP_DRV_IN,
				   BLK_MQ_REQ_NOWAIT | BLK_MQ_REQ_RESERVED);
	KUNIT_ASSERT_FALSE(test, IS_ERR(rq));
	blk_mq_free_request(rq);
}

/**
 * struct group - commands with the same data for several targets
 * @left: those that have not ended
 * @failed: one of them has failed
 * @done: the last one has ended
 */
struct group {
	atomic_t left;
	bool failed;
	struct completion done;
};

static enum rq_end_io_ret group_end(ASBLK_END_IO_ARGS)
{
	struct group *g = rq->end_io_data;

	if (status != BLK_STS_OK)
		WRITE_ONCE(g->failed, true);
	if (atomic_dec_and_test(&g->left))
		complete(&g->done);
	return RQ_END_IO_NONE;
}

/*
 * One completion routine for two disks: the last one out reports. When one fails, the other
 * is cancelled.
 */
static void command_two_targets(struct kunit *test)
{
	struct cmd_test *t = test->priv;
	struct group g = { .left = ATOMIC_INIT(2) };
	struct asblk_ctrl_params p;
	struct sent *a, *b;
	struct fake *other;

	fake_params(&p);
	other = fake_create(test, &p);
	init_completion(&g.done);
	a = prepare(test, asblk_disk_queue(t->fake->disk), 512);
	b = prepare(test, asblk_disk_queue(other->disk), 512);
	a->rq->end_io = group_end;
	b->rq->end_io = group_end;
	a->rq->end_io_data = &g;
	b->rq->end_io_data = &g;
	blk_execute_rq_nowait(a->rq, false);
	blk_execute_rq_nowait(b->rq, false);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 1);
	KUNIT_ASSERT_EQ(test, other->nr_seen, 1);

	fake_finish(t->fake, 0, BLK_STS_MEDIUM, 0);
	KUNIT_EXPECT_TRUE(test, g.failed);
	KUNIT_EXPECT_FALSE(test, completion_done(&g.done));
	KUNIT_EXPECT_TRUE(test, asblk_command_cancel(b->rq));
	KUNIT_EXPECT_EQ(test, other->aborted, other->seen[0].t.id);
	fake_finish(other, 0, BLK_STS_TIMEOUT, 0);
	KUNIT_EXPECT_TRUE(test, completion_done(&g.done));
	blk_mq_free_request(a->rq);
	blk_mq_free_request(b->rq);
	fake_destroy(other);
}

static struct kunit_case cmd_cases[] = {
	KUNIT_CASE(command_answer),
	KUNIT_CASE(command_priv),
	KUNIT_CASE(command_error),
	KUNIT_CASE(command_too_large),
	KUNIT_CASE(command_retries),
	KUNIT_CASE(command_busy),
	KUNIT_CASE(command_reset),
	KUNIT_CASE(command_timeout),
	KUNIT_CASE(command_timeout_short),
	KUNIT_CASE(command_no_timeout),
	KUNIT_CASE(command_withdraw),
	KUNIT_CASE(command_withdraw_delayed),
	KUNIT_CASE(command_cancel),
	KUNIT_CASE(command_killed),
	KUNIT_CASE(command_admin),
	KUNIT_CASE(command_admin_restart),
	KUNIT_CASE(command_admin_timeout),
	KUNIT_CASE(command_dead),
	KUNIT_CASE(command_removal),
	KUNIT_CASE(command_reserved),
	KUNIT_CASE(command_two_targets),
	{}
};

static struct kunit_suite cmd_suite = {
	.name = "asblk_command",
	.init = cmd_test_init,
	.exit = cmd_test_exit,
	.test_cases = cmd_cases,
};

kunit_test_suites(&cmd_suite);
