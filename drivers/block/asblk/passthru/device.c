// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of the character devices: /dev/asblk-ctrlN of a controller, /dev/asblkN-generic of
 * a disk.
 */
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "../core/ctrl.h"
#include "../core/disk.h"
#include "commands.h"
#include "device.h"
#include "ioctl.h"
#include "uring.h"

#define NR_MINORS	(MINORMASK + 1)

static dev_t passthru_devt;
static DEFINE_IDA(passthru_minors);

/* Drop what a device has references to, and its memory. */
static void node_free(struct passthru_node *node)
{
	struct asblk_passthru *pt = node->target.pt;

	if (node->target.disk) {
		put_disk(node->target.disk->gd);
		kfree(container_of(node, struct asblk_passthru_disk, node));
		put_device(&pt->node.dev);
	} else {
		put_device(&pt->ctrl->dev);
		kfree(pt);
	}
}

static void passthru_release_device(struct device *dev)
{
	struct passthru_node *node = container_of(dev, struct passthru_node, dev);

	ida_free(&passthru_minors, MINOR(dev->devt));
	node_free(node);
}

static const struct class passthru_class = {
	.name		= "asblk-passthru",
	.dev_release	= passthru_release_device,
};

/* An open file holds the modules of both, the device, and what that has references to. */
static int passthru_open(struct inode *inode, struct file *file)
{
	struct passthru_node *node = container_of(inode->i_cdev, struct passthru_node, cdev);
	struct asblk_passthru *pt = node->target.pt;
	bool got;

	/* The driver may be about to be unloaded. */
	if (!passthru_get(pt))
		return -ENODEV;
	got = try_module_get(pt->ctrl->ops->owner);
	passthru_put(pt);
	if (!got)
		return -ENODEV;
	file->private_data = node;
	return nonseekable_open(inode, file);
}

static int passthru_close(struct inode *inode, struct file *file)
{
	struct passthru_node *node = file->private_data;

	module_put(node->target.pt->ctrl->ops->owner);
	return 0;
}

static long passthru_file_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct passthru_node *node = file->private_data;

	return passthru_ioctl(&node->target, file->f_mode & FMODE_WRITE, cmd, arg);
}

static const struct file_operations passthru_fops = {
	.owner			= THIS_MODULE,
	.open			= passthru_open,
	.release		= passthru_close,
	.unlocked_ioctl		= passthru_file_ioctl,
	.compat_ioctl		= compat_ptr_ioctl,
	.uring_cmd		= passthru_uring_cmd,
	.uring_cmd_iopoll	= passthru_uring_poll,
};

/*
 * Make the device of a node, which is complete. After an error it is freed. Return: 0 or a
 * negative errno.
 */
static int node_add(struct passthru_node *node, const char *format, const char *name)
{
	int minor = ida_alloc_max(&passthru_minors, NR_MINORS - 1, GFP_KERNEL);
	struct device *dev = &node->dev;
	int err;

	if (minor < 0) {
		node_free(node);
		return minor;
	}
	device_initialize(dev);
	dev->class = &passthru_class;
	dev->parent = &node->target.pt->ctrl->dev;
	dev->devt = MKDEV(MAJOR(passthru_devt), minor);
	cdev_init(&node->cdev, &passthru_fops);
	node->cdev.owner = THIS_MODULE;
	err = dev_set_name(dev, format, name) ?: cdev_device_add(&node->cdev, dev);
	if (err)
		put_device(dev);
	return err;
}

static void node_remove(struct passthru_node *node)
{
	cdev_device_del(&node->cdev, &node->dev);
	put_device(&node->dev);
}

static void passthru_rescan(struct work_struct *work)
{
	struct asblk_passthru *pt = container_of(work, struct asblk_passthru, rescan);

	if (pt->ctrl->ops->rescan)
		pt->ctrl->ops->rescan(pt->ctrl);
}

