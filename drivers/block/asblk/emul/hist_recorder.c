// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/kstrtox.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/wait_bit.h>

#include "hist_recorder.h"

/* Forget all that a disk has recorded. Nobody looks at it, and nothing of it is in flight. */
static void history_forget(struct emul_history *h)
{
	struct emul_domain *d = h->chains.domain;
	struct emul_record *r, *next;

	guard(mutex)(&d->change_lock);
	spin_lock_bh(&d->lock);
	list_for_each_entry_safe(r, next, &d->records, list) {
		if (r->chains != &h->chains)
			continue;
		if (!emul_op_is_flush(r->op)) {
			spin_unlock_bh(&d->lock);
			emul_chain_drop(r);
			cond_resched();
			spin_lock_bh(&d->lock);
			next = list_next_entry(r, list);
		}
		emul_domain_forget(d, &h->chains.flushes, r);
	}
	spin_unlock_bh(&d->lock);
}

static void history_free(struct emul_history *h)
{
	history_forget(h);
	emul_chains_exit(&h->chains);
	emul_power_leave(h->power, h->limit);
	kfree(h);
}

static void history_end_work(struct work_struct *work)
{
	struct emul_history *h = container_of(work, struct emul_history, end);
	struct emul_recorder *rec = h->owner;

	/* Whoever has seen it has taken a record by now, or was refused. */
	synchronize_rcu();
	/* Reads of views that have begun end; others are refused. */
	emul_pins_wait(h->chains.domain);
	history_free(h);
	if (atomic_dec_and_test(&rec->nr_ending))
		wake_up_var(&rec->nr_ending);
}

/* Take the history away from the disk. It is freed as soon as nothing is in flight. */
static void history_close(struct emul_history *h)
{
	struct emul_recorder *rec = h->owner;
	struct emul_domain *d = h->chains.domain;
	bool idle;

	lockdep_assert_held(&rec->lock);
	atomic_inc(&rec->nr_ending);
	rcu_assign_pointer(rec->history, NULL);
	emul_pins_lose(d);
	spin_lock_bh(&d->lock);
	h->chains.closed = true;
	idle = !h->chains.in_flight;
	spin_unlock_bh(&d->lock);
	if (idle)
		queue_work(system_dfl_wq, &h->end);
}

/* @store and @bad: the disk's, which outlive it. */
void emul_recorder_init(struct emul_recorder *rec, struct emul_store *store,
			struct emul_bad_blocks *bad)
{
	RCU_INIT_POINTER(rec->history, NULL);
	rec->state = EMUL_HISTORY_OFF;
	atomic_set(&rec->nr_ending, 0);
	mutex_init(&rec->lock);
	rec->store = store;
	rec->bad = bad;
	rec->base = NULL;
}
EXPORT_SYMBOL_IF_KUNIT(emul_recorder_init);

/* No command is in flight. Context: may sleep. */
void emul_recorder_exit(struct emul_recorder *rec)
{
	emul_recorder_end(rec, EMUL_HISTORY_OFF);
	wait_var_event(&rec->nr_ending, !atomic_read(&rec->nr_ending));
	mutex_destroy(&rec->lock);
}
EXPORT_SYMBOL_IF_KUNIT(emul_recorder_exit);

static void history_set(struct emul_history *h, const struct emul_history_options *o)
{
	struct emul_domain *d = h->chains.domain;

	emul_power_resize(h->power, h->limit, o->limit);
	h->limit = o->limit;
	spin_lock_bh(&d->lock);
	h->chains.cache.size = o->cache_size;
	h->chains.cache.any = o->cache_any;
	prandom_seed_state(&h->chains.cache.random, o->seed);
	spin_unlock_bh(&d->lock);
}

static struct emul_history *history_create(struct emul_recorder *rec,
					   const struct emul_history_options *o)
{
	struct emul_history *h = kzalloc_obj(*h, GFP_NOIO);
	u32 disk;

	if (!h)
		return NULL;
	h->power = emul_power_join(o->domain, o->limit, &disk);
	if (!h->power)
		goto free;
	if (emul_chains_init(&h->chains, rec->store, rec->bad, &h->power->domain, disk)) {
		emul_power_leave(h->power, o->limit);
		goto free;
	}
	h->owner = rec;
	h->chains.base = rec->base;
	h->limit = o->limit;
	INIT_WORK(&h->end, history_end_work);
	return h;

free:
	kfree(h);
	return NULL;
}

static void recorder_set_state(struct emul_recorder *rec, enum emul_history_state state)
{
	lockdep_assert_held(&rec->lock);
	WRITE_ONCE(rec->state, state);
	if (rec->changed)
		rec->changed(rec->data);
}

/*
 * @changed, or NULL for none, is called with @data when the state changes. It must not
 * sleep. Context: may sleep.
 */
