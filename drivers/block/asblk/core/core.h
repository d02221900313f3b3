/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of core/ share, grouped by file, top layer last.
 *
 * Lock order: gendisk::open_mutex, then asblk_ctrl::settings_lock, then a queue freeze,
 * then asblk_recovery::lock, then asblk_hwq::lock (interrupts off; the only one on
 * the data path). asblk_ctrl::disks_lock is held for the list, never while
 * requests are waited for.
 */
#ifndef _ASBLK_CORE_H
#define _ASBLK_CORE_H

#include <linux/asblk.h>
#include <linux/blk-mq.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../compat.h"
#include "dma.h"
#include "slots.h"

/* What the engine promises the block layer for one request, not one transfer. */
#define ASBLK_MAX_REQUEST_BYTES	SZ_16M
#define ASBLK_MAX_RANGE_BYTES	((u32)UINT_MAX & ~((u32)SZ_64K - 1))

/**
 * struct asblk_unit - what the engine knows of a medium
 * @id: &asblk_media_params.unit
 * @nr_sectors: capacity in sectors of 512 bytes, 0 while there is no medium.
 *	Written with the queue frozen.
 * @block_shift: log2 of the logical block size
 * @zeroes_unmap: write zeroes may unmap
 */
struct asblk_unit {
	u32 id;
	u8 block_shift;
	bool zeroes_unmap;
	sector_t nr_sectors;
};

/**
 * struct asblk_rq - the engine's part of a struct request
 * @next: first byte that no part has been made of yet
 * @pending: on &asblk_hwq.pending or &asblk_hwq.starved
 * @queue_seen: &asblk_counters.completions when the request was last looked at
 * @issued: bytes that parts have been made of
 * @bad: offset of the lowest byte known to have failed, ASBLK_NO_BAD if none
 * @parts: parts in flight, or waiting to be offered again
 * @ended: parts that have ended for good, modulo 65536
 * @late_at: when it was last found late and is to pay for a reset, in jiffies
 * @ended_seen: @ended when the request was last looked at because it was late
 * @starved: @pending is on &asblk_hwq.starved, if it is on a list
 * @status: status at @bad
 * @map: its memory as the device sees it. There is room for it only if &asblk_dma.must_map
 *
 * A request that is one transfer uses @status alone, and what mapping needs.
 * Protected by &asblk_hwq.lock until the request is handed back.
 */
struct asblk_rq {
	struct asblk_cursor next;
	struct list_head pending;
	u64 queue_seen;
	u32 issued;
	u32 bad;
	u32 late_at;
	u16 parts;
	u16 ended;
	u16 ended_seen;
	bool starved;
	blk_status_t status;
	struct asblk_mapping map;
};

#define ASBLK_NO_BAD	U32_MAX

/**
 * struct asblk_counters - what happened on a queue, under &asblk_hwq.lock
 * @requests: requests accepted
 * @transfers: transfers the controller accepted
 * @completions: transfers completed, well or not
 * @interrupts: calls of asblk_reap()
 * @polls: calls of the block layer's poll
 * @retries: transfers offered again
 * @busy: times the controller was busy
 * @errors: requests that failed
 * @unknown_ids: completions with an ID that names no transfer in flight
 * @timeouts: requests that were late
 * @lost_interrupts: late requests that polling found finished
 * @aborts: transfers that the controller was asked to give up
 * @resets: times that the queue was reset, alone or with its controller
 * @failed_resets: times that it could not be reset alone
 * @requeued: transfers in flight that a reset lost
 */
struct asblk_counters {
	u64 requests;
	u64 transfers;
	u64 completions;
	u64 interrupts;
	u64 polls;
	u64 retries;
	u64 busy;
	u64 errors;
	u64 unknown_ids;
	u64 timeouts;
	u64 lost_interrupts;
	u64 aborts;
	u64 resets;
	u64 failed_resets;
	u64 requeued;
};

/*
 * Why a queue does not offer new transfers to the controller, &asblk_hwq.held.
 * RETRY: it was busy, or others wait to be offered again: nobody overtakes. STOPPED:
 * recovery has it. DEAD: it never will again. IDLE: it is to be woken first.
 */
#define ASBLK_HELD_RETRY	BIT(0)
#define ASBLK_HELD_STOPPED	BIT(1)
#define ASBLK_HELD_DEAD		BIT(2)
#define ASBLK_HELD_IDLE		BIT(3)

