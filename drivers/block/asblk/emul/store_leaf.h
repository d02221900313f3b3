/* SPDX-License-Identifier: GPL-2.0-only */
/* What store.c and store_free.c know of the store's two levels. */
#ifndef _ASBLK_EMUL_STORE_LEAF_H
#define _ASBLK_EMUL_STORE_LEAF_H

#include <linux/compiler.h>

#include "store.h"

#define STORE_LEAF_BYTES	((u64)PAGE_SIZE << STORE_LEAF_SHIFT)

struct store_leaf **emul_store_table(u64 size, unsigned long *nr_leaves);
bool emul_store_overwrite(struct emul_store *s, u64 pos, const void *src, u32 len);

/* Pairs with the cmpxchg() of store_add_leaf(). Under rcu_read_lock(). */
static inline struct store_leaf *store_leaf(const struct emul_store *s,
					    u64 index)
{
	return READ_ONCE(s->leaf[index >> STORE_LEAF_SHIFT]);
}

static inline unsigned long store_entry(const struct store_leaf *leaf, u64 index)
{
	return (unsigned long)READ_ONCE(leaf->page[index & (STORE_LEAF_ENTRIES - 1)]);
}

/*
 * To be read from. What is on its way out can still be read, until the grace period ends.
 * Pairs with the cmpxchg() of store_add() and of store_remove().
 */
static inline void *store_page(const struct store_leaf *leaf, u64 index)
{
	return (void *)(store_entry(leaf, index) & ~STORE_CLOSED);
}

/* To be written to: not if it is on its way out. */
static inline void *store_open_page(const struct store_leaf *leaf, u64 index)
{
	unsigned long entry = store_entry(leaf, index);

	return unlikely(entry & STORE_CLOSED) ? NULL : (void *)entry;
}

#endif /* _ASBLK_EMUL_STORE_LEAF_H */
