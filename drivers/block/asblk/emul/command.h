/* SPDX-License-Identifier: GPL-2.0-only */
/* A command while the device has it. */
#ifndef _ASBLK_EMUL_COMMAND_H
#define _ASBLK_EMUL_COMMAND_H

#include <linux/list.h>
#include <linux/llist.h>
#include <linux/timerqueue.h>
#include <linux/workqueue.h>

#include "latency.h"
#include "rings.h"

struct emul_queue;
struct emul_record;

/**
 * enum emul_recovered_by - the least that makes a queue answer again
 * @EMUL_RECOVERED_BY_ABORT: an abort of the command
 * @EMUL_RECOVERED_BY_QUEUE: a reset of the queue
 * @EMUL_RECOVERED_BY_CTRL: a reset of the controller
 * @EMUL_RECOVERED_BY_NEVER: nothing
 */
enum emul_recovered_by {
	EMUL_RECOVERED_BY_ABORT,
	EMUL_RECOVERED_BY_QUEUE,
	EMUL_RECOVERED_BY_CTRL,
	EMUL_RECOVERED_BY_NEVER,
};

/* Faults of a completion, &emul_cmd_state.faults. */
#define EMUL_FAULT_LOST		BIT(0)	/* none is posted */
#define EMUL_FAULT_LATE		BIT(1)	/* but after the reset that it causes */
#define EMUL_FAULT_TWICE	BIT(2)
#define EMUL_FAULT_WRONG_ID	BIT(3)
#define EMUL_FAULT_NO_INTERRUPT	BIT(4)
#define EMUL_FAULT_HANG		BIT(5)	/* the queue executes nothing from here on */
#define EMUL_FAULT_FATAL	BIT(6)	/* nor does the controller */
#define EMUL_FAULT_BUSY		BIT(7)	/* the queue takes no commands for a time */

/**
 * struct emul_cmd_state - a command, and the device's notes on it if it does not complete at
 *	once
 * @cmd: the command
 * @work: on &emul_device.wq, if executing it may sleep
 * @done: on &emul_queue.done, after that
 * @wait: on &emul_wait.waiting, if it takes time
 * @lost: on &emul_queue.lost, if it has no completion
 * @eq: its queue
 * @record: its record, if the medium is recorded and it changes that
 * @result: its completion
 * @start: when it was executed, in nanoseconds
 * @passed: rules, by &emul_rule.bit, that were asked about block @asked and do nothing to it
 * @asked: blocks from the front that no rule does anything to
 * @busy_us: time for which rules keep the queue busy
 * @cost: its share of the model's time
 * @extra_us: time that rules add; the sum of all possible rules does not overflow
 * @inject: a fault rule does something to it, or has to be asked where sleeping is allowed
 * @faults: of its completion, EMUL_FAULT_*
 * @recovered_by: if it is lost, an enum emul_recovered_by
 */
struct emul_cmd_state {
	struct emul_command cmd;
	/* One after the other, never two at a time. */
	union {
		struct work_struct work;
		struct llist_node done;
		struct timerqueue_node wait;
		struct list_head lost;
	};
	struct emul_queue *eq;
	struct emul_record *record;
	struct emul_completion result;
	u64 start;
	/* Until it has been executed, and while it takes time after that. */
	union {
		struct {
			u64 passed;
			u32 asked;
			u32 busy_us;
		};
		struct emul_cost cost;
	};
	u32 extra_us;
	bool inject;
	u8 faults;
	u8 recovered_by;
};

/*
 * A queue has three of them for every two requests. With more bytes each, those of a queue
 * whose depth is a power of two would take twice as many pages, of which half are not used.
 */
static_assert(IS_ENABLED(CONFIG_LOCKDEP) || sizeof(struct emul_cmd_state) <= 160);

static inline struct emul_cmd_state *emul_cmd_state(const struct emul_command *cmd)
{
	return container_of(cmd, struct emul_cmd_state, cmd);
}

static inline void emul_set_result(struct emul_cmd_state *s, blk_status_t status, u32 good)
{
	s->result = (struct emul_completion) {
		.id = s->cmd.id, .status = (__force u8)status, .good = good,
	};
}

#endif /* _ASBLK_EMUL_COMMAND_H */