/**
 * struct asblk_hwq - the engine's side of a hardware queue
 * @pub: the controller's view of it
 * @ops: of the controller
 * @lim: of the controller
 * @whole_bytes: a data request of one segment and at most this many bytes is
 *	one transfer without a look at its memory
 * @max_retries: &asblk_ctrl_params.max_retries
 * @priv_size: &asblk_ctrl_params.transfer_priv_size, rounded up
 * @priv_area: @priv_size bytes for each slot
 * @segs: room for the segments of the transfer that is being submitted
 * @dev: the controller's device, to name in the log and to resume
 * @dma: of the controller
 * @dma_dev: &asblk_dma.dev
 * @must_map: &asblk_dma.must_map
 * @kick: goes on with what waits for a busy controller when no completion will
 * @later_work: goes on with @later
 * @lock: protects everything below, and serialises the controller's submit,
 *	ring and reap. Hard interrupt safe. Other CPUs than the queue's take it
 *	only where an interrupt strays, for timeouts and for debugfs.
 * @slots: transfers in flight
 * @transfer: the one being submitted
 * @pending: requests (&asblk_rq.pending) with parts to be issued, in the order in which
 *	they came: the controller was busy, or the slot of their tag is free
 * @starved: requests with parts to be issued that wait for a slot, likewise
 * @retry: first of the slots that are to be offered again
 * @retry_tail: last of them
 * @later: first of the slots that are to be offered again once they are due, in any
 *	order
 * @later_due: when the first of them is, in jiffies
 * @waiting: @pending, @starved, @retry or @later may have something
 * @doorbell_due: transfers were submitted since the last ring
 * @held: ASBLK_HELD_*
 * @wanted: the step of escalation that recovery is to take, an ASBLK_LATE_*; 0 for none
 * @reset_at: @count.completions when the queue was last reset alone, U64_MAX if it
 *	never was; under &asblk_recovery.lock
 * @idle_at: @count.requests when somebody last looked whether it is idle
 * @count: what happened
 */
struct asblk_hwq {
	struct asblk_queue pub;
	const struct asblk_ctrl_ops *ops;
	const struct asblk_limits *lim;
	u32 whole_bytes;
	unsigned int max_retries;
	size_t priv_size;
	void *priv_area;
	struct asblk_segment *segs;
	struct device *dev;
	struct asblk_dma *dma;
	struct device *dma_dev;
	bool must_map;
	struct delayed_work kick;
	struct delayed_work later_work;

	spinlock_t lock ____cacheline_aligned_in_smp;
	bool doorbell_due;
	u8 held;
	bool waiting;
	u8 wanted;
	u16 retry;
	u16 retry_tail;
	u16 later;
	u32 later_due;
	struct asblk_slots slots;
	struct list_head pending;
	struct list_head starved;
	struct asblk_counters count;
	struct asblk_transfer transfer;
	u64 reset_at;
	u64 idle_at;
};

static inline struct asblk_hwq *asblk_to_hwq(struct asblk_queue *q)
{
	return container_of(q, struct asblk_hwq, pub);
}

/**
 * enum asblk_ctrl_state - what recovery is doing with a controller
 * @ASBLK_CTRL_LIVE: nothing
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

/**
 * struct asblk_recovery - the recovery of a controller
 * @lock: held over every operation of the controller that sleeps, but for those of
 *	which &struct asblk_ctrl_ops says otherwise
 * @state: written under @lock
 * @work: takes the steps that sleep
 * @reset_wanted: the controller's driver asked for a reset of the whole controller
 * @reset_at: completions of all queues when a late request last led to a reset,
 *	U64_MAX if none has
 * @asked_at: the same of a reset that the driver asked for
 * @asked_end: when that was over, in jiffies
 * @vain: how many of these in a row came to nothing
 * @resets: resets of the whole controller that worked
 */
struct asblk_recovery {
	struct mutex lock;	/* over operations that sleep */
	enum asblk_ctrl_state state;
	struct work_struct work;
	bool reset_wanted;
	u64 reset_at;
	u64 asked_at;
	unsigned long asked_end;
	unsigned int vain;
	u64 resets;
};

/**
 * struct asblk_ctrl - a controller
 * @dev: /sys/class/asblk/ctrlN; holds the memory of this structure
 * @id: N
 * @ops: what it does
 * @params: what it is; the strings are owned
 * @set: tag set, shared by all its disks
 * @queues: nr_queues with interrupts, then nr_poll_queues
 * @nr_queues: all of them
 * @recovery: what becomes of it when it does not answer
 * @settings_lock: serialises changes of the write cache and of write protection, with
 *	what the host is told of them
 * @disks_lock: protects @disks
 * @disks: its disks
 * @cache_on: the volatile write cache, if there is one, may be on: the host flushes
 * @coalesced: somebody has set the following two, which are under
 *	&asblk_recovery.lock
 * @coalesce_count: as last passed to &asblk_ctrl_ops.coalesce
 * @coalesce_usecs: likewise
 * @dma: how the device reaches memory
 * @look: looks again whether the controller is idle
 * @debugfs: directory
 * @priv: for asblk_ctrl_priv()
 */
