// SPDX-License-Identifier: GPL-2.0-only
/*
 * What fault rules do to a command. Those that a rule does something to are executed here,
 * by the worker, which may sleep; of the others it is only found out that they are not.
 */
#include <linux/io.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "emul.h"
#include "faults.h"

/**
 * struct injection - a command that rules are looked at for
 * @emul: controller
 * @d: command, its result and its fate
 * @set: rules
 * @acted: those that have done to the whole command what they do, by &emul_rule.bit
 * @passed: those that need not be asked about the next block, likewise
 * @block: memory for a block
 * @ended: a block has failed, @d's result tells the first
 */
struct injection {
	struct emul *emul;
	struct emul_deferred *d;
	const struct emul_rule_set *set;
	u64 acted;
	u64 passed;
	void *block;
	bool ended;
};

/**
 * struct decision - what becomes of a block's data
 * @data: the rule that changes it, or NULL
 * @count: filled in with it: operations on the block
 */
struct decision {
	struct emul_rule *data;
	u32 count;
};

/* What the blocks of an old copy held. */
struct old_block {
	u32 len;
	u8 data[] __counted_by(len);
};

/* Does the rule have to see the command, because of what it keeps in mind of writes? */
static bool rule_watches(const struct emul_rule *r, enum asblk_op op)
{
	if (op == ASBLK_OP_WRITE)
		return r->value[RULE_ACTION] == EMUL_ACT_STALE || r->value[RULE_HEAL_ON_WRITE];
	return op == ASBLK_OP_WRITE_ZEROES && r->value[RULE_HEAL_ON_WRITE];
}

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
	if (cmd->op == ASBLK_OP_FLUSH)
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

/* A rule that does nothing but to reads, or writes. */
static bool rule_can(const struct emul_rule *r, enum asblk_op op)
{
	switch (r->value[RULE_ACTION]) {
	case EMUL_ACT_PHANTOM:
		return op == ASBLK_OP_WRITE;
	case EMUL_ACT_STALE:
		return op == ASBLK_OP_READ;
	case EMUL_ACT_SHORT:
	case EMUL_ACT_CORRUPT:
	case EMUL_ACT_MISDIRECT:
		return op <= ASBLK_OP_WRITE;
	default:
		return true;
	}
}

/* May the rule do anything to the command? */
static bool rule_concerns(const struct emul_rule *r, const struct emul_queue *eq,
			  const struct emul_command *cmd)
{
	u64 lba;

	return !emul_rule_idle(r) &&
	       ((emul_rule_applies(r, cmd->op, cmd->opts, eq->q->index) &&
		 rule_can(r, cmd->op)) || rule_watches(r, cmd->op)) &&
	       covers_command(r, cmd, &lba);
}

/* Ask all rules about a block, or about a command that is one operation. */
static bool all_pass(const struct emul_rule_set *set, const struct emul_queue *eq,
		     struct emul_deferred *d, u64 lba)
{
	const struct emul_command *cmd = &d->cmd;
	unsigned int i;

	d->passed = 0;
	for (i = 0; i < set->nr; i++) {
		struct emul_rule *r = set->rule[i];

		if (emul_rule_idle(r) || !rule_can(r, cmd->op) ||
		    !emul_rule_applies(r, cmd->op, cmd->opts, eq->q->index) ||
		    (cmd->op <= ASBLK_OP_WRITE ? !emul_rule_covers(r, lba, 1) :
						 !covers_command(r, cmd, &lba)))
			continue;
		if (!emul_rule_passes(r, lba))
			return false;
		d->passed |= BIT_ULL(r->bit);
	}
	return true;
}

/* Questions asked about a command where nobody may sleep, and others wait. */
#define MAX_QUESTIONS	256

/**
 * emul_faults_concern - does a rule do anything to a command?
 * @eq: its queue
 * @d: command; what was found out is noted in it
 *
 * What no rule does anything to has been counted, and can be executed at once.
 *
 * Context: any, under rcu_read_lock().
 * Return: true if it is for emul_faults_execute().
 */
