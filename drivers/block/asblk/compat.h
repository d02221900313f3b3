/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The newest interface (Linux 7.2) for older kernels, down to 6.12.97. The only
 * file that looks at the kernel's version.
 */
#ifndef _ASBLK_COMPAT_H
#define _ASBLK_COMPAT_H

#include <linux/blk-mq.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 97)
#error "asblk needs Linux 6.12.97 or later"
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

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
/* Merging became unconditional, atomic writes became a choice. */
#define ASBLK_MQ_F_SHOULD_MERGE		BLK_MQ_F_SHOULD_MERGE
#define ASBLK_FEAT_ATOMIC_WRITES	((__force blk_features_t)0)

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
#define ASBLK_FEAT_ATOMIC_WRITES	BLK_FEAT_ATOMIC_WRITES
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

#endif /* _ASBLK_COMPAT_H */
