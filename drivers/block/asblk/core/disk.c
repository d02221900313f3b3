// SPDX-License-Identifier: GPL-2.0-only
/* The life of a disk, and its gendisk's operations. */
#include <linux/export.h>
#include <linux/hdreg.h>
#include <linux/idr.h>
#include <linux/slab.h>

#include "disk.h"
#include "format.h"
#include "geometry.h"
#include "media.h"
#include "sysfs.h"

static DEFINE_IDA(asblk_disk_ida);
static DECLARE_WAIT_QUEUE_HEAD(asblk_disk_gone);

static void asblk_free_disk(struct gendisk *gd)
{
	struct asblk_disk *disk = gd->private_data;
	struct device *ctrl_dev = &disk->ctrl->dev;
	int index = disk->index;

	kfree(disk);
	put_device(ctrl_dev);
	/* Last, as asblk_disks_exit() waits for it. */
	ida_free(&asblk_disk_ida, index);
	wake_up_all(&asblk_disk_gone);
}

static void asblk_release(struct gendisk *gd)
{
	struct asblk_disk *disk = gd->private_data;

	module_put(disk->ctrl->ops->owner);
}

static int asblk_open(struct gendisk *gd, blk_mode_t mode)
{
	struct asblk_disk *disk = gd->private_data;
	int err;

	/* The block layer holds this module, but not a controller's. */
	if (!try_module_get(disk->ctrl->ops->owner))
		return -ENXIO;
	err = asblk_media_open(gd, mode);
	if (err)
		asblk_release(gd);
	return err;
}

/* For old partitioning tools: the usual 255 heads and 63 sectors. */
static int asblk_getgeo(ASBLK_GETGEO_ARG, struct hd_geometry *geo)
{
	sector_t cylinders = get_capacity(ASBLK_GETGEO_DISK);

	geo->heads = 255;
	geo->sectors = 63;
	sector_div(cylinders, 255 * 63);
	geo->cylinders = min_t(sector_t, cylinders, USHRT_MAX);
	return 0;
}

static int asblk_get_unique_id(struct gendisk *gd, u8 id[16],
			       enum blk_unique_id type)
{
	struct asblk_disk *disk = gd->private_data;

	/* A 16-byte EUI, as NVMe's NGUID. */
	if (type != BLK_UID_EUI64 ||
	    !memchr_inv(disk->params.wwid, 0, sizeof(disk->params.wwid)))
		return -EINVAL;
	memcpy(id, disk->params.wwid, sizeof(disk->params.wwid));
	return sizeof(disk->params.wwid);
}

static const struct block_device_operations asblk_fops = {
	.owner		= THIS_MODULE,
	.open		= asblk_open,
	.release	= asblk_release,
	.ioctl		= asblk_media_ioctl,
	.compat_ioctl	= blkdev_compat_ptr_ioctl,
	.getgeo		= asblk_getgeo,
	.get_unique_id	= asblk_get_unique_id,
	.free_disk	= asblk_free_disk,
};

/* Eject and load send the event; nothing has to poll for it. */
static void disk_removable(struct gendisk *gd)
{
	gd->flags |= GENHD_FL_REMOVABLE;
	gd->events = DISK_EVENT_MEDIA_CHANGE;
	gd->event_flags = DISK_EVENT_FLAG_UEVENT;
}

/* Wait until nothing but requests uses the controller on the disk's behalf. */
static void disk_forget(struct asblk_disk *disk)
{
	WRITE_ONCE(disk->removing, true);
	asblk_disk_put(disk);
	wait_for_completion(&disk->no_users);
	guard(mutex)(&disk->ctrl->disks_lock);
	list_del(&disk->list);
}

/**
 * asblk_disk_add - add the disk of a medium
 * @ctrl: controller
 * @params: medium; copied
 *
 * The disk may be read before this returns, to scan for partitions.
 *
 * Context: task, may sleep.
 * Return: disk, or an ERR_PTR: -EINVAL after a line in the log, or -ENOMEM.
 */