bool emul_faults_concern(const struct emul_queue *eq, struct emul_deferred *d)
{
	const struct emul_faults *f = eq->emul->faults;
	const struct emul_command *cmd = &d->cmd;
	const struct emul_rule_set *set;
	bool concerned = false, sleeps = cmd->op == ASBLK_OP_WRITE && cmd->opts & ASBLK_OPT_ATOMIC;
	unsigned int i;

	set = f ? rcu_dereference(f->set) : NULL;
	if (!set)
		return false;
	for (i = 0; i < set->nr; i++) {
		concerned |= rule_concerns(set->rule[i], eq, cmd);
		sleeps |= rule_watches(set->rule[i], cmd->op);
	}
	d->asked = 0;
	d->passed = 0;
	if (!concerned || sleeps)
		return concerned;
	if (cmd->op > ASBLK_OP_WRITE)
		return !all_pass(set, eq, d, EMUL_NO_BLOCK);
	for (; d->asked < cmd->nr_blocks; d->asked++) {
		if (d->asked * set->nr >= MAX_QUESTIONS) {
			d->passed = 0;
			return true;
		}
		if (!all_pass(set, eq, d, cmd->lba + d->asked))
			return true;
	}
	return false;
}

/* The command fails at @good bytes, unless it has failed before that. */
static void injection_fail(struct injection *in, blk_status_t status, u64 good,
			   u8 flags)
{
	struct emul_completion *result = &in->d->result;

	/* What is moved late may fail before it. */
	if (in->ended && good >= result->good)
		return;
	in->ended = true;
	result->status = (__force u8)status;
	result->good = good;
	result->flags = flags;
}

/* Blocks were written: those that heal by that do. */
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
	const struct emul_command *cmd = &in->d->cmd;
	u8 shift = in->emul->medium->block_shift;
	u64 done = first << shift;

	if (emul_medium_move(in->emul->medium, cmd, first << shift, nr << shift, &done))
		injection_fail(in, BLK_STS_NOSPC, done, 0);
	done = (done >> shift) - first;
	if (cmd->op == ASBLK_OP_WRITE && done)
		injection_heal(in, cmd->lba + first, done);
}

/* Copy a block of the command's memory, @from bytes into it, to or from in->block. */
static void injection_copy(struct injection *in, u64 from, bool to_memory)
{
	const struct emul_desc *desc = emul_command_descs(&in->d->cmd);
	u64 left = 1ULL << in->emul->medium->block_shift;
	void *block = in->block;

	for (; left; desc++) {
		u64 step;

		if (from >= desc->len) {
			from -= desc->len;
			continue;
		}
		step = min(desc->len - from, left);
		if (to_memory)
			memcpy(phys_to_virt(desc->start + from), block, step);
		else
			memcpy(block, phys_to_virt(desc->start + from), step);
		block += step;
		left -= step;
		from = 0;
	}
}

static void read_block(struct injection *in, u64 lba)
{
	u8 shift = in->emul->medium->block_shift;

	rcu_read_lock();
	emul_store_read(&in->emul->medium->store, lba << shift, in->block, 1 << shift);
	rcu_read_unlock();
}

/* Return: true if it was written. */
static bool write_block(struct injection *in, u64 lba, u64 from)
{
	u8 shift = in->emul->medium->block_shift;
	u64 done = 0;

	if (!emul_store_write_wait(&in->emul->medium->store, lba << shift, in->block, 1 << shift,
				   &done))
		return true;
	injection_fail(in, BLK_STS_NOSPC, from, 0);
	return false;
}

/* Keep what a block holds, for stale reads after it is written. */
static void keep_block(struct injection *in, struct emul_rule *r, u64 lba)
{
	u32 len = 1 << in->emul->medium->block_shift;
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
	pr_err_ratelimited("asblk: rule %s: no memory for an old block\n", r->name);
}

