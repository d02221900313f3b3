// SPDX-License-Identifier: GPL-2.0-only
/* Tests of emul/hist_fate.c and hist_view.c: devices that do more harm than they may. */
#include <linux/string.h>

#include "compat.h"
#include "test_hist.h"

/* A write with FUA, or a flush, that fails promises nothing. */
static void hist_failed(struct kunit *test)
{
	struct hist_test *t = test->priv;
	struct emul_view v;
	unsigned int i;

	t->nr = 3;
	t->cmd[0] = (struct hist_cmd) { .fua = true, .nr = 1 };
	t->cmd[1] = (struct hist_cmd) { .flush = true };
	t->cmd[2] = (struct hist_cmd) { .flush = true };
	for (i = 0; i < 3; i++) {
		hist_fetch(test, &t->cmd[i]);
		if (!i)
			hist_execute(test, &t->cmd[i]);
		hist_complete_as(test, &t->cmd[i], i < 2);
		KUNIT_ASSERT_EQ(test, emul_view_open(&v, &t->chains, t->now), 0);
		KUNIT_EXPECT_EQ(test, hist_view_states(test, &v, t->got), i < 2 ? 2 : 1);
		KUNIT_EXPECT_EQ(test, t->got[0], i < 2 ? 0 : 1);
		emul_view_close(&v);
	}
}

struct profile_param {
	const char *name;
	enum emul_cut_profile profile;
};

static const struct profile_param profile_params[] = {
	{ "spec", EMUL_CUT_SPEC }, { "liar", EMUL_CUT_LIAR }, { "ordered", EMUL_CUT_ORDERED },
	{ "torn", EMUL_CUT_TORN }, { "zeroed", EMUL_CUT_ZEROED },
	{ "garbage", EMUL_CUT_GARBAGE }, { "unreadable", EMUL_CUT_UNREADABLE },
};
KUNIT_ARRAY_PARAM_DESC(profile, profile_params, name);

/* What a block of full of new data, over a block full of old, may look like. */
static bool profile_allows(enum emul_cut_profile profile, const u8 *b, u32 len, u8 old, u8 new)
{
	u32 cut;

	if (!memchr_inv(b, new, len) || !memchr_inv(b, old, len))
		return true;
	if (profile == EMUL_CUT_ZEROED)
		return !memchr_inv(b, 0, len);
	if (profile == EMUL_CUT_GARBAGE)
		return memchr_inv(b, *b, len);
	if (profile != EMUL_CUT_TORN)
		return false;
	for (cut = 8; cut < len; cut += 8)
		if (!memchr_inv(b, new, cut) && !memchr_inv(b + cut, old, len - cut))
			return true;
	return false;
}

/*
 * Four blocks: durable; then each written once more, the first two as a whole, the last durable.
 * Each profile hurts what it may, sometimes, and nothing else.
 */
static void hist_profiles(struct kunit *test)
{
	const struct profile_param *p = test->param_value;
	struct hist_test *t = test->priv;
	unsigned int seed, b, third = 0, lost = 0;
	struct emul_view v;
	bool hurt;
	int err;

	t->nr = 4;
	t->block_shift = PAGE_SHIFT;
	t->cmd[0] = (struct hist_cmd) { .fua = true, .nr = 4 };
	t->cmd[1] = (struct hist_cmd) { .whole = true, .nr = 2 };
	t->cmd[2] = (struct hist_cmd) { .first = 2, .nr = 1 };
	t->cmd[3] = (struct hist_cmd) { .fua = true, .first = 3, .nr = 1 };
	for (b = 0; b < 4; b++) {
		hist_fetch(test, &t->cmd[b]);
		hist_execute(test, &t->cmd[b]);
		hist_complete(test, &t->cmd[b]);
	}
	KUNIT_ASSERT_EQ(test, emul_view_open(&v, &t->chains, t->now), 0);
	v.fate.profile = p->profile;
	v.fate.policy = EMUL_POLICY_SEED;
	v.fate.lost_share = 50;
	v.fate.hurt_share = 33;
	for (seed = 0; seed < 64; seed++) {
		emul_view_forget(&v);
		v.fate.seed = seed;
		for (b = 0; b < 4; b++) {
			u8 new = b < 2 ? 2 : b + 1;

			err = emul_view_read(&v, &t->chains, (u64)b << PAGE_SHIFT, t->buf,
					     PAGE_SIZE, PAGE_SHIFT);
			if (err) {
				KUNIT_ASSERT_EQ(test, err, -EIO);
				KUNIT_ASSERT_EQ(test, p->profile, EMUL_CUT_UNREADABLE);
				KUNIT_ASSERT_NE(test, b, 3);
				third++;
				continue;
			}
			/* Nothing but a liar lost the first write. */
			if (p->profile == EMUL_CUT_LIAR && !memchr_inv(t->buf, 0, PAGE_SIZE)) {
				lost++;
				continue;
			}
			KUNIT_ASSERT_TRUE(test, profile_allows(p->profile, t->buf, PAGE_SIZE, 1,
							       new));
			hurt = memchr_inv(t->buf, 1, PAGE_SIZE) &&
			       memchr_inv(t->buf, new, PAGE_SIZE);
			if (hurt) {
				/* What is durable, or one piece to be torn, is not hurt. */
				KUNIT_ASSERT_NE(test, b, 3);
				KUNIT_ASSERT_FALSE(test, b < 2 && p->profile == EMUL_CUT_TORN);
				third++;
			}
			if (b == 3 && p->profile != EMUL_CUT_LIAR)
				KUNIT_ASSERT_EQ(test, *t->buf, new);
		}
	}
	emul_view_close(&v);
	KUNIT_EXPECT_EQ(test, !third, p->profile < EMUL_CUT_TORN);
	KUNIT_EXPECT_EQ(test, !lost, p->profile != EMUL_CUT_LIAR);
}

