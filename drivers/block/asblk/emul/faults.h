/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Faults: rules that say which commands go wrong, and how. A rule's decision is a hash of the
 * seed, the rule's name, the block and the number of operations on that block that the rule
 * applies to: the same history of a block gives the same faults, on any CPU, in any order.
 */
#ifndef _ASBLK_EMUL_FAULTS_H
#define _ASBLK_EMUL_FAULTS_H

#include <linux/asblk.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/xarray.h>

#include "command.h"
#include "store.h"

struct seq_file;

/* What rules call commands of the admin queue, whatever these do. */
#define EMUL_OP_ADMIN	ASBLK_NR_OPS

#define EMUL_OPS_ANY	(BIT(ASBLK_NR_OPS) - 1)
#define EMUL_OPS_READ	BIT(ASBLK_OP_READ)
#define EMUL_OPS_WRITE	BIT(ASBLK_OP_WRITE)
#define EMUL_OPS_DATA	(EMUL_OPS_READ | EMUL_OPS_WRITE)

/**
 * enum emul_stage - the part of a command that an action changes
 * @EMUL_STAGE_END: it ends at the block
 * @EMUL_STAGE_DATA: the block's data
 * @EMUL_STAGE_COMPLETION: its completion, once for a command
 */
enum emul_stage {
	EMUL_STAGE_END,
	EMUL_STAGE_DATA,
	EMUL_STAGE_COMPLETION,
};

/*
 * Actions, a row each. X(NAME, word, stage, operations, completion faults, recovered by at
 * least, description). An action on data has its case in inject.c besides. scripts/tables
 * writes the descriptions into the documents.
 */
#define EMUL_ACTIONS(X)									\
	X(STATUS, "status", END, ANY, 0, ABORT,						\
	  "The command fails at the block with status. With transient 1 the device reports that a retry may help, and the driver retries up to three times.") \
	X(SHORT, "short", END, DATA, 0, ABORT,						\
	  "The command ends before the block, without a status; it only reports how many bytes were transferred.") \
	X(CORRUPT, "corrupt", DATA, DATA, 0, ABORT,					\
	  "The device flips as many bits of the block as bits says, in the data that is read or in the data that is stored.") \
	X(ZERO, "zero", DATA, DATA, 0, ABORT,						\
	  "The device reads the block as zeroes, or stores zeroes instead of its data.")	\
	X(PHANTOM, "phantom", DATA, WRITE, 0, ABORT,					\
	  "The device acknowledges the write without writing the block (a lost write).") \
	X(MISDIRECT, "misdirect", DATA, DATA, 0, ABORT,					\
	  "The device reads or writes the block distance blocks further on instead. Behind the last block it continues at the first.") \
	X(STALE, "stale", DATA, READ, 0, ABORT,						\
	  "The device returns the block as it was before the last write. It knows the old data of writes since the rule was enabled, but not of write zeroes.") \
	X(DELAY, "delay", COMPLETION, ANY, 0, ABORT,					\
	  "The command takes usecs microseconds longer, up to 60 seconds.")		\
	X(LOSE, "lose", COMPLETION, ANY, EMUL_FAULT_LOST, ABORT,			\
	  "The device posts no completion.")						\
	X(LOSE_INTERRUPT, "lose-interrupt", COMPLETION, ANY, EMUL_FAULT_NO_INTERRUPT, ABORT, \
	  "The device posts the completion without an interrupt. Other completions that would have shared the interrupt get none, either.") \
	X(LATE, "late", COMPLETION, ANY, EMUL_FAULT_LOST | EMUL_FAULT_LATE, QUEUE,	\
	  "The device posts the completion only after a reset of the queue has returned the command to the driver.") \
	X(DUPLICATE, "duplicate", COMPLETION, ANY, EMUL_FAULT_TWICE, ABORT,		\
	  "The device posts the completion twice.")					\
	X(WRONG_ID, "wrong-id", COMPLETION, ANY, EMUL_FAULT_WRONG_ID, ABORT,		\
	  "The device posts the completion with an ID that no command has.")		\
	X(HANG, "hang", COMPLETION, ANY, EMUL_FAULT_LOST | EMUL_FAULT_HANG, QUEUE,	\
	  "The queue stops.")								\
	X(FATAL, "fatal", COMPLETION, ANY, EMUL_FAULT_LOST | EMUL_FAULT_FATAL, ABORT,	\
	  "The controller stops, and no reset helps.")					\
	X(BUSY, "busy", COMPLETION, ANY, EMUL_FAULT_BUSY, ABORT,			\
	  "The queue accepts no commands for usecs microseconds.")

