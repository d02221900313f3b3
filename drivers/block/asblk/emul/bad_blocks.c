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
#define MAP_BYTES	((u64)MAP_SECTORS << SECTOR_SHIFT)

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

/* @map: or NULL. Context: any. */
void emul_bad_give(struct emul_bad_blocks *b, struct bad_map *map)
{
	if (map)
		emul_budget_give(b->budget, sizeof(*map));
	kfree(map);
}

/*
 * Take the memory that bytes of the same 2 MiB need to be unreadable. Context: as @gfp says.
 * Return: it, for emul_bad_mark_reserved() or emul_bad_give(), or NULL.
 */
struct bad_map *emul_bad_reserve(struct emul_bad_blocks *b, gfp_t gfp)
{
	struct bad_map *map = kzalloc(sizeof(*map), gfp);

	if (map && !emul_budget_take(b->budget, sizeof(*map))) {
		kfree(map);
		map = NULL;
	}
	return map;
}

/* Let bytes of the same 2 MiB be unreadable, with the memory for it. Context: task or softirq. */
void emul_bad_mark_reserved(struct emul_bad_blocks *b, struct bad_map *new, u64 pos, u64 len)
{
	u64 sector = pos >> SECTOR_SHIFT, first = round_down(sector, MAP_SECTORS);
	struct bad_map *map;

	spin_lock_bh(&b->lock);
	map = bad_next(b, sector);
	if (!map || map->first != first) {
		map = new;
		map->first = first;
		rb_add(&map->node, &b->maps, map_less);
		new = NULL;
	}
	bitmap_set(map->bits, sector - first, len >> SECTOR_SHIFT);
	WRITE_ONCE(b->any, true);
	spin_unlock_bh(&b->lock);
	emul_bad_give(b, new);
}

/*
 * Let bytes be unreadable. Context: may sleep. Return: 0, or -ENOMEM without memory; then some
 * of them are.
 */
int emul_bad_mark(struct emul_bad_blocks *b, u64 pos, u64 len)
{
	while (len) {
		u64 step = min(len, MAP_BYTES - pos % MAP_BYTES);
		struct bad_map *map = emul_bad_reserve(b, EMUL_GFP_WAIT);

		if (!map)
			return -ENOMEM;
		emul_bad_mark_reserved(b, map, pos, step);
		pos += step;
		len -= step;
	}
	return 0;
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
	emul_bad_give(b, empty);
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
