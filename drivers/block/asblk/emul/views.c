// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/kstrtox.h>
#include <linux/lockdep.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "../compat.h"
#include "controller.h"
#include "views.h"

/* All disks, which can be the base of others. Inside change_lock, outside all other locks. */
static DEFINE_MUTEX(views_lock);
static LIST_HEAD(views_disks);

/* A disk that others can find. Context: may sleep. */
void emul_views_add(struct emul_config *c)
{
	guard(mutex)(&views_lock);
	list_add(&c->all, &views_disks);
}

/* Nobody finds it any more. Context: may sleep. */
void emul_views_remove(struct emul_config *c)
{
	scoped_guard(mutex, &views_lock)
		list_del(&c->all);
	kvfree(c->given);
}

static struct emul_config *views_find(const char *name)
{
	struct emul_config *c;

	lockdep_assert_held(&views_lock);
	list_for_each_entry(c, &views_disks, all)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

/* Unlock what emul_views_lock_domain() has locked. */
void emul_views_unlock_domain(struct list_head *disks)
{
	struct emul_config *c, *next;

	list_for_each_entry_safe(c, next, disks, cut) {
		list_del(&c->cut);
		mutex_unlock(&c->change_lock);
	}
}

/*
 * Lock all disks of the power domain of @c and put them on a list: they stay, and nobody else
 * changes them. Context: may sleep. Return: false, with nothing locked, if one of them is being
 * changed.
 */
bool emul_views_lock_domain(struct emul_config *c, struct list_head *disks)
{
	struct emul_config *other;

	guard(mutex)(&views_lock);
	list_for_each_entry(other, &views_disks, all) {
		if (!emul_recorder_same(&c->medium.recorder, &other->medium.recorder))
			continue;
		/* Elsewhere this lock is the outer one. */
		if (!mutex_trylock(&other->change_lock)) {
			emul_views_unlock_domain(disks);
			return false;
		}
		list_add(&other->cut, disks);
	}
	return true;
}

/*
 * Lock the disk of that name: it stays, and nobody else changes it. Context: may sleep. Return: it;
 * -ENOENT if there is none, or -EBUSY if it is being changed, as an ERR_PTR.
 */
struct emul_config *emul_views_find(const char *name)
{
	struct emul_config *c;

	guard(mutex)(&views_lock);
	c = views_find(name);
	if (!c)
		return ERR_PTR(-ENOENT);
	return mutex_trylock(&c->change_lock) ? c : ERR_PTR(-EBUSY);
}

/* How the power cut decides. The options have been checked when they were set. */
static void views_fate(const struct emul_options *o, struct emul_fate *f)
{
	emul_policy_parse(o->decide, &f->policy, &f->seed);
	f->profile = emul_cut_profile_parse(o->cut_profile);
	f->lost_share = o->lost_share;
	f->hurt_share = o->hurt_share;
	f->unit_shift = ilog2(o->erase_unit);
	if (emul_fate_is_clean(f, o->clean_share))
		f->policy = EMUL_POLICY_ALL;
}

static int views_decide(struct emul_config *c, struct emul_view *v)
{
	const struct emul_given *g;
	int err = 0;

	for (g = c->given; g < c->given + c->nr_given && !err; g++)
		err = emul_view_give(v, g->fetched, g->block, g->outcome);
	return err;
}

/*
 * Open the view that the options of @c describe; @nr_blocks and @block_size are set to the
 * disk's. Return: an ERR_PTR after a line in the log.
 */
static struct emul_base *views_open(struct emul_config *c, u64 *nr_blocks, u32 *block_size)
{
	const struct emul_options *o = &c->options;
	struct emul_fate fate = {};
	struct emul_base *base;
	struct emul_config *of;
	int err;
	u64 at;

