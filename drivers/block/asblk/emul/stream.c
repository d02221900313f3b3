// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "../compat.h"
#include "controller.h"
#include "hist_load.h"
#include "hist_save.h"
#include "stream.h"
#include "views.h"

static struct dentry *stream_dir;

/* Histories that are being loaded; outside all other locks. */
static DEFINE_MUTEX(stream_lock);

/**
 * struct stream_save - a file that is being read
 * @saver: the stream
 * @pos: bytes of @saver->buf that have been read
 * @lock: one reader at a time
 */
struct stream_save {
	struct emul_saver *saver;
	size_t pos;
	struct mutex lock;	/* pos */
};

/**
 * struct stream_load - a file that is being written; under stream_lock
 * @loader: the stream
 * @disks: &emul_config.loads of the disks that it goes to
 * @name: of the disk whose file it is
 * @err: what has gone wrong
 */
struct stream_load {
	struct emul_loader *loader;
	struct list_head disks;
	char name[EMUL_NAME_SIZE];
	int err;
};

/* A disk, under its change_lock. */
static int save_disk(struct emul_config *c, struct emul_saved *to, u64 oldest)
{
	struct emul_base *base = emul_base_open(&c->medium.recorder, oldest);

	if (IS_ERR(base))
		return PTR_ERR(base);
	to->base = base;
	/* It has pages in which another disk shows through. */
	if (base->chains->base)
		return -EOPNOTSUPP;
	strscpy(to->name, c->name);
	to->nr_blocks = c->medium.nr_blocks;
	to->block_size = 1U << c->medium.block_shift;
	/* What has been fetched by now has been executed when it is saved. */
	if (c->emul)
		emul_device_drain(&c->emul->dev);
	return 0;
}

static struct emul_saver *save_domain(struct emul_config *c, struct list_head *disks)
{
	unsigned int nr = list_count_nodes(disks), i = 0;
	struct emul_saver *s;
	u64 oldest;
	int err;

	err = emul_recorder_instants(&c->medium.recorder, &oldest, &(u64){ 0 });
	if (err)
		return ERR_PTR(err);
	s = emul_saver_create(nr);
	if (!s)
		return ERR_PTR(-ENOMEM);
	/* From the first pin on nothing retires, but for what retired just before. */
	list_for_each_entry(c, disks, cut) {
		err = save_disk(c, &s->disk[i++], oldest) ?:
		      emul_recorder_instants(&c->medium.recorder, &oldest, &s->now);
		if (err) {
			emul_saver_destroy(s);
			return ERR_PTR(err);
		}
	}
	return s;
}

static int save_open(struct emul_config *c, struct file *file)
{
	struct stream_save *save = kzalloc_obj(*save);
	LIST_HEAD(disks);

	if (!save)
		return -ENOMEM;
	mutex_init(&save->lock);
	if (!emul_views_lock_domain(c, &disks)) {
		kfree(save);
		return -EBUSY;
	}
	do {
		save->saver = save_domain(c, &disks);
	} while (PTR_ERR_OR_ZERO(save->saver) == -ERANGE);
	emul_views_unlock_domain(&disks);
	if (IS_ERR(save->saver)) {
		int err = PTR_ERR(save->saver);

		kfree(save);
		return err;
	}
	file->private_data = save;
	return 0;
}

static ssize_t history_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	struct stream_save *save = file->private_data;
	struct emul_saver *s = save->saver;
	size_t done = 0;
	int err = 0;

	if (mutex_lock_interruptible(&save->lock))
		return -ERESTARTSYS;
	while (done < len) {
		size_t step = min(len - done, s->len - save->pos);

		if (!step) {
			save->pos = 0;
			err = emul_saver_next(s);
			if (err || !s->len)
				break;
			continue;
		}
		if (copy_to_user(to + done, s->buf + save->pos, step)) {
			err = -EFAULT;
			break;
		}
		save->pos += step;
		done += step;
	}
	mutex_unlock(&save->lock);
	return done ?: err;
}

/*
 * Make a disk ready: it is off, and has no base. What it holds, and its history, go. Under its
 * change_lock.
 */
static int load_prepare(struct stream_load *load, struct emul_config *c, u64 nr_blocks,
			u32 block_size)
{
	struct emul_recorder *rec = &c->medium.recorder;
	struct emul_history_options h;
	int err;

	if (c->emul || c->loading || emul_recorder_busy(rec))
		return -EBUSY;
	if (!c->options.history || *c->options.base || c->medium.base || block_size < EMUL_GRAIN ||
	    nr_blocks > EMUL_MAX_SIZE / block_size)
		return -EINVAL;
	emul_recorder_end(rec, EMUL_HISTORY_OFF);
	scoped_guard(mutex, &c->lock) {
		c->options.size = nr_blocks * block_size;
		c->options.block_size = block_size;
	}
	emul_config_history(&c->options, &h);
	err = emul_medium_insert(&c->medium, c->options.size, block_size);
	if (err)
		return err;
	emul_medium_cut(&c->medium);
	emul_medium_set_base(&c->medium, NULL);
	err = emul_recorder_begin(rec, &h);
	if (err)
		return err;
	c->loading = load;
	list_add(&c->loads, &load->disks);
	return 0;
}

