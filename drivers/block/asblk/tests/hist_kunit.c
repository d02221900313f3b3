// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of emul/hist_*.c: the states that a view can show are exactly those that a model of a
 * power cut allows. The model below knows nothing of chains, horizons or decisions:
 *
 * Every write has a fetched, an executed and a completed instant, a flush has a fetched and a
 * completed one. A write falls into pieces, its blocks or the whole. A piece is durable from
 * the completion of a flush that was fetched after the completion of its write; with FUA from
 * its own write's completion. After a cut at T pieces fetched after T do not exist, durable ones
 * survive, and any others may. A block holds the surviving piece that was executed last.
 */
#include <kunit/test.h>
#include <linux/bitops.h>
#include <linux/list_sort.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "compat.h"
#include "emul/hist_disk.h"

#define MAX_CMDS	12
#define MAX_BLOCKS	6
#define MAX_PIECES	20

/* Checkers make everything tens of times slower: look at every so many cases only. */
#define STRIDE		(IS_ENABLED(CONFIG_KASAN) || IS_ENABLED(CONFIG_PROVE_LOCKING) ? 97 : 1)

struct cmd {
	bool flush;
	bool fua;
	bool whole;
	u8 first;
	u8 nr;
	/* Instants; 0 for what has not happened. */
	u64 fetched;
	u64 executed;	/* an order of its own */
	u64 completed;
	struct emul_record *record;
};

/* A decision that a view was asked for. */
struct asked {
	u64 fetched;
	u64 block;
	bool survives;
};

#define MAX_ASKED	64

struct hist_test {
	struct emul_budget budget;
	struct emul_store store;
	struct emul_domain domain;
	struct emul_chains chains;
	u8 block_shift;
	unsigned int nr_blocks;
	u64 now;
	u64 nr_executed;
	unsigned int nr;
	struct cmd cmd[MAX_CMDS];
	u8 *buf;
	u64 *want;
	u64 *got;
	struct asked prefix[MAX_ASKED];
	struct asked seen[MAX_ASKED];
	u64 checked;
	u64 states;
};

#define MAX_STATES	4096
#define BUF_BYTES	(2 * PAGE_SIZE)

static int hist_test_init(struct kunit *test)
{
	struct hist_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->buf = kunit_kmalloc(test, BUF_BYTES, GFP_KERNEL);
	t->want = kunit_kmalloc_array(test, MAX_STATES, sizeof(u64), GFP_KERNEL);
	t->got = kunit_kmalloc_array(test, MAX_STATES, sizeof(u64), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, t->buf && t->want && t->got);
	emul_budget_init(&t->budget, SZ_16M);
	KUNIT_ASSERT_EQ(test, emul_store_init(&t->store, SZ_1M, &t->budget), 0);
	emul_domain_init(&t->domain, SZ_16M);
	KUNIT_ASSERT_EQ(test, emul_chains_init(&t->chains, &t->store, &t->domain, 0), 0);
	t->block_shift = 9;
	t->nr_blocks = 2;
	test->priv = t;
	return 0;
}

static void hist_forget(struct hist_test *t)
{
	struct emul_record *r;

	list_for_each_entry(r, &t->domain.records, list)
		if (!emul_op_is_flush(r->op))
			emul_chain_drop(r);
	spin_lock_bh(&t->domain.lock);
	while ((r = list_first_entry_or_null(&t->domain.records, struct emul_record, list)))
		emul_domain_forget(&t->domain, r);
	spin_unlock_bh(&t->domain.lock);
}

static void hist_test_exit(struct kunit *test)
{
	struct hist_test *t = test->priv;

	hist_forget(t);
	emul_chains_exit(&t->chains);
	/* Nothing is left behind, and nothing was given back twice. */
	KUNIT_EXPECT_EQ(test, atomic64_read(&t->domain.budget.used), 0);
	emul_domain_exit(&t->domain);
	emul_store_exit(&t->store);
	KUNIT_EXPECT_EQ(test, atomic64_read(&t->budget.used), 0);
}

