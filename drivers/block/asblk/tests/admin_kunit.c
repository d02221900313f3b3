// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the admin queue (core/admin.c), on the fake controller.
 */
#include <kunit/test.h>
#include <linux/delay.h>

#include "test_command.h"

static void admin_no_timeout(struct kunit *test)
{
	struct tcmd_test *t = test->priv;
	struct tcmd *s = tcmd_prepare(test, asblk_admin_queue(t->fake->ctrl), 0);

	s->rq->timeout = ASBLK_NO_TIMEOUT;
	blk_execute_rq_nowait(s->rq, false);
	KUNIT_EXPECT_FALSE(test, tcmd_time_out(t, s));
	KUNIT_EXPECT_FALSE(test, tcmd_time_out(t, s));
	KUNIT_EXPECT_EQ(test, t->fake->aborts + t->fake->resets, 0);
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	tcmd_expect_end(test, s, BLK_STS_OK, true);
}

/* The admin queue has tags and IDs of its own, and is not held by a reset. */
static void admin_own_queue(struct kunit *test)
{
	struct tcmd_test *t = test->priv;
	struct tcmd *disk = tcmd_send_disk(test, 0), *admin = tcmd_send_admin(test, 512);

	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 2);
	KUNIT_EXPECT_PTR_EQ(test, t->fake->seen[1].q, t->fake->admin);
	KUNIT_EXPECT_EQ(test, t->fake->admin->index, ASBLK_ADMIN_QUEUE);
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(t->fake->ctrl), 0);
	tcmd_expect_end(test, disk, BLK_STS_TIMEOUT, false);
	tcmd_expect_no_end(test, admin);
	fake_finish(t->fake, 1, BLK_STS_OK, 0);
	tcmd_expect_end(test, admin, BLK_STS_OK, true);
}

/* Between stop and start commands wait; what was in flight ends at the start. */
static void admin_restart(struct kunit *test)
{
	struct tcmd_test *t = test->priv;
	struct tcmd *lost = tcmd_send_admin(test, 0), *waits, *late;

	asblk_admin_stop(t->fake->ctrl);
	waits = tcmd_send_admin(test, 0);
	late = tcmd_send_admin(test, 0);
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	tcmd_expect_no_end(test, lost);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 1);
	KUNIT_EXPECT_TRUE(test, tcmd_time_out(t, late));
	tcmd_expect_end(test, late, BLK_STS_TIMEOUT, false);
	asblk_admin_start(t->fake->ctrl);
	tcmd_expect_end(test, lost, BLK_STS_TIMEOUT, false);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 2);
	fake_finish(t->fake, 1, BLK_STS_OK, 0);
	tcmd_expect_end(test, waits, BLK_STS_OK, true);
}

/* A command that hangs is reason for a reset, but never for giving the controller up. */
static void admin_timeout(struct kunit *test)
{
	struct tcmd_test *t = test->priv;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct tcmd *s = tcmd_send_admin(test, 0);

		KUNIT_EXPECT_FALSE(test, tcmd_time_out(t, s));
		KUNIT_EXPECT_EQ(test, t->fake->aborts, i + 1);
		KUNIT_EXPECT_EQ(test, t->fake->resets, i);
		KUNIT_EXPECT_FALSE(test, tcmd_time_out(t, s));
		KUNIT_EXPECT_EQ(test, t->fake->resets, i + 1);
		/* As a driver does it within its reset. */
		asblk_admin_stop(t->fake->ctrl);
		asblk_admin_start(t->fake->ctrl);
		tcmd_expect_end(test, s, BLK_STS_TIMEOUT, false);
	}
	KUNIT_EXPECT_EQ(test, (int)t->fake->ctrl->state, ASBLK_CTRL_LIVE);
	KUNIT_EXPECT_EQ(test, t->fake->queue_resets, 0);
}

/* A command without a limit does not delay what happens to one that hangs. */
static void admin_timeout_beside(struct kunit *test)
{
	struct tcmd_test *t = test->priv;
	struct request_queue *q = asblk_admin_queue(t->fake->ctrl);
	struct tcmd *endless = tcmd_prepare(test, q, 0), *hangs = tcmd_prepare(test, q, 0);
	unsigned int tries;

	endless->rq->timeout = ASBLK_NO_TIMEOUT;
	blk_execute_rq_nowait(endless->rq, false);
	hangs->rq->timeout = 1;
	blk_execute_rq_nowait(hangs->rq, false);
	for (tries = 0; tries < 500 && !READ_ONCE(t->fake->resets); tries++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, t->fake->aborts, 1);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	tcmd_expect_no_end(test, endless);
}

