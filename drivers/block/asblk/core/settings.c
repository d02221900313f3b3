// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settings that users change at run time: of the device, restored after a reset, the
 * volatile write cache and interrupt coalescing; of the engine, the number of retries.
 */
#include <kunit/visibility.h>
#include <linux/blkdev.h>
#include <linux/export.h>
#include <linux/sysfs.h>

#include "disk.h"
#include "settings.h"
#include "state.h"

/* Tell the block layer, whatever queue/write_cache said before. */
static int cache_show_host(struct asblk_disk *disk, bool on)
{
	struct request_queue *queue = disk->gd->queue;
	struct queue_limits lim = queue_limits_start_update(queue);

	lim.features &= ~(BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA);
	if (on)
		lim.features |= BLK_FEAT_WRITE_CACHE;
	if (on && (disk->params.features & ASBLK_MEDIA_FUA))
		lim.features |= BLK_FEAT_FUA;
	lim.flags &= ~BLK_FLAG_WRITE_CACHE_DISABLED;
	return queue_limits_commit_update_frozen(queue, &lim);
}

static int cache_flush(struct asblk_disk *disk, bool unused)
{
	int err;

	/* Without a medium: it was flushed when it was ejected. */
	if (!READ_ONCE(disk->unit.nr_sectors))
		return 0;
	err = blkdev_issue_flush(disk->gd->part0);
	/* The removal of a disk does not keep the others from being set. */
	return test_bit(GD_DEAD, &disk->gd->state) ? 0 : err;
}

/*
 * Call @fn for every disk that has a cache. Disks may be added and removed meanwhile: new
 * ones look at asblk_ctrl::cache_on.
 */
static int cache_each_disk(struct asblk_ctrl *ctrl,
			   int (*fn)(struct asblk_disk *disk, bool on), bool on)
{
	struct asblk_disk *disk;
	int err = 0;

	mutex_lock(&ctrl->disks_lock);
	list_for_each_entry(disk, &ctrl->disks, list) {
		/* The reference keeps it on the list while the lock is dropped. */
		if (!(disk->params.features & ASBLK_MEDIA_WRITE_CACHE) ||
		    !asblk_disk_get(disk))
			continue;
		mutex_unlock(&ctrl->disks_lock);
		err = fn(disk, on);
		mutex_lock(&ctrl->disks_lock);
		asblk_disk_put(disk);
		if (err)
			break;
	}
	mutex_unlock(&ctrl->disks_lock);
	return err;
}

static int cache_tell_device(struct asblk_ctrl *ctrl, bool on)
{
	int err = asblk_ctrl_lock_live(ctrl);

	lockdep_assert_held(&ctrl->settings_lock);
	if (err)
		return err;
	err = ctrl->ops->write_cache(ctrl, on);
	if (!err && !on)
		WRITE_ONCE(ctrl->cache_on, false);
	asblk_ctrl_unlock(ctrl);
	return err;
}

/*
 * The block layer flushes whenever there may be anything to lose: from before the cache is
 * turned on until after it has been turned off and flushed. After a failure the state of
 * the device is unknown: it goes on flushing.
 *
 * Requests that wait while the block layer's view changes have lost their flush flags by
 * then: the disk is flushed once the cache is on.
 */
static int cache_set(struct asblk_ctrl *ctrl, bool on)
{
	int err;

	lockdep_assert_held(&ctrl->settings_lock);
	WRITE_ONCE(ctrl->cache_on, true);
	err = cache_each_disk(ctrl, cache_show_host, true);
	if (!err && !on)
		err = cache_each_disk(ctrl, cache_flush, on);
	if (!err)
		err = cache_tell_device(ctrl, on);
	if (!err)
		err = cache_each_disk(ctrl, cache_flush, on);
	if (err) {
		WRITE_ONCE(ctrl->cache_on, true);
		/* The device may have turned it off. Should it not turn it on, nothing is lost. */
		if (!on)
			cache_tell_device(ctrl, true);
	} else if (!on) {
		cache_each_disk(ctrl, cache_show_host, false);
	}
	return err;
}

/**
 * asblk_ctrl_write_cache - turn the volatile write cache on or off
 * @ctrl: controller with &asblk_ctrl_ops.write_cache
 * @on: true for on
 *
 * Its content is made durable before it is turned off. Context: task, may sleep.
 * Return: 0, or a negative errno; then the block layer flushes in any case, and the cache is on
 * if the device obeys.
 */
int asblk_ctrl_write_cache(struct asblk_ctrl *ctrl, bool on)
{
	int err;

	if (mutex_lock_interruptible(&ctrl->settings_lock))
		return -ERESTARTSYS;
	/* Even if nothing seems to change: after a failure the state is unknown. */
	err = cache_set(ctrl, on);
	mutex_unlock(&ctrl->settings_lock);
	return err;
}
ASBLK_EXPORT(asblk_ctrl_write_cache);

/**
 * asblk_ctrl_cache_on - is the volatile write cache on?
 * @ctrl: controller
 *
 * Context: any.
 * Return: true if it is, or may be after a failure.
 */
bool asblk_ctrl_cache_on(const struct asblk_ctrl *ctrl)
{
	return READ_ONCE(ctrl->cache_on);
}
ASBLK_EXPORT(asblk_ctrl_cache_on);

static ssize_t write_cache_show(struct device *dev, struct device_attribute *attr,
				char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(to_ctrl(dev)->cache_on));
}

