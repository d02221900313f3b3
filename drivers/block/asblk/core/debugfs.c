// SPDX-License-Identifier: GPL-2.0-only
/* /sys/kernel/debug/asblk/ctrlN/{qM,admin}/: counters, slots and the device's rings. */
#include <linux/debugfs.h>
#include <linux/export.h>
#include <linux/seq_file.h>

#include "debugfs.h"
#include "queue.h"

static struct dentry *asblk_debugfs_root;

static int counters_show(struct seq_file *m, void *unused)
{
	struct asblk_hwq *hwq = m->private;
	struct asblk_counters c;
	u64 calls;

	spin_lock_irq(&hwq->lock);
	c = hwq->count;
	spin_unlock_irq(&hwq->lock);

	seq_printf(m, "requests %llu\n", c.requests);
	seq_printf(m, "transfers %llu\n", c.transfers);
	seq_printf(m, "completions %llu\n", c.completions);
	seq_printf(m, "interrupts %llu\n", c.interrupts);
	seq_printf(m, "polls %llu\n", c.polls);
	calls = hwq->pub.polled ? c.polls : c.interrupts;
	/* With one decimal. */
	seq_printf(m, "completions_per_%s %llu.%llu\n",
		   hwq->pub.polled ? "poll" : "interrupt",
		   calls ? div64_u64(c.completions, calls) : 0,
		   calls ? div64_u64(c.completions * 10, calls) % 10 : 0);
	seq_printf(m, "retries %llu\n", c.retries);
	seq_printf(m, "busy %llu\n", c.busy);
	seq_printf(m, "errors %llu\n", c.errors);
	seq_printf(m, "unknown_ids %llu\n", c.unknown_ids);
	seq_printf(m, "timeouts %llu\n", c.timeouts);
	seq_printf(m, "lost_interrupts %llu\n", c.lost_interrupts);
	seq_printf(m, "aborts %llu\n", c.aborts);
	seq_printf(m, "resets %llu\n", c.resets);
	seq_printf(m, "failed_resets %llu\n", c.failed_resets);
	seq_printf(m, "requeued %llu\n", c.requeued);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

static int slots_show(struct seq_file *m, void *unused)
{
	struct asblk_hwq *hwq = m->private;
	unsigned int i, nr = 0;

	seq_puts(m, "slot   id     tag  offset     bytes      retries state\n");
	for (i = 0; i < hwq->slots.nr; i++) {
		struct asblk_slot slot;
		int tag = -1;

		/* One at a time: the lock keeps interrupts off. */
		spin_lock_irq(&hwq->lock);
		slot = hwq->slots.slot[i];
		if (slot.rq)
			tag = slot.rq->tag;
		spin_unlock_irq(&hwq->lock);
		if (!slot.rq)
			continue;
		nr++;
		seq_printf(m, "%-6u %#06x %-4d %-10u %-10u %-7u %s\n", i,
			   slot.id, tag, slot.offset, slot.bytes, slot.retries,
			   !slot.in_flight ? "waiting" :
			   slot.aborted ? "aborted" : "in flight");
	}
	seq_printf(m, "%u of %u slots taken, %u of them by tag\n", nr,
		   hwq->slots.nr, hwq->slots.nr_tags);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(slots);

static int rings_show(struct seq_file *m, void *unused)
{
	struct asblk_hwq *hwq = m->private;

	hwq->ops->show_queue(&hwq->pub, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(rings);

static void debugfs_add_queue(struct asblk_ctrl *ctrl, struct asblk_hwq *hwq, const char *name)
{
	struct dentry *dir = debugfs_create_dir(name, ctrl->debugfs);

	debugfs_create_file("counters", 0400, dir, hwq, &counters_fops);
	debugfs_create_file("slots", 0400, dir, hwq, &slots_fops);
	if (ctrl->ops->show_queue)
		debugfs_create_file("rings", 0400, dir, hwq, &rings_fops);
}

void asblk_debugfs_add(struct asblk_ctrl *ctrl)
{
	unsigned int i;
	char name[16];

	ctrl->debugfs = debugfs_create_dir(dev_name(&ctrl->dev),
					   asblk_debugfs_root);
	for (i = 0; i < ctrl->nr_queues; i++) {
		snprintf(name, sizeof(name), "q%u", i);
		debugfs_add_queue(ctrl, ctrl->queues[i], name);
	}
	if (ctrl->admin.hwq)
		debugfs_add_queue(ctrl, ctrl->admin.hwq, "admin");
}

/**
 * asblk_ctrl_debugfs - the debugfs directory of a controller, for its driver's files
 * @ctrl: controller
 *
 * Return: its directory in debugfs.
 */
struct dentry *asblk_ctrl_debugfs(struct asblk_ctrl *ctrl)
{
	return ctrl->debugfs;
}
ASBLK_EXPORT(asblk_ctrl_debugfs);

void asblk_debugfs_remove(struct asblk_ctrl *ctrl)
{
	debugfs_remove(ctrl->debugfs);
}

void asblk_debugfs_init(void)
{
	asblk_debugfs_root = debugfs_create_dir("asblk", NULL);
}

void asblk_debugfs_exit(void)
{
	debugfs_remove(asblk_debugfs_root);
}
