// SPDX-License-Identifier: GPL-2.0-only
/* Tests of emul/wait.c and of coalescing in emul/irq.c: time is an argument. */
#include <kunit/test.h>

#include "emul/irq.h"
#include "emul/wait.h"

#define US	1000ULL

static struct emul_cmd_state *command(struct kunit *test, u16 id, u64 start)
{
	struct emul_cmd_state *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->cmd.id = id;
	s->start = start;
	return s;
}

static struct emul_wait *new_wait(struct kunit *test)
{
	struct emul_wait *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, w);
	emul_wait_init(w);
	return w;
}

/* Commands come out in the order of their deadlines, none of them early. */
static void wait_order(struct kunit *test)
{
	struct emul_cmd_state *a = command(test, 1, 0), *b = command(test, 2, 0);
	struct emul_cmd_state *c = command(test, 3, 5 * US);
	struct emul_wait *w = new_wait(test);

	KUNIT_EXPECT_EQ(test, emul_wait_due(w), EMUL_NEVER);
	KUNIT_EXPECT_PTR_EQ(test, emul_wait_next(w, EMUL_NEVER - 1), NULL);
	emul_wait_add(w, a, 30 * US);
	emul_wait_add(w, b, 10 * US);
	emul_wait_add(w, c, 20 * US);
	KUNIT_EXPECT_EQ(test, emul_wait_due(w), 10 * US);
	KUNIT_EXPECT_PTR_EQ(test, emul_wait_next(w, 10 * US - 1), NULL);
	KUNIT_EXPECT_PTR_EQ(test, emul_wait_next(w, 10 * US), b);
	KUNIT_EXPECT_PTR_EQ(test, emul_wait_next(w, 10 * US), NULL);
	KUNIT_EXPECT_EQ(test, emul_wait_due(w), 20 * US);
	KUNIT_EXPECT_PTR_EQ(test, emul_wait_next(w, 40 * US), c);
	KUNIT_EXPECT_PTR_EQ(test, emul_wait_next(w, 40 * US), a);
	KUNIT_EXPECT_EQ(test, emul_wait_due(w), EMUL_NEVER);
}

/* What was asked for, achieved and missed ends up in buckets of powers of two. */
static void wait_accuracy(struct kunit *test)
{
	struct emul_cmd_state *s = command(test, 1, 1024);
	struct emul_wait *w = new_wait(test);

	emul_wait_add(w, s, 1024 + 1023);
	KUNIT_EXPECT_EQ(test, w->asked[0], 1);
	KUNIT_EXPECT_PTR_EQ(test, emul_wait_next(w, 1024 + 1023 + 4096), s);
	KUNIT_EXPECT_EQ(test, w->achieved[3], 1);
	KUNIT_EXPECT_EQ(test, w->late[3], 1);
	KUNIT_EXPECT_EQ(test, w->late_sum, 4096);
	KUNIT_EXPECT_EQ(test, w->late_nr, 1);
	/* Longer than the last bucket. */
	emul_wait_add(w, s, 1ULL << 60);
	KUNIT_EXPECT_EQ(test, w->asked[EMUL_WAIT_BUCKETS - 1], 1);
}

/* A command that is given up is found by its ID, and does not come out. */
static void wait_given_up(struct kunit *test)
{
	struct emul_cmd_state *a = command(test, 0x8001, 0), *b = command(test, 1, 0);
	struct emul_wait *w = new_wait(test);

	emul_wait_add(w, a, US);
	emul_wait_add(w, b, US);
	KUNIT_EXPECT_EQ(test, emul_wait_count(w), 2);
	KUNIT_EXPECT_PTR_EQ(test, emul_wait_find(w, 2), NULL);
	KUNIT_EXPECT_PTR_EQ(test, emul_wait_find(w, 1), b);
	emul_wait_remove(w, b);
	KUNIT_EXPECT_PTR_EQ(test, emul_wait_find(w, 1), NULL);
	KUNIT_EXPECT_PTR_EQ(test, emul_wait_next(w, US), a);
	KUNIT_EXPECT_PTR_EQ(test, emul_wait_next(w, US), NULL);
	KUNIT_EXPECT_EQ(test, w->late_nr, 1);
}

/* Without a time every completion has its interrupt; without a completion none is due. */
static void coalesce_off(struct kunit *test)
{
	struct emul_coalesce c;

	emul_coalesce_init(&c);
	KUNIT_EXPECT_FALSE(test, emul_coalesce_add(&c, 0, 1, 0, US));
	KUNIT_EXPECT_TRUE(test, emul_coalesce_add(&c, 1, 8, 0, US));
	KUNIT_EXPECT_FALSE(test, emul_coalesce_add(&c, 0, 8, 0, US));
	KUNIT_EXPECT_EQ(test, c.raise_at, U64_MAX);
}

static void coalesce_count(struct kunit *test)
{
	struct emul_coalesce c;

	emul_coalesce_init(&c);
	KUNIT_EXPECT_FALSE(test, emul_coalesce_add(&c, 2, 4, 100, US));
	KUNIT_EXPECT_FALSE(test, emul_coalesce_add(&c, 1, 4, 100, 2 * US));
	KUNIT_EXPECT_TRUE(test, emul_coalesce_add(&c, 1, 4, 100, 3 * US));
	KUNIT_EXPECT_EQ(test, c.nr, 0);
	KUNIT_EXPECT_EQ(test, c.raise_at, U64_MAX);
}

/* The time runs from the first completion, whatever comes after it. */
static void coalesce_time(struct kunit *test)
{
	struct emul_coalesce c;

	emul_coalesce_init(&c);
	KUNIT_EXPECT_FALSE(test, emul_coalesce_add(&c, 1, 4, 100, US));
	KUNIT_EXPECT_EQ(test, c.raise_at, 101 * US);
	KUNIT_EXPECT_FALSE(test, emul_coalesce_add(&c, 1, 4, 100, 100 * US));
	KUNIT_EXPECT_EQ(test, c.raise_at, 101 * US);
	KUNIT_EXPECT_TRUE(test, emul_coalesce_add(&c, 0, 4, 100, 101 * US));
	KUNIT_EXPECT_FALSE(test, emul_coalesce_add(&c, 0, 4, 100, 300 * US));
}

/* An interrupt that is lost takes its completions with it, and the next one is raised. */
static void coalesce_lost(struct kunit *test)
{
	struct emul_coalesce c;

	emul_coalesce_init(&c);
	c.lose = true;
	KUNIT_EXPECT_FALSE(test, emul_coalesce_add(&c, 0, 1, 0, US));
	KUNIT_EXPECT_TRUE(test, c.lose);
	KUNIT_EXPECT_FALSE(test, emul_coalesce_add(&c, 3, 1, 0, US));
	KUNIT_EXPECT_FALSE(test, emul_coalesce_add(&c, 0, 1, 0, US));
	KUNIT_EXPECT_TRUE(test, emul_coalesce_add(&c, 1, 1, 0, US));
}

static struct kunit_case wait_cases[] = {
	KUNIT_CASE(wait_order),
	KUNIT_CASE(wait_accuracy),
	KUNIT_CASE(wait_given_up),
	KUNIT_CASE(coalesce_off),
	KUNIT_CASE(coalesce_count),
	KUNIT_CASE(coalesce_time),
	KUNIT_CASE(coalesce_lost),
	{}
};

static struct kunit_suite wait_suite = {
	.name = "asblk_wait",
	.test_cases = wait_cases,
};
kunit_test_suite(wait_suite);