/**
 * asblk_passthru_add - let users send commands to a controller
 * @ctrl: started controller, with &asblk_ctrl_ops.answer and an admin queue, or with
 *	&asblk_passthru_ops.admin
 * @ops: its driver's operations; must outlive the return of asblk_passthru_remove()
 *
 * Makes the character device /dev/asblk-ctrlN, with N as in asblk_ctrl_device().
 *
 * Context: task, may sleep.
 * Return: the interface, or an ERR_PTR.
 */
struct asblk_passthru *asblk_passthru_add(struct asblk_ctrl *ctrl,
					  const struct asblk_passthru_ops *ops)
{
	struct asblk_passthru *pt = kzalloc_obj(*pt);
	int err;

	if (!pt)
		return ERR_PTR(-ENOMEM);
	pt->node.target.pt = pt;
	pt->ctrl = ctrl;
	pt->ops = ops;
	refcount_set(&pt->users, 1);
	init_completion(&pt->no_users);
	INIT_WORK(&pt->rescan, passthru_rescan);
	if (!ops->effects || ops->effects(ctrl, &pt->effects))
		memset(&pt->effects, 0, sizeof(pt->effects));
	passthru_known_effects(&pt->effects);
	get_device(&ctrl->dev);
	err = node_add(&pt->node, "asblk-%s", dev_name(&ctrl->dev));
	return err ? ERR_PTR(err) : pt;
}
ASBLK_EXPORT(asblk_passthru_add);

/**
 * asblk_passthru_remove - let users no longer send commands to a controller
 * @pt: interface, without disks
 *
 * Waits for the operations that a user has caused. Files that are open stay so: their commands
 * fail.
 *
 * Context: task, may sleep.
 */
void asblk_passthru_remove(struct asblk_passthru *pt)
{
	WRITE_ONCE(pt->removing, true);
	passthru_put(pt);
	wait_for_completion(&pt->no_users);
	disable_work_sync(&pt->rescan);
	node_remove(&pt->node);
}
ASBLK_EXPORT(asblk_passthru_remove);

/**
 * asblk_passthru_add_disk - let users send commands to a namespace
 * @pt: of its controller
 * @disk: its disk
 * @nsid: its identifier
 *
 * Makes the character device /dev/asblkN-generic, with asblkN the name of the disk.
 *
 * Context: task, may sleep.
 * Return: the interface, or an ERR_PTR.
 */
struct asblk_passthru_disk *asblk_passthru_add_disk(struct asblk_passthru *pt,
						    struct asblk_disk *disk, u32 nsid)
{
	struct asblk_passthru_disk *pd = kzalloc_obj(*pd);
	int err;

	if (!pd)
		return ERR_PTR(-ENOMEM);
	pd->node.target = (struct passthru_target) { .pt = pt, .disk = disk, .nsid = nsid };
	get_device(disk_to_dev(disk->gd));
	get_device(&pt->node.dev);
	err = node_add(&pd->node, "%s-generic", asblk_disk_name(disk));
	return err ? ERR_PTR(err) : pd;
}
ASBLK_EXPORT(asblk_passthru_add_disk);

/**
 * asblk_passthru_remove_disk - let users no longer send commands to a namespace
 * @pd: interface
 *
 * To be followed by asblk_disk_remove(), after which commands of files that are open fail.
 *
 * Context: task, may sleep.
 */
void asblk_passthru_remove_disk(struct asblk_passthru_disk *pd)
{
	node_remove(&pd->node);
}
ASBLK_EXPORT(asblk_passthru_remove_disk);

int asblk_passthru_init(void)
{
	int err = passthru_uring_init();

	if (err)
		return err;
	err = alloc_chrdev_region(&passthru_devt, 0, NR_MINORS, "asblk");
	if (err)
		goto exit_uring;
	err = class_register(&passthru_class);
	if (err)
		goto unregister;
	return 0;

unregister:
	unregister_chrdev_region(passthru_devt, NR_MINORS);
exit_uring:
	passthru_uring_exit();
	return err;
}

/* No device is left, nor an open file. */
void asblk_passthru_exit(void)
{
	class_unregister(&passthru_class);
	unregister_chrdev_region(passthru_devt, NR_MINORS);
	passthru_uring_exit();
	ida_destroy(&passthru_minors);
}
