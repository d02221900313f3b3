/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands that users send to the emulated controller. */
#ifndef _ASBLK_EMUL_PASSTHRU_H
#define _ASBLK_EMUL_PASSTHRU_H

#include <linux/blkdev.h>

struct asblk_disk;
struct emul;

int emul_passthru_add(struct emul *emul);
int emul_passthru_add_disk(struct emul *emul);
void emul_passthru_remove_disk(struct emul *emul);
void emul_passthru_remove(struct emul *emul);
int emul_ioctl(struct asblk_disk *disk, blk_mode_t mode, unsigned int cmd, unsigned long arg);

#endif /* _ASBLK_EMUL_PASSTHRU_H */
