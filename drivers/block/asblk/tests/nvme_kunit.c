// SPDX-License-Identifier: GPL-2.0-only
/* Tests of nvme/: start, invalid data, and recovery, against the controller of bad_nvme.c. */
#include <kunit/test.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/module.h>

#include "bad_nvme.h"
#include "test_io.h"

static struct asblk_counters *counters(struct bad_nvme *b)
{
	return &b->nd.ctrl->queues[0]->count;
}

static void nvme_basic_io(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct test_io *p;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_STREQ(test, b->nd.model, "bad one");
	p = tio_send(test, 0, REQ_OP_WRITE | REQ_FUA, 0, 16 * PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	p = tio_send(test, 0, REQ_OP_WRITE | REQ_PREFLUSH, 0, 0);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	/* MDTS of 2: 16 KiB at a time. */
	KUNIT_EXPECT_GE(test, counters(b)->transfers, 4);
	KUNIT_EXPECT_EQ(test, counters(b)->unknown_ids, 0);
	bad_take_down(test);
}

static void nvme_never_ready(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	b->never_ready = true;
	KUNIT_EXPECT_EQ(test, anvme_start(&b->nd), -ETIMEDOUT);
}

/* Disabling times out, at the start and at a reset. */
static void nvme_stays_ready(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct test_io *p;

	/* Left enabled by a previous driver. */
	bad_set_reg(b, NVME_REG_CC, NVME_CC_ENABLE);
	bad_wait_count(&b->enables, 1);
	b->stays_ready = true;
	KUNIT_ASSERT_EQ(test, anvme_start(&b->nd), -ETIMEDOUT);
	b->stays_ready = false;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->stays_ready = true;
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(b->nd.ctrl), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, (int)b->nd.ctrl->state, ASBLK_CTRL_DEAD);
	p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	tio_expect_end(test, p, BLK_STS_OFFLINE, PART);
	b->stays_ready = false;
	bad_take_down(test);
}

static void nvme_fatal_at_start(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	b->fatal_if_enabled = true;
	KUNIT_EXPECT_EQ(test, anvme_start(&b->nd), -EIO);
}

static void nvme_capabilities(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	b->reg[1] = 0;				/* no command set */
	KUNIT_EXPECT_EQ(test, anvme_start(&b->nd), -EOPNOTSUPP);
	b->reg[1] = upper_32_bits(BAD_CAPABILITIES) | 1 << 16;	/* 8 KiB pages */
	KUNIT_EXPECT_EQ(test, anvme_start(&b->nd), -EOPNOTSUPP);
	b->reg[1] = upper_32_bits(BAD_CAPABILITIES);
	b->reg[0] = lower_32_bits(BAD_CAPABILITIES) & ~0xffff;	/* one entry */
	KUNIT_EXPECT_EQ(test, anvme_start(&b->nd), -EOPNOTSUPP);
	b->reg[0] = lower_32_bits(BAD_CAPABILITIES);
	b->reg[1] = upper_32_bits(BAD_CAPABILITIES) | 15;	/* doorbells far apart */
	KUNIT_EXPECT_EQ(test, anvme_start(&b->nd), -ENODEV);
	b->reg[0] = U32_MAX;			/* removed */
	b->reg[1] = U32_MAX;
	KUNIT_EXPECT_EQ(test, anvme_start(&b->nd), -ENODEV);
}

static void small_entries(struct nvme_id_ctrl *id) { id->sqes = 0x55; }
static void large_completions(struct nvme_id_ctrl *id) { id->cqes = 0x55; }
static void discovery(struct nvme_id_ctrl *id) { id->cntrltype = NVME_CTRL_DISC; }
static void huge_mdts(struct nvme_id_ctrl *id) { id->mdts = 255; }
static void no_mdts(struct nvme_id_ctrl *id) { id->mdts = 0; }
static void no_namespaces(struct nvme_id_ctrl *id) { id->nn = 0; }
static void tiny_lba(struct nvme_id_ns *id) { id->lbaf[0].ds = 8; }
static void giant_lba(struct nvme_id_ns *id) { id->lbaf[0].ds = 40; }
static void no_lba(struct nvme_id_ns *id) { id->lbaf[0].ds = 0; }
static void no_format(struct nvme_id_ns *id) { id->flbas = 5; }
static void metadata(struct nvme_id_ns *id) { id->lbaf[0].ms = cpu_to_le16(8); }
static void protection(struct nvme_id_ns *id) { id->dps = 1; }
static void endless(struct nvme_id_ns *id) { id->nsze = cpu_to_le64(U64_MAX); }
static void overflowing(struct nvme_id_ns *id) { id->nsze = cpu_to_le64(1ULL << 60); }
/* 2^63 bytes: one more than the largest loff_t. */
static void beyond_offsets(struct nvme_id_ns *id) { id->nsze = cpu_to_le64(1ULL << 54); }
static void empty(struct nvme_id_ns *id) { id->nsze = 0; }
static void beyond(__le32 *list) { list[0] = cpu_to_le32(5); }
static void no_list(__le32 *list) { list[0] = 0; }

