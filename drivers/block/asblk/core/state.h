/* SPDX-License-Identifier: GPL-2.0-only */
/* The state of a controller, and who may use its operations that sleep. */
#ifndef _ASBLK_STATE_H
#define _ASBLK_STATE_H

#include "ctrl.h"

int asblk_ctrl_lock_live(struct asblk_ctrl *ctrl);
void asblk_ctrl_unlock(struct asblk_ctrl *ctrl);
int asblk_ctrl_rescan(struct asblk_ctrl *ctrl);
const char *asblk_ctrl_state_word(const struct asblk_ctrl *ctrl);

#endif /* _ASBLK_STATE_H */
