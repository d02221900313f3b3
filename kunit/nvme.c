// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of nvme/ against a controller that is memory and a thread: it has the
 * registers, executes commands, and misbehaves as no emulator does.
 */
#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include "nvme/nvme.h"
#include "probe.h"

#define NR_QUEUES	3	/* with the admin queue */
#define BLOCK_SHIFT	9
#define NR_BLOCKS	(SZ_16M >> BLOCK_SHIFT)

/* Capabilities (3.1.3.1): queues of 64 entries, ready in 1 s, NVM command set. */
#define CAPABILITIES	(63 | 1ULL << 16 | 1ULL << 24 | 1ULL << 37)

struct bad_queue {
	bool on;
	u64 sq;
	u64 cq;
	u16 size;
	u16 sq_head;
	u16 cq_tail;
	u16 phase;
};

/**
 * struct bad_nvme - the controller
 * @nd: the driver's side
 * @reg: registers
 * @thread: executes
 * @queue: admin queue first
 * @edit_ctrl: changes Identify Controller data before it is sent
 * @edit_ns: changes Identify Namespace data
 * @edit_list: changes the list of active namespaces
 * @never_ready: CSTS.RDY never comes
 * @fatal_if_enabled: CSTS.CFS comes instead
 * @stays_fatal: a reset does not help against CSTS.CFS
 * @swallow: that many I/O commands are not completed
 * @invent: that many completions of I/O commands have an identifier of their own
 * @twice: that many I/O commands are completed twice
 * @flood: fill a whole completion queue with nothing that was asked for
 * @enables: times it became ready
 * @aborts: Abort commands
 */
struct bad_nvme {
	struct anvme nd;
	u32 *reg;
	struct task_struct *thread;
	struct bad_queue queue[NR_QUEUES];
	void (*edit_ctrl)(struct nvme_id_ctrl *id);
	void (*edit_ns)(struct nvme_id_ns *id);
	void (*edit_list)(__le32 *list);
	bool never_ready;
	bool fatal_if_enabled;
	bool stays_fatal;
	unsigned int swallow;
	unsigned int invent;
	unsigned int twice;
	bool flood;
	unsigned int enables;
	unsigned int aborts;
};

static u32 reg_get(struct bad_nvme *b, u32 reg)
{
	return READ_ONCE(b->reg[reg / 4]);
}

static void reg_set(struct bad_nvme *b, u32 reg, u32 value)
{
	WRITE_ONCE(b->reg[reg / 4], value);
}

static void *memory(u64 dma)
{
	return phys_to_virt(dma);
}

static void post(struct bad_nvme *b, unsigned int qid, u16 cid, u32 result, u16 status)
{
	struct bad_queue *q = &b->queue[qid];
	struct nvme_completion *cqe = memory(q->cq) + q->cq_tail * sizeof(*cqe);

	cqe->result.u64 = cpu_to_le64(result);
	cqe->command_id = cid;
	cqe->sq_head = cpu_to_le16(U16_MAX);	/* nobody should believe it */
	smp_wmb();	/* the phase tag comes last */
	WRITE_ONCE(cqe->status, cpu_to_le16(status << 1 | q->phase));
	if (++q->cq_tail == q->size) {
		q->cq_tail = 0;
		q->phase ^= 1;
	}
}

static void identify(struct bad_nvme *b, const struct nvme_command *cmd)
{
	void *data = memory(le64_to_cpu(cmd->common.dptr.prp1));
	struct nvme_id_ctrl *ctrl = data;
	struct nvme_id_ns *ns = data;
	__le32 *list = data;

	memset(data, 0, 4096);
	switch (cmd->identify.cns) {
	case NVME_ID_CNS_CTRL:
		memset(ctrl->sn, ' ', sizeof(ctrl->sn));
		memset(ctrl->mn, ' ', sizeof(ctrl->mn));
		memcpy(ctrl->mn, "bad\001one", 7);
		ctrl->mdts = 2;
		ctrl->sqes = 0x66;
		ctrl->cqes = 0x44;
		ctrl->nn = cpu_to_le32(4);
		ctrl->vwc = 1;
		ctrl->acl = 3;
		if (b->edit_ctrl)
			b->edit_ctrl(ctrl);
		break;
	case NVME_ID_CNS_NS_ACTIVE_LIST:
		list[0] = cpu_to_le32(1);
		if (b->edit_list)
			b->edit_list(list);
		break;
	case NVME_ID_CNS_NS:
		ns->nsze = cpu_to_le64(NR_BLOCKS);
		ns->lbaf[0].ds = BLOCK_SHIFT;
		if (b->edit_ns)
			b->edit_ns(ns);
		break;
	}
}

