/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * asblk controller interface, the only one between the engine and a device.
 *
 * A controller driver fills in struct asblk_ctrl_ops and struct
 * asblk_ctrl_params, creates the controller, and adds a disk for each medium.
 * Documentation/block/asblk-controller.rst walks through one.
 */
#ifndef _LINUX_ASBLK_H
#define _LINUX_ASBLK_H

#include <linux/bitfield.h>
#include <linux/blk-mq.h>
#include <linux/build_bug.h>
#include <linux/bvec.h>
#include <linux/sizes.h>
#include <linux/types.h>

struct asblk_ctrl;
struct asblk_disk;
struct asblk_batch;
struct asblk_media_params;
struct attribute_group;
struct dentry;
struct device;
struct module;
struct seq_file;

/**
 * DOC: Operations
 *
 * What a transfer does, &asblk_transfer.op:
 *
 * * ``ASBLK_OP_READ``: media to memory
 * * ``ASBLK_OP_WRITE``: memory to media
 * * ``ASBLK_OP_FLUSH``: make durable every write completed before this transfer was
 *   submitted; no data, no LBA
 * * ``ASBLK_OP_UNMAP``: the blocks of the ranges need not be kept; see asblk_next_range()
 * * ``ASBLK_OP_WRITE_ZEROES``: the blocks read back as zeroes; they may be unmapped unless
 *   %ASBLK_OPT_NOUNMAP is set
 * * ``ASBLK_OP_SECURE_ERASE``: no copy of the blocks' old content remains; they read back
 *   as zeroes
 * * ``ASBLK_OP_COMMAND``: whatever &asblk_transfer.command says, see &struct asblk_command;
 *   with or without data, no LBA
 *
 * Reads and writes, which have data, are first.
 */

/* X(NAME, word) for each operation, LAST(NAME, word) for the last one. */
#define ASBLK_OPS(X, LAST)				\
	X(READ, "read")					\
	X(WRITE, "write")				\
	X(FLUSH, "flush")				\
	X(UNMAP, "unmap")				\
	X(WRITE_ZEROES, "write-zeroes")			\
	X(SECURE_ERASE, "secure-erase")			\
	LAST(COMMAND, "command")

#define ASBLK_OP_ENUM(name, word)	ASBLK_OP_##name,
enum asblk_op {
	ASBLK_OPS(ASBLK_OP_ENUM, ASBLK_OP_ENUM)
	ASBLK_NR_OPS
};

#undef ASBLK_OP_ENUM

static_assert(ASBLK_OP_READ < ASBLK_OP_WRITE && ASBLK_OP_WRITE + 1 == ASBLK_OP_FLUSH);

/* Options of a transfer. All but FUA, NOUNMAP and ATOMIC are hints. */
#define ASBLK_OPT_FUA		BIT(0)	/* durable before it completes */
#define ASBLK_OPT_NOUNMAP	BIT(1)	/* write zeroes: keep the blocks provisioned */
#define ASBLK_OPT_ATOMIC	BIT(2)	/* all or nothing after a power cut */
#define ASBLK_OPT_META		BIT(3)	/* file system metadata */
#define ASBLK_OPT_PRIO		BIT(4)	/* somebody waits for it */
#define ASBLK_OPT_RAHEAD	BIT(5)	/* read-ahead: may fail early */

/**
 * struct asblk_segment - one piece of memory as the device sees it
 * @addr: address for the controller's &asblk_ctrl_params.dma_dev; a physical
 *	address if it has none
 * @len: bytes
 */
struct asblk_segment {
	dma_addr_t addr;
	u32 len;
};

/**
 * struct asblk_range - one run of logical blocks
 * @lba: first block
 * @nr_blocks: number of blocks, at least 1
 */
struct asblk_range {
	u64 lba;
	u64 nr_blocks;
};

/**
 * struct asblk_cursor - a position in a request's memory or ranges; private to the engine
 * @bio: bio that holds the next byte
 * @iter: position in @bio
 * @seg: segment of the mapped memory at the position; NULL if memory is not mapped
 * @seg_used: bytes of @seg before the position
 */
