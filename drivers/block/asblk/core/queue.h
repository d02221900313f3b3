/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hardware queue as the engine sees it, and the batches on it. queue.c, which makes
 * queues and ends batches, is above submission and completion.
 */
#ifndef _ASBLK_QUEUE_H
#define _ASBLK_QUEUE_H

#include <linux/asblk.h>
#include <linux/blk-mq.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../compat.h"
#include "slots.h"

struct asblk_dma;

/**
 * struct asblk_counters - what happened on a queue, under &asblk_hwq.lock
 * @requests: requests accepted
 * @transfers: transfers the controller accepted
 * @completions: transfers completed, well or not
 * @interrupts: calls of asblk_reap()
 * @polls: calls of the block layer's poll
 * @retries: transfers that were retried or requeued
 * @busy: times the controller was busy
 * @errors: requests that failed
 * @unknown_ids: completions with an ID that names no transfer in flight
 * @timeouts: requests that timed out
 * @lost_interrupts: requests that timed out and that polling found finished
 * @aborts: transfers that the controller was asked to abort
 * @resets: times that the queue was reset, alone or with its controller
 * @failed_resets: times that it could not be reset alone
 * @requeued: transfers in flight that a reset lost
 */
struct asblk_counters {
	u64 requests;
	u64 transfers;
	u64 completions;
	u64 interrupts;
	u64 polls;
	u64 retries;
	u64 busy;
	u64 errors;
	u64 unknown_ids;
	u64 timeouts;
	u64 lost_interrupts;
	u64 aborts;
	u64 resets;
	u64 failed_resets;
	u64 requeued;
};

/*
 * Why a queue submits no new transfers to the controller, &asblk_hwq.held. RETRY: it was
 * busy, or others wait to be retried: nothing overtakes them. STOPPED: for a reset or a
 * pause. DEAD: the controller is. IDLE: the controller has to be woken first.
 */
#define ASBLK_HELD_RETRY	BIT(0)
#define ASBLK_HELD_STOPPED	BIT(1)
#define ASBLK_HELD_DEAD		BIT(2)
#define ASBLK_HELD_IDLE		BIT(3)

/**
 * struct asblk_hwq - the engine's side of a hardware queue
 * @pub: the controller's view of it
 * @ops: of the controller
 * @lim: of the controller
 * @whole_bytes: a data request of one segment and at most this many bytes is
 *	one transfer, without a look at its memory
 * @max_retries: &asblk_ctrl_params.max_retries
 * @name: for the log
 * @priv_size: &asblk_ctrl_params.transfer_priv_size, rounded up
 * @priv_area: @priv_size bytes for each slot
 * @segs: room for the segments of the transfer that is being submitted
 * @dma_dev: &asblk_dma.dev
 * @must_map: &asblk_dma.must_map
 * @dma: of the controller
 * @dev: the controller's device, to name in the log and to resume
 * @rerun_work: resubmits what waits for a busy controller if no completion does
 * @due_work: resubmits @delayed
 * @lock: protects everything below, and serialises the controller's submit,
 *	doorbell and reap. Hard interrupt safe. Other CPUs than the queue's take it
 *	only where an interrupt strays, for timeouts and for debugfs.
 * @slots: transfers in flight
 * @transfer: the one being submitted
 * @pending: requests (&asblk_rq.pending) with parts to be issued, in the order in which
 *	they came: the controller was busy, or the slot of their tag is free
 * @starved: requests with parts to be issued that wait for a slot, likewise
 * @retry: first of the slots whose transfers are to be retried
 * @retry_tail: last of them
 * @delayed: first of the slots whose transfers are to be retried once they are due, in
 *	any order
 * @delayed_due: when the first of them is, in jiffies
 * @waiting: @pending, @starved, @retry or @delayed may have something
 * @doorbell_due: transfers were submitted since the last doorbell
 * @held: ASBLK_HELD_*
 * @needs_reset: step that recovery is to take, an ASBLK_ESCALATE_*; 0 for none
 * @reset_at: @count.completions when the queue was last reset alone, U64_MAX if it
 *	never was; under &asblk_ctrl.ops_lock
 * @idle_at: @count.requests when it was last checked for being idle
 * @count: what happened
 */
