// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/sched.h>

#include "hist_retire.h"

/* The first instant that somebody needs. Under the domain's lock. */
static u64 domain_needed(const struct emul_domain *d)
{
	const struct emul_view *v;
	u64 needed = d->now;

	list_for_each_entry(v, &d->views, list)
		needed = min(needed, v->at);
	return needed;
}

/* A record leaves the volatile cache. Under the domain's lock. */
void emul_record_clean(struct emul_record *r)
{
	list_del_init(&r->dirty);
	r->chains->dirty_bytes -= r->nr_blocks << r->block_shift;
}

/* Others only add, at the end; and nobody but the holder of change_lock takes out. */
static void domain_breathe(struct emul_domain *d)
	__must_hold(&d->lock)
{
	if (!need_resched())
		return;
	spin_unlock_bh(&d->lock);
	cond_resched();
	spin_lock_bh(&d->lock);
}

/*
 * @at becomes the oldest instant: what was durable by then becomes the base. Under change_lock,
 * and the lock, which is dropped.
 */
void emul_domain_retire(struct emul_domain *d, u64 at)
	__must_hold(&d->lock)
{
	u64 horizon = emul_domain_horizon(d, at);
	struct emul_record *r, *next;

	/* No view of an earlier instant can be opened from here on. */
	d->oldest = at;
	list_for_each_entry_safe(r, next, &d->records, list) {
		if (r->fetched > at)
			break;
		if (emul_op_is_flush(r->op)) {
			if (r->completed && r->completed <= at)
				emul_domain_forget(d, r);
			continue;
		}
		if (!emul_record_is_durable(r, at, horizon))
			continue;
		if (!list_empty(&r->dirty))
			emul_record_clean(r);
		spin_unlock_bh(&d->lock);
		emul_chain_drop(r);
		spin_lock_bh(&d->lock);
		/* What came after it may have been the last. */
		next = list_next_entry(r, list);
		emul_domain_forget(d, r);
		domain_breathe(d);
	}
}

/* So many parts of the records are retired at a time. */
#define RETIRE_PARTS	8

/* Retire instants, an eighth of the records at a time, until @target bytes are in use at most. */
void emul_domain_retire_to(struct emul_domain *d, u64 target)
{
	struct emul_record *r;
	unsigned long nr = 0, part, i;
	u64 at, last;

	lockdep_assert_held(&d->change_lock);
	spin_lock_bh(&d->lock);
	list_for_each_entry(r, &d->records, list)
		nr++;
	last = d->now;
	part = nr / RETIRE_PARTS + 1;
	for (at = d->oldest; at < last && (u64)atomic64_read(&d->budget.used) > target; ) {
		i = 0;
		at = last;
		list_for_each_entry(r, &d->records, list) {
			if (r->fetched > d->oldest && ++i > part) {
				at = r->fetched;
				break;
			}
		}
		at = min(at, domain_needed(d));
		if (at <= d->oldest)
			break;
		emul_domain_retire(d, at);
	}
	spin_unlock_bh(&d->lock);
}
EXPORT_SYMBOL_IF_KUNIT(emul_domain_retire_to);

/* Write out the older half of what has completed: a device may do that at any time. */
static void domain_destage(struct emul_domain *d)
{
	struct emul_record *r;
	unsigned long nr = 0;

	spin_lock_bh(&d->lock);
	list_for_each_entry(r, &d->records, list)
		nr += r->completed && !emul_op_is_flush(r->op) && !emul_record_is_safe(d, r);
	list_for_each_entry(r, &d->records, list) {
		if (!nr)
			break;
		if (emul_op_is_flush(r->op) || !r->completed || emul_record_is_safe(d, r))
			continue;
		nr -= min(nr, 2UL);
		WRITE_ONCE(r->durable, ++d->now);
		if (!list_empty(&r->dirty))
			emul_record_clean(r);
	}
	spin_unlock_bh(&d->lock);
}

/* Return: true if there is memory again. Context: may sleep. */
bool emul_domain_make_room(struct emul_domain *d)
{
	u64 limit = emul_budget_limit(&d->budget), target = limit / 8 * EMUL_ROOM_ENDS;

	guard(mutex)(&d->change_lock);
	emul_domain_retire_to(d, target);
	if (atomic64_read(&d->budget.used) > target) {
		domain_destage(d);
		emul_domain_retire_to(d, target);
	}
	return atomic64_read(&d->budget.used) <= limit / 8 * EMUL_ROOM_BEGINS;
}
