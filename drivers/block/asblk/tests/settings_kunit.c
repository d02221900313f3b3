// SPDX-License-Identifier: GPL-2.0-only
/* Tests of core/settings.c and of write protection, on a disk of the fake controller. */
#include <kunit/test.h>
#include <linux/blkdev.h>

#include "test_io.h"

static struct block_device *bdev(struct tio_test *t)
{
	return t->disk->gd->part0;
}

static void user_says_write_through(struct tio_test *t)
{
	struct queue_limits lim = queue_limits_start_update(t->disk->gd->queue);

	lim.flags |= BLK_FLAG_WRITE_CACHE_DISABLED;
	queue_limits_commit_update_frozen(t->disk->gd->queue, &lim);
}

/* Flushed before and after, even if a user told the host not to flush. */
static void settings_cache_off(struct kunit *test)
{
	struct tio_test *t = test->priv;

	t->fake->automatic = true;
	user_says_write_through(t);
	KUNIT_EXPECT_EQ(test, asblk_ctrl_write_cache(t->fake->ctrl, false), 0);
	KUNIT_EXPECT_FALSE(test, t->fake->cache);
	KUNIT_EXPECT_EQ(test, t->fake->flushes_at_cache, 1);
	KUNIT_EXPECT_EQ(test, t->fake->flushes, 2);
	KUNIT_EXPECT_FALSE(test, bdev_write_cache(bdev(t)));
	KUNIT_EXPECT_FALSE(test, bdev_fua(bdev(t)));
	/* Nothing to flush, nothing to force. */
	fake_forget(t->fake);
	KUNIT_EXPECT_EQ(test, blkdev_issue_flush(bdev(t)), 0);
	KUNIT_EXPECT_EQ(test, t->fake->flushes, 0);
}

static void settings_cache_on(struct kunit *test)
{
	struct tio_test *t = test->priv;

	t->fake->automatic = true;
	KUNIT_ASSERT_EQ(test, asblk_ctrl_write_cache(t->fake->ctrl, false), 0);
	KUNIT_EXPECT_EQ(test, asblk_ctrl_write_cache(t->fake->ctrl, true), 0);
	KUNIT_EXPECT_TRUE(test, t->fake->cache);
	KUNIT_EXPECT_TRUE(test, bdev_write_cache(bdev(t)));
	KUNIT_EXPECT_TRUE(test, bdev_fua(bdev(t)));
	fake_forget(t->fake);
	KUNIT_EXPECT_EQ(test, blkdev_issue_flush(bdev(t)), 0);
	KUNIT_EXPECT_EQ(test, t->fake->flushes, 1);
}

static void settings_cache_refused(struct kunit *test)
{
	struct tio_test *t = test->priv;

	t->fake->automatic = true;
	t->fake->setting_err = -EIO;
	KUNIT_EXPECT_EQ(test, asblk_ctrl_write_cache(t->fake->ctrl, false), -EIO);
	KUNIT_EXPECT_TRUE(test, t->fake->ctrl->cache_on);
	KUNIT_EXPECT_TRUE(test, bdev_write_cache(bdev(t)));
	t->fake->setting_err = 0;
	KUNIT_EXPECT_EQ(test, asblk_ctrl_write_cache(t->fake->ctrl, false), 0);
	t->fake->setting_err = -EIO;
	/* Who knows what the device has made of it: the host flushes. */
	KUNIT_EXPECT_EQ(test, asblk_ctrl_write_cache(t->fake->ctrl, true), -EIO);
	KUNIT_EXPECT_TRUE(test, t->fake->ctrl->cache_on);
	KUNIT_EXPECT_TRUE(test, bdev_write_cache(bdev(t)));
	/* And goes on until the device has agreed that it is off. */
	KUNIT_EXPECT_EQ(test, asblk_ctrl_write_cache(t->fake->ctrl, false), -EIO);
	KUNIT_EXPECT_TRUE(test, bdev_write_cache(bdev(t)));
}

static void settings_coalesce(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct asblk_ctrl *ctrl = t->fake->ctrl;

	KUNIT_EXPECT_EQ(test, asblk_ctrl_coalesce(ctrl, 8, ctrl->coalesce_usecs), 0);
	KUNIT_EXPECT_EQ(test, asblk_ctrl_coalesce(ctrl, ctrl->coalesce_count, 300), 0);
	KUNIT_EXPECT_EQ(test, t->fake->coalesce_count, 8);
	KUNIT_EXPECT_EQ(test, t->fake->coalesce_usecs, 300);
	t->fake->setting_err = -ERANGE;
	KUNIT_EXPECT_EQ(test, asblk_ctrl_coalesce(ctrl, 9, ctrl->coalesce_usecs),
			-ERANGE);
	KUNIT_EXPECT_EQ(test, ctrl->coalesce_count, 8);
}