static void set_queue(struct bad_queue *q, u64 sq, u64 cq, u16 size)
{
	*q = (struct bad_queue) {
		.on = true, .sq = sq, .cq = cq, .size = size, .phase = 1,
	};
}

static void admin(struct bad_nvme *b, const struct nvme_command *cmd)
{
	u16 qid = le16_to_cpu(cmd->create_sq.sqid);	/* the same in all of them */
	u32 result = 0;

	switch (cmd->common.opcode) {
	case nvme_admin_identify:
		identify(b, cmd);
		break;
	case nvme_admin_set_features:
		if (le32_to_cpu(cmd->features.fid) == NVME_FEAT_NUM_QUEUES)
			result = (NR_QUEUES - 2) << 16 | (NR_QUEUES - 2);
		break;
	case nvme_admin_create_cq:
		set_queue(&b->queue[qid], 0, le64_to_cpu(cmd->create_cq.prp1),
			  le16_to_cpu(cmd->create_cq.qsize) + 1);
		b->queue[qid].on = false;
		break;
	case nvme_admin_create_sq:
		b->queue[qid].sq = le64_to_cpu(cmd->create_sq.prp1);
		reg_set(b, NVME_REG_DBS + 8 * qid, 0);
		b->queue[qid].on = true;
		break;
	case nvme_admin_delete_sq:
		b->queue[qid].on = false;
		break;
	case nvme_admin_abort_cmd:
		b->aborts++;
		break;
	case nvme_admin_async_event:
		return;
	}
	post(b, 0, cmd->common.command_id, result, 0);
}

static bool count_down(unsigned int *left)
{
	if (!*left)
		return false;
	(*left)--;
	return true;
}

static void io(struct bad_nvme *b, unsigned int qid, const struct nvme_command *cmd)
{
	u16 cid = cmd->common.command_id;

	if (count_down(&b->swallow))
		return;
	if (count_down(&b->invent))
		post(b, qid, cid ^ 0x5555, 0, 0);
	if (count_down(&b->twice))
		post(b, qid, cid, 0, 0);
	post(b, qid, cid, 0, 0);
}

/* Return: true if the queue had something to do. */
static bool run_queue(struct bad_nvme *b, unsigned int qid)
{
	struct bad_queue *q = &b->queue[qid];
	u32 tail = reg_get(b, NVME_REG_DBS + 8 * qid);
	bool busy = false;

	if (!q->on || tail >= q->size)
		return false;
	smp_rmb();	/* entries are read after the doorbell */
	while (q->on && q->sq_head != tail) {
		struct nvme_command *sq = memory(q->sq);
		struct nvme_command cmd = sq[q->sq_head];

		if (++q->sq_head == q->size)
			q->sq_head = 0;
		if (qid)
			io(b, qid, &cmd);
		else
			admin(b, &cmd);
		busy = true;
	}
	return busy;
}

static void run_control(struct bad_nvme *b)
{
	u32 cc = reg_get(b, NVME_REG_CC), csts = reg_get(b, NVME_REG_CSTS);

	if (csts == U32_MAX)
		return;
	if (!(cc & NVME_CC_ENABLE)) {
		memset(b->queue, 0, sizeof(b->queue));
		csts &= ~(NVME_CSTS_RDY | NVME_CSTS_SHST_MASK);
		if (!b->stays_fatal)
			csts &= ~NVME_CSTS_CFS;
	} else if (b->fatal_if_enabled) {
		csts |= NVME_CSTS_CFS;
	} else if (!(csts & NVME_CSTS_RDY) && !b->never_ready) {
		u32 aqa = reg_get(b, NVME_REG_AQA);

		set_queue(&b->queue[0],
			  reg_get(b, NVME_REG_ASQ) |
			  (u64)reg_get(b, NVME_REG_ASQ + 4) << 32,
			  reg_get(b, NVME_REG_ACQ) |
			  (u64)reg_get(b, NVME_REG_ACQ + 4) << 32,
			  (aqa & 0xfff) + 1);
		reg_set(b, NVME_REG_DBS, 0);
		b->enables++;
		csts |= NVME_CSTS_RDY;
	}
	if (cc & NVME_CC_SHN_MASK)
		csts |= NVME_CSTS_SHST_CMPLT;
	reg_set(b, NVME_REG_CSTS, csts);
}

