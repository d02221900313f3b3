/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of nvme/ share, grouped by file. Section numbers are those of the
 * NVM Express Base Specification 2.0, or of its NVM Command Set Specification 1.0
 * ("NVM") where that is said.
 */
#ifndef _ASBLK_NVME_H
#define _ASBLK_NVME_H

#include <linux/asblk.h>
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/nvme.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct anvme;
struct pci_dev;

/* The memory page size of the controller, CC.MPS: 4 KiB, whatever the host's is. */
#define ANVME_PAGE		4096U

/* What one page of PRP entries describes: no list is chained to another. */
#define ANVME_MAX_BYTES		(ANVME_PAGE / sizeof(__le64) * ANVME_PAGE)

/* Identify Namespace, NSFEAT: the preferred granularities count (NVM 4.1.5.1). */
#define ANVME_NSFEAT_OPTPERF	BIT(4)

/* DLFEAT: Write Zeroes can deallocate, and what is deallocated reads as zeroes. */
#define ANVME_DLFEAT		(BIT(3) | BIT(0))

/* Bytes of the largest LBA that is driven, where the kernel takes it. */
#define ANVME_MAX_LBA		SZ_64K

#define ANVME_ADMIN_ENTRIES	32
#define ANVME_ADMIN_TIMEOUT	(10 * HZ)
/* A page for each, which come in one piece. */
#define ANVME_MAX_ENTRIES	1024

/**
 * struct anvme_doorbell - where the controller is told how far a queue is
 * @reg: register
 * @shadow: its shadow in memory (5.8), NULL if there is none
 * @event: how far the controller wants to be told of, for @shadow
 */
struct anvme_doorbell {
	void __iomem *reg;
	__le32 *shadow;
	__le32 *event;
};

/**
 * struct anvme_ring - a submission queue with a completion queue of its own (3.3.1)
 * @sq: submission queue
 * @cq: completion queue
 * @sq_db: submission queue tail doorbell
 * @cq_db: completion queue head doorbell
 * @size: entries of each
 * @sq_tail: next entry to fill
 * @cq_head: next entry to look at
 * @phase: phase tag of a new entry
 * @id: queue identifier
 * @sq_dma: bus address of @sq
 * @cq_dma: bus address of @cq
 */
struct anvme_ring {
	struct nvme_command *sq;
	struct nvme_completion *cq;
	struct anvme_doorbell sq_db;
	struct anvme_doorbell cq_db;
	u16 size;
	u16 sq_tail;
	u16 cq_head;
	u16 phase;
	u16 id;
	dma_addr_t sq_dma;
	dma_addr_t cq_dma;
};

/**
 * enum anvme_admin_use - what an admin command identifier is used for
 * @ANVME_ADMIN_FREE: nothing
 * @ANVME_ADMIN_WAITED: somebody waits for the command
 * @ANVME_ADMIN_ORPHAN: nobody does any more, but it is still out
 * @ANVME_ADMIN_ABORT: an abort, which nobody waits for
 * @ANVME_ADMIN_EVENT: an asynchronous event request
 */
enum anvme_admin_use {
	ANVME_ADMIN_FREE,
	ANVME_ADMIN_WAITED,
	ANVME_ADMIN_ORPHAN,
	ANVME_ADMIN_ABORT,
	ANVME_ADMIN_EVENT,
};

/**
 * struct anvme_admin_memory - memory that an admin command may reach
 * @node: on &anvme_admin.landed, when it is not in use any more
 * @data: the data, then a list of PRP entries, then a page for what goes beyond the data
 * @dma: bus address of @data
 * @size: of all of it, in bytes
 */
struct anvme_admin_memory {
	struct llist_node node;
	void *data;
	dma_addr_t dma;
	size_t size;
};

/**
 * struct anvme_admin_slot - an admin command in flight
 * @use: what for
 * @done: for whoever waits
 * @status: NVMe status code, or a negative errno
 * @result: dwords 0 and 1 of the completion
 * @memory: of an orphan; NULL if it has none
 */
struct anvme_admin_slot {
	enum anvme_admin_use use;
	struct completion done;
	int status;
	u64 result;
	struct anvme_admin_memory *memory;
};

/**
 * struct anvme_admin_io - what an admin command is executed with
 * @data: its data; NULL for none
 * @len: bytes of it, at most %ANVME_MAX_BYTES
 * @from_device: which way it goes
 * @optional: nothing depends on it: if it times out it is aborted, and the controller is
 *	reset only if many do
 * @timeout: jiffies, as a user wants it, who does not wait that long for a controller that
 *	is being removed; 0 for %ANVME_ADMIN_TIMEOUT
 * @result: filled in: dwords 0 and 1 of the completion
 */
