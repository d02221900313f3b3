// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device side: takes commands from the submission ring, moves the data, posts
 * completions and raises the interrupt. It knows nothing of the engine and works
 * on the CPU that rang the doorbell, outside every lock of the driver side.
 *
 * Commands that may have to sleep - whatever walks a range of unknown length, and
 * writes that find no memory at once - go to a worker; completions may overtake
 * each other, as on any asynchronous device.
 */
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sizes.h>

#include "emul.h"

/* Bytes moved with preemption off, and how often that in a row. */
#define EMUL_PASS_BYTES		SZ_4M
#define EMUL_MAX_PASSES		4

static blk_status_t status_of(int err)
{
	return err ? BLK_STS_NOSPC : BLK_STS_OK;
}

static void set_result(struct emul_deferred *d, blk_status_t status, u32 good)
{
	d->result = (struct emul_completion) {
		.id = d->cmd.id, .status = (__force u8)status, .good = good,
	};
}

/* Execute a command that may sleep. */
static void emul_work(struct work_struct *work)
{
	struct emul_deferred *d = container_of(work, struct emul_deferred,
					       work);
	struct emul_queue *eq = d->eq;
	blk_status_t status;
	u64 done = 0;

	set_result(d, BLK_STS_OK, 0);
	if (d->faulty) {
		emul_faults_execute(d);
	} else {
		if (d->cmd.op == ASBLK_OP_WRITE)
			status = status_of(emul_medium_write_wait(eq->emul->medium, &d->cmd,
								  &done));
		else
			status = emul_medium_exec(eq->emul->medium, &d->cmd);
		set_result(d, status, done);
	}
	/*
	 * The ring's end is not ours: whoever executes posts it. From then on
	 * the command's memory is its owner's again.
	 */
	llist_add(&d->node, &eq->done);
	emul_device_run(eq);
}

/* What a command that is not completed at once is to be remembered by. */
static struct emul_deferred *emul_remember(struct emul_queue *eq,
					   const struct emul_command *cmd, bool faulty)
{
	struct emul_deferred *d = emul_to_deferred(cmd);

	d->eq = eq;
	d->faulty = faulty;
	d->fate = 0;
	d->until = EMUL_RECOVERED_BY_ABORT;
	d->extra_us = 0;
	d->start = emul_is_slow(eq->emul) ? ktime_get_ns() : 0;
	return d;
}

/* The memory for it came with the command: nothing is allocated here. */
static void emul_defer(struct emul_queue *eq, const struct emul_command *cmd,
		       bool faulty)
{
	struct emul_deferred *d = emul_remember(eq, cmd, faulty);

	eq->count.deferred++;
	INIT_WORK(&d->work, emul_work);
	queue_work(eq->emul->wq, &d->work);
}

/**
 * emul_device_post - post a completion
 * @eq: queue
 * @c: completion
 *
 * There is always room: the ring has two entries for every transfer that can be in
 * flight. Context: under run_lock.
 */
void emul_device_post(struct emul_queue *eq, const struct emul_completion *c)
{
	eq->cqe[eq->cq.tail & eq->cq.mask] = *c;
	ring_produce(&eq->cq, 1);
	if (unlikely(c->status | c->flags))
		eq->count.errors++;
}

/* One that nobody waits for. It must not take the room of one that is waited for. */
void emul_device_post_extra(struct emul_queue *eq, u16 id)
{
	if (ring_room(&eq->cq) > eq->q->nr_slots)
		emul_device_post(eq, &(struct emul_completion) { .id = id });
}

/* A command is done. Return: false if its completion follows later. */
static inline bool emul_finish(struct emul_queue *eq, const struct emul_command *cmd,
			       blk_status_t status, u32 good, bool slow)
{
	struct emul_completion c = {
		.id = cmd->id, .status = (__force u8)status, .good = good,
	};

	if (unlikely(slow)) {
		struct emul_deferred *d = emul_remember(eq, cmd, false);

		d->result = c;
		return emul_delay_finish(eq, d);
	}
	emul_device_post(eq, &c);
	return true;
}

