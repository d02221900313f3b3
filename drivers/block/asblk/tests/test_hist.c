// SPDX-License-Identifier: GPL-2.0-only
#include <linux/slab.h>

#include "compat.h"
#include "emul/hist_command.h"
#include "test_hist.h"

int hist_test_init(struct kunit *test)
{
	struct hist_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->buf = kunit_kmalloc(test, HIST_BUF_BYTES, GFP_KERNEL);
	t->want = kunit_kmalloc_array(test, HIST_MAX_STATES, sizeof(u64), GFP_KERNEL);
	t->got = kunit_kmalloc_array(test, HIST_MAX_STATES, sizeof(u64), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, t->buf && t->want && t->got);
	emul_budget_init(&t->budget, SZ_16M);
	KUNIT_ASSERT_EQ(test, emul_store_init(&t->store, SZ_1M, &t->budget), 0);
	emul_bad_init(&t->bad, &t->budget);
	emul_domain_init(&t->domain, SZ_16M);
	KUNIT_ASSERT_EQ(test, emul_chains_init(&t->chains, &t->store, &t->bad, &t->domain, 0), 0);
	t->block_shift = 9;
	t->nr_blocks = 2;
	test->priv = t;
	return 0;
}

void hist_forget(struct hist_test *t)
{
	struct emul_record *r;

	list_for_each_entry(r, &t->domain.records, list)
		if (!emul_op_is_flush(r->op))
			emul_chain_drop(r);
	spin_lock_bh(&t->domain.lock);
	while ((r = list_first_entry_or_null(&t->domain.records, struct emul_record, list)))
		emul_domain_forget(&t->domain, &t->chains.flushes, r);
	spin_unlock_bh(&t->domain.lock);
}

void hist_test_exit(struct kunit *test)
{
	struct hist_test *t = test->priv;

	hist_forget(t);
	emul_chains_exit(&t->chains);
	/* Nothing is left behind, and nothing was given back twice. */
	KUNIT_EXPECT_EQ(test, atomic64_read(&t->domain.budget.used), 0);
	emul_domain_exit(&t->domain);
	emul_bad_heal(&t->bad, 0, S64_MAX);
	emul_store_exit(&t->store);
	KUNIT_EXPECT_EQ(test, atomic64_read(&t->budget.used), 0);
}

/* A new record, on a medium that is empty. */
void hist_restart(struct hist_test *t)
{
	hist_forget(t);
	emul_store_unmap(&t->store, 0, (u64)HIST_MAX_BLOCKS << t->block_shift, false);
	emul_bad_heal(&t->bad, 0, S64_MAX);
	t->domain.now = 0;
	t->domain.oldest = 0;
	t->now = 0;
	t->nr_executed = 0;
	t->nr = 0;
	t->bad_before = 0;
}

/* Blocks that cannot be read when recording begins. */
void hist_spoil_before(struct kunit *test, u8 blocks)
{
	struct hist_test *t = test->priv;
	u8 shift = t->block_shift;

	for (t->bad_before = blocks; blocks; blocks &= blocks - 1)
		KUNIT_ASSERT_EQ(test, emul_bad_mark(&t->bad, (u64)__ffs(blocks) << shift,
						    1ULL << shift), 0);
}

void hist_fetch(struct kunit *test, struct hist_cmd *c)
{
	struct hist_test *t = test->priv;
	struct emul_record what = {
		.op = c->flush ? ASBLK_OP_FLUSH : c->spoil ? EMUL_OP_SPOIL : ASBLK_OP_WRITE,
		.chains = &t->chains,
		.flags = (c->whole ? EMUL_RECORD_WHOLE : 0) | (c->fua ? EMUL_RECORD_FUA : 0),
		.lba = c->first, .nr_blocks = c->nr, .block_shift = t->block_shift,
	};

	c->record = emul_record_alloc(&what, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, c->record);
	spin_lock_bh(&t->domain.lock);
	KUNIT_EXPECT_EQ(test, emul_domain_fetch(&t->domain, c->record), 0);
	spin_unlock_bh(&t->domain.lock);
	c->fetched = ++t->now;
	KUNIT_ASSERT_EQ(test, c->record->fetched, c->fetched);
}

/* Every block of a write is full of the number of the write, from 1. */
void hist_execute(struct kunit *test, struct hist_cmd *c)
{
	struct hist_test *t = test->priv;
	u64 len = (u64)c->nr << t->block_shift, done = 0, pos = (u64)c->first << t->block_shift;

	c->executed = ++t->nr_executed;
	memset(t->buf, c - t->cmd + 1, min(len, HIST_BUF_BYTES));
	while (done < len) {
		u64 step = min(len - done, HIST_BUF_BYTES);

		KUNIT_ASSERT_EQ(test, emul_chain_write(&t->chains, c->record, pos + done,
						       c->spoil ? NULL : t->buf, step,
						       GFP_KERNEL, &done), 0);
	}
}

void hist_complete_as(struct kunit *test, struct hist_cmd *c, bool failed)
{
	struct hist_test *t = test->priv;

	spin_lock_bh(&t->domain.lock);
	emul_domain_complete(&t->domain, &t->chains.flushes, c->record, failed);
	spin_unlock_bh(&t->domain.lock);
	c->completed = ++t->now;
	KUNIT_ASSERT_EQ(test, c->record->completed, c->completed);
}

void hist_complete(struct kunit *test, struct hist_cmd *c)
{
	hist_complete_as(test, c, false);
}

void hist_retire_all(struct hist_test *t)
{
	guard(mutex)(&t->domain.change_lock);
	emul_domain_retire_to(&t->domain, 0);
}

/* A command of a recorded disk, from beginning to end. Return: its domain. */
struct emul_domain *hist_do_command(struct kunit *test, struct emul_recorder *rec, u8 op, u64 lba,
				    u64 nr)
{
	struct hist_test *t = test->priv;
	struct emul_record what = { .op = op, .lba = lba, .nr_blocks = nr, .block_shift = 9 }, *r;
	struct emul_domain *d;
	u64 done = 0;

	KUNIT_ASSERT_EQ(test, emul_record_begin(rec, &what, GFP_KERNEL, &r), 0);
	KUNIT_ASSERT_NOT_NULL(test, r);
	if (op == ASBLK_OP_WRITE)
		KUNIT_ASSERT_EQ(test, emul_chain_write(r->chains, r, lba << 9, t->buf, nr << 9,
						       GFP_KERNEL, &done), 0);
	d = r->chains->domain;
	emul_record_end(r, false);
	return d;
}
