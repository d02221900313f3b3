/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A version: what a command has replaced in a page. Not the data that it wrote, so that the page
 * in the store is what the live disk reads, with or without a history, and the oldest version of
 * a page is forgotten by freeing it, without moving any data.
 */
#ifndef _ASBLK_EMUL_HIST_VERSION_H
#define _ASBLK_EMUL_HIST_VERSION_H

#include <linux/bits.h>
#include <linux/mm.h>

#include "hist_domain.h"

/* What a version tells apart: the smallest block, or as many bytes as 64 bits can tell. */
#define EMUL_GRAIN_SHIFT	(PAGE_SHIFT - 6 > 9 ? PAGE_SHIFT - 6 : 9)
#define EMUL_GRAIN		(1U << EMUL_GRAIN_SHIFT)

struct emul_version *emul_version_alloc(struct emul_domain *d, struct emul_record *r, u64 index,
					u64 covers, u32 bytes, gfp_t gfp);
void emul_version_free_before(struct emul_domain *d, struct emul_version *v);
void emul_version_free(struct emul_domain *d, struct emul_version *v);

static inline u64 emul_grains(u32 offset, u32 len)
{
	return GENMASK_ULL((offset + len - 1) >> EMUL_GRAIN_SHIFT, offset >> EMUL_GRAIN_SHIFT);
}

#endif /* _ASBLK_EMUL_HIST_VERSION_H */
