/* SPDX-License-Identifier: GPL-2.0-only */
/* The record of a command, and from when on what it wrote is durable. */
#ifndef _ASBLK_EMUL_HIST_DURABLE_H
#define _ASBLK_EMUL_HIST_DURABLE_H

#include <linux/asblk.h>
#include <linux/list.h>
#include <linux/rbtree.h>

struct emul_chains;

/* &emul_record.op of a command of the NVMe command set: it has made blocks unreadable. */
#define EMUL_OP_SPOIL		ASBLK_OP_COMMAND

/* &emul_record.flags */
#define EMUL_RECORD_WHOLE	BIT(0)	/* it survives as a whole or not at all */
#define EMUL_RECORD_FUA		BIT(1)	/* it is durable once it has completed */
#define EMUL_RECORD_FAILED	BIT(2)	/* it completed with an error */
#define EMUL_RECORD_ALL		(BIT(3) - 1)

/**
 * struct emul_version - what a command replaced in a page
 * @older: the version before it, or NULL
 * @newer: the version after it, or NULL
 * @same: another version of the same record
 * @record: the command
 * @index: page of the disk
 * @covers: grains that the command wrote and no durable version after it did
 * @present: of those that it wrote, the grains that there was data in before
 * @bad: likewise, those that could not be read before
 * @before: that data, from the first grain that it wrote on; NULL if there was none
 * @bytes: length of @before
 * @first: that grain
 * @is_page: @before is a page that was in the store
 *
 * All but @same under the lock of the page's chain.
 */
struct emul_version {
	struct emul_version *older;
	struct emul_version *newer;
	struct emul_version *same;
	struct emul_record *record;
	u64 index;
	u64 covers;
	u64 present;
	u64 bad;
	void *before;
	u32 bytes;
	u8 first;
	bool is_page;
};

/**
 * struct emul_record - a command that changes a medium, or a flush
 * @list: on &emul_domain.records, in the order of @fetched
 * @dirty: on &emul_cache.records, as long as it may be neither flushed nor written out
 * @fetched: the instant at which the device took it; names it
 * @completed: the instant at which its completion was posted; 0 while it is in flight
 * @durable: the instant from which its pieces are durable whatever is flushed; 0 for none
 * @lba: first block that it covers
 * @nr_blocks: and how many
 * @versions: what it wrote, by &emul_version.same
 * @version: memory for one of these: most commands write to one page
 * @has_version: that is in use
 * @by_completion: of a flush that completed and covers more than those before, in
 *	&emul_flushes.by_completion
 * @covers: of such a flush: all that has completed up to this instant is durable
 * @chains: of the disk
 * @queue: queue of that disk
 * @op: enum asblk_op, or %EMUL_OP_SPOIL
 * @flags: EMUL_RECORD_*
 * @block_shift: log2 of the logical block size at the time
 *
 * Its owner is the queue that executes it until it has completed, then the domain.
 */
struct emul_record {
	struct list_head list;
	struct list_head dirty;
	u64 fetched;
	u64 completed;
	u64 durable;
	u64 lba;
	u64 nr_blocks;
	union {
		struct {
			struct emul_version *versions;
			struct emul_version version;
		};
		struct {
			struct rb_node by_completion;
			u64 covers;
		};
	};
	struct emul_chains *chains;
	u16 queue;
	u8 op;
	u8 flags;
	u8 block_shift;
	bool has_version;
};

/**
 * struct emul_flushes - flushes of a disk; under the lock of its power domain
 * @by_completion: those that made more durable than the ones before
 * @last: the last of these
 */
struct emul_flushes {
	struct rb_root by_completion;
	struct emul_record *last;
};

struct emul_record *emul_record_alloc(const struct emul_record *what, gfp_t gfp);
void emul_flushes_add(struct emul_flushes *f, struct emul_record *r);
void emul_flushes_remove(struct emul_flushes *f, struct emul_record *r);
u64 emul_flushes_horizon(const struct emul_flushes *f, u64 at);

/*
 * Is what the record wrote durable at an instant, of which @horizon is emul_flushes_horizon() of
 * its disk? Without the lock: what changes later belongs to later instants.
 */
static inline bool emul_record_is_durable(const struct emul_record *r, u64 at, u64 horizon)
{
	u64 completed = READ_ONCE(r->completed), durable = READ_ONCE(r->durable);

	return (completed && completed <= horizon) || (durable && durable <= at);
}

/* Is it durable now? Under the domain's lock. */
static inline bool emul_record_is_safe(const struct emul_flushes *f, const struct emul_record *r)
{
	return emul_record_is_durable(r, U64_MAX, f->last ? f->last->covers : 0);
}

static inline bool emul_op_is_flush(u8 op)
{
	return op == ASBLK_OP_FLUSH;
}

#endif /* _ASBLK_EMUL_HIST_DURABLE_H */
