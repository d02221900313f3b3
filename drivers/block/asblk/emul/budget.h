/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory budgets: how much a disk may take for its data and for all that grows with it.
 * Nothing that a user of a disk can make grow is allocated without.
 */
#ifndef _ASBLK_EMUL_BUDGET_H
#define _ASBLK_EMUL_BUDGET_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/types.h>

/**
 * struct emul_budget - the memory of a disk
 * @limit: most bytes; 0: none of its own, and nothing once all disks together hold half
 *	of the machine's memory
 * @used: bytes; touched only where memory is allocated or freed
 */
struct emul_budget {
	u64 limit;
	atomic64_t used ____cacheline_aligned_in_smp;
};

void emul_budget_init(struct emul_budget *b, u64 limit);
void emul_budget_set(struct emul_budget *b, u64 limit);
u64 emul_budget_limit(const struct emul_budget *b);
bool emul_budget_take(struct emul_budget *b, u64 bytes);
long emul_budget_available(void);
void emul_budget_give(struct emul_budget *b, u64 bytes);

#endif /* _ASBLK_EMUL_BUDGET_H */
