/* SPDX-License-Identifier: GPL-2.0-only */
/* Media that come and go. */
#ifndef _ASBLK_MEDIA_H
#define _ASBLK_MEDIA_H

#include "disk.h"

int asblk_media_open(struct gendisk *gd, blk_mode_t mode);
void asblk_media_changed(struct gendisk *gd);
int asblk_media_ioctl(struct block_device *bdev, blk_mode_t mode,
		      unsigned int cmd, unsigned long arg);

#endif /* _ASBLK_MEDIA_H */
