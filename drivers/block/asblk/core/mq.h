/* SPDX-License-Identifier: GPL-2.0-only */
/* blk-mq's callbacks. */
#ifndef _ASBLK_MQ_H
#define _ASBLK_MQ_H

#include "ctrl.h"

int asblk_tag_set_init(struct asblk_ctrl *ctrl);
int asblk_admin_tag_set_init(struct asblk_ctrl *ctrl);

#endif /* _ASBLK_MQ_H */