void emul_recorder_watch(struct emul_recorder *rec, void (*changed)(void *data), void *data)
{
	guard(mutex)(&rec->lock);
	rec->changed = changed;
	rec->data = data;
}

static struct emul_history *recorder_history(struct emul_recorder *rec)
{
	return rcu_dereference_protected(rec->history, lockdep_is_held(&rec->lock));
}

/*
 * Begin to record. What is executed already while this runs may not be recorded: the caller
 * waits for it, and calls emul_recorder_restart(). Context: may sleep. Return: 0 or -ENOMEM.
 */
int emul_recorder_begin(struct emul_recorder *rec, const struct emul_history_options *o)
{
	struct emul_history *h;

	guard(mutex)(&rec->lock);
	if (emul_recorder_is_on(rec))
		return 0;
	h = history_create(rec, o);
	if (!h)
		return -ENOMEM;
	history_set(h, o);
	rcu_assign_pointer(rec->history, h);
	recorder_set_state(rec, EMUL_HISTORY_RECORDING);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(emul_recorder_begin);

/* Does anybody look at what is recorded? Context: may sleep. */
bool emul_recorder_busy(struct emul_recorder *rec)
{
	struct emul_history *h;

	guard(mutex)(&rec->lock);
	h = recorder_history(rec);
	return h && emul_pins_any(h->chains.domain);
}
EXPORT_SYMBOL_IF_KUNIT(emul_recorder_busy);

/*
 * Record a medium that has changed in another way than by commands: forget what was before. No
 * command is in flight. Context: may sleep. Return: 0; -EBUSY if there are views, or -ENOMEM or
 * -ENOBUFS and recording has ended.
 */
int emul_recorder_renew(struct emul_recorder *rec)
{
	struct emul_history_options o = {};
	struct emul_history *h;
	char name[EMUL_DOMAIN_NAME_SIZE];
	int err;

	if (emul_recorder_busy(rec))
		return -EBUSY;
	scoped_guard(mutex, &rec->lock) {
		h = recorder_history(rec);
		if (!h)
			return 0;
		strscpy(name, h->power->name);
		o = (struct emul_history_options) {
			.domain = name, .limit = h->limit, .cache_size = h->chains.cache.size,
			.cache_any = h->chains.cache.any,
		};
		history_close(h);
	}
	err = emul_recorder_begin(rec, &o) ?: emul_recorder_restart(rec);
	if (err) {
		pr_err("history: no memory to go on: recording has ended\n");
		emul_recorder_end(rec, EMUL_HISTORY_ENDED);
	}
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(emul_recorder_renew);

/* Change limits while recording. Context: may sleep. */
void emul_recorder_set(struct emul_recorder *rec, const struct emul_history_options *o)
{
	struct emul_history *h;

	guard(mutex)(&rec->lock);
	h = recorder_history(rec);
	if (h)
		history_set(h, o);
}
EXPORT_SYMBOL_IF_KUNIT(emul_recorder_set);

/* Stop recording, and forget all of it. Views can no longer read. Context: may sleep. */
void emul_recorder_end(struct emul_recorder *rec, enum emul_history_state state)
{
	guard(mutex)(&rec->lock);
	if (emul_recorder_is_on(rec))
		history_close(recorder_history(rec));
	recorder_set_state(rec, state);
}
EXPORT_SYMBOL_IF_KUNIT(emul_recorder_end);

/* As by a flush of the disk. Return: 0 or -ENOBUFS. */
static int history_settle(struct emul_history *h)
{
	const struct emul_record what = { .op = ASBLK_OP_FLUSH, .chains = &h->chains };
	struct emul_record *r = emul_record_alloc(&what, GFP_NOIO);
	struct emul_domain *d = h->chains.domain;
	int err;

	if (!r)
		return -ENOBUFS;
	spin_lock_bh(&d->lock);
	err = emul_domain_fetch(d, r);
	if (!err)
		emul_domain_complete(d, &h->chains.flushes, r, false);
	spin_unlock_bh(&d->lock);
	if (err)
		kfree(r);
	return err;
}

/*
 * Retire all instants up to now, at which all of the disk is durable: what it holds now is where
 * its history begins. No command is in flight that was not recorded. Context: may sleep. Return: 0,
 * -EBUSY if there are views, or -ENOBUFS.
 */
int emul_recorder_restart(struct emul_recorder *rec)
{
	struct emul_history *h;
	struct emul_domain *d;
	int err;

	guard(mutex)(&rec->lock);
	h = recorder_history(rec);
	if (!h)
		return 0;
	d = h->chains.domain;
	if (emul_pins_any(d))
		return -EBUSY;
	err = history_settle(h);
	if (err)
		return err;
	guard(mutex)(&d->change_lock);
	spin_lock_bh(&d->lock);
	emul_domain_retire(d, d->now);
	spin_unlock_bh(&d->lock);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(emul_recorder_restart);

/*
 * All that has completed becomes durable, as by an eject, a format or an orderly shutdown. Without
 * memory to record that, recording ends.
 * Context: may sleep.
 */
void emul_recorder_settle(struct emul_recorder *rec)
{
	struct emul_history *h;
	bool again = false;
	int err;

	do {
		mutex_lock(&rec->lock);
		h = recorder_history(rec);
		err = h ? history_settle(h) : 0;
		mutex_unlock(&rec->lock);
	} while (err && emul_recorder_make_room(rec, again) && (again = true));
}
EXPORT_SYMBOL_IF_KUNIT(emul_recorder_settle);

/* The instants that can be looked at. Context: may sleep. Return: 0, or -ENODATA if none. */
int emul_recorder_instants(struct emul_recorder *rec, u64 *oldest, u64 *now)
{
	struct emul_history *h;
	struct emul_domain *d;

	guard(mutex)(&rec->lock);
	h = recorder_history(rec);
	if (!h)
		return -ENODATA;
	d = h->chains.domain;
	spin_lock_bh(&d->lock);
	*oldest = d->oldest;
	*now = d->now;
	spin_unlock_bh(&d->lock);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(emul_recorder_instants);

/* Return: length of the text in @page: off, recording, or ended. Context: any. */
ssize_t emul_recorder_show(const struct emul_recorder *rec, char *page)
{
	static const char *const words[] = {
		[EMUL_HISTORY_OFF] = "off",
		[EMUL_HISTORY_RECORDING] = "recording",
		[EMUL_HISTORY_ENDED] = "ended",
	};

	return sysfs_emit(page, "%s\n", words[READ_ONCE(rec->state)]);
}

/*
 * Call the last instant @name, which is printable; @at is set to it. Context: may sleep. Return:
 * 0, -ENODATA if nothing is recorded, -ENAMETOOLONG, or -ENOMEM.
 */
int emul_recorder_mark(struct emul_recorder *rec, const char *name, u64 *at)
{
	struct emul_history *h;

	guard(mutex)(&rec->lock);
	h = recorder_history(rec);
	return h ? emul_marks_add(&h->power->marks, name, at) : -ENODATA;
}
EXPORT_SYMBOL_IF_KUNIT(emul_recorder_mark);

/*
 * Find the instant that @text names: a number, now, oldest, or a mark with +N or -N behind it or
 * without. Context: may sleep. Return: 0; -ENODATA if nothing is recorded, -ENOENT if there is
 * no such mark, or -EINVAL.
 */
int emul_recorder_resolve(struct emul_recorder *rec, const char *text, u64 *at)
{
	struct emul_history *h;
	u64 oldest, now;
	int err;

	err = emul_recorder_instants(rec, &oldest, &now);
	if (err)
		return err;
	*at = now;
	if (!strcmp(text, "now"))
		return 0;
	*at = oldest;
	if (!strcmp(text, "oldest") || !kstrtou64(text, 10, at))
		return 0;
	guard(mutex)(&rec->lock);
	h = recorder_history(rec);
	return h ? emul_marks_find(&h->power->marks, text, at) : -ENODATA;
}
EXPORT_SYMBOL_IF_KUNIT(emul_recorder_resolve);

/* Does one power cut hit both? Context: may sleep. */
bool emul_recorder_same(struct emul_recorder *a, struct emul_recorder *b)
{
	struct emul_power *power = NULL;
	struct emul_history *h;

	if (a == b)
		return true;
	scoped_guard(mutex, &a->lock) {
		h = recorder_history(a);
		if (h)
			power = h->power;
	}
	guard(mutex)(&b->lock);
	h = recorder_history(b);
	return h && h->power == power;
}
EXPORT_SYMBOL_IF_KUNIT(emul_recorder_same);

/*
 * There was no memory to record what a command does: retire what can be retired. If that does
 * not help, or has not helped @again, recording ends. Context: may sleep. Return: true to try
 * again; false if the command is to be executed without its record.
 */
bool emul_recorder_make_room(struct emul_recorder *rec, bool again)
{
	struct emul_history *h;

	guard(mutex)(&rec->lock);
	h = recorder_history(rec);
	if (!h)
		return false;
	if (!again && emul_domain_make_room(h->chains.domain))
		return true;
	pr_err("history: no memory to record more, of %llu bytes: recording has ended\n",
	       h->chains.domain->budget.limit);
	history_close(h);
	recorder_set_state(rec, EMUL_HISTORY_ENDED);
	return false;
}
EXPORT_SYMBOL_IF_KUNIT(emul_recorder_make_room);