static void descending(__le32 *list)
{
	list[0] = cpu_to_le32(2);
	list[1] = cpu_to_le32(1);
}

static void endless_list(__le32 *list) { memset(list, 1, 4096); }

#define BAD_LBA_SIZE	"invalid LBA size, must be 512 to 65536 bytes"
#define BAD_CAPACITY	"invalid capacity, must be below 2^63 bytes"

static const struct invalid_param {
	const char *name;
	void (*ctrl)(struct nvme_id_ctrl *id);
	void (*ns)(struct nvme_id_ns *id);
	void (*list)(__le32 *list);
	const char *why;	/* return value of anvme_ns_parse() */
	int err;
	bool disk;
} invalid_params[] = {
	{ "submission entries of 32 bytes", .ctrl = small_entries, .err = -EOPNOTSUPP },
	{ "completions of 32 bytes", .ctrl = large_completions, .err = -EOPNOTSUPP },
	{ "a discovery controller", .ctrl = discovery, .err = -EOPNOTSUPP },
	{ "MDTS of 255", .ctrl = huge_mdts, .disk = true },
	{ "MDTS of 0", .ctrl = no_mdts, .disk = true },
	{ "NN of 0, but one in the list", .ctrl = no_namespaces },
	{ "LBAs of 256 bytes", .ns = tiny_lba, .why = BAD_LBA_SIZE },
	{ "LBAs of a terabyte", .ns = giant_lba, .why = BAD_LBA_SIZE },
	{ "LBAs of one byte", .ns = no_lba, .why = BAD_LBA_SIZE },
	{ "LBA format that does not exist", .ns = no_format,
	  .why = "invalid LBA format" },
	{ "metadata", .ns = metadata, .why = "metadata, must have none" },
	{ "protection information", .ns = protection,
	  .why = "protection information, must have none" },
	{ "2^64 - 1 blocks", .ns = endless, .why = BAD_CAPACITY },
	{ "capacity in bytes overflows", .ns = overflowing, .why = BAD_CAPACITY },
	{ "capacity of 2^63 bytes", .ns = beyond_offsets,
	  .why = BAD_CAPACITY },
	{ "no capacity", .ns = empty },
	{ "namespace identifier above NN", .list = beyond },
	{ "an empty list", .list = no_list },
	{ "a list that descends", .list = descending, .disk = true },
	{ "a list without a terminator", .list = endless_list },
};
KUNIT_ARRAY_PARAM_DESC(invalid, invalid_params, name);

/* Rejected, for the right reason. */
static void nvme_invalid_identify(struct kunit *test)
{
	const struct invalid_param *a = test->param_value;
	struct bad_nvme *b = bad_nvme(test);

	b->edit_ctrl = a->ctrl;
	b->edit_ns = a->ns;
	b->edit_list = a->list;
	if (a->err) {
		KUNIT_EXPECT_EQ(test, anvme_start(&b->nd), a->err);
		return;
	}
	KUNIT_EXPECT_EQ(test, bad_bring_up(test), a->disk);
	/* Only valid entries of the list are identified. */
	KUNIT_EXPECT_EQ(test, b->ns_identified, a->disk || a->ns ? 1 : 0);
	if (a->ns) {
		struct nvme_id_ns *id = kunit_kzalloc(test, sizeof(*id), GFP_KERNEL);
		struct anvme_ns ns = { .id = 1 };

		KUNIT_ASSERT_NOT_NULL(test, id);
		id->nsze = cpu_to_le64(BAD_BLOCKS);
		id->lbaf[0].ds = BAD_SHIFT;
		KUNIT_EXPECT_NULL(test, anvme_ns_parse(id, &ns));
		a->ns(id);
		KUNIT_EXPECT_STREQ(test, anvme_ns_parse(id, &ns) ?: "", a->why ?: "");
	}
	bad_take_down(test);
}

