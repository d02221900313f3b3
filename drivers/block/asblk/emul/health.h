/* SPDX-License-Identifier: GPL-2.0-only */
/* What a disk remembers of its life, with and without power: errors, and what SMART tells. */
#ifndef _ASBLK_EMUL_HEALTH_H
#define _ASBLK_EMUL_HEALTH_H

#include <linux/spinlock.h>
#include <linux/types.h>

/* Errors remembered. */
#define EMUL_ERRORS	64

/**
 * struct emul_error - a command that has failed
 * @number: how many had failed, this one included; 0: there is none
 * @lba: first block that was not good
 * @queue: number of its queue; 0 for the admin queue, 1 for the first other one
 * @id: its ID
 * @status: NVMe status
 * @where: what was wrong with the command, as &emul_command.where; %EMUL_NOWHERE for nothing
 */
struct emul_error {
	u64 number;
	u64 lba;
	u16 queue;
	u16 id;
	u16 status;
	u16 where;
};

#define EMUL_NOWHERE	0xffff

/**
 * struct emul_life - what adds up over a disk's life
 * @seconds: with power
 * @power_cycles: times that it got power
 * @unsafe_shutdowns: times that it was removed by surprise
 * @read_bytes: bytes that hosts have read or compared
 * @written_bytes: bytes written
 * @reads: commands that read or compared
 * @writes: commands that wrote
 * @errors: commands that failed
 * @media_errors: of these, those that the medium was the reason for
 */
struct emul_life {
	u64 seconds;
	u64 power_cycles;
	u64 unsafe_shutdowns;
	u64 read_bytes;
	u64 written_bytes;
	u64 reads;
	u64 writes;
	u64 errors;
	u64 media_errors;
};

/**
 * struct emul_health - what a disk remembers
 * @lock: protects the following
 * @life: up to when it last lost power; @power_cycles, @unsafe_shutdowns, @errors and
 *	@media_errors until now
 * @on_since: when it got power, in seconds since boot
 * @error: the last errors, %EMUL_ERRORS of them; NULL as long as there was none
 */
struct emul_health {
	spinlock_t lock;	/* all of it */
	struct emul_life life;
	u64 on_since;
	struct emul_error *error;
};

void emul_health_init(struct emul_health *h);
void emul_health_exit(struct emul_health *h);
void emul_health_on(struct emul_health *h);
void emul_health_off(struct emul_health *h, const struct emul_life *since);
void emul_health_unsafe(struct emul_health *h);
void emul_health_error(struct emul_health *h, struct emul_error *e, bool medium);
void emul_health_last_error(struct emul_health *h, unsigned int age, struct emul_error *e);
void emul_health_life(struct emul_health *h, struct emul_life *life);

#endif /* _ASBLK_EMUL_HEALTH_H */