/* Return: true if in->block has what the block held before it was last written. */
static bool stale_block(struct injection *in, struct emul_rule *r, u64 lba)
{
	u32 len = 1 << in->emul->medium->block_shift;
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
	u64 nr_bits = 8ULL << in->emul->medium->block_shift, bit, i;
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
	bool read = in->d->cmd.op == ASBLK_OP_READ, done = true;
	u64 to = lba;

	switch (r->value[RULE_ACTION]) {
	case EMUL_ACT_CORRUPT:
		if (read)
			read_block(in, lba);
		else
			injection_copy(in, from, false);
		flip_bits(in, r, lba, count);
		break;
	case EMUL_ACT_MISDIRECT:
		to = (lba + r->value[RULE_DISTANCE]) % in->emul->medium->nr_blocks;
		/* All the way round: nothing goes wrong. */
		done = to != lba;
		if (read)
			read_block(in, to);
		else
			injection_copy(in, from, false);
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
		injection_copy(in, from, true);
	else if (!write_block(in, to, from))
		done = false;
	else if (to == lba)
		injection_heal(in, lba, 1);
log:
	/* Only what was done: a log that says more would explain what it must not. */
	if (done)
		emul_faults_log(in->emul, r, in->d->eq->q->index, in->d->cmd.op, lba, count);
}

/*
 * What concerns the completion of the whole command happens once. Return: true if the
 * command is lost before it gets any further.
 */
static bool injection_fate(struct injection *in, const struct emul_rule *r)
{
	static const u8 fates[] = {
		[EMUL_ACT_LOSE]			= EMUL_FATE_LOST,
		[EMUL_ACT_LOSE_INTERRUPT]	= EMUL_FATE_NO_INTERRUPT,
		[EMUL_ACT_LATE]			= EMUL_FATE_LOST | EMUL_FATE_LATE,
		[EMUL_ACT_DUPLICATE]		= EMUL_FATE_TWICE,
		[EMUL_ACT_WRONG_ID]		= EMUL_FATE_WRONG_ID,
		[EMUL_ACT_HANG]			= EMUL_FATE_LOST | EMUL_FATE_HANG,
		[EMUL_ACT_FATAL]		= EMUL_FATE_LOST | EMUL_FATE_FATAL,
		[EMUL_ACT_BUSY]			= EMUL_FATE_BUSY,
	};	/* and nothing for a delay */
	u64 action = r->value[RULE_ACTION], usecs = r->value[RULE_USECS];
	struct emul_deferred *d = in->d;
	u8 until = r->value[RULE_RECOVERED_BY];

	d->fate |= fates[action];
	if (action == EMUL_ACT_DELAY)
		d->extra_us += usecs;
	if (action == EMUL_ACT_BUSY)
		d->busy_us = usecs;
	/* An abort cannot help where nobody listens, or what is late could not be. */
	if (action == EMUL_ACT_HANG || action == EMUL_ACT_LATE)
		until = max_t(u8, until, EMUL_RECOVERED_BY_QUEUE);
	d->until = max(d->until, until);
	return (fates[action] & EMUL_FATE_LOST) && r->value[RULE_WHEN] == 0;
}

static bool is_data_action(const struct emul_rule *r)
{
	return r->value[RULE_ACTION] >= EMUL_ACT_CORRUPT &&
	       r->value[RULE_ACTION] <= EMUL_ACT_STALE;
}

/* The command fails, or is short. Return: true if it ends here. */
static bool injection_end(struct injection *in, const struct emul_rule *r, u64 from)
{
	u8 flags = r->value[RULE_TRANSIENT] ? ASBLK_MAY_RETRY : 0;

	if (r->value[RULE_ACTION] == EMUL_ACT_SHORT)
		injection_fail(in, BLK_STS_OK, from, EMUL_SHORT);
	else
		injection_fail(in, emul_rule_status(r), from, flags);
	return r->value[RULE_WHEN] == 0;
}

/**
 * injection_decide - ask all rules about a block
 * @in: injection
 * @lba: block of a read or write; of others each rule has its own
 * @from: bytes that it is into the command, or where a command that fails here ends
 * @decision: filled in
 *
 * Return: true if the command ends before this block.
 */
static bool injection_decide(struct injection *in, u64 lba, u64 from,
			     struct decision *decision)
{
	const struct emul_command *cmd = &in->d->cmd;
	unsigned int queue = in->d->eq->q->index;
	bool ends = false;
	unsigned int i;

	decision->data = NULL;
	for (i = 0; i < in->set->nr; i++) {
		struct emul_rule *r = in->set->rule[i];
		bool data_action = is_data_action(r);
		/* What has acted already, or comes too late, counts all the same. */
		bool may = !(in->acted & BIT_ULL(r->bit)) && !(data_action && decision->data);
		u32 count;

		if (in->passed & BIT_ULL(r->bit) || !rule_can(r, cmd->op) ||
		    !emul_rule_applies(r, cmd->op, cmd->opts, queue) ||
		    (cmd->op <= ASBLK_OP_WRITE ? !emul_rule_covers(r, lba, 1) :
						 !covers_command(r, cmd, &lba)) ||
		    !emul_rule_acts(r, lba, may, &count))
			continue;
		if (data_action) {
			decision->data = r;
			decision->count = count;
			continue;
		}
		emul_faults_log(in->emul, r, queue, cmd->op, lba, count);
		if (r->value[RULE_ACTION] <= EMUL_ACT_SHORT) {
			ends |= injection_end(in, r, from);
		} else {
			in->acted |= BIT_ULL(r->bit);
			ends |= injection_fate(in, r);
		}
	}
	in->passed = 0;
	return ends;
}

/* A block is about to be written: is what it holds to be read later? */
static void injection_watch(struct injection *in, u64 lba)
{
	unsigned int i;

	for (i = 0; i < in->set->nr; i++) {
		struct emul_rule *r = in->set->rule[i];

		if (r->value[RULE_ACTION] == EMUL_ACT_STALE && emul_rule_covers(r, lba, 1))
			keep_block(in, r, lba);
	}
}

/* Move a block for which a rule has something else in mind, and what is before it. */
static void injection_step(struct injection *in, u64 *start, u64 i,
			   const struct decision *decision)
{
	u8 shift = in->emul->medium->block_shift;

	injection_move(in, *start, i - *start);
	injection_block(in, decision->data, in->d->cmd.lba + i, i << shift, decision->count);
	*start = i + 1;
}

/* Not what is acknowledged and goes nowhere, or elsewhere. */
static void injection_prepare(struct injection *in, u64 lba, const struct decision *decision)
{
	if (in->d->cmd.op == ASBLK_OP_WRITE &&
	    (!decision->data || decision->data->value[RULE_ACTION] == EMUL_ACT_CORRUPT))
		injection_watch(in, lba);
}

/* Reads and writes: block by block, but what nothing happens to is moved at once. */
static void injection_data(struct injection *in)
{
	const struct emul_command *cmd = &in->d->cmd;
	u8 shift = in->emul->medium->block_shift;
	u64 start = 0, i;

	for (i = in->d->asked; i < cmd->nr_blocks; i++) {
		struct decision decision;

		if (injection_decide(in, cmd->lba + i, i << shift, &decision))
			break;
		injection_prepare(in, cmd->lba + i, &decision);
		if (decision.data)
			injection_step(in, &start, i, &decision);
	}
	if (i > start)
		injection_move(in, start, i - start);
	if (!in->ended)
		in->d->result.good = cmd->nr_blocks << shift;
}

/*
 * An atomic write is done as a whole or not at all, on errors too: all is decided, and
 * memory found, before the first block is written.
 */
static void injection_atomic(struct injection *in)
{
	const struct emul_command *cmd = &in->d->cmd;
	struct decision *decision = kmalloc_objs(*decision, cmd->nr_blocks, EMUL_GFP_WAIT);
	u64 start = 0, i;

	if (!decision) {
		injection_fail(in, BLK_STS_RESOURCE, 0, ASBLK_MAY_RETRY);
		return;
	}
	for (i = 0; i < cmd->nr_blocks; i++)
		if (injection_decide(in, cmd->lba + i, 0, &decision[i]))
			goto free;
	if (emul_medium_reserve(in->emul->medium, cmd, true)) {
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
		in->d->result.good = cmd->nr_blocks << in->emul->medium->block_shift;
free:
	kfree(decision);
}

/* Other operations are one, on the first of their blocks that is in a rule's range. */
static void injection_other(struct injection *in)
{
	const struct emul_command *cmd = &in->d->cmd;
	struct decision none;

	if (!injection_decide(in, EMUL_NO_BLOCK, 0, &none)) {
		blk_status_t status = emul_medium_exec(in->emul->medium, cmd);

		if (status != BLK_STS_OK)
			injection_fail(in, status, 0, 0);
		else if (cmd->op == ASBLK_OP_WRITE_ZEROES)
			injection_heal(in, cmd->lba, cmd->nr_blocks);
	}
}

/**
 * emul_faults_execute - execute a command that a rule does something to, or may
 * @d: command; its result and fate are filled in
 *
 * Context: worker, may sleep.
 */
void emul_faults_execute(struct emul_deferred *d)
{
	struct emul *emul = d->eq->emul;
	struct injection in = { .emul = emul, .d = d, .passed = d->passed };
	static const struct emul_rule_set none;
	int index;

	d->result.id = d->cmd.id;
	in.block = kmalloc(1 << emul->medium->block_shift, EMUL_GFP_WAIT);
	if (!in.block) {
		injection_fail(&in, BLK_STS_RESOURCE, 0, ASBLK_MAY_RETRY);
		return;
	}
	index = srcu_read_lock(&emul_faults_srcu);
	/* The last rule may just have gone. */
	in.set = srcu_dereference(emul->faults->set, &emul_faults_srcu) ?: &none;
	if (d->cmd.op == ASBLK_OP_WRITE && (d->cmd.opts & ASBLK_OPT_ATOMIC))
		injection_atomic(&in);
	else if (d->cmd.op <= ASBLK_OP_WRITE)
		injection_data(&in);
	else
		injection_other(&in);
	srcu_read_unlock(&emul_faults_srcu, index);
	kfree(in.block);
}

/* What follows is under &emul_queue.run_lock. */

/* A command without a completion: what gets it back? */
void emul_faults_lose(struct emul_queue *eq, struct emul_deferred *d)
{
	eq->heals = max_t(enum emul_recovered_by, eq->heals, d->until);
	if (d->fate & EMUL_FATE_HANG)
		eq->hang = true;
	if (d->fate & EMUL_FATE_FATAL)
		WRITE_ONCE(eq->emul->fatal, true);
	list_add_tail(&d->lost, &eq->lost);
}

/* Does the device find a command that it has lost? */
bool emul_faults_abort(struct emul_queue *eq, u16 id)
{
	struct emul_deferred *d;

	list_for_each_entry(d, &eq->lost, lost) {
		if (d->result.id != id || d->until != EMUL_RECOVERED_BY_ABORT)
			continue;
		list_del(&d->lost);
		return true;
	}
	return false;
}

/* Does a reset help? */
bool emul_faults_heal(struct emul_queue *eq, enum emul_recovered_by by)
{
	if (by != EMUL_RECOVERED_BY_NEVER && (eq->emul->fatal || eq->heals > by))
		return false;
	return true;
}

/*
 * The queue is empty again, and so is the worker, which may have hurt it to the last:
 * it is well. Complete late what was lost to that end.
 */
void emul_faults_forget(struct emul_queue *eq)
{
	struct emul_deferred *d, *next;

	eq->hang = false;
	eq->heals = EMUL_RECOVERED_BY_ABORT;
	WRITE_ONCE(eq->busy_until, 0);
	list_for_each_entry_safe(d, next, &eq->lost, lost) {
		list_del(&d->lost);
		if (d->fate & EMUL_FATE_LATE)
			emul_device_post_extra(eq, d->result.id);
	}
}
