/* SPDX-License-Identifier: GPL-2.0-only */
/* Mapping requests for a device whose mappings have to be undone. */
#ifndef _ASBLK_DMA_H
#define _ASBLK_DMA_H

#include <linux/asblk.h>

#include "../compat.h"

struct queue_limits;
struct request;

/**
 * struct asblk_dma - how a controller's device reaches memory
 * @dev: &asblk_ctrl_params.dma_dev
 * @must_map: requests are mapped, and unmapped again, as a whole
 * @reserve: memory to map one request by, when there is no other
 * @reserve_taken: bit 0: @reserve is in use
 */
struct asblk_dma {
	struct device *dev;
	bool must_map;
	struct asblk_segment *reserve;
	unsigned long reserve_taken;
};

/**
 * struct asblk_mapping - a request's memory as the device sees it
 * @nr_segs: entries of @segs, 0 for a request that transfers no data
 * @segs: the segments; @one, &asblk_dma.reserve or allocated
 * @one: the only one
 * @iova: what is needed to unmap them
 * @unmappable_since: when the request could not be mapped for the first time, in jiffies
 *
 * Set before the queue's lock is taken, and freed after the device is done: not protected
 * by it.
 */
struct asblk_mapping {
	unsigned int nr_segs;
	struct asblk_segment *segs;
	struct asblk_segment one;
	struct asblk_dma_iova iova;
	unsigned long unmappable_since;
};

int asblk_dma_init(struct asblk_dma *dma, struct device *dev);
void asblk_dma_exit(struct asblk_dma *dma);
void asblk_dma_limit_segments(const struct asblk_dma *dma, struct asblk_limits *lim);
void asblk_dma_limits(const struct asblk_dma *dma, struct queue_limits *lim);
blk_status_t asblk_dma_map(struct asblk_dma *dma, struct asblk_mapping *map, struct request *rq);
void asblk_dma_unmap(struct asblk_dma *dma, struct asblk_mapping *map, struct request *rq);

#endif /* _ASBLK_DMA_H */
