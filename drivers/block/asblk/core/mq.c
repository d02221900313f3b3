// SPDX-License-Identifier: GPL-2.0-only
/* blk-mq's callbacks: requests are submitted in batches. */
#include "mq.h"
#include "queue.h"
#include "request.h"
#include "submit.h"
#include "timeout.h"

static blk_status_t mq_map(struct asblk_hwq *hwq, struct request *rq)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);

	return asblk_dma_map(hwq->dma, &ar->map, rq);
}

static void mq_unmap(struct asblk_hwq *hwq, struct request *rq)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);

	asblk_dma_unmap(hwq->dma, &ar->map, rq);
}

static blk_status_t asblk_queue_rq(struct blk_mq_hw_ctx *hctx,
				   const struct blk_mq_queue_data *bd)
{
	struct asblk_hwq *hwq = hctx->driver_data;
	struct asblk_batch batch;
	blk_status_t status;

	if (unlikely(hwq->must_map)) {
		status = mq_map(hwq, bd->rq);
		if (status != BLK_STS_OK)
			return status;
	}
	asblk_batch_begin(&batch, hwq, NULL);
	status = asblk_submit(&batch, bd->rq);
	asblk_batch_end(&batch, bd->last);
	if (unlikely(status != BLK_STS_OK && hwq->must_map))
		mq_unmap(hwq, bd->rq);
	return status;
}

static void asblk_commit_rqs(struct blk_mq_hw_ctx *hctx)
{
	struct asblk_batch batch;

	asblk_batch_begin(&batch, hctx->driver_data, NULL);
	asblk_batch_end(&batch, true);
}

/* Move requests that cannot be mapped now to @failed. */
static noinline void asblk_map_rqs(struct rq_list *rqlist, struct rq_list *failed)
{
	struct rq_list mapped = { };
	struct request *rq;

	while ((rq = rq_list_pop(rqlist))) {
		struct asblk_hwq *hwq = rq->mq_hctx->driver_data;

		if (hwq->must_map && mq_map(hwq, rq) != BLK_STS_OK)
			rq_list_add_tail(failed, rq);
		else
			rq_list_add_tail(&mapped, rq);
	}
	*rqlist = mapped;
}

/* Refused requests are mapped again when blk-mq submits them again. */
static noinline void asblk_unmap_rqs(struct rq_list *refused)
{
	struct request *rq;

	rq_list_for_each(refused, rq) {
		struct asblk_hwq *hwq = rq->mq_hctx->driver_data;

		if (hwq->must_map)
			mq_unmap(hwq, rq);
	}
}

/* What fails is left to asblk_queue_rq(), which returns the status. */
static void asblk_queue_rqs(struct rq_list *rqlist)
{
	struct rq_list refused = { }, failed = { };
	struct asblk_hwq *hwq = rq_list_peek(rqlist)->mq_hctx->driver_data;
	struct request *rq;

	/* All of a list are for one disk. */
	if (unlikely(hwq->must_map))
		asblk_map_rqs(rqlist, &failed);
	rq = rq_list_pop(rqlist);
	while (rq) {
		struct asblk_batch batch;

		hwq = rq->mq_hctx->driver_data;
		asblk_batch_begin(&batch, hwq, NULL);
		do {
			if (unlikely(asblk_submit(&batch, rq) != BLK_STS_OK))
				rq_list_add_tail(&refused, rq);
			rq = rq_list_pop(rqlist);
		} while (rq && rq->mq_hctx->driver_data == hwq);
		asblk_batch_end(&batch, true);
	}
	if (unlikely(!rq_list_empty(&refused)))
		asblk_unmap_rqs(&refused);
	while ((rq = rq_list_pop(&refused)))
		rq_list_add_tail(&failed, rq);
	*rqlist = failed;
}

static int asblk_poll(struct blk_mq_hw_ctx *hctx, struct io_comp_batch *iob)
{
	return asblk_hwq_poll(hctx->driver_data, iob);
}

static enum blk_eh_timer_return asblk_timeout(struct request *rq)
{
	if (asblk_timed_out(rq->mq_hctx->driver_data, rq))
		return BLK_EH_DONE;
	/*
	 * Our caller sets the queue's timer to the next deadline of the requests that have not
	 * timed out. Those of commands may be far away: look again for that of this request.
	 */
	kblockd_schedule_work(&rq->q->timeout_work);
	return BLK_EH_RESET_TIMER;
}

