// SPDX-License-Identifier: GPL-2.0-only
/* The life of a controller: start it, attach it with its disks, detach and release it. */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/slab.h>

#include "nvme.h"

static int create_ctrl(struct anvme *nd)
{
	/* The engine sees commands without data, see admin.c. */
	struct asblk_admin_params ap = {
		/* One entry stays empty: a full queue would look like an empty one (3.3.1.4). */
		.depth		= ANVME_ADMIN_ENTRIES - 1,
		.nr_reserved	= ANVME_RESERVED,
		.limits = {
			.max_bytes		= ANVME_PAGE,
			.max_segments		= 1,
			.max_segment_bytes	= ANVME_PAGE,
			.seg_boundary_mask	= U64_MAX,
			.max_ranges		= 1,
			.max_range_bytes	= ANVME_PAGE,
			.max_zeroes_bytes	= ANVME_PAGE,
		},
		.timeout_ms	= jiffies_to_msecs(ANVME_ADMIN_TIMEOUT),
	};
	struct asblk_ctrl *ctrl = asblk_ctrl_alloc(&anvme_ops, &ap, dev_to_node(nd->dev), nd->dev,
						   nd->dev, nd);

	nd->ctrl = IS_ERR(ctrl) ? NULL : ctrl;
	return PTR_ERR_OR_ZERO(ctrl);
}

/*
 * Start a controller whose device, registers and wanted numbers of queues are set.
 * Admin commands work afterwards; nr_queues, nr_poll_queues, entries and max_bytes are
 * what the controller allows. Return: 0, or a negative errno with nothing allocated.
 */
int anvme_start(struct anvme *nd)
{
	int err;

	err = anvme_check_capabilities(nd);
	if (err)
		return err;
	err = anvme_regs_disable(nd);
	if (err) {
		dev_err(nd->dev, "failed to disable the controller: %pe\n", ERR_PTR(err));
		return err;
	}
	err = anvme_admin_init(nd) ?: anvme_alloc_identity(nd) ?: create_ctrl(nd) ?:
	      anvme_set_up(nd, anvme_identify_first);
	if (err)
		anvme_release(nd);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(anvme_start);

/* Free whatever anvme_start() has allocated, and stop the controller if it is not yet. */
void anvme_release(struct anvme *nd)
{
	disable_work_sync(&nd->scan);
	disable_work_sync(&nd->events);
	if (nd->ctrl)
		asblk_ctrl_free(nd->ctrl);
	nd->ctrl = NULL;
	anvme_free_dbbuf(nd);
	anvme_admin_exit(nd);
	anvme_free_identity(nd);
}
EXPORT_SYMBOL_IF_KUNIT(anvme_release);

static int start_ctrl(struct anvme *nd)
{
	unsigned int nr_slots = nd->entries - 1;
	/* A quarter of the slots for the parts of split requests. */
	unsigned int nr_extra = nr_slots / 4;
	struct asblk_ctrl_params cp = {
		.model		= nd->model,
		.serial		= nd->serial,
		.firmware_rev	= nd->firmware,
		.limits = {
			.max_bytes		= nd->max_bytes,
			.max_segments		= nd->max_bytes / ANVME_PAGE + 1,
			.max_segment_bytes	= nd->max_bytes,
			.seg_boundary_mask	= U64_MAX,
			.virt_boundary_mask	= ANVME_PAGE - 1,
			.dma_alignment_mask	= 3,
			/* Limits must be valid even if the command is not used. */
			.max_ranges		= nd->max_ranges ?: 1,
			.max_range_bytes	= nd->max_range_bytes ?: ANVME_MAX_LBA,
			.max_zeroes_bytes	= nd->max_zeroes_bytes ?: ANVME_MAX_LBA,
		},
		.nr_queues	= nd->nr_queues,
		.nr_poll_queues	= nd->nr_poll_queues,
		.queue_depth	= nr_slots - nr_extra,
		.nr_extra_slots	= nr_extra,
		.max_retries	= 5,
		.cache_off	= nd->cache_off,
		.node		= dev_to_node(nd->dev),
		.dma_dev	= nd->dev,
	};

	nd->queues = kcalloc(nd->nr_queues + nd->nr_poll_queues,
			     sizeof(*nd->queues), GFP_KERNEL);
	if (!nd->queues)
		return -ENOMEM;
	return asblk_ctrl_start(nd->ctrl, &cp);
}

/* Attach a started controller that has its vectors. The caller frees nd->queues, even on error. */
int anvme_add(struct anvme *nd)
{
	int err = start_ctrl(nd);

	if (err)
		return err;
	nd->passthru = asblk_passthru_add(nd->ctrl, &anvme_passthru_ops);
	if (IS_ERR(nd->passthru)) {
		asblk_ctrl_destroy(nd->ctrl);
		nd->ctrl = NULL;
		return PTR_ERR(nd->passthru);
	}
	WRITE_ONCE(nd->attached, true);
	anvme_scan(nd);
	anvme_hwmon_add(nd);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(anvme_add);

/* Remove the disks and stop the controller. */
void anvme_del(struct anvme *nd)
{
	/* Stop handling events. */
	WRITE_ONCE(nd->removing, true);
	disable_work_sync(&nd->events);
	anvme_hwmon_remove(nd);
	/* A reset that runs now may try to queue it: disabled, not cancelled. */
	disable_work_sync(&nd->scan);
	anvme_remove_namespaces(nd);
	asblk_passthru_remove(nd->passthru);
	asblk_ctrl_destroy(nd->ctrl);
	nd->ctrl = NULL;
}
EXPORT_SYMBOL_IF_KUNIT(anvme_del);

/* Initialise a zeroed controller, before its interrupt is requested. */
void anvme_init(struct anvme *nd)
{
	init_llist_head(&nd->reclaim);
	anvme_namespaces_init(nd);
	anvme_events_init(nd);
}
EXPORT_SYMBOL_IF_KUNIT(anvme_init);
