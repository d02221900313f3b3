// SPDX-License-Identifier: GPL-2.0-only
/* Tests of core/media.c and core/disk.c: who waits for whom. */
#include <kunit/test.h>
#include <linux/blkdev.h>
#include <linux/cdrom.h>
#include <linux/delay.h>
#include <linux/kthread.h>

#include "test_io.h"

#define ANY_IOCTL	77

/* Call an ioctl of the disk, as somebody does who has it open. */
static int call_ioctl(struct tio_test *t, unsigned int cmd)
{
	struct gendisk *gd = t->disk->gd;

	return gd->fops->ioctl(gd->part0, BLK_OPEN_READ, cmd, 0);
}

struct caller {
	struct tio_test *t;
	struct completion done;
	int ret;
};

static int call(void *data)
{
	struct caller *c = data;

	c->ret = call_ioctl(c->t, ANY_IOCTL);
	complete(&c->done);
	return 0;
}

static int remove(void *data)
{
	struct caller *c = data;

	asblk_disk_remove(c->t->disk);
	complete(&c->done);
	return 0;
}

static void start(struct kunit *test, struct caller *c, int (*fn)(void *data))
{
	c->t = test->priv;
	init_completion(&c->done);
	KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(fn, c, "asblk-test")));
}

/* Nobody who opens or closes a disk waits for a controller's ioctl. */
static void media_ioctl_without_lock(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct caller caller;
	bool free;

	start(test, &caller, call);
	wait_for_completion(&t->fake->ioctl_came);
	free = mutex_trylock(&t->disk->gd->open_mutex);
	KUNIT_EXPECT_TRUE(test, free);
	if (free)
		mutex_unlock(&t->disk->gd->open_mutex);
	complete(&t->fake->ioctl_may_go);
	wait_for_completion(&caller.done);
	KUNIT_EXPECT_EQ(test, caller.ret, ANY_IOCTL);
}

/* Those who take the disk away do, and after them there is none. */
static void media_ioctl_at_removal(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct caller caller, remover;
	struct asblk_media_params params = t->disk->initial;

	t->fake->automatic = true;
	start(test, &caller, call);
	wait_for_completion(&t->fake->ioctl_came);
	start(test, &remover, remove);
	msleep(200);
	KUNIT_EXPECT_FALSE(test, try_wait_for_completion(&remover.done));
	KUNIT_EXPECT_EQ(test, call_ioctl(t, ANY_IOCTL), -ENODEV);
	complete(&t->fake->ioctl_may_go);
	wait_for_completion(&caller.done);
	wait_for_completion(&remover.done);
	KUNIT_EXPECT_EQ(test, caller.ret, ANY_IOCTL);
	/* For the end of the test. */
	t->disk = asblk_disk_add(t->fake->ctrl, &params);
	KUNIT_ASSERT_FALSE(test, IS_ERR(t->disk));
	t->fake->disk = t->disk;
}

/* A controller that is paused is told nothing, not even to eject. */
static void media_eject_while_paused(struct kunit *test)
{
	struct tio_test *t = test->priv;

	t->fake->automatic = true;
	asblk_ctrl_write_cache(t->fake->ctrl, false);
	asblk_ctrl_pause(t->fake->ctrl);
	KUNIT_EXPECT_EQ(test, call_ioctl(t, CDROMEJECT), -ENODEV);
	KUNIT_EXPECT_EQ(test, t->fake->ejects, 0);
	KUNIT_EXPECT_NE(test, get_capacity(t->disk->gd), 0);
	KUNIT_EXPECT_EQ(test, asblk_ctrl_resume(t->fake->ctrl), 0);
	KUNIT_EXPECT_EQ(test, call_ioctl(t, CDROMEJECT), 0);
	KUNIT_EXPECT_EQ(test, t->fake->ejects, 1);
	KUNIT_EXPECT_EQ(test, call_ioctl(t, CDROMCLOSETRAY), 0);
}

/* What was written is durable before the medium is out. */
static void media_eject_flushes(struct kunit *test)
{
	struct tio_test *t = test->priv;

	t->fake->automatic = true;
	fake_forget(t->fake);
	KUNIT_EXPECT_EQ(test, call_ioctl(t, CDROMEJECT), 0);
	KUNIT_EXPECT_EQ(test, t->fake->flushes, 1);
	KUNIT_EXPECT_EQ(test, call_ioctl(t, CDROMCLOSETRAY), 0);
}

static struct kunit_case media_cases[] = {
	KUNIT_CASE(media_ioctl_without_lock),
	KUNIT_CASE(media_ioctl_at_removal),
	KUNIT_CASE(media_eject_while_paused),
	KUNIT_CASE(media_eject_flushes),
	{}
};

static struct kunit_suite media_suite = {
	.name = "asblk_media",
	.init = tio_test_init,
	.exit = tio_test_exit,
	.test_cases = media_cases,
};
kunit_test_suite(media_suite);
