/* SPDX-License-Identifier: GPL-2.0-only */
/* Submission: a request becomes transfers. */
#ifndef _ASBLK_SUBMIT_H
#define _ASBLK_SUBMIT_H

#include "queue.h"

blk_status_t asblk_submit(struct asblk_batch *batch, struct request *rq);
void asblk_submit_waiting(struct asblk_batch *batch);
u8 asblk_submit_op(struct request *rq);

#endif /* _ASBLK_SUBMIT_H */
