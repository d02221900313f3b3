/* SPDX-License-Identifier: GPL-2.0-only */
/* A disk. disk.c, which makes disks, is above what a disk is made of. */
#ifndef _ASBLK_DISK_H
#define _ASBLK_DISK_H

#include <linux/asblk.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>

#include "ctrl.h"
#include "request.h"

/**
 * struct asblk_disk - a medium as a gendisk
 * @unit: for the data path; &request_queue.queuedata points to it
 * @ctrl: controller; the disk holds a reference to its device
 * @gd: gendisk
 * @list: on &asblk_ctrl.disks
 * @users: references of those who use the controller on the disk's behalf, except requests;
 *	the disk has one itself until it is removed
 * @removing: it is being removed, and gets no more users
 * @no_users: @users is 0
 * @params: description of the medium
 * @params_lock: for readers of both block size and number of blocks
 * @initial: @params when the disk was added
 * @index: N of asblkN
 * @format_bytes: largest capacity that the medium can be formatted to
 * @loaded: the medium is in; protected by &gendisk.open_mutex
 * @locked: CDROM_LOCKDOOR is in force; protected by &gendisk.open_mutex
 * @groups: sysfs attributes
 */
struct asblk_disk {
	struct asblk_unit unit;
	struct asblk_ctrl *ctrl;
	struct gendisk *gd;
	struct list_head list;
	refcount_t users;
	bool removing;
	struct completion no_users;
	struct asblk_media_params params;
	spinlock_t params_lock;		/* block size, number of blocks */
	struct asblk_media_params initial;
	int index;
	u64 format_bytes;
	bool loaded;
	bool locked;
	const struct attribute_group *groups[4];
};

/* @dev is the gendisk's, as sysfs attributes get it. */
static inline struct asblk_disk *to_disk(struct device *dev)
{
	return dev_to_disk(dev)->private_data;
}

/* Capacity with the medium in. */
static inline sector_t asblk_disk_sectors(const struct asblk_disk *disk)
{
	return disk->params.nr_blocks <<
	       (disk->unit.block_shift - SECTOR_SHIFT);
}

/*
 * Keep a disk that is not freed from being removed. Context: any. Return: false if it is
 * being removed already, or was; else asblk_disk_put() is to follow.
 */
static inline bool asblk_disk_get(struct asblk_disk *disk)
{
	/* Without @removing a steady stream of users could delay the removal forever. */
	return !READ_ONCE(disk->removing) && refcount_inc_not_zero(&disk->users);
}

/* Context: any. */
static inline void asblk_disk_put(struct asblk_disk *disk)
{
	if (refcount_dec_and_test(&disk->users))
		complete(&disk->no_users);
}

/* disk.c */
void asblk_disks_exit(void);

#endif /* _ASBLK_DISK_H */
