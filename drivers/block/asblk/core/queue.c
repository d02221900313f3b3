// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hardware queue's life, and the batches on it. asblk_batch_begin() takes the queue's
 * lock; asblk_batch_end() rings the doorbell, drops the lock and only then ends the
 * requests that finished: neither a device that executes in software nor a bio's end_io
 * runs under the lock. Submission, the interrupt handler, polling and timeouts are all
 * such batches.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/slab.h>

#include "complete.h"
#include "ctrl.h"
#include "limits.h"
#include "queue.h"
#include "request.h"
#include "submit.h"

/*
 * @doorbell: false if more transfers follow at once, in another batch. Context: as
 * asblk_batch_begin(); calls end_io handlers.
 */
void asblk_batch_end(struct asblk_batch *batch, bool doorbell)
	__releases(&batch->hwq->lock)
{
	struct asblk_hwq *hwq = batch->hwq;
	struct request *rq;
	bool run = false;

	if (unlikely(hwq->waiting)) {
		asblk_submit_waiting(batch);
		/* The caller announced more transfers, but may not be able to submit them. */
		doorbell = true;
	}
	if (doorbell && hwq->doorbell_due) {
		hwq->doorbell_due = false;
		hwq->ops->doorbell(&hwq->pub);
		run = hwq->ops->run;
	}
	spin_unlock_irqrestore(&hwq->lock, batch->flags);

	if (run)
		hwq->ops->run(&hwq->pub);
	while ((rq = rq_list_pop(&batch->single)))
		asblk_rq_end(rq);
}
EXPORT_SYMBOL_IF_KUNIT(asblk_batch_end);

static inline void queue_reap(struct asblk_batch *batch)
{
	struct asblk_hwq *hwq = batch->hwq;

	if (likely(!(hwq->held & ASBLK_HELD_STOPPED)))
		hwq->ops->reap(&hwq->pub, batch);
	hwq->count.completions += batch->nr;
}

/**
 * asblk_reap - handle a queue's interrupt
 * @q: queue
 *
 * Calls &asblk_ctrl_ops.reap and ends the requests that finished. Call it from the
 * controller's interrupt handler; calling it more often than needed is harmless.
 *
 * Context: any but NMI; an interrupt handler, with interrupts off, as a rule.
 * Return: number of transfers that finished.
 */
unsigned int asblk_reap(struct asblk_queue *q)
{
	struct asblk_hwq *hwq = asblk_to_hwq(q);
	DEFINE_IO_COMP_BATCH(iob);
	struct asblk_batch batch;

	/* The block layer does not know reserved requests, such as aborts, in a batch. */
	asblk_batch_begin(&batch, hwq, q->index == ASBLK_ADMIN_QUEUE ? NULL : &iob);
	hwq->count.interrupts++;
	queue_reap(&batch);
	asblk_batch_end(&batch, true);
	if (!rq_list_empty(&iob.req_list))
		iob.complete(&iob);
	return batch.nr;
}
ASBLK_EXPORT(asblk_reap);

/* The caller ends @iob, if there is one. Context: task. Return: transfers that finished. */
unsigned int asblk_hwq_poll(struct asblk_hwq *hwq,
			    struct io_comp_batch *iob)
{
	struct asblk_batch batch;

	asblk_batch_begin(&batch, hwq, iob);
	hwq->count.polls++;
	queue_reap(&batch);
	asblk_batch_end(&batch, true);
	return batch.nr;
}

/* Poll because a request timed out. Context: task. Return: true if that has ended it. */
bool asblk_hwq_lost_interrupt(struct asblk_hwq *hwq, struct request *rq)
{
	struct asblk_batch batch;
	bool waited;

	asblk_batch_begin(&batch, hwq, NULL);
	hwq->count.timeouts++;
	waited = blk_mq_rq_state(rq) == MQ_RQ_IN_FLIGHT;
	queue_reap(&batch);
	waited &= blk_mq_rq_state(rq) != MQ_RQ_IN_FLIGHT;
	hwq->count.lost_interrupts += waited;
	asblk_batch_end(&batch, true);
	return waited;
}

