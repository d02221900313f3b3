// SPDX-License-Identifier: GPL-2.0-only
/* Tests of emul/bad_blocks.c: a sparse set of sectors, against a plain one. */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/blk_types.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "emul/bad_blocks.h"

#define SECTORS		(4 * 4096)

struct bad_test {
	struct emul_budget budget;
	struct emul_bad_blocks bad;
	unsigned long *model;
};

static int bad_test_init(struct kunit *test)
{
	struct bad_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->model = bitmap_zalloc(SECTORS, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->model);
	emul_budget_init(&t->budget, SZ_1M);
	emul_bad_init(&t->bad, &t->budget);
	test->priv = t;
	return 0;
}

static void bad_test_exit(struct kunit *test)
{
	struct bad_test *t = test->priv;

	emul_bad_heal(&t->bad, 0, S64_MAX);
	bitmap_free(t->model);
}

static u64 find(struct bad_test *t, u64 sector, u64 nr)
{
	return emul_bad_find(&t->bad, sector << SECTOR_SHIFT, nr << SECTOR_SHIFT) >> SECTOR_SHIFT;
}

/* Ranges across several bitmaps, at all their edges. */
static void bad_random(struct kunit *test)
{
	struct bad_test *t = test->priv;
	struct rnd_state random;
	unsigned int i;

	prandom_seed_state(&random, 1);
	for (i = 0; i < 2000; i++) {
		u32 sector = prandom_u32_state(&random) % SECTORS;
		u32 nr = prandom_u32_state(&random) % (i % 2 ? SECTORS : 64);
		u64 pos = (u64)sector << SECTOR_SHIFT, wrong;

		nr = min(nr, SECTORS - sector);
		if (i % 5 == 0) {
			KUNIT_ASSERT_EQ(test, emul_bad_mark(&t->bad, pos, nr << SECTOR_SHIFT), 0);
			bitmap_set(t->model, sector, nr);
		} else if (i % 5 < 3) {
			emul_bad_heal(&t->bad, pos, nr << SECTOR_SHIFT);
			bitmap_clear(t->model, sector, nr);
		}
		wrong = find_next_bit(t->model, sector + nr, sector) - sector;
		KUNIT_ASSERT_EQ(test, find(t, sector, nr), wrong);
		KUNIT_ASSERT_EQ(test, t->bad.any, !bitmap_empty(t->model, SECTORS));
	}
	emul_bad_heal(&t->bad, 0, S64_MAX);
	KUNIT_EXPECT_EQ(test, atomic64_read(&t->budget.used), 0);
}

/* What does not fit into the budget is refused. What is far away takes no more. */
static void bad_budget(struct kunit *test)
{
	struct bad_test *t = test->priv;
	u64 used;

	KUNIT_EXPECT_EQ(test, emul_bad_mark(&t->bad, 0, SZ_512), 0);
	used = atomic64_read(&t->budget.used);
	KUNIT_EXPECT_EQ(test, emul_bad_mark(&t->bad, 1ULL << 50, SZ_512), 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&t->budget.used), 2 * used);
	emul_budget_set(&t->budget, 2 * used);
	KUNIT_EXPECT_EQ(test, emul_bad_mark(&t->bad, SZ_16M, SZ_512), -ENOMEM);
	KUNIT_EXPECT_EQ(test, find(t, SZ_16M >> SECTOR_SHIFT, 1), 1);
	KUNIT_EXPECT_EQ(test, atomic64_read(&t->budget.used), 2 * used);
}

static struct kunit_case bad_cases[] = {
	KUNIT_CASE(bad_random),
	KUNIT_CASE(bad_budget),
	{}
};

static struct kunit_suite bad_suite = {
	.name = "asblk_bad_blocks",
	.init = bad_test_init,
	.exit = bad_test_exit,
	.test_cases = bad_cases,
};
kunit_test_suite(bad_suite);
