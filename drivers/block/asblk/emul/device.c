// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device: takes commands from the submission ring, executes them, and raises the
 * interrupt for their completions. It knows nothing of the engine and works on the CPU that
 * rang the doorbell, outside every lock of the driver side.
 *
 * Commands that may have to sleep - operations on ranges of any length, and writes that find
 * no memory at once - go to a worker; completions may overtake each other, as on
 * any asynchronous device.
 */
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "../compat.h"
#include "completion.h"
#include "device.h"
#include "inject.h"
#include "match.h"
#include "nvme.h"
#include "options.h"

/*
 * Bytes moved with preemption off: about a millisecond of copying. And how often that in a
 * row, before a worker goes on and the CPU that submitted can do something else.
 */
#define EMUL_PASS_BYTES		SZ_4M
#define EMUL_MAX_PASSES		4

/*
 * With one CPU a spinlock is always free to a trylock: there softirqs, where the queue's
 * timer fires, have to be kept out.
 */
static inline bool queue_trylock(struct emul_queue *eq)
{
	return IS_ENABLED(CONFIG_SMP) ? spin_trylock(&eq->run_lock) :
					spin_trylock_bh(&eq->run_lock);
}

static inline void queue_tried_unlock(struct emul_queue *eq)
{
	if (IS_ENABLED(CONFIG_SMP))
		spin_unlock(&eq->run_lock);
	else
		spin_unlock_bh(&eq->run_lock);
}

static void queue_lock(struct emul_queue *eq)
	__acquires(&eq->run_lock)
{
	/* Other CPUs wait for the interrupt of the completions posted until queue_unlock(). */
	preempt_disable();
	spin_lock_bh(&eq->run_lock);
}

/* A CPU whose trylock failed relies on the holder to run the queue. */
static void queue_unlock(struct emul_queue *eq, bool raise)
	__releases(&eq->run_lock)
{
	spin_unlock_bh(&eq->run_lock);
	if (raise)
		emul_irq_raise(&eq->irq);
	preempt_enable();
	emul_device_run(eq);
}

/*
 * Begin to record a command, if the medium is recorded. Context: as @gfp says. Return: 0, or
 * -ENOBUFS without memory.
 */
static int device_begin(struct emul_queue *eq, struct emul_cmd_state *s, gfp_t gfp)
{
	const struct emul_options *o = eq->ed->options;
	struct emul_medium *m = eq->ed->medium;
	const struct emul_command *cmd = &s->cmd;
	struct emul_record what = {
		.queue = eq->index, .op = cmd->op, .block_shift = m->block_shift,
	};

	if (cmd->opts & ASBLK_OPT_FUA || !o->volatile_cache || !READ_ONCE(o->write_cache))
		what.flags |= EMUL_RECORD_FUA;
	if (cmd->op == ASBLK_OP_WRITE &&
	    emul_options_whole(o, cmd->lba << m->block_shift, cmd->nr_blocks << m->block_shift,
			       cmd->opts & ASBLK_OPT_ATOMIC))
		what.flags |= EMUL_RECORD_WHOLE;
	emul_record_range(&what, cmd);
	return emul_record_begin(&m->recorder, &what, gfp, &s->record);
}

/* The same where sleeping is allowed; without memory recording ends. */
static void device_begin_wait(struct emul_queue *eq, struct emul_cmd_state *s)
{
	bool again = false;

	if (s->record)
		return;
	while (device_begin(eq, s, EMUL_GFP_WAIT) &&
	       emul_recorder_make_room(&eq->ed->medium->recorder, again))
		again = true;
}

/* Execute a command that may sleep. */
static void device_execute_wait(struct emul_queue *eq, struct emul_cmd_state *s)
{
	struct emul_device *ed = eq->ed;
	blk_status_t status;
	u64 done = 0;
	int err;

	if (s->cmd.op != ASBLK_OP_READ)
		device_begin_wait(eq, s);
	if (s->inject) {
		emul_inject(ed->faults, ed->medium, eq->index, s);
	} else if (s->cmd.op == ASBLK_OP_READ) {
		status = emul_medium_read_wait(ed->medium, &s->cmd, &done);
		emul_set_result(s, status, done);
	} else if (s->cmd.op == ASBLK_OP_WRITE) {
		err = emul_medium_write_wait(ed->medium, s->record, &s->cmd, &done);
		emul_set_result(s, emul_medium_status(err), done);
	} else {
		emul_set_result(s, emul_medium_exec(ed->medium, s->record, &s->cmd), 0);
	}
}