static ssize_t write_cache_store(struct device *dev, struct device_attribute *attr,
				 const char *buf, size_t len)
{
	struct asblk_ctrl *ctrl = to_ctrl(dev);
	bool on;
	int err = kstrtobool(buf, &on);

	if (!err)
		err = asblk_ctrl_write_cache(ctrl, on);
	return err ?: len;
}
static DEVICE_ATTR_RW(write_cache);

/* The device is always given both values; NULL stands for the current one. */
static int settings_coalesce(struct asblk_ctrl *ctrl, const unsigned int *count,
			     const unsigned int *usecs)
{
	unsigned int new_count, new_usecs;
	int err = asblk_ctrl_lock_live(ctrl);

	if (err)
		return err;
	new_count = count ? *count : ctrl->coalesce_count;
	new_usecs = usecs ? *usecs : ctrl->coalesce_usecs;
	err = ctrl->ops->coalesce(ctrl, new_count, new_usecs);
	if (!err) {
		ctrl->coalesced = true;
		WRITE_ONCE(ctrl->coalesce_count, new_count);
		WRITE_ONCE(ctrl->coalesce_usecs, new_usecs);
	}
	asblk_ctrl_unlock(ctrl);
	return err;
}

/**
 * asblk_ctrl_coalesce - set interrupt coalescing
 * @ctrl: controller with &asblk_ctrl_ops.coalesce
 * @count: completions that an interrupt waits for
 * @usecs: for how many microseconds at most; 0 turns coalescing off
 *
 * Context: task, may sleep.
 * Return: 0, or a negative errno; then the setting is what it was.
 */
int asblk_ctrl_coalesce(struct asblk_ctrl *ctrl, unsigned int count, unsigned int usecs)
{
	return settings_coalesce(ctrl, &count, &usecs);
}
ASBLK_EXPORT(asblk_ctrl_coalesce);

static int coalesce_parse(struct asblk_ctrl *ctrl, const char *buf, bool is_count)
{
	unsigned int value;
	int err = kstrtouint(buf, 0, &value);

	if (err)
		return err;
	return settings_coalesce(ctrl, is_count ? &value : NULL, is_count ? NULL : &value);
}

static ssize_t coalesce_count_show(struct device *dev,
				   struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(to_ctrl(dev)->coalesce_count));
}

static ssize_t coalesce_count_store(struct device *dev,
				    struct device_attribute *attr,
				    const char *buf, size_t len)
{
	return coalesce_parse(to_ctrl(dev), buf, true) ?: len;
}
static DEVICE_ATTR_RW(coalesce_count);

static ssize_t coalesce_usecs_show(struct device *dev,
				   struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(to_ctrl(dev)->coalesce_usecs));
}

static ssize_t coalesce_usecs_store(struct device *dev,
				    struct device_attribute *attr,
				    const char *buf, size_t len)
{
	return coalesce_parse(to_ctrl(dev), buf, false) ?: len;
}
static DEVICE_ATTR_RW(coalesce_usecs);

static ssize_t max_retries_show(struct device *dev, struct device_attribute *attr,
				char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(to_ctrl(dev)->params.max_retries));
}

/* Applies to every transfer that fails or is lost from now on. */
void asblk_settings_max_retries(struct asblk_ctrl *ctrl, u8 value)
{
	unsigned int i;

	WRITE_ONCE(ctrl->params.max_retries, value);
	for (i = 0; i < ctrl->nr_queues; i++)
		WRITE_ONCE(ctrl->queues[i]->max_retries, value);
}
EXPORT_SYMBOL_IF_KUNIT(asblk_settings_max_retries);

static ssize_t max_retries_store(struct device *dev, struct device_attribute *attr,
				 const char *buf, size_t len)
{
	u8 value;
	int err = kstrtou8(buf, 0, &value);

	if (!err)
		asblk_settings_max_retries(to_ctrl(dev), value);
	return err ?: len;
}
static DEVICE_ATTR_RW(max_retries);

/*
 * After a reset. May sleep. Return: 0, or a negative errno if data could be lost: the cache
 * may be on while the block layer does not flush.
 */
int asblk_settings_restore(struct asblk_ctrl *ctrl)
{
	int err = 0;

	lockdep_assert_held(&ctrl->ops_lock);
	/* Even to turn it off: the device's default may be another. */
	if (ctrl->coalesced)
		ctrl->ops->coalesce(ctrl, ctrl->coalesce_count,
				    ctrl->coalesce_usecs);
	if (ctrl->ops->write_cache)
		err = ctrl->ops->write_cache(ctrl, ctrl->cache_on);
	return ctrl->cache_on ? 0 : err;
}

static struct attribute *settings_attrs[] = {
	&dev_attr_write_cache.attr,
	&dev_attr_coalesce_count.attr,
	&dev_attr_coalesce_usecs.attr,
	&dev_attr_max_retries.attr,
	NULL
};

static umode_t settings_is_visible(struct kobject *kobj, struct attribute *attr,
				   int index)
{
	struct asblk_ctrl *ctrl = to_ctrl(kobj_to_dev(kobj));

	if (attr == &dev_attr_max_retries.attr)
		return attr->mode;
	if (attr == &dev_attr_write_cache.attr)
		return ctrl->ops->write_cache ? attr->mode : 0;
	return ctrl->ops->coalesce ? attr->mode : 0;
}

const struct attribute_group asblk_settings_group = {
	.attrs = settings_attrs,
	.is_visible = settings_is_visible,
};
