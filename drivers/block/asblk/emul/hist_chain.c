// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/highmem.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "hist_chain.h"

/**
 * struct chain_write - a write within a page, with the memory for it
 * @chains: chains
 * @index: page
 * @offset: first byte in it
 * @len: and how many
 * @src: data, or NULL for zeroes
 * @had_page: there was a page in the store when memory was allocated
 * @page: goes there, with the data in it, or NULL
 * @version: takes what was there before, or NULL without a record
 */
struct chain_write {
	struct emul_chains *chains;
	u64 index;
	u32 offset;
	u32 len;
	const void *src;
	bool had_page;
	void *page;
	struct emul_version *version;
};

/*
 * The chains of a disk, which are empty; @store and @d outlive them. Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int emul_chains_init(struct emul_chains *c, struct emul_store *store, struct emul_domain *d,
		     u32 disk)
{
	*c = (struct emul_chains) { .store = store, .domain = d, .disk = disk };
	INIT_LIST_HEAD(&c->dirty);
	/* As long as the store's table, which may be longer than its size needs. */
	c->nr_leaves = store->nr_leaves;
	c->leaf = __vmalloc(c->nr_leaves * sizeof(*c->leaf), GFP_NOIO | __GFP_ZERO |
			    __GFP_NOWARN | __GFP_RETRY_MAYFAIL);
	return c->leaf ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_IF_KUNIT(emul_chains_init);

/* No version is left. Context: may sleep. */
void emul_chains_exit(struct emul_chains *c)
{
	unsigned long i;

	for (i = 0; i < c->nr_leaves; i++) {
		if (c->leaf[i]) {
			free_page((unsigned long)c->leaf[i]);
			emul_budget_give(&c->domain->budget, PAGE_SIZE);
		}
		cond_resched();
	}
	vfree(c->leaf);
	c->leaf = NULL;
}
EXPORT_SYMBOL_IF_KUNIT(emul_chains_exit);

/* Return: a page out of the history's budget, or NULL. */
static void *chain_take_page(struct emul_chains *c, gfp_t gfp)
{
	void *page;

	if (!emul_budget_take(&c->domain->budget, PAGE_SIZE))
		return NULL;
	page = (void *)__get_free_page(gfp);
	if (!page)
		emul_budget_give(&c->domain->budget, PAGE_SIZE);
	return page;
}

static bool chain_add_leaf(struct emul_chains *c, u64 index, gfp_t gfp)
{
	struct emul_chain_leaf **slot = &c->leaf[index >> STORE_LEAF_SHIFT], *leaf;

	if (likely(READ_ONCE(*slot)))
		return true;
	leaf = chain_take_page(c, gfp | __GFP_ZERO);
	if (!leaf)
		return false;
	if (cmpxchg(slot, NULL, leaf)) {
		free_page((unsigned long)leaf);
		emul_budget_give(&c->domain->budget, PAGE_SIZE);
	}
	return true;
}

/* A version for a write, with memory for what a part of a page holds before. */
static struct emul_version *version_alloc(const struct chain_write *w, struct emul_record *r,
					  gfp_t gfp)
{
	struct emul_budget *b = &w->chains->domain->budget;
	u32 bytes = w->had_page ? w->len : 0;
	struct emul_version *v;

	if (!emul_budget_take(b, sizeof(*v) + bytes))
		return NULL;
	v = kmalloc_obj(*v, gfp);
	if (!v)
		goto give;
	*v = (struct emul_version) {
		.record = r, .index = w->index, .covers = emul_grains(w->offset, w->len),
		.bytes = bytes, .first = w->offset >> EMUL_GRAIN_SHIFT,
	};
	/* The whole of a page is the page itself, once it is replaced. */
	if (!bytes || bytes == PAGE_SIZE)
		return v;
	v->before = kmalloc(bytes, gfp);
	if (v->before)
		return v;
	kfree(v);
give:
	emul_budget_give(b, sizeof(*v) + bytes);
	return NULL;
}