/*
 * Execute a command of the NVMe command set that is none of the device's own operations.
 * Return: false if it completes later, see emul_device_format_end().
 */
static bool device_nvme_wait(struct emul_queue *eq, struct emul_cmd_state *s)
{
	struct emul_device *ed = eq->ed;
	u16 status = 0;

	if (emul_nvme_changes(eq, s))
		device_begin_wait(eq, s);
	emul_set_result(s, BLK_STS_OK, 0);
	if (s->inject && !emul_inject(ed->faults, ed->medium, eq->index, s))
		return true;
	status = emul_is_admin(eq) ? emul_nvme_admin(ed, s) : emul_nvme_io(ed, s);
	if (status == EMUL_NVME_LATER)
		return false;
	s->cmd.status = status;
	return true;
}

static void device_work(struct work_struct *work)
{
	struct emul_cmd_state *s = container_of(work, struct emul_cmd_state, work);
	struct emul_queue *eq = s->eq;

	if (s->cmd.op != ASBLK_OP_COMMAND)
		device_execute_wait(eq, s);
	else if (!device_nvme_wait(eq, s))
		return;
	/*
	 * Only the holder of run_lock may post the completion. From then on the command's
	 * memory is the driver side's again.
	 */
	llist_add(&s->done, &eq->done);
	emul_device_run(eq);
}

/* Initialise the notes on a command that does not complete at once. */
static struct emul_cmd_state *device_remember(struct emul_queue *eq,
					      const struct emul_command *cmd, bool inject)
{
	struct emul_cmd_state *s = emul_cmd_state(cmd);

	s->eq = eq;
	s->inject = inject;
	s->faults = 0;
	s->recovered_by = EMUL_RECOVERED_BY_ABORT;
	s->extra_us = 0;
	s->start = emul_is_slow(eq->ed) ? ktime_get_ns() : 0;
	return s;
}

/* Its memory came with the command: nothing is allocated here. */
static void device_defer(struct emul_queue *eq, const struct emul_command *cmd, bool inject)
{
	struct emul_cmd_state *s = device_remember(eq, cmd, inject);

	eq->count.deferred++;
	INIT_WORK(&s->work, device_work);
	queue_work(eq->ed->wq, &s->work);
}

/*
 * Execute one command. @special: &emul_device.special. Return: false if the worker has to; else
 * @status is filled in, and @good, the bytes from the front that were written.
 */
static __always_inline bool device_execute(struct emul_queue *eq, const struct emul_command *cmd,
					   u16 special, blk_status_t *status, u32 *good)
{
	struct emul_cmd_state *s = emul_cmd_state(cmd);
	struct emul_device *ed = eq->ed;
	struct emul_medium *m = ed->medium;
	bool inject = false;
	int err;

	*status = emul_medium_check(m, cmd);
	eq->count.ops[cmd->op]++;
	if (unlikely(*status != BLK_STS_OK))
		return true;
	if (unlikely(cmd->opts & ASBLK_OPT_FUA))
		eq->count.fua++;
	if (special && emul_is_slow(ed)) {
		inject = emul_faults_concern(ed->faults, eq->index, s);
		if (inject || (cmd->op <= ASBLK_OP_WRITE && emul_medium_is_bad(m, cmd)))
			goto defer;
	}
	/* To show a view may need memory, and to wait for others who look at it. */
	if (special && m->base && cmd->op != ASBLK_OP_FLUSH)
		goto defer;
	if (special && cmd->op != ASBLK_OP_READ &&
	    device_begin(eq, s, GFP_NOWAIT | __GFP_NOWARN))
		goto defer;
	switch (cmd->op) {
	case ASBLK_OP_READ:
		emul_medium_read(m, cmd);
		eq->count.read_bytes += cmd->nr_blocks << m->block_shift;
		return true;
	case ASBLK_OP_WRITE:
		err = unlikely(cmd->opts & ASBLK_OPT_ATOMIC) ?
		      emul_medium_reserve(m, cmd, false) : 0;
		if (likely(!err))
			err = special && s->record ?
			      emul_record_write(s->record, cmd, good) :
			      emul_medium_write(m, cmd, good);
		if (unlikely(err == -ENOMEM || err == -ENOBUFS))
			break;
		eq->count.written_bytes += *good;
		*status = emul_medium_status(err);
		return true;
	case ASBLK_OP_FLUSH:
		return true;
	}
defer:
	if (!special)
		s->record = NULL;
	device_defer(eq, cmd, inject);
	return false;
}

