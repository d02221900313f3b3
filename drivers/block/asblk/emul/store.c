// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/bottom_half.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "store.h"

/* What a leaf covers, and how many of them are looked at in a row. */
#define STORE_LEAF_BYTES	((u64)PAGE_SIZE << STORE_LEAF_SHIFT)
#define STORE_SKIP		65536ULL

#define STORE_GFP_NOW	(GFP_NOWAIT | __GFP_NOWARN)

static struct store_leaf **store_table(u64 size, unsigned long *nr_leaves)
{
	u64 nr = ((size - 1) >> (PAGE_SHIFT + STORE_LEAF_SHIFT)) + 1;

	*nr_leaves = nr;
	/* A table too large for the machine is an error, not a reason to kill. */
	return __vmalloc(nr * sizeof(struct store_leaf *), GFP_KERNEL | __GFP_ZERO |
			 __GFP_NOWARN | __GFP_RETRY_MAYFAIL);
}

/**
 * emul_store_init - make an empty store
 * @s: store
 * @size: bytes, at least 1
 * @budget: what data and leaves are taken from; outlives the store
 *
 * Costs 8 bytes per 2 MiB of @size at once, and a page per 2 MiB written to.
 *
 * Context: may sleep.
 * Return: 0, -EFBIG if @size cannot be addressed, or -ENOMEM.
 */
