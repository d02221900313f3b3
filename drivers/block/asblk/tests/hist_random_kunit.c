// SPDX-License-Identifier: GPL-2.0-only
/* Tests of emul/hist_*.c: views of random histories, whole or with a part that has retired. */
#include <linux/prandom.h>
#include <linux/sched.h>

#include "compat.h"
#include "test_hist.h"

/*
 * A random record: up to ten commands, three flushes and six blocks. @retires: now and then
 * all that can retire does.
 */
static void random_record(struct kunit *test, struct rnd_state *rnd, bool retires)
{
	struct hist_test *t = test->priv;
	unsigned int fetched = 0, flushes = 0, pieces = 0, i, left;
	struct hist_cmd *c;

	hist_restart(t);
	t->nr_blocks = 2 + prandom_u32_state(rnd) % (HIST_MAX_BLOCKS - 1);
	hist_spoil_before(test, prandom_u32_state(rnd) & prandom_u32_state(rnd) &
				(BIT(t->nr_blocks) - 1));
	t->nr = 3 + prandom_u32_state(rnd) % (HIST_MAX_CMDS - 4);
	for (i = 0; i < t->nr; i++) {
		u32 r = prandom_u32_state(rnd);

		c = &t->cmd[i];
		*c = (struct hist_cmd) {
			.flush = flushes < 3 && r % 4 == 0, .fua = r >> 4 & 1 && r >> 5 & 1,
			.whole = r >> 6 & 1, .spoil = !(r >> 28 & 3),
			.first = (r >> 8) % t->nr_blocks,
		};
		c->nr = 1 + (r >> 16) % (t->nr_blocks - c->first);
		if (!c->whole && pieces + c->nr > 10)
			c->whole = true;
		pieces += c->whole ? 1 : c->nr;
		flushes += c->flush;
		c->fua &= !c->flush;
	}
	for (left = 2 * t->nr; left; left--) {
		u32 r = prandom_u32_state(rnd);
		unsigned int in_flight = 0, pick;

		if (retires && !(r >> 28))
			hist_retire_all(t);
		for (i = 0; i < fetched; i++)
			in_flight += !t->cmd[i].completed;
		if (fetched < t->nr && (!in_flight || r % 2)) {
			c = &t->cmd[fetched++];
			hist_fetch(test, c);
			if (!c->flush && r & 4)
				hist_execute(test, c);
			continue;
		}
		pick = (r >> 3) % in_flight;
		for (i = 0; t->cmd[i].completed || pick--; i++)
			;
		c = &t->cmd[i];
		if (!c->flush && !c->executed)
			hist_execute(test, c);
		hist_complete(test, c);
	}
}

#define NR_RANDOM	100000

static void hist_random(struct kunit *test)
{
	static const u8 shifts[] = { 9, PAGE_SHIFT - 1, PAGE_SHIFT, PAGE_SHIFT + 1 };
	struct hist_test *t = test->priv;
	struct rnd_state rnd;
	unsigned int i;
	u64 at;

	for (i = 0; i < NR_RANDOM; i += HIST_STRIDE) {
		prandom_seed_state(&rnd, i);
		t->block_shift = max(shifts[i % ARRAY_SIZE(shifts)], EMUL_GRAIN_SHIFT);
		random_record(test, &rnd, false);
		at = prandom_u32_state(&rnd) % (t->now + 1);
		hist_check_at(test, at);
		hist_check_at(test, t->now - prandom_u32_state(&rnd) % min(t->now + 1, 4));
		if (test->status == KUNIT_FAILURE)
			kunit_err(test, "seed %u\n", i);
		if (!(i % 1024))
			cond_resched();
	}
	kunit_info(test, "%llu instants, %llu states, seeds 0 to %u\n", t->checked, t->states, i);
}

/* What retires cannot be looked at. All else looks as before, also to those who look already. */
static void hist_retire(struct kunit *test)
{
	struct hist_test *t = test->priv;
	struct emul_view v, none;
	struct rnd_state rnd;
	unsigned int i, nr, retired = 0;
	u64 at;

	for (i = 0; i < 20000; i += HIST_STRIDE) {
		prandom_seed_state(&rnd, i);
		random_record(test, &rnd, true);
		at = t->domain.oldest + prandom_u32_state(&rnd) % (t->now - t->domain.oldest + 1);
		nr = hist_model_states(t, at, t->want);
		KUNIT_ASSERT_EQ(test, emul_view_open(&v, &t->chains, at), 0);
		hist_retire_all(t);
		KUNIT_ASSERT_LE(test, t->domain.oldest, at);
		KUNIT_ASSERT_EQ(test, hist_view_states(test, &v, t->got), nr);
		KUNIT_ASSERT_MEMEQ(test, t->got, t->want, nr * sizeof(*t->want));
		emul_view_close(&v);
		for (at = t->domain.oldest; at <= t->now; at++)
			hist_check_at(test, at);
		hist_retire_all(t);
		KUNIT_ASSERT_EQ(test, t->domain.oldest, t->now);
		hist_check_at(test, t->now);
		KUNIT_ASSERT_EQ(test, emul_view_open(&none, &t->chains, t->now - 1), -ERANGE);
		KUNIT_ASSERT_EQ(test, emul_view_open(&none, &t->chains, t->now + 1), -ERANGE);
		retired += list_count_nodes(&t->domain.records) < t->nr;
		if (!(i % 1024))
			cond_resched();
	}
	KUNIT_EXPECT_GT(test, retired, i / HIST_STRIDE / 2);
	kunit_info(test, "%llu instants, %llu states\n", t->checked, t->states);
}

static struct kunit_case hist_random_cases[] = {
	KUNIT_CASE_SLOW(hist_random),
	KUNIT_CASE_SLOW(hist_retire),
	{}
};

static struct kunit_suite hist_random_suite = {
	.name = "asblk_hist_random",
	.init = hist_test_init,
	.exit = hist_test_exit,
	.test_cases = hist_random_cases,
};
kunit_test_suite(hist_random_suite);
