// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "hist_view.h"

/*
 * Open a view of a disk at instant @at, in which all that is undecided survives until something
 * else is said. From here on nothing that it needs is retired. Context: may sleep. Return: 0, or
 * -ERANGE if the instant has been retired or is to come.
 */
int emul_view_open(struct emul_view *v, struct emul_chains *c, u64 at)
{
	int err;

	*v = (struct emul_view) {};
	err = emul_pin_open(&v->pin, c->domain, &c->flushes, at);
	if (err)
		return err;
	mutex_init(&v->lock);
	emul_decisions_init(&v->decisions);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(emul_view_open);

/* Was it changing the disk at the instant? */
static bool view_has_in_flight(const struct emul_view *v, const struct emul_chains *c,
			       const struct emul_record *r)
{
	return r->chains == c && !emul_op_is_flush(r->op) &&
	       (!r->completed || r->completed > v->pin.at);
}

/* Note what was in flight. Return: 0 or -ENOMEM. */
static int view_note_in_flight(struct emul_view *v, const struct emul_chains *c)
{
	u8 shift = v->fate.unit_shift;
	struct emul_domain *d = c->domain;
	struct emul_record *r;
	unsigned int nr = 0;

	spin_lock_bh(&d->lock);
	list_for_each_entry(r, &d->records, list)
		nr += r->fetched <= v->pin.at && view_has_in_flight(v, c, r);
	spin_unlock_bh(&d->lock);
	v->in_flight = kvmalloc_array(nr ?: 1, sizeof(*v->in_flight), GFP_KERNEL);
	if (!v->in_flight)
		return -ENOMEM;
	/* These are the same as before: what completes meanwhile does so after the instant. */
	spin_lock_bh(&d->lock);
	list_for_each_entry(r, &d->records, list) {
		if (r->fetched > v->pin.at || v->nr_in_flight == nr)
			break;
		if (!view_has_in_flight(v, c, r))
			continue;
		v->in_flight[v->nr_in_flight++] = (struct emul_in_flight) {
			.record = r, .first = r->lba << r->block_shift >> shift,
			.last = (((r->lba + r->nr_blocks) << r->block_shift) - 1) >> shift,
		};
	}
	spin_unlock_bh(&d->lock);
	return 0;
}

/*
 * Say how the power cut decides, once, before anything is read. @c: chains of the disk. Context:
 * may sleep. Return: 0 or -ENOMEM.
 */
int emul_view_set_fate(struct emul_view *v, const struct emul_chains *c,
		       const struct emul_fate *fate)
{
	v->fate = *fate;
	/* They can lose what is durable. */
	if (fate->profile == EMUL_CUT_LIAR || fate->profile == EMUL_CUT_ROLLBACK)
		emul_pin_keep_all(&v->pin);
	return fate->profile == EMUL_CUT_NEIGHBOURS ? view_note_in_flight(v, c) : 0;
}
EXPORT_SYMBOL_IF_KUNIT(emul_view_set_fate);

/* Forget all decisions. The caller reads nothing meanwhile. Context: may sleep. */
void emul_view_forget(struct emul_view *v)
{
	guard(mutex)(&v->lock);
	emul_decisions_forget(&v->decisions);
}
EXPORT_SYMBOL_IF_KUNIT(emul_view_forget);

/* Context: may sleep. */
void emul_view_close(struct emul_view *v)
{
	emul_pin_close(&v->pin);
	emul_decisions_exit(&v->decisions);
	kvfree(v->in_flight);
	mutex_destroy(&v->lock);
}
EXPORT_SYMBOL_IF_KUNIT(emul_view_close);

/* Decide about a piece before anybody asks. Context and return: as emul_decisions_give(). */
int emul_view_give(struct emul_view *v, u64 fetched, u64 block, enum emul_outcome outcome)
{
	guard(mutex)(&v->lock);
	return emul_decisions_give(&v->decisions, fetched, block, outcome);
}
EXPORT_SYMBOL_IF_KUNIT(emul_view_give);

/*
 * Has the erase unit of a block gone back to before a command? Return: 1, 0, or -EAGAIN if this
 * needs memory.
 */
static int view_went_back(struct emul_view *v, const struct emul_record *r, u64 lba)
{
	u8 unit_shift = max(v->fate.unit_shift, r->block_shift);
	u64 unit = lba << r->block_shift >> unit_shift;
	struct emul_decision *decision;
	bool new;

	decision = emul_decisions_ask(&v->decisions, NULL, unit << unit_shift >> r->block_shift,
				      &new);
	if (!decision)
		return -EAGAIN;
	if (new)
		decision->outcome = emul_fate_of_unit(&v->fate, unit);
	return decision->outcome == EMUL_HURT &&
	       (!r->completed || r->completed > emul_fate_back_to(&v->fate, &v->pin, unit));
}

/*
 * What has become of a block that a command wrote? Return: its enum emul_outcome, or -EAGAIN if
 * this needs memory. Under the view's lock.
 */
static int view_outcome(struct emul_view *v, const struct emul_record *r, u64 lba)
{
	u64 block = r->flags & EMUL_RECORD_WHOLE ? EMUL_WHOLE : lba;
	struct emul_decision *decision;
	bool new;

	if (r->fetched > v->pin.at)
		return EMUL_LOST;
	if (v->fate.profile == EMUL_CUT_ROLLBACK) {
		int back = view_went_back(v, r, lba);

		if (back)
			return back < 0 ? back : EMUL_LOST;
	}
	if (v->fate.profile != EMUL_CUT_LIAR &&
	    emul_record_is_durable(r, v->pin.at, v->pin.horizon))
		return EMUL_SURVIVES;
	if (v->fate.profile == EMUL_CUT_ORDERED)
		return r->completed && r->completed <= emul_fate_last_in_order(&v->fate, &v->pin);
	decision = emul_decisions_ask(&v->decisions, r, block, &new);
	if (!decision)
		return -EAGAIN;
	if (new)
		decision->outcome = emul_fate_of(&v->fate, r->fetched, block);
	return decision->outcome;
}

/**
 * struct view_found - the content of a block, or of the part of it that is in a page
 * @data: where it is, or NULL
 * @there: @data, or zeroes if that is NULL; else it is as in the disk's base
 * @bad: it cannot be read
 * @torn: where the front of it is instead
 * @torn_bytes: and how much of it, from the start of the block
 * @hurt: the command that was, and was hurt otherwise
 */
struct view_found {
	const void *data;
	bool there;
	bool bad;
	const void *torn;
	u32 torn_bytes;
	const struct emul_record *hurt;
};

/*
 * Is a block hurt by a command in flight that was writing near it? Return: 0 or -EAGAIN, with
 * @hurt set to the command if so.
 */
static int view_look_around(struct emul_view *v, u64 lba, u8 shift,
			    const struct emul_record **hurt)
{
	u64 unit = lba << shift >> v->fate.unit_shift;
	struct emul_decision *decision;
	unsigned int i;
	bool new;

	for (i = 0; i < v->nr_in_flight; i++) {
		const struct emul_in_flight *f = &v->in_flight[i];

		if (unit < f->first || unit > f->last ||
		    (lba >= f->record->lba && lba - f->record->lba < f->record->nr_blocks))
			continue;
		decision = emul_decisions_ask(&v->decisions, f->record, lba, &new);
		if (!decision)
			return -EAGAIN;
		if (new)
			decision->outcome = emul_fate_of_neighbour(&v->fate, f->record->fetched,
								   lba);
		if (decision->outcome == EMUL_HURT)
			*hurt = f->record;
	}
	return 0;
}

/*
 * Find the content of a block: what the newest version that survives has written, which is what
 * the one after it has replaced, if any. @mask: its grains. Return: 0 or -EAGAIN. Under both
 * locks.
 */
static int view_find_block(struct emul_view *v, const struct emul_chains *c,
			   struct emul_version *newest, u64 pos, u64 mask, u8 shift,
			   struct view_found *f)
{
	const void *page = emul_store_find(c->store, pos >> PAGE_SHIFT);
	u64 lba = pos >> shift;
	unsigned int first = __ffs64(mask);
	struct emul_version *version;
	int outcome;

	*f = (struct view_found) {
		.there = emul_chain_present(c, page) & mask || !c->base,
		.bad = emul_chain_bad(c, pos >> PAGE_SHIFT, mask),
	};
	if (emul_chain_present(c, page) & mask)
		f->data = page + (first << EMUL_GRAIN_SHIFT);
	for (version = newest; version; version = version->older) {
		if (!(version->covers & mask))
			continue;
		outcome = view_outcome(v, version->record, lba);
		if (outcome < 0)
			return outcome;
		/* What makes a block unreadable does so, even if only a part of it was done. */
		if (outcome == EMUL_SURVIVES ||
		    (outcome == EMUL_HURT && f->bad && v->fate.profile == EMUL_CUT_TORN))
			break;
		if (outcome == EMUL_HURT && v->fate.profile != EMUL_CUT_TORN) {
			f->hurt = version->record;
			return 0;
		}
		/* Of a block torn twice only the newer part is seen, and what is left. */
		if (outcome == EMUL_HURT && !f->torn_bytes) {
			f->torn = f->data;
			f->torn_bytes = emul_fate_tear(&v->fate, version->record->fetched, lba,
						       shift);
		}
		f->there = version->present & mask || !c->base;
		f->bad = version->bad & mask;
		f->data = !(version->present & mask) ? NULL : version->before +
			  ((first - version->first) << EMUL_GRAIN_SHIFT);
	}
	return view_look_around(v, lba, shift, &f->hurt);
}

static void view_copy(void *dst, const void *src, u32 len)
{
	if (src)
		memcpy(dst, src, len);
	else
		memset(dst, 0, len);
}

/*
 * Read bytes of a block that are in one page. Return: 0, -EAGAIN, -EIO, or -ENOENT if they are as
 * in the disk's base. Under both locks.
 */
static int view_read_block(struct emul_view *v, const struct emul_chains *c,
			   struct emul_version *newest, u64 pos, void *dst, u32 len,
			   u8 block_shift)
{
	u64 mask = emul_grains(offset_in_page(pos), len);
	u32 offset = pos & ((1U << block_shift) - 1);
	struct view_found f;
	int err = view_find_block(v, c, newest, pos, mask, block_shift, &f);

	if (err)
		return err;
	if (f.hurt)
		return emul_fate_hurt(&v->fate, f.hurt->fetched, pos, dst, len);
	if (f.bad)
		return -EIO;
	/* Nothing is torn of what a disk with a base has not written twice. */
	if (!f.there)
		return -ENOENT;
	view_copy(dst, f.data, len);
	if (f.torn_bytes > offset)
		view_copy(dst, f.torn, min(f.torn_bytes - offset, len));
	return 0;
}

/* Without a chain: no command changes the page, or will have before the copy is complete. */
static bool view_read_plain(struct emul_view *v, const struct emul_chains *c, u64 pos, void *dst,
			    u32 len, u8 block_shift, int *err)
{
	if (emul_chain_slot(c, pos >> PAGE_SHIFT))
		return false;
	rcu_read_lock();
	*err = view_read_block(v, c, NULL, pos, dst, len, block_shift);
	rcu_read_unlock();
	/* Before a page is changed it gets a chain: pairs with emul_chain_add_leaf() */
	smp_rmb();
	return !emul_chain_slot(c, pos >> PAGE_SHIFT);
}

static int view_read_chain(struct emul_view *v, const struct emul_chains *c, u64 pos, void *dst,
			   u32 len, u8 block_shift)
{
	unsigned long *slot = emul_chain_slot(c, pos >> PAGE_SHIFT);
	int err;

	rcu_read_lock();
	emul_chain_lock(slot);
	err = view_read_block(v, c, emul_chain_newest(slot), pos, dst, len, block_shift);
	emul_chain_unlock(slot);
	rcu_read_unlock();
	return err;
}

/**
 * emul_view_read - read what the power cut has left
 * @v: view
 * @c: chains of its disk
 * @pos: first byte, a multiple of the block size
 * @dst: memory for the data
 * @len: bytes, likewise
 * @block_shift: log2 of the block size
 *
 * Asks for the decisions that this needs, block by block, from the newest piece of each down
 * to the first that survives.
 *
 * Context: may sleep.
 * Return: 0, -EIO if a block cannot be read, -ENOMEM, or -ESTALE if the history has ended.
 */
int emul_view_read(struct emul_view *v, struct emul_chains *c, u64 pos, void *dst, u32 len,
		   u8 block_shift)
{
	int err = 0;

	if (!emul_pin_begin_read(&v->pin))
		return -ESTALE;
	mutex_lock(&v->lock);
	while (len && !err) {
		u32 step = min_t(u32, len, min(1U << block_shift,
					       (u32)(PAGE_SIZE - offset_in_page(pos))));

		if (!view_read_plain(v, c, pos, dst, step, block_shift, &err))
			err = view_read_chain(v, c, pos, dst, step, block_shift);
		if (err == -EAGAIN) {
			err = emul_decisions_refill(&v->decisions) ? 0 : -ENOMEM;
			continue;
		}
		if (err == -ENOENT) {
			/* A view of a disk that shows a view itself. */
			mutex_unlock(&v->lock);
			err = emul_view_read(&c->base->view, c->base->chains, pos, dst, step,
					     block_shift);
			mutex_lock(&v->lock);
		}
		pos += step;
		dst += step;
		len -= step;
	}
	mutex_unlock(&v->lock);
	emul_pin_end_read(&v->pin);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(emul_view_read);

/**
 * emul_view_show_asked - write down the decisions that were asked for
 * @v: view
 * @buf: the text goes here, a line for each, in the order in which they were asked; or NULL
 * @size: of @buf, bytes; what does not fit is left out
 *
 * Context: may sleep.
 * Return: length of the text, without a 0 at its end; 0 if the history has ended.
 */
size_t emul_view_show_asked(struct emul_view *v, char *buf, size_t size)
{
	size_t len;

	/* The records are what is read. */
	if (!emul_pin_begin_read(&v->pin))
		return 0;
	mutex_lock(&v->lock);
	len = emul_decisions_show(&v->decisions, buf, size);
	mutex_unlock(&v->lock);
	emul_pin_end_read(&v->pin);
	return len;
}
