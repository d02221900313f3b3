// SPDX-License-Identifier: GPL-2.0-only
/*
 * The states that a view can show are exactly those that a model of a power cut allows. The
 * model knows nothing of chains, horizons or decisions:
 *
 * Every write has a fetched, an executed and a completed instant, a flush has a fetched and a
 * completed one. A write falls into pieces, its blocks or the whole. A piece is durable from
 * the completion of a flush that was fetched after the completion of its write; with FUA from
 * its own write's completion. What makes blocks unreadable is a write, too. After a cut at T
 * pieces fetched after T do not exist, durable ones survive, and any others may. A block holds
 * the surviving piece that was executed last.
 */
#include <linux/bitops.h>
#include <linux/sort.h>

#include "test_hist.h"

#define MAX_PIECES	20

bool hist_model_durable(const struct hist_test *t, const struct hist_cmd *w, u64 at)
{
	const struct hist_cmd *f;

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
	const struct hist_cmd *w;
	unsigned int nr = 0, i;

	for (w = t->cmd; w < t->cmd + t->nr; w++) {
		if (w->flush || !w->fetched || w->fetched > at)
			continue;
		for (i = 0; i < (w->whole ? 1 : w->nr); i++)
			piece[nr++] = (struct piece) {
				.executed = w->executed,
				.content = w->spoil ? HIST_BAD : w - t->cmd + 1,
				.blocks = w->whole ? GENMASK(w->first + w->nr - 1, w->first) :
						     BIT(w->first + i),
				.durable = hist_model_durable(t, w, at),
			};
	}
	sort(piece, nr, sizeof(*piece), piece_cmp, NULL);
	return nr;
}

/* A state has 4 bits for each block: the write that it holds, or 0. Return: the number. */
unsigned int hist_model_states(const struct hist_test *t, u64 at, u64 *states)
{
	struct piece piece[MAX_PIECES];
	unsigned int nr = model_pieces(t, at, piece), undecided = 0, i, b, out = 0;
	u32 choice;

	for (i = 0; i < nr; i++)
		undecided += !piece[i].durable;
	for (choice = 0; choice < 1U << undecided; choice++) {
		u32 left = choice;
		u64 state = 0;

		for (b = 0; b < t->nr_blocks; b++)
			if (t->bad_before & BIT(b))
				state |= (u64)HIST_BAD << 4 * b;
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
		if (out == HIST_MAX_STATES)
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
		int err = emul_view_read(v, &t->chains, (u64)b << t->block_shift, t->buf, bytes,
					 t->block_shift);

		if (err == -EIO) {
			state |= (u64)HIST_BAD << 4 * b;
			continue;
		}
		KUNIT_ASSERT_EQ(test, err, 0);
		KUNIT_ASSERT_NULL(test, memchr_inv(t->buf, *t->buf, bytes));
		state |= (u64)*t->buf << 4 * b;
	}
	return state;
}

static unsigned int view_asked(struct emul_view *v, struct hist_asked *asked)
{
	struct emul_decision *d;
	unsigned int nr = 0;

	list_for_each_entry(d, &v->decisions.asked, asked)
		asked[nr++] = (struct hist_asked) {
			d->fetched, d->block, d->outcome == EMUL_SURVIVES
		};
	return nr;
}

/* Walk the tree of decisions. Return: the number of states that were seen. */
unsigned int hist_view_states(struct kunit *test, struct emul_view *v, u64 *states)
{
	struct hist_test *t = test->priv;
	struct hist_asked *prefix = t->prefix, *seen = t->seen;
	unsigned int nr = 0, nr_seen, out = 0, i;

	for (;;) {
		emul_view_forget(v);
		for (i = 0; i < nr; i++)
			KUNIT_ASSERT_EQ(test, emul_view_give(v, prefix[i].fetched, prefix[i].block,
							     prefix[i].survives), 0);
		KUNIT_ASSERT_LT(test, out, HIST_MAX_STATES);
		states[out++] = view_state(test, v);
		KUNIT_ASSERT_LT(test, v->decisions.nr_asked, HIST_MAX_ASKED);
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
void hist_check_at(struct kunit *test, u64 at)
{
	struct hist_test *t = test->priv;
	unsigned int nr_want = hist_model_states(t, at, t->want), nr_got;
	struct emul_view v;

	KUNIT_ASSERT_EQ(test, emul_view_open(&v, &t->chains, at), 0);
	nr_got = hist_view_states(test, &v, t->got);
	emul_view_close(&v);
	t->checked++;
	t->states += nr_got;
	KUNIT_ASSERT_EQ_MSG(test, nr_got, nr_want, "states at %llu", at);
	KUNIT_ASSERT_MEMEQ(test, t->got, t->want, nr_want * sizeof(*t->want));
}
