/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The newest interface (Linux 7.3) for older kernels, down to 6.12.97. The only
 * file that looks at the kernel's version.
 */
#ifndef _ASBLK_COMPAT_H
#define _ASBLK_COMPAT_H

#include <linux/blk-mq.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/version.h>

/*
 * Series between 6.12 and 7.0 that ended early lack it, and other things that cannot be
 * asked for.
 */
#ifndef kzalloc_obj
#error "asblk needs Linux 6.12.97 or later of that series, or 7.0 or later: no kzalloc_obj()"
#endif

/* Symbol namespaces were tokens before they became strings. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define ASBLK_EXPORT(sym)		EXPORT_SYMBOL_NS_GPL(sym, ASBLK)
#define ASBLK_IMPORT()			MODULE_IMPORT_NS(ASBLK)
#define ASBLK_IMPORT_KUNIT()		MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING)
#else
#define ASBLK_EXPORT(sym)		EXPORT_SYMBOL_NS_GPL(sym, "ASBLK")
#define ASBLK_IMPORT()			MODULE_IMPORT_NS("ASBLK")
#define ASBLK_IMPORT_KUNIT()		MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING")
#endif

/* Atomic writes became a choice. */
#ifndef BLK_FEAT_ATOMIC_WRITES
#define BLK_FEAT_ATOMIC_WRITES		((__force blk_features_t)0)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
/* Merging became unconditional. */
#define ASBLK_MQ_F_SHOULD_MERGE		BLK_MQ_F_SHOULD_MERGE

static inline unsigned int asblk_freeze_queue(struct request_queue *q)
{
	unsigned int memflags = memalloc_noio_save();

	blk_mq_freeze_queue(q);
	return memflags;
}

static inline void asblk_unfreeze_queue(struct request_queue *q,
					unsigned int memflags)
{
	blk_mq_unfreeze_queue(q);
	memalloc_noio_restore(memflags);
}
#else
#define ASBLK_MQ_F_SHOULD_MERGE		0
#define asblk_freeze_queue(q)		blk_mq_freeze_queue(q)
#define asblk_unfreeze_queue(q, flags)	blk_mq_unfreeze_queue(q, flags)
#endif

/* Older buses do not tell blk_mq_map_hw_queues() which CPUs an interrupt goes to. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
#include <linux/blk-mq-pci.h>
#define asblk_map_pci_queues(map, pdev, offset) \
	blk_mq_pci_map_queues(map, pdev, offset)
#else
#define asblk_map_pci_queues(map, pdev, offset) \
	blk_mq_map_hw_queues(map, &(pdev)->dev, offset)
#endif

/* Nothing to undo for a device that sees memory as it is, and needed no bounce. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#include <linux/dma-map-ops.h>
#include <linux/iommu-dma.h>

static inline bool asblk_dma_need_unmap(struct device *dev)
{
	return get_dma_ops(dev) || use_dma_iommu(dev) || dma_dev_need_sync(dev);
}

#define dma_need_unmap asblk_dma_need_unmap
#endif

/* Setting a timer up became one step. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#include <linux/hrtimer.h>

static inline void asblk_hrtimer_setup(struct hrtimer *timer,
				       enum hrtimer_restart (*function)(struct hrtimer *),
				       clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}

#define hrtimer_setup asblk_hrtimer_setup
#endif

/* A request learns in which batch it ends. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
#define ASBLK_END_IO_ARGS		struct request *rq, blk_status_t status
#else
#define ASBLK_END_IO_ARGS \
	struct request *rq, blk_status_t status, const struct io_comp_batch *iob
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define blk_rq_map_kern(rq, data, len, gfp)	blk_rq_map_kern((rq)->q, rq, data, len, gfp)
#endif

/*
 * Commands through io_uring: how memory registered with the ring is imported, what task work
 * gets, and how a command ends. A batch that is polled tells which ring polls.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
#define io_uring_cmd_import_fixed(addr, len, rw, iter, ioucmd, flags) \
	io_uring_cmd_import_fixed(addr, len, rw, iter, ioucmd)
#define io_uring_cmd_import_fixed_vec(ioucmd, vec, nr, rw, iter, flags)	(-EINVAL)
#define io_uring_cmd_done32(ioucmd, ret, res2, flags) \
	io_uring_cmd_done(ioucmd, ret, res2, flags)
#define ASBLK_TASK_WORK_ARGS		struct io_uring_cmd *ioucmd, unsigned int issue_flags
#define ASBLK_TASK_WORK_CMD		ioucmd
#define ASBLK_TASK_WORK_FLAGS		issue_flags
#define asblk_polled_by(iob, ioucmd)	false
#else
#define ASBLK_TASK_WORK_ARGS		struct io_tw_req tw_req, io_tw_token_t tw
#define ASBLK_TASK_WORK_CMD		io_uring_cmd_from_tw(tw_req)
#define ASBLK_TASK_WORK_FLAGS		IO_URING_CMD_TASK_WORK_ISSUE_FLAGS
#define asblk_polled_by(iob, ioucmd) \
	((iob) && (iob)->poll_ctx == io_uring_cmd_ctx_handle(ioucmd))
#endif

/* Blocks larger than a page came with 6.15. */
#ifndef BLK_MAX_BLOCK_SIZE
#define BLK_MAX_BLOCK_SIZE		PAGE_SIZE
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define asblk_set_wzeroes_unmap(lim, sectors) do { } while (0)
#else
#define asblk_set_wzeroes_unmap(lim, sectors) \
	((lim)->max_hw_wzeroes_unmap_sectors = (sectors))
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define ASBLK_GETGEO_ARG		struct block_device *bdev
#define ASBLK_GETGEO_DISK		(bdev->bd_disk)
#else
#define ASBLK_GETGEO_ARG		struct gendisk *gd
#define ASBLK_GETGEO_DISK		gd
#endif

