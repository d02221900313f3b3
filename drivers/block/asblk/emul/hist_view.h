/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Views: what a power cut at an instant may have left. Nothing is copied or decided when one
 * is opened. What is undecided at its instant is decided when it is first read.
 */
#ifndef _ASBLK_EMUL_HIST_VIEW_H
#define _ASBLK_EMUL_HIST_VIEW_H

#include "hist_chain.h"
#include "hist_fate.h"

/**
 * struct emul_in_flight - a command that was in flight
 * @record: the command
 * @first: its first erase unit
 * @last: its last
 */
struct emul_in_flight {
	const struct emul_record *record;
	u64 first;
	u64 last;
};

/**
 * struct emul_view - one outcome of a power cut at an instant
 * @pin: the instant
 * @fate: of pieces that nobody has decided about
 * @in_flight: writes of the disk in flight at the instant, for profile neighbours
 * @nr_in_flight: their number
 * @lock: protects @decisions; outside the locks of chains
 * @decisions: about the others
 */
struct emul_view {
	struct emul_pin pin;
	struct emul_fate fate;
	struct emul_in_flight *in_flight;
	unsigned int nr_in_flight;
	struct mutex lock;	/* decisions */
	struct emul_decisions decisions;
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

int emul_view_open(struct emul_view *v, struct emul_chains *c, u64 at);
int emul_view_set_fate(struct emul_view *v, const struct emul_chains *c,
		       const struct emul_fate *fate);
void emul_view_close(struct emul_view *v);
int emul_view_give(struct emul_view *v, u64 fetched, u64 block, enum emul_outcome outcome);
void emul_view_forget(struct emul_view *v);
int emul_view_read(struct emul_view *v, struct emul_chains *c, u64 pos, void *dst, u32 len,
		   u8 block_shift);
size_t emul_view_show_asked(struct emul_view *v, char *buf, size_t size);

#endif /* _ASBLK_EMUL_HIST_VIEW_H */
