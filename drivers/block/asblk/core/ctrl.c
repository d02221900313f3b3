// SPDX-License-Identifier: GPL-2.0-only
/* The life of a controller, and its class in sysfs. */
#include <linux/export.h>
#include <linux/idr.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "admin.h"
#include "ctrl.h"
#include "debugfs.h"
#include "limits.h"
#include "mq.h"
#include "pm.h"
#include "queue.h"
#include "recovery.h"
#include "slots.h"
#include "sysfs.h"

static DEFINE_IDA(asblk_ctrl_ida);
static DECLARE_WAIT_QUEUE_HEAD(asblk_ctrl_gone);

/* Allocating them may have failed half way. */
static void ctrl_free_queues(struct asblk_ctrl *ctrl)
{
	unsigned int i;

	for (i = 0; ctrl->queues && i < ctrl->nr_queues; i++)
		kfree(ctrl->queues[i]);
	kfree(ctrl->queues);
}

static void asblk_ctrl_release(struct device *dev)
{
	struct asblk_ctrl *ctrl = to_ctrl(dev);
	int id;

	kfree(ctrl->params.model);
	kfree(ctrl->params.serial);
	kfree(ctrl->params.firmware_rev);
	ctrl_free_queues(ctrl);
	asblk_admin_free(ctrl);
	asblk_dma_exit(&ctrl->dma);
	id = ctrl->id;
	kfree(ctrl);
	/* Last, as asblk_ctrl_class_exit() waits for it. */
	ida_free(&asblk_ctrl_ida, id);
	wake_up_all(&asblk_ctrl_gone);
}

static const struct class asblk_class = {
	.name		= "asblk",
	.dev_groups	= asblk_ctrl_groups,
	.dev_release	= asblk_ctrl_release,
	.pm		= &asblk_pm_ops,
};

/* An ID has room for the slots of any queue, a slot for any number of retries. */
static_assert(2 * ASBLK_MAX_QUEUE_DEPTH <= ASBLK_MAX_SLOTS);

static int ctrl_check(const struct asblk_ctrl *ctrl, struct device *dev)
{
	const struct asblk_ctrl_params *p = &ctrl->params;

	if (p->dma_dev != ctrl->dma.dev || p->node != ctrl->node) {
		dev_err(dev, "dma_dev or node is not as passed to asblk_ctrl_alloc()\n");
		return -EINVAL;
	}
	if (!p->nr_queues || p->nr_queues > nr_cpu_ids ||
	    p->nr_poll_queues > nr_cpu_ids) {
		dev_err(dev, "invalid number of queues: %u (1 to %u), polled %u (0 to %u)\n",
			p->nr_queues, nr_cpu_ids, p->nr_poll_queues, nr_cpu_ids);
		return -EINVAL;
	}
	if (!p->queue_depth || p->queue_depth > ASBLK_MAX_QUEUE_DEPTH ||
	    p->nr_extra_slots > ASBLK_MAX_QUEUE_DEPTH) {
		dev_err(dev, "invalid queue depth %u (1 to %u) or extra slots %u (0 to %u)\n",
			p->queue_depth, ASBLK_MAX_QUEUE_DEPTH, p->nr_extra_slots,
			ASBLK_MAX_QUEUE_DEPTH);
		return -EINVAL;
	}
	if (p->max_retries > U8_MAX) {
		dev_err(dev, "invalid max_retries %u (0 to %u)\n", p->max_retries, U8_MAX);
		return -EINVAL;
	}
	if (ctrl->coalesced && !ctrl->ops->coalesce) {
		dev_err(dev, "coalesce_count and coalesce_usecs require operation coalesce\n");
		return -EINVAL;
	}
	return asblk_limits_check(&p->limits, dev);
}

/*
 * Without disable a dead controller could go on writing to memory; without wake it would
 * sleep forever; without reset a queue whose own reset has failed would stay stopped.
 */
static int ctrl_check_ops(const struct asblk_ctrl_ops *ops, struct device *dev)
{
	if ((!ops->reset || ops->disable) && (!ops->reset_queue || ops->reset) &&
	    (!ops->idle || ops->wake))
		return 0;
	dev_err(dev, "operation reset_queue requires reset, reset requires disable, idle requires wake\n");
	return -EINVAL;
}

static void ctrl_stop_queues(struct asblk_ctrl *ctrl, unsigned int nr)
{
	while (nr--) {
		asblk_hwq_stop(ctrl->queues[nr]);
		asblk_hwq_exit(ctrl->queues[nr]);
	}
}

/* One by one, as together they may be large. */
static int ctrl_alloc_queues(struct asblk_ctrl *ctrl)
{
	unsigned int i;

	ctrl->queues = kcalloc(ctrl->nr_queues, sizeof(*ctrl->queues), GFP_KERNEL);
	if (!ctrl->queues)
		return -ENOMEM;
	for (i = 0; i < ctrl->nr_queues; i++) {
		ctrl->queues[i] = kzalloc_node(sizeof(*ctrl->queues[i]), GFP_KERNEL,
					       ctrl->params.node);
		if (!ctrl->queues[i])
			return -ENOMEM;
	}
	return 0;
}

