/* SPDX-License-Identifier: GPL-2.0-only */
/* What there is to know of NVMe commands, of opcodes and their dwords. */
#ifndef _ASBLK_PASSTHRU_COMMANDS_H
#define _ASBLK_PASSTHRU_COMMANDS_H

#include <linux/asblk_passthru.h>

/* The length of a command of which it is not known. */
#define PASSTHRU_ANY_LENGTH	(-1)

s64 __passthru_length(const struct nvme_command *cmd, bool admin, u8 block_shift);
bool passthru_is_drivers(const struct nvme_command *cmd, bool admin);
bool passthru_changes_media(const struct nvme_command *cmd);
void passthru_known_effects(struct nvme_effects_log *log);

/*
 * How much data a command transfers to or from a namespace with blocks of 2^@block_shift bytes.
 * Return: bytes, or %PASSTHRU_ANY_LENGTH if that is not known.
 */
static inline s64 passthru_length(const struct nvme_command *cmd, bool admin, u8 block_shift)
{
	u8 opcode = cmd->common.opcode;

	/* Most commands. */
	if (likely(!admin && (opcode == nvme_cmd_read || opcode == nvme_cmd_write)))
		return (u64)(le16_to_cpu(cmd->rw.length) + 1) << block_shift;
	return __passthru_length(cmd, admin, block_shift);
}

#endif /* _ASBLK_PASSTHRU_COMMANDS_H */
