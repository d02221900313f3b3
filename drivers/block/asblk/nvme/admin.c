// SPDX-License-Identifier: GPL-2.0-only
/*
 * Admin commands: requests on the engine's admin queue. Their data is not the engine's: it is
 * copied to memory that the controller cannot leave, whatever length it takes a command for, and
 * that stays until the command has ended, even if nobody waits for it any more.
 */
#include <kunit/visibility.h>
#include <linux/dma-mapping.h>
#include <linux/export.h>
#include <linux/jiffies.h>

#include "../compat.h"
#include "nvme.h"

/* Interval at which waiters poll, in case the interrupt was lost or is masked. */
#define POLL_INTERVAL	DIV_ROUND_UP(HZ, 50)

/* At least this much memory for commands. A reset waits for one command at a time. */
#define MIN_COMMANDS	2

/**
 * struct anvme_command - an admin command with a caller
 * @command: for the engine
 * @nd: controller
 * @node: on &anvme.reclaim once it has ended without a caller
 * @done: completed at its end, for the caller
 * @left: 1 once it has ended or the caller has left, 2 after both: the second one frees it
 * @status: what its request ended with
 * @formats: as &anvme_admin_io.formats
 * @data: the data, a PRP list page, and a spare page for transfers beyond the data; or NULL
 * @dma: bus address of @data
 * @size: bytes of all three
 */
struct anvme_command {
	struct asblk_command command;
	struct anvme *nd;
	struct llist_node node;
	struct completion done;
	atomic_t left;
	blk_status_t status;
	bool formats;
	void *data;
	dma_addr_t dma;
	size_t size;
};

/* Return: 0 or -ENOMEM. */
int anvme_admin_init(struct anvme *nd)
{
	unsigned int i;

	for (i = 0; i < ANVME_RESERVED; i++)
		nd->reserved[i].nd = nd;
	return mempool_init_kmalloc_pool(&nd->commands, MIN_COMMANDS,
					 sizeof(struct anvme_command));
}

static void command_free(struct anvme_command *c)
{
	if (c->data)
		dma_free_coherent(c->nd->dev, c->size, c->data, c->dma);
	mempool_free(c, &c->nd->commands);
}

/* Free commands that ended without a caller, perhaps in interrupt context. May sleep. */
static void free_reclaimed(struct anvme *nd)
{
	struct llist_node *list = llist_del_all(&nd->reclaim);
	struct anvme_command *c, *next;

	llist_for_each_entry_safe(c, next, list, node)
		command_free(c);
}

/* No command is left. */
void anvme_admin_exit(struct anvme *nd)
{
	free_reclaimed(nd);
	mempool_exit(&nd->commands);
}

static struct anvme_command *command_alloc(struct anvme *nd)
{
	struct anvme_command *c;

	free_reclaimed(nd);
	/* Reclaim may wait for a reset that is to send this. */
	c = mempool_alloc(&nd->commands, GFP_NOIO);
	memset(c, 0, sizeof(*c));
	c->nd = nd;
	init_completion(&c->done);
	return c;
}

static enum rq_end_io_ret command_ended(ASBLK_END_IO_ARGS)
{
	struct anvme_command *c = rq->end_io_data;
	struct anvme *nd = c->nd;

	c->status = status;
	if (atomic_inc_return(&c->left) == 1) {
		complete_all(&c->done);
		return RQ_END_IO_NONE;
	}
	if (c->formats) {
		WRITE_ONCE(nd->format_pending, false);
		queue_work(system_dfl_wq, &nd->scan);
	}
	llist_add(&c->node, &nd->reclaim);
	return RQ_END_IO_FREE;
}

/*
 * Wait for a tag too, if all are in use, but not beyond @end: the caller may hold locks. Return:
 * request or an ERR_PTR.
 */
static struct request *command_request(struct anvme_command *c, unsigned long end)
{
	struct request_queue *q = asblk_admin_queue(c->nd->ctrl);

	for (;;) {
		bool late = time_after(jiffies, end);
		struct request *rq = asblk_command_request(q, &c->command, REQ_OP_DRV_IN,
							   BLK_MQ_REQ_NOWAIT);

		if (!IS_ERR(rq) || PTR_ERR(rq) != -EWOULDBLOCK || late)
			return rq;
		schedule_timeout_uninterruptible(POLL_INTERVAL);
	}
}

