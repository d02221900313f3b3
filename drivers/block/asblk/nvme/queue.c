// SPDX-License-Identifier: GPL-2.0-only
/* I/O queues: turn the engine's transfers into commands, and reap completions. */
#include <kunit/visibility.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "nvme.h"

/* Create the queue pair in the controller. Return: 0, NVMe status or a negative errno. */
static int create_queue(struct anvme_queue *nq)
{
	int err = anvme_create_queue(nq->nd, &nq->ring, nq->q->polled ? -1 : nq->vector);

	if (err)
		dev_err(nq->nd->dev, "failed to create queue %u (%#x)\n", nq->q->index, err);
	nq->sq_rung = 0;
	nq->created = !err;
	return err;
}

/* No DMA afterwards, whatever state the controller is in. */
static void anvme_force_stop(struct asblk_ctrl *ctrl)
{
	struct anvme *nd = asblk_ctrl_priv(ctrl);
	unsigned int i;

	anvme_stop(nd, false);
	for (i = 0; i < nd->nr_queues + nd->nr_poll_queues; i++)
		nd->queues[i].created = false;
}

static void stop_admin_queue(struct anvme_queue *nq, bool orderly)
{
	/* Commands may be in flight: the engine ends them, and none follows. */
	anvme_stop(nq->nd, orderly);
	anvme_free_irq(nq);
	anvme_ring_free(nq->nd, &nq->ring);
}

/* Enable the controller with its admin queue. Return: 0 or a negative errno. */
static int start_admin_queue(struct asblk_queue *q)
{
	struct anvme *nd = asblk_ctrl_priv(q->ctrl);
	struct anvme_queue *nq = &nd->admin;
	int err = anvme_ring_alloc(nd, &nq->ring, 0, ANVME_ADMIN_ENTRIES);

	if (err)
		return err;
	nd->ctrl = q->ctrl;
	nq->nd = nd;
	nq->q = q;
	q->priv = nq;
	/* Never fails: the vector is there already. */
	err = anvme_request_irq(nq) ?: anvme_enable(nd);
	if (err)
		stop_admin_queue(nq, false);
	return err;
}

static int anvme_start_queue(struct asblk_queue *q)
{
	struct anvme *nd = asblk_ctrl_priv(q->ctrl);
	struct anvme_queue *nq;
	int err;

	if (q->index == ASBLK_ADMIN_QUEUE)
		return start_admin_queue(q);
	nq = &nd->queues[q->index];
	nq->nd = nd;
	nq->q = q;
	/* Data may be byte-aligned or dword-aligned, which ours is (5.17.2.1, SGLS). */
	nq->sgl = le32_to_cpu(nd->id->sgls) & 3;
	/* Vector 0 belongs to the admin queue unless it is the only one. */
	nq->vector = nd->nr_vectors > 1 ? q->index + 1 : 0;
	err = anvme_ring_alloc(nd, &nq->ring, q->index + 1, nd->entries);
	if (err)
		return err;
	err = anvme_alloc_pages(nq);
	if (err)
		goto free_ring;
	q->priv = nq;
	if (!q->polled) {
		err = anvme_request_irq(nq);
		if (err)
			goto free_pages;
	}
	err = create_queue(nq);
	if (err) {
		/* The controller may use the queue, whose memory is about to be freed. */
		if (err < 0)
			anvme_force_stop(q->ctrl);
		err = err < 0 ? err : -EIO;
		goto free_irq;
	}
	return 0;

free_irq:
	if (!q->polled)
		anvme_free_irq(nq);
free_pages:
	anvme_free_pages(nq);
free_ring:
	anvme_ring_free(nd, &nq->ring);
	return err;
}

static void anvme_stop_queue(struct asblk_queue *q)
{
	struct anvme_queue *nq = q->priv;
	struct anvme *nd = nq->nd;

	if (q->index == ASBLK_ADMIN_QUEUE) {
		stop_admin_queue(nq, true);
		return;
	}
	/* If it cannot be deleted, disable the controller before freeing the memory. */
	if (nq->created && anvme_delete_queue(nd, &nq->ring))
		anvme_force_stop(q->ctrl);
	nq->created = false;
	if (!q->polled)
		anvme_free_irq(nq);
	anvme_free_pages(nq);
	anvme_ring_free(nd, &nq->ring);
}

static u16 anvme_control(const struct asblk_transfer *t)
{
	return t->opts & ASBLK_OPT_FUA ? NVME_RW_FUA : 0;
}

/* In two halves: for all of it compilers emit a slower string instruction. */
static inline void clear_command(struct nvme_command *cmd)
{
	BUILD_BUG_ON(sizeof(*cmd) != 64);
	memset(cmd, 0, 32);
	memset((u8 *)cmd + 32, 0, 32);
}

