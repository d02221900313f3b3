// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/sched.h>

#include "hist_retire.h"

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
	struct emul_record *r, *next;
	struct emul_flushes *f;

	/* No view of an earlier instant can be opened from here on. */
	d->oldest = at;
	list_for_each_entry_safe(r, next, &d->records, list) {
		if (r->fetched > at)
			break;
		f = &r->chains->flushes;
		/* What a flush has made durable was fetched, and has retired, before. */
		if (emul_op_is_flush(r->op)) {
			if (r->completed && r->completed <= at)
				emul_domain_forget(d, f, r);
			continue;
		}
		if (!emul_record_is_durable(r, at, emul_flushes_horizon(f, at)))
			continue;
		emul_cache_remove(&r->chains->cache, r);
		spin_unlock_bh(&d->lock);
		emul_chain_drop(r);
		spin_lock_bh(&d->lock);
		/* What came after it may have been the last. */
		next = list_next_entry(r, list);
		emul_domain_forget(d, f, r);
		domain_breathe(d);
	}
}

/* So many parts of the instants are retired at a time. */
#define RETIRE_PARTS	16

/* Retire instants, a part of them at a time, until @target bytes are in use at most. */
void emul_domain_retire_to(struct emul_domain *d, u64 target)
{
	u64 last, part;

	lockdep_assert_held(&d->change_lock);
	spin_lock_bh(&d->lock);
	last = d->now;
	part = (last - d->oldest) / RETIRE_PARTS + 1;
	while ((u64)atomic64_read(&d->budget.used) > target) {
		u64 at = min3(d->oldest + part, last, emul_pins_oldest(d));

		if (at <= d->oldest)
			break;
		emul_domain_retire(d, at);
	}
	spin_unlock_bh(&d->lock);
}
EXPORT_SYMBOL_IF_KUNIT(emul_domain_retire_to);

/* Has it completed, and could it still be lost? */
static bool record_is_unsafe(const struct emul_record *r)
{
	return r->completed && !emul_op_is_flush(r->op) &&
	       !emul_record_is_safe(&r->chains->flushes, r);
}

/* Write out the older half of what has completed: a device may do that at any time. */
static void domain_destage(struct emul_domain *d)
{
	struct emul_record *r;
	unsigned long nr = 0;

	spin_lock_bh(&d->lock);
	list_for_each_entry(r, &d->records, list)
		nr += record_is_unsafe(r);
	list_for_each_entry(r, &d->records, list) {
		if (!nr)
			break;
		if (!record_is_unsafe(r))
			continue;
		nr -= min(nr, 2UL);
		WRITE_ONCE(r->durable, ++d->now);
		emul_cache_remove(&r->chains->cache, r);
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
