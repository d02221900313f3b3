/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Completions: posted now, later, twice or never. Everything here is under
 * &emul_queue.run_lock, where not said otherwise.
 */
#ifndef _ASBLK_EMUL_COMPLETION_H
#define _ASBLK_EMUL_COMPLETION_H

#include "counters.h"
#include "nvme_status.h"
#include "queue.h"

/*
 * Post a completion. There is always room: the ring has two entries for every command that
 * can be in flight.
 */
static inline void emul_post(struct emul_queue *eq, const struct emul_command *cmd,
			     const struct emul_completion *c)
{
	struct emul_rings *r = &eq->rings;

	r->cqe[r->cq.tail & r->cq.mask] = *c;
	/* First: the command's memory is the driver side's again from the next line on. */
	if (unlikely(c->status | c->flags))
		emul_count_error(eq, cmd, c);
	ring_produce(&r->cq, 1);
}

/*
 * Post the completion of a command that may have come as one of the NVMe command set, or may be
 * recorded.
 */
static inline void emul_post_state(struct emul_queue *eq, struct emul_cmd_state *s,
				   struct emul_completion c)
{
	if (unlikely(s->cmd.opts & EMUL_OPT_NVME))
		emul_nvme_answer(&s->cmd, &c);
	/* First: who sees the completion may send a flush that has to cover the command. */
	if (unlikely(s->record))
		emul_record_end(s->record, c.status);
	emul_post(eq, &s->cmd, &c);
}

void emul_completion_init(struct emul_queue *eq, u64 seed,
			  enum hrtimer_restart (*expired)(struct hrtimer *timer));
void emul_completion_exit(struct emul_queue *eq);
bool emul_complete(struct emul_queue *eq, struct emul_cmd_state *s);
bool emul_completion_due(const struct emul_queue *eq);
unsigned int emul_complete_due(struct emul_queue *eq);
bool emul_completion_interrupt(struct emul_queue *eq, unsigned int nr);
bool emul_completion_abort(struct emul_queue *eq, u16 id);
bool emul_reset_recovers(const struct emul_queue *eq, enum emul_recovered_by by);
void emul_completion_forget(struct emul_queue *eq);

#endif /* _ASBLK_EMUL_COMPLETION_H */
