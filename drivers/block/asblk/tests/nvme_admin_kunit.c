// SPDX-License-Identifier: GPL-2.0-only
/* Tests of nvme/: the admin queue, and the memory of its commands. */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/kthread.h>

#include "bad_nvme.h"
#include "test_io.h"

#define FROM_DEVICE	(nvme_admin_vendor_start | 2)
#define TO_DEVICE	(nvme_admin_vendor_start | 1)

static int vendor(struct bad_nvme *b, u8 opcode, void *data, size_t len, unsigned long timeout)
{
	struct nvme_command cmd = { .common.opcode = opcode };
	struct anvme_admin_io io = {
		.data = data, .len = len, .from_device = opcode & 2, .optional = true,
		.timeout = timeout,
	};

	return anvme_admin_io(&b->nd, &cmd, &io);
}

static const struct greedy_param {
	const char *name;
	u32 len;
	unsigned int pages;
} greedy_params[] = {
	{ "no data, and nothing is transferred", 0, 0 },
	{ "no data, but a page is transferred", 0, 1 },
	{ "no data, but three pages are", 0, 3 },
	{ "a few bytes", 100, 1 },
	{ "a page, as much", 4096, 1 },
	{ "a page, but two are transferred", 4096, 2 },
	{ "a page, but 100 are", 4096, 100 },
	{ "two pages, as much", 8192, 2 },
	{ "two pages, but 100 are transferred", 8192, 100 },
	{ "three pages, but 600 are", 3 * 4096, 600 },
	{ "as much as there may be", ANVME_MAX_BYTES, 512 },
	{ "as much as there may be, but 2000 pages are", ANVME_MAX_BYTES, 2000 },
};
KUNIT_ARRAY_PARAM_DESC(greedy, greedy_params, name);

/*
 * Whatever a controller transfers, it is what it was asked for, and the rest finds memory
 * that is the command's: KASAN would see what is not.
 */
static void nvme_admin_memory(struct kunit *test)
{
	const struct greedy_param *g = test->param_value;
	struct bad_nvme *b = bad_nvme(test);
	u8 *data = g->len ? kvzalloc(g->len, GFP_KERNEL) : NULL;

	KUNIT_ASSERT_TRUE(test, data || !g->len);
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->greedy = max(g->pages, 1U);
	KUNIT_EXPECT_EQ(test, vendor(b, FROM_DEVICE, data, g->len, 0), 0);
	/* A list where data was expected has been overwritten, or not. */
	if (g->len && g->pages * ANVME_PAGE >= g->len && g->len != 2 * ANVME_PAGE)
		KUNIT_EXPECT_NULL(test, memchr_inv(data, 0x5a, g->len));
	KUNIT_EXPECT_NULL(test, b->wrong);
	if (b->wrong)
		kunit_info(test, "%s", b->wrong);
	KUNIT_EXPECT_EQ(test, b->vendor, 1);
	bad_take_down(test);
	kvfree(data);
}

/* Memory of a command that may still be executed is kept until it is not, and no longer. */
static void nvme_orphans(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct anvme_admin *a = &b->nd.admin;
	u8 data[64];
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->swallow_admin = 1;
	KUNIT_EXPECT_EQ(test, vendor(b, FROM_DEVICE, data, sizeof(data), HZ / 10), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, a->orphans, 1);
	KUNIT_ASSERT_GE(test, b->swallowed_admin, 0);
	KUNIT_EXPECT_NOT_NULL(test, a->slot[b->swallowed_admin].memory);
	/* One that nobody depends on is asked to be aborted; nothing is reset for it. */
	bad_wait_count(&b->aborts, 1);
	KUNIT_EXPECT_EQ(test, b->aborts, 1);
	KUNIT_EXPECT_EQ(test, b->enables, 1);
	/* It completes after all. */
	WRITE_ONCE(b->completes_admin, true);
	for (i = 0; i < 100 && READ_ONCE(a->orphans); i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, a->orphans, 0);
	KUNIT_EXPECT_FALSE(test, llist_empty(&a->reclaim));
	KUNIT_EXPECT_EQ(test, vendor(b, FROM_DEVICE, data, sizeof(data), 0), 0);
	KUNIT_EXPECT_TRUE(test, llist_empty(&a->reclaim));

	/* Many of them, and it takes a reset, which gives all back. */
	WRITE_ONCE(b->completes_admin, false);
	b->swallow_admin = UINT_MAX;
	for (i = 0; i < 12 && b->enables == 1; i++)
		vendor(b, FROM_DEVICE, data, sizeof(data), 1);
	b->swallow_admin = 0;
	bad_wait_count(&b->enables, 2);
	flush_work(&b->nd.ctrl->recovery.work);
	KUNIT_EXPECT_EQ(test, b->enables, 2);
	KUNIT_EXPECT_EQ(test, a->orphans, 0);
	KUNIT_EXPECT_EQ(test, vendor(b, FROM_DEVICE, data, sizeof(data), 0), 0);
	bad_take_down(test);
}