/* Complete a command that was executed here. Return: true if a completion was posted. */
static bool device_complete(struct emul_queue *eq, const struct emul_command *cmd,
			    const struct emul_completion *c)
{
	struct emul_cmd_state *s = emul_cmd_state(cmd);

	if (!emul_is_slow(eq->ed)) {
		emul_post_state(eq, s, *c);
		return true;
	}
	device_remember(eq, cmd, false);
	s->result = *c;
	return emul_complete(eq, s);
}

/*
 * As device_command(), on a device that is slow, records or shows a view, or for a command of the
 * NVMe command set.
 */
static noinline bool device_command_special(struct emul_queue *eq,
					    const struct emul_command *cmd, u16 special)
{
	struct emul_completion c = { .id = cmd->id };
	blk_status_t status;

	emul_cmd_state(cmd)->record = NULL;
	if (!device_execute(eq, cmd, special, &status, &c.good))
		return false;
	c.status = (__force u8)status;
	return device_complete(eq, cmd, &c);
}

/* Execute one command and complete it. Return: true if a completion was posted. */
static inline bool device_command(struct emul_queue *eq, const struct emul_command *cmd,
				  u16 special)
{
	struct emul_completion c = { .id = cmd->id };
	blk_status_t status;

	if (unlikely(special))
		return device_command_special(eq, cmd, special);
	if (!device_execute(eq, cmd, 0, &status, &c.good))
		return false;
	c.status = (__force u8)status;
	emul_post(eq, cmd, &c);
	return true;
}

/* The same for one of the NVMe command set. @bytes: incremented by those that are moved here. */
static noinline bool device_nvme(struct emul_queue *eq, const struct emul_command *cmd,
				 u16 special, u64 *bytes)
{
	struct emul_cmd_state *s = emul_cmd_state(cmd);
	struct emul_device *ed = eq->ed;

	if (!emul_is_admin(eq)) {
		s->cmd.status = emul_nvme_parse(ed, &s->cmd);
		if (!s->cmd.status && cmd->op != ASBLK_OP_COMMAND) {
			*bytes += cmd->nr_blocks << ed->medium->block_shift;
			return device_command_special(eq, cmd, special);
		}
		eq->count.compares += cmd->nvme->common.opcode == nvme_cmd_compare;
	}
	s->record = NULL;
	eq->count.ops[ASBLK_OP_COMMAND]++;
	if (s->cmd.status)
		return device_complete(eq, cmd, &(struct emul_completion) { .id = cmd->id });
	device_defer(eq, cmd, emul_is_slow(ed) &&
		     emul_faults_concern(ed->faults, eq->index, s));
	return false;
}

static bool device_is_stuck(const struct emul_queue *eq)
{
	return READ_ONCE(eq->hang) || READ_ONCE(eq->ed->fatal);
}

static bool device_has_work(struct emul_queue *eq)
{
	return ring_filled(&eq->rings.sq) || !llist_empty(&eq->done) ||
	       (unlikely(emul_is_slow(eq->ed)) && emul_completion_due(eq));
}

/* Complete the commands that the worker has executed. Return: completions posted. */
static unsigned int device_complete_done(struct emul_queue *eq, bool slow)
{
	struct llist_node *list = llist_del_all(&eq->done);
	struct emul_cmd_state *s, *tmp;
	unsigned int nr = 0;

	llist_for_each_entry_safe(s, tmp, list, done) {
		if (s->cmd.op == ASBLK_OP_WRITE)
			eq->count.written_bytes += s->result.good;
		else if (s->cmd.op == ASBLK_OP_READ || s->cmd.op == ASBLK_OP_COMMAND)
			eq->count.read_bytes += s->result.good;
		if (likely(!slow)) {
			emul_post_state(eq, s, s->result);
			nr++;
		} else {
			nr += emul_complete(eq, s);
		}
	}
	return nr;
}

