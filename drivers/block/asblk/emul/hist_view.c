// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/atomic.h>
#include <linux/export.h>
#include <linux/rcupdate.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "hist_view.h"

/* Decisions that memory is taken for at a time. */
#define VIEW_SPARE	16

/* Let the view show another instant. Return: 0, or -ERANGE if that cannot be looked at. */
static int view_set(struct emul_view *v, u64 at)
{
	struct emul_domain *d = v->domain;

	lockdep_assert_held(&d->lock);
	if (at < d->oldest || at > d->now)
		return -ERANGE;
	v->at = at;
	v->horizon = emul_domain_horizon(d, at);
	return 0;
}

/*
 * Open a view of instant @at, in which all that is undecided survives until something else is
 * said. From here on nothing that it needs is retired. Context: may sleep. Return: 0, or
 * -ERANGE if the instant has been retired or is to come.
 */
int emul_view_open(struct emul_view *v, struct emul_domain *d, u64 at)
{
	int err;

	*v = (struct emul_view) { .domain = d, .decisions = RB_ROOT };
	mutex_init(&v->lock);
	INIT_LIST_HEAD(&v->asked);
	INIT_LIST_HEAD(&v->spare);
	spin_lock_bh(&d->lock);
	err = view_set(v, at);
	if (!err)
		list_add(&v->list, &d->views);
	spin_unlock_bh(&d->lock);
	if (err)
		mutex_destroy(&v->lock);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(emul_view_open);

/* Forget all decisions. The caller reads nothing meanwhile. Context: may sleep. */
void emul_view_forget(struct emul_view *v)
{
	struct emul_decision *decision, *next;

	mutex_lock(&v->lock);
	rbtree_postorder_for_each_entry_safe(decision, next, &v->decisions, node)
		kfree(decision);
	v->decisions = RB_ROOT;
	INIT_LIST_HEAD(&v->asked);
	v->nr_asked = 0;
	mutex_unlock(&v->lock);
}
EXPORT_SYMBOL_IF_KUNIT(emul_view_forget);

/*
 * Show another instant, and forget all decisions. Context: may sleep. Return: as
 * emul_view_open(), with nothing changed.
 */
int emul_view_move(struct emul_view *v, u64 at)
{
	int err;

	spin_lock_bh(&v->domain->lock);
	err = view_set(v, at);
	spin_unlock_bh(&v->domain->lock);
	if (!err)
		emul_view_forget(v);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(emul_view_move);

/* Context: may sleep. */
void emul_view_close(struct emul_view *v)
{
	struct emul_decision *decision, *next;

	spin_lock_bh(&v->domain->lock);
	list_del(&v->list);
	spin_unlock_bh(&v->domain->lock);
	emul_view_forget(v);
	list_for_each_entry_safe(decision, next, &v->spare, asked)
		kfree(decision);
	mutex_destroy(&v->lock);
}
EXPORT_SYMBOL_IF_KUNIT(emul_view_close);

/* Return: the decision about a piece, or NULL; then @parent and @link say where it belongs. */
static struct emul_decision *view_find(struct emul_view *v, u64 fetched, u64 block,
				       struct rb_node **parent, struct rb_node ***link)
{
	*link = &v->decisions.rb_node;
	*parent = NULL;
	while (**link) {
		struct emul_decision *other = rb_entry(**link, struct emul_decision, node);

		if (other->fetched == fetched && other->block == block)
			return other;
		*parent = **link;
		if (fetched < other->fetched ||
		    (fetched == other->fetched && block < other->block))
			*link = &(**link)->rb_left;
		else
			*link = &(**link)->rb_right;
	}
	return NULL;
}

/*
 * Decide about a piece before anybody asks: of the command that was fetched at that instant
 * the one block, or %EMUL_WHOLE. Context: may sleep. Return: 0, -EEXIST if the same piece was
 * decided otherwise, or -ENOMEM.
 */
int emul_view_give(struct emul_view *v, u64 fetched, u64 block, bool survives)
{
	struct emul_decision *decision = kmalloc_obj(*decision), *other;
	struct rb_node *parent, **link;
	int err = 0;

	if (!decision)
		return -ENOMEM;
	*decision = (struct emul_decision) {
		.fetched = fetched, .block = block, .survives = survives,
	};
	mutex_lock(&v->lock);
	other = view_find(v, fetched, block, &parent, &link);
	if (!other) {
		rb_link_node(&decision->node, parent, link);
		rb_insert_color(&decision->node, &v->decisions);
	} else {
		err = other->survives == survives ? 0 : -EEXIST;
		kfree(decision);
	}
	mutex_unlock(&v->lock);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(emul_view_give);

static bool view_policy(const struct emul_view *v, u64 fetched, u64 block)
{
	const siphash_key_t key = { { v->seed, 0x6173626c6b } };

	switch (v->policy) {
	case EMUL_POLICY_ALL:
		return true;
	case EMUL_POLICY_NONE:
		return false;
	default:
		return siphash_2u64(fetched, block, &key) & 1;
	}
}

/* Decisions that were asked for, of all views: a program may ask several. */
static atomic64_t view_order;

/*
 * Ask about a piece. Return: 1 if it survives, 0 if not, -EAGAIN if this needs memory. Under
 * the view's lock.
 */
static int view_ask(struct emul_view *v, const struct emul_record *r, u64 block)
{
	struct emul_decision *decision;
	struct rb_node *parent, **link;

	decision = view_find(v, r->fetched, block, &parent, &link);
	if (!decision) {
		decision = list_first_entry_or_null(&v->spare, struct emul_decision, asked);
		if (!decision)
			return -EAGAIN;
		list_del(&decision->asked);
		*decision = (struct emul_decision) {
			.fetched = r->fetched, .block = block,
			.survives = view_policy(v, r->fetched, block),
		};
		rb_link_node(&decision->node, parent, link);
		rb_insert_color(&decision->node, &v->decisions);
	}
	if (!decision->record) {
		decision->record = r;
		decision->order = atomic64_inc_return(&view_order);
		list_add_tail(&decision->asked, &v->asked);
		v->nr_asked++;
	}
	return decision->survives;
}

/* Memory for decisions. Under the view's lock. Context: may sleep. */
static bool view_refill(struct emul_view *v)
{
	unsigned int i;

	if (!list_empty(&v->spare))
		return true;
	for (i = 0; i < VIEW_SPARE; i++) {
		struct emul_decision *decision = kmalloc_obj(*decision, EMUL_GFP_WAIT);

		if (!decision)
			break;
		list_add(&decision->asked, &v->spare);
	}
	return i;
}

/* Does what a version wrote survive? Return: as view_ask(). */
static int view_survives(struct emul_view *v, const struct emul_version *version, u64 lba)
{
	const struct emul_record *r = version->record;

	if (r->fetched > v->at)
		return 0;
	if (emul_record_is_durable(r, v->at, v->horizon))
		return 1;
	return view_ask(v, r, r->flags & EMUL_RECORD_WHOLE ? EMUL_WHOLE : lba);
}

/*
 * Find the content of a block, or of the part of it that is in the page: what the newest
 * version that survives has written, which is what the one after it has replaced, if any.
 * @mask: its grains. Return: 0, -EAGAIN, or -ENOENT if it is as in the disk's base. Under both
 * locks.
 */
static int view_find_block(struct emul_view *v, const struct emul_chains *c,
			   struct emul_version *newest, const void *page, u64 mask, u64 lba,
			   const void **data)
{
	unsigned int first = __ffs64(mask);
	struct emul_version *version;
	int survives;

	*data = emul_chain_present(c, page) & mask ? page + (first << EMUL_GRAIN_SHIFT) : NULL;
	for (version = newest; version; version = version->older) {
		if (!(version->covers & mask))
			continue;
		survives = view_survives(v, version, lba);
		if (survives > 0)
			break;
		if (survives)
			return survives;
		*data = !(version->present & mask) ? NULL : version->before +
			((first - version->first) << EMUL_GRAIN_SHIFT);
	}
	return *data || !c->base ? 0 : -ENOENT;
}

/* Read bytes of a block that are in one page. Return: as view_find_block(). */
static int view_read_block(struct emul_view *v, const struct emul_chains *c,
			   struct emul_version *newest, u64 pos, void *dst, u32 len,
			   u8 block_shift)
{
	struct store_leaf *leaf = store_leaf(c->store, pos >> PAGE_SHIFT);
	const void *page = leaf ? store_page(leaf, pos >> PAGE_SHIFT) : NULL, *data;
	u64 mask = emul_grains(offset_in_page(pos), len);
	int err = view_find_block(v, c, newest, page, mask, pos >> block_shift, &data);

	if (err)
		return err;
	if (data)
		memcpy(dst, data, len);
	else
		memset(dst, 0, len);
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
	/* Before a page is changed it gets a chain: pairs with chain_add_leaf() */
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

/* What is read stays until view_end_read(). Return: false if it has gone already. */
static bool view_begin_read(struct emul_view *v)
{
	bool there;

	spin_lock_bh(&v->domain->lock);
	there = !v->lost;
	v->domain->nr_reading += there;
	spin_unlock_bh(&v->domain->lock);
	return there;
}

static void view_end_read(struct emul_view *v)
{
	struct emul_domain *d = v->domain;
	bool last;

	spin_lock_bh(&d->lock);
	last = !--d->nr_reading;
	spin_unlock_bh(&d->lock);
	/* Pairs with the wait of history_end_work(): somebody may want to free it. */
	if (last)
		wake_up_var(&d->nr_reading);
}

/**
 * emul_view_read - read what the power cut has left
 * @v: view
 * @c: chains of a disk of its domain
 * @pos: first byte, a multiple of the block size
 * @dst: memory for the data
 * @len: bytes, likewise
 * @block_shift: log2 of the block size
 *
 * Asks for the decisions that this needs, block by block, from the newest piece of each down
 * to the first that survives.
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM, or -ESTALE if the history has ended.
 */
int emul_view_read(struct emul_view *v, struct emul_chains *c, u64 pos, void *dst, u32 len,
		   u8 block_shift)
{
	int err = 0;

	if (!view_begin_read(v))
		return -ESTALE;
	mutex_lock(&v->lock);
	while (len && !err) {
		u32 step = min_t(u32, len, min(1U << block_shift,
					       (u32)(PAGE_SIZE - offset_in_page(pos))));

		if (!view_read_plain(v, c, pos, dst, step, block_shift, &err))
			err = view_read_chain(v, c, pos, dst, step, block_shift);
		if (err == -EAGAIN) {
			err = view_refill(v) ? 0 : -ENOMEM;
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
	view_end_read(v);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(emul_view_read);

/* Let the disk hold what the view shows in a page. @page: memory for it. */
static int view_apply_page(struct emul_view *v, struct emul_chains *c, u64 pos, void *page,
			   u8 block_shift)
{
	u32 len = min_t(u64, PAGE_SIZE, c->store->size - pos);
	u64 done = 0;
	int err = emul_view_read(v, c, pos, page, len, block_shift);

	if (err)
		return err;
	/* Zeroes need no memory, but where a hole shows something else. */
	if (!c->base && !memchr_inv(page, 0, len)) {
		emul_store_unmap(c->store, pos, len, false);
		return 0;
	}
	return emul_chain_write(c, NULL, pos, page, len, EMUL_GFP_WAIT, &done);
}

/*
 * Let a disk hold what the view shows. What it has recorded is of no use from then on. No command
 * is in flight. Context: may sleep. Return: 0, or as emul_view_read() or emul_chain_write(), with
 * a part done.
 */
int emul_view_apply(struct emul_view *v, struct emul_chains *c, u8 block_shift)
{
	void *page = (void *)__get_free_page(GFP_KERNEL);
	unsigned long i, j;
	int err = page ? 0 : -ENOMEM;

	for (i = 0; i < c->nr_leaves && !err; i++) {
		for (j = 0; c->leaf[i] && j < STORE_LEAF_ENTRIES && !err; j++)
			if (c->leaf[i]->newest[j])
				err = view_apply_page(v, c, ((u64)i << STORE_LEAF_SHIFT | j) <<
						      PAGE_SHIFT, page, block_shift);
		cond_resched();
	}
	free_page((unsigned long)page);
	return err;
}

static const char *view_op_name(u8 op)
{
	static const char *const names[ASBLK_NR_OPS] = {
		[ASBLK_OP_WRITE] = "write",
		[ASBLK_OP_UNMAP] = "unmap",
		[ASBLK_OP_WRITE_ZEROES] = "write-zeroes",
		[ASBLK_OP_SECURE_ERASE] = "secure-erase",
	};

	return op < ASBLK_NR_OPS && names[op] ? names[op] : "other";
}

/* A line about a decision, as scnprintf(). */
static int view_show_decision(const struct emul_decision *d, char *buf, size_t size)
{
	const struct emul_record *r = d->record;
	char block[24] = "whole";

	if (d->block != EMUL_WHOLE)
		snprintf(block, sizeof(block), "%llu", d->block);
	return snprintf(buf, size, "%llu %s %d %llu %s %llu+%llu%s queue %u disk %u until %llu\n",
			d->fetched, block, d->survives, d->order, view_op_name(r->op), r->lba,
			r->nr_blocks, r->flags & EMUL_RECORD_FUA ? " fua" : "", r->queue,
			r->chains->disk, r->completed);
}

/**
 * emul_view_show_asked - write down the decisions that were asked for
 * @v: view
 * @buf: the text goes here, a line for each, in the order in which they were asked; or NULL
 * @size: of @buf, bytes; what does not fit is left out
 *
 * Context: may sleep.
 * Return: length of the text, without a 0 at its end; 0 if the history has ended.
 */
ssize_t emul_view_show_asked(struct emul_view *v, char *buf, size_t size)
{
	const struct emul_decision *d;
	size_t len = 0;

	/* The records are what is read. */
	if (!view_begin_read(v))
		return 0;
	mutex_lock(&v->lock);
	list_for_each_entry(d, &v->asked, asked) {
		char line[192];
		size_t more = view_show_decision(d, line, sizeof(line));

		if (buf && len + more > size)
			break;
		if (buf)
			memcpy(buf + len, line, more);
		len += more;
	}
	mutex_unlock(&v->lock);
	view_end_read(v);
	return len;
}
