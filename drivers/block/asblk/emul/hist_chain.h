/* SPDX-License-Identifier: GPL-2.0-only */
/* What a disk's pages held before: for each page of the store a chain of versions, newest first. */
#ifndef _ASBLK_EMUL_HIST_CHAIN_H
#define _ASBLK_EMUL_HIST_CHAIN_H

#include <linux/bit_spinlock.h>

#include "bad_blocks.h"
#include "hist_cache.h"
#include "hist_version.h"
#include "store.h"

struct emul_base;

/* Chains of 2 MiB of a disk: pointers to the newest versions; bit 0 is the chain's lock. */
struct emul_chain_leaf {
	unsigned long newest[PAGE_SIZE / sizeof(unsigned long)];
};

/**
 * struct emul_chains - the versions of a disk
 * @leaf: table of @nr_leaves pointers, filled on first use and as fine as the store's
 * @nr_leaves: length of the table
 * @store: the pages
 * @bad: blocks that cannot be read; those of recorded disks change under the lock of a chain, too
 * @base: of a view: a page has data only in the grains that its private field names; the
 *	others are as in the base. NULL of any other disk, whose holes read as zeroes
 * @domain: the power domain
 * @disk: number in the domain
 * @flushes: what has made the data durable; under the domain's lock, as is all that follows
 * @cache: the volatile write cache
 * @in_flight: records that have not completed
 * @closed: no more are taken
 */
struct emul_chains {
	struct emul_chain_leaf **leaf;
	unsigned long nr_leaves;
	struct emul_store *store;
	struct emul_bad_blocks *bad;
	struct emul_base *base;
	struct emul_domain *domain;
	u32 disk;
	struct emul_flushes flushes;
	struct emul_cache cache;
	unsigned int in_flight;
	bool closed;
};

int emul_chains_init(struct emul_chains *c, struct emul_store *store,
		     struct emul_bad_blocks *bad, struct emul_domain *d, u32 disk);
void emul_chains_exit(struct emul_chains *c);
bool emul_chain_add_leaf(struct emul_chains *c, u64 index, gfp_t gfp);
void emul_chain_push(unsigned long *slot, struct emul_version *v);
void emul_chain_drop(struct emul_record *r);

/* Grains of a page of the store that there is data in. */
static inline u64 emul_chain_present(const struct emul_chains *c, const void *page)
{
	return !page ? 0 : c->base ? page_private(virt_to_page(page)) : U64_MAX;
}

u64 __emul_chain_bad(const struct emul_chains *c, u64 index, u64 mask);

/* Grains of @mask in page @index that cannot be read. */
static inline u64 emul_chain_bad(const struct emul_chains *c, u64 index, u64 mask)
{
	return unlikely(READ_ONCE(c->bad->any)) ? __emul_chain_bad(c, index, mask) : 0;
}

/* Pairs with the cmpxchg() of emul_chain_add_leaf(). Return: NULL if there is no version near. */
static inline unsigned long *emul_chain_slot(const struct emul_chains *c, u64 index)
{
	struct emul_chain_leaf *leaf = READ_ONCE(c->leaf[index >> STORE_LEAF_SHIFT]);

	return leaf ? &leaf->newest[index & (STORE_LEAF_ENTRIES - 1)] : NULL;
}

/* Chains are changed in softirqs, too. */
static inline void emul_chain_lock(unsigned long *slot)
	__acquires(bitlock)
{
	local_bh_disable();
	bit_spin_lock(0, slot);
}

static inline void emul_chain_unlock(unsigned long *slot)
	__releases(bitlock)
{
	bit_spin_unlock(0, slot);
	local_bh_enable();
}

static inline struct emul_version *emul_chain_newest(const unsigned long *slot)
{
	return (struct emul_version *)(*slot & ~1UL);
}

#endif /* _ASBLK_EMUL_HIST_CHAIN_H */