struct asblk_cursor {
	struct bio *bio;
	struct bvec_iter iter;
	const struct asblk_segment *seg;
	u32 seg_used;
};

/* Bytes of a command in a controller's own format. */
#define ASBLK_COMMAND_BYTES	64

/* &request.timeout of a command that stays with the device until something happens. */
#define ASBLK_NO_TIMEOUT	UINT_MAX

/**
 * struct asblk_command - a command of the controller's own command set
 * @bytes: the command. The engine does not look at it
 * @result: returned: what the device has returned besides the status
 * @status: returned: the device's status in its own terms, 0 for success
 * @answered: returned: the device has completed the command; without that @result and @status
 *	are 0, and the request's status says why: %BLK_STS_TIMEOUT if the command was lost in a
 *	reset or withdrawn before the device got it, %BLK_STS_OFFLINE if the controller is dead
 *	or gone
 * @max_retries: how often the engine may send it again after the device asked for that or a
 *	reset lost it; 0 for a command that must not be executed twice
 * @exact: the sender knows that the device transfers exactly the command's data. Without that
 *	the controller's driver keeps a device that transfers more from reaching memory of
 *	others, or refuses the command; the data's last page has to be the command's up to its
 *	end
 *
 * Sent with a request of REQ_OP_DRV_IN or REQ_OP_DRV_OUT, see asblk_command_request().
 */
struct asblk_command {
	u8 bytes[ASBLK_COMMAND_BYTES] __aligned(8);
	u64 result;
	u16 status;
	bool answered;
	u8 max_retries;
	bool exact;
};

/**
 * struct asblk_limits - limits of one transfer
 * @max_bytes: most bytes of data; a multiple of every medium's block size
 * @max_segments: most segments
 * @max_segment_bytes: most bytes in one segment
 * @seg_boundary_mask: no segment crosses a multiple of this plus 1
 * @virt_boundary_mask: segments other than the first start, and other than the
 *	last end, at a multiple of this plus 1; 0 for none (a PRP list has 4095)
 * @dma_alignment_mask: every segment's address and length is a multiple of this
 *	plus 1; at most PAGE_SIZE - 1
 * @max_ranges: most ranges of one unmap
 * @max_range_bytes: most bytes in one range of an unmap; a multiple of every
 *	medium's block size
 * @max_zeroes_bytes: most bytes in one write zeroes or one secure erase; a
 *	multiple of every medium's block size
 *
 * asblk_ctrl_create() refuses limits that contradict each other, and
 * asblk_disk_add() a block size that does not fit them.
 */
struct asblk_limits {
	u32 max_bytes;
	u32 max_segments;
	u32 max_segment_bytes;
	u64 seg_boundary_mask;
	u32 virt_boundary_mask;
	u32 dma_alignment_mask;
	u32 max_ranges;
	u64 max_range_bytes;
	u64 max_zeroes_bytes;
};

/**
 * struct asblk_transfer - one device command, never more than one DMA operation
 * @id: to be passed to asblk_complete() once; slot index and generation, opaque to the
 *	controller
 * @op: operation
 * @opts: ASBLK_OPT_*
 * @slot: its number among the queue's &asblk_queue.nr_slots while it is in flight
 * @ioprio: I/O priority as in linux/ioprio.h
 * @nr_segments: number of segments, 0 for an operation without data
 * @nr_ranges: number of ranges of an unmap, else 0
 * @bytes: length of the data, or of the range; 0 for a flush and an unmap
 * @unit: medium, as given in struct asblk_media_params
 * @range: blocks; for an unmap the current one of @nr_ranges
 * @segs: the segments
 * @command: of %ASBLK_OP_COMMAND, which has no @range
 * @priv: memory for the controller's use, &asblk_ctrl_params.transfer_priv_size bytes; it
 *	belongs to the transfer until that completes, and keeps its content for the next one
 *	in that slot
 *
 * Valid during &asblk_ctrl_ops.submit only.
 */
struct asblk_transfer {
	u16 id;
	u8 op;
	u8 opts;
	u16 slot;
	u16 ioprio;
	u32 nr_segments;
	u32 nr_ranges;
	u32 bytes;
	u32 unit;
	struct asblk_range range;
	struct asblk_segment *segs;
	const struct asblk_command *command;
	void *priv;
	/* private: the engine's */
	const struct asblk_limits *lim;
	struct asblk_cursor cursor;
	u32 ranges_left;
	u8 block_shift;
};

