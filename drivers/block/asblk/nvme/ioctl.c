// SPDX-License-Identifier: GPL-2.0-only
/* The ioctls of nvme-cli: admin commands from user space. */
#include <linux/bits.h>
#include <linux/capability.h>
#include <linux/nvme_ioctl.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "nvme.h"

/* Default timeout: formats and firmware downloads are slow. */
#define ADMIN_TIMEOUT	(60 * HZ)

/* Opcodes and a feature that linux/nvme.h lacks. */
#define ADMIN_CAPACITY_MGMT	0x20
#define ADMIN_CONTROLLER_DATA_QUEUE	0x45
#define FEAT_IO_COMMAND_SET_PROFILE	0x19

/* Secure Erase Settings of Format NVM (5.14). */
#define FORMAT_SES			GENMASK(11, 9)

/* Features that the driver manages, that give memory to the controller, or change formats. */
static bool feature_is_ours(u8 fid)
{
	switch (fid) {
	/* sysfs has write_cache, coalesce_* and write_protect for these. */
	case NVME_FEAT_VOLATILE_WC:
	case NVME_FEAT_IRQ_COALESCE:
	case NVME_FEAT_WRITE_PROTECT:
	case NVME_FEAT_NUM_QUEUES:
	case NVME_FEAT_ASYNC_EVENT:
	case NVME_FEAT_HOST_MEM_BUF:
	case NVME_FEAT_KATO:
	case NVME_FEAT_HOST_BEHAVIOR:
	case FEAT_IO_COMMAND_SET_PROFILE:
		return true;
	default:
		return false;
	}
}

/* Commands that would invalidate the driver's state, or give memory to the controller. */
static bool admin_is_ours(const struct nvme_passthru_cmd *c)
{
	switch (c->opcode) {
	case nvme_admin_delete_sq:
	case nvme_admin_create_sq:
	case nvme_admin_delete_cq:
	case nvme_admin_create_cq:
	case nvme_admin_abort_cmd:
	case nvme_admin_async_event:
	case nvme_admin_keep_alive:
	case nvme_admin_virtual_mgmt:
	case nvme_admin_dbbuf:
	case ADMIN_CONTROLLER_DATA_QUEUE:
		return true;
	case nvme_admin_set_features:
		return feature_is_ours(c->cdw10);
	default:
		return false;
	}
}

/* Bytes that a command transfers according to its dwords; 0 if unknown. */
static u64 admin_length(const struct nvme_passthru_cmd *c)
{
	switch (c->opcode) {
	case nvme_admin_identify:
	case nvme_admin_ns_mgmt:
	case nvme_admin_ns_attach:
		/* Namespace deletion has no data. */
		if (c->opcode == nvme_admin_ns_mgmt && (c->cdw10 & 0xf))
			return 0;
		return NVME_IDENTIFY_DATA_SIZE;
	case nvme_admin_get_log_page:
		return ((u64)(c->cdw11 & 0xffff) << 16 | c->cdw10 >> 16) * 4 + 4;
	case nvme_admin_download_fw:
	case nvme_admin_directive_send:
	case nvme_admin_directive_recv:
		return (u64)c->cdw10 * 4 + 4;
	case nvme_admin_security_send:
	case nvme_admin_security_recv:
		return c->cdw11;
	default:
		return 0;
	}
}

/*
 * Is the buffer as long as what the command transfers? If that is unknown and more than
 * two pages, the controller takes the second of two pages for a PRP list: it must not
 * contain data of the caller.
 */
static bool admin_fits(const struct nvme_passthru_cmd *c)
{
	u64 length = admin_length(c);

	if (length)
		return c->data_len >= length;
	return (c->opcode & 2) || DIV_ROUND_UP(c->data_len, ANVME_PAGE) != 2;
}

