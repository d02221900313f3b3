/* SPDX-License-Identifier: GPL-2.0-only */
/* Settings that users change at run time. */
#ifndef _ASBLK_SETTINGS_H
#define _ASBLK_SETTINGS_H

#include "ctrl.h"

void asblk_settings_max_retries(struct asblk_ctrl *ctrl, u8 value);
int asblk_settings_restore(struct asblk_ctrl *ctrl);
extern const struct attribute_group asblk_settings_group;

#endif /* _ASBLK_SETTINGS_H */
