// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "hist_base.h"

/*
 * Open a view of a recorded disk. Context: may sleep. Return: it, -ENODATA if the disk is not
 * recorded, -ERANGE if the instant cannot be looked at, or -ENOMEM, as an ERR_PTR.
 */
struct emul_base *emul_base_open(struct emul_recorder *rec, u64 at)
{
	struct emul_base *base = kzalloc_obj(*base, GFP_NOIO);
	struct emul_history *h;
	int err = -ENODATA;

	if (!base)
		return ERR_PTR(-ENOMEM);
	guard(mutex)(&rec->lock);
	h = rcu_dereference_protected(rec->history, lockdep_is_held(&rec->lock));
	if (h)
		err = emul_view_open(&base->view, &h->chains, at);
	if (err) {
		kfree(base);
		return ERR_PTR(err);
	}
	base->chains = &h->chains;
	base->power = h->power;
	mutex_init(&base->lock);
	emul_power_get(h->power);
	return base;
}
EXPORT_SYMBOL_IF_KUNIT(emul_base_open);

/* Nobody reads it any more. Context: may sleep. */
void emul_base_close(struct emul_base *base)
{
	emul_view_close(&base->view);
	emul_power_put(base->power);
	mutex_destroy(&base->lock);
	kfree(base);
}
EXPORT_SYMBOL_IF_KUNIT(emul_base_close);

/* Let the disk hold what the view shows within a page. @page: memory for it. */
static int view_apply_part(struct emul_view *v, struct emul_chains *c, u64 pos, void *page,
			   u32 len, u8 block_shift)
{
	u64 done = 0;
	int err = emul_view_read(v, c, pos, page, len, block_shift);

	if (err == -EIO && len <= 1U << block_shift)
		return emul_bad_mark(c->bad, pos, len);
	if (err)
		return err;
	emul_bad_heal(c->bad, pos, len);
	/* Zeroes need no memory, but where a hole shows something else. */
	if (!c->base && !memchr_inv(page, 0, len)) {
		emul_store_unmap(c->store, pos, len, false);
		return 0;
	}
	return emul_chain_write(c, NULL, pos, page, len, EMUL_GFP_WAIT, &done);
}

static int view_apply_page(struct emul_view *v, struct emul_chains *c, u64 pos, void *page,
			   u8 block_shift)
{
	u32 len = min_t(u64, PAGE_SIZE, c->store->size - pos), step, done;
	int err = view_apply_part(v, c, pos, page, len, block_shift);

	if (err != -EIO)
		return err;
	/* Some of its blocks cannot be read: one by one. */
	err = 0;
	for (done = 0; done < len && !err; done += step) {
		step = min(len - done, 1U << block_shift);
		err = view_apply_part(v, c, pos + done, page, step, block_shift);
	}
	return err;
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
