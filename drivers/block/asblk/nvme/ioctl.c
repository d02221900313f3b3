// SPDX-License-Identifier: GPL-2.0-only
/* Admin commands from user space, in the form that nvme-cli knows. */
#include <linux/capability.h>
#include <linux/nvme_ioctl.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "nvme.h"

/* Unless the caller has another one: formats and firmware take their time. */
#define ADMIN_TIMEOUT	(60 * HZ)

/* What would pull the rug from under the driver is not for anybody else. */
static bool admin_is_ours(const struct nvme_passthru_cmd *c)
{
	switch (c->opcode) {
	case nvme_admin_delete_sq:
	case nvme_admin_create_sq:
	case nvme_admin_delete_cq:
	case nvme_admin_create_cq:
	case nvme_admin_abort_cmd:
	case nvme_admin_async_event:
	case nvme_admin_dbbuf:
		return true;
	case nvme_admin_set_features:
		switch (c->cdw10 & 0xff) {
		case NVME_FEAT_NUM_QUEUES:
		case NVME_FEAT_ASYNC_EVENT:
		/* The host has to know of it: that is what write_cache is for. */
		case NVME_FEAT_VOLATILE_WC:
			return true;
		}
		return false;
	default:
		return false;
	}
}

static int admin_execute(struct anvme *nd, struct nvme_passthru_cmd *c, void *data)
{
	unsigned long timeout = c->timeout_ms ? msecs_to_jiffies(c->timeout_ms) :
						ADMIN_TIMEOUT;
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
	bool formats = c->opcode == nvme_admin_format_nvm ||
		       c->opcode == nvme_admin_ns_mgmt ||
		       c->opcode == nvme_admin_ns_attach;
	u64 result = 0;
	int status;

	if (formats) {
		status = anvme_format_begin(nd, c->nsid);
		if (status)
			return status;
	}
	/* The lowest bits of an opcode say which way its data goes (3.1.1). */
	if (data)
		status = anvme_admin_data(nd, &cmd, data, c->data_len,
					  c->opcode & 2, &result, timeout);
	else
		status = anvme_admin(nd, &cmd, &result, timeout);
	c->result = result;
	if (formats)
		anvme_format_end(nd, c->nsid);
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
	    c.data_len > nd->max_bytes || admin_is_ours(&c))
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

/**
 * anvme_ioctl - ioctls of nvme-cli on a disk: NVME_IOCTL_ID and, for whoever has
 * CAP_SYS_ADMIN, NVME_IOCTL_ADMIN_CMD
 * @ctrl: controller
 * @unit: namespace
 * @cmd: request
 * @arg: its argument
 *
 * Context: task, may sleep.
 * Return: namespace identifier or NVMe status code, -EACCES, -EINVAL for what only
 * the driver may do, -EFAULT, -ENOMEM, -ENOTTY, or what anvme_admin() returns.
 */
int anvme_ioctl(struct asblk_ctrl *ctrl, u32 unit, unsigned int cmd,
		unsigned long arg)
{
	switch (cmd) {
	case NVME_IOCTL_ID:
		return unit;
	case NVME_IOCTL_ADMIN_CMD:
		if (!capable(CAP_SYS_ADMIN))
			return -EACCES;
		return admin_ioctl(asblk_ctrl_priv(ctrl), (void __user *)arg);
	default:
		return -ENOTTY;
	}
}
