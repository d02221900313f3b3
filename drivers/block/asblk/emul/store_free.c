// SPDX-License-Identifier: GPL-2.0-only
/* The store gives memory back: pages and leaves are unmapped, and freed by RCU. */
#include <kunit/visibility.h>
#include <linux/bottom_half.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "store.h"

/* Leaves that are looked at in a row. */
#define STORE_SKIP	65536ULL

static void store_free_page(struct rcu_head *head)
{
	__free_page(container_of(head, struct page, rcu_head));
}

/* A leaf with all that is still in it. */
static void store_free_closed(struct rcu_head *head)
{
	struct store_leaf *leaf = page_address(container_of(head, struct page, rcu_head));
	unsigned long i;

	for (i = 0; i < STORE_LEAF_ENTRIES; i++)
		free_page((unsigned long)store_page(leaf, i));
	free_page((unsigned long)leaf);
}

/*
 * Free a closed leaf and its @nr pages, soon: other users wait for the memory.
 */
static void store_drop_leaf(struct emul_store *s, u64 index, struct store_leaf *leaf, long nr)
{
	/* Before another leaf in its place can need the memory. */
	atomic_long_sub(nr, &s->pages);
	emul_budget_give(s->budget, (nr + 1) << PAGE_SHIFT);
	WRITE_ONCE(s->leaf[index >> STORE_LEAF_SHIFT], NULL);
	call_rcu_hurry(&virt_to_page(leaf)->rcu_head, store_free_closed);
}

static inline bool store_close(struct store_leaf *leaf, unsigned long i)
{
	return !test_and_set_bit(__ffs(STORE_CLOSED), (unsigned long *)&leaf->page[i]);
}

/*
 * Take a leaf out with all its pages. A write to one of them at the same time counts as
 * before. Under rcu_read_lock(). Return: false if another CPU has closed it.
 */
static bool store_remove_leaf(struct emul_store *s, struct store_leaf *leaf, u64 index,
			      bool erase)
{
	unsigned long i;
	long nr = 0;

	/* Writers that meet a closed leaf spin: no softirq on this CPU may. */
	local_bh_disable();
	if (!store_close(leaf, 0)) {
		local_bh_enable();
		return false;
	}
	for (i = 0; i < STORE_LEAF_ENTRIES; i++) {
		if (i)
			store_close(leaf, i);
		if (!store_page(leaf, i))
			continue;
		nr++;
		if (erase)
			clear_page(store_page(leaf, i));
	}
	store_drop_leaf(s, index, leaf, nr);
	local_bh_enable();
	return true;
}

/* Take a leaf out if nothing is left in it. Under rcu_read_lock(). */
static void store_prune_leaf(struct emul_store *s, struct store_leaf *leaf, u64 index)
{
	unsigned long i = 0;

	/* Again: another CPU that emptied it meanwhile has left it to this one. */
	while (i < STORE_LEAF_ENTRIES && !memchr_inv(leaf, 0, sizeof(*leaf))) {
		local_bh_disable();
		for (i = 0; i < STORE_LEAF_ENTRIES; i++)
			if (cmpxchg(&leaf->page[i], NULL, (void *)STORE_CLOSED))
				break;
		if (i == STORE_LEAF_ENTRIES) {
			store_drop_leaf(s, index, leaf, 0);
		} else {
			/* There is something now. */
			while (i--)
				/* The lock, the first, comes last: pairs with store_close() */
				smp_store_release(&leaf->page[i], NULL);
			i = 0;
		}
		local_bh_enable();
	}
}

/*
 * Make page @index a hole. Return: the page, which readers may still have for a grace period,
 * or NULL.
 */
static void *store_take_out(struct emul_store *s, struct store_leaf *leaf, u64 index)
{
	void **entry = &leaf->page[index & (STORE_LEAF_ENTRIES - 1)];
	void *page;

	do {
		page = store_open_page(leaf, index);
		/* Most of a sparse store is holes: do not dirty their cache lines. */
		if (!page)
			return NULL;
	} while (cmpxchg(entry, page, NULL) != page);
	atomic_long_dec(&s->pages);
	emul_budget_give(s->budget, PAGE_SIZE);
	return page;
}

/* Make page @index a hole. Return: true if there was one. */
static bool store_remove(struct emul_store *s, struct store_leaf *leaf,
			 u64 index, bool erase)
{
	void *page = store_take_out(s, leaf, index);

	if (!page)
		return false;
	if (erase)
		clear_page(page);
	call_rcu_hurry(&virt_to_page(page)->rcu_head, store_free_page);
	return true;
}

/*
 * Most of the table of a large store is empty: look at much of it at a time. Return: where
 * the first leaf from @pos on begins, or @pos if that is in it; @end if there is none.
 */
