/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of emul/ share, grouped by file. */
#ifndef _ASBLK_EMUL_H
#define _ASBLK_EMUL_H

#include <linux/asblk.h>
#include <linux/blkdev.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/interrupt.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/prandom.h>
#include <linux/spinlock.h>
#include <linux/timerqueue.h>
#include <linux/workqueue.h>

#include "faults.h"
#include "latency.h"
#include "medium.h"
#include "rings.h"

struct emul;
struct emul_options;
struct irq_desc;

/**
 * struct emul_irq - an interrupt line
 * @raise: gets the CPU into hard interrupt context, with interrupt=ipi
 * @desc: what the kernel knows of the line
 * @virq: its Linux interrupt number
 * @name: in /proc/interrupts
 */
struct emul_irq {
	struct irq_work raise;
	struct irq_desc *desc;
	unsigned int virq;
	char name[24];
};

/**
 * struct emul_counters - what the device did for a queue, under
 * &emul_queue.run_lock
 * @ops: commands, by operation
 * @fua: writes with FUA
 * @read_bytes: bytes read
 * @written_bytes: bytes written
 * @deferred: commands that had to wait for the worker
 * @errors: commands that failed
 * @raised: interrupts raised
 */
struct emul_counters {
	u64 ops[ASBLK_NR_OPS];
	u64 fua;
	u64 read_bytes;
	u64 written_bytes;
	u64 deferred;
	u64 errors;
	u64 raised;
};

/**
 * struct emul_deferred - a command, and the device's memory in case it is not completed
 * at once
 * @cmd: the command
 * @work: on &emul.wq, if it may sleep
 * @node: on &emul_queue.done, afterwards
 * @timer: on &emul_delay.waiting, if it takes time
 * @lost: on &emul_queue.lost, if it is not completed at all
 * @eq: its queue
 * @result: its completion
 * @start: when it was executed, in nanoseconds
 * @cost: what it has taken of the model's time
 * @passed: rules, by &emul_rule.bit, that were asked about block @asked and do nothing to it
 * @asked: blocks from the front that no rule does anything to
 * @extra_us: time that fault rules add; those that there can be do not overflow it
 * @busy_us: time for which they keep the queue busy
 * @faulty: a fault rule does something to it, or has to be asked where one may sleep
 * @fate: what fault rules do to its completion, EMUL_FATE_*
 * @until: what gets it back if it is lost, an enum emul_recovered_by
 */
struct emul_deferred {
	struct emul_command cmd;
	/* One after the other, never two at a time. */
	union {
		struct work_struct work;
		struct llist_node node;
		struct timerqueue_node timer;
		struct list_head lost;
	};
	struct emul_queue *eq;
	struct emul_completion result;
	u64 start;
	struct emul_cost cost;
	u64 passed;
	u32 asked;
	u32 extra_us;
	u32 busy_us;
	bool faulty;
	u8 fate;
	u8 until;
};

static inline struct emul_deferred *emul_to_deferred(const struct emul_command *cmd)
{
	return container_of(cmd, struct emul_deferred, cmd);
}

#define EMUL_DELAY_BUCKETS	26	/* the last is 34 s and more */

/**
 * struct emul_delay - completions of a queue that wait
 * @waiting: &emul_deferred.timer, by deadline
 * @timer: for @due
 * @due: when something is to be done next, in nanoseconds; U64_MAX for never
 * @raise_at: when the interrupt is raised at the latest; U64_MAX if none is due
 * @unraised: completions posted since the last one
 * @no_interrupt: a fault rule wants the next one lost
 * @random: for the model
 * @asked: completions that were to wait, by the power of two of how long
 * @achieved: those that have waited, likewise
 * @late: likewise, by how much later than they should have they came
 * @late_sum: sum of that, in nanoseconds
 * @late_nr: number of them
 */
struct emul_delay {
	struct timerqueue_head waiting;
	struct hrtimer timer;
	u64 due;
	u64 raise_at;
	unsigned int unraised;
	bool no_interrupt;
	struct rnd_state random;
	u64 asked[EMUL_DELAY_BUCKETS];
	u64 achieved[EMUL_DELAY_BUCKETS];
	u64 late[EMUL_DELAY_BUCKETS];
	u64 late_sum;
	u64 late_nr;
};

