/* SPDX-License-Identifier: GPL-2.0-only */
/* Decisions: which pieces of commands have survived a power cut, given or asked for. */
#ifndef _ASBLK_EMUL_HIST_DECISION_H
#define _ASBLK_EMUL_HIST_DECISION_H

#include "hist_domain.h"
#include "options.h"

/* A piece that is a whole command, &emul_decision.block. */
#define EMUL_WHOLE	U64_MAX

/* What becomes of a piece that is undecided. */
enum emul_outcome {
	EMUL_LOST,
	EMUL_SURVIVES,
	EMUL_HURT,	/* as the profile says */
};

/**
 * struct emul_decision - what becomes of a piece of a command
 * @node: in &emul_decisions.tree
 * @asked: on &emul_decisions.asked, or &emul_decisions.spare
 * @fetched: names the command; 0 if it is about an erase unit
 * @block: logical block, or %EMUL_WHOLE
 * @record: the command, once it was asked for; or NULL if it is about no command
 * @is_asked: it was asked for
 * @order: among all that were asked for, of all disks
 * @outcome: the answer
 *
 * While the instant is pinned nobody forgets the record of a piece that is undecided there.
 */
struct emul_decision {
	struct rb_node node;
	struct list_head asked;
	u64 fetched;
	u64 block;
	const struct emul_record *record;
	u64 order;
	bool is_asked;
	enum emul_outcome outcome;
};

/**
 * struct emul_decisions - decisions about one power cut; under the lock of its owner
 * @tree: those given, and those asked for, by piece
 * @asked: those asked for, in this order
 * @nr_asked: and how many
 * @spare: memory for more
 */
struct emul_decisions {
	struct rb_root tree;
	struct list_head asked;
	unsigned int nr_asked;
	struct list_head spare;
};

void emul_decisions_init(struct emul_decisions *ds);
void emul_decisions_exit(struct emul_decisions *ds);
void emul_decisions_forget(struct emul_decisions *ds);
int emul_decisions_give(struct emul_decisions *ds, u64 fetched, u64 block,
			enum emul_outcome outcome);
bool emul_decisions_refill(struct emul_decisions *ds);
struct emul_decision *emul_decisions_ask(struct emul_decisions *ds, const struct emul_record *r,
					 u64 block, bool *new);
size_t emul_decisions_show(const struct emul_decisions *ds, char *buf, size_t size);

#endif /* _ASBLK_EMUL_HIST_DECISION_H */