/*
 * Execute a bounded number of commands, under run_lock. Return: true if the caller must raise
 * the interrupt.
 */
static bool device_pass(struct emul_queue *eq)
{
	const struct emul_medium *m = eq->ed->medium;
	struct emul_rings *r = &eq->rings;
	unsigned int nr = 0;
	u64 bytes = 0;
	/* The commands first: a disk is made slow before the commands that follow. */
	u32 filled = ring_filled(&r->sq);
	u16 special = READ_ONCE(eq->ed->special);
	bool slow = special && emul_is_slow(eq->ed), raise;

	if (unlikely(slow)) {
		if (device_is_stuck(eq))
			return false;
		nr += emul_complete_due(eq);
	}
	if (unlikely(!llist_empty(&eq->done)))
		nr += device_complete_done(eq, slow);
	/* One of these completions may have stopped the queue. */
	if (unlikely(slow) && device_is_stuck(eq))
		filled = 0;
	rcu_read_lock();	/* for the store */
	for (; filled; filled--) {
		const struct emul_command *cmd = r->sqe[r->sq.head & r->sq.mask];

		if (likely(cmd->op <= ASBLK_OP_WRITE)) {
			bytes += cmd->nr_blocks << m->block_shift;
		} else if (unlikely(cmd->op == ASBLK_OP_COMMAND)) {
			nr += device_nvme(eq, cmd, special, &bytes);
			goto next;
		}
		nr += device_command(eq, cmd, special);
next:
		ring_consume(&r->sq, 1);
		if (unlikely(bytes > EMUL_PASS_BYTES))
			break;
	}
	rcu_read_unlock();
	raise = unlikely(slow) ? emul_completion_interrupt(eq, nr) : nr && !eq->polled;
	eq->count.raised += raise;
	return raise;
}

/* Return: true if there is more to do, and no other CPU does it. */
static bool device_try_pass(struct emul_queue *eq)
{
	bool raise;

	/*
	 * The tail of the ring, or the list of executed commands, was written before; if
	 * the lock is taken, its holder reads them after it has let go. Pairs with the
	 * barrier below.
	 */
	smp_mb();
	/* Other CPUs wait for the interrupt of completions that are posted for them. */
	preempt_disable();
	if (!queue_trylock(eq)) {
		preempt_enable();
		return false;
	}
	raise = device_pass(eq);
	queue_tried_unlock(eq);
	if (raise)
		emul_irq_raise(&eq->irq);
	preempt_enable();
	smp_mb();	/* pairs with the barrier above */
	if (unlikely(emul_is_slow(eq->ed)) && device_is_stuck(eq))
		return false;
	return device_has_work(eq);
}

/*
 * Execute the commands that the doorbell was rung for. One CPU at a time executes for a
 * queue. A second one leaves its commands to the first, which looks again after it has
 * dropped the lock; but not for ever: then a worker goes on, and the first can do something
 * else. Context: any but NMI. With interrupts off the worker does everything: copying
 * megabytes takes too long there.
 */
void emul_device_run(struct emul_queue *eq)
{
	unsigned int passes = 0;

	if (likely(!in_hardirq() && !irqs_disabled())) {
		while (device_try_pass(eq))
			if (++passes == EMUL_MAX_PASSES)
				goto later;
		return;
	}
later:
	queue_work(eq->ed->wq, &eq->rerun);
}

static void device_rerun(struct work_struct *work)
{
	struct emul_queue *eq = container_of(work, struct emul_queue, rerun);
	unsigned int passes = 0;

	while (device_try_pass(eq)) {
		/* flush_workqueue() waits for the works that are queued, not for more. */
		if (++passes == EMUL_MAX_PASSES) {
			queue_work(eq->ed->wq, &eq->rerun);
			return;
		}
		cond_resched();
	}
}

static enum hrtimer_restart device_timer(struct hrtimer *timer)
{
	emul_device_run(container_of(timer, struct emul_queue, timer));
	return HRTIMER_NORESTART;
}

