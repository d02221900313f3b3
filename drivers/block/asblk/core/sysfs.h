/* SPDX-License-Identifier: GPL-2.0-only */
/* sysfs attributes of controllers and disks. */
#ifndef _ASBLK_SYSFS_H
#define _ASBLK_SYSFS_H

#include <linux/sysfs.h>

extern const struct attribute_group *asblk_ctrl_groups[];
extern const struct attribute_group asblk_disk_group;

#endif /* _ASBLK_SYSFS_H */