static void interrupt(struct bad_nvme *b, unsigned int qid)
{
	if (!qid)
		anvme_admin_reap(&b->nd);
	else if (b->nd.queues && b->nd.queues[qid - 1].eq)
		asblk_reap(b->nd.queues[qid - 1].eq);
}

static int controller(void *data)
{
	struct bad_nvme *b = data;
	unsigned int qid, i;

	while (!kthread_should_stop()) {
		run_control(b);
		for (qid = 0; qid < NR_QUEUES; qid++) {
			bool busy = run_queue(b, qid);

			if (qid == 1 && b->flood && b->queue[1].on) {
				for (i = 0; i < b->queue[1].size; i++)
					post(b, 1, i * 77, 0, i & 0x7ff);
				b->flood = false;
				busy = true;
			}
			if (busy)
				interrupt(b, qid);
		}
		usleep_range(50, 100);
	}
	return 0;
}

static int bad_init(struct kunit *test)
{
	struct probe_test *t = probe_test_alloc(test);
	struct bad_nvme *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	t->priv = b;
	b->reg = kunit_kzalloc(test, NVME_REG_DBS + SZ_4K, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b->reg);
	b->reg[0] = lower_32_bits(CAPABILITIES);
	b->reg[1] = upper_32_bits(CAPABILITIES);
	b->nd.dev = kunit_device_register(test, "asblk-bad-nvme");
	KUNIT_ASSERT_FALSE(test, IS_ERR(b->nd.dev));
	b->nd.dev->dma_mask = &b->nd.dev->coherent_dma_mask;
	KUNIT_ASSERT_EQ(test, dma_set_mask_and_coherent(b->nd.dev, DMA_BIT_MASK(64)), 0);
	b->nd.bar = (void __iomem *)b->reg;
	b->nd.bar_len = NVME_REG_DBS + SZ_4K;
	b->nd.nr_queues = 1;
	b->nd.nr_vectors = 1;
	b->nd.entries = 64;
	anvme_init(&b->nd);
	b->thread = kthread_run(controller, b, "asblk-bad-nvme");
	KUNIT_ASSERT_FALSE(test, IS_ERR(b->thread));
	return 0;
}

static void bad_exit(struct kunit *test)
{
	struct probe_test *t = test->priv;
	struct bad_nvme *b = t->priv;

	kthread_stop(b->thread);
	kfree(b->nd.queues);
	probe_test_free(t);
}

/* Bring it up. Return: its only namespace's disk is there. */
static bool bring_up(struct kunit *test)
{
	struct probe_test *t = test->priv;
	struct bad_nvme *b = t->priv;
	struct anvme_ns *ns;

	KUNIT_ASSERT_EQ(test, anvme_start(&b->nd), 0);
	KUNIT_ASSERT_EQ(test, anvme_add(&b->nd), 0);
	ns = list_first_entry_or_null(&b->nd.namespaces, struct anvme_ns, list);
	if (!ns)
		return false;
	t->disk = ns->disk;
	blk_queue_rq_timeout(t->disk->gd->queue, HZ / 2);
	return true;
}

static void take_down(struct kunit *test)
{
	struct probe_test *t = test->priv;
	struct bad_nvme *b = t->priv;

	anvme_del(&b->nd);
	anvme_release(&b->nd);
}

static struct asblk_counters *counters(struct bad_nvme *b)
{
	return &b->nd.ctrl->queues[0].count;
}

