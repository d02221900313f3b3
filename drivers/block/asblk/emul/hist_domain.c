// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/slab.h>

#include "hist_domain.h"

/* @limit: most bytes, as for emul_budget_init(). */
void emul_domain_init(struct emul_domain *d, u64 limit)
{
	spin_lock_init(&d->lock);
	mutex_init(&d->change_lock);
	INIT_LIST_HEAD(&d->records);
	INIT_LIST_HEAD(&d->pins);
	d->nr_reading = 0;
	d->now = 0;
	d->oldest = 0;
	emul_budget_init(&d->budget, limit);
	emul_pool_init(&d->pool, &d->budget);
}
EXPORT_SYMBOL_IF_KUNIT(emul_domain_init);

/* No record is left. Context: may sleep. */
void emul_domain_exit(struct emul_domain *d)
{
	WARN_ON_ONCE(!list_empty(&d->records) || atomic64_read(&d->budget.used));
	emul_pool_exit(&d->pool);
	mutex_destroy(&d->change_lock);
}
EXPORT_SYMBOL_IF_KUNIT(emul_domain_exit);

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
 * The completion of a command is about to be posted: whoever sees it, and sends a command
 * after it, sends one that is fetched later than this. One that failed promises nothing.
 * @f: of its disk. Under the lock.
 */
void emul_domain_complete(struct emul_domain *d, struct emul_flushes *f, struct emul_record *r,
			  bool failed)
{
	lockdep_assert_held(&d->lock);
	WRITE_ONCE(r->completed, ++d->now);
	if (failed)
		r->flags |= EMUL_RECORD_FAILED;
	if (r->flags & EMUL_RECORD_FUA && !failed)
		WRITE_ONCE(r->durable, r->completed);
	if (emul_op_is_flush(r->op) && !failed)
		emul_flushes_add(f, r);
}
EXPORT_SYMBOL_IF_KUNIT(emul_domain_complete);

/*
 * Free a record that has completed and has no versions; a flush only if all that it made durable
 * has been forgotten. Under the lock.
 */
void emul_domain_forget(struct emul_domain *d, struct emul_flushes *f, struct emul_record *r)
{
	lockdep_assert_held(&d->lock);
	list_del(&r->list);
	list_del(&r->dirty);
	if (emul_op_is_flush(r->op))
		emul_flushes_remove(f, r);
	kfree(r);
	emul_budget_give(&d->budget, sizeof(*r));
}
EXPORT_SYMBOL_IF_KUNIT(emul_domain_forget);
