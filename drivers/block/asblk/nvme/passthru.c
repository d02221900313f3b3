// SPDX-License-Identifier: GPL-2.0-only
/* Users' commands: what the driver does for passthru/. */
#include <kunit/visibility.h>
#include <linux/bits.h>
#include <linux/export.h>

#include "nvme.h"

/* Secure Erase Settings of Format NVM (5.14). */
#define FORMAT_SES	GENMASK(11, 9)

/* Commands Supported and Effects (5.16.1.6) */
static int passthru_effects(struct asblk_ctrl *ctrl, struct nvme_effects_log *log)
{
	struct anvme *nd = asblk_ctrl_priv(ctrl);

	if (!(nd->id->lpa & NVME_CTRL_LPA_CMD_EFFECTS_LOG))
		return -EOPNOTSUPP;
	return anvme_log_page(nd, NVME_LOG_CMD_EFFECTS, log, sizeof(*log));
}

static int passthru_admin(struct asblk_ctrl *ctrl, struct nvme_command *cmd,
			  struct asblk_passthru_io *pio)
{
	struct anvme_admin_io io = {
		.data		= pio->data,
		.len		= pio->len,
		.offset		= pio->offset,
		.from_device	= !nvme_is_write(cmd),
		/* A format that times out needs a reset: it may still be executed. */
		.optional	= !pio->changes,
		.formats	= pio->changes,
		.timeout	= pio->timeout,
	};
	int status;

	status = anvme_admin_io(asblk_ctrl_priv(ctrl), cmd, &io);
	pio->result = io.result;
	return status;
}

/* Which namespaces must not be used meanwhile? */
static u32 changed_namespaces(const struct anvme *nd, const struct nvme_command *cmd)
{
	u32 nsid = le32_to_cpu(cmd->common.nsid);

	switch (cmd->common.opcode) {
	case nvme_admin_format_nvm:
		return anvme_format_scope(nd, nsid, le32_to_cpu(cmd->common.cdw10) & FORMAT_SES);
	case nvme_admin_ns_mgmt:
	case nvme_admin_ns_attach:
		return nsid;
	default:
		return NVME_NSID_ALL;
	}
}

static int passthru_begin(struct asblk_ctrl *ctrl, const struct nvme_command *cmd)
{
	struct anvme *nd = asblk_ctrl_priv(ctrl);

	return anvme_format_begin(nd, changed_namespaces(nd, cmd));
}

static void passthru_end(struct asblk_ctrl *ctrl, const struct nvme_command *cmd, bool settled)
{
	anvme_format_end(asblk_ctrl_priv(ctrl), settled);
}

static bool passthru_can_reset_subsystem(struct asblk_ctrl *ctrl)
{
	struct anvme *nd = asblk_ctrl_priv(ctrl);

	return NVME_CAP_NSSRC(nd->cap);
}

const struct asblk_passthru_ops anvme_passthru_ops = {
	.effects		= passthru_effects,
	.admin			= passthru_admin,
	.begin			= passthru_begin,
	.end			= passthru_end,
	.can_reset_subsystem	= passthru_can_reset_subsystem,
};
EXPORT_SYMBOL_IF_KUNIT(anvme_passthru_ops);

/* &asblk_ctrl_ops.ioctl */
int anvme_ioctl(struct asblk_disk *disk, blk_mode_t mode, unsigned int cmd, unsigned long arg)
{
	struct anvme *nd = asblk_ctrl_priv(asblk_disk_ctrl(disk));

	return asblk_passthru_ioctl(nd->passthru, disk, asblk_disk_unit(disk), mode, cmd, arg);
}
