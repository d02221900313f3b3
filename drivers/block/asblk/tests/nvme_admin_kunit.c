// SPDX-License-Identifier: GPL-2.0-only
/* Tests of nvme/: the admin queue, and the memory of its commands. */
#include <kunit/test.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>

#include "passthru/execute.h"
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

static const struct transfer_param {
	const char *name;
	u32 len;
	unsigned int pages;
} transfer_params[] = {
	{ "no data, no transfer", 0, 0 },
	{ "no data, a page transferred", 0, 1 },
	{ "no data, 3 pages transferred", 0, 3 },
	{ "a few bytes", 100, 1 },
	{ "a page", 4096, 1 },
	{ "a page, 2 transferred", 4096, 2 },
	{ "a page, 100 transferred", 4096, 100 },
	{ "2 pages", 8192, 2 },
	{ "2 pages, 100 transferred", 8192, 100 },
	{ "3 pages, 600 transferred", 3 * 4096, 600 },
	{ "512 pages, the maximum", ANVME_MAX_BYTES, 512 },
	{ "512 pages, 2000 transferred", ANVME_MAX_BYTES, 2000 },
};
KUNIT_ARRAY_PARAM_DESC(transfer, transfer_params, name);

/*
 * The caller gets its data, and transfers beyond that only reach memory of the command:
 * KASAN reports all others.
 */
static void nvme_admin_memory(struct kunit *test)
{
	const struct transfer_param *g = test->param_value;
	struct bad_nvme *b = bad_nvme(test);
	u8 *data = g->len ? kvzalloc(g->len, GFP_KERNEL) : NULL;

	KUNIT_ASSERT_TRUE(test, data || !g->len);
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->transfer_pages = max(g->pages, 1U);
	KUNIT_EXPECT_EQ(test, vendor(b, FROM_DEVICE, data, g->len, 0), 0);
	/* With 2 pages the second may have been used as a PRP list. */
	if (g->len && g->pages * ANVME_PAGE >= g->len && g->len != 2 * ANVME_PAGE)
		KUNIT_EXPECT_NULL(test, memchr_inv(data, 0x5a, g->len));
	KUNIT_EXPECT_NULL(test, b->dma_error);
	if (b->dma_error)
		kunit_info(test, "%s", b->dma_error);
	KUNIT_EXPECT_EQ(test, b->vendor, 1);
	bad_take_down(test);
	kvfree(data);
}

/* Has a command ended after its caller left? Waits for up to 10 s. */
static bool ended_late(struct bad_nvme *b)
{
	unsigned int tries;

	for (tries = 0; tries < 500 && llist_empty(&b->nd.reclaim); tries++)
		msleep(20);
	return !llist_empty(&b->nd.reclaim);
}

static bool count_request(struct request *rq, void *nr)
{
	++*(unsigned int *)nr;
	return true;
}

/* Is only the event request left? Waits for up to 10 s. */
static bool others_ended(struct bad_nvme *b)
{
	unsigned int tries, nr = 0;

	for (tries = 0; tries < 500 && nr != 1; tries++) {
		if (tries)
			msleep(20);
		nr = 0;
		blk_mq_tagset_busy_iter(&b->nd.ctrl->admin.set, count_request, &nr);
	}
	return nr == 1;
}

/* Complete the swallowed command with that identifier. */
static void complete_swallowed(struct bad_nvme *b, u16 id)
{
	unsigned int tries;

	WRITE_ONCE(b->swallowed_admin, id);
	WRITE_ONCE(b->completes_admin, true);
	for (tries = 0; tries < 500 && READ_ONCE(b->swallowed_admin) >= 0; tries++)
		msleep(20);
	WRITE_ONCE(b->completes_admin, false);
}