/* Execute one command. Return: false if its completion follows later. */
static inline bool emul_execute(struct emul_queue *eq,
				const struct emul_command *cmd, bool slow)
{
	struct emul_medium *m = eq->emul->medium;
	blk_status_t status = emul_medium_check(m, cmd);
	u32 done = 0;
	int err;

	eq->count.ops[cmd->op]++;
	if (unlikely(status != BLK_STS_OK))
		goto post;
	if (unlikely(cmd->opts & ASBLK_OPT_FUA))
		eq->count.fua++;
	if (unlikely(slow) && emul_faults_concern(eq, emul_to_deferred(cmd))) {
		emul_defer(eq, cmd, true);
		return false;
	}
	switch (cmd->op) {
	case ASBLK_OP_READ:
		emul_medium_read(m, cmd);
		eq->count.read_bytes += cmd->nr_blocks << m->block_shift;
		break;
	case ASBLK_OP_WRITE:
		err = unlikely(cmd->opts & ASBLK_OPT_ATOMIC) ?
		      emul_medium_reserve(m, cmd, false) : 0;
		if (likely(!err))
			err = emul_medium_write(m, cmd, &done);
		if (unlikely(err == -ENOMEM)) {
			emul_defer(eq, cmd, false);
			return false;
		}
		eq->count.written_bytes += done;
		status = status_of(err);
		break;
	case ASBLK_OP_FLUSH:
		break;
	default:
		emul_defer(eq, cmd, false);
		return false;
	}
post:
	return emul_finish(eq, cmd, status, done, slow);
}

/* Does the device do nothing any more? */
static bool emul_is_stuck(const struct emul_queue *eq)
{
	return READ_ONCE(eq->hang) || READ_ONCE(eq->emul->fatal);
}

static bool emul_has_work(struct emul_queue *eq)
{
	return ring_filled(&eq->sq) || !llist_empty(&eq->done) ||
	       (unlikely(emul_is_slow(eq->emul)) && emul_delay_is_due(eq));
}

static unsigned int emul_post_done(struct emul_queue *eq, bool slow)
{
	struct llist_node *list = llist_del_all(&eq->done);
	struct emul_deferred *d, *tmp;
	unsigned int nr = 0;

	llist_for_each_entry_safe(d, tmp, list, node) {
		if (d->cmd.op == ASBLK_OP_WRITE)
			eq->count.written_bytes += d->result.good;
		else if (d->cmd.op == ASBLK_OP_READ)
			eq->count.read_bytes += d->result.good;
		if (likely(!slow)) {
			emul_device_post(eq, &d->result);
			nr++;
		} else {
			nr += emul_delay_finish(eq, d);
		}
	}
	return nr;
}

/*
 * Execute a bounded number of commands; the caller holds run_lock. Return: true if the
 * interrupt is to be raised.
 */
static bool emul_pass(struct emul_queue *eq)
{
	const struct emul_medium *m = eq->emul->medium;
	unsigned int nr = 0;
	u64 bytes = 0;
	/* The commands first: who makes the disk slow does so before those that follow. */
	u32 filled = ring_filled(&eq->sq);
	bool slow = emul_is_slow(eq->emul), raise;

	if (unlikely(slow)) {
		if (emul_is_stuck(eq))
			return false;
		nr += emul_delay_expire(eq);
	}
	if (unlikely(!llist_empty(&eq->done)))
		nr += emul_post_done(eq, slow);
	/* What has just been done may have been the end of it. */
	if (unlikely(slow) && emul_is_stuck(eq))
		filled = 0;
	rcu_read_lock();	/* for the store */
	for (; filled; filled--) {
		const struct emul_command *cmd = eq->sqe[eq->sq.head & eq->sq.mask];

		if (cmd->op <= ASBLK_OP_WRITE)
			bytes += cmd->nr_blocks << m->block_shift;
		nr += emul_execute(eq, cmd, slow);
		ring_consume(&eq->sq, 1);
		if (unlikely(bytes > EMUL_PASS_BYTES))
			break;
	}
	rcu_read_unlock();
	raise = unlikely(slow) ? emul_delay_raise(eq, nr) : nr && !eq->q->polled;
	eq->count.raised += raise;
	return raise;
}

/* Return: true if more passes are called for, and nobody else makes them. */
static bool emul_try_pass(struct emul_queue *eq)
{
	bool raise;

	/*
	 * The tail of the ring, or the list of done commands, was written
	 * before; if the lock is taken, its holder reads them after it has let
	 * go. Pairs with the barrier below.
	 */
	smp_mb();
	/* Others wait for the interrupt of what was posted for them. */
	preempt_disable();
	if (!emul_queue_trylock(eq)) {
		preempt_enable();
		return false;
	}
	raise = emul_pass(eq);
	emul_queue_unlock(eq);
	if (raise)
		emul_irq_raise(eq);
	preempt_enable();
	smp_mb();	/* pairs with the barrier above */
	if (unlikely(emul_is_slow(eq->emul)) && emul_is_stuck(eq))
		return false;
	return emul_has_work(eq);
}

