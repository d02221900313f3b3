// SPDX-License-Identifier: GPL-2.0-only
/*
 * Completions that wait: for the time that the model says, or for others, so that one
 * interrupt tells of several. One timer per queue over a queue in order of deadlines;
 * it fires in softirq, where the device may execute.
 *
 * Everything here is under &emul_queue.run_lock, where not said otherwise.
 */
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/prandom.h>
#include <linux/seq_file.h>

#include "../compat.h"
#include "emul.h"

#define NEVER	U64_MAX

/* Times end up in buckets of powers of two of 1.024 us; the last has the rest. */
static unsigned int delay_bucket(u64 ns)
{
	u64 units = ns >> 10;

	return units ? min(ilog2(units) + 1, EMUL_DELAY_BUCKETS - 1) : 0;
}

static enum hrtimer_restart delay_timer(struct hrtimer *timer)
{
	struct emul_queue *eq = container_of(timer, struct emul_queue, delay.timer);

	emul_device_run(eq);
	return HRTIMER_NORESTART;
}

/* Is it time for something? Without run_lock: whoever has it looks again. */
bool emul_delay_is_due(const struct emul_queue *eq)
{
	u64 due = READ_ONCE(eq->delay.due);

	return due != NEVER && due <= ktime_get_ns();
}

/* Have the timer fire when the first deadline comes, or the interrupt has waited. */
static void delay_arm(struct emul_queue *eq)
{
	struct emul_delay *delay = &eq->delay;
	struct timerqueue_node *first = timerqueue_getnext(&delay->waiting);
	u64 due = min(first ? (u64)first->expires : NEVER, delay->raise_at);

	if (due == delay->due)
		return;
	WRITE_ONCE(delay->due, due);
	if (due != NEVER)
		hrtimer_start(&delay->timer, ns_to_ktime(due),
			      HRTIMER_MODE_ABS_SOFT);
}

static u64 delay_deadline(struct emul_queue *eq, struct emul_deferred *d)
{
	const struct emul_command *cmd = &d->cmd;
	struct emul *emul = eq->emul;
	struct emul_model *m;
	u64 deadline = d->start;
	u64 lba = cmd->lba, nr_blocks = cmd->nr_blocks, random;

	rcu_read_lock();
	m = rcu_dereference(emul->model);
	if (m) {
		random = prandom_u32_state(&eq->delay.random);
		random |= (u64)prandom_u32_state(&eq->delay.random) << 32;
		deadline = emul_model_deadline(m, cmd->op, lba, nr_blocks,
					       nr_blocks << emul->medium->block_shift,
					       emul->medium->nr_blocks, d->start, random, &d->cost);
	} else {
		d->cost = (struct emul_cost) {};
	}
	rcu_read_unlock();
	return deadline + (u64)d->extra_us * NSEC_PER_USEC;
}

/* A command that waits is given up: the time that it does not take is the others'. */
static void delay_cancel(struct emul_queue *eq, struct emul_deferred *d)
{
	u64 now = ktime_get_ns(), deadline = d->timer.expires;
	struct emul_model *m;

	timerqueue_del(&eq->delay.waiting, &d->timer);
	rcu_read_lock();
	m = rcu_dereference(eq->emul->model);
	if (m && deadline > now)
		emul_model_refund(m, &d->cost, deadline - now);
	rcu_read_unlock();
}

static void delay_post(struct emul_queue *eq, struct emul_deferred *d)
{
	u8 fate = d->fate;
	u16 id = d->result.id;

	if (fate & EMUL_FATE_NO_INTERRUPT)
		eq->delay.no_interrupt = true;
	if (fate & EMUL_FATE_WRONG_ID) {
		/* Another generation of the same slot: no command in flight has it. */
		emul_device_post_extra(eq, id ^ 0x8000);
		emul_faults_lose(eq, d);
		return;
	}
	/* The true one first: what it says counts. Then @d is its owner's again. */
	emul_device_post(eq, &d->result);
	if (fate & EMUL_FATE_TWICE)
		emul_device_post_extra(eq, id);
}

