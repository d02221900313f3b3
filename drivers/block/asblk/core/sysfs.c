// SPDX-License-Identifier: GPL-2.0-only
/*
 * sysfs attributes. lsblk and udev look for model, serial and rev in the disk's
 * parent device, which is the controller.
 */
#include <linux/string.h>
#include <linux/sysfs.h>

#include "disk.h"
#include "recovery.h"
#include "settings.h"
#include "state.h"
#include "sysfs.h"

static ssize_t model_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%s\n", to_ctrl(dev)->params.model);
}
static DEVICE_ATTR_RO(model);

static ssize_t serial_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%s\n", to_ctrl(dev)->params.serial);
}
static DEVICE_ATTR_RO(serial);

static ssize_t firmware_rev_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", to_ctrl(dev)->params.firmware_rev);
}
static DEVICE_ATTR_RO(firmware_rev);

/* The name that lsblk knows, after SCSI. */
static struct device_attribute dev_attr_rev =
	__ATTR(rev, 0444, firmware_rev_show, NULL);

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%s\n", asblk_ctrl_state_word(to_ctrl(dev)));
}
static DEVICE_ATTR_RO(state);

static ssize_t resets_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(to_ctrl(dev)->recovery.resets));
}
static DEVICE_ATTR_RO(resets);

/* For attributes that act on a 1. Return: 0 or -EINVAL. */
static int parse_one(const char *buf)
{
	bool one;

	return kstrtobool(buf, &one) || !one ? -EINVAL : 0;
}

static ssize_t reset_controller_store(struct device *dev,
				      struct device_attribute *attr,
				      const char *buf, size_t len)
{
	struct asblk_ctrl *ctrl = to_ctrl(dev);
	int err = parse_one(buf);

	if (!err)
		err = asblk_recovery_reset_now(ctrl);
	return err ?: len;
}
static DEVICE_ATTR_WO(reset_controller);

static ssize_t rescan_controller_store(struct device *dev,
				       struct device_attribute *attr,
				       const char *buf, size_t len)
{
	struct asblk_ctrl *ctrl = to_ctrl(dev);
	int err = parse_one(buf);

	if (!err)
		err = asblk_ctrl_rescan(ctrl);
	return err ?: len;
}
static DEVICE_ATTR_WO(rescan_controller);

static struct attribute *ctrl_attrs[] = {
	&dev_attr_model.attr,
	&dev_attr_serial.attr,
	&dev_attr_firmware_rev.attr,
	&dev_attr_rev.attr,
	&dev_attr_state.attr,
	&dev_attr_resets.attr,
	&dev_attr_reset_controller.attr,
	&dev_attr_rescan_controller.attr,
	NULL
};

static umode_t ctrl_is_visible(struct kobject *kobj, struct attribute *attr,
			       int index)
{
	struct asblk_ctrl *ctrl = to_ctrl(kobj_to_dev(kobj));

	if (attr == &dev_attr_reset_controller.attr)
		return ctrl->ops->reset ? attr->mode : 0;
	if (attr == &dev_attr_rescan_controller.attr)
		return ctrl->ops->rescan ? attr->mode : 0;
	return attr->mode;
}

static const struct attribute_group ctrl_group = {
	.attrs = ctrl_attrs,
	.is_visible = ctrl_is_visible,
};

const struct attribute_group *asblk_ctrl_groups[] = {
	&ctrl_group,
	&asblk_settings_group,
	NULL
};

static ssize_t wwid_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct asblk_disk *disk = to_disk(dev);

	return sysfs_emit(buf, "eui.%16phN\n", disk->params.wwid);
}
static DEVICE_ATTR_RO(wwid);

static ssize_t write_protect_show(struct device *dev,
				  struct device_attribute *attr, char *buf)
{
	/* The medium's state, not that of blockdev --setro. */
	return sysfs_emit(buf, "%d\n",
			  test_bit(GD_READ_ONLY, &dev_to_disk(dev)->state));
}

static ssize_t write_protect_store(struct device *dev,
				   struct device_attribute *attr,
				   const char *buf, size_t len)
{
	bool on;
	int err = kstrtobool(buf, &on);

	if (!err)
		err = asblk_disk_write_protect(to_disk(dev), on);
	return err ?: len;
}
static DEVICE_ATTR_RW(write_protect);

static struct attribute *disk_attrs[] = {
	&dev_attr_wwid.attr,
	&dev_attr_write_protect.attr,
	NULL
};

/* A medium without a unique ID has no wwid rather than a wrong one. */
static umode_t disk_is_visible(struct kobject *kobj, struct attribute *attr,
			       int index)
{
	struct asblk_disk *disk = to_disk(kobj_to_dev(kobj));

	if (attr == &dev_attr_write_protect.attr)
		return disk->ctrl->ops->write_protect ? attr->mode : 0;
	return memchr_inv(disk->params.wwid, 0, sizeof(disk->params.wwid)) ?
	       attr->mode : 0;
}

const struct attribute_group asblk_disk_group = {
	.attrs = disk_attrs,
	.is_visible = disk_is_visible,
};
