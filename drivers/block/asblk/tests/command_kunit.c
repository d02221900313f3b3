// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of commands that are sent on purpose (core/command.c, and their way through submission,
 * completion and recovery), on the fake controller.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>

#include "test_command.h"

/* The command arrives as it is, with its data, and the answer comes back. */
static void command_answer(struct kunit *test)
{
	struct tcmd_test *t = test->priv;
	const struct asblk_transfer *seen = &t->fake->seen[0].t;
	struct tcmd *s = tcmd_send_disk(test, 2048);

	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 1);
	KUNIT_EXPECT_EQ(test, seen->op, ASBLK_OP_COMMAND);
	KUNIT_EXPECT_PTR_EQ(test, seen->command, &s->command);
	KUNIT_EXPECT_EQ(test, seen->bytes, 2048);
	KUNIT_EXPECT_EQ(test, t->fake->seen[0].data, 2048);
	tcmd_expect_no_end(test, s);
	t->fake->answer = 0x123456789abcdef0;
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	tcmd_expect_end(test, s, BLK_STS_OK, true);
	KUNIT_EXPECT_EQ(test, s->command.result, 0x123456789abcdef0);
	KUNIT_EXPECT_EQ(test, s->command.status, 0);
}

/* Little data, but in two pieces: the second page is before the first. */
static void command_two_segments(struct kunit *test)
{
	struct tcmd_test *t = test->priv;
	const struct asblk_transfer *seen = &t->fake->seen[0].t;
	struct page *page = alloc_pages(GFP_KERNEL, 1), *pages[2];
	struct tcmd *s;
	void *data;

	KUNIT_ASSERT_NOT_NULL(test, page);
	pages[0] = page + 1;
	pages[1] = page;
	data = vmap(pages, 2, VM_MAP, PAGE_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, data);
	s = tcmd_prepare(test, asblk_disk_queue(t->fake->disk), 0);
	if (data && !blk_rq_map_kern(s->rq, data + PAGE_SIZE - 512, 1536, GFP_KERNEL)) {
		blk_execute_rq_nowait(s->rq, false);
		KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 1);
		KUNIT_EXPECT_EQ(test, seen->bytes, 1536);
		KUNIT_EXPECT_EQ(test, seen->nr_segments, 2);
		KUNIT_EXPECT_EQ(test, seen->segs[0].addr, page_to_phys(page) + 2 * PAGE_SIZE - 512);
		KUNIT_EXPECT_EQ(test, seen->segs[1].addr, page_to_phys(page));
		KUNIT_EXPECT_EQ(test, seen->segs[0].len, 512);
		fake_finish(t->fake, 0, BLK_STS_OK, 0);
		tcmd_expect_end(test, s, BLK_STS_OK, true);
	}
	vunmap(data);
	__free_pages(page, 1);
}

/* A request has room for a command. */
static void command_in_request(struct kunit *test)
{
	struct tcmd_test *t = test->priv;
	const struct asblk_transfer *seen = &t->fake->seen[0].t;
	struct tcmd *s = tcmd_prepare_command(test, asblk_disk_queue(t->fake->disk), NULL, 0);
	struct asblk_command *command = asblk_request_command(s->rq);

	KUNIT_ASSERT_NOT_NULL(test, command);
	KUNIT_EXPECT_NULL(test, memchr_inv(command, 0, sizeof(*command)));
	memset(command->bytes, 0x77, ASBLK_COMMAND_BYTES);
	blk_execute_rq_nowait(s->rq, false);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 1);
	KUNIT_EXPECT_PTR_EQ(test, seen->command, command);
	t->fake->answer = 7;
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&s->done, 30 * HZ), 0);
	KUNIT_EXPECT_TRUE(test, command->answered);
	KUNIT_EXPECT_EQ(test, command->result, 7);
	KUNIT_EXPECT_NULL(test, memchr_inv(command->bytes, 0x77, ASBLK_COMMAND_BYTES));
}

