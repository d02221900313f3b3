// SPDX-License-Identifier: GPL-2.0-only
/*
 * A rule's memory of blocks, and the decision whether it acts on an operation.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <kunit/visibility.h>
#include <linux/bitfield.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/siphash.h>
#include <linux/slab.h>

#include "../compat.h"
#include "faults.h"

/*
 * Zeroed memory out of the disk's budget, as users of the disk make histories grow. Context:
 * as @gfp says. Return: memory for emul_rule_free(), or NULL.
 */
void *emul_rule_alloc(struct emul_rule *r, size_t size, gfp_t gfp)
{
	void *memory = kzalloc(size, gfp);

	if (memory && !emul_budget_take(r->faults->budget, ksize(memory))) {
		kfree(memory);
		memory = NULL;
	}
	return memory;
}

/* Free it. Context: any. */
void emul_rule_free(struct emul_rule *r, void *memory)
{
	if (!memory)
		return;
	emul_budget_give(r->faults->budget, ksize(memory));
	kfree(memory);
}

/* Forget all blocks. No command looks at the rule. Context: may sleep. */
void emul_rule_forget(struct emul_rule *r)
{
	unsigned long i;
	void *entry;

	xa_for_each(&r->blocks, i, entry) {
		emul_rule_free(r, entry);
		cond_resched();
	}
	xa_destroy(&r->blocks);
	xa_for_each(&r->old, i, entry) {
		emul_rule_free(r, entry);
		cond_resched();
	}
	xa_destroy(&r->old);
}

/*
 * The history of a block: operations that the rule applied to, times that it acted,
 * and whether it is healed.
 */
#define HISTORY_COUNT	GENMASK_ULL(31, 0)
#define HISTORY_ACTED	GENMASK_ULL(47, 32)
#define HISTORY_ACT	BIT_ULL(32)
#define HISTORY_HEALED	BIT_ULL(63)
#define HISTORIES	(PAGE_SIZE / sizeof(atomic64_t))

/* Return: the history of a block, or NULL if there is no memory for it. */
static atomic64_t *rule_history(struct emul_rule *r, u64 lba, gfp_t gfp)
{
	unsigned long index = lba / HISTORIES;
	atomic64_t *page, *other;

	if (lba == EMUL_NO_BLOCK)
		return &r->no_block;
	page = xa_load(&r->blocks, index);
	if (!page) {
		page = emul_rule_alloc(r, HISTORIES * sizeof(*page), gfp);
		if (!page)
			return NULL;
		other = xa_cmpxchg_bh(&r->blocks, index, NULL, page, gfp);
		if (other) {
			emul_rule_free(r, page);
			page = xa_is_err(other) ? NULL : other;
		}
	}
	return page ? page + lba % HISTORIES : NULL;
}

#define MILLION		1000000

static bool rule_chance(const struct emul_rule *r, u64 lba, u32 count)
{
	static const siphash_key_t key = { { 0x6661756c74, 1 } };
	u64 probability = r->value[RULE_PROBABILITY], random;

	random = siphash_4u64(READ_ONCE(r->faults->seed), r->hash, lba, count, &key);
	return random % MILLION < probability;
}

/* Count an operation in a history of @old. Return: true if the rule acts. */
static bool rule_count(const struct emul_rule *r, u64 lba, s64 old, s64 *new, bool may,
		       u32 *count)
{
	const u64 *v = r->value;
	u64 acted = FIELD_GET(HISTORY_ACTED, old);
	bool acts;

	*count = (old & HISTORY_COUNT) + 1;
	acts = may && !(old & HISTORY_HEALED) && !(*count % v[RULE_INTERVAL]) &&
	       (!v[RULE_TIMES_PER_BLOCK] || acted < v[RULE_TIMES_PER_BLOCK]) &&
	       rule_chance(r, lba, *count);
	*new = (old & ~HISTORY_COUNT) | *count;
	if (acts && acted < U16_MAX)
		*new += HISTORY_ACT;
	return acts;
}

/*
 * Will it never act again? Its counts are forgotten before it is enabled the next time.
 */
bool emul_rule_idle(const struct emul_rule *r)
{
	return !r->value[RULE_PROBABILITY] ||
	       (r->value[RULE_TIMES] && !atomic64_read(&r->left));
}
EXPORT_SYMBOL_IF_KUNIT(emul_rule_idle);

/*
 * Count an operation on a block (or %EMUL_NO_BLOCK) that the rule does not act on. Context:
 * any, under rcu_read_lock(). Return: false, with nothing counted, if the rule acts or needs
 * to wait for memory; then the caller asks emul_rule_acts().
 */
bool emul_rule_passes(struct emul_rule *r, u64 lba)
{
	atomic64_t *history = rule_history(r, lba, GFP_NOWAIT | __GFP_NOWARN);
	s64 old, new;
	u32 count;

	if (!history)
		return false;
	old = atomic64_read(history);
	do {
		if (rule_count(r, lba, old, &new, true, &count))
			return false;
	} while (!atomic64_try_cmpxchg(history, &old, new));
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(emul_rule_passes);

/*
 * Count an operation on a block (or %EMUL_NO_BLOCK) that the rule applies to, and decide.
 * @may: the rule may act; @count: set to the operations on the block. Without a total, the
 * decision depends only on seed, name, block and count. Context: may sleep.
 */
bool emul_rule_acts(struct emul_rule *r, u64 lba, bool may, u32 *count)
{
	atomic64_t *history = rule_history(r, lba, EMUL_GFP_WAIT);
	s64 old, new;
	bool acts;

	if (!history) {
		pr_err_ratelimited("rule %s: no memory for its history\n", r->name);
		return false;
	}
	old = atomic64_read(history);
	do {
		acts = rule_count(r, lba, old, &new, may, count);
	} while (!atomic64_try_cmpxchg(history, &old, new));
	return acts && (!r->value[RULE_TIMES] || atomic64_add_unless(&r->left, -1, 0));
}
EXPORT_SYMBOL_IF_KUNIT(emul_rule_acts);

/* The block was written: the rule acts on it no more. */
void emul_rule_heal(struct emul_rule *r, u64 lba)
{
	atomic64_t *history = rule_history(r, lba, EMUL_GFP_WAIT);

	if (history)
		atomic64_or(HISTORY_HEALED, history);
	else
		pr_err_ratelimited("rule %s: no memory for its history\n", r->name);
}
EXPORT_SYMBOL_IF_KUNIT(emul_rule_heal);
