// SPDX-License-Identifier: GPL-2.0-only
/* The ioctls of the kernel's NVMe driver, linux/nvme_ioctl.h. */
#include <linux/capability.h>
#include <linux/export.h>
#include <linux/nvme_ioctl.h>
#include <linux/ptrace.h>
#include <linux/uaccess.h>

#include "../core/ctrl.h"
#include "../core/disk.h"
#include "../core/recovery.h"
#include "../core/state.h"
#include "access.h"
#include "commands.h"
#include "execute.h"
#include "ioctl.h"

/* Without the padding at the end, as 32-bit programs on x86 have it. */
#define IOCTL_SUBMIT_IO32 \
	_IOC(_IOC_WRITE, 'N', _IOC_NR(NVME_IOCTL_SUBMIT_IO), \
	     offsetofend(struct nvme_user_io, appmask))

/* Both structures are the same up to the result. */
static_assert(offsetof(struct nvme_passthru_cmd, timeout_ms) ==
	      offsetof(struct nvme_passthru_cmd64, timeout_ms));

/* Return: 0, the NVMe status, or a negative errno. */
static int ioctl_execute(const struct passthru_target *t, struct passthru_call *call,
			 bool may_write, u64 addr, u32 len, bool vec)
{
	int ret = passthru_permit(t, &call->cmd, call->admin, may_write);

	if (!ret)
		ret = passthru_import(t, call, addr, len, vec);
	if (ret)
		return ret;
	ret = passthru_execute(t, call);
	passthru_release(call);
	return ret;
}

/* @admin: for the admin queue. @wide: the structure is that with a result of 64 bits. */
static int ioctl_command(const struct passthru_target *t, bool may_write, void __user *arg,
			 bool admin, bool wide, bool vec)
{
	struct nvme_passthru_cmd64 c;
	struct passthru_call call = { .admin = admin };
	int ret;

	if (copy_from_user(&c, arg, offsetofend(struct nvme_passthru_cmd64, timeout_ms)))
		return -EFAULT;
	/* No namespace of ours has any. */
	if (c.metadata || c.metadata_len)
		return -EINVAL;
	call.cmd.common.opcode = c.opcode;
	call.cmd.common.flags = c.flags;
	call.cmd.common.nsid = cpu_to_le32(c.nsid);
	call.cmd.common.cdw2[0] = cpu_to_le32(c.cdw2);
	call.cmd.common.cdw2[1] = cpu_to_le32(c.cdw3);
	call.cmd.common.cdw10 = cpu_to_le32(c.cdw10);
	call.cmd.common.cdw11 = cpu_to_le32(c.cdw11);
	call.cmd.common.cdw12 = cpu_to_le32(c.cdw12);
	call.cmd.common.cdw13 = cpu_to_le32(c.cdw13);
	call.cmd.common.cdw14 = cpu_to_le32(c.cdw14);
	call.cmd.common.cdw15 = cpu_to_le32(c.cdw15);
	call.timeout_ms = c.timeout_ms;
	ret = ioctl_execute(t, &call, may_write, c.addr, c.data_len, vec);
	if (ret < 0)
		return ret;
	if (wide ? put_user(call.result, &((struct nvme_passthru_cmd64 __user *)arg)->result) :
		   put_user((u32)call.result, &((struct nvme_passthru_cmd __user *)arg)->result))
		return -EFAULT;
	return ret;
}

static int ioctl_submit_io(const struct passthru_target *t, bool may_write, void __user *arg)
{
	struct passthru_call call = { };
	struct nvme_user_io io;
	u32 len;

	if (copy_from_user(&io, arg, offsetofend(struct nvme_user_io, appmask)))
		return -EFAULT;
	if (io.metadata)
		return -EINVAL;
	switch (io.opcode) {
	case nvme_cmd_read:
	case nvme_cmd_write:
	case nvme_cmd_compare:
		break;
	default:
		return -EINVAL;
	}
	call.cmd.rw.opcode = io.opcode;
	call.cmd.rw.flags = io.flags;
	call.cmd.rw.nsid = cpu_to_le32(t->nsid);
	call.cmd.rw.slba = cpu_to_le64(io.slba);
	call.cmd.rw.length = cpu_to_le16(io.nblocks);
	call.cmd.rw.control = cpu_to_le16(io.control);
	call.cmd.rw.dsmgmt = cpu_to_le32(io.dsmgmt);
	call.cmd.rw.reftag = cpu_to_le32(io.reftag);
	call.cmd.rw.lbat = cpu_to_le16(io.apptag);
	call.cmd.rw.lbatm = cpu_to_le16(io.appmask);
	/* If the format changes now, this is refused. */
	len = min_t(u64, U32_MAX, passthru_length(&call.cmd, false,
						  READ_ONCE(t->disk->unit.block_shift)));
	return ioctl_execute(t, &call, may_write, io.addr, len, false);
}