/* Whoever answers gets the command's own memory. */
static void command_priv(struct kunit *test)
{
	struct tcmd_test *t = test->priv;
	struct tcmd *s[3];
	int i;

	for (i = 0; i < 3; i++)
		s[i] = i ? tcmd_send_disk(test, 0) : tcmd_send_admin(test, 0);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 3);
	for (i = 2; i >= 0; i--) {
		fake_finish(t->fake, i, BLK_STS_OK, 0);
		tcmd_expect_end(test, s[i], BLK_STS_OK, true);
		KUNIT_EXPECT_EQ(test, t->fake->answered, t->fake->seen[i].t.id);
	}
}

static void command_error(struct kunit *test)
{
	struct tcmd_test *t = test->priv;
	struct tcmd *s = tcmd_send_disk(test, 512);

	t->fake->answer = 7;
	t->fake->answer_status = 0x4002;
	/* All data was good: the command has failed all the same. */
	fake_finish(t->fake, 0, BLK_STS_NOTSUPP, 512);
	tcmd_expect_end(test, s, BLK_STS_NOTSUPP, true);
	KUNIT_EXPECT_EQ(test, s->command.status, 0x4002);
	KUNIT_EXPECT_EQ(test, s->command.result, 7);
}

/* Nothing of a command that is too large for one transfer reaches the device. */
static void command_too_large(struct kunit *test)
{
	struct tcmd_test *t = test->priv;

	tcmd_expect_end(test, tcmd_send_disk(test, SZ_4K + 512), BLK_STS_INVAL, false);
	KUNIT_EXPECT_EQ(test, t->fake->nr_offered, 0);
}

/* It is sent again only as often as its sender says. */
static void command_retries(struct kunit *test)
{
	struct tcmd_test *t = test->priv;
	struct tcmd *s = tcmd_send_disk(test, 0);

	t->fake->answer_status = 1;
	fake_finish_flags(t->fake, 0, BLK_STS_IOERR, 0, ASBLK_MAY_RETRY);
	tcmd_expect_end(test, s, BLK_STS_IOERR, true);

	s = tcmd_prepare(test, asblk_disk_queue(t->fake->disk), 0);
	s->command.max_retries = 1;
	blk_execute_rq_nowait(s->rq, false);
	fake_finish_flags(t->fake, 1, BLK_STS_IOERR, 0, ASBLK_REQUEUE);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 3);
	tcmd_expect_no_end(test, s);
	KUNIT_EXPECT_FALSE(test, s->command.answered);
	fake_finish_flags(t->fake, 2, BLK_STS_IOERR, 0, ASBLK_MAY_RETRY);
	tcmd_expect_end(test, s, BLK_STS_IOERR, true);
}

/* A busy controller gets commands and requests for blocks in the order in which they came. */
static void command_busy(struct kunit *test)
{
	struct tcmd_test *t = test->priv;
	struct tcmd *first, *second;

	t->fake->busy = UINT_MAX;
	first = tcmd_send_disk(test, 0);
	second = tcmd_send_disk(test, 0);
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
	struct tcmd_test *t = test->priv;
	struct tcmd *lost = tcmd_send_disk(test, 0), *again, *waits;
	u16 old = t->fake->seen[0].t.id;

	again = tcmd_prepare(test, asblk_disk_queue(t->fake->disk), 0);
	again->command.max_retries = 1;
	blk_execute_rq_nowait(again->rq, false);
	t->fake->busy = UINT_MAX;
	waits = tcmd_send_disk(test, 0);
	t->fake->busy = 0;
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(t->fake->ctrl), 0);
	tcmd_expect_end(test, lost, BLK_STS_TIMEOUT, false);
	tcmd_expect_no_end(test, again);
	tcmd_expect_no_end(test, waits);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 4);
	/* The device may still say something about it. */
	fake_say(t->fake, old, BLK_STS_OK, 0, 0);
	asblk_reap(t->fake->q);
	KUNIT_EXPECT_EQ(test, asblk_to_hwq(t->fake->q)->count.unknown_ids, 1);
	KUNIT_EXPECT_EQ(test, lost->ends, 1);
	fake_finish(t->fake, 2, BLK_STS_OK, 0);
	fake_finish(t->fake, 3, BLK_STS_OK, 0);
	tcmd_expect_end(test, again, BLK_STS_OK, true);
	tcmd_expect_end(test, waits, BLK_STS_OK, true);
}

