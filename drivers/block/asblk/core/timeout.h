/* SPDX-License-Identifier: GPL-2.0-only */
/* Timeouts of requests. */
#ifndef _ASBLK_TIMEOUT_H
#define _ASBLK_TIMEOUT_H

#include "queue.h"

bool asblk_timed_out(struct asblk_hwq *hwq, struct request *rq);

#endif /* _ASBLK_TIMEOUT_H */