#define EMUL_ACTION_ID(id, ...)		EMUL_ACT_##id,
#define EMUL_ACTION_WORD(id, word, ...)	word,

enum emul_action {
	EMUL_ACTIONS(EMUL_ACTION_ID)
	EMUL_NR_ACTIONS
};

/**
 * struct emul_action_info - an action, from its row in EMUL_ACTIONS()
 * @stage: enum emul_stage
 * @ops: operations that it does anything to
 * @faults: EMUL_FAULT_*
 * @recovered_by: an enum emul_recovered_by: at least this, whatever the rule says
 */
struct emul_action_info {
	u8 stage;
	u8 ops;
	u8 faults;
	u8 recovered_by;
};

extern const struct emul_action_info emul_actions[EMUL_NR_ACTIONS];

/*
 * Fields of a rule. X(NAME, name, default, least, most, words): a number if there are
 * no words; a word, which stands for its place; or with %EMUL_SET as most, any
 * number of them, which stand for bits, none of them being "any".
 */
#define EMUL_SET	U64_MAX
#define EMUL_RULE_FIELDS(X)							\
	X(OP, op, "any", 0, EMUL_SET, emul_op_words)				\
	X(FLAGS, flags, "any", 0, EMUL_SET, emul_flag_words)			\
	X(OPCODE, opcode, "any", 0, 255, emul_any_words)			\
	X(QUEUE, queue, "any", 0, 65535, emul_any_words)			\
	X(FIRST, first, "0", 0, S64_MAX, NULL)					\
	X(BLOCKS, blocks, "0", 0, S64_MAX, NULL)				\
	X(INTERVAL, interval, "1", 1, U32_MAX, NULL)				\
	X(PROBABILITY, probability, "1000000", 0, 1000000, NULL)		\
	X(TIMES_PER_BLOCK, times_per_block, "0", 0, U16_MAX, NULL)		\
	X(TIMES, times, "0", 0, S64_MAX, NULL)					\
	X(ACTION, action, "status", 0, 0, emul_action_words)			\
	X(WHEN, when, "before", 0, 0, emul_when_words)				\
	X(STATUS, status, "ioerr", 0, 0, emul_status_words)			\
	X(TRANSIENT, transient, "0", 0, 1, NULL)				\
	X(USECS, usecs, "1000", 0, 60000000, NULL)				\
	X(BITS, bits, "1", 1, 4096, NULL)					\
	X(DISTANCE, distance, "1", 1, S64_MAX, NULL)				\
	X(RECOVERED_BY, recovered_by, "abort", 0, 0, emul_recovered_by_words)	\
	X(HEAL_ON_WRITE, heal_on_write, "0", 0, 1, NULL)

#define EMUL_RULE_ID(id, ...)	RULE_##id,

enum emul_rule_field {
	EMUL_RULE_FIELDS(EMUL_RULE_ID)
	EMUL_NR_RULE_FIELDS
};

#define EMUL_RULE_NAME_SIZE	21
#define RULE_ANY		U64_MAX

/**
 * struct emul_rule - a fault rule
 * @name: for the log, and the hash
 * @hash: of @name
 * @faults: the disk's rules
 * @list: on &emul_faults.rules
 * @value: of its fields; do not change while it is enabled
 * @enabled: commands are looked at
 * @bit: no other that is enabled has the same
 * @hits: how often it has acted since it was enabled
 * @left: how often it may still act, if it has a total
 * @no_block: history of operations without a block
 * @blocks: histories of blocks, 512 of them an entry
 * @old: copies of blocks from before their last write, for stale reads
 */