struct anvme_admin_io {
	void *data;
	size_t len;
	bool from_device;
	bool optional;
	unsigned long timeout;
	u64 result;
};

/**
 * struct anvme_admin - the admin queue
 * @ring: its rings
 * @lock: protects everything here; hard interrupt safe
 * @up: commands are taken
 * @aborts: aborts in flight
 * @orphans: commands that nobody waits for any more
 * @slot: by command identifier
 * @free: woken when a slot becomes free
 * @landed: memory of orphans that have ended, to be freed
 */
struct anvme_admin {
	struct anvme_ring ring;
	spinlock_t lock;	/* everything here */
	bool up;
	unsigned int aborts;
	unsigned int orphans;
	struct anvme_admin_slot slot[ANVME_ADMIN_ENTRIES - 1];
	wait_queue_head_t free;
	struct llist_head landed;
};

#define ANVME_CHUNK	8

/**
 * struct anvme_pages - pages of some of a queue's slots
 * @memory: %ANVME_CHUNK pages
 * @dma: bus address of @memory
 */
struct anvme_pages {
	void *memory;
	dma_addr_t dma;
};

/**
 * struct anvme_queue - an I/O queue pair
 * @nd: controller
 * @q: the engine's side
 * @ring: its rings
 * @sq_rung: &anvme_ring.sq_tail as the controller knows it
 * @created: the controller has it
 * @irq_on: its interrupt may be handled
 * @sgl: the controller takes SGLs
 * @pages: a page for each slot, %ANVME_CHUNK of them in one piece: PRP list, SGL segment
 *	or ranges of its command
 * @vector: index of the interrupt vector
 * @name: in /proc/interrupts
 */
struct anvme_queue {
	struct anvme *nd;
	struct asblk_queue *q;
	struct anvme_ring ring;
	u16 sq_rung;
	bool created;
	bool irq_on;
	bool sgl;
	struct anvme_pages *pages;
	unsigned int vector;
	char name[24];
};

/**
 * struct anvme_ns - a namespace
 * @list: on &anvme.namespaces
 * @disk: its disk
 * @id: namespace identifier
 * @shift: log2 of the LBA size
 * @nr_blocks: capacity
 * @nguid: NGUID, all zeroes if it has none
 * @eui64: EUI-64, likewise
 * @uuid: UUID, likewise
 * @held: it is, or may be, in a format that the disk does not have
 * @seen: the last scan has found it
 */
struct anvme_ns {
	struct list_head list;
	struct asblk_disk *disk;
	u32 id;
	u8 shift;
	u64 nr_blocks;
	u8 nguid[16];
	u8 eui64[8];
	u8 uuid[16];
	bool held;
	bool seen;
};

/**
 * struct anvme - a controller
 * @dev: device that does DMA
 * @pdev: the same as a PCI function; NULL in tests
 * @bar: registers
 * @bar_len: bytes of them
 * @cap: CAP register
 * @version: VS register
 * @db_stride: bytes from one doorbell to the next
 * @admin: admin queue
 * @queues: I/O queue pairs
 * @nr_queues: those with an interrupt
 * @nr_poll_queues: those without
 * @entries: entries of an I/O queue
 * @nr_vectors: interrupt vectors
 * @wire: there is one, and it is no message: a line that stays asserted (INTx)
 * @ctrl: for the engine
 * @going: it is being removed: nobody waits long for it any more
 * @unsettled: a format is executed, or was given up: until a reset nobody knows what
 *	comes of it
 * @scan_lock: protects @namespaces; held while they are formatted
 * @namespaces: those that are disks
 * @scan: looks for namespaces
 * @event: dword 0 of the last asynchronous event
 * @events: looks into it and waits for the next
 * @cache_off: the volatile write cache was off when the controller was started
 * @idle_state: power state for when there is nothing to do; 0 if there is none
 * @power_state: what to go back to from there
 * @smart_lock: protects the following three
 * @smart: health, as it was last read
 * @smart_at: jiffies when it was last asked for
 * @smart_err: what came of it
 * @hwmon: temperatures, NULL if there are none
 * @sensors: bit N: there is temperature sensor N, from 1
 * @dbbuf: shadow doorbells and, a page on, event indices; NULL if there are none
 * @dbbuf_dma: bus address of @dbbuf
 * @shadows: the controller looks at @dbbuf
 * @id: Identify Controller data (5.17.2.1), in the device's byte order
 * @again: the same after a reset, to be compared with it
 * @again_dma: bus address of @again
 * @max_bytes: most bytes of a transfer
 * @max_ranges: most ranges of a Dataset Management command, 0 if it is not to be used
 * @max_range_bytes: most bytes of each
 * @max_zeroes_bytes: most bytes of a Write Zeroes command, 0 if it is not to be used
 * @model: model number
 * @serial: serial number
 * @firmware: firmware revision
 */
