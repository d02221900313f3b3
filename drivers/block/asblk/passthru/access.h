/* SPDX-License-Identifier: GPL-2.0-only */
/* Who may send which command. */
#ifndef _ASBLK_PASSTHRU_ACCESS_H
#define _ASBLK_PASSTHRU_ACCESS_H

#include "device.h"

u32 passthru_effects(const struct asblk_passthru *pt, const struct nvme_command *cmd, bool admin);
bool passthru_is_for_all(const struct asblk_passthru *pt, const struct nvme_command *cmd,
			 bool admin, bool may_write);
int passthru_permit(const struct passthru_target *t, const struct nvme_command *cmd, bool admin,
		    bool may_write);

#endif /* _ASBLK_PASSTHRU_ACCESS_H */
