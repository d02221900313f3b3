/* SPDX-License-Identifier: GPL-2.0-only */
/* Changing a page of a disk, and keeping what was there before. */
#ifndef _ASBLK_EMUL_HIST_WRITE_H
#define _ASBLK_EMUL_HIST_WRITE_H

#include "hist_chain.h"

int emul_chain_write(struct emul_chains *c, struct emul_record *r, u64 pos, const void *src,
		     u64 len, gfp_t gfp, u64 *done);
int emul_chain_unmap(struct emul_chains *c, struct emul_record *r, u64 pos, u64 len);

#endif /* _ASBLK_EMUL_HIST_WRITE_H */
