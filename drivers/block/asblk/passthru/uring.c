// SPDX-License-Identifier: GPL-2.0-only
/*
 * NVMe commands through io_uring. A command ends in the task that has sent it, which alone can
 * reach its memory; its request is freed before, so that no task that does not look after its
 * ring holds up the disk.
 *
 * When the ring goes away, or the task, nobody waits for the device: the command is told to be
 * cancelled and ends for the ring, while its request lives on as an orphan, with the memory
 * that it has pinned, until the device is done with it. Memory that is registered with the ring
 * is pinned by the ring: commands that use it are waited for.
 *
 * Either of the two may be gone before the other, so each is asked by who knows that it is there.
 * Who cancels has the command, and claims it (&uring_pdu.state) before it looks at the request,
 * which is not freed from then on. The end has the request, and looks there
 * (&request.end_io_data) whether the command is still its own before it touches that.
 */
#include <linux/blk-mq.h>
#include <linux/io_uring/cmd.h>
#include <linux/nvme_ioctl.h>
#include <linux/percpu-refcount.h>
#include <linux/slab.h>

#include "../compat.h"
#include "../core/disk.h"
#include "../core/request.h"
#include "access.h"
#include "execute.h"
#include "uring.h"

/* Cancels orphans and frees them. */
static struct workqueue_struct *uring_wq;

/**
 * enum uring_state - whose a command's request is
 * @URING_SENT: its own: it is freed when it ends
 * @URING_ENDED: nobody's: it has ended
 * @URING_CLAIMED: of who cancels the command: it is freed by the command if it has ended, and
 *	by the orphan that it has become if not
 */
enum uring_state { URING_SENT, URING_ENDED, URING_CLAIMED };

/**
 * struct uring_pdu - a command's memory in io_uring
 * @bio: its user memory, or NULL
 * @rq: request, for a command that can be cancelled
 * @polled: its queue, for one that is polled; NULL if that has an interrupt
 * @result: dwords 0 and 1 of the completion
 * @status: as passthru_result()
 * @state: enum uring_state, leaves %URING_SENT once
 */
struct uring_pdu {
	struct bio *bio;
	union {
		struct request *rq;
		struct asblk_hwq *polled;
	};
	u64 result;
	int status;
	atomic_t state;
};

static inline struct uring_pdu *uring_pdu(struct io_uring_cmd *ioucmd)
{
	return io_uring_cmd_to_pdu(ioucmd, struct uring_pdu);
}

/**
 * struct uring_orphan - a request that has outlived its command
 * @work: cancels it, and frees it when it has ended
 * @rq: request
 * @bio: its user memory, or NULL
 * @left: of these two, what is still to come: that it was cancelled, that it has ended
 * @cancelled: the first of them has been tried
 */
struct uring_orphan {
	struct work_struct work;
	struct request *rq;
	struct bio *bio;
	atomic_t left;
	bool cancelled;
};

/* &request.end_io_data of an orphan's request. */
#define URING_ORPHAN	1UL

static void orphan_work(struct work_struct *work)
{
	struct uring_orphan *orphan = container_of(work, struct uring_orphan, work);

	if (!orphan->cancelled) {
		orphan->cancelled = true;
		asblk_command_cancel(orphan->rq);
		if (!atomic_dec_and_test(&orphan->left))
			return;
	}
	if (orphan->bio)
		blk_rq_unmap_user(orphan->bio);
	blk_mq_free_request(orphan->rq);
	kfree(orphan);
}

/* Return: false if somebody else has decided what becomes of the command's request. */
static bool uring_leave_sent(struct uring_pdu *pdu, enum uring_state state)
{
	return atomic_cmpxchg(&pdu->state, URING_SENT, state) == URING_SENT;
}

static void uring_done(struct io_uring_cmd *ioucmd, unsigned int issue_flags)
{
	struct uring_pdu *pdu = uring_pdu(ioucmd);

	if (pdu->bio)
		blk_rq_unmap_user(pdu->bio);
	if (unlikely(atomic_read(&pdu->state) == URING_CLAIMED))
		blk_mq_free_request(pdu->rq);
	io_uring_cmd_done32(ioucmd, pdu->status, pdu->result, issue_flags);
}

static void uring_task_work(ASBLK_TASK_WORK_ARGS)
{
	uring_done(ASBLK_TASK_WORK_CMD, ASBLK_TASK_WORK_FLAGS);
}

static enum rq_end_io_ret uring_end(ASBLK_END_IO_ARGS)
{
	const struct asblk_command *command = asblk_rq_command(rq);
	/* Pairs with uring_give_up(): without the command, which then does not end otherwise. */
	unsigned long whose = (unsigned long)xchg(&rq->end_io_data, NULL);
	struct io_uring_cmd *ioucmd;
	struct uring_pdu *pdu;
	bool mine;