/**
 * emul_device_run - execute what was rung for
 * @eq: queue
 *
 * One CPU at a time executes for a queue. A second one leaves its commands to
 * the first, which looks again after it has let go; but not forever: then a
 * worker goes on, and the first can do something else.
 *
 * Context: any but NMI. An interrupt handler, or whoever else has interrupts off, leaves
 * all to the worker: megabytes must not be copied there.
 */
void emul_device_run(struct emul_queue *eq)
{
	unsigned int passes = 0;

	if (likely(!in_hardirq() && !irqs_disabled())) {
		while (emul_try_pass(eq))
			if (++passes == EMUL_MAX_PASSES)
				goto later;
		return;
	}
later:
	queue_work(eq->emul->wq, &eq->again);
}

static void emul_again(struct work_struct *work)
{
	struct emul_queue *eq = container_of(work, struct emul_queue, again);
	unsigned int passes = 0;

	while (emul_try_pass(eq)) {
		/* Whoever waits for the works that are queued does not wait for more. */
		if (++passes == EMUL_MAX_PASSES) {
			queue_work(eq->emul->wq, &eq->again);
			return;
		}
		cond_resched();
	}
}

/**
 * emul_device_abort - give a command up
 * @eq: queue
 * @id: ID of the command
 *
 * Only one that waits, or that was lost, can still be stopped.
 *
 * Context: task.
 * Return: 0, the command completes.
 */
int emul_device_abort(struct emul_queue *eq, u16 id)
{
	const struct emul_completion aborted = {
		.id = id, .status = (__force u8)BLK_STS_TIMEOUT, .flags = ASBLK_MAY_RETRY,
	};

	bool posted;

	if (!emul_is_slow(eq->emul))
		return 0;
	preempt_disable();
	spin_lock_bh(&eq->run_lock);
	/* One that hangs does not hear of it. */
	posted = !eq->hang && !READ_ONCE(eq->emul->fatal) &&
		 (emul_faults_abort(eq, id) || emul_delay_abort(eq, id));
	if (posted)
		emul_device_post(eq, &aborted);
	spin_unlock_bh(&eq->run_lock);
	if (posted && !eq->q->polled)
		emul_irq_raise(eq);
	preempt_enable();
	/* Who found the lock taken relies on us. */
	emul_device_run(eq);
	return 0;
}

/**
 * emul_device_reset_queue - forget every command of a queue
 * @eq: queue; the driver side does nothing with it meanwhile
 * @by: who resets
 *
 * Context: may sleep.
 * Return: 0, or -ETIMEDOUT if the device does not react.
 */
int emul_device_reset_queue(struct emul_queue *eq, enum emul_recovered_by by)
{
	bool healed;

	spin_lock_bh(&eq->run_lock);
	healed = emul_faults_heal(eq, by);
	if (healed)
		eq->sq.head = eq->sq.tail;
	spin_unlock_bh(&eq->run_lock);
	if (!healed)
		return -ETIMEDOUT;
	/* Commands that the worker has are still using their memory. */
	flush_workqueue(eq->emul->wq);
	spin_lock_bh(&eq->run_lock);
	llist_del_all(&eq->done);
	eq->cq.head = eq->cq.tail;
	emul_delay_forget(eq);
	emul_faults_forget(eq);
	spin_unlock_bh(&eq->run_lock);
	return 0;
}

/**
 * emul_device_init - make the device side of a queue
 * @eq: queue
 */
void emul_device_init(struct emul_queue *eq)
{
	spin_lock_init(&eq->run_lock);
	init_llist_head(&eq->done);
	INIT_LIST_HEAD(&eq->lost);
	INIT_WORK(&eq->again, emul_again);
	emul_delay_init(eq);
}

/**
 * emul_device_count - add up what the device did
 * @emul: controller
 * @sum: totals
 *
 * Context: task; the totals of a busy device are not of one moment.
 */
void emul_device_count(struct emul *emul, struct emul_counters *sum)
{
	unsigned int i, j;

	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < emul->nr_queues; i++) {
		const struct emul_counters *c = &emul->queue[i].count;

		for (j = 0; j < ASBLK_NR_OPS; j++)
			sum->ops[j] += READ_ONCE(c->ops[j]);
		sum->fua += READ_ONCE(c->fua);
		sum->read_bytes += READ_ONCE(c->read_bytes);
		sum->written_bytes += READ_ONCE(c->written_bytes);
		sum->deferred += READ_ONCE(c->deferred);
		sum->errors += READ_ONCE(c->errors);
		sum->raised += READ_ONCE(c->raised);
	}
}