/*
 * The kernel may fill new pages with zeroes: those that retire are used again. They are taken out
 * of the history's memory, and a few of them may be kept.
 */
static void chain_pool_page(struct rcu_head *head)
{
	struct page *page = container_of(head, struct page, rcu_head);
	struct emul_domain *d = (struct emul_domain *)page_private(page);

	set_page_private(page, 0);
	if (atomic_inc_return(&d->nr_pool) * PAGE_SIZE > READ_ONCE(d->budget.limit) / EMUL_POOL) {
		atomic_dec(&d->nr_pool);
		__free_page(page);
		return;
	}
	llist_add(page_address(page), &d->pool);
}

static void *chain_get_page(struct emul_domain *d, gfp_t gfp)
{
	struct llist_node *page = NULL;

	if (!llist_empty(&d->pool)) {
		/* Several can add at a time, but only one take. */
		spin_lock_bh(&d->pool_lock);
		page = llist_del_first(&d->pool);
		spin_unlock_bh(&d->pool_lock);
	}
	if (!page)
		return (void *)__get_free_page(gfp);
	atomic_dec(&d->nr_pool);
	return page;
}

/* Free what a version has kept. The live disk may still be reading a page that was replaced. */
static void version_free_before(struct emul_version *v)
{
	struct emul_domain *d = v->record->chains->domain;

	if (v->is_page) {
		set_page_private(virt_to_page(v->before), (unsigned long)d);
		call_rcu_hurry(&virt_to_page(v->before)->rcu_head, chain_pool_page);
	} else {
		kfree(v->before);
	}
	emul_budget_give(&d->budget, v->bytes);
	v->before = NULL;
	v->bytes = 0;
	v->is_page = false;
}

static void version_free(struct emul_version *v)
{
	version_free_before(v);
	emul_budget_give(&v->record->chains->domain->budget, sizeof(*v));
	kfree(v);
}

/* A page for the store, with the write in it. Return: or an ERR_PTR. */
static void *chain_new_page(const struct chain_write *w, gfp_t gfp)
{
	/* One that takes the place of another takes nothing of the disk's memory. */
	void *page = w->had_page ? chain_get_page(w->chains->domain, gfp) :
		     emul_store_take_page(w->chains->store, gfp | __GFP_ZERO);

	if (!page)
		return ERR_PTR(-ENOBUFS);
	if (IS_ERR(page))
		return page;
	/* The kernel's best copy wants pages. */
	if (w->src && w->len == PAGE_SIZE && PAGE_ALIGNED(w->src))
		copy_page(page, (void *)w->src);
	else if (w->src)
		memcpy(page + w->offset, w->src, w->len);
	else if (w->had_page)
		clear_page(page);
	return page;
}

static void *chain_page(const struct emul_chains *c, u64 index)
{
	struct store_leaf *leaf = store_leaf(c->store, index);

	return leaf ? store_open_page(leaf, index) : NULL;
}

static void chain_write_free(struct chain_write *w)
{
	if (!IS_ERR_OR_NULL(w->page)) {
		if (w->had_page)
			free_page((unsigned long)w->page);
		else
			emul_store_give_page(w->chains->store, w->page);
	}
	if (w->version)
		version_free(w->version);
	w->page = NULL;
	w->version = NULL;
}

/*
 * Take the memory for a write. Return: 0, -ENOBUFS without memory for the history, or as
 * emul_store_write() without memory for the data.
 */
static int chain_prepare(struct chain_write *w, struct emul_record *r, gfp_t gfp)
{
	bool whole = w->len == PAGE_SIZE;

	rcu_read_lock();
	w->had_page = chain_page(w->chains, w->index);
	rcu_read_unlock();
	if (r) {
		if (!chain_add_leaf(w->chains, w->index, gfp))
			return -ENOBUFS;
		w->version = version_alloc(w, r, gfp);
		if (!w->version)
			return -ENOBUFS;
	}
	/* Without a version a page can be written to as it is. */
	if (!w->had_page || (whole && r)) {
		w->page = chain_new_page(w, gfp);
		if (IS_ERR(w->page))
			return PTR_ERR(w->page);
	}
	return w->had_page ? 0 : emul_store_want_leaf(w->chains->store, w->index, gfp);
}