/**
 * struct emul_queue - both sides of a hardware queue
 * @emul: controller
 * @q: the engine's side
 * @irq: interrupt line; unused if the queue is polled
 * @sq: submission ring
 * @sqe: its entries
 * @list: descriptors of each slot's commands, made when one first has more than fit into
 *	a command
 * @reserve: a list for when there is no memory for another one
 * @reserve_lent: a command has it
 * @reserve_id: that command's ID
 * @sq_new: entries filled but not rung for; under the engine's lock
 * @cq: completion ring
 * @cqe: its entries
 * @run_lock: held by who executes commands; these only try it, with
 *	emul_queue_trylock(), never with interrupts off. Protects the device's
 *	ends of the rings and @count.
 * @again: executes commands that whoever rang the doorbell could not
 * @done: commands that the worker has finished
 * @count: what happened
 * @delay: completions that wait
 * @lost: commands (&emul_deferred.lost) that are not completed
 * @heals: what gets them back
 * @hang: nothing is executed
 * @busy_until: no command is taken before, in nanoseconds; without a lock
 */
struct emul_queue {
	struct emul *emul;
	struct asblk_queue *q;
	struct emul_irq irq;
	struct emul_ring sq;
	const struct emul_command **sqe;
	struct emul_desc **list;
	struct emul_desc *reserve;
	bool reserve_lent;
	u16 reserve_id;
	u32 sq_new;
	struct emul_ring cq;
	struct emul_completion *cqe;

	spinlock_t run_lock ____cacheline_aligned_in_smp;
	struct work_struct again;
	struct llist_head done;
	struct emul_counters count;
	struct emul_delay delay;
	struct list_head lost;
	enum emul_recovered_by heals;
	bool hang;
	u64 busy_until;
};

/*
 * On one CPU alone a spinlock that is tried is always free: there it is softirqs, where
 * the queue's timer fires, that must not come in between.
 */
static inline bool emul_queue_trylock(struct emul_queue *eq)
{
	return IS_ENABLED(CONFIG_SMP) ? spin_trylock(&eq->run_lock) :
					spin_trylock_bh(&eq->run_lock);
}

static inline void emul_queue_unlock(struct emul_queue *eq)
{
	if (IS_ENABLED(CONFIG_SMP))
		spin_unlock(&eq->run_lock);
	else
		spin_unlock_bh(&eq->run_lock);
}

/**
 * struct emul_params - an emulated controller with its medium
 * @size: capacity in bytes, a multiple of @block_size
 * @memory_limit: most bytes that its data and what grows with it may take; 0: what all
 *	disks without a limit share
 * @queues: queues with an interrupt
 * @poll_queues: polled queues
 * @queue_depth: requests in flight per queue
 * @block_size: logical block size in bytes
 * @physical_block_size: physical block size in bytes
 * @limits: of a transfer
 * @removable: the medium can be ejected
 * @rotational: it turns
 * @read_only: the medium is write protected
 * @volatile_cache: there is one, so that flushes matter
 * @write_cache: it is on
 * @direct_irq: the interrupt handler is called by who executes
 * @coalesce_count: completions that an interrupt waits for
 * @coalesce_usecs: how long at most, in microseconds; 0: not at all
 * @seed: of what is random about latency
 * @timeout_ms: milliseconds after which a request is late
 * @node: NUMA node, or NUMA_NO_NODE
 * @model: model string
 * @serial: serial number
 * @firmware_rev: firmware revision
 * @wwid: unique ID
 */
struct emul_params {
	u64 size;
	u64 memory_limit;
	unsigned int queues;
	unsigned int poll_queues;
	unsigned int queue_depth;
	unsigned int block_size;
	unsigned int physical_block_size;
	struct asblk_limits limits;
	bool removable;
	bool rotational;
	bool read_only;
	bool volatile_cache;
	bool write_cache;
	bool direct_irq;
	unsigned int coalesce_count;
	unsigned int coalesce_usecs;
	u64 seed;
	unsigned int timeout_ms;
	int node;
	const char *model;
	const char *serial;
	const char *firmware_rev;
	u8 wwid[16];
};

