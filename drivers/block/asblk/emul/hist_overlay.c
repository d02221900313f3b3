// SPDX-License-Identifier: GPL-2.0-only
#include <linux/minmax.h>
#include <linux/rcupdate.h>

#include "hist_overlay.h"

/* Read whole blocks, or a part of one, within a page. */
static int overlay_read_page(const struct emul_chains *overlay, u64 pos, void *dst, u32 len,
			     u8 block_shift)
{
	struct emul_base *base = overlay->base;
	u64 there;
	u32 step;
	int err = 0;

	rcu_read_lock();
	there = emul_chain_present(overlay, emul_store_find(overlay->store, pos >> PAGE_SHIFT));
	rcu_read_unlock();
	/* Most of it is as in the view: read that at once. */
	if (!there)
		return emul_view_read(&base->view, base->chains, pos, dst, len, block_shift);
	for (; len && !err; len -= step, pos += step, dst += step) {
		step = min(len, 1U << block_shift);
		if (there & emul_grains(offset_in_page(pos), step)) {
			rcu_read_lock();
			emul_store_read(overlay->store, pos, dst, step);
			rcu_read_unlock();
		} else {
			err = emul_view_read(&base->view, base->chains, pos, dst, step,
					     block_shift);
		}
	}
	return err;
}

/* Read whole blocks. Context: may sleep. Return: as emul_view_read(). */
int emul_overlay_read(struct emul_store *store, struct emul_base *base, u64 pos, void *dst,
		      u64 len, u8 block_shift)
{
	const struct emul_chains overlay = { .store = store, .base = base };
	int err = 0;

	guard(mutex)(&base->lock);
	while (len && !err) {
		u32 step = min_t(u64, len, PAGE_SIZE - offset_in_page(pos));

		err = overlay_read_page(&overlay, pos, dst, step, block_shift);
		pos += step;
		dst += step;
		len -= step;
	}
	return err;
}

/* Write whole blocks, without a record. Context: may sleep. Return: as emul_chain_write(). */
int emul_overlay_write(struct emul_store *store, struct emul_base *base, u64 pos, const void *src,
		       u64 len, u64 *done)
{
	struct emul_chains overlay = { .store = store, .base = base };

	guard(mutex)(&base->lock);
	return emul_chain_write(&overlay, NULL, pos, src, len, EMUL_GFP_WAIT, done);
}