/* A completion of an unknown identifier resets the controller. */
static void nvme_unknown_id(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct test_io *p;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->invent = 1;
	p = tio_send(test, 0, REQ_OP_WRITE, 0, 4 * PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	flush_work(&b->nd.ctrl->recovery.work);
	KUNIT_EXPECT_EQ(test, counters(b)->unknown_ids, 1);
	KUNIT_EXPECT_EQ(test, b->enables, 2);
	p = tio_send(test, 0, REQ_OP_READ, 0, 4 * PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	bad_take_down(test);
}

/* A completion with an invalid SQ head is ignored and resets the controller. */
static void nvme_invalid_sq_head(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct test_io *p;

	b->mistake_head = 1;
	KUNIT_EXPECT_EQ(test, anvme_start(&b->nd), -EIO);
	anvme_init(&b->nd);
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->enables = 0;
	b->nr_commands = 0;
	b->mistake_head = 1;
	p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	flush_work(&b->nd.ctrl->recovery.work);
	KUNIT_EXPECT_EQ(test, b->enables, 1);
	/* The command was sent again after the reset. */
	KUNIT_EXPECT_EQ(test, b->nr_commands, 2);
	KUNIT_EXPECT_EQ(test, counters(b)->retries, 1);
	bad_take_down(test);
}

/* A completion of the wrong phase stalls the queue: the timeout resets the queue. */
static void nvme_wrong_phase(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct test_io *p;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	bad_hurry(test);
	b->mistake_phase = 1;
	p = tio_send(test, 0, REQ_OP_WRITE, 0, 16 * PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_GE(test, b->aborts, 1);
	KUNIT_EXPECT_EQ(test, counters(b)->resets, 1);
	KUNIT_EXPECT_EQ(test, counters(b)->unknown_ids, 0);
	bad_take_down(test);
}

/* Unknown identifiers in the admin queue are ignored. */
static void nvme_unknown_admin_id(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct test_io *p;

	b->invent_admin = UINT_MAX;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, b->enables, 1);
	bad_take_down(test);
}

/* Waiters poll for admin completions without an interrupt. */
static void nvme_lost_admin_interrupts(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	unsigned long start = jiffies;

	b->no_admin_interrupts = true;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(b->nd.ctrl), 0);
	/* More than a dozen commands, and none timed out. */
	KUNIT_EXPECT_LT(test, jiffies - start, ANVME_ADMIN_TIMEOUT);
	bad_take_down(test);
}

#define DUPLICATE_ROUNDS	300

/* Every command completes twice, and each time the controller is reset. */
static void nvme_duplicate_completions(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct test_io *p;
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	for (i = 0; i < DUPLICATE_ROUNDS; i++) {
		b->twice = 1;
		p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
		tio_expect_end(test, p, BLK_STS_OK, 0);
		flush_work(&b->nd.ctrl->recovery.work);
	}
	/* The last duplicate may still be pending. */
	for (i = 0; i < 100 && READ_ONCE(counters(b)->unknown_ids) < DUPLICATE_ROUNDS; i++)
		msleep(20);
	flush_work(&b->nd.ctrl->recovery.work);
	KUNIT_EXPECT_EQ(test, counters(b)->unknown_ids, DUPLICATE_ROUNDS);
	KUNIT_EXPECT_GE(test, b->enables, DUPLICATE_ROUNDS / 2);
	KUNIT_EXPECT_EQ(test, (int)b->nd.ctrl->state, ASBLK_CTRL_LIVE);
	bad_take_down(test);
}

/* A queue full of completions without commands. */
static void nvme_cq_overrun(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	unsigned int tries;
	struct test_io *p;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->flood = true;
	for (tries = 0; tries < 500 && READ_ONCE(b->enables) < 2; tries++)
		msleep(20);
	KUNIT_EXPECT_GE(test, b->enables, 2);
	KUNIT_EXPECT_GE(test, counters(b)->unknown_ids, 60);
	p = tio_send(test, 0, REQ_OP_READ, 0, 4 * PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	bad_take_down(test);
}

/* Commands without completion: the abort fails, then the queue is reset. */
static void nvme_lost_commands(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct test_io *p;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	bad_hurry(test);
	b->swallow = 2;
	p = tio_send(test, 0, REQ_OP_WRITE, 0, 16 * PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, b->aborts, 2);
	KUNIT_EXPECT_EQ(test, counters(b)->resets, 1);
	KUNIT_EXPECT_EQ(test, b->enables, 1);
	bad_take_down(test);
}

/* The same with max_retries 0: the request fails. */
static void nvme_no_retries(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct test_io *p;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	bad_hurry(test);
	asblk_settings_max_retries(b->nd.ctrl, 0);
	b->swallow = 1;
	p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	tio_expect_end(test, p, BLK_STS_TIMEOUT, PART);
	KUNIT_EXPECT_EQ(test, counters(b)->resets, 1);
	KUNIT_EXPECT_EQ(test, counters(b)->retries, 0);
	bad_take_down(test);
}

/* CSTS.CFS under I/O: the controller is reset without an abort or a queue reset. */
static void nvme_fatal(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	unsigned int tries;
	struct test_io *p;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	bad_hurry(test);
	b->swallow = 1;
	WRITE_ONCE(b->fail, true);
	for (tries = 0; tries < 500 && !(bad_reg(b, NVME_REG_CSTS) & NVME_CSTS_CFS); tries++)
		msleep(20);
	p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, b->aborts, 0);
	KUNIT_EXPECT_EQ(test, b->enables, 2);
	bad_take_down(test);
}

static void nvme_fatal_permanent(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct test_io *p;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	bad_hurry(test);
	b->swallow = 1;
	b->stays_fatal = true;
	b->fatal_if_enabled = true;
	p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	tio_expect_end(test, p, BLK_STS_OFFLINE, PART);
	KUNIT_EXPECT_EQ(test, (int)b->nd.ctrl->state, ASBLK_CTRL_DEAD);
	bad_take_down(test);
}

/* Removed under I/O: registers read as ones. */
static void nvme_surprise_removal(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct test_io *p;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	bad_hurry(test);
	b->swallow = 100;
	p = tio_send(test, 0, REQ_OP_WRITE, 0, 4 * PART);
	memset(b->reg, 0xff, NVME_REG_DBS);
	tio_expect_end(test, p, BLK_STS_OFFLINE, 4 * PART);
	bad_take_down(test);
}

/* First escalation step: reap, because the interrupt was lost. */
static void nvme_lost_interrupt(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	unsigned int tries;
	struct test_io *p;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	bad_hurry(test);
	b->silent = 1;
	p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	/* Counted by the timeout handler, after the request has ended. */
	for (tries = 0; tries < 500 && !READ_ONCE(counters(b)->lost_interrupts); tries++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, counters(b)->lost_interrupts, 1);
	KUNIT_EXPECT_EQ(test, b->aborts, 0);
	bad_take_down(test);
}

/* Second escalation step: abort, and retry. */
static void nvme_abort(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct test_io *p;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	bad_hurry(test);
	b->honours_aborts = true;
	b->swallow = 1;
	p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, b->aborts, 1);
	KUNIT_EXPECT_EQ(test, counters(b)->retries, 1);
	KUNIT_EXPECT_EQ(test, counters(b)->resets, 0);
	b->honours_aborts = false;
	bad_take_down(test);
}