/* Return: 0, -ETIMEDOUT, or -EIO if the queue cannot be trusted. */
static int command_wait(struct anvme_command *c, struct request *rq,
			const struct anvme_admin_io *io, unsigned long end)
{
	struct anvme *nd = c->nd;
	bool killable = io->timeout, late;
	unsigned long soon;

	do {
		late = time_after(jiffies, end) || (io->timeout && READ_ONCE(nd->removing));
		if (!killable) {
			wait_for_completion_timeout(&c->done, POLL_INTERVAL);
		} else if (wait_for_completion_killable_timeout(&c->done, POLL_INTERVAL) < 0) {
			killable = false;
			asblk_command_cancel(rq);
			soon = jiffies + ANVME_ADMIN_TIMEOUT;
			/* A format would have to be ended by a reset. */
			if (!io->formats && time_before(soon, end))
				end = soon;
		}
		asblk_reap(nd->admin.q);
		if (completion_done(&c->done))
			return 0;
		if (READ_ONCE(nd->admin_broken))
			return -EIO;
	} while (!late);
	return -ETIMEDOUT;
}

static int command_status(const struct anvme_command *c)
{
	if (c->command.answered)
		return c->command.status;
	return c->status == BLK_STS_OFFLINE ? -ENODEV : -ESHUTDOWN;
}

/* Frees @c when the controller is done with its memory. Return: as anvme_admin_io(). */
static int admin_execute(struct anvme_command *c, const struct nvme_command *cmd,
			 struct anvme_admin_io *io)
{
	unsigned long timeout = min(io->timeout ?: ANVME_ADMIN_TIMEOUT, INT_MAX);
	unsigned long end = jiffies + timeout;
	struct anvme *nd = c->nd;
	struct request *rq;
	int status;

	memcpy(c->command.bytes, cmd, sizeof(*cmd));
	c->formats = io->formats;
	rq = command_request(c, end);
	if (IS_ERR(rq)) {
		command_free(c);
		return -ENODEV;
	}
	rq->timeout = timeout;
	rq->end_io = command_ended;
	rq->end_io_data = c;
	blk_execute_rq_nowait(rq, false);
	status = command_wait(c, rq, io, end);
	if (status && atomic_inc_return(&c->left) == 1) {
		/* Its end frees it. The engine has its time limit, too, and aborts it. */
		dev_err_ratelimited(nd->dev, "admin command %#x did not complete\n",
				    cmd->common.opcode);
		if ((!io->optional || status == -EIO) && !READ_ONCE(nd->removing))
			asblk_ctrl_reset(nd->ctrl);
		return status;
	}
	wait_for_completion(&c->done);
	blk_mq_free_request(rq);
	status = command_status(c);
	io->result = c->command.result;
	if (io->from_device && !status && io->len)
		memcpy(io->data, c->data, io->len);
	command_free(c);
	return status;
}

/* Execute a command without data. @result may be NULL. Return: as anvme_admin_io(). */
int anvme_admin(struct anvme *nd, struct nvme_command *cmd, u64 *result)
{
	struct anvme_admin_io io = {};
	int status = admin_execute(command_alloc(nd), cmd, &io);

	if (result)
		*result = io.result;
	return status;
}

/*
 * Allocate data, PRP list and a spare page, zeroed. The length that the controller derives
 * from the dwords of a command may exceed @len. Such a transfer must only reach the spare
 * page and the list: every PRP entry (4.1.1) is filled in, and the last one of the list,
 * which may be used as a pointer to the next list, points to the list itself.
 */
static int memory_alloc(struct anvme_command *c, const struct anvme_admin_io *io,
			struct nvme_command *cmd)
{
	u32 offset = io->from_device ? 0 : io->offset;
	size_t data_size = round_up(offset + io->len, ANVME_PAGE);
	unsigned int i, nr = data_size / ANVME_PAGE;
	dma_addr_t list_dma, spare;
	__le64 *list;

	c->size = data_size + 2 * ANVME_PAGE;
	c->data = dma_alloc_coherent(c->nd->dev, c->size, &c->dma, GFP_KERNEL);
	if (!c->data)
		return -ENOMEM;
	list = c->data + data_size;
	list_dma = c->dma + data_size;
	spare = list_dma + ANVME_PAGE;
	for (i = 0; i < ANVME_PRPS - 1; i++)
		list[i] = cpu_to_le64(i + 1 < nr && nr > 2 ? c->dma + (i + 1) * ANVME_PAGE : spare);
	list[ANVME_PRPS - 1] = cpu_to_le64(list_dma);
	cmd->common.dptr.prp1 = cpu_to_le64(nr ? c->dma + offset : spare);
	cmd->common.dptr.prp2 = cpu_to_le64(nr == 2 ? c->dma + ANVME_PAGE : list_dma);
	/* Vendor commands may transfer metadata; otherwise the pointer is reserved. */
	if (cmd->common.opcode >= nvme_admin_vendor_start)
		cmd->common.metadata = cpu_to_le64(spare);
	/*
	 * If the command transfers more than two pages, the controller takes the second one
	 * for the PRP list: put a copy there, which does not point to itself and so is not
	 * overwritten by data.
	 */
	if (nr == 2)
		memcpy(c->data + ANVME_PAGE, list, ANVME_PAGE);
	if (!io->from_device && io->len)
		memcpy(c->data + offset, io->data, io->len);
	return 0;
}