static int ctrl_start_queue(struct asblk_ctrl *ctrl, unsigned int index)
{
	const struct asblk_ctrl_params *p = &ctrl->params;
	struct asblk_hwq_params qp = {
		.index		= index,
		.lim		= &p->limits,
		.depth		= p->queue_depth,
		.nr_extra_slots	= p->nr_extra_slots,
		.priv_size	= p->transfer_priv_size,
		.max_retries	= p->max_retries,
		.polled		= index >= p->nr_queues,
	};

	return asblk_hwq_init(ctrl->queues[index], ctrl, &qp);
}

static int ctrl_start_queues(struct asblk_ctrl *ctrl)
{
	unsigned int i;
	int err;

	ctrl->nr_queues = ctrl->params.nr_queues + ctrl->params.nr_poll_queues;
	asblk_dma_limit_segments(&ctrl->dma, &ctrl->params.limits);
	err = ctrl_alloc_queues(ctrl);
	if (err)
		return err;
	for (i = 0; i < ctrl->nr_queues; i++) {
		err = ctrl_start_queue(ctrl, i);
		if (err)
			goto stop;
	}
	err = asblk_tag_set_init(ctrl);
	if (err)
		goto stop;
	return 0;

stop:
	ctrl_stop_queues(ctrl, i);
	return err;
}

static int ctrl_copy_params(struct asblk_ctrl *ctrl, const struct asblk_ctrl_params *params)
{
	ctrl->params = *params;
	ctrl->params.model = kstrdup(params->model, GFP_KERNEL);
	ctrl->params.serial = kstrdup(params->serial, GFP_KERNEL);
	ctrl->params.firmware_rev = kstrdup(params->firmware_rev, GFP_KERNEL);
	ctrl->cache_on = !params->cache_off;
	ctrl->coalesce_count = max(params->coalesce_count, 1);
	ctrl->coalesce_usecs = params->coalesce_usecs;
	/* To be set again after a reset. */
	ctrl->coalesced = ctrl->coalesce_count > 1 || ctrl->coalesce_usecs;
	return ctrl->params.model && ctrl->params.serial && ctrl->params.firmware_rev ? 0 :
										  -ENOMEM;
}

/**
 * asblk_ctrl_alloc - allocate a controller, and start its admin queue
 * @ops: its operations; must outlive it
 * @admin: parameters of its admin queue, copied; NULL if it has none
 * @node: NUMA node, or NUMA_NO_NODE
 * @dma_dev: device that accesses the memory of transfers, to map it for; NULL for none
 * @parent: parent device, or NULL
 * @priv: for asblk_ctrl_priv(), from the first call of an operation on
 *
 * For a controller whose parameters are known only after some commands. asblk_ctrl_start() is
 * to follow, or asblk_ctrl_free(). Until it is started nothing recovers it: whoever waits for a
 * command must not wait without a limit.
 *
 * Context: task, may sleep.
 * Return: controller, or an ERR_PTR: -EINVAL after a line in the log that says
 * what is wrong with @admin, -ENOMEM, or the error of &asblk_ctrl_ops.start_queue.
 */
struct asblk_ctrl *asblk_ctrl_alloc(const struct asblk_ctrl_ops *ops,
				    const struct asblk_admin_params *admin, int node,
				    struct device *dma_dev, struct device *parent, void *priv)
{
	struct asblk_ctrl *ctrl = kzalloc_obj(*ctrl);
	int err;

	if (!ctrl)
		return ERR_PTR(-ENOMEM);
	ctrl->id = ida_alloc(&asblk_ctrl_ida, GFP_KERNEL);
	if (ctrl->id < 0) {
		err = ctrl->id;
		kfree(ctrl);
		return ERR_PTR(err);
	}
	asblk_recovery_init(ctrl);
	mutex_init(&ctrl->settings_lock);
	mutex_init(&ctrl->disks_lock);
	INIT_LIST_HEAD(&ctrl->disks);
	ctrl->ops = ops;
	ctrl->node = node;
	ctrl->priv = priv;

	device_initialize(&ctrl->dev);
	ctrl->dev.class = &asblk_class;
	ctrl->dev.parent = parent;
	err = dev_set_name(&ctrl->dev, "ctrl%d", ctrl->id);
	if (!err)
		err = ctrl_check_ops(ops, &ctrl->dev);
	if (!err)
		err = asblk_dma_init(&ctrl->dma, dma_dev);
	if (!err && admin)
		err = asblk_admin_init(ctrl, admin);
	if (err) {
		put_device(&ctrl->dev);
		return ERR_PTR(err);
	}
	return ctrl;
}
ASBLK_EXPORT(asblk_ctrl_alloc);

