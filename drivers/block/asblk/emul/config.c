// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/idr.h>
#include <linux/lockdep.h>
#include <linux/math64.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/unaligned.h>

#include "../compat.h"
#include "config.h"
#include "controller.h"
#include "module_params.h"
#include "stream.h"
#include "views.h"

static DEFINE_IDA(config_ida);
static LIST_HEAD(config_list);

/* The same name gives the same IDs, so that links in /dev/disk/by-id are stable. */
static int config_identity(struct emul_config *c)
{
	static const siphash_key_t key = { { 0x6173626c6b, 1 } };
	size_t len = strlen(c->name);
	char wwid[33];
	u8 id[16] = "\002asb";	/* locally assigned */

	put_unaligned_be64(siphash(c->name, len, &key), id + 8);
	put_unaligned_be32(siphash_1u64(len, &key), id + 4);
	snprintf(wwid, sizeof(wwid), "%16phN", id);
	emul_option_set(&c->options, EMUL_WWID, wwid);
	return emul_option_set(&c->options, EMUL_SERIAL, c->name);
}

/**
 * emul_config_create - allocate the configuration of a disk
 * @name: 1 to %EMUL_NAME_SIZE - 1 graphic characters
 *
 * Every option has its default.
 *
 * Context: may sleep.
 * Return: configuration, or an ERR_PTR.
 */
struct emul_config *emul_config_create(const char *name)
{
	struct emul_config *c = kzalloc_obj(*c);
	int err;

	if (!c)
		return ERR_PTR(-ENOMEM);
	c->nr = ida_alloc(&config_ida, GFP_KERNEL);
	if (c->nr < 0) {
		err = c->nr;
		kfree(c);
		return ERR_PTR(err);
	}
	strscpy(c->name, name);
	mutex_init(&c->change_lock);
	mutex_init(&c->lock);
	INIT_LIST_HEAD(&c->list);
	emul_budget_init(&c->budget, 0);
	err = emul_medium_init(&c->medium, &c->budget);
	if (err)
		goto free;
	emul_faults_init(&c->faults, &c->budget);
	emul_options_init(&c->options, c->name);
	err = config_identity(c);
	if (err)
		goto exit_medium;
	emul_views_add(c);
	emul_stream_add(c);
	return c;

exit_medium:
	emul_faults_exit(&c->faults);
	emul_medium_exit(&c->medium);
free:
	ida_free(&config_ida, c->nr);
	kfree(c);
	return ERR_PTR(err);
}
ASBLK_EXPORT(emul_config_create);

/* Hide the controller from other users, and destroy it. */
static void config_lose(struct emul_config *c)
{
	struct emul *emul = c->emul;

	scoped_guard(mutex, &c->lock) {
		WRITE_ONCE(c->emul, NULL);
		*c->disk_name = '\0';
	}
	emul_destroy_ctrl(emul);
}

/*
 * Remove the disk. Others see it until nothing uses it any more, so that they can unplug it
 * while this waits for its requests. The caller holds change_lock or is the last user.
 */
void emul_config_off(struct emul_config *c)
{
	emul_remove_disk(c->emul);
	config_lose(c);
}

/**
 * emul_config_destroy - remove a disk and its data, and free its configuration
 * @c: configuration; the caller is its last user
 *
 * Context: may sleep; waits for requests in flight.
 */
void emul_config_destroy(struct emul_config *c)
{
	emul_stream_remove(c);
	emul_views_remove(c);
	/* Who has found it before may be cutting its power, and turn it on again. */
	mutex_lock(&c->change_lock);
	if (c->emul)
		emul_config_off(c);
	mutex_unlock(&c->change_lock);
	emul_medium_exit(&c->medium);
	emul_faults_exit(&c->faults);
	ida_free(&config_ida, c->nr);
	kfree(c);
}
ASBLK_EXPORT(emul_config_destroy);

/* The options as they are now. Return: a copy to be freed, or an ERR_PTR. */
static struct emul_options *config_options(struct emul_config *c)
{
	struct emul_options *o = kmalloc_obj(*o);

	if (!o)
		return ERR_PTR(-ENOMEM);
	guard(mutex)(&c->lock);
	/* The disk's own attributes may change its size and block size. */
	spin_lock(&c->medium.lock);
	*o = c->options;
	spin_unlock(&c->medium.lock);
	return o;
}

