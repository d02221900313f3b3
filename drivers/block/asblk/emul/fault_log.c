// SPDX-License-Identifier: GPL-2.0-only
/* The fault log and its tracepoint. */
#include <linux/atomic.h>
#include <linux/math64.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/time64.h>
#include <linux/timekeeping.h>

#include "faults.h"

#include <trace/events/asblk.h>

/* A rule has acted. Context: task. */
void emul_fault_log(struct emul_rule *r, unsigned int queue, enum asblk_op op, u64 lba,
		    u32 count)
{
	struct emul_faults *f = r->faults;
	struct emul_fault_record *record;

	atomic64_inc(&r->hits);
	trace_asblk_fault(f->ctrl, r->name,
			  emul_action_words[r->value[RULE_ACTION]], queue, op, lba, count);
	spin_lock(&f->log_lock);
	record = &f->record[f->nr_records++ % EMUL_FAULT_RECORDS];
	record->ns = ktime_get_ns();
	record->lba = lba;
	record->count = count;
	record->queue = queue;
	record->op = queue == ASBLK_ADMIN_QUEUE ? EMUL_OP_ADMIN : op;
	record->action = r->value[RULE_ACTION];
	strscpy(record->rule, r->name);
	spin_unlock(&f->log_lock);
}

/* The log, oldest first. The first number tells whether any are missing. */
int emul_fault_log_show(struct emul_faults *f, struct seq_file *m)
{
	struct emul_fault_record record;
	u64 i;

	seq_puts(m, "number seconds rule action queue op block count\n");
	for (i = 0; ; i++) {
		spin_lock(&f->log_lock);
		/* Faults that are logged meanwhile may have pushed the next record out. */
		if (f->nr_records > EMUL_FAULT_RECORDS)
			i = max(i, f->nr_records - EMUL_FAULT_RECORDS);
		if (i >= f->nr_records) {
			spin_unlock(&f->log_lock);
			return 0;
		}
		record = f->record[i % EMUL_FAULT_RECORDS];
		spin_unlock(&f->log_lock);
		seq_printf(m, "%llu %llu.%09u %s %s ", i, div_u64(record.ns, NSEC_PER_SEC),
			   (u32)(record.ns % NSEC_PER_SEC), record.rule,
			   emul_action_words[record.action]);
		if (record.queue == EMUL_LOG_ADMIN)
			seq_puts(m, "- ");
		else
			seq_printf(m, "%u ", record.queue);
		seq_printf(m, "%s ", emul_op_words[record.op]);
		if (record.lba == EMUL_NO_BLOCK)
			seq_printf(m, "- %u\n", record.count);
		else
			seq_printf(m, "%llu %u\n", record.lba, record.count);
	}
}
