// SPDX-License-Identifier: GPL-2.0-only
/* Tests of emul/store.c. */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/rcupdate.h>

#include "compat.h"
#include "emul/store.h"

ASBLK_IMPORT_KUNIT();

#define LEAF_BYTES	((u64)PAGE_SIZE << STORE_LEAF_SHIFT)
#define SIZE		(2 * LEAF_BYTES)

struct store_test {
	struct emul_budget budget;
	struct emul_store store;
	u8 *a;
	u8 *b;
};

#define BUF_PAGES	8
#define BUF_BYTES	(BUF_PAGES * PAGE_SIZE)

static int store_test_init(struct kunit *test)
{
	struct store_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->a = (u8 *)__get_free_pages(GFP_KERNEL, get_order(BUF_BYTES));
	t->b = (u8 *)__get_free_pages(GFP_KERNEL, get_order(BUF_BYTES));
	KUNIT_ASSERT_TRUE(test, t->a && t->b);
	get_random_bytes(t->a, BUF_BYTES);
	KUNIT_ASSERT_EQ(test, emul_store_init(&t->store, SIZE, &t->budget), 0);
	test->priv = t;
	return 0;
}

static void store_test_exit(struct kunit *test)
{
	struct store_test *t = test->priv;

	emul_store_exit(&t->store);
	free_pages((unsigned long)t->a, get_order(BUF_BYTES));
	free_pages((unsigned long)t->b, get_order(BUF_BYTES));
}

static int put(struct store_test *t, u64 pos, const void *src, u32 len)
{
	u32 done = 0;
	int err;

	rcu_read_lock();
	err = emul_store_write(&t->store, pos, src, len, &done);
	rcu_read_unlock();
	return err ?: done == len ? 0 : -EIO;
}

/* Read @len bytes into b, which is dirty before. */
static const u8 *get(struct store_test *t, u64 pos, u32 len)
{
	memset(t->b, 0xee, BUF_BYTES);
	rcu_read_lock();
	emul_store_read(&t->store, pos, t->b, len);
	rcu_read_unlock();
	return t->b;
}

static void store_holes(struct kunit *test)
{
	struct store_test *t = test->priv;

	KUNIT_EXPECT_NULL(test, memchr_inv(get(t, 0, BUF_BYTES), 0,
					   BUF_BYTES));
	KUNIT_EXPECT_NULL(test, memchr_inv(get(t, SIZE - 100, 100), 0, 100));
	KUNIT_EXPECT_EQ(test, emul_store_used(&t->store), 0);
	/* Data, hole, data. */
	KUNIT_ASSERT_EQ(test, put(t, 0, t->a, PAGE_SIZE), 0);
	KUNIT_ASSERT_EQ(test, put(t, 2 * PAGE_SIZE, t->a, PAGE_SIZE), 0);
	get(t, 0, 3 * PAGE_SIZE);
	KUNIT_EXPECT_MEMEQ(test, t->b, t->a, PAGE_SIZE);
	KUNIT_EXPECT_NULL(test, memchr_inv(t->b + PAGE_SIZE, 0, PAGE_SIZE));
	KUNIT_EXPECT_MEMEQ(test, t->b + 2 * PAGE_SIZE, t->a, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, emul_store_used(&t->store), 2 * PAGE_SIZE);
}

struct piece_param {
	const char *name;
	u64 pos;
	u32 len;
	u32 skew;	/* of the memory, from a page */
};

static const struct piece_param piece_params[] = {
	{ "first sector", 0, 512, 0 },
	{ "sector inside a page", 1536, 512, 0 },
	{ "last sector of a page", 3584, 512, 4 },
	{ "two halves of two pages", 2048, 4096, 0 },
	{ "a page", 4096, 4096, 0 },
	{ "a page from unaligned memory", 4096, 4096, 12 },
	{ "four pages and a bit", 4096, 4 * 4096 + 512, 0 },
	{ "a bit and four pages", 3584, 4 * 4096 + 512, 0 },
	{ "pages over the end of a leaf", LEAF_BYTES - 8192, 4 * 4096, 0 },
	{ "bits over the end of a leaf", LEAF_BYTES - 100, 200, 28 },
	{ "the last byte", SIZE - 1, 1, 0 },
	{ "the last pages", SIZE - 2 * 4096, 2 * 4096, 0 },
};
KUNIT_ARRAY_PARAM_DESC(piece, piece_params, name);

