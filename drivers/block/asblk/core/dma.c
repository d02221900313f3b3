// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping a request's memory for the device, where that has to be undone: behind an
 * IOMMU, and where memory may be bounced. It is done for the request as a whole, before
 * the queue's lock is taken, and undone when the request ends, after the lock was given
 * back: neither an IOMMU nor a copy is waited for with interrupts off. The splitter then
 * makes transfers of what the device sees.
 *
 * Where nothing has to be undone the addresses of a transfer are mere arithmetic, which
 * is submit.c's.
 */
#include <linux/blk-mq.h>
#include <linux/dma-mapping.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "core.h"

/*
 * The most that is mapped for one request: 16 KiB to remember it by are found without
 * waiting, mostly.
 */
#define DMA_MAX_BYTES		SZ_4M
#define DMA_MAX_SEGMENTS	1024

/*
 * May memory have to be unmapped? dma_need_unmap() may become true with the first bounced
 * buffer, but where there can be any there is a largest mapping from the beginning.
 */
static bool dma_must_map(struct device *dev)
{
	return dev && (dma_need_unmap(dev) || dma_max_mapping_size(dev) != SIZE_MAX);
}

/* The most bytes that one mapping, and so one request, may have. */
static size_t dma_most_bytes(struct device *dev)
{
	size_t most = min_t(size_t, dma_max_mapping_size(dev), DMA_MAX_BYTES);

	return max(round_down(most, PAGE_SIZE), PAGE_SIZE);
}

/**
 * asblk_dma_init - see what mapping is like for a controller's device
 * @ctrl: controller that is being made; its max_segment_bytes is lowered to what can be
 *	mapped
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int asblk_dma_init(struct asblk_ctrl *ctrl)
{
	struct asblk_limits *lim = &ctrl->params.limits;
	struct device *dev = ctrl->params.dma_dev;

	ctrl->must_map = dma_must_map(dev);
	if (!ctrl->must_map)
		return 0;
	lim->max_segment_bytes = min_t(u64, lim->max_segment_bytes, dma_most_bytes(dev));
	ctrl->reserve = kcalloc(DMA_MAX_SEGMENTS, sizeof(*ctrl->reserve), GFP_KERNEL);
	return ctrl->reserve ? 0 : -ENOMEM;
}

/* Context: may sleep. */
void asblk_dma_exit(struct asblk_ctrl *ctrl)
{
	kfree(ctrl->reserve);
}

/**
 * asblk_dma_limits - lower what the block layer may send to what is mapped at a time
 * @ctrl: controller
 * @lim: limits of a disk
 *
 * Context: may sleep.
 */
void asblk_dma_limits(const struct asblk_ctrl *ctrl, struct queue_limits *lim)
{
	if (!ctrl->must_map)
		return;
	lim->max_hw_sectors = min_t(size_t, lim->max_hw_sectors,
				    dma_most_bytes(ctrl->params.dma_dev) >> SECTOR_SHIFT);
	lim->max_segments = min_t(unsigned int, lim->max_segments, DMA_MAX_SEGMENTS);
}

/* Room for the segments of a request; the last resort is for one at a time. */
static struct asblk_segment *dma_alloc(struct asblk_ctrl *ctrl, unsigned int nr)
{
	struct asblk_segment *segs = kmalloc_objs(*segs, nr, GFP_ATOMIC | __GFP_NOWARN);

	if (segs || nr > DMA_MAX_SEGMENTS)
		return segs;
	return test_and_set_bit_lock(0, &ctrl->reserve_taken) ? NULL : ctrl->reserve;
}

static void dma_free(struct asblk_ctrl *ctrl, struct asblk_rq *ar)
{
	if (ar->segs == ctrl->reserve)
		clear_bit_unlock(0, &ctrl->reserve_taken);
	else if (ar->segs != &ar->one)
		kfree(ar->segs);
}

