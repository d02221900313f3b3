// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of core/pm.c, on a disk of the fake controller, through the kernel's
 * runtime power management.
 */
#include <kunit/test.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/pm_runtime.h>

#include "test_io.h"

static struct device *device(struct tio_test *t)
{
	return &t->fake->ctrl->dev;
}

static bool wait_suspended(struct tio_test *t)
{
	unsigned int tries;

	for (tries = 0; tries < 1000 && !pm_runtime_suspended(device(t)); tries++)
		msleep(20);
	return pm_runtime_suspended(device(t));
}

static void power_allow(struct tio_test *t)
{
	pm_runtime_set_autosuspend_delay(device(t), 10);
	pm_runtime_allow(device(t));
}

static void power_off_by_default(struct kunit *test)
{
	struct tio_test *t = test->priv;

	pm_runtime_set_autosuspend_delay(device(t), 10);
	msleep(100);
	KUNIT_EXPECT_FALSE(test, pm_runtime_suspended(device(t)));
	KUNIT_EXPECT_EQ(test, t->fake->idles, 0);
}

/* Asleep after a while; a request waits until it is awake, and is not lost. */
static void power_sleep_and_wake(struct kunit *test)
{
	struct tio_test *t = test->priv;
	unsigned int round;
	struct test_io *p;

	power_allow(t);
	for (round = 1; round <= 3; round++) {
		KUNIT_ASSERT_TRUE(test, wait_suspended(t));
		KUNIT_EXPECT_EQ(test, t->fake->idles, round);
		KUNIT_EXPECT_EQ(test, t->fake->wakes, round - 1);
		fake_forget(t->fake);
		p = tio_send(test, 0, REQ_OP_WRITE, 0, 2 * PART);
		tio_wait_seen(test, 2);
		KUNIT_EXPECT_EQ(test, t->fake->wakes, round);
		KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake), 2);
		tio_expect_end(test, p, BLK_STS_OK, 0);
	}
}

/* A request in flight keeps it awake, however long it takes. */
static void power_busy(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_READ, 0, PART);

	power_allow(t);
	msleep(1000);
	KUNIT_EXPECT_FALSE(test, pm_runtime_suspended(device(t)));
	KUNIT_EXPECT_EQ(test, t->fake->idles, 0);
	KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake), 1);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_TRUE(test, wait_suspended(t));
}

/* A device that cannot sleep is used as before. */
static void power_idle_fails(struct kunit *test)
{
	struct tio_test *t = test->priv;
	unsigned int tries;
	struct test_io *p;

	t->fake->idle_err = -EIO;
	power_allow(t);
	for (tries = 0; tries < 1000 && READ_ONCE(t->fake->idles) < 2; tries++)
		msleep(20);
	KUNIT_EXPECT_GE(test, t->fake->idles, 2);
	KUNIT_EXPECT_FALSE(test, pm_runtime_suspended(device(t)));
	p = tio_send(test, 0, REQ_OP_READ, 0, PART);
	tio_wait_seen(test, 1);
	KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake), 1);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* One that does not wake up is reset. */
static void power_wake_fails(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p;

	t->fake->wake_err = -EIO;
	power_allow(t);
	KUNIT_ASSERT_TRUE(test, wait_suspended(t));
	p = tio_send(test, 0, REQ_OP_READ, 0, PART);
	tio_wait_seen(test, 1);
	flush_work(&t->fake->ctrl->recovery.work);
	KUNIT_EXPECT_EQ(test, t->fake->resets, 1);
	fake_finish_all(t->fake);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* A reset wakes it as well, and everybody knows. */
static void power_reset(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p;

	power_allow(t);
	KUNIT_ASSERT_TRUE(test, wait_suspended(t));
	pm_runtime_set_autosuspend_delay(device(t), 100000);
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(t->fake->ctrl), 0);
	p = tio_send(test, 0, REQ_OP_READ, 0, PART);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 1);
	fake_finish_all(t->fake);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	pm_runtime_barrier(device(t));
	KUNIT_EXPECT_FALSE(test, pm_runtime_suspended(device(t)));
}

/* Dead in its sleep: what comes fails at once. */
static void power_dead(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p;

	power_allow(t);
	KUNIT_ASSERT_TRUE(test, wait_suspended(t));
	asblk_ctrl_dead(t->fake->ctrl, "a test");
	p = tio_send(test, 0, REQ_OP_READ, 0, PART);
	tio_expect_end(test, p, BLK_STS_OFFLINE, PART);
}

static struct kunit_case power_cases[] = {
	KUNIT_CASE(power_off_by_default),
	KUNIT_CASE(power_sleep_and_wake),
	KUNIT_CASE(power_busy),
	KUNIT_CASE(power_idle_fails),
	KUNIT_CASE(power_wake_fails),
	KUNIT_CASE(power_reset),
	KUNIT_CASE(power_dead),
	{}
};

static int power_test_init(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_PM))
		kunit_skip(test, "this kernel has no runtime power management");
	return tio_test_init(test);
}

static struct kunit_suite pm_suite = {
	.name = "asblk_pm",
	.init = power_test_init,
	.exit = tio_test_exit,
	.test_cases = power_cases,
};
kunit_test_suite(pm_suite);
