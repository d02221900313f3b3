// SPDX-License-Identifier: GPL-2.0-only
/* Tests of emul/hold.c: time and randomness are arguments. */
#include <kunit/test.h>
#include <linux/prandom.h>

#include "emul/hold.h"
#include "emul/wait.h"

#define US	1000ULL
#define NR	64
#define QUIET	(1000000 * US / EMUL_HOLD_QUIET)

struct hold_test {
	struct emul_hold hold;
	struct emul_cmd_state cmd[NR];
};

static int hold_test_init(struct kunit *test)
{
	struct hold_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	emul_hold_init(&t->hold);
	for (i = 0; i < NR; i++)
		t->cmd[i].cmd.id = i;
	test->priv = t;
	return 0;
}

/* As many as there may be are kept back, the oldest among them. */
static void hold_depth(struct kunit *test)
{
	struct hold_test *t = test->priv;
	unsigned int i, posted = 0, late = 0;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 1);
	for (i = 0; i < NR; i++) {
		struct emul_cmd_state *s;

		emul_hold_add(&t->hold, &t->cmd[i], i * US, 1000);
		s = emul_hold_next(&t->hold, 8, i * US, prandom_u32_state(&rnd));
		KUNIT_EXPECT_EQ(test, !s, i < 8);
		KUNIT_EXPECT_PTR_EQ(test, emul_hold_next(&t->hold, 8, i * US, 0), NULL);
		KUNIT_EXPECT_EQ(test, t->hold.nr, min(i + 1, 8U));
		if (!s)
			continue;
		/* Of the newer half. */
		KUNIT_EXPECT_PTR_NE(test, s, &t->cmd[0]);
		posted++;
		late += s != &t->cmd[i];
	}
	KUNIT_EXPECT_EQ(test, posted, NR - 8);
	/* Not always the newest. */
	KUNIT_EXPECT_GT(test, late, posted / 4);
	KUNIT_EXPECT_PTR_EQ(test, emul_hold_first(&t->hold), &t->cmd[0]);
}

/* Each is posted in time, whatever else comes. */
static void hold_time(struct kunit *test)
{
	struct hold_test *t = test->priv;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		emul_hold_add(&t->hold, &t->cmd[i], i * 100 * US, 1000);
		KUNIT_EXPECT_PTR_EQ(test, emul_hold_next(&t->hold, NR, i * 100 * US, 0),
				    i < 10 ? NULL : &t->cmd[i - 10]);
	}
	KUNIT_EXPECT_EQ(test, t->hold.nr, 10);
}

/* When nothing comes any more all are posted, faster and faster. */
static void hold_quiet(struct kunit *test)
{
	struct hold_test *t = test->priv;
	unsigned int i, nr, all = 0;
	u64 now = 0;

	KUNIT_EXPECT_EQ(test, emul_hold_due(&t->hold), EMUL_NEVER);
	for (i = 0; i < NR; i++)
		emul_hold_add(&t->hold, &t->cmd[i], now, 1000000);
	for (i = 1; all < NR; i *= 2) {
		KUNIT_EXPECT_EQ(test, emul_hold_due(&t->hold), now + QUIET);
		KUNIT_EXPECT_PTR_EQ(test, emul_hold_next(&t->hold, NR, now + QUIET - 1,
							 0), NULL);
		now += QUIET;
		for (nr = 0; emul_hold_next(&t->hold, NR, now, 0); nr++)
			;
		KUNIT_ASSERT_EQ(test, nr, min(i, NR - all));
		all += nr;
	}
	KUNIT_EXPECT_EQ(test, emul_hold_due(&t->hold), EMUL_NEVER);
	/* Whoever comes then is waited for again. */
	emul_hold_add(&t->hold, &t->cmd[0], now, 1000000);
	emul_hold_add(&t->hold, &t->cmd[1], now, 1000000);
	now += QUIET;
	KUNIT_EXPECT_PTR_EQ(test, emul_hold_next(&t->hold, NR, now, 0), &t->cmd[1]);
	KUNIT_EXPECT_PTR_EQ(test, emul_hold_next(&t->hold, NR, now, 0), NULL);
	/* With none to be kept back, all go. */
	KUNIT_EXPECT_PTR_EQ(test, emul_hold_next(&t->hold, 0, now, 0), &t->cmd[0]);
}

/* A command that is given up is found by its ID, and does not come out. */
static void hold_given_up(struct kunit *test)
{
	struct hold_test *t = test->priv;

	emul_hold_add(&t->hold, &t->cmd[1], 0, 1);
	emul_hold_add(&t->hold, &t->cmd[2], 0, 1);
	KUNIT_EXPECT_PTR_EQ(test, emul_hold_find(&t->hold, 3), NULL);
	KUNIT_EXPECT_PTR_EQ(test, emul_hold_find(&t->hold, 2), &t->cmd[2]);
	emul_hold_remove(&t->hold, &t->cmd[2]);
	KUNIT_EXPECT_PTR_EQ(test, emul_hold_find(&t->hold, 2), NULL);
	KUNIT_EXPECT_PTR_EQ(test, emul_hold_next(&t->hold, 0, US, 0), &t->cmd[1]);
	KUNIT_EXPECT_PTR_EQ(test, emul_hold_next(&t->hold, 0, US, 0), NULL);
}

static struct kunit_case hold_cases[] = {
	KUNIT_CASE(hold_depth),
	KUNIT_CASE(hold_time),
	KUNIT_CASE(hold_quiet),
	KUNIT_CASE(hold_given_up),
	{}
};

static struct kunit_suite hold_suite = {
	.name = "asblk_hold",
	.init = hold_test_init,
	.test_cases = hold_cases,
};
kunit_test_suite(hold_suite);
