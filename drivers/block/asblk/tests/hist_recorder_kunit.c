// SPDX-License-Identifier: GPL-2.0-only
/* Tests of emul/hist_cache.c, hist_command.c and hist_recorder.c: recording a disk. */
#include <linux/err.h>
#include <linux/prandom.h>

#include "compat.h"
#include "emul/hist_command.h"
#include "test_hist.h"

#define CACHE_BLOCKS	8

/* The volatile cache holds what it can, and all of that but what was flushed. */
static void hist_cache(struct kunit *test)
{
	struct hist_test *t = test->priv;
	struct emul_history_options o = {
		.domain = "", .limit = SZ_8M, .cache_size = CACHE_BLOCKS << 9, .seed = 1,
	};
	unsigned int round, i, unflushed, most, destaged[2] = {};
	struct emul_recorder rec;
	struct emul_domain *d;
	struct emul_record *r;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 1);
	for (round = 0; round < 2; round++) {
		unflushed = 0;
		o.cache_any = round;
		emul_recorder_init(&rec, &t->store, &t->bad);
		KUNIT_ASSERT_EQ(test, emul_recorder_begin(&rec, &o), 0);
		for (i = 0; i < 1000; i++) {
			u32 nr = 1 + prandom_u32_state(&rnd) % 3, dirty = 0;
			bool flush = !(prandom_u32_state(&rnd) % 16);

			d = hist_do_command(test, &rec, flush ? ASBLK_OP_FLUSH : ASBLK_OP_WRITE,
					    prandom_u32_state(&rnd) % 64, flush ? 0 : nr);
			unflushed = flush ? 0 : unflushed + nr;
			most = min(unflushed, CACHE_BLOCKS);
			spin_lock_bh(&d->lock);
			list_for_each_entry(r, &d->records, list)
				if (!emul_op_is_flush(r->op) &&
				    !emul_record_is_safe(&r->chains->flushes, r))
					dirty += r->nr_blocks;
			spin_unlock_bh(&d->lock);
			KUNIT_ASSERT_LE(test, dirty, most);
			/* One command more would not have fitted. */
			KUNIT_ASSERT_GT(test, dirty + 3, most);
			destaged[round] += unflushed - dirty;
		}
		emul_recorder_exit(&rec);
	}
	KUNIT_EXPECT_GT(test, destaged[0], 0);
	KUNIT_EXPECT_GT(test, destaged[1], 0);
}

/* What the disk's first block holds if nothing undecided survives. */
static u8 worst_case(struct kunit *test, struct emul_recorder *rec)
{
	struct hist_test *t = test->priv;
	struct emul_base *base;
	u64 oldest, now;

	KUNIT_ASSERT_EQ(test, emul_recorder_instants(rec, &oldest, &now), 0);
	base = emul_base_open(rec, now);
	KUNIT_ASSERT_FALSE(test, IS_ERR(base));
	base->view.fate.policy = EMUL_POLICY_NONE;
	KUNIT_EXPECT_EQ(test, emul_view_read(&base->view, base->chains, 0, t->buf, 512, 9), 0);
	emul_base_close(base);
	return *t->buf;
}

