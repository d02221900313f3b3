// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/bitmap.h>
#include <linux/blk_types.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../compat.h"
#include "bad_blocks.h"
#include "store.h"

/* Sectors of a bitmap: 2 MiB. */
#define MAP_SECTORS	4096

/**
 * struct bad_map - which of some consecutive sectors are bad
 * @node: in &emul_bad_blocks.maps
 * @first: the first of the sectors, a multiple of their number
 * @bits: one for each
 */
struct bad_map {
	struct rb_node node;
	u64 first;
	DECLARE_BITMAP(bits, MAP_SECTORS);
};

static struct bad_map *bad_map(struct rb_node *node)
{
	return rb_entry_safe(node, struct bad_map, node);
}

static bool map_less(struct rb_node *a, const struct rb_node *b)
{
	return bad_map(a)->first < rb_entry(b, struct bad_map, node)->first;
}

/* Return: the first bitmap that has sectors from @sector on, or NULL. */
static struct bad_map *bad_next(struct emul_bad_blocks *b, u64 sector)
{
	struct rb_node *node = b->maps.rb_node;
	struct bad_map *next = NULL;

	lockdep_assert_held(&b->lock);
	while (node) {
		struct bad_map *map = bad_map(node);

		if (map->first + MAP_SECTORS > sector) {
			next = map;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return next;
}

static void bad_free(struct emul_bad_blocks *b, struct bad_map *map)
{
	if (map)
		emul_budget_give(b->budget, sizeof(*map));
	kfree(map);
}

/* Context: may sleep. Return: NULL without memory, or beyond the budget. */
static struct bad_map *bad_alloc(struct emul_bad_blocks *b, u64 first)
{
	struct bad_map *map = kzalloc(sizeof(*map), EMUL_GFP_WAIT);

	if (map && !emul_budget_take(b->budget, sizeof(*map))) {
		kfree(map);
		map = NULL;
	}
	if (map)
		map->first = first;
	return map;
}

/* Mark @nr sectors, all in one bitmap. Return: 0 or -ENOMEM. */
static int bad_mark_piece(struct emul_bad_blocks *b, u64 sector, unsigned int nr)
{
	u64 first = round_down(sector, MAP_SECTORS);
	struct bad_map *map, *new = NULL;

	spin_lock_bh(&b->lock);
	map = bad_next(b, sector);
	while (!new && (!map || map->first != first)) {
		spin_unlock_bh(&b->lock);
		new = bad_alloc(b, first);
		if (!new)
			return -ENOMEM;
		spin_lock_bh(&b->lock);
		map = bad_next(b, sector);
	}
	if (!map || map->first != first) {
		rb_add(&new->node, &b->maps, map_less);
		map = new;
		new = NULL;
	}
	bitmap_set(map->bits, sector - first, nr);
	WRITE_ONCE(b->any, true);
	spin_unlock_bh(&b->lock);
	bad_free(b, new);
	return 0;
}

/*
 * Let bytes be unreadable. Context: may sleep. Return: 0, or -ENOMEM without memory; then some
 * of them are.
 */
int emul_bad_mark(struct emul_bad_blocks *b, u64 pos, u64 len)
{
	u64 sector = pos >> SECTOR_SHIFT, end = (pos + len) >> SECTOR_SHIFT;
	int err = 0;

	while (sector < end && !err) {
		unsigned int nr = min(end - sector, MAP_SECTORS - sector % MAP_SECTORS);

		err = bad_mark_piece(b, sector, nr);
		sector += nr;
	}
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(emul_bad_mark);

/* Heal what is in the first bitmap. Return: true if there may be more in others. */
static bool bad_heal_piece(struct emul_bad_blocks *b, u64 *sector, u64 end)
{
	struct bad_map *map, *empty = NULL;
	u64 first, last;

	spin_lock_bh(&b->lock);
	map = bad_next(b, *sector);
	if (!map || map->first >= end) {
		spin_unlock_bh(&b->lock);
		return false;
	}
	first = max(*sector, map->first);
	last = min(end, map->first + MAP_SECTORS);
	bitmap_clear(map->bits, first - map->first, last - first);
	if (bitmap_empty(map->bits, MAP_SECTORS)) {
		rb_erase(&map->node, &b->maps);
		WRITE_ONCE(b->any, !RB_EMPTY_ROOT(&b->maps));
		empty = map;
	}
	spin_unlock_bh(&b->lock);
	bad_free(b, empty);
	*sector = last;
	return last < end;
}

void __emul_bad_heal(struct emul_bad_blocks *b, u64 pos, u64 len)
{
	u64 sector = pos >> SECTOR_SHIFT, end = (pos + len) >> SECTOR_SHIFT;

	while (bad_heal_piece(b, &sector, end))
		cond_resched();
}
EXPORT_SYMBOL_IF_KUNIT(__emul_bad_heal);

u64 __emul_bad_find(struct emul_bad_blocks *b, u64 pos, u64 len)
{
	u64 sector = pos >> SECTOR_SHIFT, end = (pos + len) >> SECTOR_SHIFT;
	struct bad_map *map;

	spin_lock_bh(&b->lock);
	for (map = bad_next(b, sector); map && map->first < end;
	     map = bad_map(rb_next(&map->node))) {
		u64 from = max(sector, map->first) - map->first;
		u64 bad = map->first + find_next_bit(map->bits, MAP_SECTORS, from);

		if (bad < min(end, map->first + MAP_SECTORS)) {
			len = (bad << SECTOR_SHIFT) - pos;
			break;
		}
	}
	spin_unlock_bh(&b->lock);
	return len;
}
EXPORT_SYMBOL_IF_KUNIT(__emul_bad_find);

/* @budget outlives it. Forget it with emul_bad_heal() of everything. */
void emul_bad_init(struct emul_bad_blocks *b, struct emul_budget *budget)
{
	spin_lock_init(&b->lock);
	b->maps = RB_ROOT;
	b->any = false;
	b->budget = budget;
}
EXPORT_SYMBOL_IF_KUNIT(emul_bad_init);
