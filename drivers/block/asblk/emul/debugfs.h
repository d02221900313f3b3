/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASBLK_EMUL_DEBUGFS_H
#define _ASBLK_EMUL_DEBUGFS_H

struct dentry;
struct emul_device;

void emul_debugfs_add(struct emul_device *ed, struct dentry *dir);

#endif /* _ASBLK_EMUL_DEBUGFS_H */
