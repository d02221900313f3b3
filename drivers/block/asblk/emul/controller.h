/* SPDX-License-Identifier: GPL-2.0-only */
/* The emulated controller: a device, and the driver side that stands for it in the engine. */
#ifndef _ASBLK_EMUL_CONTROLLER_H
#define _ASBLK_EMUL_CONTROLLER_H

#include "device.h"
#include "options.h"

/**
 * struct emul_host_queue - the driver's side of a queue
 * @q: the engine's view of it
 * @eq: the device's side: calls take the place of writes to its registers
 * @rings: shared with the device
 * @sq_new: entries of the submission ring filled but not handed over
 * @list: descriptors of each slot's commands, allocated when a command of that slot first
 *	has more than fit into it
 * @reserve: a list for when there is no memory for another one
 * @reserve_lent: a command has it
 * @reserve_id: that command's ID
 *
 * Under the engine's lock of the queue.
 */
struct emul_host_queue {
	struct asblk_queue *q;
	struct emul_queue *eq;
	struct emul_rings *rings;
	u32 sq_new;
	struct emul_desc **list;
	struct emul_desc *reserve;
	bool reserve_lent;
	u16 reserve_id;
};

/**
 * struct emul - an emulated controller
 * @dev: device
 * @queue: the driver's sides of its queues
 * @physical_block_size: in bytes, as the disk is made; a format may need a larger one
 * @ctrl: controller, once it is known to the engine
 * @disk: disk, likewise
 * @passthru: for users' commands, and the following
 * @passthru_disk: for those to the disk
 * @history_file: to be told of changes, or NULL
 */
struct emul {
	struct emul_device dev;
	struct emul_host_queue *queue;
	u32 physical_block_size;
	struct asblk_ctrl *ctrl;
	struct asblk_disk *disk;
	struct asblk_passthru *passthru;
	struct asblk_passthru_disk *passthru_disk;
	struct kernfs_node *history_file;
};

struct emul *emul_create(struct emul_options *o, unsigned int nr, struct emul_medium *medium,
			 struct emul_faults *faults);
int emul_add_disk(struct emul *emul);
void emul_remove_disk(struct emul *emul);
void emul_destroy_ctrl(struct emul *emul);
void emul_destroy(struct emul *emul);

#endif /* _ASBLK_EMUL_CONTROLLER_H */
