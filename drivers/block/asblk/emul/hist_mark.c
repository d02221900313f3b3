// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/ctype.h>
#include <linux/kstrtox.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "hist_mark.h"

/* Is it printable, and nothing that could be taken for another instant? */
bool emul_mark_is_name(const char *name)
{
	const char *p;

	for (p = name; *p; p++)
		if (!isascii(*p) || !isprint(*p) || *p == '+' || *p == '-')
			return false;
	return *name && !isdigit(*name) && strcmp(name, "now") && strcmp(name, "oldest");
}

void emul_marks_init(struct emul_marks *m, struct emul_domain *d)
{
	INIT_LIST_HEAD(&m->list);
	mutex_init(&m->lock);
	m->domain = d;
}

/* Forget what instants before @oldest are called. */
static void marks_forget(struct emul_marks *m, u64 oldest)
{
	struct emul_mark *mark, *next;

	list_for_each_entry_safe(mark, next, &m->list, list) {
		if (mark->at >= oldest)
			continue;
		list_del(&mark->list);
		emul_budget_give(&m->domain->budget, sizeof(*mark));
		kfree(mark);
	}
}

/* Context: may sleep. */
void emul_marks_exit(struct emul_marks *m)
{
	marks_forget(m, U64_MAX);
	mutex_destroy(&m->lock);
}

static struct emul_mark *mark_create(struct emul_marks *m, const char *name)
{
	struct emul_budget *b = &m->domain->budget;
	struct emul_mark *mark;

	if (!emul_budget_take(b, sizeof(*mark)))
		return NULL;
	mark = kzalloc_obj(*mark, GFP_NOIO);
	if (mark)
		strscpy(mark->name, name);
	else
		emul_budget_give(b, sizeof(*mark));
	return mark;
}

/*
 * Call the last instant @name, which is printable; @at is set to it. Context: may sleep. Return:
 * 0, -ENAMETOOLONG, or -ENOMEM.
 */
int emul_marks_add(struct emul_marks *m, const char *name, u64 *at)
{
	struct emul_domain *d = m->domain;
	struct emul_mark *mark;
	u64 oldest;

	if (strlen(name) >= EMUL_MARK_SIZE)
		return -ENAMETOOLONG;
	mark = mark_create(m, name);
	if (!mark)
		return -ENOMEM;
	guard(mutex)(&m->lock);
	spin_lock_bh(&d->lock);
	mark->at = d->now;
	oldest = d->oldest;
	spin_unlock_bh(&d->lock);
	*at = mark->at;
	list_add(&mark->list, &m->list);
	marks_forget(m, oldest);
	return 0;
}

/* Call instant @at @name, after those that have been called something. Return: 0 or -ENOMEM. */
int emul_marks_restore(struct emul_marks *m, const char *name, u64 at)
{
	struct emul_mark *mark = mark_create(m, name);

	if (!mark)
		return -ENOMEM;
	mark->at = at;
	guard(mutex)(&m->lock);
	list_add(&mark->list, &m->list);
	return 0;
}

/*
 * Mark @nr, from 0, the first that was added first: its instant and its name, of %EMUL_MARK_SIZE
 * bytes. Context: may sleep. Return: false if there is none.
 */
bool emul_marks_get(struct emul_marks *m, unsigned int nr, u64 *at, char *name)
{
	struct emul_mark *mark;

	guard(mutex)(&m->lock);
	list_for_each_entry_reverse(mark, &m->list, list) {
		if (nr--)
			continue;
		*at = mark->at;
		memcpy(name, mark->name, EMUL_MARK_SIZE);
		return true;
	}
	return false;
}

/*
 * The instant that @text names: a mark, with +N or -N behind it or without. Context: may sleep.
 * Return: 0, -EINVAL, or -ENOENT if there is no such mark.
 */
int emul_marks_find(struct emul_marks *m, const char *text, u64 *at)
{
	size_t len = strcspn(text, "+-");
	struct emul_mark *mark;
	u64 distance = 0;

	if (text[len] && kstrtou64(text + len + 1, 10, &distance))
		return -EINVAL;
	guard(mutex)(&m->lock);
	list_for_each_entry(mark, &m->list, list) {
		if (strlen(mark->name) != len || strncmp(mark->name, text, len))
			continue;
		*at = text[len] == '-' ? mark->at - distance : mark->at + distance;
		return 0;
	}
	return -ENOENT;
}
