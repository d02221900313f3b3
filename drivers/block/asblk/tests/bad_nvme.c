// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/device.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/kthread.h>
#include <linux/vmalloc.h>

#include "bad_nvme.h"
#include "test_io.h"

u32 bad_reg(struct bad_nvme *b, u32 reg)
{
	return READ_ONCE(b->reg[reg / 4]);
}

void bad_set_reg(struct bad_nvme *b, u32 reg, u32 value)
{
	WRITE_ONCE(b->reg[reg / 4], value);
}

static bool count_down(unsigned int *left)
{
	if (!*left)
		return false;
	(*left)--;
	return true;
}

static void post(struct bad_nvme *b, unsigned int qid, u16 cid, u64 result, u16 status)
{
	struct bad_queue *q = &b->queue[qid];
	struct nvme_completion *cqe = bad_memory(q->cq) + q->cq_tail * sizeof(*cqe);
	u16 phase = q->phase ^ (qid && count_down(&b->mistake_phase));

	cqe->result.u64 = cpu_to_le64(result);
	cqe->command_id = cid;
	cqe->sq_head = cpu_to_le16(count_down(&b->mistake_head) ? q->size : q->sq_head);
	smp_wmb();	/* the phase tag comes last */
	WRITE_ONCE(cqe->status, cpu_to_le16(status << 1 | phase));
	if (++q->cq_tail == q->size) {
		q->cq_tail = 0;
		q->phase ^= 1;
	}
}

static void identify(struct bad_nvme *b, const struct nvme_command *cmd)
{
	void *data = bad_memory(le64_to_cpu(cmd->common.dptr.prp1));
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
		ctrl->nwpc = 1;
		ctrl->npss = 2;
		ctrl->psd[2].flags = NVME_PS_FLAGS_NON_OP_STATE;
		ctrl->wctemp = cpu_to_le16(343);
		ctrl->acl = 3;
		if (b->edit_ctrl)
			b->edit_ctrl(ctrl);
		break;
	case NVME_ID_CNS_CS_CTRL:
		if (b->edit_limits)
			b->edit_limits(data);
		break;
	case NVME_ID_CNS_NS_ACTIVE_LIST:
		list[0] = cpu_to_le32(1);
		if (b->edit_list)
			b->edit_list(list);
		break;
	case NVME_ID_CNS_NS_DESC_LIST:
		if (b->edit_desc)
			b->edit_desc(data);
		break;
	case NVME_ID_CNS_NS:
		b->ns_identified++;
		ns->nsze = cpu_to_le64(BAD_BLOCKS);
		ns->lbaf[0].ds = BAD_SHIFT;
		if (b->feature[NVME_FEAT_WRITE_PROTECT] == NVME_NS_WRITE_PROTECT)
			ns->nsattr = NVME_NS_ATTR_RO;
		if (b->edit_ns)
			b->edit_ns(ns);
		if (b->during_ns)
			b->during_ns(b);
		break;
	}
}

static void set_queue(struct bad_queue *q, u64 sq, u64 cq, u16 size)
{
	*q = (struct bad_queue) {
		.on = true, .sq = sq, .cq = cq, .size = size, .phase = 1,
	};
}

static u16 set_feature(struct bad_nvme *b, const struct nvme_command *cmd)
{
	if (b->denies_features)
		return NVME_SC_FEATURE_NOT_CHANGEABLE | NVME_STATUS_DNR;
	if (le32_to_cpu(cmd->features.fid) == NVME_FEAT_HOST_BEHAVIOR)
		b->acre = *(u8 *)bad_memory(le64_to_cpu(cmd->features.dptr.prp1));
	b->feature[le32_to_cpu(cmd->features.fid) & 0xff] =
		le32_to_cpu(cmd->features.dword11);
	b->feature_sets++;
	return 0;
}

static void log_page(struct bad_nvme *b, const struct nvme_command *cmd)
{
	struct nvme_smart_log *log = bad_memory(le64_to_cpu(cmd->common.dptr.prp1));

	b->logs++;
	memset(log, 0, sizeof(*log));
	log->critical_warning = b->critical;
	log->temperature[0] = 80;	/* 336 K, 63 C */
	log->temperature[1] = 1;
	log->temp_sensor[1] = cpu_to_le16(300);
	if (b->during_log)
		b->during_log(b);
}