/*
 * The statuses that a request can fail with, except device-mapper's own, and their words in
 * fault rules and tracepoints.
 */
#define ASBLK_STATUSES(X)					\
	X("ioerr", BLK_STS_IOERR)				\
	X("medium", BLK_STS_MEDIUM)				\
	X("notsupp", BLK_STS_NOTSUPP)				\
	X("timeout", BLK_STS_TIMEOUT)				\
	X("nospc", BLK_STS_NOSPC)				\
	X("transport", BLK_STS_TRANSPORT)			\
	X("target", BLK_STS_TARGET)				\
	X("resv-conflict", BLK_STS_RESV_CONFLICT)		\
	X("protection", BLK_STS_PROTECTION)			\
	X("resource", BLK_STS_RESOURCE)				\
	X("again", BLK_STS_AGAIN)				\
	X("dev-resource", BLK_STS_DEV_RESOURCE)			\
	X("zone-open-resource", BLK_STS_ZONE_OPEN_RESOURCE)	\
	X("zone-active-resource", BLK_STS_ZONE_ACTIVE_RESOURCE)	\
	X("offline", BLK_STS_OFFLINE)				\
	X("duration-limit", BLK_STS_DURATION_LIMIT)		\
	X("invalid", BLK_STS_INVAL)

const char *asblk_status_word(blk_status_t status);

bool __asblk_next_range(struct asblk_transfer *t);

/**
 * asblk_next_range - advance an unmap to its next range
 * @t: unmap
 *
 * The first range is in &asblk_transfer.range from the start. Context:
 * &asblk_ctrl_ops.submit only.
 *
 * Return: false if the current range is the last.
 */
static inline bool asblk_next_range(struct asblk_transfer *t)
{
	return t->ranges_left && __asblk_next_range(t);
}

#define ASBLK_ADMIN_QUEUE	UINT_MAX

/**
 * struct asblk_queue - one hardware queue, as its controller sees it
 * @ctrl: controller
 * @priv: the controller's, set by &asblk_ctrl_ops.start_queue
 * @index: 0-based; polled queues follow those with interrupts; %ASBLK_ADMIN_QUEUE for the
 *	admin queue
 * @nr_slots: most transfers in flight at once
 * @polled: completions are found by polling; no interrupt is wanted
 * @node: NUMA node for its memory, or NUMA_NO_NODE
 */
struct asblk_queue {
	struct asblk_ctrl *ctrl;
	void *priv;
	unsigned int index;
	unsigned int nr_slots;
	bool polled;
	int node;
};

/**
 * enum asblk_reset - what is reset
 * @ASBLK_RESET_CTRL: the controller
 * @ASBLK_RESET_SUBSYSTEM: and all that belongs to the same NVM subsystem, for controllers with
 *	&asblk_passthru_ops.can_reset_subsystem
 */
enum asblk_reset { ASBLK_RESET_CTRL, ASBLK_RESET_SUBSYSTEM };