/* Of two disks with one counter, what makes one durable does nothing to the other. */
static void hist_two_disks(struct kunit *test)
{
	struct hist_test *t = test->priv;
	struct emul_history_options o = { .domain = "two", .limit = SZ_1M };
	struct emul_recorder a, b;
	struct emul_store store;
	struct emul_domain *d;

	KUNIT_ASSERT_EQ(test, emul_store_init(&store, SZ_1M, &t->budget), 0);
	emul_recorder_init(&a, &t->store, &t->bad);
	emul_recorder_init(&b, &store, &t->bad);
	KUNIT_ASSERT_EQ(test, emul_recorder_begin(&a, &o), 0);
	memset(t->buf, 1, HIST_BUF_BYTES);
	hist_do_command(test, &a, ASBLK_OP_WRITE, 0, 1);
	/* Whoever joins later changes nothing, either. */
	KUNIT_ASSERT_EQ(test, emul_recorder_begin(&b, &o), 0);
	KUNIT_ASSERT_EQ(test, emul_recorder_restart(&b), 0);
	KUNIT_EXPECT_EQ(test, worst_case(test, &a), 0);
	memset(t->buf, 1, HIST_BUF_BYTES);
	d = hist_do_command(test, &b, ASBLK_OP_WRITE, 0, 1);
	KUNIT_EXPECT_PTR_EQ(test, hist_do_command(test, &a, ASBLK_OP_FLUSH, 0, 0), d);
	KUNIT_EXPECT_EQ(test, worst_case(test, &a), 1);
	KUNIT_EXPECT_EQ(test, worst_case(test, &b), 0);
	emul_recorder_settle(&a);
	KUNIT_EXPECT_EQ(test, worst_case(test, &b), 0);
	emul_recorder_end(&a, EMUL_HISTORY_OFF);
	KUNIT_EXPECT_EQ(test, worst_case(test, &b), 0);
	emul_recorder_settle(&b);
	KUNIT_EXPECT_EQ(test, worst_case(test, &b), 1);
	emul_recorder_exit(&b);
	emul_recorder_exit(&a);
	emul_store_unmap(&t->store, 0, SZ_1M, false);
	emul_store_exit(&store);
}

/* Without memory recording ends, and only that; it can begin again. */
static void hist_ends(struct kunit *test)
{
	struct hist_test *t = test->priv;
	struct emul_history_options o = { .domain = "", .limit = 8 * PAGE_SIZE };
	struct emul_record what = { .op = ASBLK_OP_WRITE, .nr_blocks = 1, .block_shift = 9 }, *r;
	struct emul_recorder rec;
	struct emul_base *base;
	u64 done = 0, oldest, now;
	int err = 0;

	emul_recorder_init(&rec, &t->store, &t->bad);
	KUNIT_ASSERT_EQ(test, emul_recorder_begin(&rec, &o), 0);
	base = emul_base_open(&rec, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(base));
	KUNIT_ASSERT_EQ(test, emul_record_begin(&rec, &what, GFP_KERNEL, &r), 0);
	while (!err)
		err = emul_chain_write(r->chains, r, done, t->buf, PAGE_SIZE, GFP_KERNEL, &done) ?:
		      emul_chain_write(r->chains, r, done - PAGE_SIZE, t->buf, PAGE_SIZE,
				       GFP_KERNEL, &(u64){ 0 });
	KUNIT_EXPECT_EQ(test, err, -ENOBUFS);
	/* The view needs what could be retired. */
	KUNIT_EXPECT_FALSE(test, emul_recorder_make_room(&rec, false));
	KUNIT_EXPECT_EQ(test, (int)rec.state, EMUL_HISTORY_ENDED);
	KUNIT_EXPECT_FALSE(test, emul_recorder_is_on(&rec));
	KUNIT_EXPECT_EQ(test, emul_recorder_instants(&rec, &oldest, &now), -ENODATA);
	KUNIT_EXPECT_EQ(test, emul_view_read(&base->view, base->chains, 0, t->buf, 512, 9),
			-ESTALE);
	/* What was in flight ends as always. */
	emul_record_end(r, false);
	KUNIT_EXPECT_EQ(test, emul_recorder_begin(&rec, &o), 0);
	hist_do_command(test, &rec, ASBLK_OP_WRITE, 0, 1);
	emul_base_close(base);
	emul_recorder_exit(&rec);
}

static struct kunit_case hist_recorder_cases[] = {
	KUNIT_CASE(hist_cache),
	KUNIT_CASE(hist_two_disks),
	KUNIT_CASE(hist_ends),
	{}
};

static struct kunit_suite hist_recorder_suite = {
	.name = "asblk_hist_recorder",
	.init = hist_test_init,
	.exit = hist_test_exit,
	.test_cases = hist_recorder_cases,
};
kunit_test_suite(hist_recorder_suite);