static void nvme_good(struct kunit *test)
{
	struct bad_nvme *b = ((struct probe_test *)test->priv)->priv;
	struct probe *p;

	KUNIT_ASSERT_TRUE(test, bring_up(test));
	KUNIT_EXPECT_STREQ(test, b->nd.model, "bad one");
	p = probe_send(test, 0, REQ_OP_WRITE | REQ_FUA, 0, 16 * PART);
	probe_expect_end(test, p, BLK_STS_OK, 0);
	p = probe_send(test, 0, REQ_OP_WRITE | REQ_PREFLUSH, 0, 0);
	probe_expect_end(test, p, BLK_STS_OK, 0);
	/* MDTS of 2: 16 KiB at a time. */
	KUNIT_EXPECT_GE(test, counters(b)->transfers, 4);
	KUNIT_EXPECT_EQ(test, counters(b)->stale, 0);
	take_down(test);
}

static void nvme_never_ready(struct kunit *test)
{
	struct bad_nvme *b = ((struct probe_test *)test->priv)->priv;

	b->never_ready = true;
	KUNIT_EXPECT_EQ(test, anvme_start(&b->nd), -ETIMEDOUT);
}

static void nvme_fatal_at_start(struct kunit *test)
{
	struct bad_nvme *b = ((struct probe_test *)test->priv)->priv;

	b->fatal_if_enabled = true;
	KUNIT_EXPECT_EQ(test, anvme_start(&b->nd), -EIO);
}

static void nvme_capabilities(struct kunit *test)
{
	struct bad_nvme *b = ((struct probe_test *)test->priv)->priv;

	b->reg[1] = 0;				/* no command set */
	KUNIT_EXPECT_EQ(test, anvme_start(&b->nd), -EOPNOTSUPP);
	b->reg[1] = upper_32_bits(CAPABILITIES) | 1 << 16;	/* 8 KiB pages */
	KUNIT_EXPECT_EQ(test, anvme_start(&b->nd), -EOPNOTSUPP);
	b->reg[1] = upper_32_bits(CAPABILITIES);
	b->reg[0] = lower_32_bits(CAPABILITIES) & ~0xffff;	/* one entry */
	KUNIT_EXPECT_EQ(test, anvme_start(&b->nd), -EOPNOTSUPP);
	b->reg[0] = lower_32_bits(CAPABILITIES);
	b->reg[1] = upper_32_bits(CAPABILITIES) | 15;	/* doorbells far apart */
	KUNIT_EXPECT_EQ(test, anvme_start(&b->nd), -ENODEV);
	b->reg[0] = U32_MAX;			/* not there */
	b->reg[1] = U32_MAX;
	KUNIT_EXPECT_EQ(test, anvme_start(&b->nd), -ENODEV);
}

static void small_entries(struct nvme_id_ctrl *id) { id->sqes = 0x55; }
static void large_completions(struct nvme_id_ctrl *id) { id->cqes = 0x55; }
static void discovery(struct nvme_id_ctrl *id) { id->cntrltype = NVME_CTRL_DISC; }
static void huge_mdts(struct nvme_id_ctrl *id) { id->mdts = 255; }
static void no_namespaces(struct nvme_id_ctrl *id) { id->nn = 0; }
static void tiny_lba(struct nvme_id_ns *id) { id->lbaf[0].ds = 8; }
static void giant_lba(struct nvme_id_ns *id) { id->lbaf[0].ds = 40; }
static void no_lba(struct nvme_id_ns *id) { id->lbaf[0].ds = 0; }
static void no_format(struct nvme_id_ns *id) { id->flbas = 5; }
static void metadata(struct nvme_id_ns *id) { id->lbaf[0].ms = cpu_to_le16(8); }
static void protection(struct nvme_id_ns *id) { id->dps = 1; }
static void endless(struct nvme_id_ns *id) { id->nsze = cpu_to_le64(U64_MAX); }
static void overflowing(struct nvme_id_ns *id) { id->nsze = cpu_to_le64(1ULL << 60); }
static void empty(struct nvme_id_ns *id) { id->nsze = 0; }
static void beyond(__le32 *list) { list[0] = cpu_to_le32(5); }
static void no_list(__le32 *list) { list[0] = 0; }

