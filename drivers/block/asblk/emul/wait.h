/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Commands that wait, in the order of their deadlines, and how well these are kept. Time is
 * an argument: completion.c asks the clock and the model, arms the timer and posts.
 */
#ifndef _ASBLK_EMUL_WAIT_H
#define _ASBLK_EMUL_WAIT_H

#include <linux/timerqueue.h>

#include "command.h"

#define EMUL_NEVER		U64_MAX
#define EMUL_WAIT_BUCKETS	26	/* the last is 34 s and more */

/**
 * struct emul_wait - commands of a queue that wait; under &emul_queue.run_lock
 * @waiting: &emul_cmd_state.wait, by deadline
 * @asked: commands that were to wait, by the power of two of how long
 * @achieved: commands that have waited, likewise
 * @late: by how much later than asked they completed, likewise
 * @late_sum: sum of that, in nanoseconds
 * @late_nr: number of them
 */
struct emul_wait {
	struct timerqueue_head waiting;
	u64 asked[EMUL_WAIT_BUCKETS];
	u64 achieved[EMUL_WAIT_BUCKETS];
	u64 late[EMUL_WAIT_BUCKETS];
	u64 late_sum;
	u64 late_nr;
};

void emul_wait_init(struct emul_wait *w);
void emul_wait_add(struct emul_wait *w, struct emul_cmd_state *s, u64 deadline);
struct emul_cmd_state *emul_wait_first(struct emul_wait *w);
u64 emul_wait_due(struct emul_wait *w);
struct emul_cmd_state *emul_wait_next(struct emul_wait *w, u64 now);
struct emul_cmd_state *emul_wait_find(struct emul_wait *w, u16 id);
void emul_wait_remove(struct emul_wait *w, struct emul_cmd_state *s);
unsigned int emul_wait_count(struct emul_wait *w);

#endif /* _ASBLK_EMUL_WAIT_H */
