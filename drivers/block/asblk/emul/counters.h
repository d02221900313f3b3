/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters of all queues together, and the commands that failed. */
#ifndef _ASBLK_EMUL_COUNTERS_H
#define _ASBLK_EMUL_COUNTERS_H

#include "queue.h"

void emul_counters_sum(struct emul_device *ed, struct emul_counters *sum);
void emul_counters_life(struct emul_device *ed, struct emul_life *since);
void emul_count_error(struct emul_queue *eq, const struct emul_command *cmd,
		      const struct emul_completion *c);

#endif /* _ASBLK_EMUL_COUNTERS_H */
