// SPDX-License-Identifier: GPL-2.0-only
/* Attach a started controller to the engine, and detach it. */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/slab.h>

#include "nvme.h"

static int create_ctrl(struct anvme *nd)
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
	nd->ctrl = asblk_ctrl_create(&anvme_ops, &cp, nd->dev, nd);
	return PTR_ERR_OR_ZERO(nd->ctrl);
}

/* Attach a started controller that has its vectors. The caller frees nd->queues, even on error. */
int anvme_add(struct anvme *nd)
{
	int err = create_ctrl(nd);

	if (err)
		return err;
	nd->passthru = asblk_passthru_add(nd->ctrl, &anvme_passthru_ops);
	if (IS_ERR(nd->passthru)) {
		asblk_ctrl_destroy(nd->ctrl);
		nd->ctrl = NULL;
		return PTR_ERR(nd->passthru);
	}
	anvme_scan(nd);
	anvme_hwmon_add(nd);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(anvme_add);

/* Remove the disks, detach from the engine, and stop the controller. */
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
	anvme_stop(nd, true);
}
EXPORT_SYMBOL_IF_KUNIT(anvme_del);
