/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Completions that are kept back, so that many commands are in flight, and posted in an order
 * that is hostile to software which forgets to wait: the newer ones first. Nothing is kept back
 * for ever: there can be so many, for so long, and none once everybody seems to wait. Time and
 * randomness are arguments, as in wait.h.
 */
#ifndef _ASBLK_EMUL_HOLD_H
#define _ASBLK_EMUL_HOLD_H

#include <linux/timerqueue.h>

#include "command.h"

/* Everybody waits if no command has come for such a part of the longest time. */
#define EMUL_HOLD_QUIET		16

/**
 * struct emul_hold - completions of a queue that are kept back; under &emul_queue.run_lock
 * @held: &emul_cmd_state.wait, by the latest time to post it
 * @nr: their number
 * @quiet: after so many nanoseconds without a command everybody seems to wait
 * @quiet_at: when that is
 * @batch: so many are posted then; twice as many the next time
 * @left: of these
 */
struct emul_hold {
	struct timerqueue_head held;
	unsigned int nr;
	u64 quiet;
	u64 quiet_at;
	unsigned int batch;
	unsigned int left;
};

void emul_hold_init(struct emul_hold *h);
void emul_hold_add(struct emul_hold *h, struct emul_cmd_state *s, u64 now, u32 usecs);
struct emul_cmd_state *emul_hold_next(struct emul_hold *h, unsigned int depth, u64 now,
				      u32 random);
u64 emul_hold_due(struct emul_hold *h);
struct emul_cmd_state *emul_hold_first(struct emul_hold *h);
struct emul_cmd_state *emul_hold_find(struct emul_hold *h, u16 id);
void emul_hold_remove(struct emul_hold *h, struct emul_cmd_state *s);

#endif /* _ASBLK_EMUL_HOLD_H */