/*
 * Abort a command that waits or was lost. Any other command completes by itself. A queue that
 * hangs ignores aborts. Context: task.
 */
void emul_device_abort(struct emul_queue *eq, u16 id)
{
	bool posted;

	if (!emul_is_slow(eq->ed))
		return;
	queue_lock(eq);
	posted = !device_is_stuck(eq) && emul_completion_abort(eq, id);
	queue_unlock(eq, posted && !eq->polled);
}

/* The command that formats the medium has no completion. */
static void device_format_forget(struct emul_device *ed)
{
	spin_lock(&ed->format.lock);
	ed->format.s = NULL;
	spin_unlock(&ed->format.lock);
}

/*
 * The host has done what a Format NVM command asks for, and the command ends with the NVMe
 * status @status. Context: task.
 */
void emul_device_format_end(struct emul_device *ed, u16 status)
{
	struct emul_queue *eq = emul_admin_queue(ed);
	struct emul_format *f = &ed->format;

	spin_lock(&f->lock);
	if (f->s) {
		f->s->cmd.status = status;
		llist_add(&f->s->done, &eq->done);
	}
	f->s = NULL;
	f->busy = false;
	spin_unlock(&f->lock);
	emul_device_run(eq);
}

/*
 * Accept Format NVM commands, or no longer: then the host has none left when this returns.
 * Context: may sleep.
 */
void emul_device_allow_format(struct emul_device *ed, bool allow)
{
	spin_lock(&ed->format.lock);
	ed->format.allowed = allow;
	spin_unlock(&ed->format.lock);
	if (!allow)
		flush_work(&ed->format.work);
}

/*
 * Forget all commands of a queue, which the driver side does not use meanwhile. Context: may
 * sleep. Return: 0, or -ETIMEDOUT if such a reset does not recover it.
 */
int emul_device_reset_queue(struct emul_queue *eq, enum emul_recovered_by by)
{
	bool recovers;

	queue_lock(eq);
	recovers = emul_reset_recovers(eq, by);
	if (recovers)
		eq->rings.sq.head = eq->rings.sq.tail;
	queue_unlock(eq, false);
	if (!recovers)
		return -ETIMEDOUT;
	/* Commands that the worker has are still using their memory. */
	flush_workqueue(eq->ed->wq);
	/* What the host does for it goes on, as it may wait for this reset. */
	if (emul_is_admin(eq))
		device_format_forget(eq->ed);
	queue_lock(eq);
	eq->rings.cq.head = eq->rings.cq.tail;
	emul_completion_forget(eq);
	queue_unlock(eq, false);
	return 0;
}

/*
 * The same for all queues, the admin queue included. Context: may sleep. Return: 0, or
 * -ETIMEDOUT; then some of the queues have not been reset.
 */
int emul_device_reset(struct emul_device *ed, enum emul_recovered_by by)
{
	struct emul_model *m;
	unsigned int i;
	int err = 0;

	for (i = 0; i <= ed->nr_queues && !err; i++)
		err = emul_device_reset_queue(&ed->queue[i], by);
	if (err)
		return err;
	/* The commands that are forgotten take no time any more. */
	rcu_read_lock();
	m = rcu_dereference(ed->model);
	if (m)
		emul_model_forget(m);
	rcu_read_unlock();
	return 0;
}

/* The queue's rings are ready. */
void emul_device_start_queue(struct emul_device *ed, unsigned int index, bool polled)
{
	struct emul_queue *eq = emul_device_queue(ed, index);

	eq->ed = ed;
	eq->index = index;
	eq->polled = polled;
	eq->irq.direct = emul_options_direct_irq(ed->options);
	spin_lock_init(&eq->run_lock);
	init_llist_head(&eq->done);
	INIT_WORK(&eq->rerun, device_rerun);
	emul_completion_init(eq, ed->options->seed + index, device_timer);
}

/* Every command has completed. Context: may sleep. */
void emul_device_stop_queue(struct emul_queue *eq)
{
	/* These have posted their last completion, but may still be running. */
	flush_workqueue(eq->ed->wq);
	emul_completion_exit(eq);
	flush_work(&eq->rerun);
}

