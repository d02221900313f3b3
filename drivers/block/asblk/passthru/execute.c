// SPDX-License-Identifier: GPL-2.0-only
/* Executing a user's command: its memory, its request, and what is to follow it. */
#include <kunit/visibility.h>
#include <linux/align.h>
#include <linux/compat.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "../compat.h"
#include "../core/ctrl.h"
#include "../core/disk.h"
#include "../core/request.h"
#include "access.h"
#include "commands.h"
#include "execute.h"

/* Admin commands may take long: formats, downloads of firmware. */
#define ADMIN_TIMEOUT_MS	60000

/* What a controller transfers is described in pages of this size (4.1.1). */
#define PRP_PAGE	SZ_4K

/* Effects that leave namespaces or the controller different from what they were. */
#define EFFECTS_TO_FOLLOW	(NVME_CMD_EFFECTS_NCC | NVME_CMD_EFFECTS_NIC | NVME_CMD_EFFECTS_CCC)

/* Does the controller's driver execute the command itself? */
static bool by_driver(const struct passthru_target *t, const struct passthru_call *call)
{
	return call->admin && t->pt->ops->admin;
}

static u32 max_bytes(const struct passthru_target *t, const struct passthru_call *call)
{
	struct asblk_ctrl *ctrl = t->pt->ctrl;

	return call->admin && !by_driver(t, call) ? ctrl->admin.params.limits.max_bytes :
						    ctrl->params.limits.max_bytes;
}

/* In jiffies. What is very long is not longer than what jiffies can compare. */
static unsigned int call_timeout(const struct passthru_call *call)
{
	u32 ms = call->timeout_ms;

	if (likely(!call->admin && !ms))
		return 0;
	if (!ms)
		ms = ADMIN_TIMEOUT_MS;
	return min_t(unsigned long, msecs_to_jiffies(ms), INT_MAX);
}

/*
 * Describe the user's memory at @addr: @len bytes, or with @vec so many pieces. Context: task.
 * Return: 0, and passthru_release() is to follow, or a negative errno.
 */
int passthru_import(const struct passthru_target *t, struct passthru_call *call, u64 addr,
		    u32 len, bool vec)
{
	void __user *at = u64_to_user_ptr(in_compat_syscall() ? (u32)addr : addr);
	ssize_t bytes;

	if (vec) {
		call->iov = &call->one;
		bytes = import_iovec(passthru_direction(call), at, len, 1, &call->iov,
				     &call->data);
		return min(bytes, 0);
	}
	call->iov = NULL;
	/* import_ubuf() makes a large length a smaller one. */
	if (len > max_bytes(t, call))
		return -EINVAL;
	return import_ubuf(passthru_direction(call), at, len, &call->data);
}

/*
 * Is @bytes of data what the command implies? Nobody changes the format of the disk meanwhile.
 * Return: 0 and @exact: it is known to be; or a negative errno.
 */
static int check_length(const struct passthru_target *t, const struct passthru_call *call,
			size_t bytes, bool *exact)
{
	const struct asblk_unit *unit = call->admin ? NULL : &t->disk->unit;
	s64 length;

	/* As for reads and writes: the medium is out, or may be of another format. */
	if (unit && !READ_ONCE(unit->nr_sectors))
		return -EIO;
	length = passthru_length(&call->cmd, call->admin,
				 unit ? READ_ONCE(unit->block_shift) : 0);
	if (bytes > max_bytes(t, call) || (length >= 0 && length != bytes))
		return -EINVAL;
	/* One mapping has one direction. */
	if (bytes && (call->cmd.common.opcode & 3) == 3)
		return -EINVAL;
	*exact = length >= 0;
	return 0;
}

struct request_queue *passthru_queue(const struct passthru_target *t, bool admin)
{
	return admin ? asblk_admin_queue(t->pt->ctrl) : t->disk->gd->queue;
}

