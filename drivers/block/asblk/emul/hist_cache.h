/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The volatile write cache: what completed and was not flushed. It holds so much; what exceeds
 * that the device writes out by itself, and it is durable from then on.
 */
#ifndef _ASBLK_EMUL_HIST_CACHE_H
#define _ASBLK_EMUL_HIST_CACHE_H

#include <linux/list.h>
#include <linux/prandom.h>

#include "hist_domain.h"

/**
 * struct emul_cache - the volatile write cache of a disk; under its domain's lock
 * @records: records (&emul_record.dirty) in it, in the order of their completion. Some may be
 *	durable by now
 * @bytes: that they wrote
 * @size: most bytes, or 0 for any number
 * @any: which of them are written out is random, not the oldest first
 * @random: for that
 */
struct emul_cache {
	struct list_head records;
	u64 bytes;
	u64 size;
	bool any;
	struct rnd_state random;
};

void emul_cache_init(struct emul_cache *c);
void emul_cache_add(struct emul_cache *c, struct emul_domain *d, const struct emul_flushes *f,
		    struct emul_record *r);
void emul_cache_restore(struct emul_cache *c, struct emul_record *r);
void emul_cache_remove(struct emul_cache *c, struct emul_record *r);

#endif /* _ASBLK_EMUL_HIST_CACHE_H */
