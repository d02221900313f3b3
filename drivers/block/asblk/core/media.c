// SPDX-License-Identifier: GPL-2.0-only
/*
 * Removable media and write protection: eject, load, lock the door, get the state. The
 * ioctls are those of CD-ROM drives, so that eject(1) works.
 */
#include <linux/blkdev.h>
#include <linux/cdrom.h>
#include <linux/export.h>

#include "geometry.h"
#include "media.h"
#include "state.h"

/*
 * %BLK_OPEN_NDELAY opens a disk without a medium, too, so that it can be told to load one.
 * Return: 0 or -ENOMEDIUM.
 */
int asblk_media_open(struct gendisk *gd, blk_mode_t mode)
{
	struct asblk_disk *disk = gd->private_data;

	lockdep_assert_held(&gd->open_mutex);
	return disk->loaded || (mode & BLK_OPEN_NDELAY) ? 0 : -ENOMEDIUM;
}

/* Forget the old medium: the next open scans for partitions. */
void asblk_media_changed(struct gendisk *gd)
{
	disk_force_media_change(gd);
	set_bit(GD_NEED_PART_SCAN, &gd->state);
}

/*
 * Synchronize and drain first. With a capacity of 0 no write can follow, so that the
 * flush covers every write that was acknowledged.
 */
static int media_eject(struct asblk_disk *disk)
{
	const struct asblk_ctrl_ops *ops = disk->ctrl->ops;
	struct gendisk *gd = disk->gd;
	sector_t nr_sectors = disk->unit.nr_sectors;
	int err;

	lockdep_assert_held(&disk->gd->open_mutex);
	if (!disk->loaded)
		return 0;
	/* One opener is the caller; others would lose the medium. */
	if (disk->locked || disk_openers(gd) > 1)
		return -EBUSY;
	err = sync_blockdev(gd->part0);
	if (err)
		return err;
	asblk_disk_set_capacity(disk, 0);
	err = blkdev_issue_flush(gd->part0);
	if (!err)
		err = asblk_ctrl_lock_live(disk->ctrl);
	if (!err) {
		err = ops->eject(disk->ctrl, disk->unit.id);
		asblk_ctrl_unlock(disk->ctrl);
	}
	if (err) {
		asblk_disk_set_capacity(disk, nr_sectors);
		return err;
	}
	disk->loaded = false;
	asblk_media_changed(gd);
	return 0;
}

static int media_load(struct asblk_disk *disk)
{
	int err;

	lockdep_assert_held(&disk->gd->open_mutex);
	if (disk->loaded)
		return 0;
	err = asblk_ctrl_lock_live(disk->ctrl);
	if (err)
		return err;
	err = disk->ctrl->ops->load(disk->ctrl, disk->unit.id);
	asblk_ctrl_unlock(disk->ctrl);
	if (err)
		return err;
	asblk_disk_set_capacity(disk, asblk_disk_sectors(disk));
	disk->loaded = true;
	asblk_media_changed(disk->gd);
	return 0;
}

/**
 * asblk_disk_write_protect - turn a medium's write protection on or off
 * @disk: disk
 * @on: true for on
 *
 * The disk's own page cache is written back before, those of file systems and partitions
 * are not: the device refuses the writes of those who have the disk open.
 * Context: task, may sleep.
 * Return: 0, or a negative errno with nothing changed.
 */
int asblk_disk_write_protect(struct asblk_disk *disk, bool on)
{
	struct asblk_ctrl *ctrl = disk->ctrl;
	struct gendisk *gd = disk->gd;
	unsigned int memflags;
	int err;

	err = on ? sync_blockdev(gd->part0) : 0;
	if (err)
		return err;
	if (mutex_lock_interruptible(&ctrl->settings_lock))
		return -ERESTARTSYS;
	memflags = asblk_freeze_queue(gd->queue);
	err = asblk_ctrl_lock_live(ctrl);
	if (!err) {
		err = ctrl->ops->write_protect(ctrl, disk->unit.id, on);
		asblk_ctrl_unlock(ctrl);
	}
	asblk_unfreeze_queue(gd->queue, memflags);
	if (!err)
		asblk_disk_set_read_only(disk, on);
	mutex_unlock(&ctrl->settings_lock);
	return err;
}
ASBLK_EXPORT(asblk_disk_write_protect);

static int media_ioctl(struct asblk_disk *disk, unsigned int cmd,
		       unsigned long arg)
{
	switch (cmd) {
	case CDROMEJECT:
		return media_eject(disk);
	case CDROMCLOSETRAY:
		return media_load(disk);
	case CDROM_LOCKDOOR:
		if (arg > 1)
			return -EINVAL;
		disk->locked = arg;
		return 0;
	case CDROM_DRIVE_STATUS:
		return disk->loaded ? CDS_DISC_OK : CDS_TRAY_OPEN;
	default:
		return -ENOTTY;
	}
}

/*
 * The ioctls of removable disks and &asblk_ctrl_ops.ioctl, not for partitions. Return: as the
 * latter, a drive status (CDS_*), -EBUSY if the medium is in use or locked, -ENODEV if the
 * disk was removed, or -ENOTTY.
 */
int asblk_media_ioctl(struct block_device *bdev, blk_mode_t mode,
		      unsigned int cmd, unsigned long arg)
{
	struct gendisk *gd = bdev->bd_disk;
	struct asblk_disk *disk = gd->private_data;
	const struct asblk_ctrl_ops *ops = disk->ctrl->ops;
	bool removable = gd->flags & GENHD_FL_REMOVABLE;
	int ret = -ENOTTY;

	if (bdev_is_partition(bdev) || (!removable && !ops->ioctl))
		return -ENOTTY;
	/* The controller of a removed disk may be gone. */
	if (!asblk_disk_get(disk))
		return -ENODEV;
	if (removable) {
		/* No other can open it meanwhile. */
		mutex_lock(&gd->open_mutex);
		ret = media_ioctl(disk, cmd, arg);
		mutex_unlock(&gd->open_mutex);
	}
	/* Without open_mutex: it may take long. Only the removal of the disk waits for it. */
	if (ret == -ENOTTY && ops->ioctl)
		ret = ops->ioctl(disk, mode, cmd, arg);
	asblk_disk_put(disk);
	return ret;
}
