/* SPDX-License-Identifier: GPL-2.0-only */
/* /sys/kernel/debug/asblk. */
#ifndef _ASBLK_DEBUGFS_H
#define _ASBLK_DEBUGFS_H

#include "ctrl.h"

void asblk_debugfs_init(void);
void asblk_debugfs_exit(void);
void asblk_debugfs_add(struct asblk_ctrl *ctrl);
void asblk_debugfs_remove(struct asblk_ctrl *ctrl);

#endif /* _ASBLK_DEBUGFS_H */