/* Who is wrong about its queue may be wrong about the rest, and still write. */
static void nvme_distrusted(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	u8 data[64];

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->mistake_head = 1;
	KUNIT_EXPECT_EQ(test, vendor(b, FROM_DEVICE, data, sizeof(data), 0), -EIO);
	bad_wait_count(&b->enables, 2);
	flush_work(&b->nd.ctrl->recovery.work);
	KUNIT_EXPECT_EQ(test, b->enables, 2);
	KUNIT_EXPECT_EQ(test, b->nd.admin.orphans, 0);
	bad_take_down(test);
}

/* Somebody who waits for an answer does not keep the controller from being removed. */
static int wait_long(void *data)
{
	struct bad_nvme *b = data;

	vendor(b, TO_DEVICE, NULL, 0, 1000 * HZ);
	WRITE_ONCE(b->vendor, 100);
	return 0;
}

static void nvme_removed_meanwhile(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct task_struct *task;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->swallow_admin = 1;
	task = kthread_run(wait_long, b, "asblk-test");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	bad_wait_count(&b->vendor, 1);
	WRITE_ONCE(b->nd.removing, true);
	bad_wait_count(&b->vendor, 100);
	KUNIT_EXPECT_EQ(test, b->vendor, 100);
	bad_take_down(test);
}

static void many_aborts(struct nvme_id_ctrl *id) { id->acl = 255; }

/* Return: how many more are taken. */
static unsigned int abort_all(struct bad_nvme *b)
{
	unsigned int nr = 0;

	while (!anvme_admin_abort(&b->nd, 1, nr))
		nr++;
	return nr;
}

/* As many at a time as it says, which counts from 0. */
static void nvme_abort_limit(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->holds_aborts = true;
	KUNIT_EXPECT_EQ(test, abort_all(b), b->nd.id->acl + 1);
	WRITE_ONCE(b->holds_aborts, false);
	bad_take_down(test);
}

/* An event is asked for once, and however full the admin queue is. */
static void nvme_event_request(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	unsigned int tries;

	b->edit_ctrl = many_aborts;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	bad_wait_count(&b->event_requests, 1);
	anvme_event_request(&b->nd);
	b->holds_aborts = true;
	/* One entry is for the ring to be told from an empty one. */
	KUNIT_EXPECT_EQ(test, abort_all(b), ANVME_ADMIN_ENTRIES - 2);
	KUNIT_EXPECT_EQ(test, anvme_admin_abort(&b->nd, 1, 0), -EBUSY);
	WRITE_ONCE(b->event, NVME_AER_SMART | NVME_LOG_SMART << 16);
	for (tries = 0; tries < 500 && READ_ONCE(b->event); tries++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, b->event, 0);
	KUNIT_EXPECT_EQ(test, anvme_admin_abort(&b->nd, 1, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, b->event_requests, 1);
	WRITE_ONCE(b->holds_aborts, false);
	bad_wait_count(&b->event_requests, 2);
	KUNIT_EXPECT_EQ(test, b->event_requests, 2);
	bad_take_down(test);
}

static struct kunit_case nvme_admin_cases[] = {
	KUNIT_CASE_PARAM(nvme_admin_memory, greedy_gen_params),
	KUNIT_CASE(nvme_orphans),
	KUNIT_CASE(nvme_distrusted),
	KUNIT_CASE(nvme_removed_meanwhile),
	KUNIT_CASE(nvme_abort_limit),
	KUNIT_CASE(nvme_event_request),
	{}
};

static struct kunit_suite nvme_admin_suite = {
	.name = "asblk_nvme_admin",
	.init = bad_init,
	.exit = bad_exit,
	.test_cases = nvme_admin_cases,
};
kunit_test_suite(nvme_admin_suite);