/*
 * Make the request of a command, for its data or, if it is not NULL, for a copy of that at
 * @copy. Context: task; sleeps for memory, and without BLK_MQ_REQ_NOWAIT for a tag. Return:
 * request, its memory mapped, or an ERR_PTR.
 */
struct request *passthru_request(const struct passthru_target *t, struct passthru_call *call,
				 void *copy, blk_opf_t opf, blk_mq_req_flags_t flags)
{
	struct request_queue *q = passthru_queue(t, call->admin);
	size_t bytes = iov_iter_count(&call->data);
	struct asblk_command *command;
	struct request *rq;
	int err;

	static_assert(sizeof(call->cmd) == ASBLK_COMMAND_BYTES);

	opf |= nvme_is_write(&call->cmd) ? REQ_OP_DRV_OUT : REQ_OP_DRV_IN;
	rq = asblk_command_request(q, NULL, opf, flags);
	if (IS_ERR(rq))
		return rq;
	command = asblk_rq_command(rq);
	memcpy(command->bytes, &call->cmd, sizeof(call->cmd));
	rq->timeout = call_timeout(call);
	/* Only now: the request keeps the disk's format from being changed. */
	err = check_length(t, call, bytes, &command->exact);
	/* In dwords, or it would be copied again, to the beginning of a page. */
	if (!err && copy)
		err = blk_rq_map_kern(rq, copy, ALIGN(bytes, sizeof(u32)), GFP_KERNEL);
	else if (!err && bytes)
		err = blk_rq_map_user_iov(q, rq, NULL, &call->data, GFP_KERNEL);
	if (err) {
		blk_mq_free_request(rq);
		return ERR_PTR(err);
	}
	return rq;
}

/* Return: 0, the NVMe status, or a negative errno if the device has not answered. */
int passthru_result(const struct asblk_command *command, blk_status_t status)
{
	if (likely(command->answered))
		return command->status;
	return blk_status_to_errno(status);
}

static int execute_request(const struct passthru_target *t, struct passthru_call *call, void *copy)
{
	struct request *rq = passthru_request(t, call, copy, 0, 0);
	struct asblk_command *command;
	struct bio *bio;
	int ret, err;

	if (IS_ERR(rq))
		return PTR_ERR(rq);
	command = asblk_request_command(rq);
	/* The request loses it when it ends. */
	bio = copy ? NULL : rq->bio;
	ret = passthru_result(command, asblk_command_execute(rq));
	call->result = command->result;
	err = bio ? blk_rq_unmap_user(bio) : 0;
	blk_mq_free_request(rq);
	return ret ?: err;
}

static int execute_driver(const struct passthru_target *t, struct passthru_call *call, void *copy,
			  bool changes)
{
	struct asblk_passthru_io io = {
		.data		= copy,
		.len		= iov_iter_count(&call->data),
		.offset		= offset_in_page(copy),
		.timeout	= call_timeout(call),
		.changes	= changes,
	};
	int ret = check_length(t, call, io.len, &io.exact) ?:
		  t->pt->ops->admin(t->pt->ctrl, &call->cmd, &io);

	call->result = io.result;
	return ret;
}

static int execute_once(const struct passthru_target *t, struct passthru_call *call, void *copy,
			bool changes)
{
	return by_driver(t, call) ? execute_driver(t, call, copy, changes) :
				    execute_request(t, call, copy);
}

/*
 * Does the command need a copy of its data? If nobody knows how much it transfers it may be
 * more than its data, up to the end of the last page at least: nothing else must be there.
 */
static bool needs_copy(const struct passthru_target *t, const struct passthru_call *call)
{
	return iov_iter_count(&call->data) &&
	       (by_driver(t, call) || passthru_length(&call->cmd, call->admin, 0) < 0);
}

/*
 * A controller that transfers more than two pages takes the second of two for a list of
 * addresses: it must not be data of the sender's. Three pages come with a list of the driver's:
 * data that would fill two begins so late in the first one that it reaches into a third.
 *
 * Return: bytes into a page; -EINVAL for a length that always takes one or two pages.
 */
