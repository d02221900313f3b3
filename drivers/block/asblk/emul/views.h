/* SPDX-License-Identifier: GPL-2.0-only */
/* Disks that show what a power cut may have left of another disk. */
#ifndef _ASBLK_EMUL_VIEWS_H
#define _ASBLK_EMUL_VIEWS_H

#include "config.h"

void emul_views_add(struct emul_config *c);
void emul_views_remove(struct emul_config *c);
bool emul_views_lock_domain(struct emul_config *c, struct list_head *disks);
void emul_views_unlock_domain(struct list_head *disks);
struct emul_config *emul_views_find(const char *name);
int emul_views_insert(struct emul_config *c);
void emul_views_forget(struct emul_config *c);

#endif /* _ASBLK_EMUL_VIEWS_H */
