/* SPDX-License-Identifier: GPL-2.0-only */
/* The ioctls of the kernel's NVMe driver, linux/nvme_ioctl.h. */
#ifndef _ASBLK_PASSTHRU_IOCTL_H
#define _ASBLK_PASSTHRU_IOCTL_H

#include "device.h"

long passthru_ioctl(const struct passthru_target *t, bool may_write, unsigned int cmd,
		    unsigned long arg);

#endif /* _ASBLK_PASSTHRU_IOCTL_H */
