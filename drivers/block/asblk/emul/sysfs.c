// SPDX-License-Identifier: GPL-2.0-only
/* /sys/block/asblkN/emul/: counters of the emulated device, and its memory. */
#include <linux/device.h>
#include <linux/sysfs.h>

#include "counters.h"
#include "sysfs.h"

static ssize_t memory_used_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	struct emul_device *ed = asblk_disk_priv(dev);

	return sysfs_emit(buf, "%llu\n", emul_store_used(&ed->medium->store));
}
static DEVICE_ATTR_RO(memory_used);

static ssize_t memory_limit_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	struct emul_device *ed = asblk_disk_priv(dev);

	/* The figure in force. */
	return sysfs_emit(buf, "%llu\n", emul_budget_limit(ed->medium->store.budget));
}
static DEVICE_ATTR_RO(memory_limit);

#define EMUL_COUNT_ATTR(name, member)					\
static ssize_t name##_show(struct device *dev,				\
			   struct device_attribute *attr, char *buf)	\
{									\
	struct emul_counters sum;					\
	struct emul_device *ed = asblk_disk_priv(dev);		\
									\
	emul_counters_sum(ed, &sum);					\
	return sysfs_emit(buf, "%llu\n", sum.member);			\
}									\
static DEVICE_ATTR_RO(name)

EMUL_COUNT_ATTR(reads, ops[ASBLK_OP_READ]);
EMUL_COUNT_ATTR(writes, ops[ASBLK_OP_WRITE]);
EMUL_COUNT_ATTR(flushes, ops[ASBLK_OP_FLUSH]);
EMUL_COUNT_ATTR(unmaps, ops[ASBLK_OP_UNMAP]);
EMUL_COUNT_ATTR(write_zeroes, ops[ASBLK_OP_WRITE_ZEROES]);
EMUL_COUNT_ATTR(secure_erases, ops[ASBLK_OP_SECURE_ERASE]);
EMUL_COUNT_ATTR(fua_writes, fua);
EMUL_COUNT_ATTR(read_bytes, read_bytes);
EMUL_COUNT_ATTR(written_bytes, written_bytes);
EMUL_COUNT_ATTR(deferred, deferred);
EMUL_COUNT_ATTR(errors, errors);
EMUL_COUNT_ATTR(interrupts, raised);

/* Can be polled. */
static ssize_t history_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct emul_device *ed = asblk_disk_priv(dev);

	return emul_recorder_show(&ed->medium->recorder, buf);
}
static DEVICE_ATTR_RO(history);

static struct attribute *emul_attrs[] = {
	&dev_attr_memory_used.attr,
	&dev_attr_memory_limit.attr,
	&dev_attr_reads.attr,
	&dev_attr_writes.attr,
	&dev_attr_flushes.attr,
	&dev_attr_unmaps.attr,
	&dev_attr_write_zeroes.attr,
	&dev_attr_secure_erases.attr,
	&dev_attr_fua_writes.attr,
	&dev_attr_read_bytes.attr,
	&dev_attr_written_bytes.attr,
	&dev_attr_deferred.attr,
	&dev_attr_errors.attr,
	&dev_attr_interrupts.attr,
	&dev_attr_history.attr,
	NULL
};

const struct attribute_group emul_attr_group = {
	.name = "emul",
	.attrs = emul_attrs,
};

/* Return: what emul_sysfs_history() wants, or NULL; to be given to sysfs_put(). */
struct kernfs_node *emul_sysfs_get_history(struct device *dev)
{
	struct kernfs_node *group = sysfs_get_dirent(dev->kobj.sd, emul_attr_group.name);
	struct kernfs_node *file = group ? sysfs_get_dirent(group, "history") : NULL;

	sysfs_put(group);
	return file;
}

/* The state of the history has changed. @data: emul_sysfs_get_history(). Context: any. */
void emul_sysfs_history(void *data)
{
	sysfs_notify_dirent(data);
}
