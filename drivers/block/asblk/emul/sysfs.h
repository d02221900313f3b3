/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASBLK_EMUL_SYSFS_H
#define _ASBLK_EMUL_SYSFS_H

#include <linux/sysfs.h>

/* Of a disk whose &asblk_media_params.priv is the device. */
extern const struct attribute_group emul_attr_group;

#endif /* _ASBLK_EMUL_SYSFS_H */
