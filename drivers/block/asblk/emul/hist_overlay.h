/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The overlay: what has been written to a disk that shows a view. A page of its store has data
 * only in the grains that its private field names; the others are as in the view.
 */
#ifndef _ASBLK_EMUL_HIST_OVERLAY_H
#define _ASBLK_EMUL_HIST_OVERLAY_H

#include "hist_base.h"

int emul_overlay_read(struct emul_store *store, struct emul_base *base, u64 pos, void *dst,
		      u64 len, u8 block_shift);
int emul_overlay_write(struct emul_store *store, struct emul_base *base, u64 pos, const void *src,
		       u64 len, u64 *done);

#endif /* _ASBLK_EMUL_HIST_OVERLAY_H */
