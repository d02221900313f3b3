/* SPDX-License-Identifier: GPL-2.0-only */
/* Runtime power management. */
#ifndef _ASBLK_PM_H
#define _ASBLK_PM_H

#include "ctrl.h"

void asblk_pm_init(struct asblk_ctrl *ctrl);
void asblk_pm_exit(struct asblk_ctrl *ctrl);
extern const struct dev_pm_ops asblk_pm_ops;

#endif /* _ASBLK_PM_H */
