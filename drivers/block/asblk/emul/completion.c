// SPDX-License-Identifier: GPL-2.0-only
#include <linux/ktime.h>
#include <linux/lockdep.h>

#include "../compat.h"
#include "completion.h"
#include "options.h"

/* An unsolicited completion. It must not take the room of one that the driver waits for. */
static void completion_post_extra(struct emul_queue *eq, u16 id)
{
	if (ring_room(&eq->rings.cq) > eq->rings.nr_commands)
		emul_post(eq, NULL, &(struct emul_completion) { .id = id });
}

/* The command has no completion: note the least that recovers it. */
static void completion_lose(struct emul_queue *eq, struct emul_cmd_state *s)
{
	eq->recovered_by = max_t(enum emul_recovered_by, eq->recovered_by, s->recovered_by);
	if (s->faults & EMUL_FAULT_HANG)
		eq->hang = true;
	if (s->faults & EMUL_FAULT_FATAL)
		WRITE_ONCE(eq->ed->fatal, true);
	list_add_tail(&s->lost, &eq->lost);
}

/* Let the timer fire at the first deadline, or when the interrupt has waited long enough. */
static void completion_arm(struct emul_queue *eq)
{
	u64 due = min3(emul_wait_due(&eq->wait), emul_hold_due(&eq->hold), eq->coalesce.raise_at);

	if (due == eq->due)
		return;
	WRITE_ONCE(eq->due, due);
	if (due != EMUL_NEVER)
		hrtimer_start(&eq->timer, ns_to_ktime(due), HRTIMER_MODE_ABS_SOFT);
}

static u64 completion_deadline(struct emul_queue *eq, struct emul_cmd_state *s)
{
	const struct emul_medium *medium = eq->ed->medium;
	const struct emul_command *cmd = &s->cmd;
	u64 deadline = s->start, random;
	struct emul_model *m;

	rcu_read_lock();
	m = rcu_dereference(eq->ed->model);
	if (m) {
		random = prandom_u32_state(&eq->random);
		random |= (u64)prandom_u32_state(&eq->random) << 32;
		deadline = emul_model_deadline(m, cmd->op, cmd->lba, cmd->nr_blocks,
					       cmd->nr_blocks << READ_ONCE(medium->block_shift),
					       READ_ONCE(medium->nr_blocks), s->start, random,
					       &s->cost);
	} else {
		s->cost = (struct emul_cost) {};
	}
	rcu_read_unlock();
	return deadline + (u64)s->extra_us * NSEC_PER_USEC;
}

/* A command that waits is given up: other commands get the time that it does not take. */
static void completion_cancel(struct emul_queue *eq, struct emul_cmd_state *s)
{
	u64 now = ktime_get_ns(), deadline = s->wait.expires;
	struct emul_model *m;

	emul_wait_remove(&eq->wait, s);
	rcu_read_lock();
	m = rcu_dereference(eq->ed->model);
	if (m && deadline > now)
		emul_model_refund(m, &s->cost, deadline - now);
	rcu_read_unlock();
}

static void completion_post(struct emul_queue *eq, struct emul_cmd_state *s)
{
	u8 faults = s->faults;
	u16 id = s->result.id;

	if (faults & EMUL_FAULT_NO_INTERRUPT)
		eq->coalesce.lose = true;
	if (faults & EMUL_FAULT_WRONG_ID) {
		/* Another generation of the same slot: no command in flight has it. */
		completion_post_extra(eq, id ^ 0x8000);
		completion_lose(eq, s);
		return;
	}
	/* The true one first: its status counts. Then @s is the driver side's again. */
	emul_post_state(eq, s, s->result);
	if (faults & EMUL_FAULT_TWICE)
		completion_post_extra(eq, id);
}

/* Keep a completion back, if the disk does so. Nobody finds out in which order reads complete. */
static bool completion_hold(struct emul_queue *eq, struct emul_cmd_state *s)
{
	const struct emul_options *o = eq->ed->options;

	if (likely(!READ_ONCE(o->hold_depth)) || s->cmd.op == ASBLK_OP_READ)
		return false;
	emul_hold_add(&eq->hold, s, ktime_get_ns(), READ_ONCE(o->hold_usecs));
	return true;
}

/* Post a completion that was kept back for long enough. Return: false if there is none. */
static bool completion_release(struct emul_queue *eq)
{
	struct emul_cmd_state *s;

	if (likely(!eq->hold.nr))
		return false;
	s = emul_hold_next(&eq->hold, READ_ONCE(eq->ed->options->hold_depth), ktime_get_ns(),
			   prandom_u32_state(&eq->random));
	if (s)
		completion_post(eq, s);
	return s;
}

/*
 * Complete a command that was executed, now or later. @s has its result, start, extra_us and
 * faults. Return: true if a completion was posted.
 */
bool emul_complete(struct emul_queue *eq, struct emul_cmd_state *s)
{
	u64 deadline;

	lockdep_assert_held(&eq->run_lock);
	if (unlikely(s->faults & EMUL_FAULT_BUSY))
		WRITE_ONCE(eq->rings.busy_until,
			   ktime_get_ns() + (u64)s->busy_us * NSEC_PER_USEC);
	if (unlikely(s->faults & EMUL_FAULT_LOST)) {
		completion_lose(eq, s);
		return false;
	}
	deadline = completion_deadline(eq, s);
	if (deadline > ktime_get_ns()) {
		emul_wait_add(&eq->wait, s, deadline);
		return false;
	}
	/* There may be one too many by now. */
	if (completion_hold(eq, s))
		return completion_release(eq);
	completion_post(eq, s);
	return true;
}

