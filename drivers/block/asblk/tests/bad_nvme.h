/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An NVMe controller that is memory and a thread: it has the registers, executes
 * commands, and misbehaves as no emulator does.
 */
#ifndef _ASBLK_KUNIT_BAD_NVME_H
#define _ASBLK_KUNIT_BAD_NVME_H

#include <kunit/test.h>
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
 * struct bad_nvme - the controller
 * @nd: the driver's side
 * @reg: registers
 * @thread: executes
 * @queue: admin queue first
 * @edit_ctrl: changes Identify Controller data before it is sent
 * @edit_ns: changes Identify Namespace data
 * @edit_list: changes the list of active namespaces
 * @looks: namespaces identified
 * @edit_limits: changes Identify Controller data of the NVM command set
 * @never_ready: CSTS.RDY never comes
 * @stays_ready: CSTS.RDY never goes
 * @fail: CSTS.CFS comes, once
 * @fatal_if_enabled: CSTS.CFS comes instead
 * @stays_fatal: a reset does not help against CSTS.CFS
 * @swallow: that many I/O commands are not completed
 * @swallowed: identifier of the last of them
 * @obeys: it completes @swallowed when it is asked to abort it
 * @silent: that many I/O commands are completed without an interrupt
 * @keeps_queues: deleting a queue fails
 * @invent: that many completions of I/O commands have an identifier of their own
 * @invent_admin: the same of admin commands
 * @mistake_head: that many completions have an impossible submission queue head
 * @mistake_phase: that many completions of I/O commands have the wrong phase tag
 * @twice: that many I/O commands are completed twice
 * @fails: that many I/O commands fail
 * @fails_with: status of theirs
 * @flood: fill a whole completion queue with nothing that was asked for
 * @denies: setting a feature fails
 * @feature: values set, by identifier
 * @feature_sets: times that one was set since the controller was made
 * @event: to be reported, 0 for none
 * @event_id: identifier of the request to report one, -1 if there is none
 * @event_requests: times that was asked for
 * @critical: critical warnings in its health
 * @logs: log pages read
 * @enables: times it became ready
 * @aborts: Abort commands
 * @holds_aborts: they are not completed as long as it is set
 * @held: identifiers of those
 * @nr_held: how many
 * @deaf: nothing in the admin queue is followed by an interrupt
 * @masks: times that its interrupt was masked
 * @masked: it is
 * @shutdowns: times it was asked to shut down while it was enabled
 * @medium: what is on it, %BAD_BLOCKS blocks; NULL if it moves no data
 * @wrong: what was wrong with the memory of a command, NULL if nothing was
 * @edit_desc: changes the list of identifiers of a namespace
 * @swallow_admin: that many commands of vendors are not completed
 * @swallowed_admin: identifier of the last of them, -1 if there is none
 * @completes_admin: complete that now
 * @vendor: admin commands of vendors
 * @greedy: what they transfer, in pages, whatever the driver thinks
 * @no_logs: log pages cannot be read
 * @desc_status: how it fails to tell the identifiers of a namespace, 0 for not
 * @acre: it was allowed to say when to try again
 * @no_list: active namespaces cannot be listed
 * @command: I/O commands as they came, the last %BAD_COMMANDS of them
 * @nr_commands: how many came
 */
struct bad_nvme {
	struct anvme nd;
	u32 *reg;
	struct task_struct *thread;
	struct bad_queue queue[BAD_QUEUES];
	void (*edit_ctrl)(struct nvme_id_ctrl *id);
	void (*edit_ns)(struct nvme_id_ns *id);
	void (*edit_list)(__le32 *list);
	unsigned int looks;
	void (*edit_limits)(struct nvme_id_ctrl_nvm *id);
	bool never_ready;
	bool stays_ready;
	bool fail;
	bool fatal_if_enabled;
	bool stays_fatal;
	unsigned int swallow;
	u16 swallowed;
	bool obeys;
	unsigned int silent;
	bool keeps_queues;
	unsigned int invent;
	unsigned int invent_admin;
	unsigned int mistake_head;
	unsigned int mistake_phase;
	unsigned int twice;
	unsigned int fails;
	u16 fails_with;
	bool flood;
	bool denies;
	u32 feature[256];
	unsigned int feature_sets;
	u32 event;
	int event_id;
	unsigned int event_requests;
	u8 critical;
	unsigned int logs;
	unsigned int enables;
	unsigned int aborts;
	bool holds_aborts;
	u16 held[ANVME_ADMIN_ENTRIES];
	unsigned int nr_held;
	bool deaf;
	unsigned int masks;
	bool masked;
	unsigned int shutdowns;
	u8 *medium;
	const char *wrong;
	void (*edit_desc)(u8 *list);
	unsigned int swallow_admin;
	int swallowed_admin;
	bool completes_admin;
	unsigned int vendor;
	unsigned int greedy;
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
u32 bad_reg(struct bad_nvme *b, u32 reg);
void bad_set_reg(struct bad_nvme *b, u32 reg, u32 value);

#endif /* _ASBLK_KUNIT_BAD_NVME_H */
