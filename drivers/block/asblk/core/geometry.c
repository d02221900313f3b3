// SPDX-License-Identifier: GPL-2.0-only
/* A disk's geometry: a medium's description becomes limits, features and a capacity. */
#include <linux/export.h>
#include <linux/log2.h>

#include "geometry.h"
#include "limits.h"

/**
 * asblk_max_block_size - the largest logical block size that this kernel supports
 *
 * Context: any.
 * Return: bytes, a power of two.
 */
unsigned int asblk_max_block_size(void)
{
	return BLK_MAX_BLOCK_SIZE;
}
ASBLK_EXPORT(asblk_max_block_size);

static void disk_atomic_limits(const struct asblk_disk *disk,
			       struct queue_limits *lim)
{
	u32 max = asblk_limits_atomic(&disk->ctrl->params.limits,
				      disk->params.atomic_bytes);

	lim->features &= ~BLK_FEAT_ATOMIC_WRITES;
	lim->atomic_write_hw_max = 0;
	lim->atomic_write_hw_unit_min = 0;
	lim->atomic_write_hw_unit_max = 0;
	lim->atomic_write_hw_boundary = 0;
	if (max < disk->params.block_size)
		return;
	lim->features |= BLK_FEAT_ATOMIC_WRITES;
	lim->atomic_write_hw_max = max;
	lim->atomic_write_hw_unit_min = disk->params.block_size;
	lim->atomic_write_hw_unit_max = max;
	lim->atomic_write_hw_boundary = disk->params.atomic_boundary;
}

/* What depends on the medium, and may be different after a format. */
static void disk_media_limits(const struct asblk_disk *disk,
			      struct queue_limits *lim)
{
	unsigned int range_sectors = ASBLK_MAX_RANGE_BYTES >> SECTOR_SHIFT;
	const struct asblk_limits *cl = &disk->ctrl->params.limits;
	const struct asblk_media_params *p = &disk->params;
	bool zeroes = p->features & ASBLK_MEDIA_WRITE_ZEROES;
	bool unmap = p->features & ASBLK_MEDIA_UNMAP;
	unsigned int unmap_sectors = p->max_unmap_bytes >> SECTOR_SHIFT ?: range_sectors;

	lim->logical_block_size = p->block_size;
	lim->physical_block_size = p->physical_block_size;
	lim->alignment_offset = p->alignment_offset;
	lim->io_opt = p->optimal_bytes;
	lim->dma_alignment = asblk_limits_dma_alignment(cl, p->block_size);
	lim->max_hw_discard_sectors = unmap ? min(unmap_sectors, range_sectors) : 0;
	lim->max_discard_segments = unmap ? cl->max_ranges : 1;
	lim->discard_granularity = unmap ? p->unmap_granularity : 0;
	lim->max_write_zeroes_sectors = zeroes ? range_sectors : 0;
	asblk_set_wzeroes_unmap(lim, zeroes && (p->features & ASBLK_MEDIA_ZEROES_UNMAP) ?
				range_sectors : 0);
	lim->max_secure_erase_sectors =
		p->features & ASBLK_MEDIA_SECURE_ERASE ? range_sectors : 0;
	disk_atomic_limits(disk, lim);
}

/*
 * A request may be more than one transfer: the splitter applies the controller's limits.
 * Only gaps and alignment inside a block, which it cannot mend, are left to the block layer.
 */
void asblk_disk_limits(const struct asblk_disk *disk, struct queue_limits *lim)
{
	const struct asblk_limits *cl = &disk->ctrl->params.limits;
	const struct asblk_media_params *p = &disk->params;

	*lim = (struct queue_limits) {
		.max_hw_sectors		= ASBLK_MAX_REQUEST_BYTES >> SECTOR_SHIFT,
		.max_segments		= USHRT_MAX,
		.max_segment_size	= UINT_MAX,
		.seg_boundary_mask	= ULONG_MAX,
		.virt_boundary_mask	= cl->virt_boundary_mask,
	};
	if ((p->features & ASBLK_MEDIA_WRITE_CACHE) && disk->ctrl->cache_on)
		lim->features |= BLK_FEAT_WRITE_CACHE;
	if (p->features & ASBLK_MEDIA_FUA)
		lim->features |= BLK_FEAT_FUA;
	if (p->features & ASBLK_MEDIA_ROTATIONAL)
		lim->features |= BLK_FEAT_ROTATIONAL;
	asblk_dma_limits(&disk->ctrl->dma, lim);
	disk_media_limits(disk, lim);
}

/* Return: 0, or -EINVAL after a line in the log. */
int asblk_disk_check_format(const struct asblk_ctrl *ctrl, u64 nr_blocks, u32 block_size)
{
	const struct device *dev = &ctrl->dev;

	if (!is_power_of_2(block_size) || block_size < SECTOR_SIZE ||
	    block_size > asblk_max_block_size()) {
		dev_err(dev, "block size %u is not a power of two from 512 to %u\n",
			block_size, asblk_max_block_size());
		return -EINVAL;
	}
	if (!nr_blocks || nr_blocks > (u64)LLONG_MAX / block_size) {
		dev_err(dev, "invalid capacity: %llu blocks of %u bytes\n", nr_blocks, block_size);
		return -EINVAL;
	}
	return asblk_limits_check_block(&ctrl->params.limits, block_size, dev);
}

