/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page store: the medium of the emulated controller, in RAM.
 *
 * A table of leaves, each a page of 512 pointers to pages of data. Both levels
 * are looked up with plain loads and filled on first use with cmpxchg; there is no
 * lock. Pages, and leaves without any, are freed after an RCU grace period. A hole
 * reads as zeroes.
 */
#ifndef _ASBLK_EMUL_STORE_H
#define _ASBLK_EMUL_STORE_H

#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/types.h>

#include "budget.h"
#include "store_leaf.h"

/*
 * For memory without which a command cannot be executed. Never the OOM killer: a
 * device without memory is an error, not a reason to kill. It may be needed to write
 * memory out, so it must not wait for that for ever.
 */
#define EMUL_GFP_WAIT	(GFP_NOIO | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)

/**
 * struct emul_store - a sparse array of bytes
 * @leaf: table of @nr_leaves pointers
 * @nr_leaves: length of the table
 * @size: bytes, as made or resized last
 * @budget: of data and leaves
 * @pages: pages of data held. Shared by all queues, but touched only where a
 *	page is allocated or freed.
 */
struct emul_store {
	struct store_leaf **leaf;
	unsigned long nr_leaves;
	u64 size;
	struct emul_budget *budget;
	atomic_long_t pages ____cacheline_aligned_in_smp;
};

int emul_store_init(struct emul_store *s, u64 size, struct emul_budget *budget);
void emul_store_exit(struct emul_store *s);
int emul_store_resize(struct emul_store *s, u64 size);
void emul_store_read(const struct emul_store *s, u64 pos, void *dst, u32 len);
int emul_store_write(struct emul_store *s, u64 pos, const void *src, u32 len,
		     u32 *done);
int emul_store_reserve(struct emul_store *s, u64 pos, u64 len, bool wait);
int emul_store_write_wait(struct emul_store *s, u64 pos, const void *src,
			  u64 len, u64 *done);
void emul_store_unmap(struct emul_store *s, u64 pos, u64 len, bool erase);
u64 emul_store_used(const struct emul_store *s);

/* Pairs with the cmpxchg() of store_add_leaf(). Under rcu_read_lock(). */
static inline struct store_leaf *store_leaf(const struct emul_store *s,
					    u64 index)
{
	return READ_ONCE(s->leaf[index >> STORE_LEAF_SHIFT]);
}

/* Return: page @index, or NULL; under rcu_read_lock(). */
static inline void *emul_store_find(const struct emul_store *s, u64 index)
{
	const struct store_leaf *leaf = store_leaf(s, index);

	return leaf ? store_page(leaf, index) : NULL;
}

/* Shared by store.c and store_free.c. */
struct store_leaf **emul_store_table(u64 size, unsigned long *nr_leaves);
bool emul_store_overwrite(struct emul_store *s, u64 pos, const void *src, u32 len);

/* For the history, which keeps the pages that it replaces. */
void *emul_store_take_page(struct emul_store *s, gfp_t gfp);
void emul_store_give_page(struct emul_store *s, void *page);
int emul_store_want_leaf(struct emul_store *s, u64 index, gfp_t gfp);
bool emul_store_replace(struct emul_store *s, u64 index, void *old, void *new);
void *emul_store_take_out(struct emul_store *s, u64 index);
u64 emul_store_next_page(const struct emul_store *s, u64 pos, u64 end);

#endif /* _ASBLK_EMUL_STORE_H */