static u64 store_skip_holes(const struct emul_store *s, u64 pos, u64 end)
{
	u64 i = pos / STORE_LEAF_BYTES, last = DIV64_U64_ROUND_UP(end, STORE_LEAF_BYTES);

	while (i < last) {
		u64 nr = min(last - i, STORE_SKIP);
		const void *found = memchr_inv(&s->leaf[i], 0, nr * sizeof(*s->leaf));

		if (found) {
			i = (struct store_leaf **)PTR_ALIGN_DOWN(found, sizeof(*s->leaf)) -
			    s->leaf;
			return max(pos, i * STORE_LEAF_BYTES);
		}
		i += nr;
		cond_resched();
	}
	return end;
}

/*
 * Take page @index out of the store, for a user that keeps it. The leaf stays. Under
 * rcu_read_lock(). Return: the page, which readers may still have for a grace period, or NULL.
 */
void *emul_store_take_out(struct emul_store *s, u64 index)
{
	struct store_leaf *leaf = store_leaf(s, index);

	return leaf ? store_take_out(s, leaf, index) : NULL;
}

/* Return: the first byte from @pos on that is in a page, or @end. Context: may sleep. */
u64 emul_store_next_page(const struct emul_store *s, u64 pos, u64 end)
{
	while (pos < end) {
		const struct store_leaf *leaf;
		u64 leaf_end;
		bool has = false;

		pos = store_skip_holes(s, pos, end);
		leaf_end = min(end, round_up(pos + 1, STORE_LEAF_BYTES));
		rcu_read_lock();
		leaf = pos < end ? store_leaf(s, pos >> PAGE_SHIFT) : NULL;
		while (leaf && pos < leaf_end && !has) {
			has = store_page(leaf, pos >> PAGE_SHIFT);
			if (!has)
				pos = min(leaf_end, round_down(pos, PAGE_SIZE) + PAGE_SIZE);
		}
		rcu_read_unlock();
		if (has)
			return pos;
		if (!leaf)
			pos = leaf_end;
	}
	return end;
}

/* Make bytes of a leaf holes, or zeroes. Return: false to be called again for the same. */
static bool store_unmap_leaf(struct emul_store *s, u64 pos, u64 end, bool erase)
{
	u64 index = pos >> PAGE_SHIFT;
	struct store_leaf *leaf;
	bool removed = false, done = true;

	rcu_read_lock();
	leaf = store_leaf(s, index);
	if (!leaf)
		goto unlock;
	if (end - pos == STORE_LEAF_BYTES) {
		done = store_remove_leaf(s, leaf, index, erase);
		goto unlock;
	}
	while (pos < end) {
		u64 step = min(end - pos, PAGE_SIZE - offset_in_page(pos));

		if (step == PAGE_SIZE)
			removed |= store_remove(s, leaf, pos >> PAGE_SHIFT, erase);
		else
			emul_store_overwrite(s, pos, NULL, step);
		/* A closed leaf can still be read: unmapping ends when it is out. */
		if (store_entry(leaf, pos >> PAGE_SHIFT) & STORE_CLOSED) {
			done = false;
			break;
		}
		pos += step;
	}
	if (removed)
		store_prune_leaf(s, leaf, index);
unlock:
	rcu_read_unlock();
	return done;
}

/*
 * Make bytes read as zeroes and give whole pages back; parts of a page at the edges are zeroed.
 * @pos + @len is at most the size. @erase: overwrite pages before giving them back. Context:
 * may sleep.
 */
void emul_store_unmap(struct emul_store *s, u64 pos, u64 len, bool erase)
{
	u64 end = pos + len;

	while (pos < end) {
		u64 leaf_end;

		pos = store_skip_holes(s, pos, end);
		if (pos >= end)
			return;
		leaf_end = min(end, round_up(pos + 1, STORE_LEAF_BYTES));
		if (store_unmap_leaf(s, pos, leaf_end, erase))
			pos = leaf_end;
		cond_resched();
	}
}
EXPORT_SYMBOL_IF_KUNIT(emul_store_unmap);

/*
 * Change the size, in bytes and at least 1, of a store that nothing uses at the moment. Data
 * beyond it is lost, even if the store becomes larger again. Context: may sleep. Return: 0, or
 * -ENOMEM with nothing changed.
 */
int emul_store_resize(struct emul_store *s, u64 size)
{
	struct store_leaf **leaf;
	unsigned long nr_leaves;

	if (size < s->size)
		emul_store_unmap(s, size, s->size - size, false);
	/* A table that has been larger already is large enough. */
	if (size > (u64)s->nr_leaves << (PAGE_SHIFT + STORE_LEAF_SHIFT)) {
		leaf = emul_store_table(size, &nr_leaves);
		if (!leaf)
			return -ENOMEM;
		memcpy(leaf, s->leaf, s->nr_leaves * sizeof(*leaf));
		vfree(s->leaf);
		s->leaf = leaf;
		s->nr_leaves = nr_leaves;
	}
	s->size = size;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(emul_store_resize);