/* A stream of one disk goes to the disk whose file it is; of several each to that of its name. */
static struct emul_recorder *load_disk(void *data, unsigned int nr, const char *name,
				       u64 nr_blocks, u32 block_size)
{
	struct stream_load *load = data;
	struct emul_config *c;
	int err;

	c = emul_views_find(load->loader->nr_disks == 1 ? load->name : name);
	if (IS_ERR(c)) {
		pr_err_ratelimited("%s: load: disk %s: %pe\n", load->name, name, c);
		return ERR_CAST(c);
	}
	err = load_prepare(load, c, nr_blocks, block_size);
	mutex_unlock(&c->change_lock);
	if (!err)
		return &c->medium.recorder;
	pr_err_ratelimited("%s: load: disk %s has to be powered off, with history=1 and no base: %pe\n",
			   load->name, c->name, ERR_PTR(err));
	return ERR_PTR(err);
}

static const struct emul_load_ops stream_load_ops = { .disk = load_disk };

/* A disk is no longer being loaded; without all of the stream it has no history. */
static void load_leave(struct stream_load *load, struct emul_config *c)
{
	if (load->err || !emul_loader_is_complete(load->loader))
		emul_recorder_end(&c->medium.recorder, EMUL_HISTORY_OFF);
	list_del(&c->loads);
	mutex_lock(&c->change_lock);
	c->loading = NULL;
	mutex_unlock(&c->change_lock);
}

static int load_open(struct emul_config *c, struct file *file)
{
	struct stream_load *load = kzalloc_obj(*load);

	if (!load)
		return -ENOMEM;
	load->loader = emul_loader_create(&stream_load_ops, load);
	if (!load->loader) {
		kfree(load);
		return -ENOMEM;
	}
	INIT_LIST_HEAD(&load->disks);
	strscpy(load->name, c->name);
	file->private_data = load;
	return 0;
}

static ssize_t history_write(struct file *file, const char __user *from, size_t len, loff_t *pos)
{
	struct stream_load *load = file->private_data;
	u8 *buf;

	len = min_t(size_t, len, SZ_64K);
	buf = vmemdup_user(from, len);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	if (mutex_lock_interruptible(&stream_lock)) {
		kvfree(buf);
		return -ERESTARTSYS;
	}
	if (!load->err) {
		load->err = emul_loader_feed(load->loader, buf, len);
		if (load->err)
			pr_err_ratelimited("%s: load: item %llu: %pe\n", load->name,
					   load->loader->nr_items, ERR_PTR(load->err));
	}
	mutex_unlock(&stream_lock);
	kvfree(buf);
	return load->err ?: len;
}

static int history_open(struct inode *inode, struct file *file)
{
	stream_open(inode, file);
	switch (file->f_mode & (FMODE_READ | FMODE_WRITE)) {
	case FMODE_READ:
		return save_open(inode->i_private, file);
	case FMODE_WRITE:
		return load_open(inode->i_private, file);
	default:
		return -EINVAL;
	}
}

static int history_release(struct inode *inode, struct file *file)
{
	struct stream_save *save = file->private_data;
	struct stream_load *load = file->private_data;
	struct emul_config *c, *next;

	if (file->f_mode & FMODE_READ) {
		emul_saver_destroy(save->saver);
		kfree(save);
		return 0;
	}
	mutex_lock(&stream_lock);
	list_for_each_entry_safe(c, next, &load->disks, loads)
		load_leave(load, c);
	emul_loader_destroy(load->loader);
	mutex_unlock(&stream_lock);
	kfree(load);
	return 0;
}

static const struct file_operations history_fops = {
	.owner		= THIS_MODULE,
	.open		= history_open,
	.release	= history_release,
	.read		= history_read,
	.write		= history_write,
};

/* A disk has a file. Context: may sleep. */
void emul_stream_add(struct emul_config *c)
{
	c->stream = debugfs_create_file(c->name, 0600, stream_dir, c, &history_fops);
}

/* A disk is removed: its history cannot be loaded any more. Context: may sleep. */
void emul_stream_remove(struct emul_config *c)
{
	/* Nobody is in one of the functions above for it from here on, but to close it. */
	debugfs_remove(c->stream);
	guard(mutex)(&stream_lock);
	if (!c->loading)
		return;
	c->loading->err = -ENODEV;
	load_leave(c->loading, c);
}

/* Without debugfs there are no files. Context: may sleep. */
void emul_stream_init(void)
{
	stream_dir = debugfs_create_dir("asblk_history", NULL);
}

void emul_stream_exit(void)
{
	debugfs_remove(stream_dir);
}
