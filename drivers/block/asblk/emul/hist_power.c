// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "hist_power.h"

/*
 * Power domains and their members. Inside the lock of a recorder, which I/O may wait for: under
 * neither of them memory is allocated by doing I/O.
 */
static DEFINE_MUTEX(power_lock);
static LIST_HEAD(power_list);

static void power_room(struct work_struct *work)
{
	emul_domain_make_room(&container_of(work, struct emul_power, room)->domain);
}

static struct emul_power *power_find(const char *name)
{
	struct emul_power *p;

	list_for_each_entry(p, &power_list, list)
		if (*name && !strcmp(p->name, name))
			return p;
	p = kzalloc_obj(*p, GFP_NOIO);
	if (!p)
		return NULL;
	strscpy(p->name, name);
	emul_domain_init(&p->domain, 1);
	emul_marks_init(&p->marks, &p->domain);
	INIT_WORK(&p->room, power_room);
	list_add(&p->list, &power_list);
	return p;
}

/*
 * A disk joins a domain with @limit bytes: that of the name, or one of its own if it is empty.
 * @disk is set to its number there. Context: may sleep. Return: the domain, or NULL without
 * memory.
 */
struct emul_power *emul_power_join(const char *name, u64 limit, u32 *disk)
{
	struct emul_power *p;

	guard(mutex)(&power_lock);
	p = power_find(name);
	if (!p)
		return NULL;
	emul_budget_set(&p->domain.budget, (p->nr_users++ ? p->domain.budget.limit : 0) + limit);
	p->nr_disks++;
	*disk = p->next_disk++;
	return p;
}

/* A member has another limit. Context: may sleep. */
void emul_power_resize(struct emul_power *p, u64 before, u64 limit)
{
	guard(mutex)(&power_lock);
	emul_budget_set(&p->domain.budget, p->domain.budget.limit - before + limit);
}

static void power_put(struct emul_power *p)
{
	if (--p->nr_users)
		return;
	list_del(&p->list);
	cancel_work_sync(&p->room);
	emul_marks_exit(&p->marks);
	emul_domain_exit(&p->domain);
	kfree(p);
}

/* A member has left, and nothing of it is recorded any more. Context: may sleep. */
void emul_power_leave(struct emul_power *p, u64 limit)
{
	guard(mutex)(&power_lock);
	emul_budget_set(&p->domain.budget, p->domain.budget.limit - limit);
	/* Views may stay; whoever comes with that name begins anew. */
	if (!--p->nr_disks)
		*p->name = '\0';
	power_put(p);
}

/* The domain stays until emul_power_put(). Context: may sleep. */
void emul_power_get(struct emul_power *p)
{
	guard(mutex)(&power_lock);
	p->nr_users++;
}

/* Context: may sleep. */
void emul_power_put(struct emul_power *p)
{
	guard(mutex)(&power_lock);
	power_put(p);
}
