// SPDX-License-Identifier: GPL-2.0-only
/* Load and unload: the core first, then the disks of the emulated controller. */
#include <linux/module.h>

#include "../emul/config.h"
#include "../passthru/device.h"
#include "ctrl.h"
#include "debugfs.h"
#include "disk.h"
#include "recovery.h"

static int __init asblk_init(void)
{
	int err;

	err = asblk_recovery_start();
	if (err)
		return err;
	err = asblk_ctrl_class_init();
	if (err)
		goto stop_recovery;
	err = asblk_passthru_init();
	if (err)
		goto exit_class;
	asblk_debugfs_init();
	err = emul_init();
	if (err)
		goto exit_passthru;
	return 0;

exit_passthru:
	asblk_debugfs_exit();
	asblk_passthru_exit();
exit_class:
	asblk_disks_exit();
	asblk_ctrl_class_exit();
stop_recovery:
	asblk_recovery_stop();
	return err;
}

static void __exit asblk_exit(void)
{
	emul_exit();
	asblk_debugfs_exit();
	asblk_passthru_exit();
	asblk_disks_exit();
	asblk_ctrl_class_exit();
	asblk_recovery_stop();
}

module_init(asblk_init);
module_exit(asblk_exit);
MODULE_DESCRIPTION("Asynchronous block driver with an emulated controller");
MODULE_LICENSE("GPL");
