/* SPDX-License-Identifier: GPL-2.0-only */
/* What there is to know of NVMe commands, of opcodes and their dwords. */
#ifndef _ASBLK_PASSTHRU_COMMANDS_H
#define _ASBLK_PASSTHRU_COMMANDS_H

#include <linux/asblk_passthru.h>

/* The length of a command of which it is not known. */
#define PASSTHRU_ANY_LENGTH	(-1)

s64 passthru_length(const struct nvme_command *cmd, bool admin, u8 block_shift);
bool passthru_is_drivers(const struct nvme_command *cmd, bool admin);
bool passthru_changes_media(const struct nvme_command *cmd);
void passthru_known_effects(struct nvme_effects_log *log);

#endif /* _ASBLK_PASSTHRU_COMMANDS_H */