/* What was written reads back, and its neighbours have not changed. */
static void store_pieces(struct kunit *test)
{
	const struct piece_param *p = test->param_value;
	struct store_test *t = test->priv;
	u64 from = p->pos - min(p->pos, 64), end;
	u8 *src = t->a + p->skew;
	int round;

	end = min(p->pos + p->len + 64, SIZE);
	/* Into a hole first, then over what is there. */
	for (round = 0; round < 2; round++) {
		src[0]++;
		KUNIT_ASSERT_EQ(test, put(t, p->pos, src, p->len), 0);
		get(t, from, end - from);
		KUNIT_EXPECT_MEMEQ(test, t->b + (p->pos - from), src, p->len);
		KUNIT_EXPECT_NULL(test, memchr_inv(t->b, 0, p->pos - from));
		KUNIT_EXPECT_NULL(test,
				  memchr_inv(t->b + (p->pos - from) + p->len, 0,
					     end - p->pos - p->len));
	}
}

/* Unmapping zeroes the edges, frees what is whole, and leaves the rest. */
static void store_unmap(struct kunit *test)
{
	const struct piece_param *p = test->param_value;
	struct store_test *t = test->priv;
	u64 start = round_down(p->pos, PAGE_SIZE);
	u64 end = round_up(p->pos + p->len, PAGE_SIZE);
	u64 whole = round_down(p->pos + p->len, PAGE_SIZE);
	u32 offset = p->pos - start, len = end - start;
	u64 freed = 0;

	if (whole > round_up(p->pos, PAGE_SIZE))
		freed = whole - round_up(p->pos, PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, put(t, start, t->a, len), 0);
	KUNIT_ASSERT_EQ(test, emul_store_used(&t->store), len);
	emul_store_unmap(&t->store, p->pos, p->len, p->skew);
	KUNIT_EXPECT_EQ(test, emul_store_used(&t->store), len - freed);
	get(t, start, len);
	KUNIT_EXPECT_MEMEQ(test, t->b, t->a, offset);
	KUNIT_EXPECT_NULL(test, memchr_inv(t->b + offset, 0, p->len));
	KUNIT_EXPECT_MEMEQ(test, t->b + offset + p->len,
			   t->a + offset + p->len, len - offset - p->len);
	/* And it can be written again. */
	KUNIT_EXPECT_EQ(test, put(t, start, t->a, len), 0);
	KUNIT_EXPECT_MEMEQ(test, get(t, start, len), t->a, len);
}

static void store_unmap_everything(struct kunit *test)
{
	struct store_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, put(t, LEAF_BYTES - 512, t->a, 4096), 0);
	KUNIT_ASSERT_EQ(test, put(t, SIZE - 512, t->a, 512), 0);
	emul_store_unmap(&t->store, 0, SIZE, false);
	KUNIT_EXPECT_EQ(test, emul_store_used(&t->store), 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(get(t, SIZE - 512, 512), 0, 512));
}

/* Zeroes that are to be kept take memory. */
static void store_zero(struct kunit *test)
{
	struct store_test *t = test->priv;
	u64 done = 0;

	KUNIT_ASSERT_EQ(test, put(t, 0, t->a, 2 * PAGE_SIZE), 0);
	KUNIT_ASSERT_EQ(test, emul_store_write_wait(&t->store, 512, NULL,
						    3 * PAGE_SIZE, &done), 0);
	KUNIT_EXPECT_EQ(test, done, 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, emul_store_used(&t->store), 4 * PAGE_SIZE);
	get(t, 0, 4 * PAGE_SIZE);
	KUNIT_EXPECT_MEMEQ(test, t->b, t->a, 512);
	KUNIT_EXPECT_NULL(test, memchr_inv(t->b + 512, 0, 3 * PAGE_SIZE));
}

