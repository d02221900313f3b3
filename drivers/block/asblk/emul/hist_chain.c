// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "hist_chain.h"

/*
 * The chains of a disk, which are empty; @store, @bad and @d outlive them. Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int emul_chains_init(struct emul_chains *c, struct emul_store *store,
		     struct emul_bad_blocks *bad, struct emul_domain *d, u32 disk)
{
	*c = (struct emul_chains) { .store = store, .bad = bad, .domain = d, .disk = disk };
	emul_cache_init(&c->cache);
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

/* Chains for page @index and those near it. Context: as @gfp says. Return: false without memory. */
bool emul_chain_add_leaf(struct emul_chains *c, u64 index, gfp_t gfp)
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

u64 __emul_chain_bad(const struct emul_chains *c, u64 index, u64 mask)
{
	u64 bad = 0, left;

	for (left = mask; left; left &= left - 1) {
		unsigned int grain = __ffs64(left);
		u64 pos = (index << PAGE_SHIFT) + grain * EMUL_GRAIN;

		if (emul_bad_find(c->bad, pos, EMUL_GRAIN) < EMUL_GRAIN)
			bad |= BIT_ULL(grain);
	}
	return bad;
}

/* The newest version of a page. Under the chain's lock. */
void emul_chain_push(unsigned long *slot, struct emul_version *v)
{
	struct emul_version *older = emul_chain_newest(slot);

	v->older = older;
	if (older)
		older->newer = v;
	*slot = (unsigned long)v | 1;
	v->same = v->record->versions;
	v->record->versions = v;
}

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
static void chain_forget(struct emul_domain *d, unsigned long *slot, struct emul_version *v)
{
	struct emul_version *w, *older;

	for (w = v->older; w; w = older) {
		older = w->older;
		w->covers &= ~v->covers;
		if (w->covers)
			continue;
		chain_unlink(slot, w);
		emul_version_free_before(d, w);
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
	struct emul_domain *d = r->chains->domain;
	struct emul_version *v;

	while ((v = r->versions)) {
		unsigned long *slot = emul_chain_slot(r->chains, v->index);

		r->versions = v->same;
		emul_chain_lock(slot);
		chain_forget(d, slot, v);
		emul_chain_unlock(slot);
		emul_version_free(d, v);
	}
}
EXPORT_SYMBOL_IF_KUNIT(emul_chain_drop);