struct asblk_disk *asblk_disk_add(struct asblk_ctrl *ctrl,
				  const struct asblk_media_params *params)
{
	struct queue_limits lim;
	struct asblk_disk *disk;
	struct gendisk *gd;
	int err;

	err = asblk_disk_check(ctrl, params);
	if (err)
		return ERR_PTR(err);
	disk = kzalloc_obj(*disk);
	if (!disk)
		return ERR_PTR(-ENOMEM);
	disk->ctrl = ctrl;
	disk->initial = *params;
	disk->unit.id = params->unit;
	refcount_set(&disk->users, 1);
	init_completion(&disk->no_users);
	spin_lock_init(&disk->params_lock);
	asblk_disk_set_params(disk, params);
	disk->unit.nr_sectors = asblk_disk_sectors(disk);
	disk->loaded = true;
	disk->format_bytes = params->nr_blocks * params->block_size;
	disk->groups[0] = &asblk_disk_group;
	disk->groups[1] = &asblk_format_group;
	disk->groups[2] = params->group;
	disk->index = ida_alloc(&asblk_disk_ida, GFP_KERNEL);
	if (disk->index < 0) {
		err = disk->index;
		goto free;
	}

	/*
	 * On the list as soon as it has a queue, so that it misses no change of the cache. A
	 * second disk waits here for requests of the first, to share the tags with it.
	 */
	mutex_lock(&ctrl->settings_lock);
	asblk_disk_limits(disk, &lim);
	gd = blk_mq_alloc_disk(&ctrl->set, &lim, &disk->unit);
	if (!IS_ERR(gd)) {
		disk->gd = gd;
		mutex_lock(&ctrl->disks_lock);
		list_add_tail(&disk->list, &ctrl->disks);
		mutex_unlock(&ctrl->disks_lock);
	}
	mutex_unlock(&ctrl->settings_lock);
	if (IS_ERR(gd)) {
		err = PTR_ERR(gd);
		goto free_index;
	}
	gd->fops = &asblk_fops;
	gd->private_data = disk;
	snprintf(gd->disk_name, sizeof(gd->disk_name), "asblk%d", disk->index);
	if (params->features & ASBLK_MEDIA_REMOVABLE)
		disk_removable(gd);
	set_disk_ro(gd, params->features & ASBLK_MEDIA_READ_ONLY);
	set_capacity(gd, disk->unit.nr_sectors);
	get_device(&ctrl->dev);
	err = device_add_disk(&ctrl->dev, gd, disk->groups);
	if (err)
		goto put;
	return disk;

put:
	disk_forget(disk);
	put_disk(gd);
	put_device(&ctrl->dev);
free_index:
	ida_free(&asblk_disk_ida, disk->index);
free:
	kfree(disk);
	return ERR_PTR(err);
}
ASBLK_EXPORT(asblk_disk_add);

/**
 * asblk_disk_remove - remove a disk
 * @disk: disk; not to be used afterwards, though openers may keep its memory
 *
 * Waits for the requests in flight, and for &asblk_ctrl_ops.ioctl. If the controller is
 * dead, holders of the disk are notified and need not find out by failing I/O. If it is
 * paused, this waits for asblk_ctrl_resume(). Context: task, may sleep.
 */
void asblk_disk_remove(struct asblk_disk *disk)
{
	enum asblk_ctrl_state state = READ_ONCE(disk->ctrl->state);

	if (state == ASBLK_CTRL_PAUSED)
		dev_info(&disk->ctrl->dev, "%s: removal waits for the end of the pause\n",
			 disk->gd->disk_name);
	if (state == ASBLK_CTRL_DEAD)
		blk_mark_disk_dead(disk->gd);
	disk_forget(disk);
	del_gendisk(disk->gd);
	put_disk(disk->gd);
}
ASBLK_EXPORT(asblk_disk_remove);

/**
 * asblk_disk_priv - a controller driver's data of a medium
 * @disk_dev: the device of the disk, as passed to sysfs attributes
 *
 * Context: any.
 * Return: &asblk_media_params.priv.
 */
void *asblk_disk_priv(struct device *disk_dev)
{
	struct asblk_disk *disk = to_disk(disk_dev);

	return disk->params.priv;
}
ASBLK_EXPORT(asblk_disk_priv);

/**
 * asblk_disk_name - the name of a disk
 * @disk: disk
 *
 * Context: any.
 * Return: asblkN.
 */
const char *asblk_disk_name(const struct asblk_disk *disk)
{
	return disk->gd->disk_name;
}
ASBLK_EXPORT(asblk_disk_name);

/**
 * asblk_disk_ctrl - the controller of a disk
 * @disk: disk
 *
 * Context: any.
 * Return: controller.
 */
struct asblk_ctrl *asblk_disk_ctrl(const struct asblk_disk *disk)
{
	return disk->ctrl;
}
ASBLK_EXPORT(asblk_disk_ctrl);

/**
 * asblk_disk_unit - the controller's number for a disk's medium
 * @disk: disk
 *
 * Context: any.
 * Return: &asblk_media_params.unit.
 */
u32 asblk_disk_unit(const struct asblk_disk *disk)
{
	return disk->unit.id;
}
ASBLK_EXPORT(asblk_disk_unit);

/* At unload: the last close of a removed disk may still be under way. */
void asblk_disks_exit(void)
{
	wait_event(asblk_disk_gone, ida_is_empty(&asblk_disk_ida));
}