/*
 * Execute an admin command. @cmd lacks its identifier, data and metadata pointers. Whatever
 * length the command implies, the controller only reaches memory of the command.
 *
 * Return: 0, the NVMe status code, or a negative errno: -ENODEV if the controller is dead or
 * all tags were in use for too long, -ESHUTDOWN if a reset lost the command, -ETIMEDOUT, -EIO
 * after an invalid completion, or -ENOMEM.
 */
int anvme_admin_io(struct anvme *nd, struct nvme_command *cmd, struct anvme_admin_io *io)
{
	struct anvme_command *c = command_alloc(nd);

	if (memory_alloc(c, io, cmd)) {
		command_free(c);
		return -ENOMEM;
	}
	return admin_execute(c, cmd, io);
}
EXPORT_SYMBOL_IF_KUNIT(anvme_admin_io);

/* One event is requested at a time: events_work() is done with the last one. */
static void event_reported(struct anvme *nd, u16 status, u32 result)
{
	if (status) {	/* Retrying would fail the same way. */
		dev_warn_ratelimited(nd->dev, "failed to request asynchronous events (%#x)\n",
				     status);
		return;
	}
	WRITE_ONCE(nd->event, result);
	queue_work(system_dfl_wq, &nd->events);
}

static enum rq_end_io_ret reserved_ended(ASBLK_END_IO_ARGS)
{
	struct anvme_reserved *r = rq->end_io_data;
	struct asblk_command c = r->command;

	/* Pairs with send_reserved(). */
	smp_store_release(&r->busy, false);
	if (r == r->nd->reserved && c.answered)
		event_reported(r->nd, c.status, c.result);
	return RQ_END_IO_FREE;
}

/*
 * Send a command that takes as long as it takes. There is a tag for each of them, or in a
 * moment. @max_retries: as of &struct asblk_command. Return: 0, -EBUSY if @r has not ended,
 * or another negative errno.
 */
static int send_reserved(struct anvme_reserved *r, const struct nvme_command *cmd,
			 u8 max_retries)
{
	struct request_queue *q = asblk_admin_queue(r->nd->ctrl);
	struct request *rq;

	/* Pairs with reserved_ended(). */
	if (xchg(&r->busy, true))
		return -EBUSY;
	memcpy(r->command.bytes, cmd, sizeof(*cmd));
	r->command.max_retries = max_retries;
	rq = asblk_command_request(q, &r->command, REQ_OP_DRV_IN, BLK_MQ_REQ_RESERVED);
	if (IS_ERR(rq)) {
		WRITE_ONCE(r->busy, false);
		return PTR_ERR(rq);
	}
	rq->timeout = ASBLK_NO_TIMEOUT;
	rq->end_io = reserved_ended;
	rq->end_io_data = r;
	blk_execute_rq_nowait(rq, false);
	return 0;
}

/*
 * Send an Abort command (5.1) without waiting for it. Context: task, sleeps. Return: 0, -EBUSY
 * if the abort limit is reached, or another negative errno.
 */
int anvme_admin_abort(struct anvme *nd, u16 sqid, u16 cid)
{
	struct nvme_command cmd = {
		.abort.opcode	= nvme_admin_abort_cmd,
		.abort.sqid	= cpu_to_le16(sqid),
		.abort.cid	= cid,
	};
	/* The limit counts from 0 (5.17.2.1). */
	unsigned int i, nr = min(nd->id->acl + 1, ANVME_MAX_ABORTS);
	int err = -EBUSY;

	for (i = 1; i <= nr && err == -EBUSY; i++)
		err = send_reserved(&nd->reserved[i], &cmd, 0);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(anvme_admin_abort);

/*
 * Request the next asynchronous event (5.2), unless that is pending already. A request that a
 * reset loses is sent again: if it ended, that might be after the reset has requested events.
 * May sleep.
 */
void anvme_event_request(struct anvme *nd)
{
	struct nvme_command cmd = { .common.opcode = nvme_admin_async_event };

	send_reserved(&nd->reserved[0], &cmd, U8_MAX);
}
EXPORT_SYMBOL_IF_KUNIT(anvme_event_request);
