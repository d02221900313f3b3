/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The character devices of a controller and its disks. device.c, which makes them, is above
 * what can be done with them.
 */
#ifndef _ASBLK_PASSTHRU_DEVICE_H
#define _ASBLK_PASSTHRU_DEVICE_H

#include <linux/asblk_passthru.h>
#include <linux/cdev.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/refcount.h>
#include <linux/workqueue.h>

/**
 * struct passthru_target - what a command is for
 * @pt: controller
 * @disk: disk, NULL for the controller
 * @nsid: its namespace identifier
 */
struct passthru_target {
	struct asblk_passthru *pt;
	struct asblk_disk *disk;
	u32 nsid;
};

/**
 * struct passthru_node - a character device
 * @target: of its commands. The device holds a reference to the disk, or to the controller,
 *	and that of a disk one to that of the controller
 * @dev: the device
 * @cdev: the same as a file
 */
struct passthru_node {
	struct passthru_target target;
	struct device dev;
	struct cdev cdev;
};

/**
 * struct asblk_passthru_disk - the interface to a disk
 * @node: its character device
 */
struct asblk_passthru_disk {
	struct passthru_node node;
};

/**
 * struct asblk_passthru - the interface to a controller
 * @node: its character device
 * @ctrl: controller
 * @ops: its driver's operations
 * @effects: effects of commands (5.16.1.6), as the controller has them and as is known
 * @users: references of those who use @ops or the operations of the controller; one is its own
 *	until it is removed
 * @removing: it is being removed, and gets no more users
 * @no_users: @users is 0
 * @rescan: look for what a command has changed
 */
struct asblk_passthru {
	struct passthru_node node;
	struct asblk_ctrl *ctrl;
	const struct asblk_passthru_ops *ops;
	struct nvme_effects_log effects;
	refcount_t users;
	bool removing;
	struct completion no_users;
	struct work_struct rescan;
};

/*
 * Keep the controller's driver from going. Context: any. Return: false if it is going or gone,
 * else passthru_put() is to follow.
 */
static inline bool passthru_get(struct asblk_passthru *pt)
{
	return !READ_ONCE(pt->removing) && refcount_inc_not_zero(&pt->users);
}

/* Context: any. */
static inline void passthru_put(struct asblk_passthru *pt)
{
	if (refcount_dec_and_test(&pt->users))
		complete(&pt->no_users);
}

/* device.c */
int asblk_passthru_init(void);
void asblk_passthru_exit(void);

#endif /* _ASBLK_PASSTHRU_DEVICE_H */
