/* SPDX-License-Identifier: GPL-2.0-only */
/* Completion; and what becomes of a queue's transfers after a reset. */
#ifndef _ASBLK_COMPLETE_H
#define _ASBLK_COMPLETE_H

#include "queue.h"

/**
 * enum asblk_blame - which requests a reset costs a retry
 * @ASBLK_BLAME_NOBODY: none: no request is the reason (a user's reset, the end of a pause)
 * @ASBLK_BLAME_TIMED_OUT: those that timed out
 * @ASBLK_BLAME_ALL: all in flight: the device's driver requested it
 */
enum asblk_blame {
	ASBLK_BLAME_NOBODY,
	ASBLK_BLAME_TIMED_OUT,
	ASBLK_BLAME_ALL,
};

unsigned int asblk_requeue_all(struct asblk_batch *batch, enum asblk_blame blame);
unsigned int asblk_fail_all(struct asblk_batch *batch, blk_status_t status);

#endif /* _ASBLK_COMPLETE_H */