/**
 * asblk_ctrl_start - start a controller's queues
 * @ctrl: controller
 * @params: its parameters; copied
 *
 * Context: task, may sleep.
 * Return: 0, and asblk_ctrl_destroy() is to follow; or a negative errno, and
 * asblk_ctrl_free(): -EINVAL after a line in the log that says what is wrong with @params,
 * -ENOMEM, or the error of &asblk_ctrl_ops.start_queue.
 */
int asblk_ctrl_start(struct asblk_ctrl *ctrl, const struct asblk_ctrl_params *params)
{
	int err = ctrl_copy_params(ctrl, params);

	if (!err)
		err = ctrl_check(ctrl, &ctrl->dev);
	if (!err)
		err = ctrl_start_queues(ctrl);
	if (err)
		return err;
	asblk_pm_init(ctrl);
	err = device_add(&ctrl->dev);
	if (err)
		goto stop;
	asblk_debugfs_add(ctrl);
	asblk_recovery_live(ctrl);
	return 0;

stop:
	asblk_pm_exit(ctrl);
	blk_mq_free_tag_set(&ctrl->set);
	ctrl_stop_queues(ctrl, ctrl->nr_queues);
	return err;
}
ASBLK_EXPORT(asblk_ctrl_start);

/**
 * asblk_ctrl_free - give up a controller that was not started
 * @ctrl: controller
 *
 * Context: task, may sleep.
 */
void asblk_ctrl_free(struct asblk_ctrl *ctrl)
{
	asblk_recovery_exit(ctrl);
	asblk_admin_exit(ctrl);
	put_device(&ctrl->dev);
}
ASBLK_EXPORT(asblk_ctrl_free);

/**
 * asblk_ctrl_create - make a controller without an admin queue and start it
 * @ops: its operations; must outlive it
 * @params: its parameters; copied
 * @parent: parent device, or NULL
 * @priv: for asblk_ctrl_priv(), from the first call of an operation on
 *
 * Context: task, may sleep.
 * Return: controller, or an ERR_PTR as asblk_ctrl_alloc() and asblk_ctrl_start().
 */
struct asblk_ctrl *asblk_ctrl_create(const struct asblk_ctrl_ops *ops,
				     const struct asblk_ctrl_params *params,
				     struct device *parent, void *priv)
{
	struct asblk_ctrl *ctrl = asblk_ctrl_alloc(ops, NULL, params->node, params->dma_dev,
						   parent, priv);
	int err;

	if (IS_ERR(ctrl))
		return ctrl;
	err = asblk_ctrl_start(ctrl, params);
	if (err) {
		asblk_ctrl_free(ctrl);
		return ERR_PTR(err);
	}
	return ctrl;
}
ASBLK_EXPORT(asblk_ctrl_create);

/**
 * asblk_ctrl_destroy - stop a controller
 * @ctrl: controller, whose disks have all been removed
 *
 * Its memory stays until the last opener of a removed disk is gone; its
 * operations are not called again.
 *
 * Context: task, may sleep.
 */
void asblk_ctrl_destroy(struct asblk_ctrl *ctrl)
{
	WARN_ON_ONCE(!list_empty(&ctrl->disks));
	asblk_pm_exit(ctrl);
	asblk_debugfs_remove(ctrl);
	device_del(&ctrl->dev);
	asblk_recovery_exit(ctrl);
	/* A CPU that submitted the last request may still be in &asblk_ctrl_ops.run. */
	blk_mq_wait_quiesce_done(&ctrl->set);
	blk_mq_free_tag_set(&ctrl->set);
	ctrl_stop_queues(ctrl, ctrl->nr_queues);
	asblk_admin_exit(ctrl);
	put_device(&ctrl->dev);
}
ASBLK_EXPORT(asblk_ctrl_destroy);

/**
 * asblk_ctrl_priv - a controller driver's own data
 * @ctrl: controller
 *
 * Context: any.
 * Return: what was passed to asblk_ctrl_create().
 */
void *asblk_ctrl_priv(const struct asblk_ctrl *ctrl)
{
	return ctrl->priv;
}
ASBLK_EXPORT(asblk_ctrl_priv);

/**
 * asblk_ctrl_device - the device of a controller, for dev_err() and the like
 * @ctrl: controller
 *
 * Context: any.
 * Return: /sys/class/asblk/ctrlN.
 */
struct device *asblk_ctrl_device(struct asblk_ctrl *ctrl)
{
	return &ctrl->dev;
}
ASBLK_EXPORT(asblk_ctrl_device);

int asblk_ctrl_class_init(void)
{
	return class_register(&asblk_class);
}

void asblk_ctrl_class_exit(void)
{
	/*
	 * Closing a disk drops the module's reference before the disk's: wait until those
	 * who do have left our code.
	 */
	wait_event(asblk_ctrl_gone, ida_is_empty(&asblk_ctrl_ida));
	synchronize_rcu_tasks();
	class_unregister(&asblk_class);
	ida_destroy(&asblk_ctrl_ida);
}