int passthru_copy_offset(size_t bytes)
{
	size_t free = 2 * PRP_PAGE - ALIGN(bytes, sizeof(u32));

	if (bytes <= PRP_PAGE || bytes > 2 * PRP_PAGE)
		return 0;
	free += sizeof(u32);
	return free < PRP_PAGE ? free : -EINVAL;
}
EXPORT_SYMBOL_IF_KUNIT(passthru_copy_offset);

static int execute_copied(const struct passthru_target *t, struct passthru_call *call,
			  bool changes)
{
	size_t bytes = iov_iter_count(&call->data);
	struct iov_iter data = call->data;
	void *pages, *copy;
	int offset = 0, ret;

	if (bytes > max_bytes(t, call))
		return -EINVAL;
	if (passthru_length(&call->cmd, call->admin, 0) < 0)
		offset = passthru_copy_offset(bytes);
	if (offset < 0)
		return offset;
	/* Nothing else is in them. */
	pages = kvzalloc(PAGE_ALIGN(offset + bytes), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	copy = pages + offset;
	if (nvme_is_write(&call->cmd) && !copy_from_iter_full(copy, bytes, &data))
		ret = -EFAULT;
	else
		ret = execute_once(t, call, copy, changes);
	if (!ret && !nvme_is_write(&call->cmd) && copy_to_iter(copy, bytes, &data) != bytes)
		ret = -EFAULT;
	kvfree(pages);
	return ret;
}

static int execute(const struct passthru_target *t, struct passthru_call *call, bool changes)
{
	return needs_copy(t, call) ? execute_copied(t, call, changes) :
				     execute_once(t, call, NULL, changes);
}

/* May the command change formats or namespaces? */
static bool call_changes(const struct passthru_target *t, const struct passthru_call *call)
{
	if (!call->admin || !t->pt->ops->begin)
		return false;
	/* Others than vendors' commands that say so change nothing that I/O depends on. */
	return passthru_changes_media(&call->cmd) ||
	       (call->cmd.common.opcode >= nvme_admin_vendor_start &&
		passthru_effects(t->pt, &call->cmd, true) & NVME_CMD_EFFECTS_NCC);
}

/* Is the command for somebody who waits for it, as something is to follow? */
bool passthru_must_wait(const struct passthru_target *t, const struct passthru_call *call)
{
	return unlikely(passthru_effects(t->pt, &call->cmd, call->admin) & EFFECTS_TO_FOLLOW) ||
	       by_driver(t, call) || needs_copy(t, call) || call_changes(t, call);
}

static int execute_change(const struct passthru_target *t, struct passthru_call *call)
{
	struct asblk_passthru *pt = t->pt;
	int ret = pt->ops->begin(pt->ctrl, &call->cmd);

	if (ret)
		return ret;
	ret = execute(t, call, true);
	pt->ops->end(pt->ctrl, &call->cmd,
		     !by_driver(t, call) || (ret != -ETIMEDOUT && ret != -EIO));
	return ret;
}

/*
 * Execute a command and wait for its end, or for a fatal signal to cancel it. Context: task.
 * Return: 0, the NVMe status, or a negative errno.
 */
int passthru_execute(const struct passthru_target *t, struct passthru_call *call)
{
	struct asblk_passthru *pt = t->pt;
	bool changes = call_changes(t, call);
	bool uses_driver = changes || by_driver(t, call);
	int ret;

	if (uses_driver && !passthru_get(pt))
		return -ENODEV;
	ret = changes ? execute_change(t, call) : execute(t, call, false);
	if (uses_driver)
		passthru_put(pt);
	if (ret >= 0 && passthru_effects(pt, &call->cmd, call->admin) & EFFECTS_TO_FOLLOW)
		queue_work(system_dfl_wq, &pt->rescan);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(passthru_execute);