/* The write is in a new page. Return: false if that cannot be put into the store now. */
static bool chain_replace(struct chain_write *w, void *old)
{
	struct emul_version *v = w->version;
	u64 mask = emul_grains(w->offset, w->len);

	set_page_private(virt_to_page(w->page), mask);
	if (!emul_store_replace(w->chains->store, w->index, old, w->page))
		return false;
	w->page = NULL;
	if (!old)
		return true;
	v->before = old;
	v->is_page = true;
	v->present = emul_chain_present(w->chains, old);
	return true;
}

/* Write into the page that is there. */
static void chain_overwrite(struct chain_write *w, void *page)
{
	struct emul_version *v = w->version;
	u64 mask = emul_grains(w->offset, w->len);

	if (v) {
		memcpy(v->before, page + w->offset, w->len);
		v->present = emul_chain_present(w->chains, page) & mask;
	}
	if (w->src)
		memcpy(page + w->offset, w->src, w->len);
	else
		memset(page + w->offset, 0, w->len);
	if (w->chains->base)
		set_page_private(virt_to_page(page), page_private(virt_to_page(page)) | mask);
}

/* The newest version of a page. Under the chain's lock. */
static void chain_push(unsigned long *slot, struct emul_version *v)
{
	struct emul_version *older = emul_chain_newest(slot);

	v->older = older;
	if (older)
		older->newer = v;
	*slot = (unsigned long)v | 1;
	v->same = v->record->versions;
	v->record->versions = v;
}

/* Return: false if something has changed since chain_prepare(). Under the chain's lock. */
static bool chain_apply(struct chain_write *w, unsigned long *slot)
{
	void *page = chain_page(w->chains, w->index);

	if (w->had_page != !!page)
		return false;
	if (!w->page)
		chain_overwrite(w, page);
	else if (!chain_replace(w, page))
		return false;
	if (w->version)
		chain_push(slot, w->version);
	w->version = NULL;
	return true;
}

static bool chain_apply_locked(struct chain_write *w, unsigned long *slot)
{
	bool done;

	emul_chain_lock(slot);
	done = chain_apply(w, slot);
	emul_chain_unlock(slot);
	return done;
}

/* Write within a page. */
static int chain_write_page(struct emul_chains *c, struct emul_record *r, u64 pos,
			    const void *src, u32 len, gfp_t gfp)
{
	struct chain_write w = {
		.chains = c, .index = pos >> PAGE_SHIFT, .offset = offset_in_page(pos),
		.len = len, .src = src,
	};
	bool done = false;
	int err;

	while (!done) {
		err = chain_prepare(&w, r, gfp);
		if (!err) {
			rcu_read_lock();
			done = r ? chain_apply_locked(&w, emul_chain_slot(c, w.index)) :
				   chain_apply(&w, NULL);
			rcu_read_unlock();
		}
		chain_write_free(&w);
		if (err)
			return err;
		if (!done)
			cpu_relax();
	}
	return 0;
}

/**
 * emul_chain_write - write, and keep what was there before
 * @c: chains of the disk
 * @r: the command's record, or NULL to keep nothing
 * @pos: first byte, a multiple of %EMUL_GRAIN
 * @src: data, or NULL for zeroes
 * @len: bytes, likewise
 * @gfp: how to find memory
 * @done: incremented by the bytes written
 *
 * Context: as @gfp says; outside rcu_read_lock() if that sleeps.
 * Return: 0; -ENOBUFS without memory for the history, -ENOSPC or -ENOMEM without memory for the
 * data. A part from the front may be written; it can be written again.
 */