/* Memory of a command that timed out is kept until the command ends. */
static void nvme_admin_timeout(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	u8 data[64];
	int id;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->swallow_admin = 1;
	KUNIT_EXPECT_EQ(test, vendor(b, FROM_DEVICE, data, sizeof(data), HZ / 10), -ETIMEDOUT);
	id = b->swallowed_admin;
	KUNIT_ASSERT_GE(test, id, 0);
	/* An optional command is aborted; the controller is not reset. */
	bad_wait_count(&b->aborts, 1);
	KUNIT_EXPECT_EQ(test, b->aborts, 1);
	KUNIT_EXPECT_EQ(test, b->enables, 1);
	/* It is not ended by a completion of a command that had the same tag. */
	complete_swallowed(b, id ^ BIT(15));
	msleep(100);
	KUNIT_EXPECT_TRUE(test, llist_empty(&b->nd.reclaim));
	/* It completes late. */
	complete_swallowed(b, id);
	KUNIT_EXPECT_TRUE(test, ended_late(b));
	KUNIT_EXPECT_EQ(test, vendor(b, FROM_DEVICE, data, sizeof(data), 0), 0);
	KUNIT_EXPECT_TRUE(test, llist_empty(&b->nd.reclaim));
	KUNIT_EXPECT_EQ(test, b->enables, 1);
	bad_take_down(test);
}

/* One that does not heed its abort either leads to a reset, which ends it. */
static void nvme_admin_lost(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	u8 data[64];

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	blk_queue_rq_timeout(asblk_admin_queue(b->nd.ctrl), HZ);
	b->swallow_admin = 1;
	KUNIT_EXPECT_EQ(test, vendor(b, FROM_DEVICE, data, sizeof(data), 1), -ETIMEDOUT);
	bad_wait_count(&b->enables, 2);
	KUNIT_EXPECT_TRUE(test, others_ended(b));
	flush_work(&b->nd.ctrl->recovery.work);
	KUNIT_EXPECT_EQ(test, b->aborts, 1);
	KUNIT_EXPECT_EQ(test, b->enables, 2);
	KUNIT_EXPECT_EQ(test, vendor(b, FROM_DEVICE, data, sizeof(data), 0), 0);
	KUNIT_EXPECT_TRUE(test, llist_empty(&b->nd.reclaim));
	bad_take_down(test);
}

/* One that the driver depends on leads to a reset at once. */
static void nvme_admin_needed(struct kunit *test)
{
	struct nvme_command cmd = { .common.opcode = TO_DEVICE };
	struct anvme_admin_io io = { .timeout = HZ / 10 };
	struct bad_nvme *b = bad_nvme(test);

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->swallow_admin = 1;
	KUNIT_EXPECT_EQ(test, anvme_admin_io(&b->nd, &cmd, &io), -ETIMEDOUT);
	bad_wait_count(&b->enables, 2);
	flush_work(&b->nd.ctrl->recovery.work);
	KUNIT_EXPECT_EQ(test, b->enables, 2);
	bad_take_down(test);
}

/* More of them than there are tags: the wait for a tag has a limit, too. */
static void nvme_admin_no_tags(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	unsigned int nr = 0;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->swallow_admin = UINT_MAX;
	while (nr < ANVME_ADMIN_ENTRIES && vendor(b, TO_DEVICE, NULL, 0, 1) == -ETIMEDOUT)
		nr++;
	KUNIT_EXPECT_EQ(test, nr, ANVME_ADMIN_ENTRIES - 1 - ANVME_RESERVED);
	KUNIT_EXPECT_EQ(test, vendor(b, TO_DEVICE, NULL, 0, 1), -ENODEV);
	b->swallow_admin = 0;
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(b->nd.ctrl), 0);
	KUNIT_EXPECT_EQ(test, vendor(b, TO_DEVICE, NULL, 0, 0), 0);
	bad_take_down(test);
}

