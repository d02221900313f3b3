// SPDX-License-Identifier: GPL-2.0-only
/* A disk's faults/: a directory for each rule, with an attribute for each field. */
#include <linux/kstrtox.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "configfs.h"

/**
 * struct cfs_rule - a directory for a fault rule
 * @item: the directory
 * @config: the disk
 * @rule: the rule
 */
struct cfs_rule {
	struct config_item item;
	struct emul_config *config;
	struct emul_rule *rule;
};

static struct cfs_rule *to_cfs_rule(struct config_item *item)
{
	return container_of(item, struct cfs_rule, item);
}

static ssize_t rule_store(struct config_item *item, enum emul_rule_field i,
			  const char *page, size_t len)
{
	char *text = kstrndup(page, len, GFP_KERNEL);
	int err;

	if (!text)
		return -ENOMEM;
	err = emul_rule_set(to_cfs_rule(item)->rule, i, strim(text));
	kfree(text);
	return err ?: len;
}

#define RULE_ATTR(id, name, ...)						\
static ssize_t rule_##name##_show(struct config_item *item, char *page)	\
{										\
	return emul_rule_show(to_cfs_rule(item)->rule, RULE_##id, page);	\
}										\
										\
static ssize_t rule_##name##_store(struct config_item *item, const char *page,	\
				   size_t len)					\
{										\
	return rule_store(item, RULE_##id, page, len);				\
}										\
CONFIGFS_ATTR(rule_, name);

EMUL_RULE_FIELDS(RULE_ATTR)

static ssize_t rule_enabled_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", READ_ONCE(to_cfs_rule(item)->rule->enabled));
}

static ssize_t rule_enabled_store(struct config_item *item, const char *page, size_t len)
{
	struct cfs_rule *r = to_cfs_rule(item);
	bool on;
	int err = kstrtobool(page, &on);

	if (!err)
		err = emul_config_enable_rule(r->config, r->rule, on);
	return err ?: len;
}
CONFIGFS_ATTR(rule_, enabled);

static ssize_t rule_hits_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%lld\n",
			  atomic64_read(&to_cfs_rule(item)->rule->hits));
}
CONFIGFS_ATTR_RO(rule_, hits);

#define RULE_ATTR_POINTER(id, name, ...)	&rule_attr_##name,

static struct configfs_attribute *rule_attrs[] = {
	EMUL_RULE_FIELDS(RULE_ATTR_POINTER)
	&rule_attr_enabled,
	&rule_attr_hits,
	NULL
};

static void rule_release(struct config_item *item)
{
	kfree(to_cfs_rule(item));
}

static struct configfs_item_operations rule_item_ops = {
	.release = rule_release,
};

static const struct config_item_type rule_type = {
	.ct_item_ops	= &rule_item_ops,
	.ct_attrs	= rule_attrs,
	.ct_owner	= THIS_MODULE,
};

static struct config_item *faults_make_item(struct config_group *group, const char *name)
{
	struct cfs_disk *disk = container_of(group, struct cfs_disk, faults);
	struct cfs_rule *r;

	if (strlen(name) >= EMUL_RULE_NAME_SIZE)
		return ERR_PTR(-ENAMETOOLONG);
	r = kzalloc_obj(*r);
	if (!r)
		return ERR_PTR(-ENOMEM);
	r->config = disk->config;
	r->rule = emul_rule_create(&disk->config->faults, name);
	if (IS_ERR(r->rule)) {
		int err = PTR_ERR(r->rule);

		kfree(r);
		return ERR_PTR(err);
	}
	config_item_init_type_name(&r->item, name, &rule_type);
	return &r->item;
}

/* No attribute is in use any more. */
static void faults_drop_item(struct config_group *group, struct config_item *item)
{
	emul_rule_destroy(to_cfs_rule(item)->rule);
	config_item_put(item);
}

static struct configfs_group_operations faults_group_ops = {
	.make_item	= faults_make_item,
	.drop_item	= faults_drop_item,
};

const struct config_item_type cfs_faults_type = {
	.ct_group_ops	= &faults_group_ops,
	.ct_owner	= THIS_MODULE,
};
