/* SPDX-License-Identifier: GPL-2.0-only */
/* Completion; and what becomes of a queue's transfers after a reset. */
#ifndef _ASBLK_COMPLETE_H
#define _ASBLK_COMPLETE_H

#include "queue.h"

/**
 * enum asblk_blame - on whose account transfers are offered again after a reset
 * @ASBLK_BLAME_NOBODY: no request is the reason (a user's reset, the end of a pause): no
 *	retry is charged
 * @ASBLK_BLAME_TIMED_OUT: only the requests that were late are charged
 * @ASBLK_BLAME_ALL: the device's driver asked for it: all in flight are charged
 */
enum asblk_blame {
	ASBLK_BLAME_NOBODY,
	ASBLK_BLAME_TIMED_OUT,
	ASBLK_BLAME_ALL,
};

unsigned int asblk_requeue_all(struct asblk_batch *batch, enum asblk_blame blame);
unsigned int asblk_fail_all(struct asblk_batch *batch, blk_status_t status);

#endif /* _ASBLK_COMPLETE_H */
