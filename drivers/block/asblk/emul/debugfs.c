// SPDX-License-Identifier: GPL-2.0-only
/* ctrlN/latency and ctrlN/faults. */
#include <linux/debugfs.h>
#include <linux/math64.h>
#include <linux/seq_file.h>

#include "debugfs.h"
#include "device.h"

static void latency_sum(u64 *sum, const u64 *of)
{
	unsigned int i;

	for (i = 0; i < EMUL_WAIT_BUCKETS; i++)
		sum[i] += READ_ONCE(of[i]);
}

/*
 * Of all queues: how long commands were to wait, how long they waited, and by how much
 * they completed later than asked. Without a lock: a busy device's figures are not of one
 * moment.
 */
static int latency_show(struct seq_file *m, void *unused)
{
	u64 asked[EMUL_WAIT_BUCKETS] = {}, achieved[EMUL_WAIT_BUCKETS] = {};
	u64 late[EMUL_WAIT_BUCKETS] = {}, sum = 0, nr = 0;
	struct emul_device *ed = m->private;
	unsigned int i;

	for (i = 0; i < ed->nr_queues; i++) {
		const struct emul_wait *w = &ed->queue[i].wait;

		latency_sum(asked, w->asked);
		latency_sum(achieved, w->achieved);
		latency_sum(late, w->late);
		sum += READ_ONCE(w->late_sum);
		nr += READ_ONCE(w->late_nr);
	}
	seq_printf(m, "completions %llu\n", nr);
	seq_printf(m, "late_ns_mean %llu\n", nr ? div64_u64(sum, nr) : 0);
	seq_puts(m, "below_ns asked achieved late\n");
	for (i = 0; i < EMUL_WAIT_BUCKETS; i++)
		if (asked[i] || achieved[i] || late[i])
			seq_printf(m, "%llu %llu %llu %llu\n", 1024ULL << i,
				   asked[i], achieved[i], late[i]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(latency);

static int faults_show(struct seq_file *m, void *unused)
{
	return emul_fault_log_show(m->private, m);
}
DEFINE_SHOW_ATTRIBUTE(faults);

void emul_debugfs_add(struct emul_device *ed, struct dentry *dir)
{
	debugfs_create_file("latency", 0400, dir, ed, &latency_fops);
	if (ed->faults)
		debugfs_create_file("faults", 0400, dir, ed->faults, &faults_fops);
}