/**
 * struct emul - an emulated controller with its medium
 * @params: what it is; its strings are not kept
 * @nr: number, for names
 * @medium: the medium; stays its owner's
 * @faults: its fault rules, or NULL
 * @model: what makes commands take time, or NULL
 * @seed: of the model
 * @slow: see emul_is_slow()
 * @fatal: a fault rule has stopped it for good
 * @queue: nr_queues of them
 * @nr_queues: with and without interrupts
 * @irqs: interrupt domain
 * @wq: where commands go that may sleep
 * @ctrl: controller, once it is known to the engine
 * @disk: disk, likewise
 */
struct emul {
	struct emul_params params;
	unsigned int nr;
	struct emul_medium *medium;
	struct emul_faults *faults;
	struct emul_model __rcu *model;
	u64 seed;
	bool slow;
	bool fatal;
	struct emul_queue *queue;
	unsigned int nr_queues;
	struct irq_domain *irqs;
	struct workqueue_struct *wq;
	struct asblk_ctrl *ctrl;
	struct asblk_disk *disk;
};

/*
 * Has it ever had a latency, or a fault rule that was enabled, or coalesced interrupts?
 * All others need not look for such things.
 */
static inline bool emul_is_slow(const struct emul *emul)
{
	return READ_ONCE(emul->slow);
}

static inline void emul_be_slow(struct emul *emul)
{
	WRITE_ONCE(emul->slow, true);
}

/* controller.c */
struct emul *emul_create(const struct emul_params *params, unsigned int nr,
			 struct emul_medium *medium, struct emul_faults *faults,
			 struct emul_model *model);
int emul_add_disk(struct emul *emul);
void emul_remove_disk(struct emul *emul);
void emul_destroy_ctrl(struct emul *emul);
void emul_destroy(struct emul *emul);
int emul_set_model(struct emul *emul, const struct emul_options *o);

/* device.c */
void emul_device_init(struct emul_queue *eq);
void emul_device_run(struct emul_queue *eq);
int emul_device_abort(struct emul_queue *eq, u16 id);
int emul_device_reset_queue(struct emul_queue *eq, enum emul_recovered_by by);
void emul_device_post(struct emul_queue *eq, const struct emul_completion *c);
void emul_device_post_extra(struct emul_queue *eq, u16 id);
void emul_device_count(struct emul *emul, struct emul_counters *sum);

/* irq.c */
int emul_irq_domain_create(struct emul *emul);
void emul_irq_domain_remove(struct emul *emul);
int emul_irq_request(struct emul_queue *eq, irq_handler_t handler);
void emul_irq_free(struct emul_queue *eq);
void emul_irq_raise(struct emul_queue *eq);

/* delay.c */
void emul_delay_init(struct emul_queue *eq);
void emul_delay_exit(struct emul_queue *eq);
void emul_delay_seed(struct emul_queue *eq);
bool emul_delay_is_due(const struct emul_queue *eq);
bool emul_delay_finish(struct emul_queue *eq, struct emul_deferred *d);
unsigned int emul_delay_expire(struct emul_queue *eq);
bool emul_delay_raise(struct emul_queue *eq, unsigned int nr);
bool emul_delay_abort(struct emul_queue *eq, u16 id);
void emul_delay_forget(struct emul_queue *eq);
void emul_delay_show(struct emul_queue *eq, struct seq_file *m);
extern const struct file_operations *const emul_delay_fops;

/* profiles.c */
#define EMUL_PROFILE_NAMES "sata-ssd, nvme-ssd, plp, qlc, hdd, usb-stick or ideal"

bool emul_profile_known(const char *name);
void emul_profile_apply(struct emul_options *o, const char *name);

/* params.c */
int emul_params_parse(struct emul_options *o, unsigned int *nr_disks);

/* config.c */
int emul_init(void);
void emul_exit(void);

/* attrs.c */
extern const struct attribute_group emul_attr_group;

#endif /* _ASBLK_EMUL_H */
