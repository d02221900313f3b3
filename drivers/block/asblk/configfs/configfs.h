/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the files of configfs/, grouped by file. They know a disk by emul/config.h and
 * its fault rules by emul/faults.h.
 */
#ifndef _ASBLK_CONFIGFS_H
#define _ASBLK_CONFIGFS_H

#include <linux/configfs.h>

#include "../emul/config.h"

/**
 * struct cfs_disk - a directory for a disk
 * @group: the directory
 * @faults: its subdirectory for fault rules
 * @config: the disk
 * @list: of the directories of disks made at load
 */
struct cfs_disk {
	struct config_group group;
	struct config_group faults;
	struct emul_config *config;
	struct list_head list;
};

static inline struct cfs_disk *to_cfs_disk(struct config_item *item)
{
	return container_of(to_config_group(item), struct cfs_disk, group);
}

/* disk.c */
struct cfs_disk *cfs_disk_create(const char *name, struct emul_config *config);

/* rule.c */
extern const struct config_item_type cfs_faults_type;

#endif /* _ASBLK_CONFIGFS_H */
