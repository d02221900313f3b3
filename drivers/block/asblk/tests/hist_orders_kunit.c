// SPDX-License-Identifier: GPL-2.0-only
/* Tests of emul/hist_*.c: views of small histories, in every order of their commands. */
#include <linux/bitops.h>
#include <linux/sched.h>

#include "compat.h"
#include "test_hist.h"

/* The kinds of a write to two blocks. */
static void set_kind(struct hist_cmd *c, unsigned int kind)
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
		for (n = 0; n < all; n += nr < 3 ? 1 : HIST_STRIDE) {
			u64 at;

			hist_restart(t);
			for (code = n, i = 0; i < nr; i++, code /= 12) {
				t->cmd[i] = (struct hist_cmd) { .fua = code % 12 / 4 == 1 };
				set_kind(&t->cmd[i], code % 4);
			}
			t->nr = nr;
			for (code = n, i = 0; i < nr; i++, code /= 12)
				if (code % 12 / 4 < 2)
					hist_fetch(test, &t->cmd[i]);
			/*
			 * They are executed in this order. The instant before the first that
			 * is to come is the one in question; the others are looked at, too.
			 */
			for (code = n, i = 0; i < nr; i++, code /= 12) {
				if (code % 12 / 4 == 2)
					hist_fetch(test, &t->cmd[i]);
				hist_execute(test, &t->cmd[i]);
				if (code % 12 / 4 == 1)
					hist_complete(test, &t->cmd[i]);
			}
			for (at = 0; at <= t->now; at++)
				hist_check_at(test, at);
			for (i = 0; i < nr; i++)
				if (!t->cmd[i].completed)
					hist_complete(test, &t->cmd[i]);
			hist_check_at(test, t->now);
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
	u8 step[2 * HIST_MAX_CMDS];
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
	struct hist_cmd *c;

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
			hist_fetch(test, c);
		if (data && !c->flush && is_fetch == !(late & BIT(c - t->cmd)))
			hist_execute(test, c);
		if (!is_fetch)
			hist_complete(test, c);
	}
}

/* Which writes are durable, and when. */
static void check_durable(struct kunit *test, const struct walk *w)
{
	struct hist_test *t = test->priv;
	unsigned int i, stride = HIST_STRIDE, fua;
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
			horizon = emul_flushes_horizon(&t->chains.flushes, at);
			spin_unlock_bh(&t->domain.lock);
			for (i = 0; i < w->nr; i++)
				if (!t->cmd[i].flush)
					KUNIT_ASSERT_EQ(test, hist_model_durable(t, &t->cmd[i], at),
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
			t->cmd[i] = (struct hist_cmd) { .flush = flushes & BIT(i), .nr = 1 };
		walk_orders(test, &w);
		cond_resched();
	}
	KUNIT_EXPECT_EQ(test, w.nr_orders, 15 * 10395);
	kunit_info(test, "%u orders, %llu instants\n", w.nr_orders, t->checked);
}

static void check_states(struct kunit *test, const struct walk *w)
{
	struct hist_test *t = test->priv;
	unsigned int late, stride = HIST_STRIDE;
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
			hist_check_at(test, at);
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
					t->cmd[i] = (struct hist_cmd) { .flush = true };
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

static struct kunit_case hist_orders_cases[] = {
	KUNIT_CASE(hist_all_states),
	KUNIT_CASE(hist_all_orders),
	KUNIT_CASE_SLOW(hist_all_records),
	{}
};

static struct kunit_suite hist_orders_suite = {
	.name = "asblk_hist_orders",
	.init = hist_test_init,
	.exit = hist_test_exit,
	.test_cases = hist_orders_cases,
};
kunit_test_suite(hist_orders_suite);