/* Write blocks @first to @first + @nr - 1, as command @i. */
static void write_now(struct kunit *test, unsigned int i, bool fua, u8 first, u8 nr)
{
	struct hist_test *t = test->priv;

	t->cmd[i] = (struct hist_cmd) { .fua = fua, .first = first, .nr = nr };
	hist_fetch(test, &t->cmd[i]);
	hist_execute(test, &t->cmd[i]);
}

/* What a view shows of a block: what all of it is full of, or 0xff. */
static u8 view_block(struct kunit *test, struct emul_view *v, unsigned int b)
{
	struct hist_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, emul_view_read(v, &t->chains, (u64)b << PAGE_SHIFT, t->buf, PAGE_SIZE,
					     PAGE_SHIFT), 0);
	return memchr_inv(t->buf, *t->buf, PAGE_SIZE) ? 0xff : *t->buf;
}

#define UNIT_BLOCKS	4
#define UNIT_SHIFT	(PAGE_SHIFT + 2)

/* Next to a write in flight, and in its erase unit, what is durable may be hurt; nowhere else. */
static void hist_neighbours(struct kunit *test)
{
	struct hist_test *t = test->priv;
	struct emul_fate fate = {
		.policy = EMUL_POLICY_SEED, .profile = EMUL_CUT_NEIGHBOURS,
		.lost_share = 50, .hurt_share = 50, .unit_shift = UNIT_SHIFT,
	};
	unsigned int hurt = 0, lost = 0, b;
	struct emul_view v;

	t->nr = 2;
	t->block_shift = PAGE_SHIFT;
	write_now(test, 0, true, 0, 2 * UNIT_BLOCKS);
	hist_complete(test, &t->cmd[0]);
	write_now(test, 1, false, 1, 1);
	for (fate.seed = 0; fate.seed < 64; fate.seed++) {
		KUNIT_ASSERT_EQ(test, emul_view_open(&v, &t->chains, t->now), 0);
		KUNIT_ASSERT_EQ(test, emul_view_set_fate(&v, &t->chains, &fate), 0);
		for (b = 0; b < 2 * UNIT_BLOCKS; b++) {
			u8 seen = view_block(test, &v, b);

			KUNIT_EXPECT_EQ(test, seen, view_block(test, &v, b));
			if (b == 1) {
				KUNIT_EXPECT_TRUE(test, seen == 1 || seen == 2);
				lost += seen == 1;
			} else if (seen != 1) {
				KUNIT_EXPECT_EQ(test, seen, 0xff);
				KUNIT_EXPECT_LT(test, b, UNIT_BLOCKS);
				hurt++;
			}
		}
		emul_view_close(&v);
	}
	KUNIT_EXPECT_GT(test, hurt, 0);
	KUNIT_EXPECT_GT(test, lost, 0);
	/* Nothing is in flight any more. */
	hist_complete(test, &t->cmd[1]);
	KUNIT_ASSERT_EQ(test, emul_view_open(&v, &t->chains, t->now), 0);
	KUNIT_ASSERT_EQ(test, emul_view_set_fate(&v, &t->chains, &fate), 0);
	for (b = 0; b < 2 * UNIT_BLOCKS; b++)
		KUNIT_EXPECT_LE(test, view_block(test, &v, b), 2);
	emul_view_close(&v);
}

/*
 * An erase unit goes back as a whole, beyond what was durable. What a view of such a device, or of
 * one that lies, shows does not retire.
 */
