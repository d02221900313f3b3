/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device side of the emulated controller. It shares the rings with the driver side
 * (controller.c), and nothing else.
 */
#ifndef _ASBLK_EMUL_QUEUE_H
#define _ASBLK_EMUL_QUEUE_H

#include <linux/hrtimer.h>
#include <linux/prandom.h>
#include <linux/spinlock.h>

#include "command.h"
#include "faults.h"
#include "hold.h"
#include "irq.h"
#include "medium.h"
#include "wait.h"

struct emul_options;

/**
 * struct emul_counters - counters of a queue, under &emul_queue.run_lock
 * @ops: commands, by operation
 * @fua: writes with FUA
 * @compares: compares, which read as well
 * @read_bytes: bytes read
 * @written_bytes: bytes written
 * @deferred: commands that had to wait for the worker
 * @errors: commands that failed
 * @raised: interrupts raised
 */
struct emul_counters {
	u64 ops[ASBLK_NR_OPS];
	u64 fua;
	u64 compares;
	u64 read_bytes;
	u64 written_bytes;
	u64 deferred;
	u64 errors;
	u64 raised;
};

/**
 * struct emul_queue - the device's side of a queue
 * @ed: device
 * @index: number, or %ASBLK_ADMIN_QUEUE
 * @polled: it has no interrupt
 * @irq: its interrupt line otherwise
 * @rings: shared with the driver side
 * @run_lock: held while commands are executed; CPUs that would execute only try it, with
 *	queue_trylock() and never with interrupts off. Protects the device's ends of the
 *	rings and the following fields
 * @rerun: executes commands that the CPU which rang the doorbell could not
 * @done: commands that the worker has executed; without the lock
 * @count: counters
 * @wait: commands that take time
 * @hold: completions that are kept back
 * @random: for the model, and which of them are posted
 * @timer: fires at @due
 * @due: when something is to be done next, in nanoseconds; %EMUL_NEVER for nothing
 * @coalesce: completions that wait for an interrupt
 * @lost: commands (&emul_cmd_state.lost) without a completion
 * @recovered_by: the least that gets them back
 * @hang: nothing is executed
 */
struct emul_queue {
	struct emul_device *ed;
	unsigned int index;
	bool polled;
	struct emul_irq irq;
	struct emul_rings rings;

	spinlock_t run_lock ____cacheline_aligned_in_smp;
	struct work_struct rerun;
	struct llist_head done;
	struct emul_counters count;
	struct emul_wait wait;
	struct emul_hold hold;
	struct rnd_state random;
	struct hrtimer timer;
	u64 due;
	struct emul_coalesce coalesce;
	struct list_head lost;
	enum emul_recovered_by recovered_by;
	bool hang;
};

/**
 * struct emul_format - the Format NVM command, which the host carries out
 * @lock: protects the following
 * @s: the command; NULL for none, or if a reset has made the device forget it
 * @block_size: that the medium is to have
 * @allowed: there is a disk to be formatted
 * @busy: @work has not ended
 * @work: the host's
 */
struct emul_format {
	spinlock_t lock;	/* the command */
	struct emul_cmd_state *s;
	u32 block_size;
	bool allowed;
	bool busy;
	struct work_struct work;
};

/**
 * struct emul_device - an emulated device
 * @options: its description, which changes with the settings of the controller
 * @medium: the medium in it
 * @faults: its fault rules, or NULL
 * @model: model of time, or NULL
 * @slow: see emul_is_slow()
 * @records: what changes the medium is recorded, or it shows a view
 * @special: both
 * @fatal: a fault rule has stopped it for good
 * @temp_over: a temperature from which on it warns, in kelvin
 * @temp_under: one up to which it warns
 * @queue: @nr_queues of them, and the admin queue
 * @nr_queues: with and without interrupts
 * @irqs: interrupt domain
 * @wq: executes commands that may sleep
 * @format: a command that changes the format
 */
struct emul_device {
	struct emul_options *options;
	struct emul_medium *medium;
	struct emul_faults *faults;
	struct emul_model __rcu *model;
	union {
		struct {
			bool slow;
			bool records;
		};
		u16 special;
	};
	bool fatal;
	u16 temp_over;
	u16 temp_under;
	struct emul_queue *queue;
	unsigned int nr_queues;
	struct irq_domain *irqs;
	struct workqueue_struct *wq;
	struct emul_format format;
};

static inline struct emul_queue *emul_admin_queue(struct emul_device *ed)
{
	return &ed->queue[ed->nr_queues];
}

/* @index: as of &asblk_queue. */
static inline struct emul_queue *emul_device_queue(struct emul_device *ed, unsigned int index)
{
	return index == ASBLK_ADMIN_QUEUE ? emul_admin_queue(ed) : &ed->queue[index];
}

static inline bool emul_is_admin(const struct emul_queue *eq)
{
	return eq->index == ASBLK_ADMIN_QUEUE;
}

/*
 * Has it ever had a latency, a fault rule that was enabled, or completions or interrupts that
 * were kept back? All other devices need not look for such things.
 */
static inline bool emul_is_slow(const struct emul_device *ed)
{
	return READ_ONCE(ed->slow);
}

static inline void emul_be_slow(struct emul_device *ed)
{
	WRITE_ONCE(ed->slow, true);
}

#endif /* _ASBLK_EMUL_QUEUE_H */
