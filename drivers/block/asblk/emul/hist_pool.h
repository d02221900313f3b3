/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages that have retired, to be used again. The kernel may fill new pages with zeroes, which a
 * page that is about to be overwritten does not need.
 */
#ifndef _ASBLK_EMUL_HIST_POOL_H
#define _ASBLK_EMUL_HIST_POOL_H

#include <linux/gfp.h>
#include <linux/mm_types.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>

#include "budget.h"

/**
 * struct emul_pages - pages that are linked by their private field
 * @first: or NULL
 * @last: if there is a first
 */
struct emul_pages {
	struct page *first;
	struct page *last;
};

/**
 * struct emul_pool - pages of a power domain that wait to be used again
 * @lock: protects all that follows up to @rcu
 * @free: pages that nobody reads
 * @waiting: pages that nobody will read after a grace period that has begun
 * @next: pages that need another
 * @nr: all of them
 * @rcu: of @waiting: one for many pages, as each costs more than all else here
 * @budget: memory of the history; at most an eighth of it waits, in addition to it
 */
struct emul_pool {
	spinlock_t lock;	/* all lists */
	struct emul_pages free;
	struct emul_pages waiting;
	struct emul_pages next;
	unsigned long nr;
	struct rcu_head rcu;
	const struct emul_budget *budget;
};

void emul_pool_init(struct emul_pool *p, const struct emul_budget *budget);
void emul_pool_exit(struct emul_pool *p);
void *emul_pool_get(struct emul_pool *p, gfp_t gfp);
void emul_pool_put(struct emul_pool *p, void *page);

#endif /* _ASBLK_EMUL_HIST_POOL_H */