/* Wait for the commands that the device has: they have been executed. Context: may sleep. */
void emul_device_drain(struct emul_device *ed)
{
	unsigned int i;

	for (i = 0; i < ed->nr_queues; i++) {
		queue_lock(&ed->queue[i]);
		queue_unlock(&ed->queue[i], false);
	}
	flush_workqueue(ed->wq);
}

/* Record from here on, or no longer. Commands in flight may or may not be. Context: any. */
void emul_device_record(struct emul_device *ed, bool on)
{
	WRITE_ONCE(ed->records, on);
}

/* Let random numbers of the model start again from a seed. Context: may sleep. */
void emul_device_seed(struct emul_device *ed, u64 seed)
{
	unsigned int i;

	for (i = 0; i < ed->nr_queues; i++) {
		struct emul_queue *eq = &ed->queue[i];

		queue_lock(eq);
		prandom_seed_state(&eq->random, seed + i);
		queue_unlock(eq, false);
	}
}

/*
 * Commands that wait already keep their deadlines. Context: may sleep; one caller at a time.
 * Return: 0 or -ENOMEM.
 */
int emul_device_set_model(struct emul_device *ed, const struct emul_options *options)
{
	struct emul_model *model = emul_model_create(options);

	if (IS_ERR(model))
		return PTR_ERR(model);
	if (model)
		emul_be_slow(ed);
	model = rcu_replace_pointer(ed->model, model, true);
	if (model)
		kfree_rcu(model, rcu);
	return 0;
}

/*
 * Initialise a device, which is zeroed but for the work of &emul_format, without queues.
 * @options, @medium and @faults (NULL for none) outlive it; @nr is for names. Context: may
 * sleep. Return: 0 or -ENOMEM.
 */
int emul_device_init(struct emul_device *ed, struct emul_options *options,
		     struct emul_medium *medium, struct emul_faults *faults, unsigned int nr)
{
	int err;

	ed->options = options;
	ed->medium = medium;
	ed->faults = faults;
	ed->nr_queues = emul_options_queues(options) + options->poll_queues;
	ed->temp_over = EMUL_TEMP_WARNING;
	spin_lock_init(&ed->format.lock);
	err = emul_device_set_model(ed, options);
	if (err)
		return err;
	err = -ENOMEM;
	ed->queue = kvcalloc(ed->nr_queues + 1, sizeof(*ed->queue), GFP_KERNEL);
	if (!ed->queue)
		goto free_model;
	/* May be needed to write out memory: has to go on without any. */
	ed->wq = alloc_workqueue("asblk-emul%u", WQ_UNBOUND | WQ_MEM_RECLAIM, 0, nr);
	if (!ed->wq)
		goto free_queues;
	ed->irqs = emul_irq_domain_create(nr, emul_options_queues(options));
	if (!ed->irqs)
		goto free_wq;
	return 0;

free_wq:
	destroy_workqueue(ed->wq);
free_queues:
	kvfree(ed->queue);
free_model:
	kfree(rcu_dereference_protected(ed->model, true));
	return err;
}

/* All queues are stopped. Context: may sleep. */
void emul_device_exit(struct emul_device *ed)
{
	emul_irq_domain_remove(ed->irqs);
	destroy_workqueue(ed->wq);
	kvfree(ed->queue);
	kfree(rcu_dereference_protected(ed->model, true));
}

/* The device's view of a queue, for debugfs. Context: may sleep. */
void emul_device_show_queue(struct emul_queue *eq, struct seq_file *m)
{
	u64 due, now;

	seq_printf(m, "interrupts_raised %llu\n", READ_ONCE(eq->count.raised));
	seq_printf(m, "hang %u fatal %u\n", READ_ONCE(eq->hang), READ_ONCE(eq->ed->fatal));
	queue_lock(eq);
	due = eq->due;
	now = ktime_get_ns();
	seq_printf(m, "waiting %u held %u lost %zu unraised %u\n", emul_wait_count(&eq->wait),
		   eq->hold.nr, list_count_nodes(&eq->lost), eq->coalesce.nr);
	queue_unlock(eq, false);
	if (due == EMUL_NEVER)
		seq_puts(m, "due never\n");
	else
		seq_printf(m, "due in %lld ns\n", (s64)(due - now));
}
