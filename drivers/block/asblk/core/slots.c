// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/log2.h>
#include <linux/slab.h>

#include "slots.h"

/**
 * asblk_slots_init - allocate the slots of a queue
 * @s: slots
 * @nr_tags: slots that belong to tags, at least 1
 * @nr_extra: slots in the pool
 * @node: NUMA node of the memory
 *
 * Return: 0, -EINVAL if there would be more than ASBLK_MAX_SLOTS, or -ENOMEM.
 */
int asblk_slots_init(struct asblk_slots *s, unsigned int nr_tags,
		     unsigned int nr_extra, int node)
{
	unsigned int i, nr = nr_tags + nr_extra;

	if (!nr_tags || nr > ASBLK_MAX_SLOTS)
		return -EINVAL;
	s->mask = roundup_pow_of_two(nr) - 1;
	/* Up to the mask, so that any ID can be looked up. */
	s->slot = kvcalloc_node(s->mask + 1, sizeof(*s->slot), GFP_KERNEL,
				node);
	if (!s->slot)
		return -ENOMEM;
	s->nr = nr;
	s->nr_tags = nr_tags;
	s->free = ASBLK_SLOT_NONE;
	for (i = nr; i-- > 0; ) {
		s->slot[i].id = i;
		if (i >= nr_tags) {
			s->slot[i].next = s->free;
			s->free = i;
		}
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(asblk_slots_init);

/**
 * asblk_slots_exit - free the slots of a queue
 * @s: slots; none is in flight
 */
void asblk_slots_exit(struct asblk_slots *s)
{
	kvfree(s->slot);
	s->slot = NULL;
}
EXPORT_SYMBOL_IF_KUNIT(asblk_slots_exit);