/* A device that does not answer is told to abort, and reset after the queue's own limit. */
static void command_timeout(struct kunit *test)
{
	struct tcmd_test *t = test->priv;
	struct tcmd *s = tcmd_prepare(test, asblk_disk_queue(t->fake->disk), 0);

	s->rq->timeout = 1;
	blk_execute_rq_nowait(s->rq, false);
	KUNIT_EXPECT_FALSE(test, tcmd_time_out(t, s));
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 1);
	KUNIT_EXPECT_EQ(test, t->fake->aborted, t->fake->seen[0].t.id);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 0);
	KUNIT_EXPECT_EQ(test, s->rq->timeout, s->rq->q->rq_timeout);
	tcmd_expect_no_end(test, s);
	KUNIT_EXPECT_FALSE(test, tcmd_time_out(t, s));
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 1);
	tcmd_expect_end(test, s, BLK_STS_TIMEOUT, false);
}

/* Even if nothing can be aborted a sender's own short limit is no reason for a reset. */
static void command_timeout_short(struct kunit *test)
{
	struct tcmd_test *t = test->priv;
	struct tcmd *s = tcmd_prepare(test, asblk_disk_queue(t->fake->disk), 0);

	t->fake->abort_err = -EIO;
	s->rq->timeout = 1;
	blk_execute_rq_nowait(s->rq, false);
	KUNIT_EXPECT_FALSE(test, tcmd_time_out(t, s));
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets + t->fake->resets, 0);
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	tcmd_expect_end(test, s, BLK_STS_OK, true);
}

/* Commands that wait for a busy controller are withdrawn, whichever of them. */
static void command_withdraw(struct kunit *test)
{
	struct tcmd_test *t = test->priv;
	struct tcmd *s[TCMD_DEPTH];
	unsigned int i;

	t->fake->busy = UINT_MAX;
	for (i = 0; i < TCMD_DEPTH; i++)
		s[i] = tcmd_send_disk(test, 0);
	KUNIT_EXPECT_TRUE(test, tcmd_time_out(t, s[3]));
	tcmd_expect_end(test, s[3], BLK_STS_TIMEOUT, false);
	KUNIT_EXPECT_TRUE(test, tcmd_time_out(t, s[1]));
	tcmd_expect_end(test, s[1], BLK_STS_TIMEOUT, false);
	KUNIT_EXPECT_EQ(test, t->fake->aborts + t->fake->queue_resets, 0);
	/* The list is whole: one more goes to its end. */
	tcmd_free(s[1]);
	s[1] = tcmd_send_disk(test, 0);
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
	struct tcmd_test *t = test->priv;
	struct tcmd *s = tcmd_prepare(test, asblk_disk_queue(t->fake->disk), 0);

	s->command.max_retries = 1;
	blk_execute_rq_nowait(s->rq, false);
	fake_finish_flags(t->fake, 0, BLK_STS_IOERR, 0,
			  ASBLK_MAY_RETRY | ASBLK_RETRY_AFTER(1000000));
	tcmd_expect_no_end(test, s);
	KUNIT_EXPECT_TRUE(test, asblk_command_cancel(s->rq));
	tcmd_expect_end(test, s, BLK_STS_TIMEOUT, true);
	KUNIT_EXPECT_FALSE(test, asblk_command_cancel(s->rq));
}

static void command_cancel(struct kunit *test)
{
	struct tcmd_test *t = test->priv;
	struct tcmd *s = tcmd_send_disk(test, 0), *waits;

	KUNIT_EXPECT_TRUE(test, asblk_command_cancel(s->rq));
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 1);
	KUNIT_EXPECT_EQ(test, t->fake->aborted, t->fake->seen[0].t.id);
	tcmd_expect_no_end(test, s);
	/* The race is decided by the completion, once. */
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	tcmd_expect_end(test, s, BLK_STS_OK, true);
	KUNIT_EXPECT_FALSE(test, asblk_command_cancel(s->rq));
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 1);

	t->fake->busy = UINT_MAX;
	waits = tcmd_send_disk(test, 0);
	KUNIT_EXPECT_TRUE(test, asblk_command_cancel(waits->rq));
	tcmd_expect_end(test, waits, BLK_STS_TIMEOUT, false);
	t->fake->busy = 0;
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 1);

	t->fake->abort_err = -EBUSY;
	s = tcmd_send_disk(test, 0);
	KUNIT_EXPECT_FALSE(test, asblk_command_cancel(s->rq));
}

