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

#include "../compat.h"
#include "dma.h"

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

/* Return: 0 or -ENOMEM. */
int asblk_dma_init(struct asblk_dma *dma, struct device *dev)
{
	dma->dev = dev;
	dma->must_map = dma_must_map(dev);
	if (!dma->must_map)
		return 0;
	dma->reserve = kcalloc(DMA_MAX_SEGMENTS, sizeof(*dma->reserve), GFP_KERNEL);
	return dma->reserve ? 0 : -ENOMEM;
}

void asblk_dma_exit(struct asblk_dma *dma)
{
	kfree(dma->reserve);
}

/* Lower a segment of a transfer to what can be mapped. */
void asblk_dma_limit_segments(const struct asblk_dma *dma, struct asblk_limits *lim)
{
	if (dma->must_map)
		lim->max_segment_bytes = min_t(u64, lim->max_segment_bytes,
					       dma_most_bytes(dma->dev));
}

/* Lower what the block layer may send to what can be mapped for one request. */
void asblk_dma_limits(const struct asblk_dma *dma, struct queue_limits *lim)
{
	if (!dma->must_map)
		return;
	lim->max_hw_sectors = min_t(size_t, lim->max_hw_sectors,
				    dma_most_bytes(dma->dev) >> SECTOR_SHIFT);
	lim->max_segments = min_t(unsigned int, lim->max_segments, DMA_MAX_SEGMENTS);
}

/* Room for the segments of a request; the last resort is for one at a time. */
static struct asblk_segment *dma_alloc(struct asblk_dma *dma, unsigned int nr)
{
	struct asblk_segment *segs = kmalloc_objs(*segs, nr, GFP_ATOMIC | __GFP_NOWARN);

	if (segs || nr > DMA_MAX_SEGMENTS)
		return segs;
	return test_and_set_bit_lock(0, &dma->reserve_taken) ? NULL : dma->reserve;
}

static void dma_free(struct asblk_dma *dma, struct asblk_mapping *map)
{
	if (map->segs == dma->reserve)
		clear_bit_unlock(0, &dma->reserve_taken);
	else if (map->segs != &map->one)
		kfree(map->segs);
}

static void dma_undo(struct asblk_dma *dma, struct asblk_mapping *map, struct request *rq)
{
	unsigned int i;

	if (!asblk_dma_unmap_rq(rq, dma->dev, &map->iova))
		for (i = 0; i < map->nr_segs; i++)
			asblk_dma_unmap_phys(dma->dev, map->segs[i].addr, map->segs[i].len,
					     rq_dma_dir(rq));
	dma_free(dma, map);
	map->nr_segs = 0;
}

/* Return: %BLK_STS_OK, or %BLK_STS_RESOURCE or another status with nothing mapped. */
static blk_status_t dma_map(struct asblk_dma *dma, struct asblk_mapping *map, struct request *rq)
{
	unsigned int nr = blk_rq_nr_phys_segments(rq);
	struct asblk_dma_iter iter;

	map->segs = &map->one;
	if (!asblk_dma_first(rq, dma->dev, &map->iova, &iter))
		return iter.status;
	map->one = (struct asblk_segment) { iter.addr, iter.len };
	map->nr_segs = 1;
	if (nr == 1 || asblk_dma_is_one(&map->iova))
		return BLK_STS_OK;
	map->segs = dma_alloc(dma, nr);
	if (!map->segs) {
		map->segs = &map->one;
		dma_undo(dma, map, rq);
		return BLK_STS_RESOURCE;
	}
	map->segs[0] = map->one;
	while (asblk_dma_next(rq, dma->dev, &iter)) {
		/* The block layer counts them as they are mapped. */
		if (WARN_ON_ONCE(map->nr_segs == nr)) {
			asblk_dma_unmap_phys(dma->dev, iter.addr, iter.len, rq_dma_dir(rq));
			iter.status = BLK_STS_IOERR;
			break;
		}
		map->segs[map->nr_segs++] = (struct asblk_segment) { iter.addr, iter.len };
	}
	if (iter.status != BLK_STS_OK)
		dma_undo(dma, map, rq);
	return iter.status;
}

/*
 * Waiting for others to be unmapped is pointless for a request that could not be mapped for
 * a whole timeout: it never will be.
 */
static blk_status_t dma_give_up(struct asblk_mapping *map, struct request *rq)
{
	if (!(rq->rq_flags & RQF_DONTPREP)) {
		rq->rq_flags |= RQF_DONTPREP;
		map->unmappable_since = jiffies;
	}
	if (time_before(jiffies, map->unmappable_since + rq->q->rq_timeout))
		return BLK_STS_RESOURCE;
	return BLK_STS_IOERR;
}

/*
 * Map a request that was not started. Context: any, without the queue's lock. Return:
 * %BLK_STS_OK, and asblk_dma_unmap() is to follow; %BLK_STS_RESOURCE to try again, or
 * another status.
 */
blk_status_t asblk_dma_map(struct asblk_dma *dma, struct asblk_mapping *map, struct request *rq)
{
	blk_status_t status;

	map->nr_segs = 0;
	if (!bio_has_data(rq->bio))
		return BLK_STS_OK;
	status = dma_map(dma, map, rq);
	return status == BLK_STS_RESOURCE ? dma_give_up(map, rq) : status;
}

/* The device does not touch the memory any more. Context: any, without the queue's lock. */
void asblk_dma_unmap(struct asblk_dma *dma, struct asblk_mapping *map, struct request *rq)
{
	if (map->nr_segs)
		dma_undo(dma, map, rq);
}