/**
 * emul_config_show - format an option as text
 * @c: configuration
 * @i: option
 * @page: the text goes here; a page
 *
 * Context: may sleep.
 * Return: length, or -ENOMEM.
 */
ssize_t emul_config_show(struct emul_config *c, enum emul_option i, char *page)
{
	struct emul_options *o = config_options(c);
	ssize_t len;

	if (IS_ERR(o))
		return PTR_ERR(o);
	/* The figure in force, which 0 is not. */
	if (i == EMUL_MEMORY_LIMIT && !o->memory_limit)
		o->memory_limit = emul_budget_limit(&c->budget);
	len = emul_option_show(o, i, page);
	kfree(o);
	return len;
}
ASBLK_EXPORT(emul_config_show);

/*
 * The functions that options.h names: the disk that is there follows @new, of which option
 * @i has changed. Settings of the controller or the medium reach the configuration by the
 * controller's operations, as they do if the disk's own attributes change them.
 */
static void config_set_value(struct emul_config *c, enum emul_option i,
			     const struct emul_options *new)
{
	guard(mutex)(&c->lock);
	emul_option_copy(&c->options, new, i);
}

static int live_size(struct emul_config *c, enum emul_option i, const struct emul_options *new)
{
	return asblk_disk_format(c->emul->disk, div64_u64(new->size, new->block_size),
				 new->block_size, true);
}

static int live_memory_limit(struct emul_config *c, enum emul_option i,
			     const struct emul_options *new)
{
	config_set_value(c, i, new);
	emul_budget_set(&c->budget, new->memory_limit);
	return 0;
}

static int live_read_only(struct emul_config *c, enum emul_option i,
			  const struct emul_options *new)
{
	return asblk_disk_write_protect(c->emul->disk, new->read_only);
}

static int live_write_cache(struct emul_config *c, enum emul_option i,
			    const struct emul_options *new)
{
	return asblk_ctrl_write_cache(c->emul->ctrl, new->write_cache);
}

static int live_coalesce(struct emul_config *c, enum emul_option i,
			 const struct emul_options *new)
{
	return asblk_ctrl_coalesce(c->emul->ctrl, new->coalesce_count, new->coalesce_usecs);
}

/* What looks at it does so later. */
static int live_value(struct emul_config *c, enum emul_option i, const struct emul_options *new)
{
	config_set_value(c, i, new);
	return 0;
}

static int live_model(struct emul_config *c, enum emul_option i, const struct emul_options *new)
{
	int err = emul_device_set_model(&c->emul->dev, new);

	if (!err)
		config_set_value(c, i, new);
	return err;
}

static int live_seed(struct emul_config *c, enum emul_option i, const struct emul_options *new)
{
	int err = live_model(c, i, new);

	if (err)
		return err;
	emul_device_seed(&c->emul->dev, new->seed);
	WRITE_ONCE(c->faults.seed, new->seed);
	return 0;
}

/* What is kept back already is posted soon. */
static int live_hold(struct emul_config *c, enum emul_option i, const struct emul_options *new)
{
	config_set_value(c, i, new);
	if (new->hold_depth)
		emul_be_slow(&c->emul->dev);
	return 0;
}

/* How a disk with these options is recorded; as long as they stay. */
void emul_config_history(const struct emul_options *o, struct emul_history_options *h)
{
	*h = (struct emul_history_options) {
		.domain = o->power_domain, .limit = o->history_limit,
		.cache_size = o->cache_size, .cache_any = o->cache_random, .seed = o->seed,
	};
}

/* Record what the disk does from here on; or no longer, and forget what was recorded. */
static int live_history(struct emul_config *c, enum emul_option i, const struct emul_options *new)
{
	struct emul_recorder *rec = &c->medium.recorder;
	struct emul_device *dev = &c->emul->dev;
	struct emul_history_options h;
	int err = 0;

	emul_config_history(new, &h);
	if (new->history) {
		err = emul_recorder_begin(rec, &h);
		if (err)
			return err;
		emul_device_record(dev, true);
		/* What the device has may not be recorded: the past begins after it. */
		emul_device_drain(dev);
		err = emul_recorder_restart(rec);
	}
	if (!new->history || err) {
		emul_device_record(dev, c->medium.base);
		emul_recorder_end(rec, EMUL_HISTORY_OFF);
	}
	if (!err)
		config_set_value(c, i, new);
	return err;
}