	lockdep_assert_held(&c->change_lock);
	guard(mutex)(&views_lock);
	of = views_find(o->base);
	err = !of || of == c ? -ENOENT :
	      emul_recorder_resolve(&of->medium.recorder, o->instant, &at);
	if (err)
		goto log;
	scoped_guard(mutex, &of->lock) {
		/* What has been fetched by then is there for everybody who looks. */
		if (of->emul)
			emul_device_drain(&of->emul->dev);
		spin_lock(&of->medium.lock);
		*nr_blocks = of->medium.nr_blocks;
		*block_size = 1U << of->medium.block_shift;
		spin_unlock(&of->medium.lock);
	}
	base = emul_base_open(&of->medium.recorder, at);
	err = PTR_ERR_OR_ZERO(base);
	if (err)
		goto log;
	views_fate(o, &fate);
	err = emul_view_set_fate(&base->view, base->chains, &fate) ?:
	      views_decide(c, &base->view);
	if (!err)
		return base;
	emul_base_close(base);
log:
	pr_err_ratelimited("%s: base=%s instant=%s: %s\n", c->name, o->base, o->instant,
			   err == -ENOENT ? "there is no such disk or mark" :
			   err == -ENODATA ? "the disk is not recorded" :
			   err == -ERANGE ? "not between oldest and now" :
			   err == -EEXIST ? "decisions contradict each other" :
			   err == -EINVAL ? "not an instant" : "no memory");
	return ERR_PTR(err);
}

/*
 * Give the medium of a disk that is powered on its base, or none; for a base, options that have to
 * be as there become so. Context: may sleep, under change_lock. Return: 0, or a negative errno
 * after a line in the log.
 */
int emul_views_insert(struct emul_config *c)
{
	struct emul_base *base = NULL;
	u32 block_size;
	u64 nr_blocks;
	int err;

	if (!*c->options.base && !c->medium.base)
		return 0;
	if (emul_recorder_busy(&c->medium.recorder))
		return -EBUSY;
	/* It was of another content. */
	emul_recorder_end(&c->medium.recorder, EMUL_HISTORY_OFF);
	if (*c->options.base) {
		base = views_open(c, &nr_blocks, &block_size);
		if (IS_ERR(base))
			return PTR_ERR(base);
		scoped_guard(mutex, &c->lock) {
			c->options.size = nr_blocks * block_size;
			c->options.block_size = block_size;
		}
		err = block_size < EMUL_GRAIN ? -EINVAL :
		      emul_options_check(&c->options) ?:
		      emul_medium_insert(&c->medium, c->options.size, block_size);
		if (err) {
			emul_base_close(base);
			return err;
		}
	}
	emul_medium_set_base(&c->medium, base);
	return 0;
}

/*
 * A disk with a base has been created, and looked at for partitions: forget what that has asked
 * for. The answers would be the same again. Under change_lock.
 */
void emul_views_forget(struct emul_config *c)
{
	struct emul_base *base = c->medium.base;

	if (!base)
		return;
	emul_view_forget(&base->view);
	if (views_decide(c, &base->view))
		pr_err_ratelimited("%s: no memory for its decisions\n", c->name);
}

static int views_rewind(struct emul_config *c)
{
	struct emul_medium *m = &c->medium;
	struct emul_base *base;
	struct gendisk *gd;
	u32 block_size;
	u64 nr_blocks;

	if (!c->emul || !m->base)
		return -ENODEV;
	gd = asblk_disk_queue(c->emul->disk)->disk;
	/* Nobody opens it meanwhile; who closed it last has dropped its page cache. */
	guard(mutex)(&gd->open_mutex);
	if (disk_openers(gd) || emul_recorder_busy(&m->recorder))
		return -EBUSY;
	base = views_open(c, &nr_blocks, &block_size);
	if (IS_ERR(base))
		return PTR_ERR(base);
	if (nr_blocks != m->nr_blocks || block_size != 1U << m->block_shift) {
		pr_err_ratelimited("%s: %s has another size by now: power the disk off and on\n",
				   c->name, c->options.base);
		emul_base_close(base);
		return -ESTALE;
	}
	emul_device_drain(&c->emul->dev);
	emul_medium_set_base(m, base);
	return emul_recorder_renew(&m->recorder);
}

/**
 * emul_config_rewind - let a disk with a base show what its options say now
 * @c: configuration
 *
 * What has been written to it, and decided, is forgotten.
 *
 * Context: may sleep.
 * Return: 0, -ERESTARTSYS, -ENODEV if it has no base or is powered off, -EBUSY if it is open or
 * others look at what it has recorded, or another negative errno after a line in the log; with
 * nothing changed.
 */
int emul_config_rewind(struct emul_config *c)
{
	int err;

	if (mutex_lock_interruptible(&c->change_lock))
		return -ERESTARTSYS;
	err = views_rewind(c);
	mutex_unlock(&c->change_lock);
	return err;
}
ASBLK_EXPORT(emul_config_rewind);

/* FETCHED BLOCK OUTCOME, and what may follow. */
static bool views_parse(const char *line, struct emul_given *g)
{
	unsigned int outcome;
	char block[24];

	if (sscanf(line, "%llu %23s %u", &g->fetched, block, &outcome) != 3 || outcome > EMUL_HURT)
		return false;
	g->outcome = outcome;
	g->block = EMUL_WHOLE;
	return !strcmp(block, "whole") || !kstrtou64(block, 10, &g->block);
}

/* Add lines to the decisions. Return: 0, -EINVAL after a line in the log, or -ENOMEM. */
static int views_give(struct emul_config *c, char *text)
{
	size_t nr = 0, i = 0, lines = 1;
	struct emul_given *more;
	char *line;

	for (line = text; *line; line++)
		lines += *line == '\n';
	more = kvmalloc_array(c->nr_given + lines, sizeof(*more), GFP_KERNEL);
	if (!more)
		return -ENOMEM;
	while ((line = strsep(&text, "\n"))) {
		line = strim(line);
		i++;
		if (!*line)
			continue;
		if (!views_parse(line, &more[c->nr_given + nr++])) {
			pr_err_ratelimited("%s: decisions: line %zu is not FETCHED BLOCK|whole 0|1|2: %*pE\n",
					   c->name, i, (int)strlen(line), line);
			kvfree(more);
			return -EINVAL;
		}
	}
	if (c->nr_given)
		memcpy(more, c->given, c->nr_given * sizeof(*more));
	kvfree(c->given);
	c->given = more;
	c->nr_given += nr;
	return 0;
}

/**
 * emul_config_give - say what survives, for the next rewind
 * @c: configuration
 * @page: lines that are added, or clear
 * @len: length of @page
 *
 * Context: may sleep.
 * Return: @len, -ERESTARTSYS, -ENOMEM, or -EINVAL after a line in the log.
 */
ssize_t emul_config_give(struct emul_config *c, const char *page, size_t len)
{
	char *text = kstrndup(page, len, GFP_KERNEL);
	int err = 0;

	if (!text)
		return -ENOMEM;
	if (mutex_lock_interruptible(&c->change_lock)) {
		kfree(text);
		return -ERESTARTSYS;
	}
	if (!strcmp(strim(text), "clear"))
		c->nr_given = 0;
	else
		err = views_give(c, text);
	mutex_unlock(&c->change_lock);
	kfree(text);
	return err ?: len;
}
ASBLK_EXPORT(emul_config_give);

/**
 * emul_config_show_given - format how many decisions were given
 * @c: configuration
 * @page: the text goes here; a page
 *
 * Context: any.
 * Return: length.
 */
ssize_t emul_config_show_given(struct emul_config *c, char *page)
{
	return sysfs_emit(page, "%zu\n", READ_ONCE(c->nr_given));
}
ASBLK_EXPORT(emul_config_show_given);

/**
 * emul_config_asked - write down the decisions that a disk with a base was asked for
 * @c: configuration
 * @buf: as emul_view_show_asked()
 * @size: likewise
 *
 * Context: may sleep.
 * Return: length, or -ERESTARTSYS.
 */
ssize_t emul_config_asked(struct emul_config *c, char *buf, size_t size)
{
	ssize_t len = 0;

	if (mutex_lock_interruptible(&c->change_lock))
		return -ERESTARTSYS;
	if (c->medium.base)
		len = emul_view_show_asked(&c->medium.base->view, buf, size);
	mutex_unlock(&c->change_lock);
	return len;
}
ASBLK_EXPORT(emul_config_asked);

/**
 * emul_config_mark - give the last instant a name
 * @c: configuration of a recorded disk
 * @page: name, printable and without + or -; may end with a newline
 * @len: length of @page
 *
 * Context: may sleep.
 * Return: @len, or a negative errno: -ENODATA if the disk is not recorded, -EINVAL,
 * -ENAMETOOLONG, -ENOMEM, -ERESTARTSYS.
 */
ssize_t emul_config_mark(struct emul_config *c, const char *page, size_t len)
{
	char *copy = kstrndup(page, len, GFP_KERNEL), *name;
	int err;
	u64 at;

	if (!copy)
		return -ENOMEM;
	name = strim(copy);
	err = emul_mark_is_name(name) ? emul_recorder_mark(&c->medium.recorder, name, &at) :
	      -EINVAL;
	kfree(copy);
	if (err)
		return err;
	WRITE_ONCE(c->marked, at);
	return len;
}
ASBLK_EXPORT(emul_config_mark);

/**
 * emul_config_show_mark - format the instant that was marked last by way of this disk
 * @c: configuration
 * @page: the text goes here; a page
 *
 * Context: any.
 * Return: length.
 */
ssize_t emul_config_show_mark(struct emul_config *c, char *page)
{
	return sysfs_emit(page, "%llu\n", READ_ONCE(c->marked));
}
ASBLK_EXPORT(emul_config_show_mark);
