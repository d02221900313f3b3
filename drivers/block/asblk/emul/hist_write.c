// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/highmem.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "hist_write.h"

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
 * @map: memory to make it unreadable, or NULL if it is not to be
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
	struct bad_map *map;
};

/* A page for the store, with the write in it. Return: or an ERR_PTR. */
static void *chain_new_page(const struct chain_write *w, gfp_t gfp)
{
	/* One that takes the place of another takes nothing of the disk's memory. */
	void *page = w->had_page ? emul_pool_get(&w->chains->domain->pool, gfp) :
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
		emul_version_free(w->chains->domain, w->version);
	emul_bad_give(w->chains->bad, w->map);
	w->page = NULL;
	w->version = NULL;
	w->map = NULL;
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
		if (!emul_chain_add_leaf(w->chains, w->index, gfp))
			return -ENOBUFS;
		w->version = emul_version_alloc(w->chains->domain, r, w->index,
						emul_grains(w->offset, w->len),
						w->had_page ? w->len : 0, gfp);
		if (!w->version)
			return -ENOBUFS;
	}
	if (r && r->op == EMUL_OP_SPOIL) {
		w->map = emul_bad_reserve(w->chains->bad, gfp);
		if (!w->map)
			return -ENOMEM;
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

	if (w->chains->base)
		set_page_private(virt_to_page(w->page), emul_grains(w->offset, w->len));
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

/* A version is in its chain: what it wrote can be read again, or not. Under the chain's lock. */
static void chain_spoil(struct chain_write *w)
{
	u64 pos = (w->index << PAGE_SHIFT) + w->offset;

	if (likely(!w->map)) {
		emul_bad_heal(w->chains->bad, pos, w->len);
		return;
	}
	emul_bad_mark_reserved(w->chains->bad, w->map, pos, w->len);
	w->map = NULL;
}

/* Return: false if something has changed since chain_prepare(). Under the chain's lock. */
static bool chain_apply(struct chain_write *w, unsigned long *slot)
{
	void *page = chain_page(w->chains, w->index);
	struct emul_version *v = w->version;

	if (w->had_page != !!page)
		return false;
	if (!w->page)
		chain_overwrite(w, page);
	else if (!chain_replace(w, page))
		return false;
	if (v) {
		v->bad = emul_chain_bad(w->chains, w->index, v->covers);
		emul_chain_push(slot, v);
		chain_spoil(w);
	}
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
 * emul_chain_write - write, or make unreadable, and keep what was there before
 * @c: chains of the disk
 * @r: the command's record, or NULL to keep nothing
 * @pos: first byte, a multiple of %EMUL_GRAIN
 * @src: data, or NULL for zeroes and to make it unreadable
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
	struct emul_version *v;
	unsigned long *slot;
	void *page;

	if (!emul_chain_add_leaf(c, index, EMUL_GFP_WAIT))
		return -ENOBUFS;
	v = emul_version_alloc(c->domain, r, index, emul_grains(0, PAGE_SIZE), PAGE_SIZE,
			       EMUL_GFP_WAIT);
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
		v->bad = emul_chain_bad(c, index, v->covers);
		emul_chain_push(slot, v);
		emul_bad_heal(c->bad, index << PAGE_SHIFT, PAGE_SIZE);
	}
	emul_chain_unlock(slot);
	rcu_read_unlock();
	if (!page)
		emul_version_free(c->domain, v);
	return 0;
}

/**
 * emul_chain_unmap - make bytes read as zeroes, and keep what was there before
 * @c: chains of a disk that is no view
 * @r: the command's record
 * @pos: first byte, a multiple of %EMUL_GRAIN
 * @len: bytes, likewise
 *
 * What is a hole already does not change, even if it cannot be read.
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

