// SPDX-License-Identifier: GPL-2.0-only
/* Tests of emul/budget.c, and of a store whose budget is used up. */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "emul/store.h"

#define LEAF_BYTES	((u64)PAGE_SIZE << STORE_LEAF_SHIFT)
#define SIZE		(2 * LEAF_BYTES)

struct budget_test {
	u8 *data;	/* to write, 6 pages */
	u8 *back;	/* to read into, 4 pages */
};

static int budget_test_init(struct kunit *test)
{
	struct budget_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->data = kunit_kmalloc(test, 6 * PAGE_SIZE, GFP_KERNEL);
	t->back = kunit_kzalloc(test, 4 * PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, t->data && t->back);
	get_random_bytes(t->data, 6 * PAGE_SIZE);
	test->priv = t;
	return 0;
}

/* Budgets without a limit share what those with one have left of half the machine. */
static void budget_shared(struct kunit *test)
{
	struct emul_budget a, b, own;
	u64 all;

	emul_budget_init(&a, 0);
	emul_budget_init(&b, 0);
	emul_budget_init(&own, SZ_1M);
	all = emul_budget_limit(&a);
	KUNIT_EXPECT_EQ(test, all, (u64)totalram_pages() * PAGE_SIZE / 2);
	KUNIT_EXPECT_EQ(test, emul_budget_limit(&own), SZ_1M);
	KUNIT_EXPECT_TRUE(test, emul_budget_take(&a, all - SZ_64K));
	KUNIT_EXPECT_FALSE(test, emul_budget_take(&b, SZ_128K));
	KUNIT_EXPECT_EQ(test, atomic64_read(&b.used), 0);
	KUNIT_EXPECT_TRUE(test, emul_budget_take(&own, SZ_1M));
	KUNIT_EXPECT_FALSE(test, emul_budget_take(&own, 1));
	KUNIT_EXPECT_FALSE(test, emul_budget_take(&b, SZ_32K));
	emul_budget_give(&own, SZ_1M);
	KUNIT_EXPECT_TRUE(test, emul_budget_take(&b, SZ_32K));
	emul_budget_give(&a, all - SZ_64K);
	KUNIT_EXPECT_TRUE(test, emul_budget_take(&b, SZ_128K));
	emul_budget_give(&b, SZ_32K + SZ_128K);
}

static struct emul_budget *budget_other;
static bool budget_other_got;

/* Nothing is left, as somebody else finds out as well who comes at the same time. */
static long none_available(void)
{
	struct emul_budget *other = budget_other;

	budget_other = NULL;
	if (other)
		budget_other_got = emul_budget_take(other, PAGE_SIZE);
	return 0;
}

static void budget_look(struct kunit *test)
{
	struct emul_budget a, b;
	u64 taken = SZ_16M;

	emul_budget_init(&a, SZ_1G);
	emul_budget_init(&b, SZ_1G);
	KUNIT_ASSERT_TRUE(test, emul_budget_take(&a, taken));
	kunit_activate_static_stub(test, emul_budget_available, none_available);
	/* What was looked at is had, and then no more. */
	while (taken < SZ_32M && emul_budget_take(&a, PAGE_SIZE))
		taken += PAGE_SIZE;
	KUNIT_EXPECT_LE(test, taken, SZ_16M + SZ_2M);
	budget_other = &b;
	KUNIT_EXPECT_FALSE(test, emul_budget_take(&a, PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, budget_other);
	KUNIT_EXPECT_FALSE(test, budget_other_got);
	KUNIT_EXPECT_FALSE(test, emul_budget_take(&a, PAGE_SIZE));
	/* Nor is it had again that was given back: somebody else may have it. */
	emul_budget_give(&a, taken);
	KUNIT_EXPECT_FALSE(test, emul_budget_take(&a, taken));
	kunit_deactivate_static_stub(test, emul_budget_available);
	KUNIT_EXPECT_TRUE(test, emul_budget_take(&a, taken));
	emul_budget_give(&a, taken);
}

/* At the limit new pages are refused, and only they. */
static void budget_store(struct kunit *test)
{
	struct budget_test *t = test->priv;
	struct emul_budget budget;
	struct emul_store small;
	u32 done = 0;
	u64 waited = 0;

	emul_budget_init(&budget, 5 * PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, emul_store_init(&small, SIZE, &budget), 0);
	rcu_read_lock();
	KUNIT_EXPECT_EQ(test, emul_store_write(&small, 0, t->data, 6 * PAGE_SIZE, &done),
			-ENOSPC);
	/* The fifth page is the leaf. */
	KUNIT_EXPECT_EQ(test, done, 4 * PAGE_SIZE);
	done = 0;
	KUNIT_EXPECT_EQ(test, emul_store_write(&small, 0, t->data, 4 * PAGE_SIZE, &done), 0);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, emul_store_write_wait(&small, 4 * PAGE_SIZE, NULL, PAGE_SIZE,
						    &waited), -ENOSPC);
	KUNIT_EXPECT_EQ(test, emul_store_used(&small), 4 * PAGE_SIZE);
	/* What is given back can be taken elsewhere, with another leaf. */
	emul_store_unmap(&small, PAGE_SIZE, 2 * PAGE_SIZE, false);
	KUNIT_EXPECT_EQ(test, emul_store_write_wait(&small, LEAF_BYTES, t->data, PAGE_SIZE,
						    &waited), 0);
	KUNIT_EXPECT_EQ(test, emul_store_used(&small), 3 * PAGE_SIZE);
	emul_store_exit(&small);
	KUNIT_EXPECT_EQ(test, atomic64_read(&budget.used), 0);
}

