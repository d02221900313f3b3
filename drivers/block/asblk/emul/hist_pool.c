// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>

#include "hist_pool.h"

/* @budget outlives it. */
void emul_pool_init(struct emul_pool *p, const struct emul_budget *budget)
{
	*p = (struct emul_pool) { .budget = budget };
	spin_lock_init(&p->lock);
}

/* Return: or NULL. */
static struct page *pages_pop(struct emul_pages *from)
{
	struct page *page = from->first;

	if (page) {
		from->first = (struct page *)page_private(page);
		set_page_private(page, 0);
	}
	return page;
}

static void pages_push(struct emul_pages *to, struct page *page)
{
	set_page_private(page, (unsigned long)to->first);
	if (!to->first)
		to->last = page;
	to->first = page;
}

/* Move all pages of @from to the front of @to. */
static void pages_move(struct emul_pages *to, struct emul_pages *from)
{
	if (!from->first)
		return;
	set_page_private(from->last, (unsigned long)to->first);
	if (!to->first)
		to->last = from->last;
	to->first = from->first;
	from->first = NULL;
}

/* Nobody puts any more. Context: may sleep. */
void emul_pool_exit(struct emul_pool *p)
{
	struct page *page;

	/* The end of a grace period may begin another, for those that came meanwhile. */
	rcu_barrier();
	rcu_barrier();
	while ((page = pages_pop(&p->free)))
		__free_page(page);
}

/* Return: a page of any content, or NULL. Context: as @gfp says. */
void *emul_pool_get(struct emul_pool *p, gfp_t gfp)
{
	struct page *page = NULL;

	if (READ_ONCE(p->free.first)) {
		spin_lock_bh(&p->lock);
		page = pages_pop(&p->free);
		p->nr -= !!page;
		spin_unlock_bh(&p->lock);
	}
	return page ? page_address(page) : (void *)__get_free_page(gfp);
}

/* Nobody reads the pages that were waiting. */
static void pool_turn(struct rcu_head *rcu)
{
	struct emul_pool *p = container_of(rcu, struct emul_pool, rcu);

	spin_lock_bh(&p->lock);
	pages_move(&p->free, &p->waiting);
	pages_move(&p->waiting, &p->next);
	if (p->waiting.first)
		call_rcu_hurry(&p->rcu, pool_turn);
	spin_unlock_bh(&p->lock);
}

static void pool_free_page(struct rcu_head *rcu)
{
	__free_page(container_of(rcu, struct page, rcu_head));
}

/* A page that those who are under rcu_read_lock() may still be reading. Context: any. */
void emul_pool_put(struct emul_pool *p, void *page)
{
	bool full;

	spin_lock_bh(&p->lock);
	full = p->nr >= READ_ONCE(p->budget->limit) / 8 / PAGE_SIZE;
	if (!full) {
		p->nr++;
		if (p->waiting.first) {
			pages_push(&p->next, virt_to_page(page));
		} else {
			pages_push(&p->waiting, virt_to_page(page));
			call_rcu_hurry(&p->rcu, pool_turn);
		}
	}
	spin_unlock_bh(&p->lock);
	if (full)
		call_rcu_hurry(&virt_to_page(page)->rcu_head, pool_free_page);
}