/**
 * struct asblk_ctrl_ops - operations of a controller
 *
 * Which of them exclude each other:
 *
 * * @submit, @doorbell and @reap of a queue, by the queue's lock. None of them is called for
 *   a queue during its @reset_queue, nor for any during @reset and @disable and between
 *   asblk_ctrl_pause() and asblk_ctrl_resume().
 * * @abort, @reset_queue, @reset, @disable, @eject, @load, @write_cache, @write_protect,
 *   @coalesce, @format, @idle and @wake of a controller, by a mutex: at most one of them
 *   runs at a time, and none between asblk_ctrl_pause() and asblk_ctrl_resume() but the
 *   @reset of the latter, or a @disable.
 * * @start_queue before, and @stop_queue after all others.
 * * Between asblk_admin_stop() and asblk_admin_start(), and after @disable, the first three are
 *   not called for the admin queue. A @reset does not stop it: it may send commands.
 * * @run, @rescan, @ioctl and @show_queue exclude nothing but @start_queue and
 *   @stop_queue: they may run beside everything else, even while the controller is reset
 *   or paused.
 *
 * @owner: module that implements them; an open disk holds a reference
 *
 * @start_queue: make a queue ready for transfers, its interrupt included.
 *	May sleep. Returns 0 or a negative errno. The admin queue, if there is one, is
 *	started first: commands can be sent from its start on.
 *
 * @stop_queue: undo @start_queue. No transfer is in flight, but on the admin queue, which is
 *	stopped last: the device must no longer access their memory. May sleep.
 *
 * @submit: accept a transfer. Called under the queue's lock with interrupts
 *	off, so calls for one queue never overlap each other or @reap. Must not
 *	complete the transfer itself. Returns %BLK_STS_OK (it will be completed
 *	exactly once), %BLK_STS_RESOURCE (busy: the engine submits it again after
 *	the next completion, or after 3 ms), or another status (final: no
 *	completion follows).
 *
 * @doorbell: tell the device about the transfers submitted so far. Called under the
 *	queue's lock with interrupts off.
 *
 * @run: optional, for a device in software: execute what @doorbell has announced, on
 *	this CPU. Called after @doorbell without locks, from a task, a softirq or an
 *	interrupt handler.
 *
 * @abort: optional: ask the device to abort a transfer, which completes all the same,
 *	with or without an error. May sleep, but must not wait for an answer. Returns 0 if
 *	the device was asked, -EBUSY if it is busy with other aborts, or another negative
 *	errno.
 *
 * @reset_queue: optional, requires @reset: make the device forget every transfer of a
 *	queue, so that it no longer accesses their memory, and start the queue again.
 *	May sleep, for a limited time. Returns 0, or a negative errno; then the queue
 *	stays stopped until @reset or @disable.
 *
 * @reset: optional: the same for the whole controller, or more, by enum asblk_reset; what was
 *	in flight no longer takes the device's time. Returns 0, or a negative errno; then
 *	only @disable follows. The engine repeats the last @write_cache and @coalesce
 *	afterwards.
 *
 * @disable: required with @reset: the controller is declared dead. Make sure that it no
 *	longer accesses memory. May sleep, for a limited time.
 *
 * @reap: call asblk_complete() or asblk_complete_error() for every transfer
 *	that the device has finished. Called under the queue's lock with
 *	interrupts off, from asblk_reap(), a poll or a timeout.
 *
 * @eject: take the medium of a removable unit out and keep its content. The unit is
 *	idle, everything is flushed. May sleep. Returns 0 or a negative errno.
 *	Required for media with %ASBLK_MEDIA_REMOVABLE.
 *
 * @load: put it back. May sleep. Returns 0 or a negative errno. Required for
 *	media with %ASBLK_MEDIA_REMOVABLE.
 *
 * @write_cache: optional: turn the volatile write cache on or off, for all media.
 *	The engine flushes before and after as needed. May
 *	sleep, for a limited time. Returns 0 or a negative errno.
 *
 * @write_protect: optional: turn a medium's write protection on or off. Nothing is in
 *	flight on it; later writes to a protected one must fail. May sleep,
 *	for a limited time. Returns 0 or a negative errno, -EOPNOTSUPP if this
 *	medium cannot be protected.
 *
 * @coalesce: optional: delay interrupts until @count completions have come, for @usecs
 *	at most; 0 turns coalescing off. May sleep, for a limited time. Returns 0 or a
 *	negative errno, -ERANGE for values that the device does not support.
 *
 * @format: optional: give a medium that is in another capacity and block size. @medium
 *	has these, and is otherwise as it was: change what else becomes different, as for
 *	asblk_disk_reformat(). Nothing is in flight on it. @keep: keep its content as far
 *	as it fits, else erase it. May sleep. Returns 0, or a negative errno with nothing
 *	changed.
 *
 * @rescan: optional: look for media that were added, removed or changed, and add, remove
 *	or update their disks. May sleep. Returns 0 or a negative errno.
 *
 * @idle: optional: no transfer is in flight and none comes until @wake: save power.
 *	May sleep, for a limited time. Returns 0, or a negative errno; then the
 *	controller is used as before.
 *
 * @wake: required with @idle: be ready for transfers again. May sleep, for a limited
 *	time. Returns 0, or a negative errno, which leads to a reset.
 *
 * @ioctl: optional: an ioctl of a disk, opened with @mode, not of a partition, that the
 *	engine does not handle. Not called once the disk is removed, which waits for calls
 *	under way. May sleep; called without locks. Returns -ENOTTY for an unknown ioctl.
 *
 * @answer: required for commands: fill in &asblk_command.status and &asblk_command.result from
 *	the completion that @reap is about to report. @priv is the &asblk_transfer.priv that
 *	@submit had. Called from within asblk_complete() and asblk_complete_error().
 *
 * @map_queues: optional: assign CPUs to queues; by default they are spread
 *	evenly.
 *
 * @show_queue: optional: print the device's view of a queue (rings, say) for
 *	debugfs. May sleep.
 */
