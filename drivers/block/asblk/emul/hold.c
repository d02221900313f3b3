// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/ktime.h>
#include <linux/minmax.h>

#include "hold.h"
#include "wait.h"

static struct emul_cmd_state *hold_state(struct timerqueue_node *node)
{
	return node ? container_of(node, struct emul_cmd_state, wait) : NULL;
}

void emul_hold_init(struct emul_hold *h)
{
	*h = (struct emul_hold) {};
	timerqueue_init_head(&h->held);
}
EXPORT_SYMBOL_IF_KUNIT(emul_hold_init);

/* Keep a completion back, from @now (nanoseconds) on for @usecs at most. */
void emul_hold_add(struct emul_hold *h, struct emul_cmd_state *s, u64 now, u32 usecs)
{
	u64 most = (u64)usecs * NSEC_PER_USEC;

	timerqueue_init(&s->wait);
	s->wait.expires = ns_to_ktime(now + most);
	timerqueue_add(&h->held, &s->wait);
	h->nr++;
	h->quiet = most / EMUL_HOLD_QUIET;
	h->quiet_at = now + h->quiet;
	h->batch = 1;
	h->left = 0;
}
EXPORT_SYMBOL_IF_KUNIT(emul_hold_add);

/* One of the newer half. */
static struct emul_cmd_state *hold_choose(struct emul_hold *h, u32 random)
{
	struct rb_node *node = rb_last(&h->held.rb_root.rb_root);
	unsigned int skip = random % (h->nr / 2 + 1);

	for (; skip; skip--)
		node = rb_prev(node);
	return hold_state(rb_entry_safe(node, struct timerqueue_node, node));
}

/*
 * Take a completion that is to be posted @now, in nanoseconds. @depth: so many are kept back at
 * most. Return: NULL if there is none.
 */
struct emul_cmd_state *emul_hold_next(struct emul_hold *h, unsigned int depth, u64 now, u32 random)
{
	struct emul_cmd_state *s = emul_hold_first(h);

	if (!s)
		return NULL;
	if ((u64)s->wait.expires > now) {
		if (!h->left && h->quiet_at <= now) {
			h->left = h->batch;
			h->batch *= 2;
			h->quiet_at = now + h->quiet;
		}
		if (!h->left && h->nr <= depth)
			return NULL;
		s = hold_choose(h, random);
	}
	h->left -= !!h->left;
	emul_hold_remove(h, s);
	return s;
}
EXPORT_SYMBOL_IF_KUNIT(emul_hold_next);

/* Return: when one is to be posted unless a command comes before, in ns, or %EMUL_NEVER. */
u64 emul_hold_due(struct emul_hold *h)
{
	struct emul_cmd_state *s = emul_hold_first(h);

	return s ? min_t(u64, s->wait.expires, h->quiet_at) : EMUL_NEVER;
}
EXPORT_SYMBOL_IF_KUNIT(emul_hold_due);

/* Return: the one that has been kept back for longest, or NULL. */
struct emul_cmd_state *emul_hold_first(struct emul_hold *h)
{
	return hold_state(timerqueue_getnext(&h->held));
}
EXPORT_SYMBOL_IF_KUNIT(emul_hold_first);

/* Return: the command with this ID, or NULL if it is not kept back. */
struct emul_cmd_state *emul_hold_find(struct emul_hold *h, u16 id)
{
	struct timerqueue_node *node;

	for (node = timerqueue_getnext(&h->held); node; node = timerqueue_iterate_next(node))
		if (hold_state(node)->cmd.id == id)
			return hold_state(node);
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(emul_hold_find);

/* A completion that is kept back is given up. */
void emul_hold_remove(struct emul_hold *h, struct emul_cmd_state *s)
{
	timerqueue_del(&h->held, &s->wait);
	h->nr--;
}
EXPORT_SYMBOL_IF_KUNIT(emul_hold_remove);
