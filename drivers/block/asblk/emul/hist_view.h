/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Views: what a power cut at an instant may have left. Nothing is copied or decided when one
 * is opened. What is undecided at its instant is decided when it is first read.
 */
#ifndef _ASBLK_EMUL_HIST_VIEW_H
#define _ASBLK_EMUL_HIST_VIEW_H

#include "hist_chain.h"
#include "options.h"

/* A piece that is a whole command, &emul_decision.block. */
#define EMUL_WHOLE	U64_MAX

/**
 * struct emul_decision - whether a piece of a command survives
 * @node: in &emul_view.decisions
 * @asked: on &emul_view.asked, or &emul_view.spare
 * @fetched: names the command
 * @block: logical block, or %EMUL_WHOLE
 * @record: the command, once it was asked for
 * @order: among all that views were asked for
 * @survives: the answer
 *
 * While the view is open nobody forgets the record of a piece that is undecided there.
 */
struct emul_decision {
	struct rb_node node;
	struct list_head asked;
	u64 fetched;
	u64 block;
	const struct emul_record *record;
	u64 order;
	bool survives;
};

/**
 * struct emul_view - one outcome of a power cut at an instant
 * @domain: power domain
 * @list: on &emul_domain.views
 * @at: the instant
 * @horizon: emul_domain_horizon() of it
 * @policy: of pieces that are not on the list
 * @seed: for %EMUL_POLICY_SEED
 * @lock: protects all that follows; outside the locks of chains
 * @decisions: those given, and those asked for, by piece
 * @asked: those asked for, in this order
 * @nr_asked: and how many
 * @spare: memory for more
 * @lost: the history has ended; nothing can be read any more. Under the domain's lock
 */
struct emul_view {
	struct emul_domain *domain;
	struct list_head list;
	u64 at;
	u64 horizon;
	enum emul_policy policy;
	u64 seed;
	struct mutex lock;	/* decisions */
	struct rb_root decisions;
	struct list_head asked;
	unsigned int nr_asked;
	struct list_head spare;
	bool lost;
};

struct emul_power;

/**
 * struct emul_base - what a disk that shows a view shows as long as nothing else is written
 * @view: the view
 * @chains: of the disk that it is of
 * @power: that disk's power domain, which stays
 * @lock: one command of the disk that shows it at a time
 */
struct emul_base {
	struct emul_view view;
	struct emul_chains *chains;
	struct emul_power *power;
	struct mutex lock;	/* what has been written instead */
};

int emul_view_open(struct emul_view *v, struct emul_domain *d, u64 at);
int emul_view_move(struct emul_view *v, u64 at);
void emul_view_close(struct emul_view *v);
int emul_view_give(struct emul_view *v, u64 fetched, u64 block, bool survives);
void emul_view_forget(struct emul_view *v);
int emul_view_apply(struct emul_view *v, struct emul_chains *c, u8 block_shift);
ssize_t emul_view_show_asked(struct emul_view *v, char *buf, size_t size);
int emul_view_read(struct emul_view *v, struct emul_chains *c, u64 pos, void *dst, u32 len,
		   u8 block_shift);

#endif /* _ASBLK_EMUL_HIST_VIEW_H */
