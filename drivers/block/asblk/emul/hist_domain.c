// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "hist_domain.h"

/* @limit: most bytes, as for emul_budget_init(). */
void emul_domain_init(struct emul_domain *d, u64 limit)
{
	spin_lock_init(&d->lock);
	mutex_init(&d->change_lock);
	spin_lock_init(&d->pool_lock);
	init_llist_head(&d->pool);
	atomic_set(&d->nr_pool, 0);
	INIT_LIST_HEAD(&d->records);
	INIT_LIST_HEAD(&d->views);
	d->flushes = RB_ROOT;
	d->last_flush = NULL;
	d->nr_reading = 0;
	d->now = 0;
	d->oldest = 0;
	emul_budget_init(&d->budget, limit);
}
EXPORT_SYMBOL_IF_KUNIT(emul_domain_init);

/* Every record has completed, and none has a version left. */
void emul_domain_exit(struct emul_domain *d)
{
	struct llist_node *page, *next_page;
	struct emul_record *r, *next;

	list_for_each_entry_safe(r, next, &d->records, list) {
		kfree(r);
		emul_budget_give(&d->budget, sizeof(*r));
	}
	/* Of pages on their way to the pool. */
	rcu_barrier();
	for (page = llist_del_all(&d->pool); page; page = next_page) {
		next_page = page->next;
		free_page((unsigned long)page);
	}
	mutex_destroy(&d->change_lock);
}
EXPORT_SYMBOL_IF_KUNIT(emul_domain_exit);

/* Memory for a record. @what has what is known of it. Context: as @gfp says. */
struct emul_record *emul_record_alloc(const struct emul_record *what, gfp_t gfp)
{
	struct emul_record *r = kmalloc_obj(*r, gfp);

	if (!r)
		return NULL;
	*r = *what;
	INIT_LIST_HEAD(&r->dirty);
	if (emul_op_is_flush(r->op))
		RB_CLEAR_NODE(&r->by_completion);
	return r;
}
EXPORT_SYMBOL_IF_KUNIT(emul_record_alloc);

/*
 * The device takes a command: the caller completes its record, which is the domain's from here
 * on. Under the lock. Return: 0, or -ENOBUFS without memory for the history.
 */
int emul_domain_fetch(struct emul_domain *d, struct emul_record *r)
{
	lockdep_assert_held(&d->lock);
	if (!emul_budget_take(&d->budget, sizeof(*r)))
		return -ENOBUFS;
	r->fetched = ++d->now;
	list_add_tail(&r->list, &d->records);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(emul_domain_fetch);

/*
 * A flush has completed: what had completed when it was fetched is durable. One that was
 * fetched before another which has completed already adds nothing. Under the lock.
 */
static void domain_flushed(struct emul_domain *d, struct emul_record *r)
{
	struct emul_record *last = d->last_flush;

	if (r->fetched <= (last ? last->covers : 0))
		return;
	r->covers = r->fetched;
	/* The rightmost node, so far, has no right child. */
	if (last)
		rb_link_node(&r->by_completion, &last->by_completion,
			     &last->by_completion.rb_right);
	else
		rb_link_node(&r->by_completion, NULL, &d->flushes.rb_node);
	rb_insert_color(&r->by_completion, &d->flushes);
	d->last_flush = r;
}

/*
 * The completion of a command is about to be posted: whoever sees it, and sends a command
 * after it, sends one that is fetched later than this. A flush that failed promises nothing.
 * Under the lock.
 */
void emul_domain_complete(struct emul_domain *d, struct emul_record *r, bool failed)
{
	lockdep_assert_held(&d->lock);
	WRITE_ONCE(r->completed, ++d->now);
	if (failed)
		r->flags |= EMUL_RECORD_FAILED;
	if (r->flags & EMUL_RECORD_FUA)
		WRITE_ONCE(r->durable, r->completed);
	if (emul_op_is_flush(r->op) && !failed)
		domain_flushed(d, r);
}
EXPORT_SYMBOL_IF_KUNIT(emul_domain_complete);

/*
 * All that has completed becomes durable, as by an eject, a format or an orderly shutdown.
 * Context: as @gfp says. Return: 0 or -ENOBUFS.
 */
int emul_domain_settle(struct emul_domain *d, gfp_t gfp)
{
	const struct emul_record what = { .op = ASBLK_OP_FLUSH };
	struct emul_record *r = emul_record_alloc(&what, gfp);
	int err;

	if (!r)
		return -ENOBUFS;
	spin_lock_bh(&d->lock);
	err = emul_domain_fetch(d, r);
	if (!err)
		emul_domain_complete(d, r, false);
	spin_unlock_bh(&d->lock);
	if (err)
		kfree(r);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(emul_domain_settle);

/* Return: all that had completed by then was durable at instant @at. Under the lock. */
u64 emul_domain_horizon(struct emul_domain *d, u64 at)
{
	struct rb_node *node = d->flushes.rb_node;
	u64 horizon = 0;

	lockdep_assert_held(&d->lock);
	while (node) {
		struct emul_record *r = rb_entry(node, struct emul_record, by_completion);

		if (r->completed <= at) {
			horizon = r->covers;
			node = node->rb_right;
		} else {
			node = node->rb_left;
		}
	}
	return horizon;
}
EXPORT_SYMBOL_IF_KUNIT(emul_domain_horizon);

/*
 * Free a record that has completed and has no versions; a flush only if all that it made durable
 * has been forgotten. Under the lock.
 */
void emul_domain_forget(struct emul_domain *d, struct emul_record *r)
{
	lockdep_assert_held(&d->lock);
	list_del(&r->list);
	list_del(&r->dirty);
	if (emul_op_is_flush(r->op) && !RB_EMPTY_NODE(&r->by_completion)) {
		if (d->last_flush == r) {
			struct rb_node *before = rb_prev(&r->by_completion);

			d->last_flush = before ? rb_entry(before, struct emul_record,
							  by_completion) : NULL;
		}
		rb_erase(&r->by_completion, &d->flushes);
	}
	kfree(r);
	emul_budget_give(&d->budget, sizeof(*r));
}
EXPORT_SYMBOL_IF_KUNIT(emul_domain_forget);
