/* SPDX-License-Identifier: GPL-2.0-only */
/* The admin queue of a controller. */
#ifndef _ASBLK_ADMIN_H
#define _ASBLK_ADMIN_H

#include "ctrl.h"

int asblk_admin_init(struct asblk_ctrl *ctrl, const struct asblk_admin_params *params);
void asblk_admin_exit(struct asblk_ctrl *ctrl);
void asblk_admin_free(struct asblk_ctrl *ctrl);

#endif /* _ASBLK_ADMIN_H */