static void admin(struct bad_nvme *b, const struct nvme_command *cmd)
{
	u32 fid = le32_to_cpu(cmd->features.fid) & 0xff;
	u16 qid = le16_to_cpu(cmd->create_sq.sqid);	/* same place in all of them */
	u32 result = 0;
	u16 status = 0;

	switch (cmd->common.opcode) {
	case nvme_admin_identify:
		if (b->no_list && cmd->identify.cns == NVME_ID_CNS_NS_ACTIVE_LIST)
			status = NVME_SC_INVALID_FIELD | NVME_STATUS_DNR;
		else if (b->desc_status && cmd->identify.cns == NVME_ID_CNS_NS_DESC_LIST)
			status = b->desc_status;
		else
			identify(b, cmd);
		break;
	case nvme_admin_set_features:
		if (fid == NVME_FEAT_NUM_QUEUES)
			result = (BAD_QUEUES - 2) << 16 | (BAD_QUEUES - 2);
		else
			status = set_feature(b, cmd);
		break;
	case nvme_admin_get_features:
		result = b->feature[fid];
		break;
	case nvme_admin_get_log_page:
		log_page(b, cmd);
		if (b->no_logs)
			status = NVME_SC_INVALID_LOG_PAGE | NVME_STATUS_DNR;
		break;
	case nvme_admin_create_cq:
		set_queue(&b->queue[qid], 0, le64_to_cpu(cmd->create_cq.prp1),
			  le16_to_cpu(cmd->create_cq.qsize) + 1);
		b->queue[qid].on = false;
		break;
	case nvme_admin_create_sq:
		b->queue[qid].sq = le64_to_cpu(cmd->create_sq.prp1);
		bad_set_reg(b, NVME_REG_DBS + 8 * qid, 0);
		b->queue[qid].on = true;
		break;
	case nvme_admin_delete_sq:
		if (b->keeps_queues)
			status = NVME_SC_INTERNAL;
		else
			b->queue[qid].on = false;
		break;
	case nvme_admin_abort_cmd:
		b->aborts++;
		if (b->honours_aborts)
			post(b, 1, b->swallowed, 0, NVME_SC_ABORT_REQ);
		if (!b->holds_aborts)
			break;
		b->held[b->nr_held++] = cmd->common.command_id;
		return;
	case nvme_admin_async_event:
		b->event_id = cmd->common.command_id;
		b->event_requests++;
		return;
	}
	if (cmd->common.opcode >= nvme_admin_vendor_start) {
		bad_vendor(b, cmd);
		b->vendor_command = *cmd;
		if (count_down(&b->swallow_admin)) {
			b->swallowed_admin = cmd->common.command_id;
			return;
		}
	}
	if (count_down(&b->invent_admin))
		post(b, 0, cmd->common.command_id ^ 0x5555, 0, 0);
	post(b, 0, cmd->common.command_id, result, status);
}

static void io(struct bad_nvme *b, unsigned int qid, const struct nvme_command *cmd)
{
	u16 cid = cmd->common.command_id;

	b->command[b->nr_commands % BAD_COMMANDS] = *cmd;
	WRITE_ONCE(b->nr_commands, b->nr_commands + 1);
	if (cmd->rw.opcode == nvme_cmd_read || cmd->rw.opcode == nvme_cmd_write)
		bad_move_data(b, cmd);
	if (cmd->common.opcode >= nvme_cmd_vendor_start)
		bad_vendor(b, cmd);
	if (count_down(&b->swallow)) {
		b->swallowed = cid;
		return;
	}
	if (count_down(&b->invent))
		post(b, qid, cid ^ 0x5555, 0, 0);
	if (count_down(&b->twice))
		post(b, qid, cid, 0, 0);
	post(b, qid, cid, b->result, count_down(&b->fails) ? b->fails_with : 0);
}

static bool run_aborts(struct bad_nvme *b)
{
	if (READ_ONCE(b->holds_aborts) || !b->nr_held)
		return false;
	while (b->nr_held)
		post(b, 0, b->held[--b->nr_held], 0, 0);
	return true;
}