struct asblk_ctrl_ops {
	struct module *owner;
	int (*start_queue)(struct asblk_queue *q);
	void (*stop_queue)(struct asblk_queue *q);
	blk_status_t (*submit)(struct asblk_queue *q, struct asblk_transfer *t);
	void (*doorbell)(struct asblk_queue *q);
	void (*run)(struct asblk_queue *q);
	void (*reap)(struct asblk_queue *q, struct asblk_batch *batch);
	int (*abort)(struct asblk_queue *q, u16 id);
	int (*reset_queue)(struct asblk_queue *q);
	int (*reset)(struct asblk_ctrl *ctrl, enum asblk_reset kind);
	void (*disable)(struct asblk_ctrl *ctrl);
	int (*eject)(struct asblk_ctrl *ctrl, u32 unit);
	int (*load)(struct asblk_ctrl *ctrl, u32 unit);
	int (*write_cache)(struct asblk_ctrl *ctrl, bool on);
	int (*write_protect)(struct asblk_ctrl *ctrl, u32 unit, bool on);
	int (*coalesce)(struct asblk_ctrl *ctrl, unsigned int count,
			unsigned int usecs);
	int (*format)(struct asblk_ctrl *ctrl, struct asblk_media_params *medium, bool keep);
	int (*rescan)(struct asblk_ctrl *ctrl);
	int (*idle)(struct asblk_ctrl *ctrl);
	int (*wake)(struct asblk_ctrl *ctrl);
	int (*ioctl)(struct asblk_disk *disk, blk_mode_t mode, unsigned int cmd,
		     unsigned long arg);
	void (*answer)(struct asblk_queue *q, struct asblk_command *command, void *priv);
	void (*map_queues)(struct asblk_ctrl *ctrl, struct blk_mq_tag_set *set);
	void (*show_queue)(struct asblk_queue *q, struct seq_file *m);
};

/**
 * struct asblk_admin_params - parameters of a controller's admin queue
 * @depth: commands in flight, 1 to %ASBLK_MAX_QUEUE_DEPTH
 * @nr_reserved: how many of them are for requests with BLK_MQ_REQ_RESERVED, less than @depth
 * @limits: limits of the data of a command
 * @transfer_priv_size: bytes of &asblk_transfer.priv, 0 for none
 * @timeout_ms: time limit of commands for which no other is set, in milliseconds; 0 for the
 *	block layer's default of 30 s
 */
struct asblk_admin_params {
	unsigned int depth;
	unsigned int nr_reserved;
	struct asblk_limits limits;
	size_t transfer_priv_size;
	unsigned int timeout_ms;
};