/* If the queue reset fails, the controller is reset. */
static void nvme_delete_queue_fails(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct test_io *p;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	bad_hurry(test);
	b->keeps_queues = true;
	b->swallow = 1;
	p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, b->aborts, 1);
	KUNIT_EXPECT_EQ(test, b->enables, 2);
	KUNIT_EXPECT_EQ(test, counters(b)->failed_resets, 1);
	b->keeps_queues = false;
	bad_take_down(test);
}

static struct kunit_case nvme_cases[] = {
	KUNIT_CASE(nvme_basic_io),
	KUNIT_CASE(nvme_never_ready),
	KUNIT_CASE(nvme_stays_ready),
	KUNIT_CASE(nvme_fatal_at_start),
	KUNIT_CASE(nvme_capabilities),
	KUNIT_CASE_PARAM(nvme_invalid_identify, invalid_gen_params),
	KUNIT_CASE(nvme_unknown_id),
	KUNIT_CASE(nvme_invalid_sq_head),
	KUNIT_CASE(nvme_wrong_phase),
	KUNIT_CASE(nvme_unknown_admin_id),
	KUNIT_CASE(nvme_lost_admin_interrupts),
	KUNIT_CASE(nvme_duplicate_completions),
	KUNIT_CASE(nvme_cq_overrun),
	KUNIT_CASE(nvme_lost_interrupt),
	KUNIT_CASE(nvme_abort),
	KUNIT_CASE(nvme_lost_commands),
	KUNIT_CASE(nvme_no_retries),
	KUNIT_CASE(nvme_delete_queue_fails),
	KUNIT_CASE(nvme_fatal),
	KUNIT_CASE(nvme_fatal_permanent),
	KUNIT_CASE(nvme_surprise_removal),
	{}
};

static struct kunit_suite nvme_suite = {
	.name = "asblk_nvme",
	.attr.speed = KUNIT_SPEED_VERY_SLOW,	/* waits for timeouts, one after the other */
	.init = bad_init,
	.exit = bad_exit,
	.test_cases = nvme_cases,
};
kunit_test_suite(nvme_suite);