/* Fast path: one segment within a page needs PRP1 only. */
static inline void map_data(struct anvme_queue *nq, const struct asblk_transfer *t,
			    struct nvme_command *cmd)
{
	dma_addr_t addr = t->segs->addr;

	if (likely((addr & (ANVME_PAGE - 1)) + t->bytes <= ANVME_PAGE &&
		   t->nr_segments == 1))
		cmd->rw.dptr.prp1 = cpu_to_le64(addr);
	else
		anvme_map(nq, t, cmd);
}

/*
 * A command is its sender's but for its identifier and pointers. How data is described is the
 * driver's business, and half of a fused pair would be executed with somebody else's command.
 */
static noinline blk_status_t fill_command(struct anvme_queue *nq, const struct asblk_transfer *t,
					  struct nvme_command *cmd)
{
	BUILD_BUG_ON(sizeof(*cmd) != sizeof(t->command->bytes));
	memcpy(cmd, t->command->bytes, sizeof(*cmd));
	if (cmd->common.flags || le32_to_cpu(cmd->common.nsid) != t->unit)
		return BLK_STS_INVAL;
	cmd->common.command_id = t->id;
	cmd->common.metadata = 0;
	memset(&cmd->common.dptr, 0, sizeof(cmd->common.dptr));
	if (!t->command->exact)
		return anvme_map_unknown(nq, t, cmd);
	if (t->nr_segments)
		map_data(nq, t, cmd);
	return BLK_STS_OK;
}

/* Of admin.c, which has filled in its pointers. */
static blk_status_t fill_admin_command(const struct asblk_transfer *t, struct nvme_command *cmd)
{
	if (t->nr_segments)
		return BLK_STS_NOTSUPP;
	memcpy(cmd, t->command->bytes, sizeof(*cmd));
	cmd->common.command_id = t->id;
	return BLK_STS_OK;
}

static blk_status_t anvme_submit(struct asblk_queue *q, struct asblk_transfer *t)
{
	struct anvme_queue *nq = q->priv;
	struct anvme_ring *r = &nq->ring;
	struct nvme_command *cmd = &r->sq[r->sq_tail];
	blk_status_t status;

	/* Never full: the queue has more entries than the engine has slots. */
	clear_command(cmd);
	cmd->common.command_id = t->id;
	cmd->common.nsid = cpu_to_le32(t->unit);
	switch (t->op) {
	case ASBLK_OP_READ:
	case ASBLK_OP_WRITE:
		cmd->rw.opcode = t->op == ASBLK_OP_READ ? nvme_cmd_read :
							  nvme_cmd_write;
		cmd->rw.slba = cpu_to_le64(t->range.lba);
		cmd->rw.length = cpu_to_le16(t->range.nr_blocks - 1);
		cmd->rw.control = cpu_to_le16(anvme_control(t));
		map_data(nq, t, cmd);
		break;
	case ASBLK_OP_FLUSH:
		cmd->common.opcode = nvme_cmd_flush;
		break;
	case ASBLK_OP_UNMAP:
		cmd->dsm.opcode = nvme_cmd_dsm;
		cmd->dsm.attributes = cpu_to_le32(NVME_DSMGMT_AD);
		anvme_map_ranges(nq, t, cmd);
		break;
	case ASBLK_OP_WRITE_ZEROES:
		cmd->write_zeroes.opcode = nvme_cmd_write_zeroes;
		cmd->write_zeroes.slba = cpu_to_le64(t->range.lba);
		cmd->write_zeroes.length = cpu_to_le16(t->range.nr_blocks - 1);
		cmd->write_zeroes.control =
			cpu_to_le16(anvme_control(t) |
				    (t->opts & ASBLK_OPT_NOUNMAP ? 0 : NVME_WZ_DEAC));
		break;
	case ASBLK_OP_COMMAND:
		status = q->index == ASBLK_ADMIN_QUEUE ? fill_admin_command(t, cmd) :
							 fill_command(nq, t, cmd);
		if (status != BLK_STS_OK)
			return status;
		break;
	default:
		return BLK_STS_NOTSUPP;
	}
	if (++r->sq_tail == r->size)
		r->sq_tail = 0;
	return BLK_STS_OK;
}

static void anvme_doorbell(struct asblk_queue *q)
{
	struct anvme_queue *nq = q->priv;

	if (nq->sq_rung == nq->ring.sq_tail)
		return;
	anvme_ring_doorbell(&nq->ring.sq_db, nq->ring.sq_tail);
	nq->sq_rung = nq->ring.sq_tail;
}

