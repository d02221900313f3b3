// SPDX-License-Identifier: GPL-2.0-only
/* Tests of core/format.c: another format for a medium, erased or kept. */
#include <kunit/test.h>
#include <linux/blkdev.h>
#include <linux/delay.h>

#include "test_io.h"

#define BLOCKS	(SZ_64M / FAKE_BLOCK)

static void expect_format(struct kunit *test, u64 nr_blocks, u32 block_size)
{
	struct tio_test *t = test->priv;
	struct gendisk *gd = t->disk->gd;

	KUNIT_EXPECT_EQ(test, get_capacity(gd) << SECTOR_SHIFT, nr_blocks * block_size);
	KUNIT_EXPECT_EQ(test, queue_logical_block_size(gd->queue), block_size);
}

/* udev opens a disk that is new, or has changed: wait for it. */
static int format(struct kunit *test, u64 nr_blocks, u32 block_size)
{
	struct tio_test *t = test->priv;
	int err = -EBUSY, tries;

	for (tries = 0; tries < 500 && err == -EBUSY; tries++) {
		if (tries)
			msleep(20);
		err = asblk_disk_format(t->disk, nr_blocks, block_size, false);
	}
	return err;
}

static void format_erase(struct kunit *test)
{
	struct tio_test *t = test->priv;
	const struct queue_limits *lim = &t->disk->gd->queue->limits;
	u32 physical = lim->physical_block_size, granularity = lim->discard_granularity;
	struct test_io *p;

	t->fake->automatic = true;
	KUNIT_EXPECT_EQ(test, format(test, BLOCKS / 8, 4096), 0);
	KUNIT_EXPECT_EQ(test, t->fake->format_size, 4096);
	KUNIT_EXPECT_FALSE(test, t->fake->format_kept);
	expect_format(test, BLOCKS / 8, 4096);
	/* Transfers are in the new blocks. */
	KUNIT_EXPECT_EQ(test, t->disk->unit.block_shift, 12);
	p = tio_send(test, 0, REQ_OP_WRITE, 64, PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	/* Smaller, and the whole again. */
	KUNIT_EXPECT_EQ(test, format(test, 100, 512), 0);
	expect_format(test, 100, 512);
	/* Large blocks leave nothing behind. */
	KUNIT_EXPECT_EQ(test, lim->physical_block_size, physical);
	KUNIT_EXPECT_EQ(test, lim->discard_granularity, granularity);
	/* All that there is. */
	KUNIT_EXPECT_EQ(test, format(test, 0, 512), 0);
	expect_format(test, BLOCKS, 512);
}

static void format_refused(struct kunit *test)
{
	struct tio_test *t = test->priv;

	t->fake->automatic = true;
	/* Not listed, too large. */
	KUNIT_EXPECT_EQ(test, format(test, BLOCKS / 2, 1024), -EINVAL);
	KUNIT_EXPECT_EQ(test, format(test, BLOCKS + 1, 512), -EINVAL);
	/* Kept, but in other blocks. */
	KUNIT_EXPECT_EQ(test, asblk_disk_format(t->disk, BLOCKS / 8, 4096, true), -EBUSY);
	KUNIT_EXPECT_EQ(test, asblk_disk_write_protect(t->disk, true), 0);
	KUNIT_EXPECT_EQ(test, format(test, BLOCKS / 8, 4096), -EROFS);
	KUNIT_EXPECT_EQ(test, asblk_disk_write_protect(t->disk, false), 0);
	KUNIT_EXPECT_EQ(test, t->fake->formats, 0);
	/* By the device. */
	t->fake->setting_err = -EIO;
	KUNIT_EXPECT_EQ(test, format(test, BLOCKS / 8, 4096), -EIO);
	t->fake->setting_err = 0;
	asblk_ctrl_dead(t->fake->ctrl, "the test");
	KUNIT_EXPECT_EQ(test, format(test, BLOCKS / 8, 4096), -ENODEV);
	expect_format(test, BLOCKS, 512);
}

static void format_resize(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p;

	t->fake->automatic = true;
	KUNIT_EXPECT_EQ(test, asblk_disk_format(t->disk, 2 * BLOCKS, 512, true), 0);
	KUNIT_EXPECT_TRUE(test, t->fake->format_kept);
	expect_format(test, 2 * BLOCKS, 512);
	p = tio_send(test, 0, REQ_OP_WRITE, BLOCKS, PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, asblk_disk_format(t->disk, BLOCKS, 512, true), 0);
	p = tio_send(test, 1, REQ_OP_WRITE, BLOCKS, PART);
	tio_expect_end(test, p, BLK_STS_IOERR, PART);
	/* What it was grown to is what a format can make of it. */
	KUNIT_EXPECT_EQ(test, format(test, BLOCKS + 1, 512), -EINVAL);
}

static struct kunit_case format_cases[] = {
	KUNIT_CASE(format_erase),
	KUNIT_CASE(format_refused),
	KUNIT_CASE(format_resize),
	{}
};

static struct kunit_suite format_suite = {
	.name = "asblk_format",
	.init = tio_test_init,
	.exit = tio_test_exit,
	.test_cases = format_cases,
};
kunit_test_suite(format_suite);
