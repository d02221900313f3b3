/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the tests make a queue of the emulated device misbehave. Without KUnit none
 * of this is there.
 */
#ifndef _ASBLK_EMUL_HOOKS_H
#define _ASBLK_EMUL_HOOKS_H

#include <linux/types.h>

struct emul_queue;

#define EMUL_HOOKS_LOST		64

/**
 * enum emul_heals - what brings a misbehaving queue back to health
 * @EMUL_HEALS_ABORT: an abort, for a transfer whose completion was dropped
 * @EMUL_HEALS_QUEUE: a reset of the queue
 * @EMUL_HEALS_CTRL: a reset of the controller
 * @EMUL_HEALS_NEVER: nothing: the controller is in a fatal state
 */
enum emul_heals {
	EMUL_HEALS_ABORT,
	EMUL_HEALS_QUEUE,
	EMUL_HEALS_CTRL,
	EMUL_HEALS_NEVER,
};

/**
 * struct emul_hooks - how a queue misbehaves
 * @drop_completions: that many commands are executed and never completed
 * @drop_interrupts: that many interrupts are not raised
 * @duplicates: that many completions are posted twice
 * @hang: no command is taken from the ring
 * @heals: what ends @hang, and what the device still reacts to
 * @lost: IDs of the completions dropped last
 * @nr_lost: number of them, ever
 *
 * Under &emul_queue.run_lock.
 */
struct emul_hooks {
	unsigned int drop_completions;
	unsigned int drop_interrupts;
	unsigned int duplicates;
	bool hang;
	enum emul_heals heals;
	u16 lost[EMUL_HOOKS_LOST];
	unsigned int nr_lost;
};

#if IS_ENABLED(CONFIG_KUNIT)
#include <linux/jump_label.h>

DECLARE_STATIC_KEY_FALSE(emul_hooked);

static inline bool emul_hooks_on(void)
{
	return static_branch_unlikely(&emul_hooked);
}

void emul_hooks_enable(bool on);
bool emul_hooks_hang(struct emul_queue *q);
bool emul_hooks_drop(struct emul_queue *q, u16 id);
bool emul_hooks_duplicate(struct emul_queue *q);
bool emul_hooks_drop_interrupt(struct emul_queue *q);
bool emul_hooks_abort(struct emul_queue *q, u16 id);
bool emul_hooks_heal(struct emul_queue *q, enum emul_heals by);
void emul_hooks_late(struct emul_queue *q);
#else
static inline bool emul_hooks_on(void) { return false; }
static inline bool emul_hooks_hang(struct emul_queue *q) { return false; }
static inline bool emul_hooks_drop(struct emul_queue *q, u16 id) { return false; }
static inline bool emul_hooks_duplicate(struct emul_queue *q) { return false; }
static inline bool emul_hooks_drop_interrupt(struct emul_queue *q) { return false; }
static inline bool emul_hooks_abort(struct emul_queue *q, u16 id) { return false; }
static inline bool emul_hooks_heal(struct emul_queue *q, enum emul_heals by) { return true; }
#endif

#endif /* _ASBLK_EMUL_HOOKS_H */
