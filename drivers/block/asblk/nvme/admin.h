/* SPDX-License-Identifier: GPL-2.0-only */
/* The admin queue, and the admin commands that the driver sends. */
#ifndef _ASBLK_NVME_ADMIN_H
#define _ASBLK_NVME_ADMIN_H

#include <linux/completion.h>
#include <linux/llist.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "ring.h"

#define ANVME_ADMIN_ENTRIES	32
#define ANVME_ADMIN_TIMEOUT	(10 * HZ)

/* One entry stays empty: a full queue would look like an empty one (3.3.1.4). */
#define ANVME_ADMIN_SLOTS	(ANVME_ADMIN_ENTRIES - 1)

/**
 * enum anvme_admin_use - use of an admin command identifier
 * @ANVME_ADMIN_FREE: unused
 * @ANVME_ADMIN_WAITED: a caller waits for the command
 * @ANVME_ADMIN_ORPHAN: the caller gave up, the command may still be executed
 * @ANVME_ADMIN_ABORT: an Abort command; its result is ignored
 * @ANVME_ADMIN_EVENT: an Asynchronous Event Request
 */
enum anvme_admin_use {
	ANVME_ADMIN_FREE,
	ANVME_ADMIN_WAITED,
	ANVME_ADMIN_ORPHAN,
	ANVME_ADMIN_ABORT,
	ANVME_ADMIN_EVENT,
};

/**
 * struct anvme_admin_memory - DMA buffer of an admin command
 * @node: on &anvme_admin.reclaim once the controller is done with it
 * @data: the data, a PRP list page, and a spare page for transfers beyond the data
 * @dma: bus address of @data
 * @size: bytes of all three
 */
struct anvme_admin_memory {
	struct llist_node node;
	void *data;
	dma_addr_t dma;
	size_t size;
};

/**
 * struct anvme_admin_slot - an admin command in flight
 * @use: what the slot is used for
 * @done: completed for the caller that waits
 * @status: NVMe status code, or a negative errno
 * @result: dwords 0 and 1 of the completion
 * @memory: DMA buffer of an orphan; NULL if it has none
 */
struct anvme_admin_slot {
	enum anvme_admin_use use;
	struct completion done;
	int status;
	u64 result;
	struct anvme_admin_memory *memory;
};

/**
 * struct anvme_admin_io - data, timeout and result of an admin command
 * @data: buffer; NULL for none
 * @len: bytes of @data, at most %ANVME_MAX_BYTES
 * @offset: bytes into a page at which the controller's copy of @data begins, if it reads that: with
 *	three pages there is a PRP list, with two there is none
 * @from_device: the controller writes to @data
 * @optional: the driver does not depend on the command: on timeout abort it, and reset
 *	the controller only if too many have timed out
 * @timeout: a user's timeout in jiffies: the wait ends early when the controller is
 *	removed; 0 for %ANVME_ADMIN_TIMEOUT
 * @result: returned: dwords 0 and 1 of the completion
 */
struct anvme_admin_io {
	void *data;
	size_t len;
	u32 offset;
	bool from_device;
	bool optional;
	unsigned long timeout;
	u64 result;
};

/**
 * struct anvme_admin - the admin queue
 * @ring: its rings
 * @lock: protects everything here; taken in hard interrupt context
 * @up: commands are accepted
 * @aborts: Abort commands in flight
 * @orphans: slots that are %ANVME_ADMIN_ORPHAN
 * @slot: by command identifier
 * @free: woken when a slot becomes free
 * @reclaim: DMA buffers of orphans that have ended, to be freed in task context
 */
struct anvme_admin {
	struct anvme_ring ring;
	spinlock_t lock;	/* everything here */
	bool up;
	unsigned int aborts;
	unsigned int orphans;
	struct anvme_admin_slot slot[ANVME_ADMIN_SLOTS];
	wait_queue_head_t free;
	struct llist_head reclaim;
};

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

#endif /* _ASBLK_NVME_ADMIN_H */
