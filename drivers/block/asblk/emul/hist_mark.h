/* SPDX-License-Identifier: GPL-2.0-only */
/* Marks: what users call instants. */
#ifndef _ASBLK_EMUL_HIST_MARK_H
#define _ASBLK_EMUL_HIST_MARK_H

#include <linux/list.h>
#include <linux/mutex.h>

#include "hist_domain.h"

#define EMUL_MARK_SIZE	64

/**
 * struct emul_mark - what a user has called an instant
 * @list: on &emul_marks.list
 * @at: the instant
 * @name: the name
 */
struct emul_mark {
	struct list_head list;
	u64 at;
	char name[EMUL_MARK_SIZE];
};

/**
 * struct emul_marks - the marks of a power domain
 * @list: marks, the last first
 * @lock: protects it; outside the domain's lock
 * @domain: the domain
 */
struct emul_marks {
	struct list_head list;
	struct mutex lock;	/* the list */
	struct emul_domain *domain;
};

bool emul_mark_is_name(const char *name);
void emul_marks_init(struct emul_marks *m, struct emul_domain *d);
void emul_marks_exit(struct emul_marks *m);
int emul_marks_add(struct emul_marks *m, const char *name, u64 *at);
bool emul_marks_get(struct emul_marks *m, unsigned int nr, u64 *at, char *name);
int emul_marks_restore(struct emul_marks *m, const char *name, u64 at);
int emul_marks_find(struct emul_marks *m, const char *text, u64 *at);

#endif /* _ASBLK_EMUL_HIST_MARK_H */
