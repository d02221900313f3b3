/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a disk's pages held before: for each page of the store a chain of versions, newest
 * first. A version is not the data that a command wrote, but the data that it replaced. So the
 * page in the store is what the live disk reads, with or without a history; and the oldest
 * version of a page is forgotten by freeing it, without moving any data.
 */
#ifndef _ASBLK_EMUL_HIST_CHAIN_H
#define _ASBLK_EMUL_HIST_CHAIN_H

#include <linux/bit_spinlock.h>
#include <linux/bits.h>
#include <linux/mm.h>

#include "hist_domain.h"
#include "store.h"

struct emul_base;

/* What a version tells apart: the smallest block, or as many bytes as 64 bits can tell. */
#define EMUL_GRAIN_SHIFT	(PAGE_SHIFT - 6 > 9 ? PAGE_SHIFT - 6 : 9)
#define EMUL_GRAIN		(1U << EMUL_GRAIN_SHIFT)

/**
 * struct emul_version - what a command replaced in a page
 * @older: the version before it, or NULL
 * @newer: the version after it, or NULL
 * @same: another version of the same record
 * @record: the command
 * @index: page of the disk
 * @covers: grains that the command wrote and no durable version after it did
 * @present: of those that it wrote, the grains that there was data in before
 * @before: that data, from the first grain that it wrote on; NULL if there was none
 * @bytes: length of @before
 * @first: that grain
 * @is_page: @before is a page that was in the store
 *
 * All but @same under the lock of the page's chain.
 */
struct emul_version {
	struct emul_version *older;
	struct emul_version *newer;
	struct emul_version *same;
	struct emul_record *record;
	u64 index;
	u64 covers;
	u64 present;
	void *before;
	u32 bytes;
	u8 first;
	bool is_page;
};

/* Chains of 2 MiB of a disk: pointers to the newest versions; bit 0 is the chain's lock. */
struct emul_chain_leaf {
	unsigned long newest[PAGE_SIZE / sizeof(unsigned long)];
};

/**
 * struct emul_chains - the versions of a disk
 * @leaf: table of @nr_leaves pointers, filled on first use and as fine as the store's
 * @nr_leaves: length of the table
 * @store: the pages
 * @base: of a view: a page has data only in the grains that its private field names; the
 *	others are as in the base. NULL of any other disk, whose holes read as zeroes
 * @domain: the power domain
 * @disk: number in the domain
 * @dirty: records (&emul_record.dirty) in the volatile cache; under the domain's lock, as is
 *	all that follows
 * @dirty_bytes: bytes that they wrote
 * @in_flight: records that have not completed
 * @closed: no more are taken
 */
struct emul_chains {
	struct emul_chain_leaf **leaf;
	unsigned long nr_leaves;
	struct emul_store *store;
	struct emul_base *base;
	struct emul_domain *domain;
	u32 disk;
	struct list_head dirty;
	u64 dirty_bytes;
	unsigned int in_flight;
	bool closed;
};

int emul_chains_init(struct emul_chains *c, struct emul_store *store, struct emul_domain *d,
		     u32 disk);
void emul_chains_exit(struct emul_chains *c);
int emul_chain_write(struct emul_chains *c, struct emul_record *r, u64 pos, const void *src,
		     u64 len, gfp_t gfp, u64 *done);
int emul_chain_unmap(struct emul_chains *c, struct emul_record *r, u64 pos, u64 len);
void emul_chain_drop(struct emul_record *r);

static inline u64 emul_grains(u32 offset, u32 len)
{
	return GENMASK_ULL((offset + len - 1) >> EMUL_GRAIN_SHIFT, offset >> EMUL_GRAIN_SHIFT);
}

/* Grains of a page of the store that there is data in. */
static inline u64 emul_chain_present(const struct emul_chains *c, const void *page)
{
	return !page ? 0 : c->base ? page_private(virt_to_page(page)) : U64_MAX;
}

/* Pairs with the cmpxchg() of chain_add_leaf(). Return: NULL if there is no version near. */
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
