/* SPDX-License-Identifier: GPL-2.0-only */
/* Who is in which power domain, and with how much memory. */
#ifndef _ASBLK_EMUL_HIST_POWER_H
#define _ASBLK_EMUL_HIST_POWER_H

#include <linux/workqueue.h>

#include "hist_mark.h"
#include "hist_retire.h"

#define EMUL_DOMAIN_NAME_SIZE	21

/**
 * struct emul_power - a power domain and those who are in it
 * @name: of one with several disks; empty of a disk's own, or once all of them have left
 * @list: of all
 * @nr_disks: disks that are recorded
 * @nr_users: these, and views
 * @next_disk: number of the next disk
 * @domain: the domain
 * @marks: what users have called instants
 * @room: retires the oldest instants
 */
struct emul_power {
	char name[EMUL_DOMAIN_NAME_SIZE];
	struct list_head list;
	unsigned int nr_disks;
	unsigned int nr_users;
	u32 next_disk;
	struct emul_domain domain;
	struct emul_marks marks;
	struct work_struct room;
};

struct emul_power *emul_power_join(const char *name, u64 limit, u32 *disk);
void emul_power_leave(struct emul_power *p, u64 limit);
void emul_power_get(struct emul_power *p);
void emul_power_put(struct emul_power *p);
void emul_power_resize(struct emul_power *p, u64 before, u64 limit);

/* Retire the oldest instants if memory is becoming short. Context: any. */
static inline void emul_power_watch(struct emul_power *p)
{
	const struct emul_budget *b = &p->domain.budget;

	if (unlikely((u64)atomic64_read(&b->used) > READ_ONCE(b->limit) / 8 * EMUL_ROOM_BEGINS))
		queue_work(system_dfl_wq, &p->room);
}

#endif /* _ASBLK_EMUL_HIST_POWER_H */
