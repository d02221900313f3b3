/* SPDX-License-Identifier: GPL-2.0-only */
/* A command of a user's, from whatever interface, on its way to the device. */
#ifndef _ASBLK_PASSTHRU_EXECUTE_H
#define _ASBLK_PASSTHRU_EXECUTE_H

#include <linux/slab.h>
#include <linux/uio.h>

#include "device.h"

/**
 * struct passthru_call - a command and what comes with it
 * @cmd: the command, a copy that the user cannot reach
 * @data: memory for its data; empty for none
 * @iov: what @data refers to, to be freed; or NULL
 * @one: a vector of one
 * @admin: for the admin queue
 * @timeout_ms: time limit, 0 for the default
 * @result: returned: dwords 0 and 1 of the completion
 */
struct passthru_call {
	struct nvme_command cmd;
	struct iov_iter data;
	struct iovec *iov;
	struct iovec one;
	bool admin;
	u32 timeout_ms;
	u64 result;
};

/* Bits 1:0 of an opcode are the direction of its data (3.1.1). */
static inline unsigned int passthru_direction(const struct passthru_call *call)
{
	return nvme_is_write(&call->cmd) ? ITER_SOURCE : ITER_DEST;
}

int passthru_import(const struct passthru_target *t, struct passthru_call *call, u64 addr,
		    u32 len, bool vec);
/* After passthru_import(). */
static inline void passthru_release(struct passthru_call *call)
{
	/* Seldom: a call would cost more than the test. */
	if (unlikely(call->iov))
		kfree(call->iov);
}

struct request_queue *passthru_queue(const struct passthru_target *t, bool admin);
struct request *passthru_request(const struct passthru_target *t, struct passthru_call *call,
				 void *copy, blk_opf_t opf, blk_mq_req_flags_t flags);
int passthru_copy_offset(size_t bytes);
int passthru_result(const struct asblk_command *command, blk_status_t status);
bool passthru_must_wait(const struct passthru_target *t, const struct passthru_call *call);
int passthru_execute(const struct passthru_target *t, struct passthru_call *call);

#endif /* _ASBLK_PASSTHRU_EXECUTE_H */