/* A write that is refused takes nothing, wherever it goes: no leaf either. */
static void budget_sparse(struct kunit *test)
{
	struct budget_test *t = test->priv;
	struct emul_budget budget;
	struct emul_store sparse;
	unsigned int i;
	u64 done = 0;

	emul_budget_init(&budget, 4 * PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, emul_store_init(&sparse, 100 * LEAF_BYTES, &budget), 0);
	for (i = 0; i < 100; i++)
		KUNIT_EXPECT_EQ(test, emul_store_write_wait(&sparse, i * LEAF_BYTES, t->data,
							    PAGE_SIZE, &done),
				i < 2 ? 0 : -ENOSPC);
	KUNIT_EXPECT_EQ(test, emul_store_used(&sparse), 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, atomic64_read(&budget.used), 4 * PAGE_SIZE);
	for (i = 2; i < 100; i++)
		KUNIT_EXPECT_NULL(test, sparse.leaf[i]);
	/* With one page to go a leaf would be useless. */
	emul_budget_set(&budget, 5 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, emul_store_write_wait(&sparse, 5 * LEAF_BYTES, t->data, PAGE_SIZE,
						    &done), -ENOSPC);
	KUNIT_EXPECT_NULL(test, sparse.leaf[5]);
	emul_store_exit(&sparse);
	KUNIT_EXPECT_EQ(test, atomic64_read(&budget.used), 0);
}

/* What is reserved can be written, and reads as what was there before. */
static void budget_reserve(struct kunit *test)
{
	struct budget_test *t = test->priv;
	struct emul_budget budget;
	struct emul_store s;
	u32 done = 0;

	emul_budget_init(&budget, 4 * PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, emul_store_init(&s, SIZE, &budget), 0);
	rcu_read_lock();
	KUNIT_EXPECT_EQ(test, emul_store_write(&s, PAGE_SIZE, t->data, 512, &done), 0);
	KUNIT_EXPECT_EQ(test, emul_store_reserve(&s, 512, 3 * PAGE_SIZE, false), -ENOSPC);
	emul_budget_set(&budget, 5 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, emul_store_reserve(&s, 512, 3 * PAGE_SIZE, false), 0);
	emul_store_read(&s, 0, t->back, 4 * PAGE_SIZE);
	KUNIT_EXPECT_NULL(test, memchr_inv(t->back, 0, PAGE_SIZE));
	KUNIT_EXPECT_MEMEQ(test, t->back + PAGE_SIZE, t->data, 512);
	KUNIT_EXPECT_NULL(test, memchr_inv(t->back + PAGE_SIZE + 512, 0, 3 * PAGE_SIZE - 512));
	/* The limit is reached, but not for these. */
	KUNIT_EXPECT_EQ(test, emul_store_write(&s, 512, t->data, 3 * PAGE_SIZE, &done), 0);
	rcu_read_unlock();
	emul_store_exit(&s);
}

static struct kunit_case budget_cases[] = {
	KUNIT_CASE(budget_shared),
	KUNIT_CASE(budget_look),
	KUNIT_CASE(budget_store),
	KUNIT_CASE(budget_sparse),
	KUNIT_CASE(budget_reserve),
	{}
};

static struct kunit_suite budget_suite = {
	.name = "asblk_budget",
	.init = budget_test_init,
	.test_cases = budget_cases,
};
kunit_test_suite(budget_suite);
