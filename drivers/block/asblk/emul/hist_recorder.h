/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The history of a disk: recording begins, is kept within its memory, and ends. What of a disk
 * has been recorded belongs to its power domain.
 */
#ifndef _ASBLK_EMUL_HIST_RECORDER_H
#define _ASBLK_EMUL_HIST_RECORDER_H

#include <linux/rcupdate.h>

#include "hist_chain.h"
#include "hist_power.h"

/* What becomes of a disk's history. */
enum emul_history_state {
	EMUL_HISTORY_OFF,
	EMUL_HISTORY_RECORDING,
	EMUL_HISTORY_ENDED,	/* without memory for it */
};

/**
 * struct emul_history - the history of a disk
 * @chains: what its pages held before
 * @power: the domain that it is recorded in
 * @owner: the disk's place for it
 * @limit: its share of the domain's memory, bytes
 * @end: frees it once nothing is in flight
 */
struct emul_history {
	struct emul_chains chains;
	struct emul_power *power;
	struct emul_recorder *owner;
	u64 limit;
	struct work_struct end;
};

/**
 * struct emul_recorder - a disk's place for a history
 * @history: or NULL; changed under @lock
 * @state: what became of it
 * @nr_ending: histories that have ended and are not freed
 * @lock: held while recording begins or ends
 * @store: the disk's data
 * @bad: and what of it cannot be read
 * @base: of a disk that shows a view
 * @changed: called when @state has changed, or NULL
 * @data: its argument
 */
struct emul_recorder {
	struct emul_history __rcu *history;
	enum emul_history_state state;
	atomic_t nr_ending;
	struct mutex lock;	/* beginning and end */
	struct emul_store *store;
	struct emul_bad_blocks *bad;
	struct emul_base *base;
	void (*changed)(void *data);
	void *data;
};

/**
 * struct emul_history_options - how to record
 * @domain: name of the power domain, or empty for one of the disk's own
 * @limit: most bytes for what is recorded
 * @cache_size: bytes, or 0 for any number
 * @cache_any: what exceeds that is written out at random, not the oldest first
 * @seed: for that
 */
struct emul_history_options {
	const char *domain;
	u64 limit;
	u64 cache_size;
	bool cache_any;
	u64 seed;
};

void emul_recorder_init(struct emul_recorder *rec, struct emul_store *store,
			struct emul_bad_blocks *bad);
void emul_recorder_exit(struct emul_recorder *rec);
int emul_recorder_begin(struct emul_recorder *rec, const struct emul_history_options *o);
void emul_recorder_set(struct emul_recorder *rec, const struct emul_history_options *o);
void emul_recorder_end(struct emul_recorder *rec, enum emul_history_state state);
int emul_recorder_restart(struct emul_recorder *rec);
int emul_recorder_renew(struct emul_recorder *rec);
bool emul_recorder_busy(struct emul_recorder *rec);
bool emul_recorder_make_room(struct emul_recorder *rec, bool again);
void emul_recorder_watch(struct emul_recorder *rec, void (*changed)(void *data), void *data);
ssize_t emul_recorder_show(const struct emul_recorder *rec, char *page);
void emul_recorder_settle(struct emul_recorder *rec);
int emul_recorder_mark(struct emul_recorder *rec, const char *name, u64 *at);
int emul_recorder_resolve(struct emul_recorder *rec, const char *text, u64 *at);
bool emul_recorder_same(struct emul_recorder *a, struct emul_recorder *b);
int emul_recorder_instants(struct emul_recorder *rec, u64 *oldest, u64 *now);

static inline bool emul_recorder_is_on(const struct emul_recorder *rec)
{
	return rcu_access_pointer(rec->history);
}

#endif /* _ASBLK_EMUL_HIST_RECORDER_H */
