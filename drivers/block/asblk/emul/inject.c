// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault rules act on a command block by block: they end it, change its data, or leave a note
 * for its completion.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/srcu.h>

#include "inject.h"
#include "match.h"

/**
 * struct injection - a command that rules are looked at for
 * @medium: medium
 * @queue: number of the command's queue
 * @s: command
 * @set: enabled rules
 * @acted: rules that have changed the completion, by &emul_rule.bit
 * @passed: rules that need not be asked about the next block, likewise
 * @block: memory for a block
 * @ended: a block has failed; the result of @s tells the first
 */
struct injection {
	struct emul_medium *medium;
	unsigned int queue;
	struct emul_cmd_state *s;
	const struct emul_rule_set *set;
	u64 acted;
	u64 passed;
	void *block;
	bool ended;
};

/**
 * struct decision - how a block's data is moved
 * @data: the rule that changes it, or NULL
 * @count: filled in with it: operations on the block
 */
struct decision {
	struct emul_rule *data;
	u32 count;
};

/* An old copy of a block. */
struct old_block {
	u32 len;
	u8 data[] __counted_by(len);
};

/* The command fails at @good bytes, unless it has failed before that. */
static void injection_fail(struct injection *in, blk_status_t status, u64 good,
			   u8 flags)
{
	struct emul_completion *result = &in->s->result;

	/* Blocks that are moved later may fail before it. */
	if (in->ended && good >= result->good)
		return;
	in->ended = true;
	result->status = (__force u8)status;
	result->good = good;
	result->flags = flags;
}

/* Blocks were written: rules with heal_on_write stop acting on them. */
static void injection_heal(struct injection *in, u64 lba, u64 nr)
{
	u64 first, end;
	unsigned int i;

	for (i = 0; i < in->set->nr; i++) {
		struct emul_rule *r = in->set->rule[i];

		if (!r->value[RULE_HEAL_ON_WRITE] || !emul_rule_covers(r, lba, nr))
			continue;
		first = max(lba, r->value[RULE_FIRST]);
		for (end = lba + nr; first < end && emul_rule_covers(r, first, 1); first++) {
			emul_rule_heal(r, first);
			cond_resched();
		}
	}
}

/* Move blocks of the command between memory and medium. */
static void injection_move(struct injection *in, u64 first, u64 nr)
{
	const struct emul_command *cmd = &in->s->cmd;
	u8 shift = in->medium->block_shift;
	u64 done = first << shift;
	int err = emul_medium_move(in->medium, in->s->record, cmd, first << shift, nr << shift,
				   &done);

	if (err)
		injection_fail(in, emul_medium_status(err), done, 0);
	done = (done >> shift) - first;
	if (cmd->op == ASBLK_OP_WRITE && done)
		injection_heal(in, cmd->lba + first, done);
}

/* Copy a block of the command's data, @from bytes into it, to or from in->block. */
static void copy_block(struct injection *in, u64 from, bool to_command)
{
	emul_command_copy(&in->s->cmd, from, in->block, 1ULL << in->medium->block_shift,
			  to_command);
}

static void read_block(struct injection *in, u64 lba)
{
	u8 shift = in->medium->block_shift;
	int err = emul_medium_get(in->medium, lba << shift, in->block, 1 << shift);

	if (err)
		injection_fail(in, emul_medium_status(err), 0, 0);
}

/* Return: true if it was written. */
static bool write_block(struct injection *in, u64 lba, u64 from)
{
	u8 shift = in->medium->block_shift;
	u64 done = 0;

	if (!emul_medium_put(in->medium, in->s->record, lba << shift, in->block, 1 << shift,
			     &done))
		return true;
	injection_fail(in, BLK_STS_NOSPC, from, 0);
	return false;
}