/* Status codes (3.3.3.2.1) with an equivalent in the block layer. */
static blk_status_t anvme_status(u16 status)
{
	switch (status & NVME_SCT_SC_MASK) {
	case NVME_SC_SUCCESS:
		return BLK_STS_OK;
	case NVME_SC_CAP_EXCEEDED:
		return BLK_STS_NOSPC;
	case NVME_SC_LBA_RANGE:
	case NVME_SC_CMD_INTERRUPTED:
	case NVME_SC_NS_NOT_READY:
		return BLK_STS_TARGET;
	case NVME_SC_BAD_ATTRIBUTES:
	case NVME_SC_INVALID_OPCODE:
	case NVME_SC_INVALID_FIELD:
	case NVME_SC_INVALID_NS:
		return BLK_STS_NOTSUPP;
	case NVME_SC_NS_WRITE_PROTECTED:
		return BLK_STS_TARGET;
	case NVME_SC_WRITE_FAULT:
	case NVME_SC_READ_ERROR:
	case NVME_SC_UNWRITTEN_BLOCK:
	case NVME_SC_ACCESS_DENIED:
	case NVME_SC_READ_ONLY:
	case NVME_SC_COMPARE_FAILED:
		return BLK_STS_MEDIUM;
	case NVME_SC_GUARD_CHECK:
	case NVME_SC_APPTAG_CHECK:
	case NVME_SC_REFTAG_CHECK:
		return BLK_STS_PROTECTION;
	case NVME_SC_ABORT_REQ:
	case NVME_SC_ABORT_QUEUE:
		return BLK_STS_TIMEOUT;
	default:
		return BLK_STS_IOERR;
	}
}

/* Command Retry Delay Times (5.17.2.1), in units of 100 ms; see anvme_allow_retry_delays(). */
#define RETRY_UNIT_MS	100
#define CRD_SHIFT	11

/* May the command be retried, and after which delay (3.3.3.2)? */
static unsigned int anvme_retry(const struct anvme *nd, u16 status)
{
	const __le16 delay[] = { 0, nd->id->crdt1, nd->id->crdt2, nd->id->crdt3 };
	unsigned int ms;

	if (status & NVME_STATUS_DNR)
		return 0;
	/* Only we delete queues: does not count as a retry. */
	if ((status & NVME_SCT_SC_MASK) == NVME_SC_ABORT_QUEUE)
		return ASBLK_REQUEUE;
	ms = le16_to_cpu(delay[(status & NVME_STATUS_CRD) >> CRD_SHIFT]) * RETRY_UNIT_MS;
	/* Not ready, without a retry delay: do not retry in a tight loop. */
	if (!ms && (status & NVME_SCT_SC_MASK) == NVME_SC_NS_NOT_READY)
		ms = RETRY_UNIT_MS;
	return ASBLK_MAY_RETRY | ASBLK_RETRY_AFTER(ms);
}

/*
 * The controller completed what was not submitted: its other completions cannot be trusted
 * either. The reset requeues all commands in flight. In the admin queue only a wrong SQ head
 * matters: who gets that wrong may not be done with the memory of the command either.
 */
static noinline void protocol_error(struct anvme_queue *nq, u16 id, u16 head)
{
	bool admin = nq->q->index == ASBLK_ADMIN_QUEUE, wrong_head = head >= nq->ring.size;
	struct device *dev = nq->nd->dev;
	char name[24] = "admin queue";

	if (!admin)
		snprintf(name, sizeof(name), "queue %u", nq->q->index);
	if (wrong_head)
		dev_err_ratelimited(dev, "%s: invalid SQ head %u in the completion of command %#x, must be below %u\n",
				    name, head, id, nq->ring.size);
	else
		dev_err_ratelimited(dev, "%s: invalid completion: command %#x is not in flight\n",
				    name, id);
	if (admin && !wrong_head)
		return;
	if (admin)
		WRITE_ONCE(nq->nd->admin_broken, true);
	asblk_ctrl_reset(nq->q->ctrl);
}

static void anvme_reap(struct asblk_queue *q, struct asblk_batch *batch)
{
	struct anvme_queue *nq = q->priv;
	struct anvme_ring *r = &nq->ring;
	struct nvme_completion *cqe;
	unsigned int nr = 0;

	/* Bounded: a faulty controller could post completions forever. */
	while (nr < r->size && (cqe = anvme_ring_peek(r))) {
		u16 status = le16_to_cpu(cqe->status) >> 1;
		u16 id = READ_ONCE(cqe->command_id);
		u16 head = le16_to_cpu(READ_ONCE(cqe->sq_head));
		bool good = head < r->size;

		if (likely(good && !(status & NVME_SCT_SC_MASK)))
			good = asblk_complete(batch, id);
		else if (good)
			good = asblk_complete_error(batch, id, anvme_status(status), 0,
						    anvme_retry(nq->nd, status));
		if (unlikely(!good))
			protocol_error(nq, id, head);
		anvme_ring_consume(r);
		nr++;
	}
	if (nr)
		anvme_ring_doorbell(&r->cq_db, r->cq_head);
}

