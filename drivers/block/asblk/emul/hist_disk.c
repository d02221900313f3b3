// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/kstrtox.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/wait_bit.h>

#include "hist_disk.h"

/* Records that a random choice of what to destage is from. */
#define DESTAGE_CHOICE	64

/*
 * Power domains and their members. Inside the lock of a recorder, which I/O may wait for: under
 * neither of them memory is allocated by doing I/O.
 */
static DEFINE_MUTEX(power_lock);
static LIST_HEAD(power_list);

static void power_room(struct work_struct *work)
{
	emul_domain_make_room(&container_of(work, struct emul_power, room)->domain);
}

static struct emul_power *power_find(const char *name)
{
	struct emul_power *p;

	lockdep_assert_held(&power_lock);
	list_for_each_entry(p, &power_list, list)
		if (*name && !strcmp(p->name, name))
			return p;
	p = kzalloc_obj(*p, GFP_NOIO);
	if (!p)
		return NULL;
	strscpy(p->name, name);
	emul_domain_init(&p->domain, 1);
	INIT_LIST_HEAD(&p->marks);
	INIT_WORK(&p->room, power_room);
	list_add(&p->list, &power_list);
	return p;
}

/* A member joins with its memory. */
static void power_join(struct emul_power *p, u64 limit)
{
	u64 before = p->nr_members++ ? p->domain.budget.limit : 0;

	lockdep_assert_held(&power_lock);
	emul_budget_set(&p->domain.budget, before + limit);
}

/* Forget what instants before @oldest are called. */
static void power_forget_marks(struct emul_power *p, u64 oldest)
{
	struct emul_mark *mark, *next;

	lockdep_assert_held(&power_lock);
	list_for_each_entry_safe(mark, next, &p->marks, list) {
		if (mark->at >= oldest)
			continue;
		list_del(&mark->list);
		emul_budget_give(&p->domain.budget, sizeof(*mark));
		kfree(mark);
	}
}

/* A member has left, and nothing of it is recorded any more. */
static void power_leave(struct emul_power *p, u64 limit)
{
	lockdep_assert_held(&power_lock);
	if (--p->nr_members) {
		emul_budget_set(&p->domain.budget, p->domain.budget.limit - limit);
		return;
	}
	list_del(&p->list);
	cancel_work_sync(&p->room);
	power_forget_marks(p, U64_MAX);
	emul_domain_exit(&p->domain);
	kfree(p);
}

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
		if (emul_op_is_flush(r->op)) {
			/* It may have made other disks of the domain durable. */
			r->chains = NULL;
			continue;
		}
		spin_unlock_bh(&d->lock);
		emul_chain_drop(r);
		cond_resched();
		spin_lock_bh(&d->lock);
		next = list_next_entry(r, list);
		emul_domain_forget(d, r);
	}
	spin_unlock_bh(&d->lock);
}

static void history_free(struct emul_history *h)
{
	history_forget(h);
	emul_chains_exit(&h->chains);
	scoped_guard(mutex, &power_lock)
		power_leave(h->power, h->limit);
	kfree(h);
}

static bool domain_is_read(struct emul_domain *d)
{
	bool reading;

	spin_lock_bh(&d->lock);
	reading = d->nr_reading;
	spin_unlock_bh(&d->lock);
	return reading;
}

static void history_end_work(struct work_struct *work)
{
	struct emul_history *h = container_of(work, struct emul_history, end);
	struct emul_domain *d = h->chains.domain;
	struct emul_recorder *rec = h->owner;

	/* Whoever has seen it has taken a record by now, or was refused. */
	synchronize_rcu();
	/* Reads of views that have begun end; others are refused. */
	wait_var_event(&d->nr_reading, !domain_is_read(d));
	history_free(h);
	if (atomic_dec_and_test(&rec->nr_ending))
		wake_up_var(&rec->nr_ending);
}

/* Views of the domain have lost a disk. */
static void history_lose_views(struct emul_domain *d)
{
	struct emul_view *v;

	spin_lock_bh(&d->lock);
	list_for_each_entry(v, &d->views, list)
		v->lost = true;
	spin_unlock_bh(&d->lock);
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
	history_lose_views(d);
	spin_lock_bh(&d->lock);
	h->chains.closed = true;
	idle = !h->chains.in_flight;
	spin_unlock_bh(&d->lock);
	if (idle)
		queue_work(system_dfl_wq, &h->end);
}

/* @store: the disk's, which outlives it. */
void emul_recorder_init(struct emul_recorder *rec, struct emul_store *store)
{
	RCU_INIT_POINTER(rec->history, NULL);
	rec->state = EMUL_HISTORY_OFF;
	atomic_set(&rec->nr_ending, 0);
	mutex_init(&rec->lock);
	rec->store = store;
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

	scoped_guard(mutex, &power_lock) {
		emul_budget_set(&d->budget, d->budget.limit - h->limit + o->limit);
		h->limit = o->limit;
	}
	spin_lock_bh(&d->lock);
	h->cache_size = o->cache_size;
	h->destage_any = o->destage_any;
	prandom_seed_state(&h->random, o->seed);
	spin_unlock_bh(&d->lock);
}