static void queue_rerun(struct asblk_hwq *hwq)
{
	struct asblk_batch batch;

	asblk_batch_begin(&batch, hwq, NULL);
	asblk_batch_end(&batch, true);
}

static void queue_rerun_work(struct work_struct *work)
{
	queue_rerun(container_of(work, struct asblk_hwq, rerun_work.work));
}

static void queue_due_work(struct work_struct *work)
{
	queue_rerun(container_of(work, struct asblk_hwq, due_work.work));
}

/* Start a queue, which is zeroed. May sleep. Return: 0 or a negative errno. */
int asblk_hwq_init(struct asblk_hwq *hwq, struct asblk_ctrl *ctrl,
		   const struct asblk_hwq_params *p)
{
	int node = ctrl->node;
	int err;

	hwq->pub.ctrl = ctrl;
	hwq->pub.index = p->index;
	hwq->pub.polled = p->polled;
	hwq->pub.node = node;
	hwq->pub.nr_slots = p->depth + p->nr_extra_slots;
	hwq->ops = ctrl->ops;
	hwq->lim = p->lim;
	hwq->whole_bytes = asblk_limits_whole_bytes(hwq->lim);
	hwq->max_retries = p->max_retries;
	if (p->index == ASBLK_ADMIN_QUEUE)
		strscpy(hwq->name, "admin queue");
	else
		snprintf(hwq->name, sizeof(hwq->name), "queue %u", p->index);
	hwq->priv_size = ALIGN(p->priv_size, 16);
	hwq->dev = &ctrl->dev;
	hwq->dma = &ctrl->dma;
	hwq->dma_dev = ctrl->dma.dev;
	hwq->must_map = ctrl->dma.must_map;
	hwq->retry = ASBLK_SLOT_NONE;
	hwq->delayed = ASBLK_SLOT_NONE;
	hwq->reset_at = U64_MAX;
	spin_lock_init(&hwq->lock);
	INIT_LIST_HEAD(&hwq->pending);
	INIT_LIST_HEAD(&hwq->starved);
	INIT_DELAYED_WORK(&hwq->rerun_work, queue_rerun_work);
	INIT_DELAYED_WORK(&hwq->due_work, queue_due_work);

	err = asblk_slots_init(&hwq->slots, p->depth, p->nr_extra_slots, node);
	if (err)
		return err;
	if (hwq->priv_size) {
		hwq->priv_area = kvcalloc_node(hwq->pub.nr_slots, hwq->priv_size,
					       GFP_KERNEL, node);
		if (!hwq->priv_area) {
			err = -ENOMEM;
			goto free_slots;
		}
	}
	err = -ENOMEM;
	hwq->segs = kvcalloc_node(hwq->lim->max_segments, sizeof(*hwq->segs), GFP_KERNEL,
				  node);
	if (!hwq->segs)
		goto free_priv;
	hwq->transfer.segs = hwq->segs;
	hwq->transfer.lim = hwq->lim;
	err = ctrl->ops->start_queue(&hwq->pub);
	if (err)
		goto free_segs;
	return 0;

free_segs:
	kvfree(hwq->segs);
free_priv:
	kvfree(hwq->priv_area);
free_slots:
	asblk_slots_exit(&hwq->slots);
	return err;
}

/* The device is done with the queue's transfers. May sleep. */
void asblk_hwq_stop(struct asblk_hwq *hwq)
{
	hwq->ops->stop_queue(&hwq->pub);
}

/* Free what a stopped queue consists of. It has no request any more. May sleep. */
void asblk_hwq_exit(struct asblk_hwq *hwq)
{
	cancel_delayed_work_sync(&hwq->rerun_work);
	cancel_delayed_work_sync(&hwq->due_work);
	kvfree(hwq->segs);
	kvfree(hwq->priv_area);
	asblk_slots_exit(&hwq->slots);
}
