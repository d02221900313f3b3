// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "budget.h"

/* Bytes that all disks hold together; a cache line of its own, with the mark below. */
static struct {
	atomic64_t all;
	atomic64_t mark;
} budget ____cacheline_aligned_in_smp;

/* Share of the machine's memory for disks without a limit of their own. */
#define BUDGET_SHARE	2

/*
 * A disk that fills the machine to the last page leaves nothing to the program that has to
 * make room: this share is always left. To look takes longer than to allocate a page: one
 * look covers all that is taken up to the mark.
 */
#define BUDGET_RESERVE	16
#define BUDGET_LOOK	SZ_2M

static u64 budget_machine(void)
{
	return (u64)totalram_pages() * PAGE_SIZE;
}

/* Pages that could be had. For tests, which would have to fill the machine. */
long emul_budget_available(void)
{
	KUNIT_STATIC_STUB_REDIRECT(emul_budget_available);
	return si_mem_available();
}
EXPORT_SYMBOL_IF_KUNIT(emul_budget_available);

/* Move the mark to just above @all, unless another CPU has just moved it. */
static void budget_move_mark(s64 mark, u64 all)
{
	atomic64_cmpxchg(&budget.mark, mark, round_up(all, BUDGET_LOOK));
}

/* Is the reserve left alone if all disks together have @all? */
static bool budget_leaves_reserve(u64 all)
{
	s64 mark = atomic64_read(&budget.mark);

	if (likely(all <= mark))
		return true;
	if (emul_budget_available() <= (long)(totalram_pages() / BUDGET_RESERVE))
		return false;
	budget_move_mark(mark, all);
	return true;
}

/* @limit: most bytes, 0 for a share of the machine's memory. */
void emul_budget_init(struct emul_budget *b, u64 limit)
{
	b->limit = limit;
	atomic64_set(&b->used, 0);
}
EXPORT_SYMBOL_IF_KUNIT(emul_budget_init);

/* @limit as in emul_budget_init(). Data stays even if it exceeds the limit. Context: any. */
void emul_budget_set(struct emul_budget *b, u64 limit)
{
	WRITE_ONCE(b->limit, limit);
}
EXPORT_SYMBOL_IF_KUNIT(emul_budget_set);

/* Return: bytes; the limit that all disks share if @b has none of its own. Context: any. */
u64 emul_budget_limit(const struct emul_budget *b)
{
	return READ_ONCE(b->limit) ?: budget_machine() / BUDGET_SHARE;
}
EXPORT_SYMBOL_IF_KUNIT(emul_budget_limit);

/* Ask before allocating. Context: any. Return: false if that exceeds the limit. */
bool emul_budget_take(struct emul_budget *b, u64 bytes)
{
	u64 limit = READ_ONCE(b->limit);
	u64 used = atomic64_add_return(bytes, &b->used);
	u64 all = atomic64_add_return(bytes, &budget.all);

	if (likely((limit ? used <= limit : all <= budget_machine() / BUDGET_SHARE) &&
		   budget_leaves_reserve(all)))
		return true;
	emul_budget_give(b, bytes);
	return false;
}
EXPORT_SYMBOL_IF_KUNIT(emul_budget_take);

/* Give @bytes back after freeing them. Context: any. */
void emul_budget_give(struct emul_budget *b, u64 bytes)
{
	u64 all = atomic64_sub_return(bytes, &budget.all);
	s64 mark = atomic64_read(&budget.mark);

	atomic64_sub(bytes, &b->used);
	/* Another disk may have taken the memory that was given back before. */
	if (all + 2 * BUDGET_LOOK < mark)
		budget_move_mark(mark, all);
}
EXPORT_SYMBOL_IF_KUNIT(emul_budget_give);