static int asblk_init_hctx(struct blk_mq_hw_ctx *hctx, void *data,
			   unsigned int index)
{
	struct asblk_ctrl *ctrl = data;

	hctx->driver_data = ctrl->queues[index];
	return 0;
}

static int asblk_admin_init_hctx(struct blk_mq_hw_ctx *hctx, void *data, unsigned int index)
{
	struct asblk_ctrl *ctrl = data;

	hctx->driver_data = ctrl->admin.hwq;
	return 0;
}

static void asblk_map_queues(struct blk_mq_tag_set *set)
{
	struct asblk_ctrl *ctrl = set->driver_data;
	struct blk_mq_queue_map *map = &set->map[HCTX_TYPE_DEFAULT];

	map->nr_queues = ctrl->params.nr_queues;
	map->queue_offset = 0;
	if (set->nr_maps > HCTX_TYPE_POLL) {
		/* No queues for reads alone: they use the default ones. */
		set->map[HCTX_TYPE_READ].nr_queues = 0;
		set->map[HCTX_TYPE_POLL].nr_queues =
			ctrl->params.nr_poll_queues;
		set->map[HCTX_TYPE_POLL].queue_offset = ctrl->params.nr_queues;
		blk_mq_map_queues(&set->map[HCTX_TYPE_POLL]);
	}
	if (ctrl->ops->map_queues)
		ctrl->ops->map_queues(ctrl, set);
	else
		blk_mq_map_queues(map);
}

static const struct blk_mq_ops asblk_mq_ops = {
	.queue_rq	= asblk_queue_rq,
	.commit_rqs	= asblk_commit_rqs,
	.queue_rqs	= asblk_queue_rqs,
	.complete	= asblk_rq_end,
	.poll		= asblk_poll,
	.timeout	= asblk_timeout,
	.init_hctx	= asblk_init_hctx,
	.map_queues	= asblk_map_queues,
};

static const struct blk_mq_ops asblk_admin_mq_ops = {
	.queue_rq	= asblk_queue_rq,
	.complete	= asblk_rq_end,
	.timeout	= asblk_timeout,
	.init_hctx	= asblk_admin_init_hctx,
};

static int mq_alloc_tag_set(struct asblk_ctrl *ctrl, struct blk_mq_tag_set *set)
{
	set->cmd_size = asblk_rq_size(ctrl->dma.must_map) +
			(ctrl->ops->answer ? sizeof(struct asblk_command) : 0);
	set->numa_node = ctrl->node;
	set->driver_data = ctrl;
	return blk_mq_alloc_tag_set(set);
}

/* The disks of a controller share one tag set. May sleep. Return: 0 or a negative errno. */
int asblk_tag_set_init(struct asblk_ctrl *ctrl)
{
	struct blk_mq_tag_set *set = &ctrl->set;

	set->ops = &asblk_mq_ops;
	set->nr_hw_queues = ctrl->nr_queues;
	set->nr_maps = ctrl->params.nr_poll_queues ? HCTX_TYPE_POLL + 1 : 1;
	set->queue_depth = ctrl->params.queue_depth;
	set->timeout = msecs_to_jiffies(ctrl->params.timeout_ms);
	/* A RAM disk and an NVMe device need no scheduler by default. */
	set->flags = ASBLK_MQ_F_SHOULD_MERGE | BLK_MQ_F_NO_SCHED_BY_DEFAULT;
	return mq_alloc_tag_set(ctrl, set);
}

/* Commands have tags of their own. May sleep. Return: 0 or a negative errno. */
int asblk_admin_tag_set_init(struct asblk_ctrl *ctrl)
{
	const struct asblk_admin_params *p = &ctrl->admin.params;
	struct blk_mq_tag_set *set = &ctrl->admin.set;

	set->ops = &asblk_admin_mq_ops;
	set->nr_hw_queues = 1;
	set->queue_depth = p->depth;
	set->reserved_tags = p->nr_reserved;
	set->timeout = msecs_to_jiffies(p->timeout_ms);
	return mq_alloc_tag_set(ctrl, set);
}