static void store_write_wait(struct kunit *test)
{
	struct store_test *t = test->priv;
	u64 done = 0;

	KUNIT_ASSERT_EQ(test, emul_store_write_wait(&t->store, 100, t->a,
						    2 * PAGE_SIZE, &done), 0);
	KUNIT_EXPECT_EQ(test, done, 2 * PAGE_SIZE);
	KUNIT_EXPECT_MEMEQ(test, get(t, 100, 2 * PAGE_SIZE), t->a,
			   2 * PAGE_SIZE);
}

struct unmapper {
	struct emul_store *store;
	struct completion done;
	bool go;
	bool unmapped;
};

static int unmapper(void *data)
{
	struct unmapper *u = data;

	while (!READ_ONCE(u->go))
		usleep_range(50, 100);
	emul_store_unmap(u->store, 0, PAGE_SIZE, false);
	WRITE_ONCE(u->unmapped, true);
	complete(&u->done);
	return 0;
}

/* A page that is given back stays what it is as long as somebody may be reading it. */
static void store_unmap_read(struct kunit *test)
{
	struct store_test *t = test->priv;
	struct unmapper u = { .store = &t->store };
	unsigned int i;
	struct page *page;

	if (num_online_cpus() < 2)
		kunit_skip(test, "nobody can unmap while the only CPU reads");
	init_completion(&u.done);
	KUNIT_ASSERT_EQ(test, put(t, 0, t->a, PAGE_SIZE), 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(unmapper, &u, "unmapper")));
	rcu_read_lock();
	page = virt_to_page(READ_ONCE(t->store.leaf[0])->page[0]);
	WRITE_ONCE(u.go, true);
	for (i = 0; i < 5000 && !READ_ONCE(u.unmapped); i++)
		mdelay(1);
	KUNIT_EXPECT_EQ(test, emul_store_used(&t->store), 0);
	KUNIT_EXPECT_EQ(test, page_count(page), 1);
	KUNIT_EXPECT_FALSE(test, memcmp(page_address(page), t->a, PAGE_SIZE));
	rcu_read_unlock();
	wait_for_completion(&u.done);
}

/* What has no page any more takes no memory, however it became empty. */
static void store_unmap_leaves(struct kunit *test)
{
	struct store_test *t = test->priv;
	u64 pos;

	for (pos = 0; pos < SIZE; pos += SZ_64K)
		KUNIT_ASSERT_EQ(test, put(t, pos, t->a, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&t->budget.used),
			emul_store_used(&t->store) + 2 * PAGE_SIZE);
	/* The first at once, the second page by page, but for its last one. */
	emul_store_unmap(&t->store, 0, LEAF_BYTES, false);
	for (pos = LEAF_BYTES; pos < SIZE - SZ_64K; pos += SZ_64K)
		emul_store_unmap(&t->store, pos, SZ_64K, false);
	KUNIT_EXPECT_EQ(test, emul_store_used(&t->store), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, atomic64_read(&t->budget.used), 2 * PAGE_SIZE);
	KUNIT_EXPECT_MEMEQ(test, get(t, SIZE - SZ_64K, PAGE_SIZE), t->a, PAGE_SIZE);
	emul_store_unmap(&t->store, SIZE - SZ_64K, SZ_64K, false);
	KUNIT_EXPECT_EQ(test, atomic64_read(&t->budget.used), 0);
	/* And can be written again. */
	KUNIT_ASSERT_EQ(test, put(t, 0, t->a, 2 * PAGE_SIZE), 0);
	KUNIT_EXPECT_MEMEQ(test, get(t, 0, 2 * PAGE_SIZE), t->a, 2 * PAGE_SIZE);
}

/* A thread that writes and unmaps its page of a leaf over and over again. */
struct renter {
	struct emul_store *store;
	struct completion done;
	u64 pos;
	unsigned int rounds;
	unsigned int wrong;
};