static int ioctl_disk(const struct passthru_target *t, bool may_write, unsigned int cmd,
		      void __user *arg)
{
	switch (cmd) {
	case NVME_IOCTL_ID:
		force_successful_syscall_return();
		return t->nsid;
	case NVME_IOCTL_IO_CMD:
		return ioctl_command(t, may_write, arg, false, false, false);
	case NVME_IOCTL_IO64_CMD:
		return ioctl_command(t, may_write, arg, false, true, false);
	case NVME_IOCTL_IO64_CMD_VEC:
		return ioctl_command(t, may_write, arg, false, true, true);
	case NVME_IOCTL_SUBMIT_IO:
	case IOCTL_SUBMIT_IO32:
		return ioctl_submit_io(t, may_write, arg);
	default:
		return -ENOTTY;
	}
}

static int ioctl_reset_subsystem(struct asblk_passthru *pt)
{
	const struct asblk_passthru_ops *ops = pt->ops;

	return ops->can_reset_subsystem && ops->can_reset_subsystem(pt->ctrl) ?
	       asblk_recovery_reset_subsystem(pt->ctrl) : -ENOTTY;
}

/* The controller's driver stays meanwhile. */
static int ioctl_manage(struct asblk_passthru *pt, unsigned int cmd)
{
	switch (cmd) {
	case NVME_IOCTL_RESET:
		return pt->ctrl->ops->reset ? asblk_recovery_reset_now(pt->ctrl) : -ENOTTY;
	case NVME_IOCTL_SUBSYS_RESET:
		return ioctl_reset_subsystem(pt);
	case NVME_IOCTL_RESCAN:
		/* Media that do not change by themselves are known. Tools insist on it. */
		return pt->ctrl->ops->rescan ? asblk_ctrl_rescan(pt->ctrl) : 0;
	default:
		return -ENOTTY;
	}
}

static int ioctl_ctrl(const struct passthru_target *t, unsigned int cmd)
{
	int ret;

	switch (cmd) {
	case NVME_IOCTL_RESET:
	case NVME_IOCTL_SUBSYS_RESET:
	case NVME_IOCTL_RESCAN:
		break;
	default:
		return -ENOTTY;
	}
	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (!passthru_get(t->pt))
		return -ENODEV;
	ret = ioctl_manage(t->pt, cmd);
	passthru_put(t->pt);
	return ret;
}

/*
 * An ioctl of a character device or a disk, opened for writing if @may_write. Return: 0, the
 * NVMe status, the namespace identifier, or a negative errno: -ENOTTY for an unknown ioctl.
 */
long passthru_ioctl(const struct passthru_target *t, bool may_write, unsigned int cmd,
		    unsigned long arg)
{
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case NVME_IOCTL_ADMIN_CMD:
		return ioctl_command(t, may_write, user, true, false, false);
	case NVME_IOCTL_ADMIN64_CMD:
		return ioctl_command(t, may_write, user, true, true, false);
	default:
		return t->disk ? ioctl_disk(t, may_write, cmd, user) : ioctl_ctrl(t, cmd);
	}
}

/**
 * asblk_passthru_ioctl - for &asblk_ctrl_ops.ioctl
 * @pt: of the disk's controller
 * @disk: disk
 * @nsid: its namespace identifier
 * @mode: how it was opened
 * @cmd: ioctl
 * @arg: its argument
 *
 * Context: &asblk_ctrl_ops.ioctl.
 * Return: as &asblk_ctrl_ops.ioctl: 0, the NVMe status, the namespace identifier, or a negative
 * errno.
 */
int asblk_passthru_ioctl(struct asblk_passthru *pt, struct asblk_disk *disk, u32 nsid,
			 blk_mode_t mode, unsigned int cmd, unsigned long arg)
{
	const struct passthru_target target = { .pt = pt, .disk = disk, .nsid = nsid };

	return passthru_ioctl(&target, mode & BLK_OPEN_WRITE, cmd, arg);
}
ASBLK_EXPORT(asblk_passthru_ioctl);
