/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASBLK_EMUL_SYSFS_H
#define _ASBLK_EMUL_SYSFS_H

#include <linux/device.h>
#include <linux/sysfs.h>

/* Of a disk whose &asblk_media_params.priv is the device. */
extern const struct attribute_group emul_attr_group;

struct kernfs_node *emul_sysfs_get_history(struct device *dev);
void emul_sysfs_history(void *data);

#endif /* _ASBLK_EMUL_SYSFS_H */
