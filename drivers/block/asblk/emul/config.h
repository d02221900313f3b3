/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A disk as it was asked for, whether or not it is there at the moment: its options,
 * and its data, which outlives the disk. asblk_configfs.ko shows it to users.
 */
#ifndef _ASBLK_EMUL_CONFIG_H
#define _ASBLK_EMUL_CONFIG_H

#include <linux/blkdev.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "budget.h"
#include "faults.h"
#include "medium.h"
#include "options.h"

/* A name is the disk's serial number, too. */
#define EMUL_NAME_SIZE	21

struct dentry;
struct emul;
struct stream_load;

/**
 * struct emul_given - a decision about a piece
 * @fetched: the instant that names its command
 * @block: block of that, or %EMUL_WHOLE
 * @outcome: the decision
 */
struct emul_given {
	u64 fetched;
	u64 block;
	enum emul_outcome outcome;
};

/**
 * struct emul_config - a disk as it was asked for
 * @name: for the log
 * @nr: number, for names; none of two is the same
 * @change_lock: held while the disk is changed, which may have to wait for requests that
 *	never end; outside every other lock
 * @lock: protects @options, @emul, @disk_name and @life; never held for long. They change only with
 *	@change_lock held as well
 * @options: its description; &emul.dev keeps it up to date
 * @budget: its memory
 * @medium: its medium, with the data
 * @faults: its fault rules; with a lock of its own
 * @emul: the controller, or NULL
 * @disk_name: the disk, or empty
 * @life: times that there has been a controller
 * @given: decisions of a view, &emul_config.nr_given of them; under @change_lock
 * @nr_given: and how many
 * @marked: the instant that was marked last
 * @stream: file that its history is saved and loaded with
 * @loading: its history is being loaded; changed under @change_lock
 * @loads: of the disks that the same stream goes to
 * @all: of all disks
 * @cut: of those whose power is being cut; under @change_lock
 * @was_on: it was on before that; likewise
 * @list: of the disks made at load
 * @exit_work: removes it when the module is unloaded
 */
struct emul_config {
	char name[EMUL_NAME_SIZE];
	int nr;
	struct mutex change_lock;	/* one change at a time */
	struct mutex lock;		/* options, and whether the disk is there */
	struct emul_options options;
	struct emul_budget budget;
	struct emul_medium medium;
	struct emul_faults faults;
	struct emul *emul;
	char disk_name[DISK_NAME_LEN];
	u64 life;
	struct emul_given *given;
	size_t nr_given;
	u64 marked;
	struct dentry *stream;
	struct stream_load *loading;
	struct list_head loads;
	struct list_head all;
	struct list_head cut;
	bool was_on;
	struct list_head list;
	struct work_struct exit_work;
};

struct emul_config *emul_config_create(const char *name);
void emul_config_destroy(struct emul_config *c);
ssize_t emul_config_show(struct emul_config *c, enum emul_option i, char *page);
ssize_t emul_config_store(struct emul_config *c, enum emul_option i,
			  const char *page, size_t len);
ssize_t emul_config_show_power(struct emul_config *c, char *page);
ssize_t emul_config_show_device(struct emul_config *c, char *page);
ssize_t emul_config_show_instant(struct emul_config *c, bool first, char *page);
ssize_t emul_config_show_recorder(struct emul_config *c, char *page);
int emul_config_rewind(struct emul_config *c);
ssize_t emul_config_give(struct emul_config *c, const char *page, size_t len);
ssize_t emul_config_show_given(struct emul_config *c, char *page);
ssize_t emul_config_asked(struct emul_config *c, char *buf, size_t size);
ssize_t emul_config_mark(struct emul_config *c, const char *page, size_t len);
ssize_t emul_config_show_mark(struct emul_config *c, char *page);
int emul_config_enable_rule(struct emul_config *c, struct emul_rule *r, bool on);
int emul_config_power(struct emul_config *c, bool on);
int emul_config_unplug(struct emul_config *c);
int emul_config_cut(struct emul_config *c, u64 seed);
int emul_config_on(struct emul_config *c);
void emul_config_off(struct emul_config *c);
u64 emul_config_dead(struct emul_config *c, const char *why);
void emul_config_history(const struct emul_options *o, struct emul_history_options *h);
int emul_init(void);
void emul_exit(void);
int emul_config_for_each(int (*fn)(struct emul_config *c, void *data), void *data);

#endif /* _ASBLK_EMUL_CONFIG_H */