/**
 * struct asblk_ctrl_params - parameters of a controller
 * @model: model string, copied
 * @serial: serial number, copied
 * @firmware_rev: firmware revision, copied
 * @limits: limits of a transfer
 * @nr_queues: queues with an interrupt, 1 to nr_cpu_ids
 * @nr_poll_queues: polled queues, 0 to nr_cpu_ids
 * @queue_depth: requests in flight per queue, 1 to %ASBLK_MAX_QUEUE_DEPTH
 * @nr_extra_slots: transfers in flight per queue beyond one per request, for
 *	the parts of split requests, 0 to %ASBLK_MAX_QUEUE_DEPTH
 * @transfer_priv_size: bytes of &asblk_transfer.priv, 0 for none
 * @max_retries: how often the engine retries a transfer that failed with
 *	%ASBLK_MAY_RETRY, or that was lost in a reset because of its own request or of the
 *	device; at most 255. Transfers lost in a reset for another reason are requeued
 *	without limit, except with REQ_FAILFAST_* and if their request has already failed.
 *	Users can change it
 * @timeout_ms: milliseconds within which at least one transfer of a request has to
 *	complete, lest it time out; 0 for the block layer's default of 30 s
 * @cache_off: the volatile write cache, if there is one, is off
 * @coalesce_count: completions that an interrupt waits for, as the device is set up; 0 and
 *	1 for none
 * @coalesce_usecs: for how long at most; requires &asblk_ctrl_ops.coalesce if it is not 0
 * @node: NUMA node, or NUMA_NO_NODE
 * @dma_dev: device that accesses the memory of transfers, to map it for; NULL for none
 */
struct asblk_ctrl_params {
	const char *model;
	const char *serial;
	const char *firmware_rev;
	struct asblk_limits limits;
	unsigned int nr_queues;
	unsigned int nr_poll_queues;
	unsigned int queue_depth;
	unsigned int nr_extra_slots;
	size_t transfer_priv_size;
	unsigned int max_retries;
	unsigned int timeout_ms;
	bool cache_off;
	unsigned int coalesce_count;
	unsigned int coalesce_usecs;
	int node;
	struct device *dma_dev;
};

#define ASBLK_MAX_QUEUE_DEPTH	2048

/* Properties of a medium, &asblk_media_params.features. */
#define ASBLK_MEDIA_WRITE_CACHE		BIT(0)	/* volatile; flushes matter */
#define ASBLK_MEDIA_FUA			BIT(1)
#define ASBLK_MEDIA_UNMAP		BIT(2)
#define ASBLK_MEDIA_WRITE_ZEROES	BIT(3)
#define ASBLK_MEDIA_SECURE_ERASE	BIT(4)
#define ASBLK_MEDIA_REMOVABLE		BIT(5)
#define ASBLK_MEDIA_READ_ONLY		BIT(6)	/* write protected */
#define ASBLK_MEDIA_ZEROES_UNMAP	BIT(7)	/* write zeroes may unmap */
#define ASBLK_MEDIA_ROTATIONAL		BIT(8)	/* seeks take time */

/**
 * struct asblk_media_params - description of a medium
 * @unit: the controller's number for it, &asblk_transfer.unit
 * @nr_blocks: capacity in logical blocks, at least 1
 * @block_size: logical block size in bytes: a power of two from 512 to what the
 *	kernel allows, asblk_max_block_size()
 * @physical_block_size: a power of two, at least @block_size
 * @alignment_offset: bytes before the first physical block, less than
 *	@physical_block_size
 * @optimal_bytes: preferred size of a request in bytes, a multiple of @block_size; 0: none
 * @unmap_granularity: bytes that an unmap should be a multiple of
 * @max_unmap_bytes: most bytes of one unmap request, a multiple of @block_size; 0: no limit
 * @atomic_bytes: largest write, aligned to its length, of which a power cut or an error
 *	leaves all or nothing, a power of two, or 0; the engine lowers it to what always
 *	fits into one transfer
 * @atomic_boundary: no such write crosses a multiple of this many bytes, a power of two of at
 *	least @atomic_bytes; 0: no boundary
 * @block_sizes: sum of the block sizes that &asblk_ctrl_ops.format supports
 * @wwid: unique ID, copied; all zeroes for none
 * @features: ASBLK_MEDIA_*
 * @group: optional sysfs attributes of the disk; they find @priv with
 *	asblk_disk_priv()
 * @priv: for asblk_disk_priv()
 */
struct asblk_media_params {
	u32 unit;
	u64 nr_blocks;
	u32 block_size;
	u32 physical_block_size;
	u32 alignment_offset;
	u32 optimal_bytes;
	u32 unmap_granularity;
	u32 max_unmap_bytes;
	u32 atomic_bytes;
	u32 atomic_boundary;
	u32 block_sizes;
	u8 wwid[16];
	unsigned int features;
	const struct attribute_group *group;
	void *priv;
};