	if (unlikely(whose & URING_ORPHAN)) {
		struct uring_orphan *orphan = (void *)(whose & ~URING_ORPHAN);

		if (atomic_dec_and_test(&orphan->left))
			queue_work(uring_wq, &orphan->work);
		return RQ_END_IO_NONE;
	}
	ioucmd = (void *)whose;
	pdu = uring_pdu(ioucmd);
	pdu->status = passthru_result(command, status);
	pdu->result = command->result;
	/* Afterwards the command may end at any time. */
	mine = uring_leave_sent(pdu, URING_ENDED);
	if (likely(!blk_rq_is_poll(rq)))
		io_uring_cmd_do_in_task_lazy(ioucmd, uring_task_work);
	/* In the loop that polls its ring a command may end at once. */
	else if (asblk_polled_by(iob, ioucmd))
		uring_done(ioucmd, 0);
	else
		io_uring_cmd_complete_in_task(ioucmd, uring_task_work);
	return likely(mine) ? RQ_END_IO_FREE : RQ_END_IO_NONE;
}

/* Make a command's request an orphan. Return: false if it has ended, or is just ending. */
static bool uring_give_up(struct io_uring_cmd *ioucmd, struct uring_orphan *orphan)
{
	void *mark = (void *)((unsigned long)orphan | URING_ORPHAN);

	/* A request that has ended is gone: do not look at it. */
	if (!uring_leave_sent(uring_pdu(ioucmd), URING_CLAIMED))
		return false;
	return cmpxchg(&orphan->rq->end_io_data, (void *)ioucmd, mark) == ioucmd;
}

/*
 * The ring or its task goes away. The ring's lock is held: the command does not end meanwhile,
 * but its request may have ended. io_uring calls until the command has ended.
 */
static void uring_cancel(struct io_uring_cmd *ioucmd, unsigned int issue_flags)
{
	struct uring_orphan *orphan = kmalloc_obj(*orphan);
	struct uring_pdu *pdu = uring_pdu(ioucmd);

	if (!orphan)
		return;
	INIT_WORK(&orphan->work, orphan_work);
	orphan->rq = pdu->rq;
	orphan->bio = pdu->bio;
	orphan->cancelled = false;
	atomic_set(&orphan->left, 2);
	if (!uring_give_up(ioucmd, orphan)) {
		kfree(orphan);
		return;
	}
	queue_work(uring_wq, &orphan->work);
	io_uring_cmd_done32(ioucmd, -ECANCELED, 0, issue_flags);
}

/* The user may change what is in the ring at any time: each field is read once. */
static int uring_read(struct passthru_call *call, const struct nvme_uring_cmd *c, u64 *addr,
		      u32 *len)
{
	struct nvme_common_command *cmd = &call->cmd.common;

	cmd->opcode = READ_ONCE(c->opcode);
	cmd->flags = READ_ONCE(c->flags);
	cmd->command_id = 0;
	cmd->nsid = cpu_to_le32(READ_ONCE(c->nsid));
	cmd->cdw2[0] = cpu_to_le32(READ_ONCE(c->cdw2));
	cmd->cdw2[1] = cpu_to_le32(READ_ONCE(c->cdw3));
	cmd->metadata = 0;
	cmd->dptr.prp1 = 0;
	cmd->dptr.prp2 = 0;
	cmd->cdw10 = cpu_to_le32(READ_ONCE(c->cdw10));
	cmd->cdw11 = cpu_to_le32(READ_ONCE(c->cdw11));
	cmd->cdw12 = cpu_to_le32(READ_ONCE(c->cdw12));
	cmd->cdw13 = cpu_to_le32(READ_ONCE(c->cdw13));
	cmd->cdw14 = cpu_to_le32(READ_ONCE(c->cdw14));
	cmd->cdw15 = cpu_to_le32(READ_ONCE(c->cdw15));
	call->timeout_ms = READ_ONCE(c->timeout_ms);
	*addr = READ_ONCE(c->addr);
	*len = READ_ONCE(c->data_len);
	/* No namespace of ours has any. */
	return READ_ONCE(c->metadata) || READ_ONCE(c->metadata_len) ? -EINVAL : 0;
}

static int uring_import(const struct passthru_target *t, struct passthru_call *call,
			struct io_uring_cmd *ioucmd, unsigned int issue_flags, u64 addr, u32 len,
			bool vec)
{
	unsigned int direction = passthru_direction(call);

	if (!(ioucmd->flags & IORING_URING_CMD_FIXED) || (!len && !vec))
		return passthru_import(t, call, addr, len, vec);
	call->iov = NULL;
	if (vec)
		return io_uring_cmd_import_fixed_vec(ioucmd, u64_to_user_ptr(addr), len, direction,
						     &call->data, issue_flags);
	return io_uring_cmd_import_fixed(addr, len, direction, &call->data, ioucmd, issue_flags);
}

/* Execute a command that somebody has to wait for. */
static int uring_execute(const struct passthru_target *t, struct passthru_call *call,
			 struct io_uring_cmd *ioucmd, unsigned int issue_flags)
{
	int ret;

