/* SPDX-License-Identifier: GPL-2.0-only */
/* The base of a disk: a view of another, which it shows, or becomes after a power cut. */
#ifndef _ASBLK_EMUL_HIST_BASE_H
#define _ASBLK_EMUL_HIST_BASE_H

#include "hist_recorder.h"
#include "hist_view.h"
#include "hist_write.h"

struct emul_base *emul_base_open(struct emul_recorder *rec, u64 at);
void emul_base_close(struct emul_base *base);
int emul_view_apply(struct emul_view *v, struct emul_chains *c, u8 block_shift);

#endif /* _ASBLK_EMUL_HIST_BASE_H */