static void dma_undo(struct asblk_ctrl *ctrl, struct request *rq)
{
	struct device *dev = ctrl->params.dma_dev;
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);
	unsigned int i;

	if (!asblk_dma_unmap_rq(rq, dev, &ar->iova))
		for (i = 0; i < ar->nr_segs; i++)
			asblk_dma_unmap_phys(dev, ar->segs[i].addr, ar->segs[i].len,
					     rq_dma_dir(rq));
	dma_free(ctrl, ar);
	ar->nr_segs = 0;
}

/* Return: %BLK_STS_OK, or %BLK_STS_RESOURCE or another status with nothing mapped. */
static blk_status_t dma_map(struct asblk_ctrl *ctrl, struct request *rq)
{
	unsigned int nr = blk_rq_nr_phys_segments(rq);
	struct device *dev = ctrl->params.dma_dev;
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);
	struct asblk_dma_iter iter;

	ar->segs = &ar->one;
	if (!asblk_dma_first(rq, dev, &ar->iova, &iter))
		return iter.status;
	ar->one = (struct asblk_segment) { iter.addr, iter.len };
	ar->nr_segs = 1;
	if (nr == 1 || asblk_dma_is_one(&ar->iova))
		return BLK_STS_OK;
	ar->segs = dma_alloc(ctrl, nr);
	if (!ar->segs) {
		ar->segs = &ar->one;
		dma_undo(ctrl, rq);
		return BLK_STS_RESOURCE;
	}
	ar->segs[0] = ar->one;
	while (asblk_dma_next(rq, dev, &iter)) {
		/* The block layer counts them as they are mapped. */
		if (WARN_ON_ONCE(ar->nr_segs == nr)) {
			asblk_dma_unmap_phys(dev, iter.addr, iter.len, rq_dma_dir(rq));
			iter.status = BLK_STS_IOERR;
			break;
		}
		ar->segs[ar->nr_segs++] = (struct asblk_segment) { iter.addr, iter.len };
	}
	if (iter.status != BLK_STS_OK)
		dma_undo(ctrl, rq);
	return iter.status;
}

/*
 * Nothing that is mapped now helps a request that could not be mapped for as long as a
 * request may take at all: it never will be.
 */
static blk_status_t dma_give_up(struct request *rq)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);

	if (!(rq->rq_flags & RQF_DONTPREP)) {
		rq->rq_flags |= RQF_DONTPREP;
		ar->unmappable_since = jiffies;
	}
	if (time_before(jiffies, ar->unmappable_since + rq->q->rq_timeout))
		return BLK_STS_RESOURCE;
	return BLK_STS_IOERR;
}

/**
 * asblk_dma_map - map a request's memory for its device
 * @ctrl: controller with &asblk_ctrl.must_map
 * @rq: request that was not started
 *
 * Context: any, without the queue's lock.
 * Return: %BLK_STS_OK, and asblk_dma_unmap() is to follow; %BLK_STS_RESOURCE if it can be
 * tried again, or another status.
 */
blk_status_t asblk_dma_map(struct asblk_ctrl *ctrl, struct request *rq)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);
	blk_status_t status;

	ar->nr_segs = 0;
	if (!blk_rq_nr_phys_segments(rq) || asblk_engine_has_ranges(rq))
		return BLK_STS_OK;
	status = dma_map(ctrl, rq);
	return status == BLK_STS_RESOURCE ? dma_give_up(rq) : status;
}

/**
 * asblk_dma_unmap - undo asblk_dma_map()
 * @ctrl: controller
 * @rq: request; the device does not touch its memory any more
 *
 * Context: any, without the queue's lock.
 */
void asblk_dma_unmap(struct asblk_ctrl *ctrl, struct request *rq)
{
	struct asblk_rq *ar = blk_mq_rq_to_pdu(rq);

	if (ar->nr_segs)
		dma_undo(ctrl, rq);
}
