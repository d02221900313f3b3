/* SPDX-License-Identifier: GPL-2.0-only */
/* Statuses of NVMe, for what the block layer has statuses for. */
#ifndef _ASBLK_EMUL_NVME_STATUS_H
#define _ASBLK_EMUL_NVME_STATUS_H

#include "rings.h"

u16 emul_nvme_status(const struct emul_command *cmd, const struct emul_completion *c);
void emul_nvme_answer(struct emul_command *cmd, struct emul_completion *c);

#endif /* _ASBLK_EMUL_NVME_STATUS_H */