static int live_history_limits(struct emul_config *c, enum emul_option i,
			       const struct emul_options *new)
{
	struct emul_history_options h;

	emul_config_history(new, &h);
	emul_recorder_set(&c->medium.recorder, &h);
	config_set_value(c, i, new);
	return 0;
}

typedef int (*live_fn)(struct emul_config *c, enum emul_option i,
		       const struct emul_options *new);

#define fixed	NULL	/* the option cannot change while the disk is powered on */
#define OPTION_LIVE(id, name, type, def, min, max, kind, live, text)	\
	[EMUL_##id] = live,

static const live_fn option_live[EMUL_NR_OPTIONS] = { EMUL_OPTIONS(OPTION_LIVE) };

static int config_parse(struct emul_options *o, enum emul_option i, const char *text)
{
	int err = emul_option_set(o, i, text);

	if (!err && i == EMUL_PROFILE)
		err = emul_profile_apply(o);
	return err;
}

static int config_set(struct emul_config *c, enum emul_option i, const char *text)
{
	live_fn live = option_live[i];
	struct emul_options *new;
	int err;

	lockdep_assert_held(&c->change_lock);
	if (c->emul && !live) {
		pr_err_ratelimited("%s: %s cannot change while the disk is powered on\n",
				   c->name, emul_option_name(i));
		return -EBUSY;
	}
	new = config_options(c);
	if (IS_ERR(new))
		return PTR_ERR(new);
	err = config_parse(new, i, text);
	if (err)
		goto free;
	if (c->emul) {
		err = emul_options_check(new) ?: live(c, i, new);
		goto free;
	}
	/* A contradiction may still be mended before the disk is powered on. */
	scoped_guard(mutex, &c->lock)
		c->options = *new;
	/* The data is there even if the disk is not, and so is its history. */
	emul_budget_set(&c->budget, new->memory_limit);
	if (!new->history || i == EMUL_POWER_DOMAIN)
		emul_recorder_end(&c->medium.recorder, EMUL_HISTORY_OFF);
free:
	kfree(new);
	return err;
}

/**
 * emul_config_store - give an option a value
 * @c: configuration
 * @i: option
 * @page: text, may end with a newline
 * @len: length of @page
 *
 * Context: may sleep.
 * Return: @len, or a negative errno with nothing changed: -EINVAL or -EBUSY after a line in the
 * log, -ENOMEM, -ERESTARTSYS, or the disk's errno.
 */
ssize_t emul_config_store(struct emul_config *c, enum emul_option i,
			  const char *page, size_t len)
{
	char *text = kstrndup(page, len, GFP_KERNEL);
	int err;

	if (!text)
		return -ENOMEM;
	if (mutex_lock_interruptible(&c->change_lock)) {
		kfree(text);
		return -ERESTARTSYS;
	}
	err = config_set(c, i, strim(text));
	mutex_unlock(&c->change_lock);
	kfree(text);
	return err ?: len;
}
ASBLK_EXPORT(emul_config_store);

/**
 * emul_config_show_power - format whether there is a disk
 * @c: configuration
 * @page: the text goes here, 0 or 1; a page
 *
 * Context: any.
 * Return: length.
 */
ssize_t emul_config_show_power(struct emul_config *c, char *page)
{
	return sysfs_emit(page, "%d\n", READ_ONCE(*c->disk_name) ? 1 : 0);
}
ASBLK_EXPORT(emul_config_show_power);

/**
 * emul_config_show_instant - format the first or last instant that can be looked at
 * @c: configuration
 * @first: true for the first
 * @page: the text goes here, empty line if nothing is recorded; a page
 *
 * Context: may sleep.
 * Return: length.
 */
ssize_t emul_config_show_instant(struct emul_config *c, bool first, char *page)
{
	u64 oldest, now;

	if (emul_recorder_instants(&c->medium.recorder, &oldest, &now))
		return sysfs_emit(page, "\n");
	return sysfs_emit(page, "%llu\n", first ? oldest : now);
}
ASBLK_EXPORT(emul_config_show_instant);

/**
 * emul_config_show_recorder - format whether the disk is recorded
 * @c: configuration
 * @page: the text goes here: off, recording, or ended; a page
 *
 * Context: any.
 * Return: length.
 */
ssize_t emul_config_show_recorder(struct emul_config *c, char *page)
{
	return emul_recorder_show(&c->medium.recorder, page);
}
ASBLK_EXPORT(emul_config_show_recorder);

/**
 * emul_config_show_device - format the disk's name
 * @c: configuration
 * @page: the text goes here: asblkN, or an empty line without a disk; a page
 *
 * Context: may sleep.
 * Return: length.
 */
ssize_t emul_config_show_device(struct emul_config *c, char *page)
{
	ssize_t len;

	mutex_lock(&c->lock);
	len = sysfs_emit(page, "%s\n", c->disk_name);
	mutex_unlock(&c->lock);
	return len;
}
ASBLK_EXPORT(emul_config_show_device);

/* Begin to record, or go on, before anything can be written. */
static int config_record(struct emul_config *c)
{
	struct emul_history_options h;
	int err;

	if (!c->options.history)
		return 0;
	emul_config_history(&c->options, &h);
	if (emul_recorder_is_on(&c->medium.recorder)) {
		emul_recorder_set(&c->medium.recorder, &h);
		return 0;
	}
	err = emul_recorder_begin(&c->medium.recorder, &h) ?:
	      emul_recorder_restart(&c->medium.recorder);
	if (err)
		emul_recorder_end(&c->medium.recorder, EMUL_HISTORY_OFF);
	return err;
}

/*
 * Create the disk. Data of an earlier time is there again, as far as it fits. Under change_lock.
 * Return: 0 or a negative errno.
 */
int emul_config_on(struct emul_config *c)
{
	struct emul_options *o = &c->options;
	struct emul *emul;
	u64 most;
	int err;

	lockdep_assert_held(&c->change_lock);
	if (c->loading)
		return -EBUSY;
	err = emul_views_insert(c) ?: emul_options_check(o) ?:
	      emul_medium_insert(&c->medium, o->size, o->block_size);
	if (err)
		return err;
	emul_budget_set(&c->budget, o->memory_limit);
	WRITE_ONCE(c->faults.seed, o->seed);
	err = config_record(c);
	if (err)
		return err;
	emul = emul_create(o, c->nr, &c->medium, &c->faults);
	if (IS_ERR(emul))
		return PTR_ERR(emul);
	/* It can be unplugged as soon as anything can wait for it. */
	scoped_guard(mutex, &c->lock) {
		WRITE_ONCE(c->emul, emul);
		c->life++;
	}
	err = emul_add_disk(emul);
	if (err) {
		config_lose(c);
		return err;
	}
	/* Data beyond the end is lost only now that nothing else can go wrong. */
	emul_medium_cut(&c->medium);
	emul_views_forget(c);
	scoped_guard(mutex, &c->lock)
		strscpy(c->disk_name, asblk_disk_name(emul->disk));
	most = emul_budget_limit(&c->budget);
	if (most < o->size)
		pr_info("%s: %s holds at most %llu of its %llu bytes%s\n", c->name,
			c->disk_name, most, o->size,
			o->memory_limit ? "" : ", shared with others without memory_limit");
	return 0;
}

/* A device that is told that its power goes writes its cache out. */
static void config_shut_down(struct emul_config *c)
{
	emul_config_off(c);
	emul_recorder_settle(&c->medium.recorder);
}

/**
 * emul_config_power - create or remove the disk
 * @c: configuration
 * @on: true to create, false to remove
 *
 * The data stays.
 *
 * Context: may sleep; waits for requests in flight, which emul_config_unplug() ends.
 * Return: 0, -ERESTARTSYS, or another negative errno after a line in the log; with nothing
 * changed.
 */
int emul_config_power(struct emul_config *c, bool on)
{
	int err = 0;

	if (mutex_lock_interruptible(&c->change_lock))
		return -ERESTARTSYS;
	if (on && !c->emul)
		err = emul_config_on(c);
	else if (!on && c->emul)
		config_shut_down(c);
	mutex_unlock(&c->change_lock);
	if (err)
		pr_err_ratelimited("%s: failed to create the disk: %pe\n", c->name,
				   ERR_PTR(err));
	return err;
}
ASBLK_EXPORT(emul_config_power);

/* Fail everything that waits for the disk. Return: its life, 0 if it is powered off. */
u64 emul_config_dead(struct emul_config *c, const char *why)
{
	u64 life = 0;

	mutex_lock(&c->lock);
	if (c->emul) {
		asblk_ctrl_dead(c->emul->ctrl, why);
		life = c->life;
	}
	mutex_unlock(&c->lock);
	return life;
}

/**
 * emul_config_unplug - remove the disk by surprise
 * @c: configuration
 *
 * Unlike emul_config_power(), it fails requests in flight, and with them every other change of
 * the disk that waits for them.
 *
 * Context: may sleep.
 * Return: 0, or -ENODEV if there is no disk.
 */
int emul_config_unplug(struct emul_config *c)
{
	u64 life = emul_config_dead(c, "unplugged");

	if (!life)
		return -ENODEV;
	/* Not for long: the change that its holder waits for has just failed. */
	mutex_lock(&c->change_lock);
	/* Another user may have removed it since, and made a new one. */
	if (c->emul && c->life == life)
		emul_config_off(c);
	mutex_unlock(&c->change_lock);
	return 0;
}
ASBLK_EXPORT(emul_config_unplug);

/**
 * emul_config_enable_rule - enable or disable a rule, with or without the disk
 * @c: configuration that the rule belongs to
 * @r: rule
 * @on: true to enable
 *
 * Context: may sleep.
 * Return: as emul_rule_enable().
 */
int emul_config_enable_rule(struct emul_config *c, struct emul_rule *r, bool on)
{
	int err = emul_rule_enable(r, on);

	if (err || !on)
		return err;
	mutex_lock(&c->lock);
	/* One that is made from here on sees for itself that there are rules. */
	if (c->emul)
		emul_be_slow(&c->emul->dev);
	mutex_unlock(&c->lock);
	return 0;
}
ASBLK_EXPORT(emul_config_enable_rule);

/**
 * emul_config_for_each - call a function for every disk made at load
 * @fn: function; the walk ends when it returns something other than 0
 * @data: argument of @fn
 *
 * Context: after this module was loaded and before it is unloaded: the list does not change in
 * between.
 * Return: the last return value of @fn.
 */
int emul_config_for_each(int (*fn)(struct emul_config *c, void *data), void *data)
{
	struct emul_config *c;
	int ret = 0;

	list_for_each_entry(c, &config_list, list) {
		ret = fn(c, data);
		if (ret)
			break;
	}
	return ret;
}
ASBLK_EXPORT(emul_config_for_each);

static struct emul_config *config_at_load(const struct emul_options *o, unsigned int nr)
{
	char name[16], serial[21], wwid[33];
	struct emul_config *c;
	int err;

	snprintf(name, sizeof(name), "asblk%u", nr);
	c = emul_config_create(name);
	if (IS_ERR(c))
		return c;
	/* Given, or from the number: the same at every load. */
	snprintf(serial, sizeof(serial), "ASBLK%04u", nr);
	snprintf(wwid, sizeof(wwid), "%12phN%08x", "\002asblk emulat", nr);
	c->options = *o;
	c->options.who = c->name;
	if (!*o->serial)
		emul_option_set(&c->options, EMUL_SERIAL, serial);
	if (!*o->wwid)
		emul_option_set(&c->options, EMUL_WWID, wwid);
	list_add_tail(&c->list, &config_list);
	err = emul_config_power(c, true);
	return err ? ERR_PTR(err) : c;
}

/*
 * Create the disks that the module parameters ask for. Context: module load. Return: 0, or a
 * negative errno with nothing left behind.
 */
int emul_init(void)
{
	struct emul_options *o = kmalloc_obj(*o);
	unsigned int i, nr_disks;
	int err;

	if (!o)
		return -ENOMEM;
	emul_stream_init();
	err = emul_module_params(o, &nr_disks);
	for (i = 0; i < nr_disks && !err; i++)
		err = PTR_ERR_OR_ZERO(config_at_load(o, i));
	kfree(o);
	if (err)
		emul_exit();
	return err;
}

static void config_exit_work(struct work_struct *work)
{
	emul_config_destroy(container_of(work, struct emul_config, exit_work));
}

/* Remove all disks that the module parameters asked for. Context: may sleep. */
void emul_exit(void)
{
	struct emul_config *c, *tmp;
	struct workqueue_struct *wq;

	/* Removing one is mostly waiting: hundreds had better wait together. */
	wq = alloc_workqueue("asblk-exit", WQ_UNBOUND, 0);
	list_for_each_entry_safe(c, tmp, &config_list, list) {
		list_del(&c->list);
		INIT_WORK(&c->exit_work, config_exit_work);
		if (wq)
			queue_work(wq, &c->exit_work);
		else
			emul_config_destroy(c);
	}
	if (wq)
		destroy_workqueue(wq);
	emul_stream_exit();
	ida_destroy(&config_ida);
	/* RCU callbacks of the last unmaps are code of this module. */
	rcu_barrier();
}
