// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/slab.h>

#include "hist_durable.h"

/* Memory for a record. @what has what is known of it. Context: as @gfp says. */
struct emul_record *emul_record_alloc(const struct emul_record *what, gfp_t gfp)
{
	struct emul_record *r = kmalloc_obj(*r, gfp);

	if (!r)
		return NULL;
	*r = *what;
	INIT_LIST_HEAD(&r->dirty);
	if (emul_op_is_flush(r->op))
		RB_CLEAR_NODE(&r->by_completion);
	return r;
}
EXPORT_SYMBOL_IF_KUNIT(emul_record_alloc);

/*
 * A flush has completed: what had completed when it was fetched is durable. One that was
 * fetched before another which has completed already adds nothing.
 */
void emul_flushes_add(struct emul_flushes *f, struct emul_record *r)
{
	struct emul_record *last = f->last;

	if (r->fetched <= (last ? last->covers : 0))
		return;
	r->covers = r->fetched;
	/* The rightmost node, so far, has no right child. */
	if (last)
		rb_link_node(&r->by_completion, &last->by_completion,
			     &last->by_completion.rb_right);
	else
		rb_link_node(&r->by_completion, NULL, &f->by_completion.rb_node);
	rb_insert_color(&r->by_completion, &f->by_completion);
	f->last = r;
}

/* A flush is about to be forgotten. */
void emul_flushes_remove(struct emul_flushes *f, struct emul_record *r)
{
	struct rb_node *before;

	if (RB_EMPTY_NODE(&r->by_completion))
		return;
	if (f->last == r) {
		before = rb_prev(&r->by_completion);
		f->last = before ? rb_entry(before, struct emul_record, by_completion) : NULL;
	}
	rb_erase(&r->by_completion, &f->by_completion);
}

/* Return: all that had completed by then was durable at instant @at. */
u64 emul_flushes_horizon(const struct emul_flushes *f, u64 at)
{
	struct rb_node *node = f->by_completion.rb_node;
	u64 horizon = 0;

	while (node) {
		struct emul_record *r = rb_entry(node, struct emul_record, by_completion);

		if (r->completed <= at) {
			horizon = r->covers;
			node = node->rb_right;
		} else {
			node = node->rb_left;
		}
	}
	return horizon;
}
EXPORT_SYMBOL_IF_KUNIT(emul_flushes_horizon);
