// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/export.h>

#include "emul.h"

DEFINE_STATIC_KEY_FALSE(emul_hooked);

/**
 * emul_hooks_enable - have the device look at its hooks, or no longer
 * @on: as said
 *
 * Context: may sleep.
 */
void emul_hooks_enable(bool on)
{
	if (on)
		static_branch_inc(&emul_hooked);
	else
		static_branch_dec(&emul_hooked);
}
EXPORT_SYMBOL_IF_KUNIT(emul_hooks_enable);

/* Everything below: under &emul_queue.run_lock, where not said otherwise. */

static bool hooks_count(unsigned int *left)
{
	if (!*left)
		return false;
	(*left)--;
	return true;
}

/* Is the queue not to be worked on? */
bool emul_hooks_hang(struct emul_queue *q)
{
	return q->hooks.hang;
}

/* Is this completion to be dropped? */
bool emul_hooks_drop(struct emul_queue *q, u16 id)
{
	struct emul_hooks *h = &q->hooks;

	if (!hooks_count(&h->drop_completions))
		return false;
	h->lost[h->nr_lost++ % EMUL_HOOKS_LOST] = id;
	return true;
}

/* Is this completion to be posted twice? The ring must not overflow for it. */
bool emul_hooks_duplicate(struct emul_queue *q)
{
	return ring_room(&q->cq) > 1 && hooks_count(&q->hooks.duplicates);
}

bool emul_hooks_drop_interrupt(struct emul_queue *q)
{
	return hooks_count(&q->hooks.drop_interrupts);
}

/* Does the device hear of an abort, and has it lost that transfer? */
bool emul_hooks_abort(struct emul_queue *q, u16 id)
{
	struct emul_hooks *h = &q->hooks;
	unsigned int i;

	if (h->heals != EMUL_HEALS_ABORT)
		return false;
	for (i = 0; i < min(h->nr_lost, EMUL_HOOKS_LOST); i++)
		if (h->lost[i] == id)
			return true;
	return false;
}

/* Does a reset help? */
bool emul_hooks_heal(struct emul_queue *q, enum emul_heals by)
{
	if (q->hooks.heals > by)
		return false;
	q->hooks.hang = false;
	return true;
}

/**
 * emul_hooks_late - complete after all what was dropped
 * @q: queue
 *
 * Context: task.
 */
void emul_hooks_late(struct emul_queue *q)
{
	struct emul_hooks *h = &q->hooks;
	unsigned int i, nr;

	spin_lock_bh(&q->run_lock);
	nr = min(h->nr_lost, EMUL_HOOKS_LOST);
	for (i = 0; i < nr && ring_room(&q->cq); i++)
		emul_device_post(q, h->lost[i], BLK_STS_OK);
	h->nr_lost = 0;
	emul_irq_raise(q);
	spin_unlock_bh(&q->run_lock);
}
EXPORT_SYMBOL_IF_KUNIT(emul_hooks_late);