int emul_chain_write(struct emul_chains *c, struct emul_record *r, u64 pos, const void *src,
		     u64 len, gfp_t gfp, u64 *done)
{
	while (len) {
		u32 step = min_t(u64, len, PAGE_SIZE - offset_in_page(pos));
		int err = chain_write_page(c, r, pos, src, step, gfp);

		if (err)
			return err;
		*done += step;
		pos += step;
		if (src)
			src += step;
		len -= step;
		if (gfpflags_allow_blocking(gfp))
			cond_resched();
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(emul_chain_write);

/* Make a page a hole, and keep it. Return: as emul_chain_write(). */
static int chain_unmap_page(struct emul_chains *c, struct emul_record *r, u64 index)
{
	struct chain_write w = {
		.chains = c, .index = index, .len = PAGE_SIZE, .had_page = true,
	};
	struct emul_version *v = NULL;
	unsigned long *slot;
	void *page;

	if (!chain_add_leaf(c, index, EMUL_GFP_WAIT))
		return -ENOBUFS;
	v = version_alloc(&w, r, EMUL_GFP_WAIT);
	if (!v)
		return -ENOBUFS;
	slot = emul_chain_slot(c, index);
	rcu_read_lock();
	emul_chain_lock(slot);
	page = emul_store_take_out(c->store, index);
	if (page) {
		v->before = page;
		v->is_page = true;
		v->present = U64_MAX;
		chain_push(slot, v);
	}
	emul_chain_unlock(slot);
	rcu_read_unlock();
	if (!page)
		version_free(v);
	return 0;
}

/**
 * emul_chain_unmap - make bytes read as zeroes, and keep what was there before
 * @c: chains of a disk that is no view
 * @r: the command's record
 * @pos: first byte, a multiple of %EMUL_GRAIN
 * @len: bytes, likewise
 *
 * What is a hole already does not change.
 *
 * Context: may sleep.
 * Return: as emul_chain_write().
 */
int emul_chain_unmap(struct emul_chains *c, struct emul_record *r, u64 pos, u64 len)
{
	u64 end = pos + len, done = 0;
	int err = 0;

	while (!err && (pos = emul_store_next_page(c->store, pos, end)) < end) {
		u32 step = min_t(u64, end - pos, PAGE_SIZE - offset_in_page(pos));

		if (step == PAGE_SIZE)
			err = chain_unmap_page(c, r, pos >> PAGE_SHIFT);
		else
			err = emul_chain_write(c, r, pos, NULL, step, EMUL_GFP_WAIT, &done);
		pos += step;
		cond_resched();
	}
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(emul_chain_unmap);

/* Take a version out of its chain. Under the chain's lock. */
static void chain_unlink(unsigned long *slot, struct emul_version *v)
{
	if (v->older)
		v->older->newer = v->newer;
	if (v->newer)
		v->newer->older = v->older;
	else
		*slot = (unsigned long)v->older | 1;
	v->older = NULL;
	v->newer = NULL;
}

/*
 * Forget what a version has replaced, and with it all that older versions have written to the
 * same grains: nobody can see that any more. An older version of which nothing is left keeps
 * only its place in the list of its record. Under the chain's lock.
 */
static void chain_forget(unsigned long *slot, struct emul_version *v)
{
	struct emul_version *w, *older;

	for (w = v->older; w; w = older) {
		older = w->older;
		w->covers &= ~v->covers;
		if (w->covers)
			continue;
		chain_unlink(slot, w);
		version_free_before(w);
	}
	if (v->covers)
		chain_unlink(slot, v);
}

/**
 * emul_chain_drop - what a record replaced becomes unknown
 * @r: record of a command that is durable at the oldest instant that anybody looks at, or
 *	whose disk nobody looks at any more
 *
 * Context: any but hard interrupts.
 */
void emul_chain_drop(struct emul_record *r)
{
	struct emul_version *v;

	while ((v = r->versions)) {
		unsigned long *slot = emul_chain_slot(r->chains, v->index);

		r->versions = v->same;
		emul_chain_lock(slot);
		chain_forget(slot, v);
		emul_chain_unlock(slot);
		version_free(v);
	}
}
EXPORT_SYMBOL_IF_KUNIT(emul_chain_drop);
