/* SPDX-License-Identifier: GPL-2.0-only */
/* Who may use a controller's operations that sleep. */
#ifndef _ASBLK_STATE_H
#define _ASBLK_STATE_H

#include "ctrl.h"

int asblk_ctrl_lock_live(struct asblk_ctrl *ctrl);
void asblk_ctrl_unlock(struct asblk_ctrl *ctrl);

#endif /* _ASBLK_STATE_H */