/* Does the command change formats? @nsid: namespaces that must not be used meanwhile. */
static bool admin_changes(const struct anvme *nd, const struct nvme_passthru_cmd *c, u32 *nsid)
{
	switch (c->opcode) {
	case nvme_admin_format_nvm:
		*nsid = anvme_format_scope(nd, c->nsid, c->cdw10 & FORMAT_SES);
		return true;
	case nvme_admin_ns_mgmt:
	case nvme_admin_ns_attach:
		*nsid = c->nsid;
		return true;
	case nvme_admin_sanitize_nvm:
	case ADMIN_CAPACITY_MGMT:
		*nsid = NVME_NSID_ALL;
		return true;
	default:
		return false;
	}
}

static int admin_execute(struct anvme *nd, struct nvme_passthru_cmd *c, void *data)
{
	u32 nsid;
	struct nvme_command cmd = {
		.common.opcode	= c->opcode,
		.common.nsid	= cpu_to_le32(c->nsid),
		.common.cdw2	= { cpu_to_le32(c->cdw2), cpu_to_le32(c->cdw3) },
		.common.cdw10	= cpu_to_le32(c->cdw10),
		.common.cdw11	= cpu_to_le32(c->cdw11),
		.common.cdw12	= cpu_to_le32(c->cdw12),
		.common.cdw13	= cpu_to_le32(c->cdw13),
		.common.cdw14	= cpu_to_le32(c->cdw14),
		.common.cdw15	= cpu_to_le32(c->cdw15),
	};
	/* Bits 1:0 of the opcode are the direction of the transfer (3.1.1). */
	struct anvme_admin_io io = {
		.data		= data,
		.len		= c->data_len,
		.from_device	= c->opcode & 2,
		/* A format that times out needs a reset: it may still be executed. */
		.optional	= !admin_changes(nd, c, &nsid),
		.timeout	= c->timeout_ms ? msecs_to_jiffies(c->timeout_ms) :
						  ADMIN_TIMEOUT,
	};
	int status;

	if (!io.optional) {
		status = anvme_format_begin(nd, nsid);
		if (status)
			return status;
	}
	status = anvme_admin_io(nd, &cmd, &io);
	c->result = io.result;
	if (!io.optional)
		anvme_format_end(nd, nsid, status != -ETIMEDOUT && status != -EIO);
	return status;
}

static int admin_ioctl(struct anvme *nd, struct nvme_passthru_cmd __user *arg)
{
	struct nvme_passthru_cmd c;
	void __user *addr;
	void *data = NULL;
	int status;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	if (c.flags || c.rsvd1 || c.metadata || c.metadata_len ||
	    c.data_len > nd->max_bytes || admin_is_ours(&c) || !admin_fits(&c))
		return -EINVAL;
	addr = u64_to_user_ptr(c.addr);
	if (c.data_len) {
		data = c.opcode & 1 ? vmemdup_user(addr, c.data_len) :
				      kvzalloc(c.data_len, GFP_KERNEL);
		if (IS_ERR_OR_NULL(data))
			return data ? PTR_ERR(data) : -ENOMEM;
	}
	status = admin_execute(nd, &c, data);
	if (!status && data && (c.opcode & 2) &&
	    copy_to_user(addr, data, c.data_len))
		status = -EFAULT;
	if (status >= 0 && put_user(c.result, &arg->result))
		status = -EFAULT;
	kvfree(data);
	return status;
}

/*
 * &asblk_ctrl_ops.ioctl: NVME_IOCTL_ID and, with CAP_SYS_ADMIN, NVME_IOCTL_ADMIN_CMD.
 * Return: namespace identifier or NVMe status code; -EACCES; -EINVAL for commands that
 * only the driver may send, flags, metadata, and a data length beyond the maximum transfer
 * or below what the command transfers; -EFAULT; -ENOMEM; -ENOTTY; or as
 * anvme_format_begin() and anvme_admin_io().
 */
int anvme_ioctl(struct asblk_disk *disk, blk_mode_t mode, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case NVME_IOCTL_ID:
		return asblk_disk_unit(disk);
	case NVME_IOCTL_ADMIN_CMD:
		if (!capable(CAP_SYS_ADMIN))
			return -EACCES;
		return admin_ioctl(asblk_ctrl_priv(asblk_disk_ctrl(disk)), (void __user *)arg);
	default:
		return -ENOTTY;
	}
}