/*
 * Mapping a whole request: the block layer does it since 6.16, with an interface that had
 * settled by 7.0. Before that a segment at a time.
 */
#include <linux/dma-mapping.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
#include <linux/blk-mq-dma.h>

#define asblk_dma_iter			blk_dma_iter
#define asblk_dma_iova			dma_iova_state
#define asblk_dma_first			blk_rq_dma_map_iter_start
#define asblk_dma_next			blk_rq_dma_map_iter_next
#define asblk_dma_is_one		blk_rq_dma_map_coalesce
#define asblk_dma_unmap_rq(rq, dev, iova) \
	blk_rq_dma_unmap(rq, dev, iova, blk_rq_payload_bytes(rq), PCI_P2PDMA_MAP_NONE)
#define asblk_dma_map_phys(dev, phys, len, dir) \
	dma_map_phys(dev, phys, len, dir, DMA_ATTR_NO_WARN)
#define asblk_dma_unmap_phys(dev, addr, len, dir) \
	dma_unmap_phys(dev, addr, len, dir, 0)
#else
struct asblk_dma_iova { };

struct asblk_dma_iter {
	dma_addr_t addr;
	u32 len;
	blk_status_t status;
	struct bio *bio;
	struct bvec_iter at;
};

static inline dma_addr_t asblk_dma_map_phys(struct device *dev, phys_addr_t phys, size_t len,
					    enum dma_data_direction dir)
{
	return dma_map_page_attrs(dev, pfn_to_page(PHYS_PFN(phys)), offset_in_page(phys), len,
				  dir, DMA_ATTR_NO_WARN);
}

static inline void asblk_dma_unmap_phys(struct device *dev, dma_addr_t addr, size_t len,
					enum dma_data_direction dir)
{
	dma_unmap_page(dev, addr, len, dir);
}

/* Segments are those that the block layer has counted: of its largest size, from bvecs. */
static inline bool asblk_dma_next(struct request *rq, struct device *dev,
				  struct asblk_dma_iter *iter)
{
	struct bio_vec bv;

	iter->status = BLK_STS_OK;
	if (!iter->at.bi_size) {
		iter->bio = iter->bio->bi_next;
		if (!iter->bio)
			return false;
		iter->at = iter->bio->bi_iter;
	}
	bv = mp_bvec_iter_bvec(iter->bio->bi_io_vec, iter->at);
	iter->len = min(bv.bv_len, queue_max_segment_size(rq->q));
	iter->addr = asblk_dma_map_phys(dev, bvec_phys(&bv), iter->len, rq_dma_dir(rq));
	if (dma_mapping_error(dev, iter->addr)) {
		iter->status = BLK_STS_RESOURCE;
		return false;
	}
	bvec_iter_advance_single(iter->bio->bi_io_vec, &iter->at, iter->len);
	return true;
}

static inline bool asblk_dma_first(struct request *rq, struct device *dev,
				   struct asblk_dma_iova *iova, struct asblk_dma_iter *iter)
{
	iter->bio = rq->bio;
	iter->at = rq->bio->bi_iter;
	return asblk_dma_next(rq, dev, iter);
}

/* Neither all in one piece, nor undone as a whole. */
static inline bool asblk_dma_is_one(const struct asblk_dma_iova *iova)
{
	return false;
}

static inline bool asblk_dma_unmap_rq(struct request *rq, struct device *dev,
				      struct asblk_dma_iova *iova)
{
	return !dma_need_unmap(dev);
}
#endif

#endif /* _ASBLK_COMPAT_H */