/* &asblk_ctrl_ops.answer: of the completion that anvme_reap() is about to consume. */
static void anvme_answer(struct asblk_queue *q, struct asblk_command *command, void *priv)
{
	struct anvme_queue *nq = q->priv;
	const struct nvme_completion *cqe = &nq->ring.cq[nq->ring.cq_head];
	u16 status = le16_to_cpu(READ_ONCE(cqe->status)) >> 1;

	/* No bit of a good status means anything. */
	command->status = status & NVME_SCT_SC_MASK ? status : 0;
	command->result = le64_to_cpu(READ_ONCE(cqe->result.u64));
}

static int anvme_abort(struct asblk_queue *q, u16 id)
{
	struct anvme_queue *nq = q->priv;

	/* A failed controller does not respond. */
	if (anvme_is_fatal(nq->nd))
		return -EIO;
	return anvme_admin_abort(nq->nd, nq->ring.id, id);
}

static int anvme_reset_queue(struct asblk_queue *q)
{
	struct anvme_queue *nq = q->priv;
	struct anvme *nd = nq->nd;
	int err;

	if (anvme_is_fatal(nd))
		return -EIO;
	anvme_mask_intx(nd, true);
	err = anvme_delete_queue(nd, &nq->ring) ?: create_queue(nq);
	/* On errors the queue stays stopped until the controller is reset. */
	if (!err)
		anvme_mask_intx(nd, false);
	return err > 0 ? -EIO : err;
}

static int anvme_reset(struct asblk_ctrl *ctrl, enum asblk_reset kind)
{
	struct anvme *nd = asblk_ctrl_priv(ctrl);
	unsigned int i, nr = nd->nr_queues + nd->nr_poll_queues;
	int err;

	for (i = 0; i < nr; i++)
		nd->queues[i].created = false;
	if (kind == ASBLK_RESET_SUBSYSTEM)
		anvme_regs_reset_subsystem(nd);
	err = anvme_restart(nd);
	for (i = 0; i < nr && !err; i++)
		err = create_queue(&nd->queues[i]);
	if (err) {
		err = err < 0 ? err : -EIO;
		dev_err(nd->dev, "failed to reset the controller: %pe\n", ERR_PTR(err));
		return err;
	}
	queue_work(system_dfl_wq, &nd->scan);
	return 0;
}

static void anvme_show_queue(struct asblk_queue *q, struct seq_file *m)
{
	struct anvme_queue *nq = q->priv;

	seq_printf(m, "submission entries %u tail %u rung %u\n", nq->ring.size,
		   READ_ONCE(nq->ring.sq_tail), READ_ONCE(nq->sq_rung));
	seq_printf(m, "completion entries %u head %u phase %u\n", nq->ring.size,
		   READ_ONCE(nq->ring.cq_head), READ_ONCE(nq->ring.phase));
	if (nq->ring.sq_db.shadow)
		seq_printf(m, "shadow doorbell %u event %u\n",
			   le32_to_cpu(READ_ONCE(*nq->ring.sq_db.shadow)),
			   le32_to_cpu(READ_ONCE(*nq->ring.sq_db.event)));
}

const struct asblk_ctrl_ops anvme_ops = {
	.owner		= THIS_MODULE,
	.start_queue	= anvme_start_queue,
	.stop_queue	= anvme_stop_queue,
	.submit		= anvme_submit,
	.doorbell	= anvme_doorbell,
	.reap		= anvme_reap,
	.abort		= anvme_abort,
	.reset_queue	= anvme_reset_queue,
	.reset		= anvme_reset,
	.disable	= anvme_force_stop,
	.write_cache	= anvme_write_cache,
	.write_protect	= anvme_write_protect,
	.coalesce	= anvme_coalesce,
	.rescan		= anvme_rescan,
	.idle		= anvme_idle,
	.wake		= anvme_wake,
	.ioctl		= anvme_ioctl,
	.answer		= anvme_answer,
	.map_queues	= anvme_map_queues,
	.show_queue	= anvme_show_queue,
};
EXPORT_SYMBOL_IF_KUNIT(anvme_ops);
