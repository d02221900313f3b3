// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "store.h"

#define STORE_GFP_NOW	(GFP_NOWAIT | __GFP_NOWARN)

/* Context: may sleep. Return: a table for @size bytes, zeroed, or NULL. */
struct store_leaf **emul_store_table(u64 size, unsigned long *nr_leaves)
{
	u64 nr = ((size - 1) >> (PAGE_SHIFT + STORE_LEAF_SHIFT)) + 1;

	*nr_leaves = nr;
	/* A table too large for the machine is an error, not a reason to kill. */
	return __vmalloc(nr * sizeof(struct store_leaf *), GFP_KERNEL | __GFP_ZERO |
			 __GFP_NOWARN | __GFP_RETRY_MAYFAIL);
}

/*
 * An empty store of @size bytes, at least 1; @budget outlives it. Costs 8 bytes per 2 MiB of
 * @size at once, and a page per 2 MiB written to. Context: may sleep. Return: 0, -EFBIG if
 * @size cannot be addressed, or -ENOMEM.
 */
int emul_store_init(struct emul_store *s, u64 size, struct emul_budget *budget)
{
	if (size >> (PAGE_SHIFT + STORE_LEAF_SHIFT) >= LONG_MAX / sizeof(*s->leaf))
		return -EFBIG;
	s->budget = budget;
	s->size = size;
	atomic_long_set(&s->pages, 0);
	s->leaf = emul_store_table(size, &s->nr_leaves);
	return s->leaf ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_IF_KUNIT(emul_store_init);

static void store_free_leaf(struct emul_store *s, struct store_leaf *leaf)
{
	unsigned long i, nr = 1;

	for (i = 0; i < STORE_LEAF_ENTRIES; i++) {
		if (!leaf->page[i])
			continue;
		free_page((unsigned long)leaf->page[i]);
		nr++;
	}
	free_page((unsigned long)leaf);
	emul_budget_give(s->budget, nr << PAGE_SHIFT);
}

/* Free a store without users, and its data. Context: may sleep. */
void emul_store_exit(struct emul_store *s)
{
	unsigned long i;

	for (i = 0; i < s->nr_leaves; i++) {
		if (s->leaf[i])
			store_free_leaf(s, s->leaf[i]);
		/* A store may be larger than one can free without a break. */
		cond_resched();
	}
	vfree(s->leaf);
	s->leaf = NULL;
}
EXPORT_SYMBOL_IF_KUNIT(emul_store_exit);

/* Return: bytes of data held, whole pages; holes do not count. Context: any. */
u64 emul_store_used(const struct emul_store *s)
{
	return (u64)atomic_long_read(&s->pages) << PAGE_SHIFT;
}
EXPORT_SYMBOL_IF_KUNIT(emul_store_used);

/* Return: a page out of the budget, or -ENOSPC or -ENOMEM as an ERR_PTR. */
void *emul_store_take_page(struct emul_store *s, gfp_t gfp)
{
	void *page;

	if (!emul_budget_take(s->budget, PAGE_SIZE))
		return ERR_PTR(-ENOSPC);
	page = (void *)__get_free_page(gfp);
	if (page)
		return page;
	emul_budget_give(s->budget, PAGE_SIZE);
	return ERR_PTR(-ENOMEM);
}

/* Free a page that is in no leaf yet. */
void emul_store_give_page(struct emul_store *s, void *page)
{
	free_page((unsigned long)page);
	emul_budget_give(s->budget, PAGE_SIZE);
}

static bool store_is_closed(const struct emul_store *s, u64 index)
{
	const struct store_leaf *leaf;
	bool closed;

	rcu_read_lock();
	leaf = store_leaf(s, index);
	closed = leaf && store_entry(leaf, index) & STORE_CLOSED;
	rcu_read_unlock();
	return closed;
}

/* Put a leaf into the table for page @index, under rcu_read_lock(). Return: the leaf there. */
static struct store_leaf *store_add_leaf(struct emul_store *s, u64 index,
					 struct store_leaf *leaf)
{
	struct store_leaf *other = cmpxchg(&s->leaf[index >> STORE_LEAF_SHIFT], NULL, leaf);

	if (!other)
		return leaf;
	emul_store_give_page(s, leaf);
	return other;
}

/*
 * Whole pages to whole pages are most of the work: they get the kernel's best
 * copy, which on some architectures wants both aligned.
 */
static inline bool store_aligned(u64 pos, const void *memory, u32 len)
{
	return len >= PAGE_SIZE && PAGE_ALIGNED(pos | (unsigned long)memory);
}

/* Pages of a leaf from @pos on that @len bytes fill. */
static inline u32 store_leaf_run(u64 pos, u32 len)
{
	u64 index = pos >> PAGE_SHIFT;

	return min_t(u64, len >> PAGE_SHIFT, STORE_LEAF_ENTRIES -
		     (index & (STORE_LEAF_ENTRIES - 1)));
}

/* Read whole pages of one leaf. Return: bytes. */
static inline u32 store_read_pages(const struct emul_store *s, u64 pos,
				   void *dst, u32 len)
{
	struct store_leaf *leaf = store_leaf(s, pos >> PAGE_SHIFT);
	u32 i, nr = store_leaf_run(pos, len);

	for (i = 0; i < nr; i++, dst += PAGE_SIZE) {
		void *page = leaf ? store_page(leaf, (pos >> PAGE_SHIFT) + i) :
				    NULL;

		if (likely(page))
			copy_page(dst, page);
		else
			clear_page(dst);
	}
	return nr << PAGE_SHIFT;
}

/* Read within one page. Return: bytes. */
static u32 store_read_piece(const struct emul_store *s, u64 pos, void *dst,
			    u32 len)
{
	struct store_leaf *leaf = store_leaf(s, pos >> PAGE_SHIFT);
	void *page = leaf ? store_page(leaf, pos >> PAGE_SHIFT) : NULL;

	len = min_t(u32, len, PAGE_SIZE - offset_in_page(pos));
	if (page)
		memcpy(dst, page + offset_in_page(pos), len);
	else
		memset(dst, 0, len);
	return len;
}

/* Bytes @pos to @pos + @len are within the size. Context: any, under rcu_read_lock(). */
void emul_store_read(const struct emul_store *s, u64 pos, void *dst, u32 len)
{
	while (len) {
		u32 step = store_aligned(pos, dst, len) ?
			   store_read_pages(s, pos, dst, len) :
			   store_read_piece(s, pos, dst, len);

		pos += step;
		dst += step;
		len -= step;
	}
}
EXPORT_SYMBOL_IF_KUNIT(emul_store_read);

/*
 * Give page @index its memory, with @len bytes from @src at @offset and zeroes
 * around them; @src is NULL for zeroes alone. Return: as emul_store_take_page(), or -EEXIST if
 * another CPU was faster to add the page or to take its leaf out.
 */
static int store_add(struct emul_store *s, u64 index, const void *src,
		     u32 offset, u32 len, gfp_t gfp)
{
	bool whole = src && len == PAGE_SIZE;
	struct store_leaf *leaf, *new = NULL;
	void *page, *other;

	/* Not to a leaf that is about to be freed and uncharged. */
	if (store_is_closed(s, index))
		return -EEXIST;
	/* The page first: a write that is refused leaves no leaf behind. */
	page = emul_store_take_page(s, whole ? gfp : gfp | __GFP_ZERO);
	if (IS_ERR(page))
		return PTR_ERR(page);
	if (!READ_ONCE(s->leaf[index >> STORE_LEAF_SHIFT])) {
		new = emul_store_take_page(s, gfp | __GFP_ZERO);
		if (IS_ERR(new)) {
			emul_store_give_page(s, page);
			return PTR_ERR(new);
		}
	}
	if (src)
		memcpy(page + offset, src, len);
	rcu_read_lock();
	leaf = new ? store_add_leaf(s, index, new) : store_leaf(s, index);
	/* Full barrier: readers that see the page see its content. */
	other = leaf ? cmpxchg(&leaf->page[index & (STORE_LEAF_ENTRIES - 1)], NULL, page) :
		       ERR_PTR(-EAGAIN);
	rcu_read_unlock();
	if (!other) {
		atomic_long_inc(&s->pages);
		return 0;
	}
	emul_store_give_page(s, page);
	return -EEXIST;
}

/* Write within a page that exists; @src is NULL for zeroes. */
bool emul_store_overwrite(struct emul_store *s, u64 pos, const void *src, u32 len)
{
	struct store_leaf *leaf;
	void *page;

	rcu_read_lock();
	leaf = store_leaf(s, pos >> PAGE_SHIFT);
	page = leaf ? store_open_page(leaf, pos >> PAGE_SHIFT) : NULL;
	if (page && src)
		memcpy(page + offset_in_page(pos), src, len);
	else if (page)
		memset(page + offset_in_page(pos), 0, len);
	rcu_read_unlock();
	return page;
}

/* Write within one page. Not under rcu_read_lock() if @gfp sleeps. */
static int store_write_page(struct emul_store *s, u64 pos, const void *src,
			    u32 len, gfp_t gfp)
{
	while (!emul_store_overwrite(s, pos, src, len)) {
		int err = store_add(s, pos >> PAGE_SHIFT, src,
				    offset_in_page(pos), len, gfp);

		if (err != -EEXIST)
			return err;
		cpu_relax();
	}
	return 0;
}

/* Overwrite whole pages of one leaf, up to the first hole. Return: bytes. */
static inline u32 store_write_pages(struct emul_store *s, u64 pos,
				    const void *src, u32 len)
{
	struct store_leaf *leaf = store_leaf(s, pos >> PAGE_SHIFT);
	u32 i, nr = store_leaf_run(pos, len);

	if (unlikely(!leaf))
		return 0;
	for (i = 0; i < nr; i++, src += PAGE_SIZE) {
		void *page = store_open_page(leaf, (pos >> PAGE_SHIFT) + i);

		if (unlikely(!page))
			break;
		copy_page(page, (void *)src);
	}
	return i << PAGE_SHIFT;
}

/*
 * Write without sleeping; @pos + @len is at most the size, and @done is incremented by the
 * bytes written. Overlapping writes and unmaps at the same time end in any order, page by
 * page. Context: any, under rcu_read_lock(). Return: 0, -ENOSPC if the memory limit is
 * reached, or -ENOMEM if there is no memory at once; both may leave a part from the front
 * written.
 */
int emul_store_write(struct emul_store *s, u64 pos, const void *src, u32 len,
		     u32 *done)
{
	while (len) {
		u32 step = 0;
		int err;

		if (store_aligned(pos, src, len))
			step = store_write_pages(s, pos, src, len);
		if (!step) {
			step = min_t(u32, len, PAGE_SIZE - offset_in_page(pos));
			err = store_write_page(s, pos, src, step,
					       STORE_GFP_NOW);
			if (err)
				return err;
		}
		*done += step;
		pos += step;
		src += step;
		len -= step;
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(emul_store_write);

static bool store_has_page(const struct emul_store *s, u64 index)
{
	const struct store_leaf *leaf;
	bool has;

	rcu_read_lock();
	leaf = store_leaf(s, index);
	has = leaf && store_open_page(leaf, index);
	rcu_read_unlock();
	return has;
}

/*
 * Allocate the pages of a write that must not be done in part; @pos + @len is at most the
 * size. Holes become zeroes, which read the same. Context: may sleep if @wait, else any, under
 * rcu_read_lock(). Return: as emul_store_write(), with nothing written.
 */
int emul_store_reserve(struct emul_store *s, u64 pos, u64 len, bool wait)
{
	u64 index, last = (pos + len - 1) >> PAGE_SHIFT;

	for (index = pos >> PAGE_SHIFT; index <= last; ) {
		int err = 0;

		if (!store_has_page(s, index))
			err = store_add(s, index, NULL, 0, 0,
					wait ? EMUL_GFP_WAIT : STORE_GFP_NOW);
		if (!err)
			index++;
		else if (err != -EEXIST)
			return err;
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(emul_store_reserve);

/*
 * As emul_store_write(), but waits for memory. @src is NULL for zeroes, which take memory all
 * the same. Context: may sleep.
 */
int emul_store_write_wait(struct emul_store *s, u64 pos, const void *src,
			  u64 len, u64 *done)
{
	while (len) {
		u32 step = min_t(u64, len, PAGE_SIZE - offset_in_page(pos));
		int err = store_write_page(s, pos, src, step, EMUL_GFP_WAIT);

		if (err)
			return err;
		*done += step;
		pos += step;
		if (src)
			src += step;
		len -= step;
		cond_resched();
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(emul_store_write_wait);

/*
 * See to it that page @index can be put into the store. Context: as @gfp says. Return: 0,
 * -ENOSPC or -ENOMEM.
 */
int emul_store_want_leaf(struct emul_store *s, u64 index, gfp_t gfp)
{
	void *leaf;

	if (READ_ONCE(s->leaf[index >> STORE_LEAF_SHIFT]))
		return 0;
	leaf = emul_store_take_page(s, gfp | __GFP_ZERO);
	if (IS_ERR(leaf))
		return PTR_ERR(leaf);
	rcu_read_lock();
	store_add_leaf(s, index, leaf);
	rcu_read_unlock();
	return 0;
}

/*
 * Put page @new, out of the store's budget if @old is NULL, in the place of @old, which is the
 * caller's from then on; users may have it for a grace period. Under rcu_read_lock(). Return:
 * false if another page is there, or its leaf is being taken out.
 */
bool emul_store_replace(struct emul_store *s, u64 index, void *old, void *new)
{
	struct store_leaf *leaf = store_leaf(s, index);

	/* Full barrier: readers that see the page see its content. */
	if (!leaf || cmpxchg(&leaf->page[index & (STORE_LEAF_ENTRIES - 1)], old, new) != old)
		return false;
	if (!old)
		atomic_long_inc(&s->pages);
	return true;
}
