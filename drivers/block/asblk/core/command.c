// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands that are sent on purpose: requests that carry a command of the controller's own
 * command set instead of blocks. They go the way of all requests (submit.c, complete.c).
 */
#include <linux/export.h>

#include "command.h"
#include "ctrl.h"
#include "disk.h"
#include "request.h"

/* Half of the time after which the kernel by default calls an uninterruptible wait a hang. */
#define COMMAND_WAIT	(60 * HZ)

/**
 * asblk_disk_queue - where commands to a disk's medium are sent to
 * @disk: disk
 *
 * Context: any.
 * Return: queue for asblk_command_request(), as long as the disk exists.
 */
struct request_queue *asblk_disk_queue(struct asblk_disk *disk)
{
	return disk->gd->queue;
}
ASBLK_EXPORT(asblk_disk_queue);

/**
 * asblk_command_request - make a request for a command
 * @q: asblk_disk_queue() or asblk_admin_queue()
 * @command: outlives the request; NULL for one in the request's own memory, all zeroes, see
 *	asblk_request_command()
 * @opf: REQ_OP_DRV_OUT if data goes to the device, else REQ_OP_DRV_IN; flags
 * @flags: BLK_MQ_REQ_*
 *
 * Data can be mapped with blk_rq_map_user(), blk_rq_map_kern() and the like. It is not split:
 * what does not fit one transfer fails with %BLK_STS_INVAL. &request.timeout is the time
 * limit in jiffies, 0 for the queue's, or %ASBLK_NO_TIMEOUT. When it has passed a command
 * that waits is withdrawn, and one that the device has is aborted; a device that does not
 * heed that is reset after the same time again, or the queue's own limit if that is longer.
 *
 * For asblk_command_execute(), blk_execute_rq() or blk_execute_rq_nowait();
 * blk_mq_free_request() is to follow. Its status is not %BLK_STS_OK if @command->status is
 * not 0.
 *
 * Context: task; may sleep without BLK_MQ_REQ_NOWAIT.
 * Return: request, or an ERR_PTR: -EOPNOTSUPP if the controller knows no commands, -ENODEV if
 * it is gone, -EWOULDBLOCK.
 */
struct request *asblk_command_request(struct request_queue *q, struct asblk_command *command,
				      blk_opf_t opf, blk_mq_req_flags_t flags)
{
	struct request *rq = blk_mq_alloc_request(q, opf, flags);
	struct asblk_hwq *hwq;
	struct asblk_rq *ar;

	if (IS_ERR(rq))
		return rq;
	hwq = rq->mq_hctx->driver_data;
	if (!hwq->ops->answer) {
		blk_mq_free_request(rq);
		return ERR_PTR(-EOPNOTSUPP);
	}
	ar = blk_mq_rq_to_pdu(rq);
	if (!command) {
		command = asblk_rq_own_command(hwq, rq);
		*command = (struct asblk_command) { };
	}
	ar->command = command;
	/* For a sender that looks at a command that was never submitted. */
	command->answered = false;
	command->status = 0;
	command->result = 0;
	return rq;
}
ASBLK_EXPORT(asblk_command_request);

/**
 * asblk_request_command - the command that a request carries
 * @rq: request of asblk_command_request(), not freed
 *
 * Context: any.
 * Return: command.
 */
struct asblk_command *asblk_request_command(struct request *rq)
{
	return asblk_rq_command(rq);
}
ASBLK_EXPORT(asblk_request_command);

/* Take a slot off the list that begins at @head. Return: true if it was there. */
static bool command_unlink(struct asblk_hwq *hwq, u16 *head, u16 index)
{
	u16 *at = head, last = ASBLK_SLOT_NONE;

	while (*at != ASBLK_SLOT_NONE && *at != index) {
		last = *at;
		at = &hwq->slots.slot[last].next;
	}
	if (*at == ASBLK_SLOT_NONE)
		return false;
	*at = hwq->slots.slot[index].next;
	if (head == &hwq->retry && hwq->retry_tail == index)
		hwq->retry_tail = last;
	return true;
}

/*
 * The slot of the command's tag, or NULL: with a scheduler a request that was not dispatched has
 * no tag. It may get or lose one meanwhile: under the lock look at &asblk_slot.rq.
 */