/* A new record, on a medium that is empty. */
static void hist_restart(struct hist_test *t)
{
	hist_forget(t);
	emul_store_unmap(&t->store, 0, (u64)MAX_BLOCKS << t->block_shift, false);
	t->domain.now = 0;
	t->domain.oldest = 0;
	t->now = 0;
	t->nr_executed = 0;
	t->nr = 0;
}

static void fetch(struct kunit *test, struct cmd *c)
{
	struct hist_test *t = test->priv;
	struct emul_record what = {
		.op = c->flush ? ASBLK_OP_FLUSH : ASBLK_OP_WRITE, .chains = &t->chains,
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
static void execute(struct kunit *test, struct cmd *c)
{
	struct hist_test *t = test->priv;
	u64 len = (u64)c->nr << t->block_shift, done = 0, pos = (u64)c->first << t->block_shift;

	c->executed = ++t->nr_executed;
	memset(t->buf, c - t->cmd + 1, min(len, BUF_BYTES));
	while (done < len) {
		u64 step = min(len - done, BUF_BYTES);

		KUNIT_ASSERT_EQ(test, emul_chain_write(&t->chains, c->record, pos + done, t->buf,
						       step, GFP_KERNEL, &done), 0);
	}
}

static void complete_cmd(struct kunit *test, struct cmd *c)
{
	struct hist_test *t = test->priv;

	spin_lock_bh(&t->domain.lock);
	emul_domain_complete(&t->domain, c->record, false);
	spin_unlock_bh(&t->domain.lock);
	c->completed = ++t->now;
	KUNIT_ASSERT_EQ(test, c->record->completed, c->completed);
}

/* The model. */
static bool model_durable(const struct hist_test *t, const struct cmd *w, u64 at)
{
	const struct cmd *f;

	if (w->fua && w->completed && w->completed <= at)
		return true;
	for (f = t->cmd; f < t->cmd + t->nr; f++)
		if (f->flush && w->completed && f->fetched >= w->completed && f->completed &&
		    f->completed <= at)
			return true;
	return false;
}

struct piece {
	u64 executed;
	u8 blocks;	/* a bitmap */
	u8 content;
	bool durable;
};

static int piece_cmp(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	return x->executed < y->executed ? -1 : x->executed > y->executed;
}

static int state_cmp(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static unsigned int unique(u64 *states, unsigned int nr)
{
	unsigned int i, out = 0;

	sort(states, nr, sizeof(*states), state_cmp, NULL);
	for (i = 0; i < nr; i++)
		if (!i || states[i] != states[i - 1])
			states[out++] = states[i];
	return out;
}

static unsigned int model_pieces(const struct hist_test *t, u64 at, struct piece *piece)
{
	const struct cmd *w;
	unsigned int nr = 0, i;

	for (w = t->cmd; w < t->cmd + t->nr; w++) {
		if (w->flush || !w->fetched || w->fetched > at)
			continue;
		for (i = 0; i < (w->whole ? 1 : w->nr); i++)
			piece[nr++] = (struct piece) {
				.executed = w->executed, .content = w - t->cmd + 1,
				.blocks = w->whole ? GENMASK(w->first + w->nr - 1, w->first) :
						     BIT(w->first + i),
				.durable = model_durable(t, w, at),
			};
	}
	sort(piece, nr, sizeof(*piece), piece_cmp, NULL);
	return nr;
}

/* A state has 4 bits for each block: the write that it holds, or 0. Return: the number. */
static unsigned int model_states(const struct hist_test *t, u64 at, u64 *states)
{
	struct piece piece[MAX_PIECES];
	unsigned int nr = model_pieces(t, at, piece), undecided = 0, i, b, out = 0;
	u32 choice;

	for (i = 0; i < nr; i++)
		undecided += !piece[i].durable;
	for (choice = 0; choice < 1U << undecided; choice++) {
		u32 left = choice;
		u64 state = 0;

		for (i = 0; i < nr; i++) {
			bool survives = piece[i].durable;

			if (!survives) {
				survives = left & 1;
				left >>= 1;
			}
			for (b = 0; survives && b < t->nr_blocks; b++)
				if (piece[i].blocks & BIT(b))
					state = (state & ~(15ULL << 4 * b)) |
						(u64)piece[i].content << 4 * b;
		}
		states[out++] = state;
		if (out == MAX_STATES)
			out = unique(states, out);
	}
	return unique(states, out);
}

/* What a view shows. */
static u64 view_state(struct kunit *test, struct emul_view *v)
{
	struct hist_test *t = test->priv;
	u32 bytes = 1U << t->block_shift;
	u64 state = 0;
	unsigned int b;

	for (b = 0; b < t->nr_blocks; b++) {
		KUNIT_ASSERT_EQ(test, emul_view_read(v, &t->chains, (u64)b << t->block_shift,
						     t->buf, bytes, t->block_shift), 0);
		KUNIT_ASSERT_NULL(test, memchr_inv(t->buf, *t->buf, bytes));
		state |= (u64)*t->buf << 4 * b;
	}
	return state;
}

static unsigned int view_asked(struct emul_view *v, struct asked *asked)
{
	struct emul_decision *d;
	unsigned int nr = 0;

	list_for_each_entry(d, &v->asked, asked)
		asked[nr++] = (struct asked) { d->fetched, d->block, d->survives };
	return nr;
}

/* Walk the tree of decisions. Return: the number of states that were seen. */
static unsigned int view_states(struct kunit *test, struct emul_view *v, u64 *states)
{
	struct hist_test *t = test->priv;
	struct asked *prefix = t->prefix, *seen = t->seen;
	unsigned int nr = 0, nr_seen, out = 0, i;

	for (;;) {
		emul_view_forget(v);
		for (i = 0; i < nr; i++)
			KUNIT_ASSERT_EQ(test, emul_view_give(v, prefix[i].fetched, prefix[i].block,
							     prefix[i].survives), 0);
		KUNIT_ASSERT_LT(test, out, MAX_STATES);
		states[out++] = view_state(test, v);
		KUNIT_ASSERT_LT(test, v->nr_asked, MAX_ASKED);
		nr_seen = view_asked(v, seen);
		/* Under the same prefix the same is asked. */
		KUNIT_ASSERT_GE(test, nr_seen, nr);
		for (i = 0; i < nr; i++)
			KUNIT_ASSERT_TRUE(test, seen[i].fetched == prefix[i].fetched &&
					  seen[i].block == prefix[i].block &&
					  seen[i].survives == prefix[i].survives);
		for (nr = nr_seen; nr && !seen[nr - 1].survives; nr--)
			;
		if (!nr)
			return unique(states, out);
		memcpy(prefix, seen, nr * sizeof(*seen));
		prefix[nr - 1].survives = false;
	}
}

/* The states that views of @at show are those of the model, none missing, none more. */
static void check_at(struct kunit *test, u64 at)
{
	struct hist_test *t = test->priv;
	unsigned int nr_want = model_states(t, at, t->want), nr_got;
	struct emul_view v;

	KUNIT_ASSERT_EQ(test, emul_view_open(&v, &t->domain, at), 0);
	nr_got = view_states(test, &v, t->got);
	emul_view_close(&v);
	t->checked++;
	t->states += nr_got;
	KUNIT_ASSERT_EQ_MSG(test, nr_got, nr_want, "states at %llu", at);
	KUNIT_ASSERT_MEMEQ(test, t->got, t->want, nr_want * sizeof(*t->want));
}

/* The kinds of a write to two blocks. */
static void set_kind(struct cmd *c, unsigned int kind)
{
	c->flush = false;
	c->whole = kind == 3;
	c->first = kind == 1;
	c->nr = kind < 2 ? 1 : 2;
}

/*
 * What the states of an instant depend on, for up to four writes to two blocks: of each its
 * kind, and whether it is durable, undecided or to come, in the order of their execution. All
 * of it; and hist_all_orders() shows that the instants say which are durable.
 */
static void hist_all_states(struct kunit *test)
{
	struct hist_test *t = test->priv;
	unsigned int nr, n, i, code, all;

	for (nr = 0, all = 1; nr <= 4; nr++, all *= 12) {
		for (n = 0; n < all; n += nr < 3 ? 1 : STRIDE) {
			u64 at;

			hist_restart(t);
			for (code = n, i = 0; i < nr; i++, code /= 12) {
				t->cmd[i] = (struct cmd) { .fua = code % 12 / 4 == 1 };
				set_kind(&t->cmd[i], code % 4);
			}
			t->nr = nr;
			for (code = n, i = 0; i < nr; i++, code /= 12)
				if (code % 12 / 4 < 2)
					fetch(test, &t->cmd[i]);
			/*
			 * They are executed in this order. The instant before the first that
			 * is to come is the one in question; the others are looked at, too.
			 */
			for (code = n, i = 0; i < nr; i++, code /= 12) {
				if (code % 12 / 4 == 2)
					fetch(test, &t->cmd[i]);
				execute(test, &t->cmd[i]);
				if (code % 12 / 4 == 1)
					complete_cmd(test, &t->cmd[i]);
			}
			for (at = 0; at <= t->now; at++)
				check_at(test, at);
			for (i = 0; i < nr; i++)
				if (!t->cmd[i].completed)
					complete_cmd(test, &t->cmd[i]);
			check_at(test, t->now);
		}
	}
	kunit_info(test, "%llu instants, %llu states\n", t->checked, t->states);
}

/*
 * Every order in which commands can be fetched and complete; one is fetched after the other.
 * A step is the number of the command that completes, or %FETCH for the next that is fetched.
 */
#define FETCH		0xff

struct walk {
	unsigned int nr;	/* commands */
	u8 step[2 * MAX_CMDS];
	unsigned int nr_steps;
	u16 in_flight;
	unsigned int nr_fetched;
	unsigned int nr_orders;
	void (*order)(struct kunit *test, const struct walk *w);
};

static void walk_orders(struct kunit *test, struct walk *w)
{
	unsigned int i;

	if (w->nr_steps == 2 * w->nr) {
		w->nr_orders++;
		w->order(test, w);
		return;
	}
	if (w->nr_fetched < w->nr) {
		w->step[w->nr_steps++] = FETCH;
		w->in_flight |= BIT(w->nr_fetched++);
		walk_orders(test, w);
		w->in_flight &= ~BIT(--w->nr_fetched);
		w->nr_steps--;
	}
	for (i = 0; i < w->nr; i++) {
		if (!(w->in_flight & BIT(i)))
			continue;
		w->step[w->nr_steps++] = i;
		w->in_flight &= ~BIT(i);
		walk_orders(test, w);
		w->in_flight |= BIT(i);
		w->nr_steps--;
	}
}

/* Run the order; @late: commands that are executed just before they complete, not at once. */
static void run_order(struct kunit *test, const struct walk *w, bool data, u16 late)
{
	struct hist_test *t = test->priv;
	unsigned int i, nr_fetched = 0;
	struct cmd *c;

	hist_forget(t);
	if (data)
		hist_restart(t);
	t->nr = w->nr;
	t->now = 0;
	t->domain.now = 0;
	for (i = 0; i < t->nr; i++) {
		t->cmd[i].fetched = 0;
		t->cmd[i].completed = 0;
	}
	for (i = 0; i < w->nr_steps; i++) {
		bool is_fetch = w->step[i] == FETCH;

		c = &t->cmd[is_fetch ? nr_fetched++ : w->step[i]];
		if (is_fetch)
			fetch(test, c);
		if (data && !c->flush && is_fetch == !(late & BIT(c - t->cmd)))
			execute(test, c);
		if (!is_fetch)
			complete_cmd(test, c);
	}
}

/* Which writes are durable, and when. */
static void check_durable(struct kunit *test, const struct walk *w)
{
	struct hist_test *t = test->priv;
	unsigned int i, stride = STRIDE, fua;
	u64 at, horizon;

	if (w->nr_orders % stride)
		return;
	/* FUA is of each write for itself. */
	for (fua = 0; fua < 2; fua++) {
		for (i = 0; i < w->nr; i++)
			t->cmd[i].fua = fua && !t->cmd[i].flush;
		run_order(test, w, false, 0);
		for (at = 0; at <= t->now; at++) {
			spin_lock_bh(&t->domain.lock);
			horizon = emul_domain_horizon(&t->domain, at);
			spin_unlock_bh(&t->domain.lock);
			for (i = 0; i < w->nr; i++)
				if (!t->cmd[i].flush)
					KUNIT_ASSERT_EQ(test, model_durable(t, &t->cmd[i], at),
							emul_record_is_durable(t->cmd[i].record,
									       at, horizon));
		}
		t->checked += at;
	}
}

/* Four writes and two flushes, in every order. */
static void hist_all_orders(struct kunit *test)
{
	struct hist_test *t = test->priv;
	struct walk w = { .nr = 6, .order = check_durable };
	unsigned int i, flushes;

	for (flushes = 0; flushes < BIT(6); flushes++) {
		if (hweight8(flushes) != 2)
			continue;
		for (i = 0; i < 6; i++)
			t->cmd[i] = (struct cmd) { .flush = flushes & BIT(i), .nr = 1 };
		walk_orders(test, &w);
		cond_resched();
	}
	KUNIT_EXPECT_EQ(test, w.nr_orders, 15 * 10395);
	kunit_info(test, "%u orders, %llu instants\n", w.nr_orders, t->checked);
}

static void check_states(struct kunit *test, const struct walk *w)
{
	struct hist_test *t = test->priv;
	unsigned int late, stride = STRIDE;
	u64 at;

	if (w->nr_orders % stride)
		return;
	for (late = 0; late < BIT(w->nr); late++) {
		unsigned int i;

		/* A flush is not executed. */
		for (i = 0; i < w->nr && !(t->cmd[i].flush && late & BIT(i)); i++)
			;
		if (i < w->nr)
			continue;
		run_order(test, w, true, late);
		for (at = 0; at <= t->now; at++)
			check_at(test, at);
	}
}

/* Two writes of any kind and one flush or two, in every order, looked at at every instant. */
static void hist_all_records(struct kunit *test)
{
	struct hist_test *t = test->priv;
	struct walk w = { .order = check_states };
	unsigned int i, flushes, kinds, code;

	for (w.nr = 3; w.nr <= 4; w.nr++) {
		for (flushes = 0; flushes < BIT(w.nr); flushes++) {
			if (hweight8(flushes) != w.nr - 2)
				continue;
			for (kinds = 0; kinds < 64; kinds++) {
				for (code = kinds, i = 0; i < w.nr; i++) {
					t->cmd[i] = (struct cmd) { .flush = true };
					if (flushes & BIT(i))
						continue;
					set_kind(&t->cmd[i], code % 4);
					t->cmd[i].fua = code % 8 / 4;
					code /= 8;
				}
				walk_orders(test, &w);
				cond_resched();
			}
		}
	}
	kunit_info(test, "%u orders, %llu instants, %llu states\n", w.nr_orders, t->checked,
		   t->states);
}

static void retire(struct hist_test *t)
{
	guard(mutex)(&t->domain.change_lock);
	emul_domain_retire_to(&t->domain, 0);
}

/*
 * A random record: up to ten commands, three flushes and six blocks. @retires: now and then
 * all that can retire does.
 */
static void random_record(struct kunit *test, struct rnd_state *rnd, bool retires)
{
	struct hist_test *t = test->priv;
	unsigned int fetched = 0, flushes = 0, pieces = 0, i, left;
	struct cmd *c;

	hist_restart(t);
	t->nr_blocks = 2 + prandom_u32_state(rnd) % (MAX_BLOCKS - 1);
	t->nr = 3 + prandom_u32_state(rnd) % (MAX_CMDS - 4);
	for (i = 0; i < t->nr; i++) {
		u32 r = prandom_u32_state(rnd);

		c = &t->cmd[i];
		*c = (struct cmd) {
			.flush = flushes < 3 && r % 4 == 0, .fua = r >> 4 & 1 && r >> 5 & 1,
			.whole = r >> 6 & 1, .first = (r >> 8) % t->nr_blocks,
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
			retire(t);
		for (i = 0; i < fetched; i++)
			in_flight += !t->cmd[i].completed;
		if (fetched < t->nr && (!in_flight || r % 2)) {
			c = &t->cmd[fetched++];
			fetch(test, c);
			if (!c->flush && r & 4)
				execute(test, c);
			continue;
		}
		pick = (r >> 3) % in_flight;
		for (i = 0; t->cmd[i].completed || pick--; i++)
			;
		c = &t->cmd[i];
		if (!c->flush && !c->executed)
			execute(test, c);
		complete_cmd(test, c);
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

	for (i = 0; i < NR_RANDOM; i += STRIDE) {
		prandom_seed_state(&rnd, i);
		t->block_shift = max(shifts[i % ARRAY_SIZE(shifts)], EMUL_GRAIN_SHIFT);
		random_record(test, &rnd, false);
		at = prandom_u32_state(&rnd) % (t->now + 1);
		check_at(test, at);
		check_at(test, t->now - prandom_u32_state(&rnd) % min(t->now + 1, 4));
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

	for (i = 0; i < 20000; i += STRIDE) {
		prandom_seed_state(&rnd, i);
		random_record(test, &rnd, true);
		at = t->domain.oldest + prandom_u32_state(&rnd) % (t->now - t->domain.oldest + 1);
		nr = model_states(t, at, t->want);
		KUNIT_ASSERT_EQ(test, emul_view_open(&v, &t->domain, at), 0);
		retire(t);
		KUNIT_ASSERT_LE(test, t->domain.oldest, at);
		KUNIT_ASSERT_EQ(test, view_states(test, &v, t->got), nr);
		KUNIT_ASSERT_MEMEQ(test, t->got, t->want, nr * sizeof(*t->want));
		emul_view_close(&v);
		for (at = t->domain.oldest; at <= t->now; at++)
			check_at(test, at);
		retire(t);
		KUNIT_ASSERT_EQ(test, t->domain.oldest, t->now);
		check_at(test, t->now);
		KUNIT_ASSERT_EQ(test, emul_view_open(&none, &t->domain, t->now - 1), -ERANGE);
		KUNIT_ASSERT_EQ(test, emul_view_open(&none, &t->domain, t->now + 1), -ERANGE);
		retired += list_count_nodes(&t->domain.records) < t->nr;
		if (!(i % 1024))
			cond_resched();
	}
	KUNIT_EXPECT_GT(test, retired, i / STRIDE / 2);
	kunit_info(test, "%llu instants, %llu states\n", t->checked, t->states);
}

#define CACHE_BLOCKS	8

/* A command of a recorded disk, from beginning to end. Return: its domain. */
static struct emul_domain *do_command(struct kunit *test, struct emul_recorder *rec, u8 op, u64 lba,
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
		o.destage_any = round;
		emul_recorder_init(&rec, &t->store);
		KUNIT_ASSERT_EQ(test, emul_recorder_begin(&rec, &o), 0);
		for (i = 0; i < 1000; i++) {
			u32 nr = 1 + prandom_u32_state(&rnd) % 3, dirty = 0;
			bool flush = !(prandom_u32_state(&rnd) % 16);

			d = do_command(test, &rec, flush ? ASBLK_OP_FLUSH : ASBLK_OP_WRITE,
				       prandom_u32_state(&rnd) % 64, flush ? 0 : nr);
			unflushed = flush ? 0 : unflushed + nr;
			most = min(unflushed, CACHE_BLOCKS);
			spin_lock_bh(&d->lock);
			list_for_each_entry(r, &d->records, list)
				if (!emul_op_is_flush(r->op) && !emul_record_is_safe(d, r))
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

	emul_recorder_init(&rec, &t->store);
	KUNIT_ASSERT_EQ(test, emul_recorder_begin(&rec, &o), 0);
	base = emul_recorder_open(&rec, 0);
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
	do_command(test, &rec, ASBLK_OP_WRITE, 0, 1);
	emul_base_close(base);
	emul_recorder_exit(&rec);
}

static struct kunit_case hist_cases[] = {
	KUNIT_CASE(hist_cache),
	KUNIT_CASE(hist_ends),
	KUNIT_CASE_SLOW(hist_retire),
	KUNIT_CASE(hist_all_states),
	KUNIT_CASE(hist_all_orders),
	KUNIT_CASE_SLOW(hist_all_records),
	KUNIT_CASE_SLOW(hist_random),
	{}
};

static struct kunit_suite hist_suite = {
	.name = "asblk_hist",
	.init = hist_test_init,
	.exit = hist_test_exit,
	.test_cases = hist_cases,
};
kunit_test_suite(hist_suite);
