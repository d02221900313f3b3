/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of emul/ share, grouped by file. */
#ifndef _ASBLK_EMUL_H
#define _ASBLK_EMUL_H

#include <linux/asblk.h>
#include <linux/irq_work.h>
#include <linux/interrupt.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "hooks.h"
#include "rings.h"
#include "store.h"

struct emul;
struct irq_desc;

/**
 * struct emul_irq - an interrupt line
 * @raise: gets the CPU into hard interrupt context
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
 * struct emul_deferred - a command that may sleep, for the worker
 * @work: on &emul.wq
 * @node: on &emul_queue.done, afterwards
 * @q: its queue
 * @cmd: copy of the command
 * @result: its completion
 */
struct emul_deferred {
	struct work_struct work;
	struct llist_node node;
	struct emul_queue *q;
	struct emul_command cmd;
	struct emul_completion result;
};

/**
 * struct emul_queue - both sides of a hardware queue
 * @emul: controller
 * @eq: the engine's side
 * @irq: interrupt line; unused if the queue is polled
 * @sq: submission ring
 * @sqe: its entries
 * @sq_new: entries filled but not rung for; under the engine's lock
 * @cq: completion ring
 * @cqe: its entries
 * @run_lock: held by who executes commands; taken with a trylock, never in a
 *	hard interrupt handler. Protects the device's ends of the rings and
 *	@count.
 * @again: executes commands that whoever rang the doorbell could not
 * @done: commands that the worker has finished
 * @count: what happened
 * @hooks: for tests
 */
struct emul_queue {
	struct emul *emul;
	struct asblk_queue *eq;
	struct emul_irq irq;
	struct emul_ring sq;
	struct emul_command *sqe;
	u32 sq_new;
	struct emul_ring cq;
	struct emul_completion *cqe;

	spinlock_t run_lock ____cacheline_aligned_in_smp;
	struct work_struct again;
	struct llist_head done;
	struct emul_counters count;
#if IS_ENABLED(CONFIG_KUNIT)
	struct emul_hooks hooks;
#endif
};

/**
 * struct emul_params - an emulated controller with its medium
 * @size: capacity in bytes, a multiple of @block_size
 * @memory_limit: most bytes that its data and tables may take
 * @queues: queues with an interrupt
 * @poll_queues: polled queues
 * @queue_depth: requests in flight per queue
 * @block_size: logical block size in bytes
 * @physical_block_size: physical block size in bytes
 * @limits: of a transfer
 * @removable: the medium can be ejected
 * @read_only: the medium is write protected
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
	bool read_only;
};

/**
 * struct emul - an emulated controller with its medium
 * @params: what it is
 * @nr: number, for names
 * @block_shift: log2 of the logical block size
 * @nr_blocks: capacity in logical blocks
 * @store: the medium
 * @loaded: the medium is in; written while no command is in flight
 * @queue: nr_queues of them
 * @nr_queues: with and without interrupts
 * @irqs: interrupt domain
 * @wq: where commands go that may sleep
 * @ctrl: controller, once it is known to the engine
 * @disk: disk, likewise
 * @list: on the list of all
 */
struct emul {
	struct emul_params params;
	unsigned int nr;
	u8 block_shift;
	u64 nr_blocks;
	struct emul_store store;
	bool loaded;
	struct emul_queue *queue;
	unsigned int nr_queues;
	struct irq_domain *irqs;
	struct workqueue_struct *wq;
	struct asblk_ctrl *ctrl;
	struct asblk_disk *disk;
	struct list_head list;
};

/* controller.c */
struct emul *emul_create(const struct emul_params *params, unsigned int nr);
void emul_destroy(struct emul *emul);
int emul_init(void);
void emul_exit(void);

/* device.c */
void emul_device_init(struct emul_queue *q);
void emul_device_run(struct emul_queue *q);
int emul_device_abort(struct emul_queue *q, u16 id);
int emul_device_reset_queue(struct emul_queue *q, enum emul_heals by);
void emul_device_post(struct emul_queue *q, u16 id, blk_status_t status);
void emul_device_count(struct emul *emul, struct emul_counters *sum);

/* irq.c */
int emul_irq_domain_create(struct emul *emul);
void emul_irq_domain_remove(struct emul *emul);
int emul_irq_request(struct emul_queue *q, irq_handler_t handler);
void emul_irq_free(struct emul_queue *q);
void emul_irq_raise(struct emul_queue *q);

/* params.c */
int emul_params_parse(struct emul_params *params, unsigned int *nr_disks);

/* attrs.c */
extern const struct attribute_group emul_attr_group;

#endif /* _ASBLK_EMUL_H */