/* Copy a block before it is written, for stale reads. */
static void keep_block(struct injection *in, struct emul_rule *r, u64 lba)
{
	u32 len = 1 << in->medium->block_shift;
	struct old_block *copy = emul_rule_alloc(r, struct_size(copy, data, len), EMUL_GFP_WAIT);
	void *before;

	if (copy) {
		copy->len = len;
		read_block(in, lba);
		memcpy(copy->data, in->block, len);
		before = xa_store_bh(&r->old, lba, copy, EMUL_GFP_WAIT);
		emul_rule_free(r, xa_is_err(before) ? copy : before);
		if (!xa_is_err(before))
			return;
	}
	/* One from before would be older than it is said to be. */
	emul_rule_free(r, xa_erase_bh(&r->old, lba));
	pr_err_ratelimited("rule %s: no memory for an old block\n", r->name);
}

/* Return: true if in->block was filled with the block's content before its last write. */
static bool stale_block(struct injection *in, struct emul_rule *r, u64 lba)
{
	u32 len = 1 << in->medium->block_shift;
	struct old_block *copy;
	bool found;

	/* The lock keeps a writer from freeing it. */
	xa_lock_bh(&r->old);
	copy = xa_load(&r->old, lba);
	found = copy && copy->len == len;
	if (found)
		memcpy(in->block, copy->data, len);
	xa_unlock_bh(&r->old);
	return found;
}

/* Which bits, depends on nothing but block and count either. */
static void flip_bits(struct injection *in, const struct emul_rule *r, u64 lba, u32 count)
{
	u64 nr_bits = 8ULL << in->medium->block_shift, bit, i;
	u8 *block = in->block;

	for (i = 0; i < r->value[RULE_BITS]; i++) {
		bit = (r->hash + lba * 7919 + count * 104729ULL + i * 12289) % nr_bits;
		block[bit / 8] ^= 1 << bit % 8;
	}
}

/* Move one block, @from bytes into the command, the way that the rule wants it. */
static void injection_block(struct injection *in, struct emul_rule *r, u64 lba, u64 from,
			    u32 count)
{
	bool read = in->s->cmd.op == ASBLK_OP_READ, done = true;
	u64 to = lba;

	switch (r->value[RULE_ACTION]) {
	case EMUL_ACT_CORRUPT:
		if (read)
			read_block(in, lba);
		else
			copy_block(in, from, false);
		flip_bits(in, r, lba, count);
		break;
	case EMUL_ACT_ZERO:
		memset(in->block, 0, 1 << in->medium->block_shift);
		break;
	case EMUL_ACT_MISDIRECT:
		to = (lba + r->value[RULE_DISTANCE]) % in->medium->nr_blocks;
		/* All the way round: nothing goes wrong. */
		done = to != lba;
		if (read)
			read_block(in, to);
		else
			copy_block(in, from, false);
		break;
	case EMUL_ACT_STALE:
		done = stale_block(in, r, lba);
		if (!done)
			read_block(in, lba);
		break;
	default:	/* phantom: acknowledged, nothing else */
		goto log;
	}
	if (read)
		copy_block(in, from, true);
	else if (!write_block(in, to, from))
		done = false;
	else if (to == lba)
		injection_heal(in, lba, 1);
log:
	/* Only faults that were injected: a log with more would excuse other errors. */
	if (done)
		emul_fault_log(r, in->queue, in->s->cmd.op, lba, count);
}

/* The rule acts before the data is moved, not after it. */
static bool acts_before(const struct emul_rule *r)
{
	return r->value[RULE_WHEN] == 0;
}

/*
 * A completion fault happens once to a command. Return: true if the command is lost before
 * it gets any further.
 */
static bool injection_completion(struct injection *in, const struct emul_rule *r)
{
	const struct emul_action_info *action = emul_rule_action(r);
	struct emul_cmd_state *s = in->s;
	u64 usecs = r->value[RULE_USECS];

	s->faults |= action->faults;
	if (r->value[RULE_ACTION] == EMUL_ACT_DELAY)
		s->extra_us += usecs;
	if (action->faults & EMUL_FAULT_BUSY)
		s->busy_us = usecs;
	s->recovered_by = max3(s->recovered_by, (u8)r->value[RULE_RECOVERED_BY],
			       action->recovered_by);
	return (action->faults & EMUL_FAULT_LOST) && acts_before(r);
}