static void hist_rollback(struct kunit *test)
{
	struct hist_test *t = test->priv;
	struct emul_fate fate = {
		.policy = EMUL_POLICY_SEED, .profile = EMUL_CUT_ROLLBACK,
		.lost_share = 50, .hurt_share = 50, .unit_shift = UNIT_SHIFT,
	};
	unsigned int seen[3] = {}, apart = 0, i, b;
	struct emul_view v;

	t->nr = 2;
	t->block_shift = PAGE_SHIFT;
	for (i = 0; i < 2; i++) {
		write_now(test, i, true, 0, 2 * UNIT_BLOCKS);
		hist_complete(test, &t->cmd[i]);
	}
	for (fate.seed = 0; fate.seed < 64; fate.seed++) {
		u8 unit[2];

		KUNIT_ASSERT_EQ(test, emul_view_open(&v, &t->chains, t->now), 0);
		KUNIT_ASSERT_EQ(test, emul_view_set_fate(&v, &t->chains, &fate), 0);
		for (b = 0; b < 2 * UNIT_BLOCKS; b++) {
			if (b % UNIT_BLOCKS == 0) {
				unit[b / UNIT_BLOCKS] = view_block(test, &v, b);
				hist_retire_all(t);
			}
			KUNIT_EXPECT_EQ(test, view_block(test, &v, b), unit[b / UNIT_BLOCKS]);
		}
		KUNIT_ASSERT_LE(test, unit[0], 2);
		seen[unit[0]]++;
		apart += unit[0] != unit[1];
		emul_view_close(&v);
	}
	KUNIT_EXPECT_TRUE(test, seen[0] && seen[1] && seen[2] && apart);
	fate.profile = EMUL_CUT_LIAR;
	fate.policy = EMUL_POLICY_NONE;
	KUNIT_ASSERT_EQ(test, emul_view_open(&v, &t->chains, t->now), 0);
	KUNIT_ASSERT_EQ(test, emul_view_set_fate(&v, &t->chains, &fate), 0);
	hist_retire_all(t);
	KUNIT_EXPECT_EQ(test, view_block(test, &v, 0), 0);
	emul_view_close(&v);
	hist_retire_all(t);
	KUNIT_EXPECT_EQ(test, t->domain.oldest, t->now);
}

/* Shares are of pieces, and of seeds. */
static void hist_shares(struct kunit *test)
{
	static const u8 shares[] = { 0, 10, 90, 100 };
	struct emul_fate fate = { .policy = EMUL_POLICY_SEED, .profile = EMUL_CUT_GARBAGE };
	unsigned int lost, hurt, i, j, n, nr[3], clean;

	for (i = 0; i < ARRAY_SIZE(shares); i++) {
		for (j = 0; j < ARRAY_SIZE(shares); j++) {
			fate.lost_share = shares[i];
			fate.hurt_share = shares[j];
			memset(nr, 0, sizeof(nr));
			for (n = 0; n < 10000; n++)
				nr[emul_fate_of(&fate, n, n % 7)]++;
			hurt = 100 * shares[j];
			lost = (100 - shares[j]) * shares[i];
			KUNIT_EXPECT_LE(test, abs_diff(nr[EMUL_HURT], hurt),
					hurt % 10000 ? 200 : 0);
			KUNIT_EXPECT_LE(test, abs_diff(nr[EMUL_LOST], lost),
					lost % 10000 ? 200 : 0);
		}
		for (fate.seed = 0, clean = 0; fate.seed < 10000; fate.seed++)
			clean += emul_fate_is_clean(&fate, shares[i]);
		KUNIT_EXPECT_LE(test, abs_diff(clean, 100U * shares[i]),
				shares[i] % 100 ? 200 : 0);
	}
	fate.policy = EMUL_POLICY_ALL;
	KUNIT_EXPECT_FALSE(test, emul_fate_is_clean(&fate, 100));
	KUNIT_EXPECT_EQ(test, (int)emul_fate_of_unit(&fate, 0), EMUL_SURVIVES);
}

static struct kunit_case hist_profiles_cases[] = {
	KUNIT_CASE(hist_failed),
	KUNIT_CASE_PARAM(hist_profiles, profile_gen_params),
	KUNIT_CASE(hist_neighbours),
	KUNIT_CASE(hist_rollback),
	KUNIT_CASE(hist_shares),
	{}
};

static struct kunit_suite hist_profiles_suite = {
	.name = "asblk_hist_profiles",
	.init = hist_test_init,
	.exit = hist_test_exit,
	.test_cases = hist_profiles_cases,
};
kunit_test_suite(hist_profiles_suite);