static int execute(void *arg)
{
	struct tcmd *s = arg;

	/* As if it was about to be killed. */
	allow_signal(SIGKILL);
	s->status = asblk_command_execute(s->rq);
	s->ends++;
	complete(&s->done);
	while (!kthread_should_stop())
		msleep(20);
	return 0;
}

/* A fatal signal does not leave the command alone: it is aborted, and waited for. */
static void command_killed(struct kunit *test)
{
	struct tcmd_test *t = test->priv;
	struct tcmd *s = tcmd_prepare(test, asblk_admin_queue(t->fake->ctrl), 0);
	struct task_struct *task = kthread_run(execute, s, "asblk_killed");
	unsigned int tries;

	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	for (tries = 0; tries < 500 && !READ_ONCE(t->fake->nr_seen); tries++)
		msleep(20);
	send_sig(SIGKILL, task, 1);
	for (tries = 0; tries < 500 && !READ_ONCE(t->fake->aborts); tries++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 1);
	tcmd_expect_no_end(test, s);
	fake_finish(t->fake, 0, BLK_STS_TIMEOUT, 0);
	tcmd_expect_end(test, s, BLK_STS_TIMEOUT, true);
	kthread_stop(task);
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
	struct tcmd_test *t = test->priv;
	struct group g = { .left = ATOMIC_INIT(2) };
	struct asblk_ctrl_params p;
	struct tcmd *a, *b;
	struct fake *other;
	unsigned int tries;

	fake_params(&p);
	other = fake_create(test, &p);
	init_completion(&g.done);
	a = tcmd_prepare(test, asblk_disk_queue(t->fake->disk), 512);
	b = tcmd_prepare(test, asblk_disk_queue(other->disk), 512);
	a->rq->end_io = group_end;
	b->rq->end_io = group_end;
	a->rq->end_io_data = &g;
	b->rq->end_io_data = &g;
	blk_execute_rq_nowait(a->rq, false);
	blk_execute_rq_nowait(b->rq, false);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 1);
	KUNIT_ASSERT_EQ(test, other->nr_seen, 1);

	fake_finish(t->fake, 0, BLK_STS_MEDIUM, 0);
	for (tries = 0; tries < 250 && !READ_ONCE(g.failed); tries++)
		msleep(20);
	KUNIT_EXPECT_TRUE(test, g.failed);
	KUNIT_EXPECT_FALSE(test, completion_done(&g.done));
	KUNIT_EXPECT_TRUE(test, asblk_command_cancel(b->rq));
	KUNIT_EXPECT_EQ(test, other->aborted, other->seen[0].t.id);
	fake_finish(other, 0, BLK_STS_TIMEOUT, 0);
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&g.done, 30 * HZ), 0);
	a->ends++;
	b->ends++;
	tcmd_free(b);
	fake_destroy(other);
}

static struct kunit_case command_cases[] = {
	KUNIT_CASE(command_answer),
	KUNIT_CASE(command_two_segments),
	KUNIT_CASE(command_in_request),
	KUNIT_CASE(command_priv),
	KUNIT_CASE(command_error),
	KUNIT_CASE(command_too_large),
	KUNIT_CASE(command_retries),
	KUNIT_CASE(command_busy),
	KUNIT_CASE(command_reset),
	KUNIT_CASE(command_timeout),
	KUNIT_CASE(command_timeout_short),
	KUNIT_CASE(command_withdraw),
	KUNIT_CASE(command_withdraw_delayed),
	KUNIT_CASE(command_cancel),
	KUNIT_CASE(command_killed),
	KUNIT_CASE(command_two_targets),
	{}
};

static struct kunit_suite command_suite = {
	.name = "asblk_command",
	.init = tcmd_test_init,
	.exit = tcmd_test_exit,
	.test_cases = command_cases,
};

kunit_test_suites(&command_suite);
