// SPDX-License-Identifier: GPL-2.0-only
/*
 * Media that come and go: eject, load, lock the door, ask for the state. The
 * ioctls are those of CD-ROM drives, so that eject(1) works.
 */
#include <linux/blkdev.h>
#include <linux/cdrom.h>
#include <linux/export.h>

#include "geometry.h"
#include "media.h"
#include "state.h"

/**
 * asblk_media_open - check that there is a medium to open
 * @gd: disk
 * @mode: how it is opened; %BLK_OPEN_NDELAY opens it without a medium too, so
 *	that it can be told to load one
 *
 * Context: task, under &gendisk.open_mutex.
 * Return: 0 or -ENOMEDIUM.
 */
int asblk_media_open(struct gendisk *gd, blk_mode_t mode)
{
	struct asblk_disk *disk = gd->private_data;

	lockdep_assert_held(&gd->open_mutex);
	return disk->loaded || (mode & BLK_OPEN_NDELAY) ? 0 : -ENOMEDIUM;
}

/* Nothing known of the old medium holds: the next open looks for partitions. */
void asblk_media_changed(struct gendisk *gd)
{
	disk_force_media_change(gd);
	set_bit(GD_NEED_PART_SCAN, &gd->state);
}

/*
 * Drain and synchronize first. Once the capacity is 0 no write can follow, so
 * the flush after it covers every write that was acknowledged.
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
	/* The caller has it open; anybody else would lose the medium. */
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
 * asblk_disk_write_protect - protect a medium from writing, or stop that
 * @disk: disk
 * @on: which
 *
 * What the disk's own page cache holds is written before, not what file systems and
 * partitions hold back: the device refuses those who go on writing because they had it
 * open. Context: task, may sleep.
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

/**
 * asblk_media_ioctl - CDROMEJECT, CDROMCLOSETRAY, CDROM_LOCKDOOR and
 * CDROM_DRIVE_STATUS of a removable disk, and what its controller knows
 * @bdev: disk
 * @mode: how it was opened
 * @cmd: request
 * @arg: its argument
 *
 * Context: task, may sleep.
 * Return: 0, a drive status (CDS_*), -EBUSY if the medium is in use or locked,
 * -ENODEV if the disk was removed, what the controller says, or -ENOTTY for
 * anything else, for partitions, and for these ioctls if it is not removable.
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
	/* The controller of a removed disk may be gone already. */
	if (!asblk_disk_get(disk))
		return -ENODEV;
	if (removable) {
		/* Keeps others from opening it meanwhile. */
		mutex_lock(&gd->open_mutex);
		ret = media_ioctl(disk, cmd, arg);
		mutex_unlock(&gd->open_mutex);
	}
	/* It may take long, and nobody waits for it but those who remove the disk. */
	if (ret == -ENOTTY && ops->ioctl)
		ret = ops->ioctl(disk->ctrl, disk->unit.id, cmd, arg);
	asblk_disk_put(disk);
	return ret;
}
