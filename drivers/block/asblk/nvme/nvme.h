/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The controller and its namespaces, and the functions of nvme/ by file. Section numbers
 * are those of the NVM Express Base Specification 2.0, or of its NVM Command Set
 * Specification 1.0 where marked "NVM".
 */
#ifndef _ASBLK_NVME_H
#define _ASBLK_NVME_H

#include <linux/asblk.h>
#include <linux/asblk_passthru.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/nvme.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "admin.h"
#include "queue.h"
#include "ring.h"

struct pci_dev;

/* Memory page size of the controller, CC.MPS: 4 KiB, whatever PAGE_SIZE is. */
#define ANVME_PAGE		4096U

/* PRP entries in a page. */
#define ANVME_PRPS		(ANVME_PAGE / sizeof(__le64))

/* Largest transfer: PRP lists are a single page. */
#define ANVME_MAX_BYTES		(ANVME_PRPS * ANVME_PAGE)

/* Identify Namespace, NSFEAT: the preferred granularities are valid (NVM 4.1.5.1). */
#define ANVME_NSFEAT_OPTPERF	BIT(4)

/* DLFEAT: Write Zeroes can deallocate, and deallocated blocks read as zeroes. */
#define ANVME_DLFEAT		(BIT(3) | BIT(0))

/* Largest supported LBA size in bytes, if the kernel supports it too. */
#define ANVME_MAX_LBA		SZ_64K

/* Limit of the queue_entries parameter: the submission queue is contiguous memory. */
#define ANVME_MAX_ENTRIES	1024

/**
 * struct anvme_ns - a namespace
 * @list: on &anvme.namespaces
 * @disk: its disk
 * @passthru: what users send commands to; NULL if that could not be made
 * @id: namespace identifier
 * @shift: log2 of the LBA size
 * @nr_blocks: capacity
 * @nguid: NGUID, all zeroes if it has none
 * @eui64: EUI-64, likewise
 * @uuid: UUID, likewise
 * @held: its format differs, or may differ, from that of the disk: no I/O
 * @seen: found by the current scan
 */
struct anvme_ns {
	struct list_head list;
	struct asblk_disk *disk;
	struct asblk_passthru_disk *passthru;
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
 * @dev: device for DMA
 * @pdev: the same as a PCI function; NULL in tests
 * @bar: registers
 * @bar_len: bytes of @bar
 * @cap: CAP register
 * @version: VS register
 * @db_stride: bytes between doorbells
 * @admin: admin queue
 * @admin_broken: the controller has completed an admin command without knowing its own
 *	queue: what is in flight ends with a reset only
 * @commands: memory for admin commands; a reset needs some even if there is no other
 * @reclaim: admin commands that ended after their caller had left, to be freed by a task
 * @reserved: the event request, and Abort commands
 * @queues: I/O queue pairs
 * @nr_queues: queues with an interrupt
 * @nr_poll_queues: polled queues
 * @entries: entries of an I/O queue
 * @nr_vectors: interrupt vectors
 * @intx: the only vector is a level-triggered line (INTx)
 * @ctrl: the engine's controller; NULL before anvme_start()
 * @passthru: what users send commands to
 * @attached: it has its data queues, so that it can have disks
 * @removing: being removed: a user's commands are no longer waited for
 * @formatting: between anvme_format_begin() and anvme_format_end(): one format at a time
 * @format_wait: those who wait for the end of @formatting
 * @format_pending: a format is being executed, or timed out and may still be
 * @formats: formats that have begun
 * @scan_lock: protects @namespaces, @gone and @formats
 * @namespaces: namespaces that have a disk
 * @gone: former ones whose disks are to be removed
 * @scan: scans the namespaces
 * @removal: removes the disks of @gone
 * @event: dword 0 of the last asynchronous event
 * @events: handles @event and requests the next one
 * @cache_off: the volatile write cache was off when the controller was started
 * @idle_state: non-operational power state to use when idle; 0 if there is none
 * @power_state: power state to return to from @idle_state
 * @health: reads the health log
 * @smart_lock: protects @smart, @smart_at, @smart_old and @smart_err
 * @smart: health log as last read
 * @smart_at: jiffies of the last attempt to read it
 * @smart_old: there was none, or an alarm since it began
 * @smart_err: result of that attempt
 * @hwmon: hardware monitoring device, NULL if there is none
 * @sensors: bit N: temperature sensor N exists, N from 1
 * @dbbuf: shadow doorbells, and a page later the event indices; NULL if not supported
 * @dbbuf_dma: bus address of @dbbuf
 * @shadows: the controller uses @dbbuf
 * @id: Identify Controller data (5.17.2.1), in the device's byte order
 * @recheck: buffer to read @id again after a reset
 * @recheck_dma: bus address of @recheck
 * @max_bytes: maximum data transfer size
 * @max_ranges: maximum number of ranges in a Dataset Management command, 0 if unsupported
 * @max_range_bytes: maximum bytes of each range
 * @max_zeroes_bytes: maximum bytes of a Write Zeroes command, 0 if unsupported
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
	struct anvme_queue admin;
	bool admin_broken;
	mempool_t commands;
	struct llist_head reclaim;
	struct anvme_reserved reserved[ANVME_RESERVED];
	struct anvme_queue *queues;
	unsigned int nr_queues;
	unsigned int nr_poll_queues;
	unsigned int entries;
	unsigned int nr_vectors;
	bool intx;
	struct asblk_ctrl *ctrl;
	struct asblk_passthru *passthru;
	bool attached;
	bool removing;
	bool formatting;
	wait_queue_head_t format_wait;
	bool format_pending;
	unsigned int formats;
	struct mutex scan_lock;	/* namespaces, gone, formats */
	struct list_head namespaces;
	struct list_head gone;
	struct work_struct scan;
	struct work_struct removal;
	u32 event;
	struct work_struct events;
	bool cache_off;
	u8 idle_state;
	u8 power_state;
	struct work_struct health;
	struct mutex smart_lock;	/* smart, smart_at, smart_old, smart_err */
	struct nvme_smart_log *smart;
	unsigned long smart_at;
	bool smart_old;
	int smart_err;
	struct device *hwmon;
	unsigned int sensors;
	__le32 *dbbuf;
	dma_addr_t dbbuf_dma;
	bool shadows;
	struct nvme_id_ctrl *id;
	struct nvme_id_ctrl *recheck;
	dma_addr_t recheck_dma;
	u32 max_bytes;
	u32 max_ranges;
	u64 max_range_bytes;
	u64 max_zeroes_bytes;
	char model[41];
	char serial[21];
	char firmware[9];
};