static void descending(__le32 *list)
{
	list[0] = cpu_to_le32(2);
	list[1] = cpu_to_le32(1);
}

static void endless_list(__le32 *list) { memset(list, 1, 4096); }

static const struct absurd_param {
	const char *name;
	void (*ctrl)(struct nvme_id_ctrl *id);
	void (*ns)(struct nvme_id_ns *id);
	void (*list)(__le32 *list);
	int err;
	bool disk;
} absurd_params[] = {
	{ "submission entries of 32 bytes", .ctrl = small_entries, .err = -EOPNOTSUPP },
	{ "completions of 32 bytes", .ctrl = large_completions, .err = -EOPNOTSUPP },
	{ "a discovery controller", .ctrl = discovery, .err = -EOPNOTSUPP },
	{ "MDTS of 255", .ctrl = huge_mdts, .disk = true },
	{ "no namespaces but one in the list", .ctrl = no_namespaces },
	{ "LBAs of 256 bytes", .ns = tiny_lba },
	{ "LBAs of a terabyte", .ns = giant_lba },
	{ "LBAs of one byte", .ns = no_lba },
	{ "a format that does not exist", .ns = no_format },
	{ "metadata", .ns = metadata },
	{ "protection information", .ns = protection },
	{ "all the blocks there are", .ns = endless },
	{ "capacity that overflows", .ns = overflowing },
	{ "no capacity", .ns = empty },
	{ "a namespace beyond the last", .list = beyond },
	{ "an empty list", .list = no_list },
	{ "a list that goes back", .list = descending, .disk = true },
	{ "a list without an end", .list = endless_list },
};
KUNIT_ARRAY_PARAM_DESC(absurd, absurd_params, name);

static void nvme_absurd(struct kunit *test)
{
	const struct absurd_param *a = test->param_value;
	struct bad_nvme *b = ((struct probe_test *)test->priv)->priv;

	b->edit_ctrl = a->ctrl;
	b->edit_ns = a->ns;
	b->edit_list = a->list;
	if (a->err) {
		KUNIT_EXPECT_EQ(test, anvme_start(&b->nd), a->err);
		return;
	}
	KUNIT_EXPECT_EQ(test, bring_up(test), a->disk);
	take_down(test);
}

/* An identifier out of thin air: noticed, and the controller is reset. */
static void nvme_invented(struct kunit *test)
{
	struct bad_nvme *b = ((struct probe_test *)test->priv)->priv;
	struct probe *p;

	KUNIT_ASSERT_TRUE(test, bring_up(test));
	b->invent = 1;
	p = probe_send(test, 0, REQ_OP_WRITE, 0, 4 * PART);
	probe_expect_end(test, p, BLK_STS_OK, 0);
	flush_work(&b->nd.ctrl->recovery.work);
	KUNIT_EXPECT_EQ(test, counters(b)->stale, 1);
	KUNIT_EXPECT_EQ(test, b->enables, 2);
	p = probe_send(test, 0, REQ_OP_READ, 0, 4 * PART);
	probe_expect_end(test, p, BLK_STS_OK, 0);
	take_down(test);
}

#define TWICE_ROUNDS	300

/* Every command completes twice, and the controller is reset for it, many times. */
static void nvme_twice(struct kunit *test)
{
	struct bad_nvme *b = ((struct probe_test *)test->priv)->priv;
	struct probe *p;
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, bring_up(test));
	for (i = 0; i < TWICE_ROUNDS; i++) {
		b->twice = 1;
		p = probe_send(test, 0, REQ_OP_WRITE, 0, PART);
		probe_expect_end(test, p, BLK_STS_OK, 0);
		flush_work(&b->nd.ctrl->recovery.work);
	}
	KUNIT_EXPECT_EQ(test, counters(b)->stale, TWICE_ROUNDS);
	KUNIT_EXPECT_GE(test, b->enables, TWICE_ROUNDS / 2);
	KUNIT_EXPECT_EQ(test, (int)b->nd.ctrl->recovery.state, ASBLK_CTRL_LIVE);
	take_down(test);
}

