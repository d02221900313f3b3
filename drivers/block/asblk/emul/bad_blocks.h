/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Blocks that cannot be read until they are written again, by Write Uncorrectable. A sparse set
 * of sectors, as the block size may change while it exists.
 */
#ifndef _ASBLK_EMUL_BAD_BLOCKS_H
#define _ASBLK_EMUL_BAD_BLOCKS_H

#include <linux/compiler.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "budget.h"

struct bad_map;

/**
 * struct emul_bad_blocks - the bad blocks of a medium
 * @lock: protects the following
 * @maps: bitmaps of sectors, by position; none is empty
 * @any: there are some; all that a medium without bad blocks is asked for
 * @budget: of their memory
 */
struct emul_bad_blocks {
	spinlock_t lock;	/* the set */
	struct rb_root maps;
	bool any;
	struct emul_budget *budget;
};

void emul_bad_init(struct emul_bad_blocks *b, struct emul_budget *budget);
struct bad_map *emul_bad_reserve(struct emul_bad_blocks *b, gfp_t gfp);
void emul_bad_give(struct emul_bad_blocks *b, struct bad_map *map);
void emul_bad_mark_reserved(struct emul_bad_blocks *b, struct bad_map *new, u64 pos, u64 len);
int emul_bad_mark(struct emul_bad_blocks *b, u64 pos, u64 len);
void __emul_bad_heal(struct emul_bad_blocks *b, u64 pos, u64 len);
u64 __emul_bad_find(struct emul_bad_blocks *b, u64 pos, u64 len);

/*
 * Bytes were written, or are gone. @pos and @len are multiples of 512, here and elsewhere.
 * Context: may sleep; within 2 MiB also softirq.
 */
static inline void emul_bad_heal(struct emul_bad_blocks *b, u64 pos, u64 len)
{
	if (unlikely(READ_ONCE(b->any)))
		__emul_bad_heal(b, pos, len);
}

/*
 * Return: how many bytes from @pos on, of @len, are before the first one that is bad. Context:
 * task or softirq.
 */
static inline u64 emul_bad_find(struct emul_bad_blocks *b, u64 pos, u64 len)
{
	return unlikely(READ_ONCE(b->any)) ? __emul_bad_find(b, pos, len) : len;
}

#endif /* _ASBLK_EMUL_BAD_BLOCKS_H */
