/* SPDX-License-Identifier: GPL-2.0-only */
/* What <trace/events/asblk.h> takes from the engine. */
#ifndef _ASBLK_TRACE_H
#define _ASBLK_TRACE_H

#include "ctrl.h"

static inline dev_t asblk_trace_dev(const struct request *rq)
{
	return rq->q->disk ? disk_devt(rq->q->disk) : 0;
}

static inline int asblk_trace_ctrl(const struct asblk_queue *q)
{
	return q->ctrl->id;
}

#endif /* _ASBLK_TRACE_H */
