// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/config/asblk: a directory for each emulated disk. mkdir allocates a disk's
 * configuration, rmdir removes the disk with its data. Disks made when asblk was loaded have
 * a directory from the beginning, which stays.
 */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "../compat.h"
#include "configfs.h"

static struct config_group *root_make_group(struct config_group *root, const char *name)
{
	struct emul_config *config;
	struct cfs_disk *disk;

	if (strlen(name) >= EMUL_NAME_SIZE)
		return ERR_PTR(-ENAMETOOLONG);
	config = emul_config_create(name);
	if (IS_ERR(config))
		return ERR_CAST(config);
	disk = cfs_disk_create(name, config);
	if (IS_ERR(disk)) {
		emul_config_destroy(config);
		return ERR_CAST(disk);
	}
	return &disk->group;
}

/*
 * No attribute is in use any more, and no rule is left. Requests in flight fail instead of
 * being waited for: rmdir locks the whole of configfs/asblk, and the data goes anyway.
 */
static void root_drop_item(struct config_group *root, struct config_item *item)
{
	struct emul_config *config = to_cfs_disk(item)->config;

	emul_config_unplug(config);
	emul_config_destroy(config);
	config_item_put(item);
}

static struct configfs_group_operations root_group_ops = {
	.make_group	= root_make_group,
	.drop_item	= root_drop_item,
};

/* The options of this build, for scripts, with commas between them. */
static ssize_t root_features_show(struct config_item *item, char *page)
{
	enum emul_option i;
	int len = 0;

	for (i = 0; i < EMUL_NR_OPTIONS; i++)
		len += sysfs_emit_at(page, len, "%s,", emul_option_name(i));
	return len + sysfs_emit_at(page, len, "faults\n");
}
CONFIGFS_ATTR_RO(root_, features);

static struct configfs_attribute *root_attrs[] = {
	&root_attr_features,
	NULL
};

static const struct config_item_type root_type = {
	.ct_group_ops	= &root_group_ops,
	.ct_attrs	= root_attrs,
	.ct_owner	= THIS_MODULE,
};

static struct configfs_subsystem subsystem = {
	.su_group = {
		.cg_item = {
			.ci_namebuf	= "asblk",
			.ci_type	= &root_type,
		},
	},
};

/* Directories of the disks made at load. */
static LIST_HEAD(at_load);

static int add_at_load(struct emul_config *config, void *unused)
{
	struct cfs_disk *disk = cfs_disk_create(config->name, config);
	int err;

	if (IS_ERR(disk))
		return PTR_ERR(disk);
	err = configfs_register_group(&subsystem.su_group, &disk->group);
	if (err) {
		config_group_put(&disk->group);
		return err;
	}
	list_add_tail(&disk->list, &at_load);
	return 0;
}

static void remove_at_load(void)
{
	struct cfs_disk *disk, *next;

	list_for_each_entry_safe(disk, next, &at_load, list) {
		list_del(&disk->list);
		configfs_unregister_group(&disk->group);
		config_group_put(&disk->group);
	}
}

static int __init asblk_configfs_init(void)
{
	int err;

	config_group_init(&subsystem.su_group);
	mutex_init(&subsystem.su_mutex);
	err = configfs_register_subsystem(&subsystem);
	if (err)
		return err;
	err = emul_config_for_each(add_at_load, NULL);
	if (err) {
		remove_at_load();
		configfs_unregister_subsystem(&subsystem);
	}
	return err;
}
module_init(asblk_configfs_init);

static void __exit asblk_configfs_exit(void)
{
	remove_at_load();
	configfs_unregister_subsystem(&subsystem);
}
module_exit(asblk_configfs_exit);

MODULE_DESCRIPTION("asblk's emulated disks in configfs");
MODULE_LICENSE("GPL");
ASBLK_IMPORT();
