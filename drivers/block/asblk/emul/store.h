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
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/types.h>

#include "budget.h"

/*
 * For memory without which a command cannot be executed. Never the OOM killer: a
 * device without memory is an error, not a reason to kill. It may be needed to write
 * memory out, so it must not wait for that for ever.
 */
#define EMUL_GFP_WAIT	(GFP_NOIO | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)

#define STORE_LEAF_SHIFT	(PAGE_SHIFT - ilog2(sizeof(void *)))
#define STORE_LEAF_ENTRIES	(1UL << STORE_LEAF_SHIFT)

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

/**
 * struct emul_store - a sparse array of bytes
 * @leaf: table of @nr_leaves pointers
 * @nr_leaves: length of the table
 * @size: bytes, as made or resized last
 * @budget: what data and leaves are taken from
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

#endif /* _ASBLK_EMUL_STORE_H */
