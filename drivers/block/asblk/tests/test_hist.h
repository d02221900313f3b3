/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of the history share: commands that are fetched, executed and complete when the
 * test says so, and a model of what views may show then.
 */
#ifndef _ASBLK_TEST_HIST_H
#define _ASBLK_TEST_HIST_H

#include <kunit/test.h>

#include "emul/hist_base.h"

#define HIST_MAX_CMDS	12
#define HIST_MAX_BLOCKS	6
#define HIST_MAX_ASKED	64
#define HIST_MAX_STATES	4096
#define HIST_BUF_BYTES	(2 * PAGE_SIZE)

/* What a block that cannot be read has as the number of its write. */
#define HIST_BAD	15

/* Checkers make everything tens of times slower: look at every so many cases only. */
#define HIST_STRIDE	(IS_ENABLED(CONFIG_KASAN) || IS_ENABLED(CONFIG_PROVE_LOCKING) ? 97 : 1)

/**
 * struct hist_cmd - a write of which every block is full of its number, from 1, or a flush
 * @flush: it is a flush
 * @fua: it is durable once it has completed
 * @whole: it survives as a whole or not at all
 * @spoil: it is no write, but makes its blocks unreadable
 * @first: first block
 * @nr: and how many
 * @fetched: instant, 0 for what has not happened
 * @executed: likewise, of an order of its own
 * @completed: likewise
 * @record: what is recorded of it
 */
struct hist_cmd {
	bool flush;
	bool fua;
	bool whole;
	bool spoil;
	u8 first;
	u8 nr;
	u64 fetched;
	u64 executed;
	u64 completed;
	struct emul_record *record;
};

/**
 * struct hist_asked - a decision that a view was asked for
 * @fetched: command
 * @block: piece of it
 * @survives: and what was answered
 */
struct hist_asked {
	u64 fetched;
	u64 block;
	bool survives;
};

/**
 * struct hist_test - what a test case has
 * @budget: of @store
 * @store: medium
 * @bad: what of it cannot be read
 * @domain: where its commands are recorded
 * @chains: what it held before
 * @block_shift: log2 of the bytes of a block
 * @nr_blocks: blocks to look at
 * @bad_before: a bitmap of those that could not be read before
 * @now: the last instant
 * @nr_executed: writes that were executed
 * @nr: commands in use
 * @cmd: commands
 * @buf: for data, %HIST_BUF_BYTES
 * @want: states of the model
 * @got: states of views
 * @prefix: decisions that a view is given
 * @seen: decisions that it was asked for
 * @checked: instants that were looked at
 * @states: and states that were seen
 */
struct hist_test {
	struct emul_budget budget;
	struct emul_store store;
	struct emul_bad_blocks bad;
	struct emul_domain domain;
	struct emul_chains chains;
	u8 block_shift;
	unsigned int nr_blocks;
	u8 bad_before;
	u64 now;
	u64 nr_executed;
	unsigned int nr;
	struct hist_cmd cmd[HIST_MAX_CMDS];
	u8 *buf;
	u64 *want;
	u64 *got;
	struct hist_asked prefix[HIST_MAX_ASKED];
	struct hist_asked seen[HIST_MAX_ASKED];
	u64 checked;
	u64 states;
};

/* test_hist.c */
int hist_test_init(struct kunit *test);
void hist_test_exit(struct kunit *test);
void hist_forget(struct hist_test *t);
void hist_restart(struct hist_test *t);
void hist_spoil_before(struct kunit *test, u8 blocks);
void hist_fetch(struct kunit *test, struct hist_cmd *c);
void hist_execute(struct kunit *test, struct hist_cmd *c);
void hist_complete_as(struct kunit *test, struct hist_cmd *c, bool failed);
void hist_complete(struct kunit *test, struct hist_cmd *c);
void hist_retire_all(struct hist_test *t);
struct emul_domain *hist_do_command(struct kunit *test, struct emul_recorder *rec, u8 op, u64 lba,
				    u64 nr);

/* test_hist_model.c */
bool hist_model_durable(const struct hist_test *t, const struct hist_cmd *w, u64 at);
unsigned int hist_model_states(const struct hist_test *t, u64 at, u64 *states);
unsigned int hist_view_states(struct kunit *test, struct emul_view *v, u64 *states);
void hist_check_at(struct kunit *test, u64 at);

#endif /* _ASBLK_TEST_HIST_H */
