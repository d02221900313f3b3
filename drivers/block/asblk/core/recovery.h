/* SPDX-License-Identifier: GPL-2.0-only */
/* Recovery: resets, and giving up. */
#ifndef _ASBLK_RECOVERY_H
#define _ASBLK_RECOVERY_H

#include "ctrl.h"
#include "queue.h"

void asblk_recovery_schedule(struct asblk_hwq *hwq, u8 step);
int asblk_recovery_start(void);
void asblk_recovery_stop(void);
void asblk_recovery_init(struct asblk_ctrl *ctrl);
void asblk_recovery_live(struct asblk_ctrl *ctrl);
void asblk_recovery_exit(struct asblk_ctrl *ctrl);
int asblk_recovery_reset_now(struct asblk_ctrl *ctrl);
int asblk_recovery_reset_subsystem(struct asblk_ctrl *ctrl);
void asblk_admin_die(struct asblk_ctrl *ctrl);

#endif /* _ASBLK_RECOVERY_H */