/* The command fails, or is short. Return: true if it ends here. */
static bool injection_end(struct injection *in, const struct emul_rule *r, u64 from)
{
	u8 flags = r->value[RULE_TRANSIENT] ? ASBLK_MAY_RETRY : 0;

	if (r->value[RULE_ACTION] == EMUL_ACT_SHORT)
		injection_fail(in, BLK_STS_OK, from, EMUL_SHORT);
	else
		injection_fail(in, emul_rule_status(r), from, flags);
	return acts_before(r);
}

/*
 * Ask all rules about block @lba of a read or write; for other commands each rule finds its
 * own. @from: bytes from the command's start to the block, or to where a command that fails
 * here ends. Return: true if the command ends before this block.
 */
static bool injection_decide(struct injection *in, u64 lba, u64 from,
			     struct decision *decision)
{
	const struct emul_command *cmd = &in->s->cmd;
	bool ends = false;
	unsigned int i;

	decision->data = NULL;
	for (i = 0; i < in->set->nr; i++) {
		struct emul_rule *r = in->set->rule[i];
		u8 stage = emul_rule_action(r)->stage;
		/* A rule that has acted already, or comes second, counts all the same. */
		bool may = !(in->acted & BIT_ULL(r->bit)) &&
			   !(stage == EMUL_STAGE_DATA && decision->data);
		u32 count;

		if (in->passed & BIT_ULL(r->bit) ||
		    !emul_rule_matches(r, in->queue, cmd, &lba) ||
		    !emul_rule_acts(r, lba, may, &count))
			continue;
		if (stage == EMUL_STAGE_DATA) {
			decision->data = r;
			decision->count = count;
			continue;
		}
		emul_fault_log(r, in->queue, cmd->op, lba, count);
		if (stage == EMUL_STAGE_END) {
			ends |= injection_end(in, r, from);
		} else {
			in->acted |= BIT_ULL(r->bit);
			ends |= injection_completion(in, r);
		}
	}
	in->passed = 0;
	return ends;
}

/* A block is about to be written: keep a copy for every rule that reads stale blocks. */
static void injection_watch(struct injection *in, u64 lba)
{
	unsigned int i;

	for (i = 0; i < in->set->nr; i++) {
		struct emul_rule *r = in->set->rule[i];

		if (r->value[RULE_ACTION] == EMUL_ACT_STALE && emul_rule_covers(r, lba, 1))
			keep_block(in, r, lba);
	}
}

/* Move the blocks before one whose data a rule changes, and that one. */
static void injection_step(struct injection *in, u64 *start, u64 i,
			   const struct decision *decision)
{
	u8 shift = in->medium->block_shift;

	injection_move(in, *start, i - *start);
	injection_block(in, decision->data, in->s->cmd.lba + i, i << shift, decision->count);
	*start = i + 1;
}

/* A phantom or misdirected write leaves the block as it is. */
static bool writes_block(const struct decision *decision)
{
	u64 action;

	if (!decision->data)
		return true;
	action = decision->data->value[RULE_ACTION];
	return action != EMUL_ACT_PHANTOM && action != EMUL_ACT_MISDIRECT;
}

static void injection_prepare(struct injection *in, u64 lba, const struct decision *decision)
{
	if (in->s->cmd.op == ASBLK_OP_WRITE && writes_block(decision))
		injection_watch(in, lba);
}

static bool block_is_bad(struct injection *in, u64 lba)
{
	u64 len = 1ULL << in->medium->block_shift;

	return emul_bad_find(&in->medium->bad, lba << in->medium->block_shift, len) < len;
}

/* Reads and writes: decided block by block; runs of unchanged blocks are moved at once. */
static void injection_data(struct injection *in)
{
	const struct emul_command *cmd = &in->s->cmd;
	u8 shift = in->medium->block_shift;
	u64 start = 0, i;

	for (i = in->s->asked; i < cmd->nr_blocks; i++) {
		struct decision decision;

		if (injection_decide(in, cmd->lba + i, i << shift, &decision))
			break;
		if (cmd->op == ASBLK_OP_READ && block_is_bad(in, cmd->lba + i)) {
			injection_fail(in, BLK_STS_MEDIUM, i << shift, 0);
			break;
		}
		injection_prepare(in, cmd->lba + i, &decision);
		if (decision.data)
			injection_step(in, &start, i, &decision);
	}
	if (i > start)
		injection_move(in, start, i - start);
	if (!in->ended)
		in->s->result.good = cmd->nr_blocks << shift;
}