struct asblk_ctrl {
	struct device dev;
	int id;
	const struct asblk_ctrl_ops *ops;
	struct asblk_ctrl_params params;
	struct blk_mq_tag_set set;
	struct asblk_hwq **queues;
	unsigned int nr_queues;
	struct asblk_recovery recovery;
	struct mutex settings_lock;	/* the cache, write protection */
	struct mutex disks_lock;	/* the list */
	struct list_head disks;
	bool cache_on;
	bool coalesced;
	unsigned int coalesce_count;
	unsigned int coalesce_usecs;
	struct asblk_dma dma;
	struct delayed_work look;
	struct dentry *debugfs;
	void *priv;
};

/**
 * struct asblk_disk - a medium as a gendisk
 * @unit: the engine's part; &request_queue.queuedata points to it
 * @ctrl: controller; the disk holds a reference to its device
 * @gd: gendisk
 * @list: on &asblk_ctrl.disks
 * @users: of the controller on the disk's behalf, outside requests; the disk itself is
 *	one until it is removed
 * @going: it is being removed, and gets no more users
 * @unused: there are none any more
 * @params: what it is
 * @params_lock: for those who read its block size and number of blocks together
 * @made: what it was when the disk was made
 * @index: N of asblkN
 * @format_bytes: most that a format can make of the medium
 * @loaded: there is a medium; protected by &gendisk.open_mutex
 * @locked: CDROM_LOCKDOOR is in force; protected by &gendisk.open_mutex
 * @groups: sysfs attributes
 */
struct asblk_disk {
	struct asblk_unit unit;
	struct asblk_ctrl *ctrl;
	struct gendisk *gd;
	struct list_head list;
	refcount_t users;
	bool going;
	struct completion unused;
	struct asblk_media_params params;
	spinlock_t params_lock;		/* block size, number of blocks */
	struct asblk_media_params made;
	int index;
	u64 format_bytes;
	bool loaded;
	bool locked;
	const struct attribute_group *groups[4];
};

/* Capacity with the medium in. */
static inline sector_t asblk_disk_sectors(const struct asblk_disk *disk)
{
	return disk->params.nr_blocks <<
	       (disk->unit.block_shift - SECTOR_SHIFT);
}

/* limits.c */
int asblk_limits_check(const struct asblk_limits *lim, struct device *dev);
int asblk_limits_check_block(const struct asblk_limits *lim, u32 block_size,
			     const struct device *dev);
bool asblk_limits_carry(const struct asblk_limits *lim, u32 block_size);
u32 asblk_limits_dma_alignment(const struct asblk_limits *lim, u32 block_size);
u32 asblk_limits_atomic(const struct asblk_limits *lim, u32 wanted);
u32 asblk_limits_whole_bytes(const struct asblk_limits *lim);

/* split.c */
void asblk_cursor_advance(struct asblk_cursor *c, u32 bytes);
u32 asblk_split(struct asblk_transfer *t, struct asblk_cursor *at, u32 left);

/* An operation of the block layer as a number, to compare and to index by. */
#define op_number(op)	((__force unsigned int)(op))

/* The operations with a number beyond that of a flush have ranges instead of data. */
static inline bool asblk_engine_has_ranges(const struct request *rq)
{
	return op_number(req_op(rq)) > op_number(REQ_OP_FLUSH);
}

/* queue.c, submit.c, complete.c and request.c */
int asblk_hwq_init(struct asblk_hwq *hwq, struct asblk_ctrl *ctrl,
		   unsigned int index);
void asblk_hwq_exit(struct asblk_hwq *hwq);

/**
 * struct asblk_batch - one batch on a queue, with its lock held
 * @hwq: queue
 * @flags: interrupt state to go back to
 * @nr: transfers completed
 * @iob: requests that end together; may be NULL
 * @single: requests that end one by one
 *
 * Without holes, see asblk_batch_begin().
 */
struct asblk_batch {
	struct asblk_hwq *hwq;
	unsigned long flags;
	unsigned long nr;
	struct io_comp_batch *iob;
	struct rq_list single;
};

/**
 * asblk_batch_begin - begin a batch on a queue
 * @batch: the batch; on the caller's stack
 * @hwq: queue, whose lock is taken
 * @iob: where requests that end together are gathered, for the caller to end;
 *	NULL to end them one by one
 *
 * Inline, as a kernel that clears what is on the stack then sees that all of @batch is
 * written, and clears nothing. Context: any but NMI.
 */
