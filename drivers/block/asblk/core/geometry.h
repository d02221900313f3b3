/* SPDX-License-Identifier: GPL-2.0-only */
/* A disk's limits, features and capacity. */
#ifndef _ASBLK_GEOMETRY_H
#define _ASBLK_GEOMETRY_H

#include "disk.h"

void asblk_disk_limits(const struct asblk_disk *disk, struct queue_limits *lim);
void asblk_disk_set_params(struct asblk_disk *disk, const struct asblk_media_params *params);
void asblk_disk_set_capacity(struct asblk_disk *disk, sector_t nr_sectors);
int asblk_disk_check_format(const struct asblk_ctrl *ctrl, u64 nr_blocks, u32 block_size);
int asblk_disk_check(const struct asblk_ctrl *ctrl, const struct asblk_media_params *params);

#endif /* _ASBLK_GEOMETRY_H */