/**
 * emul_delay_finish - a command has been executed: complete it now or later
 * @eq: queue
 * @d: command with its result; start, extra_us and fate filled in
 *
 * Return: true if it was posted.
 */
bool emul_delay_finish(struct emul_queue *eq, struct emul_deferred *d)
{
	u64 deadline;

	if (unlikely(d->fate & EMUL_FATE_BUSY))
		WRITE_ONCE(eq->busy_until, ktime_get_ns() + (u64)d->busy_us * NSEC_PER_USEC);
	if (unlikely(d->fate & EMUL_FATE_LOST)) {
		emul_faults_lose(eq, d);
		return false;
	}
	deadline = delay_deadline(eq, d);
	if (deadline > ktime_get_ns()) {
		timerqueue_init(&d->timer);
		d->timer.expires = ns_to_ktime(deadline);
		timerqueue_add(&eq->delay.waiting, &d->timer);
		eq->delay.asked[delay_bucket(deadline - d->start)]++;
		return false;
	}
	delay_post(eq, d);
	return true;
}

/**
 * emul_delay_expire - post what has waited long enough
 * @eq: queue
 *
 * Return: number of completions.
 */
unsigned int emul_delay_expire(struct emul_queue *eq)
{
	struct emul_delay *delay = &eq->delay;
	struct timerqueue_node *first;
	unsigned int nr = 0;
	u64 now = ktime_get_ns();

	while ((first = timerqueue_getnext(&delay->waiting))) {
		struct emul_deferred *d = container_of(first, struct emul_deferred, timer);
		u64 late;

		if ((u64)first->expires > now)
			break;
		timerqueue_del(&delay->waiting, first);
		late = now - first->expires;
		delay->achieved[delay_bucket(now - d->start)]++;
		delay->late[delay_bucket(late)]++;
		delay->late_sum += late;
		delay->late_nr++;
		delay_post(eq, d);
		nr++;
	}
	return nr;
}

/**
 * emul_delay_raise - is it time for an interrupt?
 * @eq: queue with an interrupt
 * @nr: completions posted since it was last asked
 *
 * To be called at the end of each pass: sees to it that there is another in time.
 *
 * Return: as said.
 */
bool emul_delay_raise(struct emul_queue *eq, unsigned int nr)
{
	struct emul_delay *delay = &eq->delay;
	unsigned int usecs = READ_ONCE(eq->emul->params.coalesce_usecs);
	bool raise;

	delay->unraised += nr;
	raise = delay->unraised;
	if (raise && usecs &&
	    delay->unraised < READ_ONCE(eq->emul->params.coalesce_count)) {
		if (delay->raise_at == NEVER)
			delay->raise_at = ktime_get_ns() + usecs * NSEC_PER_USEC;
		raise = delay->raise_at <= ktime_get_ns();
	}
	if (raise || !delay->unraised) {
		delay->unraised = 0;
		delay->raise_at = NEVER;
	}
	delay_arm(eq);
	if (raise && delay->no_interrupt) {
		delay->no_interrupt = false;
		return false;
	}
	return raise && !eq->q->polled;
}

/* Take a command that waits out of the queue. Return: false if it is not there. */
bool emul_delay_abort(struct emul_queue *eq, u16 id)
{
	struct timerqueue_node *node;

	for (node = timerqueue_getnext(&eq->delay.waiting); node;
	     node = timerqueue_iterate_next(node)) {
		struct emul_deferred *d = container_of(node, struct emul_deferred, timer);

		if (d->result.id != id)
			continue;
		delay_cancel(eq, d);
		delay_arm(eq);
		return true;
	}
	return false;
}

