// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/minmax.h>

#include "wait.h"

/* Buckets are powers of two of 1.024 us; the last has the rest. */
static unsigned int wait_bucket(u64 ns)
{
	u64 units = ns >> 10;

	return units ? min(ilog2(units) + 1, EMUL_WAIT_BUCKETS - 1) : 0;
}

static struct emul_cmd_state *wait_state(struct timerqueue_node *node)
{
	return container_of(node, struct emul_cmd_state, wait);
}

void emul_wait_init(struct emul_wait *w)
{
	timerqueue_init_head(&w->waiting);
}
EXPORT_SYMBOL_IF_KUNIT(emul_wait_init);

/* @s was executed, and has its start; @deadline in nanoseconds. */
void emul_wait_add(struct emul_wait *w, struct emul_cmd_state *s, u64 deadline)
{
	timerqueue_init(&s->wait);
	s->wait.expires = ns_to_ktime(deadline);
	timerqueue_add(&w->waiting, &s->wait);
	w->asked[wait_bucket(deadline - s->start)]++;
}
EXPORT_SYMBOL_IF_KUNIT(emul_wait_add);

/* Return: the command with the earliest deadline, or NULL if none waits. */
struct emul_cmd_state *emul_wait_first(struct emul_wait *w)
{
	struct timerqueue_node *first = timerqueue_getnext(&w->waiting);

	return first ? wait_state(first) : NULL;
}
EXPORT_SYMBOL_IF_KUNIT(emul_wait_first);

/* Return: the earliest deadline, in nanoseconds, or %EMUL_NEVER. */
u64 emul_wait_due(struct emul_wait *w)
{
	struct emul_cmd_state *s = emul_wait_first(w);

	return s ? (u64)s->wait.expires : EMUL_NEVER;
}
EXPORT_SYMBOL_IF_KUNIT(emul_wait_due);

/* Take the command with the earliest deadline. Return: NULL if none is due at @now, in ns. */
struct emul_cmd_state *emul_wait_next(struct emul_wait *w, u64 now)
{
	struct emul_cmd_state *s = emul_wait_first(w);
	u64 late;

	if (!s || (u64)s->wait.expires > now)
		return NULL;
	late = now - s->wait.expires;
	timerqueue_del(&w->waiting, &s->wait);
	w->achieved[wait_bucket(now - s->start)]++;
	w->late[wait_bucket(late)]++;
	w->late_sum += late;
	w->late_nr++;
	return s;
}
EXPORT_SYMBOL_IF_KUNIT(emul_wait_next);

/* Return: the command with this ID, or NULL if it does not wait. */
struct emul_cmd_state *emul_wait_find(struct emul_wait *w, u16 id)
{
	struct timerqueue_node *node;

	for (node = timerqueue_getnext(&w->waiting); node; node = timerqueue_iterate_next(node))
		if (wait_state(node)->cmd.id == id)
			return wait_state(node);
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(emul_wait_find);

/* A command that waits is given up. */
void emul_wait_remove(struct emul_wait *w, struct emul_cmd_state *s)
{
	timerqueue_del(&w->waiting, &s->wait);
}
EXPORT_SYMBOL_IF_KUNIT(emul_wait_remove);

unsigned int emul_wait_count(struct emul_wait *w)
{
	struct timerqueue_node *node;
	unsigned int nr = 0;

	for (node = timerqueue_getnext(&w->waiting); node; node = timerqueue_iterate_next(node))
		nr++;
	return nr;
}
EXPORT_SYMBOL_IF_KUNIT(emul_wait_count);
