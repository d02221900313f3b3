/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Faults: rules that say which commands go wrong, and how. What a rule decides is a
 * hash of the seed, the rule's name, the block and the number of operations on that
 * block that the rule applies to: the same history of a block gives the same faults,
 * whatever the CPUs do.
 */
#ifndef _ASBLK_EMUL_FAULTS_H
#define _ASBLK_EMUL_FAULTS_H

#include <linux/asblk.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/xarray.h>

#include "store.h"

struct emul;
struct emul_command;
struct emul_deferred;
struct emul_queue;
struct seq_file;

/**
 * enum emul_recovered_by - what brings a queue that does not answer back
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

/* What becomes of a completion, &emul_deferred.fate. */
#define EMUL_FATE_LOST		BIT(0)	/* none is posted */
#define EMUL_FATE_LATE		BIT(1)	/* but after the reset that it causes */
#define EMUL_FATE_TWICE		BIT(2)
#define EMUL_FATE_WRONG_ID	BIT(3)
#define EMUL_FATE_NO_INTERRUPT	BIT(4)
#define EMUL_FATE_HANG		BIT(5)	/* the queue does nothing from here on */
#define EMUL_FATE_FATAL		BIT(6)	/* nor does the controller */
#define EMUL_FATE_BUSY		BIT(7)	/* the queue takes no commands for a time */

/**
 * enum emul_action - what goes wrong
 * @EMUL_ACT_STATUS: the command fails
 * @EMUL_ACT_SHORT: it ends before the block, and says nothing but how far it came
 * @EMUL_ACT_CORRUPT: bits of the block are flipped
 * @EMUL_ACT_PHANTOM: the block is not written
 * @EMUL_ACT_MISDIRECT: another block is written, or read
 * @EMUL_ACT_STALE: what the block held before it was last written is read
 * @EMUL_ACT_DELAY: the completion takes longer
 * @EMUL_ACT_LOSE: there is no completion
 * @EMUL_ACT_LOSE_INTERRUPT: there is one, but nobody is told
 * @EMUL_ACT_LATE: it comes when a reset has made up for it
 * @EMUL_ACT_DUPLICATE: it comes twice
 * @EMUL_ACT_WRONG_ID: it comes for a command that there is not
 * @EMUL_ACT_HANG: the queue stops
 * @EMUL_ACT_FATAL: the controller stops for good
 * @EMUL_ACT_BUSY: the queue takes no commands for a time
 */
enum emul_action {
	EMUL_ACT_STATUS,
	EMUL_ACT_SHORT,
	EMUL_ACT_CORRUPT,
	EMUL_ACT_PHANTOM,
	EMUL_ACT_MISDIRECT,
	EMUL_ACT_STALE,
	EMUL_ACT_DELAY,
	EMUL_ACT_LOSE,
	EMUL_ACT_LOSE_INTERRUPT,
	EMUL_ACT_LATE,
	EMUL_ACT_DUPLICATE,
	EMUL_ACT_WRONG_ID,
	EMUL_ACT_HANG,
	EMUL_ACT_FATAL,
	EMUL_ACT_BUSY,
};

/*
 * Fields of a rule. X(NAME, name, default, least, most, words): a number if there are
 * no words; a word, which stands for its place; or with %EMUL_SET as most, any
 * number of them, which stand for bits, none of them being "any".
 */
#define EMUL_SET	U64_MAX
#define EMUL_RULE_FIELDS(X)							\
	X(OP, op, "any", 0, EMUL_SET, emul_op_words)				\
	X(FLAGS, flags, "any", 0, EMUL_SET, emul_flag_words)			\
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
#define RULE_ANY_QUEUE		U64_MAX

/**
 * struct emul_rule - a fault rule
 * @name: for the log, and the hash
 * @hash: of @name
 * @faults: whose it is
 * @list: on &emul_faults.rules
 * @value: of its fields; do not change while it is enabled
 * @enabled: commands are looked at
 * @bit: no other that is enabled has the same
 * @hits: how often it has acted since it was enabled
 * @left: how often it may still act, if it has a total
 * @no_block: history of operations without a block
 * @blocks: histories of blocks, 512 of them an entry
 * @old: what blocks held before they were last written, for stale reads
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

/**
 * struct emul_fault_record - what was done to a command
 * @ns: when
 * @lba: block; %EMUL_NO_BLOCK for an operation without one
 * @count: operations on that block that the rule applied to, this one included
 * @queue: of the command
 * @op: of the command
 * @action: what was done
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
 * @set: those that are enabled; NULL if there are none
 * @seed: of the hash
 * @budget: what the rules take memory from
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
	spinlock_t log_lock;	/* the log */
	u64 nr_records;
	struct emul_fault_record *record;
};

/* faults.c */
#define EMUL_NO_BLOCK	U64_MAX

void emul_faults_init(struct emul_faults *f, struct emul_budget *budget);
void emul_faults_exit(struct emul_faults *f);
struct emul_rule *emul_rule_create(struct emul_faults *f, const char *name);
void emul_rule_destroy(struct emul_rule *r);
int emul_rule_set(struct emul_rule *r, enum emul_rule_field i, const char *text);
ssize_t emul_rule_show(struct emul_rule *r, enum emul_rule_field i, char *page);
int emul_rule_enable(struct emul_rule *r, bool on);
void *emul_rule_alloc(struct emul_rule *r, size_t size, gfp_t gfp);
void emul_rule_free(struct emul_rule *r, void *memory);
bool emul_rule_applies(const struct emul_rule *r, enum asblk_op op, u8 opts,
		       unsigned int queue);
bool emul_rule_covers(const struct emul_rule *r, u64 lba, u64 nr_blocks);
bool emul_rule_idle(const struct emul_rule *r);
bool emul_rule_passes(struct emul_rule *r, u64 lba);
bool emul_rule_acts(struct emul_rule *r, u64 lba, bool may, u32 *count);
void emul_rule_heal(struct emul_rule *r, u64 lba);
void emul_faults_log(const struct emul *emul, struct emul_rule *r, unsigned int queue,
		     enum asblk_op op, u64 lba, u32 count);
blk_status_t emul_rule_status(const struct emul_rule *r);
extern const struct file_operations *const emul_faults_fops;
extern struct srcu_struct emul_faults_srcu;

/* inject.c */
bool emul_faults_concern(const struct emul_queue *eq, struct emul_deferred *d);
void emul_faults_execute(struct emul_deferred *d);

void emul_faults_lose(struct emul_queue *eq, struct emul_deferred *d);
bool emul_faults_abort(struct emul_queue *eq, u16 id);
bool emul_faults_heal(struct emul_queue *eq, enum emul_recovered_by by);
void emul_faults_forget(struct emul_queue *eq);

#endif /* _ASBLK_EMUL_FAULTS_H */
