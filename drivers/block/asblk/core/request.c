// SPDX-License-Identifier: GPL-2.0-only
/* The end of a request, when none of its transfers is in flight any more. */
#include <linux/blk-mq.h>

#include "request.h"

static inline void rq_unmap(struct request *rq)
{
	struct asblk_hwq *hwq = rq->mq_hctx->driver_data;
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);

	if (unlikely(hwq->must_map))
		asblk_dma_unmap(hwq->dma, &ar->map, rq);
}

/* blk_mq_end_request_batch() for requests whose memory was mapped. */
void asblk_rq_end_mapped(struct io_comp_batch *iob)
{
	struct request *rq;

	rq_list_for_each(&iob->req_list, rq)
		rq_unmap(rq);
	blk_mq_end_request_batch(iob);
}

/* The blocks below asblk_rq::bad are good. Context: as &blk_mq_ops.complete. */
void asblk_rq_end(struct request *rq)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);
	struct asblk_unit *unit = rq->q->queuedata;

	rq_unmap(rq);
	if (unlikely(ar->status != BLK_STS_OK)) {
		/* Ranges have no front: an unmap fails as a whole. */
		u32 good = req_op(rq) == REQ_OP_DISCARD ? 0 :
			   round_down(ar->bad, 1U << unit->block_shift);

		if (good)
			blk_update_request(rq, BLK_STS_OK, good);
	}
	blk_mq_end_request(rq, ar->status);
}