/* A reset forgets, the engine does not. */
static void settings_survive_reset(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct asblk_ctrl *ctrl = t->fake->ctrl;

	t->fake->automatic = true;
	asblk_ctrl_coalesce(ctrl, 8, ctrl->coalesce_usecs);
	asblk_ctrl_coalesce(ctrl, ctrl->coalesce_count, 300);
	asblk_ctrl_write_cache(ctrl, false);
	t->fake->cache = true;
	t->fake->coalesce_count = 0;
	t->fake->coalesce_usecs = 0;
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(ctrl), 0);
	KUNIT_EXPECT_FALSE(test, t->fake->cache);
	KUNIT_EXPECT_EQ(test, t->fake->coalesce_count, 8);
	KUNIT_EXPECT_EQ(test, t->fake->coalesce_usecs, 300);
}

/* What the device was set up with is set up again. */
static void settings_coalesce_params(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct asblk_ctrl_params params;

	fake_destroy(t->fake);
	fake_params(&params);
	params.coalesce_count = 4;
	params.coalesce_usecs = 100;
	t->fake = fake_create(test, &params);
	t->disk = t->fake->disk;
	KUNIT_EXPECT_EQ(test, t->fake->coalesce_count, 0);
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(t->fake->ctrl), 0);
	KUNIT_EXPECT_EQ(test, t->fake->coalesce_count, 4);
	KUNIT_EXPECT_EQ(test, t->fake->coalesce_usecs, 100);
}

/* A cache that cannot be turned off again must not be written to; one that is on may. */
static void settings_lost_in_reset(struct kunit *test)
{
	struct tio_test *t = test->priv;

	t->fake->automatic = true;
	t->fake->setting_err = -EIO;
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(t->fake->ctrl), 0);
	t->fake->setting_err = 0;
	asblk_ctrl_write_cache(t->fake->ctrl, false);
	t->fake->setting_err = -EIO;
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(t->fake->ctrl), -EIO);
	KUNIT_EXPECT_EQ(test, (int)t->fake->ctrl->state, ASBLK_CTRL_DEAD);
	KUNIT_EXPECT_EQ(test, asblk_ctrl_write_cache(t->fake->ctrl, true), -ENODEV);
}

static void settings_write_protect(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p;

	t->fake->automatic = true;
	KUNIT_EXPECT_EQ(test, asblk_disk_write_protect(t->disk, true), 0);
	KUNIT_EXPECT_TRUE(test, t->fake->protected);
	KUNIT_EXPECT_TRUE(test, get_disk_ro(t->disk->gd));
	t->fake->setting_err = -EIO;
	KUNIT_EXPECT_EQ(test, asblk_disk_write_protect(t->disk, false), -EIO);
	KUNIT_EXPECT_TRUE(test, get_disk_ro(t->disk->gd));
	t->fake->setting_err = 0;
	KUNIT_EXPECT_EQ(test, asblk_disk_write_protect(t->disk, false), 0);
	KUNIT_EXPECT_FALSE(test, t->fake->protected);
	t->fake->setting_err = -EOPNOTSUPP;
	KUNIT_EXPECT_EQ(test, asblk_disk_write_protect(t->disk, true), -EOPNOTSUPP);
	KUNIT_EXPECT_FALSE(test, get_disk_ro(t->disk->gd));
	p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* Asked for only where the medium can. */
static void settings_zeroes_unmap(struct kunit *test)
{
	struct tio_test *t = test->priv;

	t->fake->automatic = true;
	tio_send(test, 0, REQ_OP_WRITE_ZEROES, 0, PART);
	tio_expect_end(test, &t->io[0], BLK_STS_OK, 0);
	KUNIT_EXPECT_TRUE(test, t->fake->opts & ASBLK_OPT_NOUNMAP);
	t->disk->unit.zeroes_unmap = true;
	tio_send(test, 1, REQ_OP_WRITE_ZEROES, 0, PART);
	tio_expect_end(test, &t->io[1], BLK_STS_OK, 0);
	KUNIT_EXPECT_FALSE(test, t->fake->opts & ASBLK_OPT_NOUNMAP);
}

static struct kunit_case settings_cases[] = {
	KUNIT_CASE(settings_cache_off),
	KUNIT_CASE(settings_cache_on),
	KUNIT_CASE(settings_cache_refused),
	KUNIT_CASE(settings_coalesce),
	KUNIT_CASE(settings_survive_reset),
	KUNIT_CASE(settings_coalesce_params),
	KUNIT_CASE(settings_lost_in_reset),
	KUNIT_CASE(settings_write_protect),
	KUNIT_CASE(settings_zeroes_unmap),
	{}
};

static struct kunit_suite settings_suite = {
	.name = "asblk_settings",
	.init = tio_test_init,
	.exit = tio_test_exit,
	.test_cases = settings_cases,
};
kunit_test_suite(settings_suite);