/*
 * An atomic write is done as a whole or not at all, on errors too: all is decided, and
 * memory found, before the first block is written.
 */
static void injection_atomic(struct injection *in)
{
	const struct emul_command *cmd = &in->s->cmd;
	struct decision *decision = kmalloc_objs(*decision, cmd->nr_blocks, EMUL_GFP_WAIT);
	u64 start = 0, i;

	if (!decision) {
		injection_fail(in, BLK_STS_RESOURCE, 0, ASBLK_MAY_RETRY);
		return;
	}
	for (i = 0; i < cmd->nr_blocks; i++)
		if (injection_decide(in, cmd->lba + i, 0, &decision[i]))
			goto free;
	if (emul_medium_reserve(in->medium, cmd, true)) {
		injection_fail(in, BLK_STS_NOSPC, 0, 0);
		goto free;
	}
	for (i = 0; i < cmd->nr_blocks; i++) {
		injection_prepare(in, cmd->lba + i, &decision[i]);
		if (decision[i].data)
			injection_step(in, &start, i, &decision[i]);
	}
	injection_move(in, start, i - start);
	if (!in->ended)
		in->s->result.good = cmd->nr_blocks << in->medium->block_shift;
free:
	kfree(decision);
}

/*
 * Other operations are one, on the first of their blocks that is in a rule's range. Return:
 * false if the command ends here.
 */
static bool injection_other(struct injection *in)
{
	const struct emul_command *cmd = &in->s->cmd;
	struct decision none;
	blk_status_t status;

	if (injection_decide(in, EMUL_NO_BLOCK, 0, &none))
		return false;
	status = emul_medium_exec(in->medium, in->s->record, cmd);
	if (status != BLK_STS_OK)
		injection_fail(in, status, 0, 0);
	else if (cmd->op == ASBLK_OP_WRITE_ZEROES)
		injection_heal(in, cmd->lba, cmd->nr_blocks);
	return true;
}

/* Memory for a block, of which there is always some: a rule that was asked must act. */
static void *injection_get_block(struct emul_faults *f, const struct emul_medium *m)
{
	void *block = kmalloc(1 << m->block_shift, EMUL_GFP_WAIT);

	if (block)
		return block;
	mutex_lock(&f->spare_lock);
	return f->spare;
}

static void injection_put_block(struct emul_faults *f, void *block)
{
	if (block == f->spare)
		mutex_unlock(&f->spare_lock);
	else
		kfree(block);
}

/*
 * Execute a command for which emul_faults_concern() is true; fill in result and faults of @s.
 * Context: may sleep. Return: true if an %ASBLK_OP_COMMAND is left to be executed by the caller.
 */
bool emul_inject(struct emul_faults *f, struct emul_medium *m, unsigned int queue,
		 struct emul_cmd_state *s)
{
	struct injection in = { .medium = m, .queue = queue, .s = s, .passed = s->passed };
	static const struct emul_rule_set none;
	bool goes_on = false;
	int index;

	emul_set_result(s, BLK_STS_OK, 0);
	in.block = injection_get_block(f, m);
	index = srcu_read_lock(&emul_faults_srcu);
	/* The last rule may just have gone. */
	in.set = srcu_dereference(f->set, &emul_faults_srcu) ?: &none;
	if (s->cmd.op == ASBLK_OP_WRITE && (s->cmd.opts & ASBLK_OPT_ATOMIC))
		injection_atomic(&in);
	else if (s->cmd.op <= ASBLK_OP_WRITE)
		injection_data(&in);
	else
		goes_on = injection_other(&in);
	srcu_read_unlock(&emul_faults_srcu, index);
	injection_put_block(f, in.block);
	return goes_on;
}
EXPORT_SYMBOL_IF_KUNIT(emul_inject);