static bool run_swallowed(struct bad_nvme *b)
{
	if (!READ_ONCE(b->completes_admin) || b->swallowed_admin < 0)
		return false;
	/* Its memory has to be there still. */
	bad_vendor(b, &b->vendor_command);
	post(b, 0, b->swallowed_admin, 0, 0);
	WRITE_ONCE(b->swallowed_admin, -1);
	return true;
}

static bool run_event(struct bad_nvme *b)
{
	if (!b->event || b->event_id < 0)
		return false;
	post(b, 0, b->event_id, b->event, 0);
	b->event = 0;
	b->event_id = -1;
	return true;
}

/* Return: true if commands were executed. */
static bool run_queue(struct bad_nvme *b, unsigned int qid)
{
	struct bad_queue *q = &b->queue[qid];
	u32 tail = bad_reg(b, NVME_REG_DBS + 8 * qid);
	bool busy = false;

	if (!q->on || tail >= q->size)
		return false;
	smp_rmb();	/* entries are read after the doorbell */
	while (q->on && q->sq_head != tail) {
		struct nvme_command *sq = bad_memory(q->sq);
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

/* INTMS and INTMC. */
static void run_mask(struct bad_nvme *b, bool reset)
{
	if (bad_reg(b, NVME_REG_INTMS)) {
		bad_set_reg(b, NVME_REG_INTMS, 0);
		b->masks++;
		b->masked = true;
	}
	if (bad_reg(b, NVME_REG_INTMC) || reset) {
		bad_set_reg(b, NVME_REG_INTMC, 0);
		b->masked = false;
	}
}

static void run_control(struct bad_nvme *b)
{
	u32 cc = bad_reg(b, NVME_REG_CC), csts = bad_reg(b, NVME_REG_CSTS);
	bool was_enabled = b->queue[0].on, becomes_ready = false;

	if (csts == U32_MAX)
		return;
	run_mask(b, was_enabled && !(cc & NVME_CC_ENABLE));
	if (!(cc & NVME_CC_ENABLE)) {
		memset(b->queue, 0, sizeof(b->queue));
		b->nr_held = 0;
		b->event_id = -1;
		WRITE_ONCE(b->swallowed_admin, -1);
		if (!b->stays_ready)
			csts &= ~(NVME_CSTS_RDY | NVME_CSTS_SHST_MASK);
		if (!b->stays_fatal)
			csts &= ~NVME_CSTS_CFS;
	} else if (b->fatal_if_enabled) {
		csts |= NVME_CSTS_CFS;
	} else if (!(csts & NVME_CSTS_RDY) && !b->never_ready) {
		u32 aqa = bad_reg(b, NVME_REG_AQA);

		set_queue(&b->queue[0],
			  bad_reg(b, NVME_REG_ASQ) |
			  (u64)bad_reg(b, NVME_REG_ASQ + 4) << 32,
			  bad_reg(b, NVME_REG_ACQ) |
			  (u64)bad_reg(b, NVME_REG_ACQ + 4) << 32,
			  (aqa & 0xfff) + 1);
		bad_set_reg(b, NVME_REG_DBS, 0);
		csts |= NVME_CSTS_RDY;
		becomes_ready = true;
	}
	if ((cc & NVME_CC_SHN_MASK) == NVME_CC_SHN_NORMAL && (cc & NVME_CC_ENABLE) &&
	    !(csts & NVME_CSTS_SHST_CMPLT)) {
		csts |= NVME_CSTS_SHST_CMPLT;
		b->shutdowns++;
	}
	if (READ_ONCE(b->fail)) {
		b->fail = false;
		csts |= NVME_CSTS_CFS;
	}
	bad_set_reg(b, NVME_REG_CSTS, csts);
	b->enables += becomes_ready;
}

static void interrupt(struct bad_nvme *b, unsigned int qid)
{
	/* The acquire pairs with anvme_request_irq(). */
	if (!qid && !b->no_admin_interrupts && smp_load_acquire(&b->nd.admin.irq_on))
		asblk_reap(b->nd.admin.q);
	else if (qid && b->nd.queues && b->nd.queues[qid - 1].q)
		asblk_reap(b->nd.queues[qid - 1].q);
}

static int controller(void *data)
{
	struct bad_nvme *b = data;
	unsigned int qid, i;

	while (!kthread_should_stop()) {
		run_control(b);
		for (qid = 0; qid < BAD_QUEUES; qid++) {
			bool busy = run_queue(b, qid);

			if (qid == 1 && b->flood && b->queue[1].on) {
				for (i = 0; i < b->queue[1].size; i++)
					post(b, 1, i * 77, 0, i & 0x7ff);
				b->flood = false;
				busy = true;
			}
			if (busy && !(qid && count_down(&b->silent)))
				interrupt(b, qid);
		}
		/* An honoured abort posts to queue 1. */
		if (b->honours_aborts)
			interrupt(b, 1);
		if (run_aborts(b) || run_event(b) || run_swallowed(b))
			interrupt(b, 0);
		usleep_range(50, 100);
	}
	return 0;
}

struct bad_nvme *bad_nvme(struct kunit *test)
{
	return ((struct tio_test *)test->priv)->priv;
}

/* Start and attach. Return: true if there is a disk, which the test then uses. */
bool bad_bring_up(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct bad_nvme *b = bad_nvme(test);
	struct anvme_ns *ns;

	KUNIT_ASSERT_EQ(test, anvme_start(&b->nd), 0);
	KUNIT_ASSERT_EQ(test, anvme_add(&b->nd), 0);
	ns = list_first_entry_or_null(&b->nd.namespaces, struct anvme_ns, list);
	if (!ns)
		return false;
	t->disk = ns->disk;
	return true;
}

/* Shorten the request timeout to a second. */
void bad_hurry(struct kunit *test)
{
	struct tio_test *t = test->priv;

	blk_queue_rq_timeout(t->disk->gd->queue, HZ);
}

void bad_take_down(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	anvme_del(&b->nd);
	anvme_release(&b->nd);
}

/* Wait for up to 10 s. The caller checks the count. */
void bad_wait_count(unsigned int *count, unsigned int wanted)
{
	unsigned int tries;

	for (tries = 0; tries < 500 && READ_ONCE(*count) < wanted; tries++)
		msleep(20);
}

const struct nvme_command *bad_last_command(struct bad_nvme *b)
{
	return &b->command[(READ_ONCE(b->nr_commands) - 1) % BAD_COMMANDS];
}

/* Send a request that takes one command. Return: the command. */
const struct nvme_command *bad_command(struct kunit *test, blk_opf_t opf, sector_t sector,
				       u32 bytes)
{
	struct bad_nvme *b = bad_nvme(test);
	unsigned int nr = b->nr_commands;
	struct test_io *p = tio_send(test, 0, opf, sector, bytes);

	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, b->nr_commands, nr + 1);
	return bad_last_command(b);
}

int bad_init(struct kunit *test)
{
	struct tio_test *t;
	struct bad_nvme *b;

	t = tio_test_alloc(test);
	b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b);
	t->priv = b;
	b->reg = kunit_kzalloc(test, NVME_REG_DBS + SZ_4K, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b->reg);
	b->reg[0] = lower_32_bits(BAD_CAPABILITIES);
	b->reg[1] = upper_32_bits(BAD_CAPABILITIES);
	b->nd.dev = kunit_device_register(test, "asblk-bad-nvme");
	KUNIT_ASSERT_FALSE(test, IS_ERR(b->nd.dev));
	b->nd.dev->dma_mask = &b->nd.dev->coherent_dma_mask;
	KUNIT_ASSERT_EQ(test, dma_set_mask_and_coherent(b->nd.dev, DMA_BIT_MASK(64)), 0);
	b->nd.bar_len = NVME_REG_DBS + SZ_4K;
	b->nd.bar = bad_map_regs(test, b->reg, b->nd.bar_len);
	b->nd.nr_queues = 1;
	b->nd.nr_vectors = 1;
	b->nd.entries = 64;
	b->event_id = -1;
	b->swallowed_admin = -1;
	b->transfer_pages = 1;
	b->feature[NVME_FEAT_VOLATILE_WC] = 1;
	anvme_init(&b->nd);
	b->thread = kthread_run(controller, b, "asblk-bad-nvme");
	KUNIT_ASSERT_FALSE(test, IS_ERR(b->thread));
	return 0;
}

void bad_exit(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct bad_nvme *b;

	if (!t)
		return;		/* skipped */
	b = t->priv;
	kthread_stop(b->thread);
	kfree(b->nd.queues);
	vfree(b->medium);
	tio_test_free(t);
}