int emul_store_init(struct emul_store *s, u64 size, struct emul_budget *budget)
{
	if (size >> (PAGE_SHIFT + STORE_LEAF_SHIFT) >= LONG_MAX / sizeof(*s->leaf))
		return -EFBIG;
	s->budget = budget;
	s->size = size;
	atomic_long_set(&s->pages, 0);
	s->leaf = store_table(size, &s->nr_leaves);
	return s->leaf ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_IF_KUNIT(emul_store_init);

/**
 * emul_store_resize - change the size of a store
 * @s: store that nobody uses at the moment
 * @size: bytes, at least 1
 *
 * What is beyond the new size is gone, even if it becomes larger again.
 *
 * Context: may sleep.
 * Return: 0, or -ENOMEM with nothing changed.
 */
int emul_store_resize(struct emul_store *s, u64 size)
{
	struct store_leaf **leaf;
	unsigned long nr_leaves;

	if (size < s->size)
		emul_store_unmap(s, size, s->size - size, false);
	/* A table that has been larger already is large enough. */
	if (size > (u64)s->nr_leaves << (PAGE_SHIFT + STORE_LEAF_SHIFT)) {
		leaf = store_table(size, &nr_leaves);
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

/**
 * emul_store_exit - free a store and its data
 * @s: store that nobody uses any more
 *
 * Context: may sleep.
 */
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

/**
 * emul_store_used - bytes of data held
 * @s: store
 *
 * Context: any.
 * Return: bytes, a multiple of the page size; holes do not count.
 */
u64 emul_store_used(const struct emul_store *s)
{
	return (u64)atomic_long_read(&s->pages) << PAGE_SHIFT;
}
EXPORT_SYMBOL_IF_KUNIT(emul_store_used);

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

/* Return: a page out of the budget, or -ENOSPC or -ENOMEM as an ERR_PTR. */
static void *store_take_page(struct emul_store *s, gfp_t gfp)
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

/* Give a page back that nobody else has seen. */
static void store_give_page(struct emul_store *s, void *page)
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

/* Put a leaf into the table for page @index. Under rcu_read_lock(). Return: what is there. */
static struct store_leaf *store_add_leaf(struct emul_store *s, u64 index,
					 struct store_leaf *leaf)
{
	struct store_leaf *other = cmpxchg(&s->leaf[index >> STORE_LEAF_SHIFT], NULL, leaf);

	if (!other)
		return leaf;
	store_give_page(s, leaf);
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

/**
 * emul_store_read - read
 * @s: store
 * @pos: first byte; @pos + @len is at most the size
 * @dst: where to
 * @len: bytes
 *
 * Context: any, under rcu_read_lock().
 */
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
 * around them; @src is NULL for zeroes alone. Return: as store_take_page(), or -EEXIST if
 * somebody else was faster, be it to add the page or to take its leaf out.
 */
static int store_add(struct emul_store *s, u64 index, const void *src,
		     u32 offset, u32 len, gfp_t gfp)
{
	bool whole = src && len == PAGE_SIZE;
	struct store_leaf *leaf, *new = NULL;
	void *page, *other;

	/* Not for one that is about to go, with what is charged for it. */
	if (store_is_closed(s, index))
		return -EEXIST;
	/* The page first: a write that is refused leaves no leaf behind. */
	page = store_take_page(s, whole ? gfp : gfp | __GFP_ZERO);
	if (IS_ERR(page))
		return PTR_ERR(page);
	if (!READ_ONCE(s->leaf[index >> STORE_LEAF_SHIFT])) {
		new = store_take_page(s, gfp | __GFP_ZERO);
		if (IS_ERR(new)) {
			store_give_page(s, page);
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
	store_give_page(s, page);
	return -EEXIST;
}

/* Write within a page that exists; @src is NULL for zeroes. */
static bool store_overwrite(struct emul_store *s, u64 pos, const void *src,
			    u32 len)
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
	while (!store_overwrite(s, pos, src, len)) {
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

/**
 * emul_store_write - write without sleeping
 * @s: store
 * @pos: first byte; @pos + @len is at most the size
 * @src: where from
 * @len: bytes
 * @done: bytes written are added here
 *
 * Overlapping writes and unmaps at the same time end in any order, page by page.
 *
 * Context: any, under rcu_read_lock().
 * Return: 0, -ENOSPC if the memory limit is reached, or -ENOMEM if there is no
 * memory at once; with both a part from the front may have been written.
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

/**
 * emul_store_reserve - see to it that a write finds memory
 * @s: store
 * @pos: first byte; @pos + @len is at most the size
 * @len: bytes
 * @wait: wait for memory
 *
 * What is a hole becomes zeroes, which reads the same. For a write that must not be
 * done in part.
 *
 * Context: may sleep if @wait, else any, under rcu_read_lock().
 * Return: as emul_store_write(), with nothing written.
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

/**
 * emul_store_write_wait - write, waiting for memory
 * @s: store
 * @pos: first byte; @pos + @len is at most the size
 * @src: where from; NULL for zeroes, for which memory is taken all the same
 * @len: bytes
 * @done: bytes written are added here
 *
 * Context: may sleep.
 * Return: as emul_store_write().
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
 * A closed leaf goes, with @nr pages. Soon: memory that is not used any more is somebody
 * else's to use.
 */
static void store_drop_leaf(struct emul_store *s, u64 index, struct store_leaf *leaf, long nr)
{
	/* Before anybody can need it for another one in its place. */
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
 * Take a leaf out with all its pages. Whoever writes to one of them at that time has
 * written it before. Under rcu_read_lock(). Return: false if somebody else is about to
 * take it out, or to leave it.
 */
static bool store_remove_leaf(struct emul_store *s, struct store_leaf *leaf, u64 index,
			      bool erase)
{
	unsigned long i;
	long nr = 0;

	/* Who meets a closed leaf waits for us: no softirq may, on this CPU. */
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

	/* Again: whoever emptied it meanwhile has left it to us. */
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
 * Make page @index a hole; readers may still have it for a grace period. Return: true if
 * there was one.
 */
static bool store_remove(struct emul_store *s, struct store_leaf *leaf,
			 u64 index, bool erase)
{
	void **entry = &leaf->page[index & (STORE_LEAF_ENTRIES - 1)];
	void *page;

	do {
		page = store_open_page(leaf, index);
		/* Most of a sparse store is holes: do not dirty their cache lines. */
		if (!page)
			return false;
	} while (cmpxchg(entry, page, NULL) != page);
	if (erase)
		clear_page(page);
	atomic_long_dec(&s->pages);
	emul_budget_give(s->budget, PAGE_SIZE);
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
			store_overwrite(s, pos, NULL, step);
		/* What is on its way out is still read: not done before it is out. */
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

/**
 * emul_store_unmap - make bytes read as zeroes and give whole pages back
 * @s: store
 * @pos: first byte; @pos + @len is at most the size
 * @len: bytes; parts of a page at the edges are zeroed
 * @erase: overwrite pages before they are given back
 *
 * Context: may sleep.
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