static void admin_dead(struct kunit *test)
{
	struct tcmd_test *t = test->priv;
	struct tcmd *disk = tcmd_send_disk(test, 0), *admin = tcmd_send_admin(test, 0);

	asblk_ctrl_dead(t->fake->ctrl, "test");
	tcmd_expect_end(test, disk, BLK_STS_OFFLINE, false);
	tcmd_expect_end(test, admin, BLK_STS_OFFLINE, false);
	tcmd_expect_end(test, tcmd_send_disk(test, 0), BLK_STS_OFFLINE, false);
	tcmd_expect_end(test, tcmd_send_admin(test, 0), BLK_STS_OFFLINE, false);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 2);
}

/* Removal ends what the device has, after the device was told. */
static void admin_removal(struct kunit *test)
{
	struct tcmd_test *t = test->priv;
	struct device *dev = get_device(asblk_ctrl_device(t->fake->ctrl));
	struct request_queue *q = asblk_admin_queue(t->fake->ctrl);
	struct tcmd *s = tcmd_prepare(test, q, 0);
	struct asblk_command command = {};

	s->free = true;
	blk_execute_rq_nowait(s->rq, false);
	fake_destroy(t->fake);
	t->destroyed = true;
	t->fake->nr_seen = 0;
	KUNIT_EXPECT_EQ(test, t->fake->stops, 2);
	KUNIT_EXPECT_TRUE(test, t->fake->held_at_stop);
	tcmd_expect_end(test, s, BLK_STS_OFFLINE, false);
	KUNIT_EXPECT_EQ(test, PTR_ERR(asblk_command_request(q, &command, REQ_OP_DRV_IN, 0)),
			-ENODEV);
	put_device(dev);
}

/* Reserved tags are there when all others are in use. */
static void admin_reserved(struct kunit *test)
{
	struct tcmd_test *t = test->priv;
	struct request_queue *q = asblk_admin_queue(t->fake->ctrl);
	struct asblk_command command = {};
	struct request *rq;
	unsigned int i;

	for (i = 0; i < TCMD_DEPTH - 1; i++)
		tcmd_send_admin(test, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR(asblk_command_request(q, &command, REQ_OP_DRV_IN,
							    BLK_MQ_REQ_NOWAIT)), -EWOULDBLOCK);
	rq = asblk_command_request(q, &command, REQ_OP_DRV_IN,
				   BLK_MQ_REQ_NOWAIT | BLK_MQ_REQ_RESERVED);
	KUNIT_ASSERT_FALSE(test, IS_ERR(rq));
	blk_mq_free_request(rq);
}

/* A device that fails while the controller starts is reset once that is complete. */
static void admin_reset_while_starting(struct kunit *test)
{
	struct fake *fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);
	struct asblk_admin_params admin = { .depth = TCMD_DEPTH };
	struct asblk_ctrl_params p;
	struct asblk_ctrl *ctrl;

	KUNIT_ASSERT_NOT_NULL(test, fake);
	fake_params(&p);
	admin.limits = p.limits;
	ctrl = asblk_ctrl_alloc(&fake_ops, &admin, p.node, NULL, NULL, fake);
	KUNIT_ASSERT_FALSE(test, IS_ERR(ctrl));
	asblk_ctrl_reset(ctrl);
	flush_work(&ctrl->recovery.work);
	KUNIT_EXPECT_EQ(test, fake->resets, 0);
	KUNIT_ASSERT_EQ(test, asblk_ctrl_start(ctrl, &p), 0);
	flush_work(&ctrl->recovery.work);
	KUNIT_EXPECT_EQ(test, fake->resets, 1);
	asblk_ctrl_destroy(ctrl);
}

static struct kunit_case admin_cases[] = {
	KUNIT_CASE(admin_no_timeout),
	KUNIT_CASE(admin_own_queue),
	KUNIT_CASE(admin_restart),
	KUNIT_CASE(admin_timeout),
	KUNIT_CASE_SLOW(admin_timeout_beside),
	KUNIT_CASE(admin_dead),
	KUNIT_CASE(admin_removal),
	KUNIT_CASE(admin_reserved),
	KUNIT_CASE(admin_reset_while_starting),
	{}
};

static struct kunit_suite admin_suite = {
	.name = "asblk_admin",
	.init = tcmd_test_init,
	.exit = tcmd_test_exit,
	.test_cases = admin_cases,
};

kunit_test_suites(&admin_suite);