/* Flags of asblk_complete_error(). */
#define ASBLK_MAY_RETRY		BIT(0)	/* a retry may help */
#define ASBLK_REQUEUE	BIT(1)	/* not its fault: retry it, without counting that */
#define ASBLK_RETRY_DELAY	GENMASK(31, 8)
/* A retry helps only after so many milliseconds, less than 2^24. */
#define ASBLK_RETRY_AFTER(ms)	FIELD_PREP(ASBLK_RETRY_DELAY, ms)

unsigned int asblk_max_block_size(void);
u32 asblk_limits_segments(const struct asblk_limits *lim, u32 bytes);

struct asblk_ctrl *asblk_ctrl_alloc(const struct asblk_ctrl_ops *ops,
				    const struct asblk_admin_params *admin, int node,
				    struct device *dma_dev, struct device *parent, void *priv);
int asblk_ctrl_start(struct asblk_ctrl *ctrl, const struct asblk_ctrl_params *params);
void asblk_ctrl_free(struct asblk_ctrl *ctrl);
struct asblk_ctrl *asblk_ctrl_create(const struct asblk_ctrl_ops *ops,
				     const struct asblk_ctrl_params *params,
				     struct device *parent, void *priv);
void asblk_ctrl_destroy(struct asblk_ctrl *ctrl);
void *asblk_ctrl_priv(const struct asblk_ctrl *ctrl);
struct device *asblk_ctrl_device(struct asblk_ctrl *ctrl);
void asblk_ctrl_reset(struct asblk_ctrl *ctrl);
void asblk_ctrl_pause(struct asblk_ctrl *ctrl);
int asblk_ctrl_resume(struct asblk_ctrl *ctrl);
void asblk_ctrl_dead(struct asblk_ctrl *ctrl, const char *why);

void asblk_admin_stop(struct asblk_ctrl *ctrl);
void asblk_admin_start(struct asblk_ctrl *ctrl);
struct request_queue *asblk_admin_queue(struct asblk_ctrl *ctrl);
struct request_queue *asblk_disk_queue(struct asblk_disk *disk);
struct request *asblk_command_request(struct request_queue *q, struct asblk_command *command,
				      blk_opf_t opf, blk_mq_req_flags_t flags);
struct asblk_command *asblk_request_command(struct request *rq);
blk_status_t asblk_command_execute(struct request *rq);
bool asblk_command_cancel(struct request *rq);

int asblk_ctrl_write_cache(struct asblk_ctrl *ctrl, bool on);
bool asblk_ctrl_cache_on(const struct asblk_ctrl *ctrl);
int asblk_ctrl_coalesce(struct asblk_ctrl *ctrl, unsigned int count, unsigned int usecs);
struct dentry *asblk_ctrl_debugfs(struct asblk_ctrl *ctrl);

struct asblk_disk *asblk_disk_add(struct asblk_ctrl *ctrl,
				  const struct asblk_media_params *params);
void asblk_disk_remove(struct asblk_disk *disk);
void asblk_disk_offline(struct asblk_disk *disk);
int asblk_disk_format(struct asblk_disk *disk, u64 nr_blocks, u32 block_size, bool keep);
int asblk_disk_reformat(struct asblk_disk *disk, const struct asblk_media_params *params);
void asblk_disk_set_read_only(struct asblk_disk *disk, bool read_only);
int asblk_disk_write_protect(struct asblk_disk *disk, bool on);
const char *asblk_disk_name(const struct asblk_disk *disk);
struct asblk_ctrl *asblk_disk_ctrl(const struct asblk_disk *disk);
u32 asblk_disk_unit(const struct asblk_disk *disk);
void *asblk_disk_priv(struct device *disk_dev);

unsigned int asblk_reap(struct asblk_queue *q);
bool asblk_complete(struct asblk_batch *batch, u16 id);
bool asblk_complete_error(struct asblk_batch *batch, u16 id, blk_status_t status,
			  u32 good_bytes, unsigned int flags);

#endif /* _LINUX_ASBLK_H */