/* regs.c */
int anvme_check_capabilities(struct anvme *nd);
int anvme_regs_enable(struct anvme *nd);
int anvme_regs_disable(struct anvme *nd);
void anvme_regs_shutdown(struct anvme *nd);
void anvme_regs_reset_subsystem(struct anvme *nd);
void anvme_mask_intx(struct anvme *nd, bool mask);
bool anvme_is_fatal(struct anvme *nd);

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
void anvme_read_health(struct anvme *nd);
#else
static inline void anvme_hwmon_add(struct anvme *nd) { }
static inline void anvme_hwmon_remove(struct anvme *nd) { }
static inline void anvme_hwmon_alarm(struct anvme *nd) { }
static inline void anvme_read_health(struct anvme *nd) { }
#endif

/* events.c */
void anvme_events_init(struct anvme *nd);
void anvme_events_start(struct anvme *nd);

/* ns.c */
const char *anvme_ns_parse(const struct nvme_id_ns *id, struct anvme_ns *ns);
void anvme_scan(struct anvme *nd);
int anvme_rescan(struct asblk_ctrl *ctrl);
u32 anvme_format_scope(const struct anvme *nd, u32 nsid, bool erases);
int anvme_format_begin(struct anvme *nd, u32 nsid);
void anvme_format_end(struct anvme *nd, bool settled);
void anvme_remove_namespaces(struct anvme *nd);
void anvme_namespaces_init(struct anvme *nd);

/* passthru.c */
extern const struct asblk_passthru_ops anvme_passthru_ops;
int anvme_ioctl(struct asblk_disk *disk, blk_mode_t mode, unsigned int cmd, unsigned long arg);

/* ctrl.c */
int anvme_enable(struct anvme *nd);
int anvme_set_up(struct anvme *nd, int (*identify)(struct anvme *nd));
int anvme_identify_first(struct anvme *nd);
int anvme_restart(struct anvme *nd);
void anvme_stop(struct anvme *nd, bool orderly);
void anvme_free_dbbuf(struct anvme *nd);

/* attach.c */
void anvme_init(struct anvme *nd);
int anvme_start(struct anvme *nd);
void anvme_release(struct anvme *nd);
int anvme_add(struct anvme *nd);
void anvme_del(struct anvme *nd);

#endif /* _ASBLK_NVME_H */