struct asblk_hwq {
	struct asblk_queue pub;
	const struct asblk_ctrl_ops *ops;
	const struct asblk_limits *lim;
	u32 whole_bytes;
	unsigned int max_retries;
	char name[20];
	size_t priv_size;
	void *priv_area;
	struct asblk_segment *segs;
	struct device *dma_dev;
	bool must_map;
	struct asblk_dma *dma;
	struct device *dev;
	struct delayed_work rerun_work;
	struct delayed_work due_work;

	spinlock_t lock ____cacheline_aligned_in_smp;
	bool doorbell_due;
	u8 held;
	bool waiting;
	u8 needs_reset;
	u16 retry;
	u16 retry_tail;
	u16 delayed;
	u32 delayed_due;
	struct asblk_slots slots;
	struct list_head pending;
	struct list_head starved;
	struct asblk_counters count;
	struct asblk_transfer transfer;
	u64 reset_at;
	u64 idle_at;
};

/**
 * struct asblk_hwq_params - what a queue is made of
 * @index: &asblk_queue.index
 * @lim: limits of a transfer; outlives the queue
 * @depth: tags
 * @nr_extra_slots: slots that belong to no tag
 * @priv_size: bytes of &asblk_transfer.priv
 * @max_retries: &asblk_ctrl_params.max_retries
 * @polled: &asblk_queue.polled
 */
struct asblk_hwq_params {
	unsigned int index;
	const struct asblk_limits *lim;
	unsigned int depth;
	unsigned int nr_extra_slots;
	size_t priv_size;
	unsigned int max_retries;
	bool polled;
};

static inline struct asblk_hwq *asblk_to_hwq(struct asblk_queue *q)
{
	return container_of(q, struct asblk_hwq, pub);
}

/* A slot's &asblk_transfer.priv. */
static inline void *asblk_hwq_priv(const struct asblk_hwq *hwq, unsigned int index)
{
	return hwq->priv_area + index * hwq->priv_size;
}

/**
 * struct asblk_batch - one batch on a queue, with its lock held
 * @hwq: queue
 * @flags: interrupt state to go back to
 * @nr: transfers completed
 * @iob: requests that end together; may be NULL
 * @single: requests that end one by one
 *
 * Without holes, see asblk_batch_begin().
 */
struct asblk_batch {
	struct asblk_hwq *hwq;
	unsigned long flags;
	unsigned long nr;
	struct io_comp_batch *iob;
	struct rq_list single;
};

static_assert(sizeof(struct asblk_batch) == 4 * sizeof(long) + sizeof(struct rq_list));

/*
 * Take a queue's lock for a batch. @iob collects requests for the caller to end; NULL to
 * end them one by one. Context: any but NMI.
 *
 * Inline, so that a kernel that clears the stack sees that all of @batch is written, and
 * clears nothing.
 */
static inline void asblk_batch_begin(struct asblk_batch *batch, struct asblk_hwq *hwq,
				     struct io_comp_batch *iob)
	__acquires(&hwq->lock)
{
	batch->hwq = hwq;
	batch->flags = 0;
	batch->nr = 0;
	batch->iob = iob;
	rq_list_init(&batch->single);
	spin_lock_irqsave(&hwq->lock, batch->flags);
}

/* queue.c */
int asblk_hwq_init(struct asblk_hwq *hwq, struct asblk_ctrl *ctrl,
		   const struct asblk_hwq_params *p);
void asblk_hwq_stop(struct asblk_hwq *hwq);
void asblk_hwq_exit(struct asblk_hwq *hwq);
void asblk_batch_end(struct asblk_batch *batch, bool doorbell)
	__releases(&batch->hwq->lock);
unsigned int asblk_hwq_poll(struct asblk_hwq *hwq, struct io_comp_batch *iob);
bool asblk_hwq_lost_interrupt(struct asblk_hwq *hwq, struct request *rq);

#endif /* _ASBLK_QUEUE_H */