static struct asblk_slot *command_slot(struct asblk_hwq *hwq, const struct request *rq)
{
	int tag = READ_ONCE(rq->tag);

	return tag < 0 ? NULL : &hwq->slots.slot[tag];
}

/*
 * End a command that waits to be sent, with %BLK_STS_TIMEOUT. Context: task. Return: false if
 * it is no such command.
 */
bool asblk_command_withdraw(struct asblk_hwq *hwq, struct request *rq)
{
	struct asblk_slot *slot = command_slot(hwq, rq);
	struct asblk_batch batch;
	bool waits = false;

	if (!slot)
		return false;
	asblk_batch_begin(&batch, hwq, NULL);
	if (slot->rq == rq && slot->kind == ASBLK_SLOT_COMMAND && !slot->in_flight) {
		u16 index = slot - hwq->slots.slot;

		waits = command_unlink(hwq, &hwq->retry, index) ||
			command_unlink(hwq, &hwq->delayed, index);
	}
	if (waits) {
		asblk_rq_note_failure(blk_mq_rq_to_pdu(rq), 0, BLK_STS_TIMEOUT);
		asblk_rq_part_done(&batch, slot);
	}
	asblk_batch_end(&batch, true);
	return waits;
}

/* Ask the device to abort a command that it has. Return: false if it has not, or refuses. */
static bool command_abort(struct asblk_hwq *hwq, const struct request *rq)
{
	struct asblk_slot *slot = command_slot(hwq, rq);
	bool found;
	u16 id;

	lockdep_assert_held(&hwq->pub.ctrl->ops_lock);
	if (!slot)
		return false;
	spin_lock_irq(&hwq->lock);
	found = slot->rq == rq && slot->in_flight;
	if (found)
		slot->aborted = true;
	id = slot->id;
	spin_unlock_irq(&hwq->lock);
	if (!found || hwq->ops->abort(&hwq->pub, id))
		return false;
	spin_lock_irq(&hwq->lock);
	hwq->count.aborts++;
	spin_unlock_irq(&hwq->lock);
	return true;
}

/**
 * asblk_command_cancel - try to end a command early
 * @rq: request of asblk_command_request() that was sent, and was not freed
 *
 * Best effort: a command that waits ends at once, one that the device has is aborted, if the
 * device can do that. It ends once all the same, perhaps with success.
 *
 * Context: task, may sleep.
 * Return: false if it has ended, or if nothing could be done.
 */
bool asblk_command_cancel(struct request *rq)
{
	struct asblk_hwq *hwq = rq->mq_hctx->driver_data;
	struct asblk_ctrl *ctrl = hwq->pub.ctrl;

	if (asblk_command_withdraw(hwq, rq))
		return true;
	if (!hwq->ops->abort)
		return false;
	guard(mutex)(&ctrl->ops_lock);
	return ctrl->state == ASBLK_CTRL_LIVE && command_abort(hwq, rq);
}
ASBLK_EXPORT(asblk_command_cancel);

/**
 * struct command_wait - somebody waits for a command
 * @done: it has ended
 * @status: with this
 */
struct command_wait {
	struct completion done;
	blk_status_t status;
};

static enum rq_end_io_ret command_ended(ASBLK_END_IO_ARGS)
{
	struct command_wait *wait = rq->end_io_data;

	wait->status = status;
	complete(&wait->done);
	return RQ_END_IO_NONE;
}

/**
 * asblk_command_execute - send a command and wait for its end
 * @rq: request of asblk_command_request()
 *
 * A fatal signal cancels it: see asblk_command_cancel().
 *
 * Context: task, sleeps.
 * Return: status.
 */
blk_status_t asblk_command_execute(struct request *rq)
{
	struct command_wait wait;

	init_completion(&wait.done);
	rq->end_io = command_ended;
	rq->end_io_data = &wait;
	blk_execute_rq_nowait(rq, false);
	if (wait_for_completion_killable(&wait.done)) {
		asblk_command_cancel(rq);
		while (!wait_for_completion_io_timeout(&wait.done, COMMAND_WAIT))
			;
	}
	return wait.status;
}
ASBLK_EXPORT(asblk_command_execute);