/* Is it time to do something? Without the lock: its next holder looks again. */
bool emul_completion_due(const struct emul_queue *eq)
{
	u64 due = READ_ONCE(eq->due);

	return due != EMUL_NEVER && due <= ktime_get_ns();
}

/* Post the completions that are due. Return: their number. */
unsigned int emul_complete_due(struct emul_queue *eq)
{
	struct emul_cmd_state *s;
	unsigned int nr = 0;
	u64 now = ktime_get_ns();

	lockdep_assert_held(&eq->run_lock);
	while ((s = emul_wait_next(&eq->wait, now))) {
		if (completion_hold(eq, s))
			continue;
		completion_post(eq, s);
		nr++;
	}
	while (completion_release(eq))
		nr++;
	return nr;
}

/*
 * End a pass that posted @nr completions, and set the timer for the next. Return: true if the
 * caller must raise the interrupt.
 */
bool emul_completion_interrupt(struct emul_queue *eq, unsigned int nr)
{
	const struct emul_options *o = eq->ed->options;
	bool raise;

	lockdep_assert_held(&eq->run_lock);
	raise = emul_coalesce_add(&eq->coalesce, nr, READ_ONCE(o->coalesce_count),
				  READ_ONCE(o->coalesce_usecs), ktime_get_ns());
	completion_arm(eq);
	return raise && !eq->polled;
}

/* A command that the device forgets has ended for whoever looks at what is recorded. */
static void completion_end_record(struct emul_cmd_state *s)
{
	if (s->record)
		emul_record_end(s->record, true);
}

/* Take the command off the list of lost ones, if an abort finds it there. */
static struct emul_cmd_state *completion_find(struct emul_queue *eq, u16 id)
{
	struct emul_cmd_state *s;

	list_for_each_entry(s, &eq->lost, lost) {
		if (s->result.id != id || s->recovered_by != EMUL_RECOVERED_BY_ABORT)
			continue;
		list_del(&s->lost);
		return s;
	}
	return NULL;
}

/* Take the command back, if its completion waits or is kept back. */
static struct emul_cmd_state *completion_give_up(struct emul_queue *eq, u16 id)
{
	struct emul_cmd_state *s = emul_wait_find(&eq->wait, id);

	if (s) {
		completion_cancel(eq, s);
	} else {
		s = emul_hold_find(&eq->hold, id);
		if (!s)
			return NULL;
		emul_hold_remove(&eq->hold, s);
	}
	completion_arm(eq);
	return s;
}

/*
 * Complete a command as aborted, if it waits or an abort can recover it. Return: false if
 * there is no such command.
 */
bool emul_completion_abort(struct emul_queue *eq, u16 id)
{
	struct emul_cmd_state *s;

	lockdep_assert_held(&eq->run_lock);
	s = completion_find(eq, id) ?: completion_give_up(eq, id);
	if (!s)
		return false;
	emul_post_state(eq, s, (struct emul_completion) {
		.id = id, .status = (__force u8)BLK_STS_TIMEOUT, .flags = ASBLK_MAY_RETRY,
	});
	return true;
}

bool emul_reset_recovers(const struct emul_queue *eq, enum emul_recovered_by by)
{
	return by == EMUL_RECOVERED_BY_NEVER ||
	       (!READ_ONCE(eq->ed->fatal) && eq->recovered_by <= by);
}

/*
 * Forget all completions for a reset, with the worker idle, which could still have lost
 * one. Completions that a fault rule wants late are posted now. What was executed stays so.
 */
void emul_completion_forget(struct emul_queue *eq)
{
	struct emul_cmd_state *s, *next;

	lockdep_assert_held(&eq->run_lock);
	while ((s = emul_wait_first(&eq->wait))) {
		completion_cancel(eq, s);
		completion_end_record(s);
	}
	while ((s = emul_hold_first(&eq->hold))) {
		emul_hold_remove(&eq->hold, s);
		completion_end_record(s);
	}
	llist_for_each_entry_safe(s, next, llist_del_all(&eq->done), done)
		completion_end_record(s);
	emul_coalesce_init(&eq->coalesce);
	completion_arm(eq);
	eq->hang = false;
	eq->recovered_by = EMUL_RECOVERED_BY_ABORT;
	WRITE_ONCE(eq->rings.busy_until, 0);
	list_for_each_entry_safe(s, next, &eq->lost, lost) {
		list_del(&s->lost);
		completion_end_record(s);
		if (s->faults & EMUL_FAULT_LATE)
			completion_post_extra(eq, s->result.id);
	}
}

/* Nothing is executed yet. */
void emul_completion_init(struct emul_queue *eq, u64 seed,
			  enum hrtimer_restart (*expired)(struct hrtimer *timer))
{
	emul_wait_init(&eq->wait);
	emul_hold_init(&eq->hold);
	emul_coalesce_init(&eq->coalesce);
	INIT_LIST_HEAD(&eq->lost);
	eq->due = EMUL_NEVER;
	prandom_seed_state(&eq->random, seed);
	hrtimer_setup(&eq->timer, expired, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_SOFT);
}

/* Nothing waits any more. Context: may sleep. */
void emul_completion_exit(struct emul_queue *eq)
{
	hrtimer_cancel(&eq->timer);
}
