/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fake controller for the engine's tests. It does nothing with a transfer but
 * remember it; the test says what becomes of it.
 */
#ifndef _ASBLK_FAKE_CTRL_H
#define _ASBLK_FAKE_CTRL_H

#include <kunit/test.h>
#include <linux/asblk.h>
#include <linux/completion.h>

#define FAKE_MAX_TRANSFERS	64
#define FAKE_MAX_SEEN		4096
#define FAKE_BLOCK		512U

/**
 * struct fake_transfer - a transfer that the fake has accepted
 * @q: its queue
 * @t: copy of it; its segments are not kept
 * @data: sum of the lengths of its segments
 * @done: the fake has completed it
 */
struct fake_transfer {
	struct asblk_queue *q;
	struct asblk_transfer t;
	u32 data;
	bool done;
};

/**
 * struct fake_result - what the fake says of a transfer at the next reap
 * @q: its queue
 * @id: its ID
 * @status: its status
 * @good: its good bytes
 * @flags: as asblk_complete_error()
 */
struct fake_result {
	struct asblk_queue *q;
	u16 id;
	blk_status_t status;
	u32 good;
	unsigned int flags;
};

/**
 * struct fake - a fake controller with one queue, perhaps an admin queue, and one disk
 * @ctrl: controller
 * @disk: disk
 * @q: queue
 * @admin: admin queue, if it has one
 * @automatic: complete every transfer at once, all well
 * @busy: say that many times that the controller is busy
 * @final: refuse the next transfer with this status
 * @seen: transfers accepted since fake_forget()
 * @nr_seen: number of them
 * @result: for the next reap
 * @nr_results: number of them
 * @flushes: flushes accepted since then
 * @opts: options of the last transfer accepted
 * @rings: doorbells rung
 * @start_err: what start_queue returns
 * @abort_err: what abort returns
 * @reset_queue_err: what reset_queue returns
 * @reset_err: what reset returns
 * @answer: what a command's result is
 * @answer_status: and its status
 * @answered: ID of the last one that was answered, from its private memory
 * @stops: queues stopped
 * @held_at_stop: nothing could be submitted to the last one
 * @aborts: calls of abort
 * @aborted: what the last one was for
 * @queue_resets: calls of reset_queue
 * @resets: calls of reset
 * @disables: calls of disable
 * @idle_err: what idle returns
 * @wake_err: what wake returns
 * @idles: calls of idle
 * @wakes: calls of wake
 * @setting_err: what write_cache, write_protect, coalesce and format return
 * @cache: what write_cache was last told
 * @flushes_at_cache: @flushes then
 * @protected: what write_protect was last told
 * @coalesce_count: what coalesce was last told
 * @coalesce_usecs: likewise
 * @formats: formats that were done
 * @format_size: block size of the last one
 * @format_kept: its content was to be kept
 * @ioctl_came: somebody is in ioctl
 * @ioctl_may_go: and may leave it
 * @ejects: calls of eject
 * @offered: LBAs that submit was offered, accepted or not, the first ones
 * @nr_offered: how many it was offered
 */
struct fake {
	struct asblk_ctrl *ctrl;
	struct asblk_disk *disk;
	struct asblk_queue *q;
	struct asblk_queue *admin;
	bool automatic;
	unsigned int busy;
	blk_status_t final;
	struct fake_transfer *seen;
	unsigned int nr_seen;
	struct fake_result result[FAKE_MAX_TRANSFERS];
	unsigned int nr_results;
	unsigned int flushes;
	u8 opts;
	unsigned int rings;
	int start_err;
	int abort_err;
	int reset_queue_err;
	int reset_err;
	u64 answer;
	u16 answer_status;
	u16 answered;
	unsigned int stops;
	bool held_at_stop;
	unsigned int aborts;
	u16 aborted;
	unsigned int queue_resets;
	unsigned int resets;
	unsigned int disables;
	int idle_err;
	int wake_err;
	unsigned int idles;
	unsigned int wakes;
	int setting_err;
	bool cache;
	unsigned int flushes_at_cache;
	bool protected;
	unsigned int coalesce_count;
	unsigned int coalesce_usecs;
	unsigned int formats;
	u32 format_size;
	bool format_kept;
	struct completion ioctl_came;
	struct completion ioctl_may_go;
	unsigned int ejects;
	u64 offered[FAKE_MAX_TRANSFERS];
	unsigned int nr_offered;
};

extern const struct asblk_ctrl_ops fake_ops;

void fake_params(struct asblk_ctrl_params *p);
struct fake *fake_create(struct kunit *test, const struct asblk_ctrl_params *p);
struct fake *fake_create_admin(struct kunit *test, const struct asblk_ctrl_params *p,
			       const struct asblk_admin_params *admin);
void fake_destroy(struct fake *fake);
void fake_forget(struct fake *fake);
void fake_say(struct fake *fake, u16 id, blk_status_t status, u32 good,
	      unsigned int flags);
void fake_finish_flags(struct fake *fake, unsigned int index, blk_status_t status,
		       u32 good, unsigned int flags);
void fake_finish(struct fake *fake, unsigned int index, blk_status_t status,
		 u32 good);
unsigned int fake_finish_all(struct fake *fake);

#endif /* _ASBLK_FAKE_CTRL_H */
