// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/test.h>
#include <linux/completion.h>

#include "test_command.h"

static enum rq_end_io_ret tcmd_end(ASBLK_END_IO_ARGS)
{
	struct tcmd *s = rq->end_io_data;

	s->ends++;
	s->status = status;
	complete(&s->done);
	return s->free ? RQ_END_IO_FREE : RQ_END_IO_NONE;
}

/* A request for @command, with @bytes of data, to be sent. */
struct tcmd *tcmd_prepare_command(struct kunit *test, struct request_queue *q,
				  struct asblk_command *command, u32 bytes)
{
	struct tcmd_test *t = test->priv;
	struct tcmd *s = &t->sent[t->nr_sent];

	KUNIT_ASSERT_LT(test, t->nr_sent, TCMD_NR);
	init_completion(&s->done);
	s->rq = asblk_command_request(q, command, REQ_OP_DRV_OUT, BLK_MQ_REQ_NOWAIT);
	KUNIT_ASSERT_FALSE(test, IS_ERR(s->rq));
	if (bytes && blk_rq_map_kern(s->rq, t->data, bytes, GFP_KERNEL)) {
		blk_mq_free_request(s->rq);
		KUNIT_FAIL_AND_ABORT(test, "%u bytes cannot be mapped", bytes);
	}
	t->nr_sent++;
	s->rq->end_io = tcmd_end;
	s->rq->end_io_data = s;
	return s;
}

/* A command with @bytes of data, to be sent. */
struct tcmd *tcmd_prepare(struct kunit *test, struct request_queue *q, u32 bytes)
{
	struct tcmd_test *t = test->priv;
	struct asblk_command *command = &t->sent[t->nr_sent].command;

	KUNIT_ASSERT_LT(test, t->nr_sent, TCMD_NR);
	memset(command->bytes, t->nr_sent + 1, ASBLK_COMMAND_BYTES);
	return tcmd_prepare_command(test, q, command, bytes);
}

static struct tcmd *tcmd_send_to(struct kunit *test, struct request_queue *q, u32 bytes)
{
	struct tcmd *s = tcmd_prepare(test, q, bytes);

	blk_execute_rq_nowait(s->rq, false);
	return s;
}

struct tcmd *tcmd_send_disk(struct kunit *test, u32 bytes)
{
	struct tcmd_test *t = test->priv;

	return tcmd_send_to(test, asblk_disk_queue(t->fake->disk), bytes);
}

struct tcmd *tcmd_send_admin(struct kunit *test, u32 bytes)
{
	struct tcmd_test *t = test->priv;

	return tcmd_send_to(test, asblk_admin_queue(t->fake->ctrl), bytes);
}

void tcmd_expect_end(struct kunit *test, struct tcmd *s, blk_status_t status, bool answered)
{
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&s->done, 30 * HZ), 0);
	KUNIT_EXPECT_EQ(test, s->ends, 1);
	KUNIT_EXPECT_EQ(test, (__force int)s->status, (__force int)status);
	KUNIT_EXPECT_EQ(test, s->command.answered, answered);
}

/* No test uses @s any more. */
void tcmd_free(struct tcmd *s)
{
	blk_mq_free_request(s->rq);
	s->free = true;
}

void tcmd_expect_no_end(struct kunit *test, struct tcmd *s)
{
	KUNIT_EXPECT_EQ(test, s->ends, 0);
}

/* It times out; wait for what recovery does about it. Return: true if that has ended it. */
bool tcmd_time_out(struct tcmd_test *t, struct tcmd *s)
{
	bool done = asblk_timed_out(s->rq->mq_hctx->driver_data, s->rq);

	flush_work(&t->fake->ctrl->recovery.work);
	return done;
}

int tcmd_test_init(struct kunit *test)
{
	struct tcmd_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct asblk_admin_params admin = {
		.depth = TCMD_DEPTH, .nr_reserved = 1, .transfer_priv_size = sizeof(u16),
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

void tcmd_test_exit(struct kunit *test)
{
	struct tcmd_test *t = test->priv;
	unsigned int i;

	if (!t)
		return;
	fake_finish_all(t->fake);
	/*
	 * Queues do not go before their requests, and a request may end on another CPU, after
	 * fake_finish_all() has returned.
	 */
	for (i = 0; i < t->nr_sent; i++) {
		struct tcmd *s = &t->sent[i];

		if (!s->ends && !wait_for_completion_timeout(&s->done, 30 * HZ))
			KUNIT_FAIL(test, "command %u does not end", i);
		else if (!s->free)
			blk_mq_free_request(s->rq);
	}
	if (!t->destroyed)
		fake_destroy(t->fake);
	free_pages((unsigned long)t->data, 2);
}
