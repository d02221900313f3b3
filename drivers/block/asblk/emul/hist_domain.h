/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Power domains: a counter of instants, and a record of every command that changed a medium
 * while it ran. All disks that one power cut would hit are members of one domain.
 */
#ifndef _ASBLK_EMUL_HIST_DOMAIN_H
#define _ASBLK_EMUL_HIST_DOMAIN_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

#include "hist_durable.h"
#include "hist_pool.h"

/**
 * struct emul_domain - a power domain
 * @lock: protects all that follows up to @change_lock, and the instants of all records
 * @now: the last instant
 * @oldest: the first instant that can be looked at
 * @records: of all disks, in the order in which they were fetched
 * @pins: instants that somebody looks at
 * @nr_reading: those that are reading
 * @pool: pages that have retired, to be used again
 * @change_lock: held while members join, leave, or are retired from; outside @lock
 * @budget: memory of the records and of all that they keep
 */
struct emul_domain {
	spinlock_t lock;	/* instants */
	u64 now;
	u64 oldest;
	struct list_head records;
	struct list_head pins;
	unsigned int nr_reading;
	struct emul_pool pool;
	struct mutex change_lock;	/* members, retiring */
	struct emul_budget budget;
};

void emul_domain_init(struct emul_domain *d, u64 limit);
void emul_domain_exit(struct emul_domain *d);
int emul_domain_fetch(struct emul_domain *d, struct emul_record *r);
void emul_domain_complete(struct emul_domain *d, struct emul_flushes *f, struct emul_record *r,
			  bool failed);
void emul_domain_forget(struct emul_domain *d, struct emul_flushes *f, struct emul_record *r);

#endif /* _ASBLK_EMUL_HIST_DOMAIN_H */