/* Can a medium be a disk? Return: 0, or -EINVAL after a line in the log. */
int asblk_disk_check(const struct asblk_ctrl *ctrl, const struct asblk_media_params *p)
{
	const struct device *dev = &ctrl->dev;

	if (!is_power_of_2(p->physical_block_size) ||
	    p->physical_block_size < p->block_size) {
		dev_err(dev, "physical block size %u is not a power of two from %u\n",
			p->physical_block_size, p->block_size);
		return -EINVAL;
	}
	if ((p->features & ASBLK_MEDIA_REMOVABLE) &&
	    (!ctrl->ops->eject || !ctrl->ops->load)) {
		dev_err(dev, "a removable medium needs eject and load\n");
		return -EINVAL;
	}
	return asblk_disk_check_format(ctrl, p->nr_blocks, p->block_size);
}

/* @nr_sectors: 0 without a medium. Waits until no request is in flight. May sleep. */
void asblk_disk_set_capacity(struct asblk_disk *disk, sector_t nr_sectors)
{
	unsigned int memflags = asblk_freeze_queue(disk->gd->queue);

	WRITE_ONCE(disk->unit.nr_sectors, nr_sectors);
	asblk_unfreeze_queue(disk->gd->queue, memflags);
	set_capacity_and_notify(disk->gd, nr_sectors);
}

/**
 * asblk_disk_offline - fail reads and writes, as the medium may be a different one
 * @disk: disk of a medium that is not %ASBLK_MEDIA_REMOVABLE
 *
 * Until asblk_disk_reformat(), or for good: dirty data is lost rather than written to the
 * wrong medium. Waits until no request is in flight. Context: task, may sleep.
 */
void asblk_disk_offline(struct asblk_disk *disk)
{
	asblk_disk_set_capacity(disk, 0);
}
ASBLK_EXPORT(asblk_disk_offline);

void asblk_disk_set_params(struct asblk_disk *disk, const struct asblk_media_params *params)
{
	spin_lock(&disk->params_lock);
	disk->params = *params;
	spin_unlock(&disk->params_lock);
	WRITE_ONCE(disk->unit.block_shift, ilog2(params->block_size));
	WRITE_ONCE(disk->unit.zeroes_unmap, params->features & ASBLK_MEDIA_ZEROES_UNMAP);
}

/* @params, with everything that a format cannot change as it was when the disk was added. */
static struct asblk_media_params disk_reformatted(const struct asblk_disk *disk,
						  const struct asblk_media_params *params)
{
	const unsigned int may_change = ASBLK_MEDIA_UNMAP | ASBLK_MEDIA_WRITE_ZEROES |
		ASBLK_MEDIA_SECURE_ERASE | ASBLK_MEDIA_ZEROES_UNMAP;
	struct asblk_media_params new = *params;

	new.unit = disk->initial.unit;
	new.block_sizes = disk->initial.block_sizes;
	new.group = disk->initial.group;
	new.priv = disk->initial.priv;
	memcpy(new.wwid, disk->initial.wwid, sizeof(new.wwid));
	new.features = (params->features & may_change) | (disk->initial.features & ~may_change);
	return new;
}

/**
 * asblk_disk_reformat - update a disk after its medium was formatted
 * @disk: disk whose medium is in
 * @params: what may be different: capacity, block sizes, granularity of an unmap, atomic
 *	writes, and support of unmap, write zeroes (unmapping ones) and secure erase; the
 *	rest is ignored
 *
 * Waits until no request is in flight; requests fail while the block size changes.
 * Context: task, may sleep.
 *
 * Return: 0, or -EINVAL after a line in the log; then the capacity is 0 if the block layer
 * refused the limits, and unchanged otherwise.
 */
int asblk_disk_reformat(struct asblk_disk *disk, const struct asblk_media_params *params)
{
	struct asblk_media_params new = disk_reformatted(disk, params);
	struct queue_limits lim;
	int err;

	err = asblk_disk_check(disk->ctrl, &new);
	if (err)
		return err;
	/* From here on reads and writes fail... */
	if (new.block_size != disk->params.block_size)
		asblk_disk_set_capacity(disk, 0);
	asblk_disk_set_params(disk, &new);
	lim = queue_limits_start_update(disk->gd->queue);
	disk_media_limits(disk, &lim);
	err = queue_limits_commit_update_frozen(disk->gd->queue, &lim);
	if (err) {
		asblk_disk_set_capacity(disk, 0);
		dev_err(&disk->ctrl->dev, "%s: the block layer refuses the limits for blocks of %u bytes (%d)\n",
			disk->gd->disk_name, new.block_size, err);
		return err;
	}
	/* ...to here. */
	asblk_disk_set_capacity(disk, asblk_disk_sectors(disk));
	return 0;
}
ASBLK_EXPORT(asblk_disk_reformat);

/**
 * asblk_disk_set_read_only - update a disk after its medium was write protected or released
 * @disk: disk
 * @read_only: true if it is protected
 *
 * A protected disk cannot be opened for writing; the device refuses the writes of those who
 * have it open. Context: task, may sleep.
 */
void asblk_disk_set_read_only(struct asblk_disk *disk, bool read_only)
{
	set_disk_ro(disk->gd, read_only);
}
ASBLK_EXPORT(asblk_disk_set_read_only);
