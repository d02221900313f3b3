// SPDX-License-Identifier: GPL-2.0-only
/*
 * The admin queue: a queue of the engine's for commands only, with tags of its own. Commands
 * that the driver sends in order to start, reset and stop the controller take it too. So it
 * starts before all others, is stopped after them, and a reset of the controller does not hold
 * it: the driver says when.
 */
#include <linux/export.h>
#include <linux/slab.h>

#include "admin.h"
#include "complete.h"
#include "limits.h"
#include "mq.h"
#include "queue.h"
#include "recovery.h"

static int admin_check(const struct asblk_admin_params *p, struct device *dev)
{
	if (!p->depth || p->depth > ASBLK_MAX_QUEUE_DEPTH || p->nr_reserved >= p->depth) {
		dev_err(dev, "invalid depth %u of the admin queue (1 to %u), %u of it reserved\n",
			p->depth, ASBLK_MAX_QUEUE_DEPTH, p->nr_reserved);
		return -EINVAL;
	}
	return asblk_limits_check(&p->limits, dev);
}

static int admin_alloc_queue(struct asblk_ctrl *ctrl)
{
	const struct asblk_limits *l = &ctrl->admin.params.limits;
	struct queue_limits lim = {
		.max_hw_sectors		= max(l->max_bytes, PAGE_SIZE) >> SECTOR_SHIFT,
		.max_segments		= min(l->max_segments, USHRT_MAX),
		.max_segment_size	= UINT_MAX,
		.seg_boundary_mask	= ULONG_MAX,
		.virt_boundary_mask	= l->virt_boundary_mask,
		.dma_alignment		= asblk_limits_dma_alignment(l, SECTOR_SIZE),
	};
	struct request_queue *q;

	asblk_dma_limits(&ctrl->dma, &lim);
	q = blk_mq_alloc_queue(&ctrl->admin.set, &lim, &ctrl->admin.unit);
	if (IS_ERR(q))
		return PTR_ERR(q);
	ctrl->admin.q = q;
	return 0;
}

/* Start the admin queue. May sleep. Return: as asblk_ctrl_alloc(). */
int asblk_admin_init(struct asblk_ctrl *ctrl, const struct asblk_admin_params *params)
{
	struct asblk_admin *admin = &ctrl->admin;
	struct asblk_hwq_params qp = {
		.index		= ASBLK_ADMIN_QUEUE,
		.lim		= &admin->params.limits,
		.depth		= params->depth,
		.priv_size	= params->transfer_priv_size,
	};
	int err = admin_check(params, &ctrl->dev);

	if (err)
		return err;
	admin->params = *params;
	asblk_dma_limit_segments(&ctrl->dma, &admin->params.limits);
	admin->hwq = kzalloc_node(sizeof(*admin->hwq), GFP_KERNEL, ctrl->node);
	if (!admin->hwq)
		return -ENOMEM;
	err = asblk_admin_tag_set_init(ctrl);
	if (err)
		goto free;
	err = admin_alloc_queue(ctrl);
	if (err)
		goto free_set;
	err = asblk_hwq_init(admin->hwq, ctrl, &qp);
	if (err)
		goto free_queue;
	return 0;

free_queue:
	blk_mq_destroy_queue(admin->q);
	blk_put_queue(admin->q);
	admin->q = NULL;
free_set:
	blk_mq_free_tag_set(&admin->set);
free:
	kfree(admin->hwq);
	admin->hwq = NULL;
	return err;
}

/* Stop the admin queue, if there is one. No other queue is left. May sleep. */
void asblk_admin_exit(struct asblk_ctrl *ctrl)
{
	struct asblk_admin *admin = &ctrl->admin;

	if (!admin->hwq)
		return;
	/* Nobody submits any more, nor is in &asblk_ctrl_ops.run. */
	asblk_admin_stop(ctrl);
	blk_mq_wait_quiesce_done(&admin->set);
	asblk_hwq_stop(admin->hwq);
	asblk_admin_die(ctrl);
	blk_mq_destroy_queue(admin->q);
	blk_mq_free_tag_set(&admin->set);
	asblk_hwq_exit(admin->hwq);
}

/* The last who may have used asblk_admin_queue() is gone. */
void asblk_admin_free(struct asblk_ctrl *ctrl)
{
	if (ctrl->admin.q)
		blk_put_queue(ctrl->admin.q);
	kfree(ctrl->admin.hwq);
}

/**
 * asblk_admin_queue - where a controller's commands are sent to
 * @ctrl: controller with an admin queue
 *
 * Valid as long as a reference to asblk_ctrl_device() is held; once the controller is
 * destroyed asblk_command_request() fails.
 *
 * Context: any.
 * Return: queue for asblk_command_request().
 */
struct request_queue *asblk_admin_queue(struct asblk_ctrl *ctrl)
{
	return ctrl->admin.q;
}
ASBLK_EXPORT(asblk_admin_queue);
