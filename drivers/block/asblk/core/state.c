// SPDX-License-Identifier: GPL-2.0-only
/* Who may use a controller's operations that sleep. */
#include <kunit/visibility.h>
#include <linux/export.h>

#include "state.h"

/**
 * asblk_recovery_begin - keep recovery away while the device is told something
 * @ctrl: controller
 *
 * Context: task, may sleep: waits for a reset that is under way.
 * Return: 0, to be followed by asblk_recovery_end(); -ENODEV if the controller is
 * dead or paused, or -ERESTARTSYS.
 */
int asblk_recovery_begin(struct asblk_ctrl *ctrl)
{
	if (mutex_lock_interruptible(&ctrl->recovery.lock))
		return -ERESTARTSYS;
	if (ctrl->recovery.state == ASBLK_CTRL_LIVE)
		return 0;
	mutex_unlock(&ctrl->recovery.lock);
	return -ENODEV;
}
EXPORT_SYMBOL_IF_KUNIT(asblk_recovery_begin);

/* The end of what asblk_recovery_begin() began. */
void asblk_recovery_end(struct asblk_ctrl *ctrl)
{
	mutex_unlock(&ctrl->recovery.lock);
}
EXPORT_SYMBOL_IF_KUNIT(asblk_recovery_end);
