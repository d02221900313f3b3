/* SPDX-License-Identifier: GPL-2.0-only */
/* Which fault rules concern a command. */
#ifndef _ASBLK_EMUL_MATCH_H
#define _ASBLK_EMUL_MATCH_H

#include "faults.h"

bool emul_rule_applies(const struct emul_rule *r, unsigned int queue,
		       const struct emul_command *cmd);
bool emul_rule_covers(const struct emul_rule *r, u64 lba, u64 nr_blocks);
bool emul_rule_matches(const struct emul_rule *r, unsigned int queue,
		       const struct emul_command *cmd, u64 *lba);
bool emul_faults_concern(const struct emul_faults *f, unsigned int queue,
			 struct emul_cmd_state *s);

#endif /* _ASBLK_EMUL_MATCH_H */
