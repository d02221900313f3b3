/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A faulty NVMe controller: registers in memory, and a thread that executes commands and
 * misbehaves as told.
 */
#ifndef _ASBLK_KUNIT_BAD_NVME_H
#define _ASBLK_KUNIT_BAD_NVME_H

#include <kunit/test.h>
#include <linux/io.h>
#include <linux/sizes.h>

#include "nvme/nvme.h"

#define BAD_QUEUES	3	/* with the admin queue */
#define BAD_SHIFT	9
#define BAD_BLOCKS	(SZ_16M >> BAD_SHIFT)
#define BAD_COMMANDS	64

/* Capabilities (3.1.3.1): queues of 64 entries, ready in 1 s, NVM command set. */
#define BAD_CAPABILITIES	(63 | 1ULL << 16 | 1ULL << 24 | 1ULL << 37)

struct bad_queue {
	bool on;
	u64 sq;
	u64 cq;
	u16 size;
	u16 sq_head;
	u16 cq_tail;
	u16 phase;
};

/**
 * struct bad_nvme - a faulty controller
 * @nd: the driver's controller
 * @reg: registers
 * @thread: executes commands
 * @queue: queues by identifier
 * @edit_ctrl: changes Identify Controller data
 * @edit_ns: changes Identify Namespace data
 * @during_ns: called after Identify Namespace was executed, before it completes
 * @format_began: for tests: the format that another thread begins has
 * @edit_list: changes the list of active namespaces
 * @ns_identified: Identify Namespace commands executed
 * @edit_limits: changes Identify Controller data of the NVM command set
 * @never_ready: CSTS.RDY is never set
 * @stays_ready: CSTS.RDY is never cleared
 * @fail: set CSTS.CFS, once
 * @fatal_if_enabled: set CSTS.CFS instead of CSTS.RDY
 * @stays_fatal: a reset does not clear CSTS.CFS
 * @swallow: do not complete that many I/O commands
 * @swallowed: identifier of the last of them
 * @honours_aborts: complete @swallowed when it is aborted
 * @silent: complete that many I/O commands without an interrupt
 * @keeps_queues: deleting a queue fails
 * @invent: precede that many I/O completions by one of an unknown identifier
 * @invent_admin: the same for admin completions
 * @mistake_head: that many completions have an invalid SQ head
 * @mistake_phase: that many I/O completions have the wrong phase tag
 * @twice: complete that many I/O commands twice
 * @fails: fail that many I/O commands
 * @fails_with: with this status
 * @result: dwords 0 and 1 of every I/O completion
 * @flood: fill a completion queue with completions of unknown identifiers
 * @denies_features: Set Features fails
 * @feature: feature values by identifier
 * @feature_sets: Set Features commands executed
 * @event: event to report; 0 for none
 * @event_id: identifier of the pending event request; -1 for none
 * @event_requests: event requests received
 * @critical: critical warnings in the health log
 * @logs: Get Log Page commands executed
 * @during_log: called after one was executed, before it completes
 * @enables: times that it became ready
 * @aborts: Abort commands received
 * @holds_aborts: Abort commands are not completed while it is set
 * @held: identifiers of held Abort commands
 * @nr_held: number of them
 * @no_admin_interrupts: the admin queue raises no interrupts
 * @masks: times that INTx was masked
 * @masked: INTx is masked
 * @shutdowns: shutdowns while enabled
 * @medium: %BAD_BLOCKS blocks; NULL: data is neither stored nor returned
 * @dma_error: the first error in a data pointer; NULL for none
 * @edit_desc: changes the Namespace Identification Descriptor list
 * @swallow_admin: do not complete that many vendor commands
 * @swallowed_admin: identifier of the last of them; -1 for none
 * @vendor_command: the last vendor command
 * @completes_admin: execute @vendor_command again and complete @swallowed_admin now
 * @vendor: vendor commands executed
 * @transfer_pages: pages that a vendor command transfers, whatever its buffer's length
 * @transfer_bytes: instead of @transfer_pages, if not 0
 * @no_logs: Get Log Page fails
 * @desc_status: status of the Namespace Identification Descriptor list; 0 for success
 * @acre: Advanced Command Retry is enabled
 * @no_list: the list of active namespaces is not supported
 * @command: the last %BAD_COMMANDS I/O commands
 * @nr_commands: I/O commands received
 */
struct bad_nvme {
	struct anvme nd;
	u32 *reg;
	struct task_struct *thread;
	struct bad_queue queue[BAD_QUEUES];
	void (*edit_ctrl)(struct nvme_id_ctrl *id);
	void (*edit_ns)(struct nvme_id_ns *id);
	void (*during_ns)(struct bad_nvme *b);
	bool format_began;
	void (*edit_list)(__le32 *list);
	unsigned int ns_identified;
	void (*edit_limits)(struct nvme_id_ctrl_nvm *id);
	bool never_ready;
	bool stays_ready;
	bool fail;
	bool fatal_if_enabled;
	bool stays_fatal;
	unsigned int swallow;
	u16 swallowed;
	bool honours_aborts;
	unsigned int silent;
	bool keeps_queues;
	unsigned int invent;
	unsigned int invent_admin;
	unsigned int mistake_head;
	unsigned int mistake_phase;
	unsigned int twice;
	unsigned int fails;
	u16 fails_with;
	u64 result;
	bool flood;
	bool denies_features;
	u32 feature[256];
	unsigned int feature_sets;
	u32 event;
	int event_id;
	unsigned int event_requests;
	u8 critical;
	unsigned int logs;
	void (*during_log)(struct bad_nvme *b);
	unsigned int enables;
	unsigned int aborts;
	bool holds_aborts;
	u16 held[ANVME_ADMIN_ENTRIES];
	unsigned int nr_held;
	bool no_admin_interrupts;
	unsigned int masks;
	bool masked;
	unsigned int shutdowns;
	u8 *medium;
	const char *dma_error;
	void (*edit_desc)(u8 *list);
	unsigned int swallow_admin;
	int swallowed_admin;
	struct nvme_command vendor_command;
	bool completes_admin;
	unsigned int vendor;
	unsigned int transfer_pages;
	u32 transfer_bytes;
	bool no_logs;
	u16 desc_status;
	bool acre;
	bool no_list;
	struct nvme_command command[BAD_COMMANDS];
	unsigned int nr_commands;
};

struct bad_nvme *bad_nvme(struct kunit *test);
int bad_init(struct kunit *test);
void bad_exit(struct kunit *test);
bool bad_bring_up(struct kunit *test);
void bad_take_down(struct kunit *test);
void bad_hurry(struct kunit *test);
void bad_wait_count(unsigned int *count, unsigned int wanted);
const struct nvme_command *bad_last_command(struct bad_nvme *b);
const struct nvme_command *bad_command(struct kunit *test, blk_opf_t opf, sector_t sector,
				       u32 bytes);
void bad_move_data(struct bad_nvme *b, const struct nvme_command *cmd);
void bad_vendor(struct bad_nvme *b, const struct nvme_command *cmd);
u32 bad_reg(struct bad_nvme *b, u32 reg);
void bad_set_reg(struct bad_nvme *b, u32 reg, u32 value);

#ifdef CONFIG_INDIRECT_IOMEM
void __iomem *bad_map_regs(struct kunit *test, u32 *reg, size_t len);
#else
static inline void __iomem *bad_map_regs(struct kunit *test, u32 *reg, size_t len)
{
	return (void __iomem *)reg;
}
#endif

static inline void *bad_memory(u64 dma)
{
	return phys_to_virt(dma);
}

#endif /* _ASBLK_KUNIT_BAD_NVME_H */
