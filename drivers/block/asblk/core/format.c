// SPDX-License-Identifier: GPL-2.0-only
/* Formatting a medium: a block size and a capacity; its content is erased, or kept if it fits. */
#include <linux/blkdev.h>
#include <linux/export.h>
#include <linux/kstrtox.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "format.h"
#include "geometry.h"
#include "limits.h"
#include "media.h"
#include "state.h"

static int format_device(struct asblk_disk *disk, struct asblk_media_params *params, bool keep)
{
	struct asblk_ctrl *ctrl = disk->ctrl;
	struct request_queue *queue = disk->gd->queue;
	unsigned int memflags;
	int err;

	memflags = asblk_freeze_queue(queue);
	err = asblk_ctrl_lock_live(ctrl);
	if (!err) {
		err = ctrl->ops->format(ctrl, params, keep);
		asblk_ctrl_unlock(ctrl);
	}
	asblk_unfreeze_queue(queue, memflags);
	return err;
}

static int format_check(struct asblk_disk *disk, u64 nr_blocks, u32 block_size, bool keep)
{
	struct device *dev = &disk->ctrl->dev;
	u64 most = disk->format_bytes / block_size;

	lockdep_assert_held(&disk->gd->open_mutex);
	/* The controller of a removed disk may be gone. */
	if (test_bit(GD_DEAD, &disk->gd->state))
		return -ENODEV;
	if (!disk->loaded)
		return -ENOMEDIUM;
	/* Content can be kept only in blocks of the same size, but while the disk is open. */
	if (keep ? block_size != disk->params.block_size : disk_openers(disk->gd))
		return -EBUSY;
	if ((!keep || nr_blocks < disk->params.nr_blocks) &&
	    test_bit(GD_READ_ONLY, &disk->gd->state))
		return -EROFS;
	if (!keep && (!(disk->params.block_sizes & block_size) || nr_blocks > most)) {
		dev_err(dev, "%s: %llu blocks of %u bytes are not one of its formats\n",
			disk->gd->disk_name, nr_blocks, block_size);
		return -EINVAL;
	}
	return asblk_disk_check_format(disk->ctrl, nr_blocks, block_size);
}

/**
 * asblk_disk_format - change the block size and capacity of a medium
 * @disk: disk of a controller with &asblk_ctrl_ops.format
 * @nr_blocks: capacity in logical blocks; 0: all that the medium has
 * @block_size: one of &asblk_media_params.block_sizes
 * @keep: keep the content as far as it fits, while requests wait; else erase everything,
 *	for which nobody may have the disk open
 *
 * Context: task, may sleep.
 * Return: 0; -EBUSY if the disk is open, -ENOMEDIUM, -EROFS, -ENODEV if it was removed
 * or its controller is dead; -EINVAL after a line in the log; or the device's error.
 */
int asblk_disk_format(struct asblk_disk *disk, u64 nr_blocks, u32 block_size, bool keep)
{
	struct asblk_media_params params;
	struct gendisk *gd = disk->gd;
	int err;

	/* Nobody opens it meanwhile. */
	guard(mutex)(&gd->open_mutex);
	params = disk->params;
	params.nr_blocks = nr_blocks ?: disk->format_bytes / block_size;
	params.block_size = block_size;
	err = format_check(disk, params.nr_blocks, block_size, keep);
	if (!err)
		err = format_device(disk, &params, keep);
	if (!err)
		err = asblk_disk_reformat(disk, &params);
	if (err)
		return err;
	if (keep) {
		disk->format_bytes = params.nr_blocks * block_size;
		return 0;
	}
	asblk_media_changed(gd);
	/* Media events are for removable disks: tell udev otherwise. */
	if (!gd->events)
		kobject_uevent(&disk_to_dev(gd)->kobj, KOBJ_CHANGE);
	return 0;
}
ASBLK_EXPORT(asblk_disk_format);

/* A line for each: block size, bytes of metadata per block, most blocks. */
static ssize_t formats_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct asblk_disk *disk = to_disk(dev);
	u32 size;
	int len = 0;

	for (size = SECTOR_SIZE; size <= asblk_max_block_size(); size *= 2)
		if (disk->params.block_sizes & size &&
		    asblk_limits_carry(&disk->ctrl->params.limits, size))
			len += sysfs_emit_at(buf, len, "%u 0 %llu\n", size,
					     READ_ONCE(disk->format_bytes) / size);
	return len;
}
static DEVICE_ATTR_RO(formats);

static ssize_t format_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct asblk_disk *disk = to_disk(dev);
	u32 block_size;
	u64 nr_blocks;

	spin_lock(&disk->params_lock);
	block_size = disk->params.block_size;
	nr_blocks = disk->params.nr_blocks;
	spin_unlock(&disk->params_lock);
	return sysfs_emit(buf, "%u 0 %llu\n", block_size, nr_blocks);
}

/* "BLOCK_SIZE" or "BLOCK_SIZE METADATA BLOCKS", as a line of formats. */
static bool format_parse(const char *buf, u32 *block_size, u64 *nr_blocks)
{
	char copy[64], *rest = copy, *word[4];
	u32 metadata;
	int nr;

	if (strscpy(copy, skip_spaces(buf)) < 0)
		return false;
	strim(copy);
	for (nr = 0; rest && nr < ARRAY_SIZE(word); nr++)
		word[nr] = strsep(&rest, " ");
	if ((nr != 1 && nr != 3) || kstrtou32(word[0], 10, block_size) || !*block_size)
		return false;
	*nr_blocks = 0;
	if (nr == 1)
		return true;
	return !kstrtou32(word[1], 10, &metadata) && !metadata &&
	       !kstrtou64(word[2], 10, nr_blocks) && *nr_blocks;
}

static ssize_t format_store(struct device *dev, struct device_attribute *attr,
			    const char *buf, size_t len)
{
	struct asblk_disk *disk = to_disk(dev);
	u64 nr_blocks;
	u32 block_size;
	int err;

	if (!format_parse(buf, &block_size, &nr_blocks)) {
		dev_err(dev, "format takes a block size, or a line of formats\n");
		return -EINVAL;
	}
	err = asblk_disk_format(disk, nr_blocks, block_size, false);
	return err ?: len;
}
static DEVICE_ATTR_RW(format);

static struct attribute *format_attrs[] = {
	&dev_attr_formats.attr,
	&dev_attr_format.attr,
	NULL
};

static umode_t format_is_visible(struct kobject *kobj, struct attribute *attr, int index)
{
	struct asblk_disk *disk = to_disk(kobj_to_dev(kobj));

	return disk->ctrl->ops->format ? attr->mode : 0;
}

const struct attribute_group asblk_format_group = {
	.attrs = format_attrs,
	.is_visible = format_is_visible,
};
