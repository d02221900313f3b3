// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/export.h>

#include "../compat.h"
#include "counters.h"
#include "nvme_status.h"

/* All data queues. Without a lock: a busy device's figures are not of one moment. */
void emul_counters_sum(struct emul_device *ed, struct emul_counters *sum)
{
	unsigned int i, j;

	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < ed->nr_queues; i++) {
		const struct emul_counters *c = &ed->queue[i].count;

		for (j = 0; j < ASBLK_NR_OPS; j++)
			sum->ops[j] += READ_ONCE(c->ops[j]);
		sum->fua += READ_ONCE(c->fua);
		sum->compares += READ_ONCE(c->compares);
		sum->read_bytes += READ_ONCE(c->read_bytes);
		sum->written_bytes += READ_ONCE(c->written_bytes);
		sum->deferred += READ_ONCE(c->deferred);
		sum->errors += READ_ONCE(c->errors);
		sum->raised += READ_ONCE(c->raised);
	}
}

/* What the disk has read and written since it got power. */
void emul_counters_life(struct emul_device *ed, struct emul_life *since)
{
	struct emul_counters sum;

	emul_counters_sum(ed, &sum);
	*since = (struct emul_life) {
		.read_bytes	= sum.read_bytes,
		.written_bytes	= sum.written_bytes,
		.reads		= sum.ops[ASBLK_OP_READ] + sum.compares,
		.writes		= sum.ops[ASBLK_OP_WRITE],
	};
}
EXPORT_SYMBOL_IF_KUNIT(emul_counters_life);

/* A command has failed. Context: &emul_queue.run_lock held. */
void emul_count_error(struct emul_queue *eq, const struct emul_command *cmd,
		      const struct emul_completion *c)
{
	blk_status_t status = (__force blk_status_t)c->status;
	struct emul_medium *m = eq->ed->medium;
	struct emul_error e = {
		.queue	= emul_is_admin(eq) ? 0 : eq->index + 1,
		.id	= c->id,
		.status	= emul_nvme_status(cmd, c),
		.where	= cmd->opts & EMUL_OPT_NVME && cmd->where ? cmd->where : EMUL_NOWHERE,
	};

	if (cmd->op == ASBLK_OP_UNMAP)
		e.lba = emul_command_descs(cmd)->start;
	else if (cmd->op != ASBLK_OP_FLUSH && !emul_is_admin(eq))
		e.lba = cmd->lba + (c->good >> m->block_shift);
	eq->count.errors++;
	emul_health_error(&m->health, &e,
			  status == BLK_STS_MEDIUM || status == BLK_STS_PROTECTION);
}
