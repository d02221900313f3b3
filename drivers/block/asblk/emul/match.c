// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/nvme.h>
#include <linux/rcupdate.h>

#include "match.h"

/* What a rule may call the command: what the device does, and how it came. */
static u64 command_ops(unsigned int queue, const struct emul_command *cmd)
{
	if (queue == ASBLK_ADMIN_QUEUE)
		return BIT(EMUL_OP_ADMIN);
	return BIT(cmd->op) | (cmd->opts & EMUL_OPT_NVME ? BIT(ASBLK_OP_COMMAND) : 0);
}

static bool has_opcode(const struct emul_command *cmd, u64 opcode)
{
	return cmd->opts & EMUL_OPT_NVME && cmd->nvme->common.opcode == opcode;
}

/* Does the rule apply to the command, wherever its blocks are? */
bool emul_rule_applies(const struct emul_rule *r, unsigned int queue,
		       const struct emul_command *cmd)
{
	const u64 *v = r->value;

	return (!v[RULE_OP] || v[RULE_OP] & command_ops(queue, cmd)) &&
	       (cmd->opts & v[RULE_FLAGS]) == v[RULE_FLAGS] &&
	       (v[RULE_OPCODE] == RULE_ANY || has_opcode(cmd, v[RULE_OPCODE])) &&
	       (v[RULE_QUEUE] == RULE_ANY || v[RULE_QUEUE] == queue);
}
EXPORT_SYMBOL_IF_KUNIT(emul_rule_applies);

/* Is any of the blocks in its range? */
bool emul_rule_covers(const struct emul_rule *r, u64 lba, u64 nr_blocks)
{
	u64 first = r->value[RULE_FIRST], blocks = r->value[RULE_BLOCKS];

	return lba + nr_blocks > first && (!blocks || lba < first + blocks);
}
EXPORT_SYMBOL_IF_KUNIT(emul_rule_covers);

/*
 * Is any block of the command in the rule's range? Then @lba is the first of them, or
 * EMUL_NO_BLOCK of a command that has no blocks.
 */
static bool covers_command(const struct emul_rule *r, const struct emul_command *cmd,
			   u64 *lba)
{
	const struct emul_desc whole = { cmd->lba, cmd->nr_blocks }, *desc = &whole;
	u32 i, nr = 1;

	*lba = EMUL_NO_BLOCK;
	if (cmd->op == ASBLK_OP_FLUSH || (cmd->op == ASBLK_OP_COMMAND && !cmd->nr_blocks))
		return true;
	if (cmd->op == ASBLK_OP_UNMAP) {
		desc = emul_command_descs(cmd);
		nr = cmd->nr_descs;
	}
	for (i = 0; i < nr; i++) {
		if (!emul_rule_covers(r, desc[i].start, desc[i].len))
			continue;
		*lba = max(desc[i].start, r->value[RULE_FIRST]);
		return true;
	}
	return false;
}

/*
 * Does a rule apply to block @lba of a read or write? Other commands are one operation: @lba
 * is set to the first of their blocks that the rule covers, or to %EMUL_NO_BLOCK.
 */
bool emul_rule_matches(const struct emul_rule *r, unsigned int queue,
		       const struct emul_command *cmd, u64 *lba)
{
	return emul_rule_action(r)->ops & BIT(cmd->op) &&
	       emul_rule_applies(r, queue, cmd) &&
	       (cmd->op <= ASBLK_OP_WRITE ? emul_rule_covers(r, *lba, 1) :
					    covers_command(r, cmd, lba));
}

/* Does the rule have to see every write, to keep or forget something? */
static bool rule_watches(const struct emul_rule *r, enum asblk_op op)
{
	if (op == ASBLK_OP_WRITE)
		return r->value[RULE_ACTION] == EMUL_ACT_STALE || r->value[RULE_HEAL_ON_WRITE];
	return op == ASBLK_OP_WRITE_ZEROES && r->value[RULE_HEAL_ON_WRITE];
}

/* Could the rule do anything to the command? */
static bool rule_concerns(const struct emul_rule *r, unsigned int queue,
			  const struct emul_command *cmd)
{
	u64 lba;

	return !emul_rule_idle(r) &&
	       ((emul_rule_applies(r, queue, cmd) &&
		 emul_rule_action(r)->ops & BIT(cmd->op)) || rule_watches(r, cmd->op)) &&
	       covers_command(r, cmd, &lba);
}

/* Ask all rules about a block, or about a command that is one operation. */
static bool all_pass(const struct emul_rule_set *set, unsigned int queue,
		     struct emul_cmd_state *s, u64 lba)
{
	unsigned int i;

	s->passed = 0;
	for (i = 0; i < set->nr; i++) {
		struct emul_rule *r = set->rule[i];

		if (emul_rule_idle(r) || !emul_rule_matches(r, queue, &s->cmd, &lba))
			continue;
		if (!emul_rule_passes(r, lba))
			return false;
		s->passed |= BIT_ULL(r->bit);
	}
	return true;
}

/* Blocks times rules asked about in atomic context, where other commands wait. */
#define MAX_QUESTIONS	256

/*
 * Return: true if emul_inject() must execute the command; @s then says which rules have been
 * asked. If false, the rules have counted it. @f may be NULL. Context: any, under
 * rcu_read_lock().
 */
bool emul_faults_concern(const struct emul_faults *f, unsigned int queue,
			 struct emul_cmd_state *s)
{
	const struct emul_command *cmd = &s->cmd;
	const struct emul_rule_set *set;
	bool concerned = false, sleeps = cmd->op == ASBLK_OP_WRITE && cmd->opts & ASBLK_OPT_ATOMIC;
	unsigned int i;

	set = f ? rcu_dereference(f->set) : NULL;
	if (!set)
		return false;
	for (i = 0; i < set->nr; i++) {
		concerned |= rule_concerns(set->rule[i], queue, cmd);
		sleeps |= rule_watches(set->rule[i], cmd->op);
	}
	s->asked = 0;
	s->passed = 0;
	if (!concerned || sleeps)
		return concerned;
	if (cmd->op > ASBLK_OP_WRITE)
		return !all_pass(set, queue, s, EMUL_NO_BLOCK);
	for (; s->asked < cmd->nr_blocks; s->asked++) {
		if (s->asked * set->nr >= MAX_QUESTIONS) {
			s->passed = 0;
			return true;
		}
		if (!all_pass(set, queue, s, cmd->lba + s->asked))
			return true;
	}
	return false;
}
EXPORT_SYMBOL_IF_KUNIT(emul_faults_concern);