static int renter(void *data)
{
	struct renter *r = data;
	u32 mine, seen, done = 0;
	u64 waited = 0;
	unsigned int i;

	for (i = 0; i < r->rounds; i++) {
		mine = i << 8 | (u32)(r->pos >> PAGE_SHIFT);
		rcu_read_lock();
		if (emul_store_write(r->store, r->pos, &mine, sizeof(mine), &done)) {
			rcu_read_unlock();
			emul_store_write_wait(r->store, r->pos, &mine, sizeof(mine), &waited);
			rcu_read_lock();
		}
		emul_store_read(r->store, r->pos, &seen, sizeof(seen));
		rcu_read_unlock();
		r->wrong += seen != mine;
		emul_store_unmap(r->store, r->pos, PAGE_SIZE, false);
		rcu_read_lock();
		emul_store_read(r->store, r->pos, &seen, sizeof(seen));
		rcu_read_unlock();
		r->wrong += seen != 0;
	}
	complete(&r->done);
	return 0;
}

/* A leaf that becomes empty is taken out, but never from under somebody who writes to it. */
static void store_prune_race(struct kunit *test)
{
	struct store_test *t = test->priv;
	struct renter r[4];
	unsigned int i;

	if (num_online_cpus() < 2)
		kunit_skip(test, "only one CPU");
	for (i = 0; i < ARRAY_SIZE(r); i++) {
		r[i] = (struct renter) {
			.store = &t->store, .pos = i * PAGE_SIZE, .rounds = 5000,
		};
		init_completion(&r[i].done);
		if (IS_ERR(kthread_run(renter, &r[i], "renter")))
			complete(&r[i].done);
	}
	for (i = 0; i < ARRAY_SIZE(r); i++) {
		wait_for_completion(&r[i].done);
		KUNIT_EXPECT_EQ(test, r[i].wrong, 0);
	}
	KUNIT_EXPECT_EQ(test, emul_store_used(&t->store), 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&t->budget.used), 0);
}

/* Holes are skipped, and nothing but holes. */
static void store_unmap_sparse(struct kunit *test)
{
	const u64 there[] = { 0, 511, 4096, 70000, 131071, 199999 };
	struct store_test *t = test->priv;
	struct emul_budget budget;
	struct emul_store s;
	unsigned int i;
	u64 done = 0;

	emul_budget_init(&budget, 0);
	KUNIT_ASSERT_EQ(test, emul_store_init(&s, 200000 * LEAF_BYTES, &budget), 0);
	for (i = 0; i < ARRAY_SIZE(there); i++)
		KUNIT_ASSERT_EQ(test, emul_store_write_wait(&s, there[i] * LEAF_BYTES, t->a,
							    3 * PAGE_SIZE, &done), 0);
	/* From inside of the first to inside of the last one. */
	emul_store_unmap(&s, PAGE_SIZE, 199999 * LEAF_BYTES, false);
	KUNIT_EXPECT_EQ(test, emul_store_used(&s), (1 + 2) * PAGE_SIZE);
	emul_store_unmap(&s, 0, 200000 * LEAF_BYTES, false);
	KUNIT_EXPECT_EQ(test, emul_store_used(&s), 0);
	emul_store_exit(&s);
}

static void store_sizes(struct kunit *test)
{
	struct store_test *t = test->priv;
	struct emul_store s;

	KUNIT_ASSERT_EQ(test, emul_store_init(&s, 1, &t->budget), 0);
	KUNIT_EXPECT_EQ(test, s.nr_leaves, 1);
	emul_store_exit(&s);
	KUNIT_ASSERT_EQ(test, emul_store_init(&s, LEAF_BYTES + 1, &t->budget), 0);
	KUNIT_EXPECT_EQ(test, s.nr_leaves, 2);
	emul_store_exit(&s);
	/* 8 bytes per 2 MiB: a sparse terabyte costs 4 MiB. */
	KUNIT_ASSERT_EQ(test, emul_store_init(&s, 1ULL << 40, &t->budget), 0);
	KUNIT_EXPECT_EQ(test, s.nr_leaves * sizeof(*s.leaf), 4ULL << 20);
	emul_store_exit(&s);
	KUNIT_EXPECT_EQ(test, emul_store_init(&s, U64_MAX, &t->budget), -ENOMEM);
}

#define RACE_THREADS	4
#define RACE_PAGES	256

struct race {
	struct store_test *t;
	unsigned int index;
	int err;
	struct completion done;
	struct task_struct *task;
};