struct emul_rule {
	char name[EMUL_RULE_NAME_SIZE];
	u64 hash;
	struct emul_faults *faults;
	struct list_head list;
	u64 value[EMUL_NR_RULE_FIELDS];
	bool enabled;
	u8 bit;
	atomic64_t hits;
	atomic64_t left;
	atomic64_t no_block;
	struct xarray blocks;
	struct xarray old;
};

/**
 * struct emul_rule_set - the rules that are enabled; does not change
 * @nr: number of them
 * @rule: in the order in which they were made
 */
struct emul_rule_set {
	unsigned int nr;
	struct emul_rule *rule[] __counted_by(nr);
};

#define EMUL_MAX_RULES	64	/* enabled at a time; a bit each */

#define EMUL_FAULT_RECORDS	4096
#define EMUL_LOG_ADMIN		U16_MAX

/**
 * struct emul_fault_record - a fault, as logged
 * @ns: when
 * @lba: block; %EMUL_NO_BLOCK for an operation without one
 * @count: operations on that block that the rule applied to, this one included
 * @queue: of the command, %EMUL_LOG_ADMIN for the admin queue
 * @op: of the command
 * @action: an enum emul_action
 * @rule: name of the rule
 */
struct emul_fault_record {
	u64 ns;
	u64 lba;
	u32 count;
	u16 queue;
	u8 op;
	u8 action;
	char rule[EMUL_RULE_NAME_SIZE];
};

/**
 * struct emul_faults - the fault rules of a disk
 * @lock: protects @rules and their fields, and changes of @set
 * @rules: all rules
 * @set: enabled rules; NULL if there are none
 * @seed: of the hash
 * @budget: of the rules' memory
 * @spare_lock: protects @spare
 * @spare: memory for one block of any size
 * @ctrl: name of the controller, for the tracepoint
 * @log_lock: protects the following
 * @nr_records: ever
 * @record: the last ones
 */
struct emul_faults {
	struct mutex lock;	/* the rules */
	struct list_head rules;
	struct emul_rule_set __rcu *set;
	u64 seed;
	struct emul_budget *budget;
	struct mutex spare_lock;	/* @spare */
	void *spare;
	const char *ctrl;
	spinlock_t log_lock;	/* the log */
	u64 nr_records;
	struct emul_fault_record *record;
};

#define EMUL_NO_BLOCK	U64_MAX

static inline const struct emul_action_info *emul_rule_action(const struct emul_rule *r)
{
	return &emul_actions[r->value[RULE_ACTION]];
}

/* faults.c */
void emul_faults_init(struct emul_faults *f, struct emul_budget *budget);
void emul_faults_exit(struct emul_faults *f);
struct emul_rule *emul_rule_create(struct emul_faults *f, const char *name);
void emul_rule_destroy(struct emul_rule *r);
int emul_rule_set(struct emul_rule *r, enum emul_rule_field i, const char *text);
ssize_t emul_rule_show(struct emul_rule *r, enum emul_rule_field i, char *page);
int emul_rule_enable(struct emul_rule *r, bool on);
blk_status_t emul_rule_status(const struct emul_rule *r);
extern const char *const emul_op_words[];
extern const char *const emul_action_words[];
extern struct srcu_struct emul_faults_srcu;

/* rule_blocks.c */
void *emul_rule_alloc(struct emul_rule *r, size_t size, gfp_t gfp);
void emul_rule_free(struct emul_rule *r, void *memory);
void emul_rule_forget(struct emul_rule *r);
bool emul_rule_idle(const struct emul_rule *r);
bool emul_rule_passes(struct emul_rule *r, u64 lba);
bool emul_rule_acts(struct emul_rule *r, u64 lba, bool may, u32 *count);
void emul_rule_heal(struct emul_rule *r, u64 lba);

/* fault_log.c */
void emul_fault_log(struct emul_rule *r, unsigned int queue, enum asblk_op op, u64 lba,
		    u32 count);
int emul_fault_log_show(struct emul_faults *f, struct seq_file *m);

#endif /* _ASBLK_EMUL_FAULTS_H */