/* Forget what waits: the queue is reset. */
void emul_delay_forget(struct emul_queue *eq)
{
	struct timerqueue_node *node;

	while ((node = timerqueue_getnext(&eq->delay.waiting)))
		delay_cancel(eq, container_of(node, struct emul_deferred, timer));
	eq->delay.unraised = 0;
	eq->delay.raise_at = NEVER;
	eq->delay.no_interrupt = false;
	delay_arm(eq);
}

/* Context: may sleep; nothing is executed. */
void emul_delay_init(struct emul_queue *eq)
{
	struct emul_delay *delay = &eq->delay;

	timerqueue_init_head(&delay->waiting);
	delay->due = NEVER;
	delay->raise_at = NEVER;
	prandom_seed_state(&delay->random, eq->emul->seed + eq->q->index);
	hrtimer_setup(&delay->timer, delay_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_SOFT);
}

/* The random numbers begin anew, from emul->seed. Context: may sleep. */
void emul_delay_seed(struct emul_queue *eq)
{
	spin_lock_bh(&eq->run_lock);
	prandom_seed_state(&eq->delay.random, eq->emul->seed + eq->q->index);
	spin_unlock_bh(&eq->run_lock);
	emul_device_run(eq);
}

/* Context: may sleep; nothing waits any more. */
void emul_delay_exit(struct emul_queue *eq)
{
	hrtimer_cancel(&eq->delay.timer);
}

/* What of a queue waits, for debugfs. Context: may sleep. */
void emul_delay_show(struct emul_queue *eq, struct seq_file *m)
{
	struct timerqueue_node *node;
	unsigned int waiting = 0;
	u64 due, now;

	spin_lock_bh(&eq->run_lock);
	for (node = timerqueue_getnext(&eq->delay.waiting); node;
	     node = timerqueue_iterate_next(node))
		waiting++;
	due = eq->delay.due;
	now = ktime_get_ns();
	seq_printf(m, "waiting %u lost %zu unraised %u\n", waiting,
		   list_count_nodes(&eq->lost), eq->delay.unraised);
	spin_unlock_bh(&eq->run_lock);
	/* Who found the lock taken relies on us. */
	emul_device_run(eq);
	if (due == NEVER)
		seq_puts(m, "due never\n");
	else
		seq_printf(m, "due in %lld ns\n", (s64)(due - now));
}

static void delay_sum(u64 *sum, const u64 *of)
{
	unsigned int i;

	for (i = 0; i < EMUL_DELAY_BUCKETS; i++)
		sum[i] += READ_ONCE(of[i]);
}

/*
 * Of all queues: how long completions were to take, how long they took, and by how
 * much those were late that had to wait. Without a lock: a busy device's figures are
 * not of one moment.
 */
static int latency_show(struct seq_file *m, void *unused)
{
	u64 asked[EMUL_DELAY_BUCKETS] = {}, achieved[EMUL_DELAY_BUCKETS] = {};
	u64 late[EMUL_DELAY_BUCKETS] = {}, sum = 0, nr = 0;
	struct emul *emul = m->private;
	unsigned int i;

	for (i = 0; i < emul->nr_queues; i++) {
		const struct emul_delay *delay = &emul->queue[i].delay;

		delay_sum(asked, delay->asked);
		delay_sum(achieved, delay->achieved);
		delay_sum(late, delay->late);
		sum += READ_ONCE(delay->late_sum);
		nr += READ_ONCE(delay->late_nr);
	}
	seq_printf(m, "completions %llu\n", nr);
	seq_printf(m, "late_ns_mean %llu\n", nr ? div64_u64(sum, nr) : 0);
	seq_puts(m, "below_ns asked achieved late\n");
	for (i = 0; i < EMUL_DELAY_BUCKETS; i++)
		if (asked[i] || achieved[i] || late[i])
			seq_printf(m, "%llu %llu %llu %llu\n", 1024ULL << i,
				   asked[i], achieved[i], late[i]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(latency);

const struct file_operations *const emul_delay_fops = &latency_fops;
