/* SPDX-License-Identifier: GPL-2.0-only */
/* A command is recorded, from when the device takes it to its completion. */
#ifndef _ASBLK_EMUL_HIST_COMMAND_H
#define _ASBLK_EMUL_HIST_COMMAND_H

#include "hist_recorder.h"
#include "rings.h"

void emul_record_range(struct emul_record *what, const struct emul_command *cmd);
int emul_record_begin(struct emul_recorder *rec, const struct emul_record *what, gfp_t gfp,
		      struct emul_record **record);
int emul_record_write(struct emul_record *r, const struct emul_command *cmd, u32 *done);
int emul_record_put(struct emul_recorder *rec, struct emul_record *r, u64 pos, const void *src,
		    u64 len, u64 *done);
bool emul_record_clear(struct emul_recorder *rec, struct emul_record *r, u64 pos, u64 len);
void emul_record_end(struct emul_record *r, bool failed);

#endif /* _ASBLK_EMUL_HIST_COMMAND_H */
