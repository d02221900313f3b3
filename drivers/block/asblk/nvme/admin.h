/* SPDX-License-Identifier: GPL-2.0-only */
/* The admin queue, and the admin commands that the driver sends. */
#ifndef _ASBLK_NVME_ADMIN_H
#define _ASBLK_NVME_ADMIN_H

#include <linux/asblk.h>
#include <linux/completion.h>
#include <linux/llist.h>
#include <linux/mempool.h>

#include "ring.h"

#define ANVME_ADMIN_ENTRIES	32
#define ANVME_ADMIN_TIMEOUT	(10 * HZ)

/* Abort commands at once, if the controller allows so many. */
#define ANVME_MAX_ABORTS	7

/* Tags of the admin queue for an event request and Abort commands, which never wait for one. */
#define ANVME_RESERVED		(1 + ANVME_MAX_ABORTS)

/**
 * struct anvme_reserved - a command that nobody waits for
 * @command: for the engine
 * @nd: controller
 * @busy: it has been sent and has not ended
 */
struct anvme_reserved {
	struct asblk_command command;
	struct anvme *nd;
	bool busy;
};

/**
 * struct anvme_admin_io - data, timeout and result of an admin command
 * @data: buffer; NULL for none
 * @len: bytes of @data, at most %ANVME_MAX_BYTES
 * @offset: bytes into a page at which the controller's copy of @data begins, if it reads that: with
 *	three pages there is a PRP list, with two there is none
 * @from_device: the controller writes to @data
 * @optional: the driver does not depend on the command: when it times out the controller is
 *	not reset unless it does not heed an abort either
 * @formats: between anvme_format_begin() and anvme_format_end(): if it ends after its timeout, it
 *	is no longer pending
 * @timeout: a user's timeout in jiffies: a fatal signal aborts the command, and it is not
 *	waited for when the controller is removed; 0 for %ANVME_ADMIN_TIMEOUT
 * @result: returned: dwords 0 and 1 of the completion
 */
struct anvme_admin_io {
	void *data;
	size_t len;
	u32 offset;
	bool from_device;
	bool optional;
	bool formats;
	unsigned long timeout;
	u64 result;
};

/* admin.c */
int anvme_admin_init(struct anvme *nd);
void anvme_admin_exit(struct anvme *nd);
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