/* More completions than there were commands, as many as the queue can hold. */
static void nvme_overrun(struct kunit *test)
{
	struct bad_nvme *b = ((struct probe_test *)test->priv)->priv;
	unsigned int tries;
	struct probe *p;

	KUNIT_ASSERT_TRUE(test, bring_up(test));
	b->flood = true;
	for (tries = 0; tries < 100 && READ_ONCE(b->enables) < 2; tries++)
		msleep(20);
	KUNIT_EXPECT_GE(test, b->enables, 2);
	KUNIT_EXPECT_GE(test, counters(b)->stale, 60);
	p = probe_send(test, 0, REQ_OP_READ, 0, 4 * PART);
	probe_expect_end(test, p, BLK_STS_OK, 0);
	take_down(test);
}

/* Commands that never come back: aborted without success, then the queue is reset. */
static void nvme_swallowed(struct kunit *test)
{
	struct bad_nvme *b = ((struct probe_test *)test->priv)->priv;
	struct probe *p;

	KUNIT_ASSERT_TRUE(test, bring_up(test));
	b->swallow = 2;
	p = probe_send(test, 0, REQ_OP_WRITE, 0, 16 * PART);
	probe_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, b->aborts, 2);
	KUNIT_EXPECT_EQ(test, counters(b)->resets, 1);
	KUNIT_EXPECT_EQ(test, b->enables, 1);
	take_down(test);
}

/* Fatal in the middle of it: a controller reset at once, no abort, no queue reset. */
static void nvme_fatal(struct kunit *test)
{
	struct bad_nvme *b = ((struct probe_test *)test->priv)->priv;
	struct probe *p;

	KUNIT_ASSERT_TRUE(test, bring_up(test));
	b->swallow = 1;
	reg_set(b, NVME_REG_CSTS, NVME_CSTS_RDY | NVME_CSTS_CFS);
	p = probe_send(test, 0, REQ_OP_WRITE, 0, PART);
	probe_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, b->aborts, 0);
	KUNIT_EXPECT_EQ(test, b->enables, 2);
	take_down(test);
}

static void nvme_fatal_for_good(struct kunit *test)
{
	struct bad_nvme *b = ((struct probe_test *)test->priv)->priv;
	struct probe *p;

	KUNIT_ASSERT_TRUE(test, bring_up(test));
	b->swallow = 1;
	b->stays_fatal = true;
	b->fatal_if_enabled = true;
	p = probe_send(test, 0, REQ_OP_WRITE, 0, PART);
	probe_expect_end(test, p, BLK_STS_OFFLINE, PART);
	KUNIT_EXPECT_EQ(test, (int)b->nd.ctrl->recovery.state, ASBLK_CTRL_DEAD);
	take_down(test);
}

/* Gone under I/O: registers read as ones. */
static void nvme_gone(struct kunit *test)
{
	struct bad_nvme *b = ((struct probe_test *)test->priv)->priv;
	struct probe *p;

	KUNIT_ASSERT_TRUE(test, bring_up(test));
	b->swallow = 100;
	p = probe_send(test, 0, REQ_OP_WRITE, 0, 4 * PART);
	memset(b->reg, 0xff, NVME_REG_DBS);
	probe_expect_end(test, p, BLK_STS_OFFLINE, 4 * PART);
	take_down(test);
}

static struct kunit_case nvme_cases[] = {
	KUNIT_CASE(nvme_good),
	KUNIT_CASE(nvme_never_ready),
	KUNIT_CASE(nvme_fatal_at_start),
	KUNIT_CASE(nvme_capabilities),
	KUNIT_CASE_PARAM(nvme_absurd, absurd_gen_params),
	KUNIT_CASE(nvme_invented),
	KUNIT_CASE_SLOW(nvme_twice),
	KUNIT_CASE(nvme_overrun),
	KUNIT_CASE(nvme_swallowed),
	KUNIT_CASE(nvme_fatal),
	KUNIT_CASE(nvme_fatal_for_good),
	KUNIT_CASE(nvme_gone),
	{}
};

static struct kunit_suite nvme_suite = {
	.name = "asblk_nvme",
	.init = bad_init,
	.exit = bad_exit,
	.test_cases = nvme_cases,
};
kunit_test_suite(nvme_suite);