static struct emul_history *history_create(struct emul_recorder *rec,
					   const struct emul_history_options *o)
{
	struct emul_history *h = kzalloc_obj(*h, GFP_NOIO);
	struct emul_power *p;

	if (!h)
		return NULL;
	guard(mutex)(&power_lock);
	p = power_find(o->domain);
	if (!p)
		goto free;
	power_join(p, o->limit);
	if (emul_chains_init(&h->chains, rec->store, &p->domain, p->next_disk)) {
		power_leave(p, o->limit);
		goto free;
	}
	p->next_disk++;
	h->power = p;
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
	return h && !list_empty_careful(&h->chains.domain->views);
}
EXPORT_SYMBOL_IF_KUNIT(emul_recorder_busy);

/*
 * Record a medium that has changed in another way than by commands: forget what was before. No
 * command is in flight. Context: may sleep. Return: 0; -EBUSY if there are views, or -ENOMEM
 * and recording has ended.
 */
int emul_recorder_renew(struct emul_recorder *rec)
{
	struct emul_history_options o = {};
	struct emul_history *h;
	char name[EMUL_DOMAIN_NAME_SIZE];

	if (emul_recorder_busy(rec))
		return -EBUSY;
	scoped_guard(mutex, &rec->lock) {
		h = recorder_history(rec);
		if (!h)
			return 0;
		strscpy(name, h->power->name);
		o = (struct emul_history_options) {
			.domain = name, .limit = h->limit, .cache_size = h->cache_size,
			.destage_any = h->destage_any,
		};
		history_close(h);
	}
	return emul_recorder_begin(rec, &o) ?: emul_recorder_restart(rec);
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

/*
 * Retire all instants up to now, at which all is durable: what the disk holds now is where its
 * history begins. No command is in flight that was not recorded. Context: may sleep. Return: 0,
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
	if (!list_empty_careful(&d->views))
		return -EBUSY;
	err = emul_domain_settle(d, GFP_NOIO);
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
 * All that has completed becomes durable. Without memory to record that, recording ends.
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
		err = h ? emul_domain_settle(h->chains.domain, GFP_NOIO) : 0;
		mutex_unlock(&rec->lock);
	} while (err && emul_recorder_make_room(rec, again) && (again = true));
}
EXPORT_SYMBOL_IF_KUNIT(emul_recorder_settle);

/*
 * Call the last instant @name, which is printable; @at is set to it. Context: may sleep. Return:
 * 0, -ENODATA if nothing is recorded, -ENAMETOOLONG, or -ENOMEM.
 */
int emul_recorder_mark(struct emul_recorder *rec, const char *name, u64 *at)
{
	struct emul_history *h;
	struct emul_mark *mark;
	struct emul_domain *d;
	u64 oldest;

	guard(mutex)(&rec->lock);
	h = recorder_history(rec);
	if (!h)
		return -ENODATA;
	if (strlen(name) >= EMUL_MARK_SIZE)
		return -ENAMETOOLONG;
	d = h->chains.domain;
	if (!emul_budget_take(&d->budget, sizeof(*mark)))
		return -ENOMEM;
	mark = kmalloc_obj(*mark, GFP_NOIO);
	if (!mark) {
		emul_budget_give(&d->budget, sizeof(*mark));
		return -ENOMEM;
	}
	strscpy(mark->name, name);
	guard(mutex)(&power_lock);
	spin_lock_bh(&d->lock);
	mark->at = d->now;
	oldest = d->oldest;
	spin_unlock_bh(&d->lock);
	*at = mark->at;
	list_add(&mark->list, &h->power->marks);
	power_forget_marks(h->power, oldest);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(emul_recorder_mark);

/* The instant that is so many after or before a mark. Return: 0, -EINVAL, or -ENOENT. */
static int power_resolve_mark(struct emul_power *p, const char *text, u64 *at)
{
	size_t len = strcspn(text, "+-");
	struct emul_mark *mark;
	u64 distance = 0;

	if (text[len] && kstrtou64(text + len + 1, 10, &distance))
		return -EINVAL;
	guard(mutex)(&power_lock);
	list_for_each_entry(mark, &p->marks, list) {
		if (strlen(mark->name) != len || strncmp(mark->name, text, len))
			continue;
		*at = text[len] == '-' ? mark->at - distance : mark->at + distance;
		return 0;
	}
	return -ENOENT;
}

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
	return h ? power_resolve_mark(h->power, text, at) : -ENODATA;
}
EXPORT_SYMBOL_IF_KUNIT(emul_recorder_resolve);

/*
 * Open a view of a recorded disk. Context: may sleep. Return: it, -ENODATA if the disk is not
 * recorded, -ERANGE if the instant cannot be looked at, or -ENOMEM, as an ERR_PTR.
 */
struct emul_base *emul_recorder_open(struct emul_recorder *rec, u64 at)
{
	struct emul_base *base = kzalloc_obj(*base, GFP_NOIO);
	struct emul_history *h;
	int err = -ENODATA;

	if (!base)
		return ERR_PTR(-ENOMEM);
	guard(mutex)(&rec->lock);
	h = recorder_history(rec);
	if (h)
		err = emul_view_open(&base->view, h->chains.domain, at);
	if (err) {
		kfree(base);
		return ERR_PTR(err);
	}
	base->chains = &h->chains;
	base->power = h->power;
	mutex_init(&base->lock);
	guard(mutex)(&power_lock);
	power_join(h->power, 0);
	return base;
}
EXPORT_SYMBOL_IF_KUNIT(emul_recorder_open);

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

/* Nobody reads it any more. Context: may sleep. */
void emul_base_close(struct emul_base *base)
{
	emul_view_close(&base->view);
	scoped_guard(mutex, &power_lock)
		power_leave(base->power, 0);
	mutex_destroy(&base->lock);
	kfree(base);
}
EXPORT_SYMBOL_IF_KUNIT(emul_base_close);

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

static void history_look_at_memory(struct emul_history *h)
{
	const struct emul_budget *b = &h->chains.domain->budget;

	if (unlikely((u64)atomic64_read(&b->used) > READ_ONCE(b->limit) / 8 * EMUL_ROOM_BEGINS))
		queue_work(system_dfl_wq, &h->power->room);
}

/*
 * The device takes a command that changes the medium. @what has what is known of it; @record is
 * set to its record, or to NULL if the disk is not recorded. Context: as @gfp says. Return: 0,
 * or -ENOBUFS without memory.
 */
int emul_record_begin(struct emul_recorder *rec, const struct emul_record *what, gfp_t gfp,
		      struct emul_record **record)
{
	struct emul_record *r;
	struct emul_history *h;
	struct emul_domain *d;
	int err = 0;

	*record = NULL;
	if (!emul_recorder_is_on(rec))
		return 0;
	r = emul_record_alloc(what, gfp);
	if (!r)
		return -ENOBUFS;
	rcu_read_lock();
	h = rcu_dereference(rec->history);
	if (!h)
		goto out;
	d = h->chains.domain;
	r->chains = &h->chains;
	spin_lock_bh(&d->lock);
	if (!h->chains.closed) {
		err = emul_domain_fetch(d, r);
		if (!err) {
			h->chains.in_flight++;
			*record = r;
		}
	}
	spin_unlock_bh(&d->lock);
	history_look_at_memory(h);
out:
	rcu_read_unlock();
	if (!*record)
		kfree(r);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(emul_record_begin);

/* Destage until the volatile cache holds what it can. Under the domain's lock. */
static void history_destage(struct emul_history *h)
{
	struct emul_chains *c = &h->chains;
	struct emul_domain *d = c->domain;
	struct emul_record *r, *next;
	u32 skip;

	/* What a flush has made durable meanwhile is looked at here, once. */
	list_for_each_entry_safe(r, next, &c->dirty, dirty) {
		if (c->dirty_bytes <= h->cache_size || !emul_record_is_safe(d, r))
			break;
		emul_record_clean(r);
	}
	while (c->dirty_bytes > h->cache_size && !list_empty(&c->dirty)) {
		skip = h->destage_any ? prandom_u32_state(&h->random) % DESTAGE_CHOICE : 0;
		list_for_each_entry(r, &c->dirty, dirty)
			if (!skip-- || list_is_last(&r->dirty, &c->dirty))
				break;
		WRITE_ONCE(r->durable, ++d->now);
		emul_record_clean(r);
	}
}

/*
 * The completion of a recorded command is about to be posted. The caller has no more to do with
 * @r. Context: any but hard interrupts.
 */
void emul_record_end(struct emul_record *r, bool failed)
{
	struct emul_chains *c = r->chains;
	struct emul_history *h = container_of(c, struct emul_history, chains);
	struct emul_domain *d = c->domain;
	bool last;

	spin_lock_bh(&d->lock);
	emul_domain_complete(d, r, failed);
	if (!emul_op_is_flush(r->op) && !r->durable) {
		list_add_tail(&r->dirty, &c->dirty);
		c->dirty_bytes += r->nr_blocks << r->block_shift;
		if (unlikely(h->cache_size && c->dirty_bytes > h->cache_size))
			history_destage(h);
	}
	last = !--c->in_flight && c->closed;
	spin_unlock_bh(&d->lock);
	if (unlikely(last))
		queue_work(system_dfl_wq, &h->end);
}
EXPORT_SYMBOL_IF_KUNIT(emul_record_end);

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
