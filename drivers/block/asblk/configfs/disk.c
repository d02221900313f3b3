// SPDX-License-Identifier: GPL-2.0-only
/* A disk's directory: an attribute for each option, and for whether it is there. */
#include <linux/kstrtox.h>
#include <linux/slab.h>

#include "configfs.h"

static struct emul_config *to_config(struct config_item *item)
{
	return to_cfs_disk(item)->config;
}

#define DISK_OPTION(id, name, ...)						\
static ssize_t disk_##name##_show(struct config_item *item, char *page)	\
{										\
	return emul_config_show(to_config(item), EMUL_##id, page);		\
}										\
										\
static ssize_t disk_##name##_store(struct config_item *item, const char *page,	\
				   size_t len)					\
{										\
	return emul_config_store(to_config(item), EMUL_##id, page, len);	\
}										\
CONFIGFS_ATTR(disk_, name);

EMUL_OPTIONS(DISK_OPTION)

static ssize_t disk_power_show(struct config_item *item, char *page)
{
	return emul_config_show_power(to_config(item), page);
}

static ssize_t disk_power_store(struct config_item *item, const char *page, size_t len)
{
	bool on;
	int err = kstrtobool(page, &on);

	if (!err)
		err = emul_config_power(to_config(item), on);
	return err ?: len;
}
CONFIGFS_ATTR(disk_, power);

static ssize_t disk_unplug_store(struct config_item *item, const char *page, size_t len)
{
	bool yes;
	int err = kstrtobool(page, &yes);

	if (!err)
		err = yes ? emul_config_unplug(to_config(item)) : -EINVAL;
	return err ?: len;
}
CONFIGFS_ATTR_WO(disk_, unplug);

static ssize_t disk_device_show(struct config_item *item, char *page)
{
	return emul_config_show_device(to_config(item), page);
}
CONFIGFS_ATTR_RO(disk_, device);

static ssize_t disk_oldest_show(struct config_item *item, char *page)
{
	return emul_config_show_instant(to_config(item), true, page);
}
CONFIGFS_ATTR_RO(disk_, oldest);

static ssize_t disk_now_show(struct config_item *item, char *page)
{
	return emul_config_show_instant(to_config(item), false, page);
}
CONFIGFS_ATTR_RO(disk_, now);

static ssize_t disk_history_state_show(struct config_item *item, char *page)
{
	return emul_config_show_recorder(to_config(item), page);
}
CONFIGFS_ATTR_RO(disk_, history_state);

static ssize_t disk_decisions_show(struct config_item *item, char *page)
{
	return emul_config_show_given(to_config(item), page);
}

static ssize_t disk_decisions_store(struct config_item *item, const char *page, size_t len)
{
	return emul_config_give(to_config(item), page, len);
}
CONFIGFS_ATTR(disk_, decisions);

static ssize_t disk_rewind_store(struct config_item *item, const char *page, size_t len)
{
	bool yes;
	int err = kstrtobool(page, &yes);

	if (!err)
		err = yes ? emul_config_rewind(to_config(item)) : -EINVAL;
	return err ?: len;
}
CONFIGFS_ATTR_WO(disk_, rewind);

static ssize_t disk_mark_show(struct config_item *item, char *page)
{
	return emul_config_show_mark(to_config(item), page);
}

static ssize_t disk_mark_store(struct config_item *item, const char *page, size_t len)
{
	return emul_config_mark(to_config(item), page, len);
}
CONFIGFS_ATTR(disk_, mark);

static ssize_t disk_cut_store(struct config_item *item, const char *page, size_t len)
{
	u64 seed;
	int err = kstrtou64(page, 10, &seed) ?: emul_config_cut(to_config(item), seed);

	return err ?: len;
}
CONFIGFS_ATTR_WO(disk_, cut);

/* Of any length. */
static ssize_t disk_asked_read(struct config_item *item, void *buf, size_t size)
{
	return emul_config_asked(to_config(item), buf, size);
}
CONFIGFS_BIN_ATTR_RO(disk_, asked, NULL, 0);

static struct configfs_bin_attribute *disk_bin_attrs[] = {
	&disk_attr_asked,
	NULL
};

#define DISK_OPTION_ATTR(id, name, ...)	&disk_attr_##name,

static struct configfs_attribute *disk_attrs[] = {
	EMUL_OPTIONS(DISK_OPTION_ATTR)
	&disk_attr_power,
	&disk_attr_unplug,
	&disk_attr_device,
	&disk_attr_oldest,
	&disk_attr_now,
	&disk_attr_history_state,
	&disk_attr_decisions,
	&disk_attr_rewind,
	&disk_attr_mark,
	&disk_attr_cut,
	NULL
};

static void disk_release(struct config_item *item)
{
	kfree(to_cfs_disk(item));
}

static struct configfs_item_operations disk_item_ops = {
	.release = disk_release,
};

static const struct config_item_type cfs_disk_type = {
	.ct_item_ops	= &disk_item_ops,
	.ct_attrs	= disk_attrs,
	.ct_bin_attrs	= disk_bin_attrs,
	.ct_owner	= THIS_MODULE,
};

/* Return: directory, or -ENOMEM as an ERR_PTR. The disk stays the caller's. */
struct cfs_disk *cfs_disk_create(const char *name, struct emul_config *config)
{
	struct cfs_disk *disk = kzalloc_obj(*disk);

	if (!disk)
		return ERR_PTR(-ENOMEM);
	disk->config = config;
	config_group_init_type_name(&disk->group, name, &cfs_disk_type);
	config_group_init_type_name(&disk->faults, "faults", &cfs_faults_type);
	configfs_add_default_group(&disk->faults, &disk->group);
	return disk;
}