	/* io_uring calls again, from a thread that may wait. */
	if (issue_flags & IO_URING_F_NONBLOCK)
		return -EAGAIN;
	ret = passthru_execute(t, call);
	/* Nothing restarts it. */
	if (ret == -ERESTARTSYS)
		ret = -EINTR;
	uring_pdu(ioucmd)->polled = NULL;
	io_uring_cmd_done32(ioucmd, ret, call->result, issue_flags);
	return -EIOCBQUEUED;
}

static int uring_send(const struct passthru_target *t, struct passthru_call *call,
		      struct io_uring_cmd *ioucmd, unsigned int issue_flags)
{
	blk_mq_req_flags_t flags = issue_flags & IO_URING_F_NONBLOCK ? BLK_MQ_REQ_NOWAIT : 0;
	/* Its bio, too, is made and freed by the task. */
	blk_opf_t opf = REQ_ALLOC_CACHE | (issue_flags & IO_URING_F_IOPOLL ? REQ_POLLED : 0);
	struct request *rq = passthru_request(t, call, NULL, opf, flags);
	struct uring_pdu *pdu = uring_pdu(ioucmd);

	if (IS_ERR(rq))
		return PTR_ERR(rq);
	/* The request loses it when it ends. */
	pdu->bio = rq->bio;
	if (issue_flags & IO_URING_F_IOPOLL)
		pdu->polled = blk_rq_is_poll(rq) ? rq->mq_hctx->driver_data : NULL;
	else
		pdu->rq = rq;
	atomic_set(&pdu->state, URING_SENT);
	rq->end_io_data = ioucmd;
	rq->end_io = uring_end;
	/* Before it is sent: afterwards it may end, and be another one, at any time. */
	if (!(issue_flags & IO_URING_F_IOPOLL) && !(ioucmd->flags & IORING_URING_CMD_FIXED))
		io_uring_cmd_mark_cancelable(ioucmd, issue_flags);
	blk_execute_rq_nowait(rq, false);
	return -EIOCBQUEUED;
}

static int uring_issue(const struct passthru_target *t, struct io_uring_cmd *ioucmd,
		       unsigned int issue_flags, bool admin, bool vec)
{
	bool may_write = ioucmd->file->f_mode & FMODE_WRITE;
	struct passthru_call call;
	u64 addr;
	u32 len;
	int ret;

	call.admin = admin;
	call.result = 0;
	ret = uring_read(&call, (const void *)ioucmd->sqe->cmd, &addr, &len);
	if (!ret)
		ret = passthru_permit(t, &call.cmd, admin, may_write);
	if (!ret)
		ret = uring_import(t, &call, ioucmd, issue_flags, addr, len, vec);
	if (ret)
		return ret;
	ret = passthru_must_wait(t, &call) ? uring_execute(t, &call, ioucmd, issue_flags) :
					     uring_send(t, &call, ioucmd, issue_flags);
	passthru_release(&call);
	return ret;
}

/* &file_operations.uring_cmd */
int passthru_uring_cmd(struct io_uring_cmd *ioucmd, unsigned int issue_flags)
{
	const struct passthru_node *node = ioucmd->file->private_data;
	const struct passthru_target *t = &node->target;

	if (unlikely(issue_flags & IO_URING_F_CANCEL)) {
		uring_cancel(ioucmd, issue_flags);
		return 0;
	}
	/* The command and its result need large entries. */
	if (!(issue_flags & IO_URING_F_SQE128) || !(issue_flags & IO_URING_F_CQE32))
		return -EOPNOTSUPP;
	switch (ioucmd->cmd_op) {
	case NVME_URING_CMD_IO:
	case NVME_URING_CMD_IO_VEC:
		if (!t->disk)
			return -ENOTTY;
		return uring_issue(t, ioucmd, issue_flags, false,
				   ioucmd->cmd_op == NVME_URING_CMD_IO_VEC);
	case NVME_URING_CMD_ADMIN:
	case NVME_URING_CMD_ADMIN_VEC:
		if (t->disk)
			return -ENOTTY;
		return uring_issue(t, ioucmd, issue_flags, true,
				   ioucmd->cmd_op == NVME_URING_CMD_ADMIN_VEC);
	default:
		return -ENOTTY;
	}
}

/* &file_operations.uring_cmd_iopoll; the command has not ended yet. */
int passthru_uring_poll(struct io_uring_cmd *ioucmd, struct io_comp_batch *iob,
			unsigned int flags)
{
	const struct passthru_node *node = ioucmd->file->private_data;
	struct asblk_hwq *hwq = uring_pdu(ioucmd)->polled;
	struct request_queue *q;
	int nr;

	if (!hwq)
		return 0;
	/* Another poller may end the command; the queue stays as long as this. */
	q = passthru_queue(&node->target, !node->target.disk);
	if (!percpu_ref_tryget(&q->q_usage_counter))
		return 0;
	nr = asblk_hwq_poll(hwq, iob);
	percpu_ref_put(&q->q_usage_counter);
	return nr;
}

int passthru_uring_init(void)
{
	uring_wq = alloc_workqueue("asblk-passthru", WQ_UNBOUND, 0);
	return uring_wq ? 0 : -ENOMEM;
}

void passthru_uring_exit(void)
{
	destroy_workqueue(uring_wq);
}
