// SPDX-License-Identifier: GPL-2.0-only
/* The state of a controller, and who may use its operations that sleep. */
#include <kunit/visibility.h>
#include <linux/export.h>

#include "state.h"

/*
 * Lock out recovery during a device command. Context: task, may sleep: waits for a reset
 * that is under way. Return: 0, and asblk_ctrl_unlock() is to follow; -ENODEV if the
 * controller is dead or paused, or -ERESTARTSYS.
 */
int asblk_ctrl_lock_live(struct asblk_ctrl *ctrl)
{
	if (mutex_lock_interruptible(&ctrl->ops_lock))
		return -ERESTARTSYS;
	if (ctrl->state == ASBLK_CTRL_LIVE)
		return 0;
	mutex_unlock(&ctrl->ops_lock);
	return -ENODEV;
}
EXPORT_SYMBOL_IF_KUNIT(asblk_ctrl_lock_live);

void asblk_ctrl_unlock(struct asblk_ctrl *ctrl)
{
	mutex_unlock(&ctrl->ops_lock);
}
EXPORT_SYMBOL_IF_KUNIT(asblk_ctrl_unlock);

/* &asblk_ctrl_ops.rescan for a user. May sleep. Return: 0 or a negative errno. */
int asblk_ctrl_rescan(struct asblk_ctrl *ctrl)
{
	/* Wait for a reset; the lock is not held during the scan, which may remove disks. */
	int err = asblk_ctrl_lock_live(ctrl);

	if (err)
		return err;
	asblk_ctrl_unlock(ctrl);
	err = ctrl->ops->rescan(ctrl);
	/* The scan itself may have found the controller dead. */
	return !err && READ_ONCE(ctrl->state) != ASBLK_CTRL_LIVE ? -ENODEV : err;
}

/* For users. Context: any. */
const char *asblk_ctrl_state_word(const struct asblk_ctrl *ctrl)
{
	static const char *const words[] = {
		[ASBLK_CTRL_LIVE]	= "live",
		[ASBLK_CTRL_RESETTING]	= "resetting",
		[ASBLK_CTRL_PAUSED]	= "paused",
		[ASBLK_CTRL_DEAD]	= "dead",
		[ASBLK_CTRL_REMOVING]	= "removing",
	};

	return words[READ_ONCE(ctrl->state)];
}