struct anvme {
	struct device *dev;
	struct pci_dev *pdev;
	void __iomem *bar;
	u32 bar_len;
	u64 cap;
	u32 version;
	u32 db_stride;
	struct anvme_admin admin;
	struct anvme_queue *queues;
	unsigned int nr_queues;
	unsigned int nr_poll_queues;
	unsigned int entries;
	unsigned int nr_vectors;
	bool wire;
	struct asblk_ctrl *ctrl;
	bool going;
	bool unsettled;
	struct mutex scan_lock;	/* the list, and formats */
	struct list_head namespaces;
	struct work_struct scan;
	u32 event;
	struct work_struct events;
	bool cache_off;
	u8 idle_state;
	u8 power_state;
	struct mutex smart_lock;	/* the next three */
	struct nvme_smart_log *smart;
	unsigned long smart_at;
	int smart_err;
	struct device *hwmon;
	unsigned int sensors;
	__le32 *dbbuf;
	dma_addr_t dbbuf_dma;
	bool shadows;
	struct nvme_id_ctrl *id;
	struct nvme_id_ctrl *again;
	dma_addr_t again_dma;
	u32 max_bytes;
	u32 max_ranges;
	u64 max_range_bytes;
	u64 max_zeroes_bytes;
	char model[41];
	char serial[21];
	char firmware[9];
};

/* ring.c */
int anvme_ring_alloc(struct anvme *nd, struct anvme_ring *r, u16 id, u16 size);
void anvme_ring_free(struct anvme *nd, struct anvme_ring *r);
void anvme_ring_reset(struct anvme *nd, struct anvme_ring *r);

/* Does the controller want to hear of a doorbell that moves from @old to @new? */
static inline bool anvme_wants_event(u16 event, u16 new, u16 old)
{
	return (u16)(new - event - 1) < (u16)(new - old);
}

/**
 * anvme_ring_doorbell - tell the controller how far a queue is
 * @db: doorbell of a ring
 * @value: new tail or head
 *
 * Context: any; the queue's lock is held.
 */
static inline void anvme_ring_doorbell(const struct anvme_doorbell *db, u16 value)
{
	u16 old;

	if (db->shadow) {
		/* Entries before the doorbell, the doorbell before the question. */
		wmb();
		old = le32_to_cpu(*db->shadow);
		WRITE_ONCE(*db->shadow, cpu_to_le32(value));
		mb();	/* written before the event index is read (5.8) */
		if (!anvme_wants_event(le32_to_cpu(READ_ONCE(*db->event)), value, old))
			return;
	}
	writel(value, db->reg);
}

/* The entry at the head of the completion queue; NULL if it is not new (3.3.3.2). */
static inline struct nvme_completion *anvme_ring_peek(struct anvme_ring *r)
{
	struct nvme_completion *cqe = &r->cq[r->cq_head];

	if ((le16_to_cpu(READ_ONCE(cqe->status)) & 1) != r->phase)
		return NULL;
	dma_rmb();	/* the rest of it is read after its phase tag */
	return cqe;
}

static inline void anvme_ring_consume(struct anvme_ring *r)
{
	if (++r->cq_head == r->size) {
		r->cq_head = 0;
		r->phase ^= 1;
	}
}

/* regs.c */
int anvme_check_capabilities(struct anvme *nd);
int anvme_regs_enable(struct anvme *nd);
int anvme_regs_disable(struct anvme *nd);
void anvme_regs_shutdown(struct anvme *nd);
void anvme_mask_wire(struct anvme *nd, bool mask);
bool anvme_is_fatal(struct anvme *nd);

