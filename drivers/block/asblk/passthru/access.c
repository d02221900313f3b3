// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may send which command: the rules of the kernel's NVMe driver. With CAP_SYS_ADMIN all but
 * what is the driver's own. Without, who can open the device may send what does no more than
 * reading and writing it, and identify it.
 */
#include <kunit/visibility.h>
#include <linux/capability.h>
#include <linux/export.h>

#include "access.h"
#include "commands.h"

/* What does not go beyond reading and writing. */
#define EFFECTS_HARMLESS	(NVME_CMD_EFFECTS_CSUPP | NVME_CMD_EFFECTS_LBCC | \
				 NVME_CMD_EFFECTS_UUID_SEL | NVME_CMD_EFFECTS_SCOPE_MASK)

/* NVMe over Fabrics. */
#define CMD_FABRICS		0x7f

/* Return: NVME_CMD_EFFECTS_* of a command; none is supported if there is no log of them. */
u32 passthru_effects(const struct asblk_passthru *pt, const struct nvme_command *cmd, bool admin)
{
	u8 opcode = cmd->common.opcode;

	return le32_to_cpu(admin ? pt->effects.acs[opcode] : pt->effects.iocs[opcode]);
}

/* What it takes to make I/O commands, and no secret. */
static bool is_for_all_admin(const struct nvme_command *cmd)
{
	if (cmd->common.opcode != nvme_admin_identify)
		return false;
	switch (cmd->identify.cns) {
	case NVME_ID_CNS_NS:
	case NVME_ID_CNS_CS_NS:
	case NVME_ID_CNS_NS_CS_INDEP:
	case NVME_ID_CNS_CS_CTRL:
	case NVME_ID_CNS_CTRL:
		return true;
	default:
		return false;
	}
}

/* May everybody send the command who has the device open, for writing if @may_write? */
bool passthru_is_for_all(const struct asblk_passthru *pt, const struct nvme_command *cmd,
			 bool admin, bool may_write)
{
	u32 effects = passthru_effects(pt, cmd, admin);

	/* Nobody knows what these do. */
	if (cmd->common.opcode >= nvme_cmd_vendor_start || cmd->common.opcode == CMD_FABRICS)
		return false;
	if (admin)
		return is_for_all_admin(cmd);
	if (!(effects & NVME_CMD_EFFECTS_CSUPP) || (effects & ~EFFECTS_HARMLESS))
		return false;
	return may_write || !(nvme_is_write(cmd) || (effects & NVME_CMD_EFFECTS_LBCC));
}
EXPORT_SYMBOL_IF_KUNIT(passthru_is_for_all);

/*
 * Return: 0 if the caller may send the command to @t; -EACCES; -EINVAL for the driver's own
 * commands, flags, and another namespace than @t.
 */
int passthru_permit(const struct passthru_target *t, const struct nvme_command *cmd, bool admin,
		    bool may_write)
{
	/* Fused commands, and how the data is described: the driver's business. */
	if (cmd->common.flags)
		return -EINVAL;
	if (!admin && cmd->common.nsid != cpu_to_le32(t->nsid))
		return -EINVAL;
	if (!passthru_is_for_all(t->pt, cmd, admin, may_write) && !capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (passthru_is_drivers(cmd, admin))
		return -EINVAL;
	/* Nothing would hold the I/O to the namespace back meanwhile. */
	if (!admin && (passthru_effects(t->pt, cmd, admin) & NVME_CMD_EFFECTS_NCC))
		return -EINVAL;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(passthru_permit);
