/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's NVMe passthrough interface for users, on controllers whose commands are NVMe
 * commands: &asblk_command.bytes is a struct nvme_command, little-endian as on the wire.
 */
#ifndef _LINUX_ASBLK_PASSTHRU_H
#define _LINUX_ASBLK_PASSTHRU_H

#include <linux/asblk.h>
#include <linux/nvme.h>
#include <linux/types.h>

struct asblk_passthru;
struct asblk_passthru_disk;

/**
 * struct asblk_passthru_io - data, time limit and result of an admin command
 * @data: memory of the kernel's; NULL for none
 * @len: bytes of @data
 * @offset: bytes into a page at which @data has to begin for the controller, too, which then needs
 *	a list of pages; 0 for none
 * @timeout: in jiffies
 * @exact: the command is known to transfer as much as @len
 * @changes: it is between &asblk_passthru_ops.begin and &asblk_passthru_ops.end
 * @result: returned: dwords 0 and 1 of the completion
 */
struct asblk_passthru_io {
	void *data;
	u32 len;
	u32 offset;
	unsigned long timeout;
	bool exact;
	bool changes;
	u64 result;
};

/**
 * struct asblk_passthru_ops - what a controller driver does for users' commands
 *
 * All may sleep. None is called after asblk_passthru_remove(), nor before
 * asblk_passthru_add() but @effects.
 *
 * @effects: optional: get the Commands Supported and Effects log page of the NVM command set.
 *	Returns 0, or another value if there is none; then only who has CAP_SYS_ADMIN may send
 *	I/O commands.
 *
 * @admin: execute an admin command, which lacks its identifier and pointers. Whatever length it
 *	implies, the device must only reach memory of the command. Returns 0, the NVMe
 *	status, or a negative errno: after -ETIMEDOUT and -EIO the device may still execute
 *	it. Optional if the controller has an admin queue whose commands lack these, too:
 *	by default they go there.
 *
 * @begin: optional: an admin command is about to be sent that may change formats or
 *	namespaces: no I/O must reach those. Returns 0, and @end is to follow, or a negative
 *	errno.
 *
 * @end: required with @begin: find out what has changed. @settled: the command has ended;
 *	if not, the device may still execute it.
 *
 * @can_reset_subsystem: optional: can &asblk_ctrl_ops.reset do %ASBLK_RESET_SUBSYSTEM? By
 *	default it cannot.
 */
struct asblk_passthru_ops {
	int (*effects)(struct asblk_ctrl *ctrl, struct nvme_effects_log *log);
	int (*admin)(struct asblk_ctrl *ctrl, struct nvme_command *cmd,
		     struct asblk_passthru_io *io);
	int (*begin)(struct asblk_ctrl *ctrl, const struct nvme_command *cmd);
	void (*end)(struct asblk_ctrl *ctrl, const struct nvme_command *cmd, bool settled);
	bool (*can_reset_subsystem)(struct asblk_ctrl *ctrl);
};

struct asblk_passthru *asblk_passthru_add(struct asblk_ctrl *ctrl,
					  const struct asblk_passthru_ops *ops);
void asblk_passthru_remove(struct asblk_passthru *pt);
struct asblk_passthru_disk *asblk_passthru_add_disk(struct asblk_passthru *pt,
						    struct asblk_disk *disk, u32 nsid);
void asblk_passthru_remove_disk(struct asblk_passthru_disk *pd);
int asblk_passthru_ioctl(struct asblk_passthru *pt, struct asblk_disk *disk, u32 nsid,
			 blk_mode_t mode, unsigned int cmd, unsigned long arg);

#endif /* _LINUX_ASBLK_PASSTHRU_H */
