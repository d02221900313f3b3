/* SPDX-License-Identifier: GPL-2.0-only */
/* A leaf of the store: a page of pointers to pages of data. */
#ifndef _ASBLK_EMUL_STORE_LEAF_H
#define _ASBLK_EMUL_STORE_LEAF_H

#include <linux/compiler.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/types.h>

#define STORE_LEAF_SHIFT	(PAGE_SHIFT - ilog2(sizeof(void *)))
#define STORE_LEAF_ENTRIES	(1UL << STORE_LEAF_SHIFT)
#define STORE_LEAF_BYTES	((u64)PAGE_SIZE << STORE_LEAF_SHIFT)

/*
 * A leaf that is on its way out of the table: nothing is added to it, nor written. Set in
 * each of its entries, by whoever has set it in the first; who finds that the leaf has to
 * stay takes it back there last.
 */
#define STORE_CLOSED		1UL

/* One page of pointers; of the bits below PAGE_SHIFT only STORE_CLOSED is ever set. */
struct store_leaf {
	void *page[PAGE_SIZE / sizeof(void *)];
};

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