/* Every thread writes its own quarter of every page, all at the same time. */
static int race_thread(void *data)
{
	struct race *race = data;
	u32 quarter = PAGE_SIZE / RACE_THREADS;
	u32 offset = race->index * quarter;
	unsigned int i;

	for (i = 0; i < RACE_PAGES && !race->err; i++) {
		race->err = put(race->t, (u64)i * PAGE_SIZE + offset,
				race->t->a + offset, quarter);
		cond_resched();
	}
	kthread_complete_and_exit(&race->done, 0);
}

static void store_parallel_first_writes(struct kunit *test)
{
	struct store_test *t = test->priv;
	struct race race[RACE_THREADS] = { };
	unsigned int i, cpu = cpumask_first(cpu_online_mask);

	for (i = 0; i < RACE_THREADS; i++) {
		race[i].t = t;
		race[i].index = i;
		init_completion(&race[i].done);
		race[i].task = kthread_create_on_cpu(race_thread, &race[i], cpu,
						     "asblk-race/%u");
		KUNIT_ASSERT_FALSE(test, IS_ERR(race[i].task));
		cpu = cpumask_next_wrap(cpu, cpu_online_mask);
	}
	for (i = 0; i < RACE_THREADS; i++)
		wake_up_process(race[i].task);
	for (i = 0; i < RACE_THREADS; i++) {
		wait_for_completion(&race[i].done);
		KUNIT_EXPECT_EQ(test, race[i].err, 0);
	}
	KUNIT_EXPECT_EQ(test, emul_store_used(&t->store),
			RACE_PAGES * PAGE_SIZE);
	for (i = 0; i < RACE_PAGES; i++)
		KUNIT_ASSERT_MEMEQ(test, get(t, (u64)i * PAGE_SIZE, PAGE_SIZE),
				   t->a, PAGE_SIZE);
}

static void store_resize(struct kunit *test)
{
	struct store_test *t = test->priv;
	u64 small = LEAF_BYTES / 2 + 100, large = 5 * LEAF_BYTES;

	KUNIT_ASSERT_EQ(test, put(t, small - 50, t->a, 100), 0);
	KUNIT_ASSERT_EQ(test, put(t, SIZE - 100, t->a, 100), 0);
	KUNIT_ASSERT_EQ(test, emul_store_resize(&t->store, large), 0);
	KUNIT_EXPECT_MEMEQ(test, get(t, SIZE - 100, 100), t->a, 100);
	KUNIT_ASSERT_EQ(test, put(t, large - 100, t->a, 100), 0);
	KUNIT_EXPECT_MEMEQ(test, get(t, large - 100, 100), t->a, 100);
	/* What is cut off does not come back. */
	KUNIT_ASSERT_EQ(test, emul_store_resize(&t->store, small), 0);
	KUNIT_ASSERT_EQ(test, emul_store_resize(&t->store, large), 0);
	KUNIT_EXPECT_MEMEQ(test, get(t, small - 50, 50), t->a, 50);
	KUNIT_EXPECT_NULL(test, memchr_inv(get(t, small, 50), 0, 50));
	KUNIT_EXPECT_NULL(test, memchr_inv(get(t, large - 100, 100), 0, 100));
	KUNIT_EXPECT_EQ(test, emul_store_used(&t->store), PAGE_SIZE);
}

static struct kunit_case store_cases[] = {
	KUNIT_CASE(store_holes),
	KUNIT_CASE_PARAM(store_pieces, piece_gen_params),
	KUNIT_CASE_PARAM(store_unmap, piece_gen_params),
	KUNIT_CASE(store_unmap_everything),
	KUNIT_CASE(store_zero),
	KUNIT_CASE(store_write_wait),
	KUNIT_CASE(store_unmap_read),
	KUNIT_CASE(store_unmap_leaves),
	KUNIT_CASE(store_prune_race),
	KUNIT_CASE(store_unmap_sparse),
	KUNIT_CASE(store_sizes),
	KUNIT_CASE(store_parallel_first_writes),
	KUNIT_CASE(store_resize),
	{}
};

static struct kunit_suite store_suite = {
	.name = "asblk_store",
	.init = store_test_init,
	.exit = store_test_exit,
	.test_cases = store_cases,
};
kunit_test_suite(store_suite);

MODULE_DESCRIPTION("KUnit tests of asblk");
MODULE_LICENSE("GPL");