/* admin.c */
int anvme_admin_alloc(struct anvme *nd);
void anvme_admin_free(struct anvme *nd);
void anvme_admin_init(struct anvme *nd);
void anvme_admin_up(struct anvme *nd);
void anvme_admin_down(struct anvme *nd);
void anvme_admin_flush(struct anvme *nd);
bool anvme_admin_reap(struct anvme *nd);
int anvme_admin(struct anvme *nd, struct nvme_command *cmd, u64 *result);
int anvme_admin_io(struct anvme *nd, struct nvme_command *cmd, struct anvme_admin_io *io);
int anvme_admin_abort(struct anvme *nd, u16 sqid, u16 cid);
void anvme_event_request(struct anvme *nd);

/* commands.c */
int anvme_identify(struct anvme *nd, u8 cns, u32 nsid, void *data);
int anvme_log_page(struct anvme *nd, u8 lid, void *data, u32 len);
int anvme_create_queue(struct anvme *nd, struct anvme_ring *r, int vector);
int anvme_delete_queue(struct anvme *nd, struct anvme_ring *r);

/* events.c */
void anvme_events_init(struct anvme *nd);
void anvme_events_start(struct anvme *nd);

/* identify.c */
int anvme_alloc_identity(struct anvme *nd);
void anvme_free_identity(struct anvme *nd);
int anvme_identify_ctrl(struct anvme *nd);
int anvme_check_identity(struct anvme *nd);

/* features.c */
int anvme_set_feature(struct anvme *nd, u8 fid, u32 value, u32 *result);
int anvme_features_init(struct anvme *nd);
int anvme_allow_retry_delays(struct anvme *nd);
int anvme_write_cache(struct asblk_ctrl *ctrl, bool on);
int anvme_write_protect(struct asblk_ctrl *ctrl, u32 unit, bool on);
int anvme_coalesce(struct asblk_ctrl *ctrl, unsigned int count,
		   unsigned int usecs);
int anvme_idle(struct asblk_ctrl *ctrl);
int anvme_wake(struct asblk_ctrl *ctrl);

/* hwmon.c */
#if IS_REACHABLE(CONFIG_HWMON)
void anvme_hwmon_add(struct anvme *nd);
void anvme_hwmon_remove(struct anvme *nd);
void anvme_hwmon_alarm(struct anvme *nd);
int anvme_read_health(struct anvme *nd);
#else
static inline void anvme_hwmon_add(struct anvme *nd) { }
static inline void anvme_hwmon_remove(struct anvme *nd) { }
static inline void anvme_hwmon_alarm(struct anvme *nd) { }
static inline int anvme_read_health(struct anvme *nd) { return -EOPNOTSUPP; }
#endif

/* ioctl.c */
int anvme_ioctl(struct asblk_ctrl *ctrl, u32 unit, unsigned int cmd,
		unsigned long arg);

/* prp.c */
int anvme_alloc_pages(struct anvme_queue *nq);
void anvme_free_pages(struct anvme_queue *nq);
void anvme_map(struct anvme_queue *nq, const struct asblk_transfer *t,
	       struct nvme_command *cmd);
void anvme_map_ranges(struct anvme_queue *nq, struct asblk_transfer *t,
		      struct nvme_command *cmd);

/* ns.c */
const char *anvme_ns_parse(const struct nvme_id_ns *id, struct anvme_ns *ns);
void anvme_scan(struct anvme *nd);
int anvme_rescan(struct asblk_ctrl *ctrl);
u32 anvme_format_scope(const struct anvme *nd, u32 nsid, bool erases);
int anvme_format_begin(struct anvme *nd, u32 nsid);
void anvme_format_end(struct anvme *nd, u32 nsid, bool settled);
void anvme_remove_namespaces(struct anvme *nd);

/* irq.c */
int anvme_alloc_vectors(struct anvme *nd, unsigned int nr_queues);
int anvme_realloc_vectors(struct anvme *nd);
void anvme_free_vectors(struct anvme *nd);
int anvme_request_irq(struct anvme_queue *nq);
void anvme_free_irq(struct anvme_queue *nq);
void anvme_map_queues(struct asblk_ctrl *ctrl, struct blk_mq_tag_set *set);

/* ctrl.c */
void anvme_init(struct anvme *nd);
int anvme_start(struct anvme *nd);
void anvme_stop(struct anvme *nd, bool orderly);
int anvme_restart(struct anvme *nd);
void anvme_release(struct anvme *nd);

/* queue.c */
extern const struct asblk_ctrl_ops anvme_ops;

/* attach.c */
int anvme_add(struct anvme *nd);
void anvme_del(struct anvme *nd);

#endif /* _ASBLK_NVME_H */
