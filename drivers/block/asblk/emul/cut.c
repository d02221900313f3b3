// SPDX-License-Identifier: GPL-2.0-only
/* A power cut: the disks of a domain go, and come back with what is left. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/sched/signal.h>

#include "../compat.h"
#include "controller.h"
#include "views.h"

/* Let the medium of a disk without power hold one outcome of the cut. */
static int cut_settle(struct emul_config *c, u64 at, u64 seed)
{
	struct emul_base *base = emul_base_open(&c->medium.recorder, at);
	int err;

	if (IS_ERR(base))
		return PTR_ERR(base);
	base->view.fate.policy = EMUL_POLICY_SEED;
	base->view.fate.seed = seed;
	base->view.fate.lost_share = 50;
	err = emul_view_apply(&base->view, base->chains, c->medium.block_shift);
	emul_base_close(base);
	return err;
}

static int cut_domain(struct list_head *disks, u64 at, u64 seed)
{
	struct emul_config *c;
	int err = 0, first = 0;

	list_for_each_entry(c, disks, cut) {
		c->was_on = c->emul;
		emul_config_dead(c, "power cut");
	}
	/* What was executed after the instant is not to be seen, on any of them. */
	list_for_each_entry(c, disks, cut) {
		if (c->emul)
			emul_config_off(c);
	}
	list_for_each_entry(c, disks, cut) {
		err = cut_settle(c, at, seed);
		if (err)
			pr_err("%s: the power cut is not complete: %pe\n", c->name, ERR_PTR(err));
		first = first ?: err;
	}
	list_for_each_entry(c, disks, cut)
		emul_recorder_renew(&c->medium.recorder);
	list_for_each_entry(c, disks, cut) {
		err = c->was_on ? emul_config_on(c) : 0;
		if (err)
			pr_err("%s: failed to create the disk: %pe\n", c->name, ERR_PTR(err));
		first = first ?: err;
	}
	return first;
}

/**
 * emul_config_cut - cut the power of a recorded disk, and of its power domain
 * @c: configuration
 * @seed: what is undecided survives or not by a hash of it and this
 *
 * The disks go as in a surprise removal, and come back. What was recorded is forgotten.
 *
 * Context: may sleep.
 * Return: 0, -ENODATA if the disk is not recorded, -EBUSY if there are views of it,
 * -ERESTARTSYS, or another negative errno after a line in the log.
 */
int emul_config_cut(struct emul_config *c, u64 seed)
{
	LIST_HEAD(disks);
	u64 oldest, at;
	int err;

	while (!emul_views_lock_domain(c, &disks)) {
		if (msleep_interruptible(10))
			return -ERESTARTSYS;
	}
	err = emul_recorder_busy(&c->medium.recorder) ? -EBUSY :
	      emul_recorder_instants(&c->medium.recorder, &oldest, &at);
	if (!err)
		err = cut_domain(&disks, at, seed);
	emul_views_unlock_domain(&disks);
	return err;
}
ASBLK_EXPORT(emul_config_cut);