/* After an invalid completion the memory is kept until the reset. */
static void nvme_admin_protocol_error(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	u8 data[64];

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->mistake_head = 1;
	scoped_guard(mutex, &b->nd.ctrl->ops_lock) {
		KUNIT_EXPECT_EQ(test, vendor(b, FROM_DEVICE, data, sizeof(data), 0), -EIO);
		complete_swallowed(b, b->vendor_command.common.command_id ^ BIT(15));
		KUNIT_EXPECT_TRUE(test, llist_empty(&b->nd.reclaim));
	}
	bad_wait_count(&b->enables, 2);
	flush_work(&b->nd.ctrl->recovery.work);
	KUNIT_EXPECT_EQ(test, b->enables, 2);
	KUNIT_EXPECT_TRUE(test, others_ended(b));
	KUNIT_EXPECT_EQ(test, vendor(b, FROM_DEVICE, data, sizeof(data), 0), 0);
	bad_take_down(test);
}

/* A user who waits for a command. */
static int wait_long(void *data)
{
	struct bad_nvme *b = data;

	allow_signal(SIGKILL);
	vendor(b, TO_DEVICE, NULL, 0, 1000 * HZ);
	WRITE_ONCE(b->vendor, 100);
	return 0;
}

/* Return: such a user, whose command the controller has and keeps. */
static struct task_struct *send_swallowed(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct task_struct *task;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->swallow_admin = 1;
	task = kthread_run(wait_long, b, "asblk-test");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	bad_wait_count(&b->vendor, 1);
	return task;
}

/* Such a user does not delay the removal of the controller. */
static void nvme_admin_removal(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	send_swallowed(test);
	WRITE_ONCE(b->nd.removing, true);
	bad_wait_count(&b->vendor, 100);
	KUNIT_EXPECT_EQ(test, b->vendor, 100);
	bad_take_down(test);
}

/* A fatal signal aborts a user's command; it ends when the controller says so. */
static void nvme_admin_killed(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	send_sig(SIGKILL, send_swallowed(test), 1);
	bad_wait_count(&b->aborts, 1);
	KUNIT_EXPECT_EQ(test, b->aborts, 1);
	KUNIT_EXPECT_EQ(test, b->vendor, 1);
	complete_swallowed(b, b->swallowed_admin);
	bad_wait_count(&b->vendor, 100);
	KUNIT_EXPECT_EQ(test, b->vendor, 100);
	KUNIT_EXPECT_TRUE(test, llist_empty(&b->nd.reclaim));
	KUNIT_EXPECT_EQ(test, b->enables, 1);
	bad_take_down(test);
}

static void many_aborts(struct nvme_id_ctrl *id) { id->acl = 255; }

/* Return: number of Abort commands accepted. */
static unsigned int abort_all(struct bad_nvme *b)
{
	unsigned int nr = 0;

	while (!anvme_admin_abort(&b->nd, 1, nr))
		nr++;
	return nr;
}

/* The abort limit (ACL) counts from 0. */
static void nvme_abort_limit(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->holds_aborts = true;
	KUNIT_EXPECT_EQ(test, abort_all(b), b->nd.id->acl + 1);
	WRITE_ONCE(b->holds_aborts, false);
	bad_take_down(test);
}

/* One event request at a time, and its tag is reserved. A reset does not lose it. */
static void nvme_event_request(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	unsigned int tries, logs;

	b->edit_ctrl = many_aborts;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	bad_wait_count(&b->event_requests, 1);
	anvme_event_request(&b->nd);
	b->holds_aborts = true;
	KUNIT_EXPECT_EQ(test, abort_all(b), ANVME_MAX_ABORTS);
	KUNIT_EXPECT_EQ(test, anvme_admin_abort(&b->nd, 1, 0), -EBUSY);
	WRITE_ONCE(b->event, NVME_AER_SMART | NVME_LOG_SMART << 16);
	for (tries = 0; tries < 500 && READ_ONCE(b->event); tries++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, b->event, 0);
	KUNIT_EXPECT_EQ(test, anvme_admin_abort(&b->nd, 1, 0), -EBUSY);
	bad_wait_count(&b->event_requests, 2);
	KUNIT_EXPECT_EQ(test, b->event_requests, 2);
	WRITE_ONCE(b->holds_aborts, false);
	/* The reset enables events again, and sends the request again. */
	b->feature[NVME_FEAT_ASYNC_EVENT] = 0;
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(b->nd.ctrl), 0);
	bad_wait_count(&b->event_requests, 3);
	KUNIT_EXPECT_EQ(test, b->event_requests, 3);
	KUNIT_EXPECT_NE(test, b->feature[NVME_FEAT_ASYNC_EVENT], 0);
	logs = b->logs;
	WRITE_ONCE(b->event, NVME_AER_SMART | NVME_LOG_SMART << 16);
	bad_wait_count(&b->logs, logs + 1);
	KUNIT_EXPECT_EQ(test, b->logs, logs + 1);
	bad_wait_count(&b->event_requests, 4);
	/* A request that ends without an answer is no event. */
	b->nd.event = U32_MAX;
	asblk_ctrl_dead(b->nd.ctrl, "test");
	for (tries = 0; tries < 500 && READ_ONCE(b->nd.reserved[0].busy); tries++)
		msleep(20);
	flush_work(&b->nd.events);
	KUNIT_EXPECT_EQ(test, b->nd.event, U32_MAX);
	bad_take_down(test);
}

