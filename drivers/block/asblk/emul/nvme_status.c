// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device works with the block layer's statuses, and so do fault rules. Who has sent a
 * command of the NVMe command set, or reads the error log, gets that of NVMe (Base 3.3.3.2).
 */
#include <linux/asblk.h>
#include <linux/nvme.h>

#include "../compat.h"
#include "nvme_status.h"

static u16 status_code(u8 op, blk_status_t status)
{
	switch (status) {
	case BLK_STS_MEDIUM:
		return op == ASBLK_OP_WRITE ? NVME_SC_WRITE_FAULT : NVME_SC_READ_ERROR;
	case BLK_STS_NOTSUPP:
		return NVME_SC_INVALID_OPCODE;
	case BLK_STS_TIMEOUT:
		return NVME_SC_ABORT_REQ;
	case BLK_STS_NOSPC:
		return NVME_SC_CAP_EXCEEDED;
	case BLK_STS_TRANSPORT:
		return NVME_SC_DATA_XFER_ERROR;
	case BLK_STS_TARGET:
		return NVME_SC_CMD_INTERRUPTED;
	case BLK_STS_RESV_CONFLICT:
		return NVME_SC_RESERVATION_CONFLICT;
	case BLK_STS_PROTECTION:
		return NVME_SC_GUARD_CHECK;
	case BLK_STS_OFFLINE:
		return NVME_SC_NS_NOT_READY;
	case BLK_STS_INVAL:
		return NVME_SC_INVALID_FIELD;
	default:
		return NVME_SC_INTERNAL;
	}
}

/* The NVMe status of a command that has completed with @c; 0 if it was good. */
u16 emul_nvme_status(const struct emul_command *cmd, const struct emul_completion *c)
{
	u16 dnr = c->flags & ASBLK_MAY_RETRY ? 0 : NVME_STATUS_DNR;

	if (cmd->opts & EMUL_OPT_NVME && cmd->status)
		return cmd->status;
	if (c->status)
		return status_code(cmd->op, (__force blk_status_t)c->status) | dnr;
	/* NVMe knows no command that transfers less than it should. */
	return c->flags & EMUL_SHORT ? NVME_SC_DATA_XFER_ERROR | dnr : 0;
}

/*
 * Complete a command of the NVMe command set: fill in its status from @c, and what @c says from
 * that.
 */
void emul_nvme_answer(struct emul_command *cmd, struct emul_completion *c)
{
	cmd->status = emul_nvme_status(cmd, c);
	if (!cmd->status)
		return;
	cmd->result = 0;
	if (!c->status)
		c->status = (__force u8)BLK_STS_IOERR;
	c->flags = cmd->status & NVME_STATUS_DNR ? 0 : ASBLK_MAY_RETRY;
}
