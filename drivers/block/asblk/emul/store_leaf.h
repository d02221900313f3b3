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
 * A leaf that is being taken out of the table: no page is added to it or written. The CPU
 * that sets the mark in the first entry sets it in the others; if the leaf has to stay, it
 * clears the first one last.
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
 * For reading: a page that is being taken out can be read until the grace period ends.
 * Pairs with the cmpxchg() of store_add() and of store_remove().
 */
static inline void *store_page(const struct store_leaf *leaf, u64 index)
{
	return (void *)(store_entry(leaf, index) & ~STORE_CLOSED);
}

/* For writing: not a page that is being taken out. */
static inline void *store_open_page(const struct store_leaf *leaf, u64 index)
{
	unsigned long entry = store_entry(leaf, index);

	return unlikely(entry & STORE_CLOSED) ? NULL : (void *)entry;
}

#endif /* _ASBLK_EMUL_STORE_LEAF_H */