/*
 * The second of two pages is the controller's list, if the command transfers more than them: data
 * to it comes in three, and so does all of it.
 */
static void nvme_admin_trap(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	u8 *data = kvzalloc(3 * ANVME_PAGE, GFP_KERNEL);
	struct asblk_passthru_io io = { .data = data, .len = 2 * ANVME_PAGE, .timeout = HZ };
	struct nvme_command cmd = { .common.opcode = TO_DEVICE };

	b->medium = vzalloc(BAD_BLOCKS << BAD_SHIFT);
	KUNIT_ASSERT_TRUE(test, data && b->medium);
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->transfer_pages = 2;
	io.exact = true;
	KUNIT_EXPECT_EQ(test, anvme_passthru_ops.admin(b->nd.ctrl, &cmd, &io), 0);
	get_random_bytes(data, io.len);
	io.exact = false;
	io.offset = passthru_copy_offset(io.len);
	KUNIT_EXPECT_EQ(test, anvme_passthru_ops.admin(b->nd.ctrl, &cmd, &io), 0);
	KUNIT_EXPECT_MEMEQ(test, b->medium, data, io.len);
	memset(data, 0, io.len);
	b->transfer_pages = 100;
	KUNIT_EXPECT_EQ(test, anvme_passthru_ops.admin(b->nd.ctrl, &cmd, &io), 0);
	io.offset = 0;
	io.len = 3 * ANVME_PAGE;
	KUNIT_EXPECT_EQ(test, anvme_passthru_ops.admin(b->nd.ctrl, &cmd, &io), 0);
	/* From the controller there is nothing to be taken for a list. */
	cmd = (struct nvme_command) { .common.opcode = FROM_DEVICE };
	io.len = 2 * ANVME_PAGE;
	KUNIT_EXPECT_EQ(test, anvme_passthru_ops.admin(b->nd.ctrl, &cmd, &io), 0);
	KUNIT_EXPECT_EQ(test, b->vendor, 5);
	KUNIT_EXPECT_STREQ(test, b->dma_error ?: "", "");
	bad_take_down(test);
	kvfree(data);
}

static struct kunit_case nvme_admin_cases[] = {
	KUNIT_CASE_PARAM(nvme_admin_memory, transfer_gen_params),
	KUNIT_CASE(nvme_admin_timeout),
	KUNIT_CASE(nvme_admin_lost),
	KUNIT_CASE(nvme_admin_needed),
	KUNIT_CASE(nvme_admin_no_tags),
	KUNIT_CASE(nvme_admin_protocol_error),
	KUNIT_CASE(nvme_admin_removal),
	KUNIT_CASE(nvme_admin_killed),
	KUNIT_CASE(nvme_abort_limit),
	KUNIT_CASE(nvme_event_request),
	KUNIT_CASE(nvme_admin_trap),
	{}
};

static struct kunit_suite nvme_admin_suite = {
	.name = "asblk_nvme_admin",
	.init = bad_init,
	.exit = bad_exit,
	.test_cases = nvme_admin_cases,
};
kunit_test_suite(nvme_admin_suite);
