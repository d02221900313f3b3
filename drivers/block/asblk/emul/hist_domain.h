/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Power domains: a counter of instants, and a record of every command that changed a medium
 * while it ran. All disks that one power cut would hit are members of one domain.
 */
#ifndef _ASBLK_EMUL_HIST_DOMAIN_H
#define _ASBLK_EMUL_HIST_DOMAIN_H

#include <linux/asblk.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>

#include "budget.h"

struct emul_chains;
struct emul_version;

/* Pages that wait to be used again are at most such a part of the memory, in addition to it. */
#define EMUL_POOL	8

/* &emul_record.flags */
#define EMUL_RECORD_WHOLE	BIT(0)	/* it survives as a whole or not at all */
#define EMUL_RECORD_FUA		BIT(1)	/* it is durable once it has completed */
#define EMUL_RECORD_FAILED	BIT(2)	/* it completed with an error */

/**
 * struct emul_record - a command that changes a medium, or a flush
 * @list: on &emul_domain.records, in the order of @fetched
 * @dirty: on &emul_chains.dirty, in the order of @completed, as long as it may be neither
 *	flushed nor destaged
 * @fetched: the instant at which the device took it; names it
 * @completed: the instant at which its completion was posted; 0 while it is in flight
 * @durable: the instant from which its pieces are durable whatever is flushed; 0 for none
 * @lba: first block that it covers
 * @nr_blocks: and how many
 * @versions: what it wrote, by &emul_version.same
 * @by_completion: of a flush that completed and covers more than those before, in
 *	&emul_domain.flushes
 * @covers: of such a flush: all that has completed up to this instant is durable
 * @chains: of the disk, or NULL of a flush that no disk was sent
 * @queue: queue of that disk
 * @op: enum asblk_op
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
		struct emul_version *versions;
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
};

/**
 * struct emul_domain - a power domain
 * @lock: protects all that follows up to @change_lock, and the instants of all records
 * @now: the last instant
 * @oldest: the first instant that can be looked at
 * @records: of all disks, in the order in which they were fetched
 * @flushes: those of them that made more durable, in the order of their completion
 * @last_flush: the last of these
 * @views: views of an instant
 * @nr_reading: reads of views that are under way
 * @pool: pages that have retired, to be used again
 * @pool_lock: held while one is taken
 * @nr_pool: their number
 * @change_lock: held while members join, leave, or are retired from; outside @lock
 * @budget: memory of the records and of all that they keep
 */
struct emul_domain {
	spinlock_t lock;	/* instants */
	u64 now;
	u64 oldest;
	struct list_head records;
	struct rb_root flushes;
	struct emul_record *last_flush;
	struct list_head views;
	unsigned int nr_reading;
	struct llist_head pool;
	spinlock_t pool_lock;		/* taking */
	atomic_t nr_pool;
	struct mutex change_lock;	/* members, retiring */
	struct emul_budget budget;
};

void emul_domain_init(struct emul_domain *d, u64 limit);
void emul_domain_exit(struct emul_domain *d);
struct emul_record *emul_record_alloc(const struct emul_record *what, gfp_t gfp);
int emul_domain_fetch(struct emul_domain *d, struct emul_record *r);
void emul_domain_complete(struct emul_domain *d, struct emul_record *r, bool failed);
int emul_domain_settle(struct emul_domain *d, gfp_t gfp);
u64 emul_domain_horizon(struct emul_domain *d, u64 at);
void emul_domain_forget(struct emul_domain *d, struct emul_record *r);

/*
 * Is what the record wrote durable at an instant, of which @horizon is emul_domain_horizon()?
 * Without the lock: what changes later belongs to later instants.
 */
static inline bool emul_record_is_durable(const struct emul_record *r, u64 at, u64 horizon)
{
	u64 completed = READ_ONCE(r->completed), durable = READ_ONCE(r->durable);

	return (completed && completed <= horizon) || (durable && durable <= at);
}

/* Is it durable now? Under the domain's lock. */
static inline bool emul_record_is_safe(const struct emul_domain *d, const struct emul_record *r)
{
	u64 horizon = d->last_flush ? d->last_flush->covers : 0;

	return emul_record_is_durable(r, d->now, horizon);
}

static inline bool emul_op_is_flush(u8 op)
{
	return op == ASBLK_OP_FLUSH;
}

#endif /* _ASBLK_EMUL_HIST_DOMAIN_H */
