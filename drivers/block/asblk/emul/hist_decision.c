// SPDX-License-Identifier: GPL-2.0-only
#include <linux/atomic.h>
#include <linux/slab.h>

#include "hist_chain.h"
#include "hist_decision.h"

/* Decisions that memory is taken for at a time. */
#define DECISION_SPARE	16

void emul_decisions_init(struct emul_decisions *ds)
{
	*ds = (struct emul_decisions) { .tree = RB_ROOT };
	INIT_LIST_HEAD(&ds->asked);
	INIT_LIST_HEAD(&ds->spare);
}

void emul_decisions_forget(struct emul_decisions *ds)
{
	struct emul_decision *decision, *next;

	rbtree_postorder_for_each_entry_safe(decision, next, &ds->tree, node)
		kfree(decision);
	ds->tree = RB_ROOT;
	INIT_LIST_HEAD(&ds->asked);
	ds->nr_asked = 0;
}

void emul_decisions_exit(struct emul_decisions *ds)
{
	struct emul_decision *decision, *next;

	emul_decisions_forget(ds);
	list_for_each_entry_safe(decision, next, &ds->spare, asked)
		kfree(decision);
}

/* Return: the decision about a piece, or NULL; then @parent and @link say where it belongs. */
static struct emul_decision *decisions_find(struct emul_decisions *ds, u64 fetched, u64 block,
					    struct rb_node **parent, struct rb_node ***link)
{
	*link = &ds->tree.rb_node;
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

static void decisions_add(struct emul_decisions *ds, struct emul_decision *decision,
			  struct rb_node *parent, struct rb_node **link)
{
	rb_link_node(&decision->node, parent, link);
	rb_insert_color(&decision->node, &ds->tree);
}

/*
 * Decide about a piece before anybody asks: of the command that was fetched at that instant
 * the one block, or %EMUL_WHOLE. Context: may sleep. Return: 0, -EEXIST if the same piece was
 * decided otherwise, or -ENOMEM.
 */
int emul_decisions_give(struct emul_decisions *ds, u64 fetched, u64 block,
			enum emul_outcome outcome)
{
	struct rb_node *parent, **link;
	struct emul_decision *decision = decisions_find(ds, fetched, block, &parent, &link);

	if (decision)
		return decision->outcome == outcome ? 0 : -EEXIST;
	/* Reads of the disk may wait for this. */
	decision = kmalloc_obj(*decision, GFP_NOIO);
	if (!decision)
		return -ENOMEM;
	*decision = (struct emul_decision) {
		.fetched = fetched, .block = block, .outcome = outcome,
	};
	decisions_add(ds, decision, parent, link);
	return 0;
}

/* Take memory for decisions. Context: may sleep. Return: false if there is none. */
bool emul_decisions_refill(struct emul_decisions *ds)
{
	unsigned int i;

	if (!list_empty(&ds->spare))
		return true;
	for (i = 0; i < DECISION_SPARE; i++) {
		struct emul_decision *decision = kmalloc_obj(*decision, EMUL_GFP_WAIT);

		if (!decision)
			break;
		list_add(&decision->asked, &ds->spare);
	}
	return i;
}

/* Decisions that were asked for, of all disks: a program may ask several. */
static atomic64_t decision_order;

/*
 * Ask about a piece, of command @r, or about an erase unit if that is NULL. Context: any. Return:
 * the decision, which is @new if nobody has made it yet: the caller does; or NULL if this needs
 * emul_decisions_refill().
 */
struct emul_decision *emul_decisions_ask(struct emul_decisions *ds, const struct emul_record *r,
					 u64 block, bool *new)
{
	struct rb_node *parent, **link;
	u64 fetched = r ? r->fetched : 0;
	struct emul_decision *decision = decisions_find(ds, fetched, block, &parent, &link);

	*new = !decision;
	if (!decision) {
		decision = list_first_entry_or_null(&ds->spare, struct emul_decision, asked);
		if (!decision)
			return NULL;
		list_del(&decision->asked);
		*decision = (struct emul_decision) { .fetched = fetched, .block = block };
		decisions_add(ds, decision, parent, link);
	}
	if (!decision->is_asked) {
		decision->is_asked = true;
		decision->record = r;
		decision->order = atomic64_inc_return(&decision_order);
		list_add_tail(&decision->asked, &ds->asked);
		ds->nr_asked++;
	}
	return decision;
}

static const char *decision_op(u8 op)
{
	static const char *const names[ASBLK_NR_OPS] = {
		[ASBLK_OP_WRITE] = "write",
		[ASBLK_OP_UNMAP] = "unmap",
		[ASBLK_OP_WRITE_ZEROES] = "write-zeroes",
		[ASBLK_OP_SECURE_ERASE] = "secure-erase",
		[EMUL_OP_SPOIL] = "write-uncorrectable",
	};

	return op < ASBLK_NR_OPS && names[op] ? names[op] : "other";
}

/* A line about a decision, as snprintf(). */
static int decision_show(const struct emul_decision *d, char *buf, size_t size)
{
	const struct emul_record *r = d->record;
	char block[24] = "whole";

	if (d->block != EMUL_WHOLE)
		snprintf(block, sizeof(block), "%llu", d->block);
	if (!r)
		return snprintf(buf, size, "%llu %s %d %llu erase-unit\n", d->fetched, block,
				d->outcome, d->order);
	return snprintf(buf, size, "%llu %s %d %llu %s %llu+%llu%s queue %u disk %u until %llu\n",
			d->fetched, block, d->outcome, d->order, decision_op(r->op), r->lba,
			r->nr_blocks, r->flags & EMUL_RECORD_FUA ? " fua" : "", r->queue,
			r->chains->disk, r->completed);
}

/*
 * Write those that were asked for to @buf, a line each, as many as fit into @size bytes; or all
 * if that is NULL. Return: length of the text, without a 0 at its end.
 */
size_t emul_decisions_show(const struct emul_decisions *ds, char *buf, size_t size)
{
	const struct emul_decision *d;
	size_t len = 0;

	list_for_each_entry(d, &ds->asked, asked) {
		char line[192];
		size_t more = decision_show(d, line, sizeof(line));

		if (buf && len + more > size)
			break;
		if (buf)
			memcpy(buf + len, line, more);
		len += more;
	}
	return len;
}