static inline void asblk_batch_begin(struct asblk_batch *batch, struct asblk_hwq *hwq,
				     struct io_comp_batch *iob)
	__acquires(&hwq->lock)
{
	batch->hwq = hwq;
	batch->flags = 0;
	batch->nr = 0;
	batch->iob = iob;
	rq_list_init(&batch->single);
	spin_lock_irqsave(&hwq->lock, batch->flags);
}

void asblk_batch_end(struct asblk_batch *batch, bool doorbell)
	__releases(&batch->hwq->lock);
blk_status_t asblk_engine_start(struct asblk_batch *batch, struct request *rq);
void asblk_engine_resume(struct asblk_batch *batch);
unsigned int asblk_engine_poll(struct asblk_hwq *hwq,
			       struct io_comp_batch *iob);
bool asblk_engine_late(struct asblk_hwq *hwq, struct request *rq);

/**
 * enum asblk_blame - on whose account transfers are offered again after a reset
 * @ASBLK_BLAME_NOBODY: no request is the reason (a user's reset, the end of a pause): no
 *	retry is charged
 * @ASBLK_BLAME_LATE: only the requests that were late are charged
 * @ASBLK_BLAME_ALL: the device's driver asked for it: all in flight are charged
 */
enum asblk_blame {
	ASBLK_BLAME_NOBODY,
	ASBLK_BLAME_LATE,
	ASBLK_BLAME_ALL,
};

unsigned int asblk_engine_take_back(struct asblk_batch *batch, enum asblk_blame blame);
unsigned int asblk_engine_fail_all(struct asblk_batch *batch, blk_status_t status);
void asblk_engine_end(struct request *rq);
void asblk_engine_end_mapped(struct io_comp_batch *iob);
u8 asblk_engine_op(const struct request *rq);

/* timeout.c */
bool asblk_recovery_late(struct asblk_hwq *hwq, struct request *rq);

/* state.c */
int asblk_recovery_begin(struct asblk_ctrl *ctrl);
void asblk_recovery_end(struct asblk_ctrl *ctrl);

/* recovery.c */
void asblk_recovery_wanted(struct asblk_hwq *hwq, u8 step);
int asblk_recovery_start(void);
void asblk_recovery_stop(void);
void asblk_recovery_init(struct asblk_ctrl *ctrl);
void asblk_recovery_live(struct asblk_ctrl *ctrl);
void asblk_recovery_exit(struct asblk_ctrl *ctrl);
int asblk_recovery_reset_now(struct asblk_ctrl *ctrl);

/* pm.c */
void asblk_pm_init(struct asblk_ctrl *ctrl);
void asblk_pm_exit(struct asblk_ctrl *ctrl);
extern const struct dev_pm_ops asblk_pm_ops;

/* settings.c */
void asblk_settings_max_retries(struct asblk_ctrl *ctrl, u8 value);
int asblk_settings_restore(struct asblk_ctrl *ctrl);
extern const struct attribute_group asblk_settings_group;

/* mq.c */
int asblk_tag_set_init(struct asblk_ctrl *ctrl);

/* disk.c */
extern const struct block_device_operations asblk_fops;
void asblk_disks_exit(void);
bool asblk_disk_get(struct asblk_disk *disk);
void asblk_disk_put(struct asblk_disk *disk);

/* geometry.c */
void asblk_disk_limits(const struct asblk_disk *disk, struct queue_limits *lim);
void asblk_disk_set_params(struct asblk_disk *disk, const struct asblk_media_params *params);
void asblk_disk_set_capacity(struct asblk_disk *disk, sector_t nr_sectors);
int asblk_disk_check(const struct asblk_ctrl *ctrl, const struct asblk_media_params *params);

/* format.c */
extern const struct attribute_group asblk_format_group;

/* media.c */
int asblk_media_open(struct gendisk *gd, blk_mode_t mode);
void asblk_media_changed(struct gendisk *gd);
int asblk_media_ioctl(struct block_device *bdev, blk_mode_t mode,
		      unsigned int cmd, unsigned long arg);

/* sysfs.c */
extern const struct attribute_group *asblk_ctrl_groups[];
extern const struct attribute_group asblk_disk_group;

/* debugfs.c */
void asblk_debugfs_init(void);
void asblk_debugfs_exit(void);
void asblk_debugfs_add(struct asblk_ctrl *ctrl);
void asblk_debugfs_remove(struct asblk_ctrl *ctrl);

/* ctrl.c */
int asblk_ctrl_class_init(void);
void asblk_ctrl_class_exit(void);

#endif /* _ASBLK_CORE_H */
