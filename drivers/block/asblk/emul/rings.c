// SPDX-License-Identifier: GPL-2.0-only
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "rings.h"

/* Copy bytes between memory and the data of a command, from its byte @from on. Context: any. */
void emul_command_copy(const struct emul_command *cmd, u64 from, void *memory, u64 len,
		       bool to_command)
{
	const struct emul_desc *desc = emul_command_descs(cmd);

	for (; len; desc++) {
		u64 step;

		if (from >= desc->len) {
			from -= desc->len;
			continue;
		}
		step = min(desc->len - from, len);
		if (to_command)
			memcpy(phys_to_virt(desc->start + from), memory, step);
		else
			memcpy(memory, phys_to_virt(desc->start + from), step);
		memory += step;
		len -= step;
		from = 0;
	}
}
