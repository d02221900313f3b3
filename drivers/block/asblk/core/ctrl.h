/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A controller. ctrl.c, which makes controllers, is on top.
 *
 * Lock order: gendisk::open_mutex, then asblk_ctrl::settings_lock, then a queue freeze,
 * then asblk_ctrl::ops_lock, then asblk_hwq::lock (interrupts off; the only one on
 * the data path). asblk_ctrl::disks_lock is held for the list, never while
 * requests are waited for.
 */
#ifndef _ASBLK_CTRL_H
#define _ASBLK_CTRL_H

#include <linux/asblk.h>
#include <linux/blk-mq.h>
#include <linux/device.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "../compat.h"
#include "dma.h"
#include "request.h"

struct asblk_hwq;

/**
 * enum asblk_ctrl_state - state of a controller
 * @ASBLK_CTRL_LIVE: in use
 * @ASBLK_CTRL_RESETTING: queues are stopped for a reset
 * @ASBLK_CTRL_PAUSED: stopped between asblk_ctrl_pause() and asblk_ctrl_resume()
 * @ASBLK_CTRL_DEAD: given up; every request fails
 * @ASBLK_CTRL_REMOVING: being destroyed; not recovered any more
 */
enum asblk_ctrl_state {
	ASBLK_CTRL_LIVE,
	ASBLK_CTRL_RESETTING,
	ASBLK_CTRL_PAUSED,
	ASBLK_CTRL_DEAD,
	ASBLK_CTRL_REMOVING,
};

/* There is no way back from these. */
static_assert(ASBLK_CTRL_DEAD + 1 == ASBLK_CTRL_REMOVING && ASBLK_CTRL_PAUSED < ASBLK_CTRL_DEAD);

/**
 * struct asblk_recovery - the recovery of a controller
 * @work: takes the steps that sleep
 * @needs_reset: the controller's driver requested a reset of the whole controller
 * @reset_at: completions of all queues when a timeout last led to a reset, U64_MAX if none
 *	has
 * @requested_at: the same for a reset that the driver requested
 * @requested_end: when that ended, in jiffies
 * @futile: how many of these in a row did not help
 * @resets: successful resets of the whole controller
 */
struct asblk_recovery {
	struct work_struct work;
	bool needs_reset;
	u64 reset_at;
	u64 requested_at;
	unsigned long requested_end;
	unsigned int futile;
	u64 resets;
};

/**
 * struct asblk_admin - the admin queue of a controller
 * @params: its parameters; a depth of 0 if there is none
 * @hwq: the queue; NULL if there is none
 * @set: its tags
 * @q: for commands
 * @unit: &request_queue.queuedata of @q
 */
struct asblk_admin {
	struct asblk_admin_params params;
	struct asblk_hwq *hwq;
	struct blk_mq_tag_set set;
	struct request_queue *q;
	struct asblk_unit unit;
};

/**
 * struct asblk_ctrl - a controller
 * @dev: /sys/class/asblk/ctrlN; holds the memory of this structure
 * @id: N
 * @ops: its driver's operations
 * @params: its parameters; the strings are owned
 * @node: NUMA node, or NUMA_NO_NODE
 * @admin: its admin queue, if it has one
 * @set: tag set, shared by all its disks
 * @queues: nr_queues with interrupts, then nr_poll_queues
 * @nr_queues: all of them
 * @ops_lock: held over every operation that sleeps, but for those of which &struct
 *	asblk_ctrl_ops says otherwise
 * @state: written under @ops_lock
 * @recovery: bookkeeping of resets
 * @settings_lock: serialises changes of the write cache and of write protection together
 *	with the block layer's view of them
 * @disks_lock: protects @disks
 * @disks: its disks
 * @cache_on: the volatile write cache, if there is one, may be on: the block layer flushes
 * @coalesced: the following two were set, by the driver or by a user; under @ops_lock
 * @coalesce_count: as last passed to &asblk_ctrl_ops.coalesce
 * @coalesce_usecs: likewise
 * @dma: how the device reaches memory
 * @idle_check: checks again whether the controller is idle
 * @debugfs: directory
 * @priv: for asblk_ctrl_priv()
 */
struct asblk_ctrl {
	struct device dev;
	int id;
	const struct asblk_ctrl_ops *ops;
	struct asblk_ctrl_params params;
	int node;
	struct asblk_admin admin;
	struct blk_mq_tag_set set;
	struct asblk_hwq **queues;
	unsigned int nr_queues;
	struct mutex ops_lock;		/* over operations that sleep */
	enum asblk_ctrl_state state;
	struct asblk_recovery recovery;
	struct mutex settings_lock;	/* the cache, write protection */
	struct mutex disks_lock;	/* the list */
	struct list_head disks;
	bool cache_on;
	bool coalesced;
	unsigned int coalesce_count;
	unsigned int coalesce_usecs;
	struct asblk_dma dma;
	struct delayed_work idle_check;
	struct dentry *debugfs;
	void *priv;
};

static inline struct asblk_ctrl *to_ctrl(struct device *dev)
{
	return container_of(dev, struct asblk_ctrl, dev);
}

/* ctrl.c */
int asblk_ctrl_class_init(void);
void asblk_ctrl_class_exit(void);

#endif /* _ASBLK_CTRL_H */
