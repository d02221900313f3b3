// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI driver: probe and remove, suspend and resume, PCI error recovery.
 *
 * There is no table of IDs: only devices assigned by driver_override or new_id are bound,
 * so loading the driver is safe.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "../compat.h"
#include "nvme.h"

static unsigned int queues;
module_param(queues, uint, 0444);
MODULE_PARM_DESC(queues, "Interrupt-driven I/O queues per controller, 0 for one per CPU (default)");

static unsigned int poll_queues;
module_param(poll_queues, uint, 0444);
MODULE_PARM_DESC(poll_queues, "Polled I/O queues per controller (default 0)");

static unsigned int queue_entries = 256;
module_param(queue_entries, uint, 0444);
MODULE_PARM_DESC(queue_entries, "Entries of an I/O queue, 2 to 1024, rounded down to a power of two (default 256)");

static int map_device(struct anvme *nd)
{
	struct pci_dev *pdev = nd->pdev;
	int err;

	err = pci_enable_device_mem(pdev);
	if (err)
		return err;
	pci_set_master(pdev);
	err = pci_request_mem_regions(pdev, "asblk_nvme");
	if (err)
		goto disable;
	err = -ENODEV;
	if (pci_resource_len(pdev, 0) < NVME_REG_DBS + SZ_4K) {
		dev_err(nd->dev, "BAR 0 of %llu bytes is too small for registers and doorbells\n",
			(u64)pci_resource_len(pdev, 0));
		goto release;
	}
	err = -ENOMEM;
	nd->bar_len = min_t(u64, pci_resource_len(pdev, 0), U32_MAX);
	nd->bar = ioremap(pci_resource_start(pdev, 0), nd->bar_len);
	if (!nd->bar)
		goto release;
	err = dma_set_mask_and_coherent(nd->dev, DMA_BIT_MASK(64));
	if (err)
		goto unmap;
	/* PRPs need bounce buffers that preserve the offset within a page. */
	dma_set_min_align_mask(nd->dev, ANVME_PAGE - 1);
	dma_set_max_seg_size(nd->dev, UINT_MAX);
	/* To be restored after a slot reset. */
	pci_save_state(pdev);
	return 0;

unmap:
	iounmap(nd->bar);
release:
	pci_release_mem_regions(pdev);
disable:
	pci_disable_device(pdev);
	return err;
}

static void unmap_device(struct anvme *nd)
{
	iounmap(nd->bar);
	pci_release_mem_regions(nd->pdev);
	pci_disable_device(nd->pdev);
}

/* Limit the queues to those whose doorbells are inside the BAR. */
static void limit_queues(struct anvme *nd)
{
	unsigned int room = nd->bar_len - NVME_REG_DBS;
	unsigned int pairs = room / (2 * nd->db_stride) - 1;	/* at least 1 */

	nd->nr_poll_queues = min(nd->nr_poll_queues, pairs - 1);
	nd->nr_queues = min(nd->nr_queues, pairs - nd->nr_poll_queues);
}

static int anvme_probe(struct pci_dev *pdev, const struct pci_device_id *unused)
{
	struct anvme *nd;
	int err;

	/* driver_override can name any device. */
	if (pdev->class != PCI_CLASS_STORAGE_EXPRESS) {
		dev_err(&pdev->dev, "invalid class %06x is not that of an NVMe controller (%06x)\n",
			pdev->class, PCI_CLASS_STORAGE_EXPRESS);
		return -ENODEV;
	}
	nd = kzalloc_obj(*nd);
	if (!nd)
		return -ENOMEM;
	nd->pdev = pdev;
	nd->dev = &pdev->dev;
	nd->nr_queues = min(queues ?: nr_cpu_ids, nr_cpu_ids);
	nd->nr_poll_queues = min(poll_queues, nr_cpu_ids);
	nd->entries = queue_entries;
	anvme_init(nd);
	err = map_device(nd);
	if (err)
		goto free;
	err = anvme_alloc_vectors(nd, 0);
	if (err)
		goto unmap;
	err = anvme_start(nd);
	if (err)
		goto free_irqs;
	limit_queues(nd);
	err = anvme_realloc_vectors(nd);
	if (err) {
		anvme_release(nd);
		goto unmap;
	}
	err = anvme_add(nd);
	if (err)
		goto release;
	pci_set_drvdata(pdev, nd);
	return 0;

release:
	anvme_release(nd);
free_irqs:
	anvme_free_vectors(nd);
unmap:
	unmap_device(nd);
free:
	kfree(nd->queues);
	kfree(nd);
	return err;
}

static void anvme_remove(struct pci_dev *pdev)
{
	struct anvme *nd = pci_get_drvdata(pdev);

	if (!pci_device_is_present(pdev))
		asblk_ctrl_dead(nd->ctrl, "the device is gone");
	else
		asblk_ctrl_resume(nd->ctrl);	/* if it is paused */
	anvme_del(nd);
	anvme_free_vectors(nd);
	anvme_release(nd);
	unmap_device(nd);
	kfree(nd->queues);
	kfree(nd);
}

/* Power off or kexec: requests are neither waited for nor accepted any more. */
static void anvme_shutdown(struct pci_dev *pdev)
{
	struct anvme *nd = pci_get_drvdata(pdev);

	asblk_ctrl_pause(nd->ctrl);
	anvme_stop(nd, true);
}

static int anvme_suspend(struct device *dev)
{
	struct anvme *nd = dev_get_drvdata(dev);

	asblk_ctrl_pause(nd->ctrl);
	anvme_stop(nd, true);
	return 0;
}

static int anvme_resume(struct device *dev)
{
	struct anvme *nd = dev_get_drvdata(dev);

	return asblk_ctrl_resume(nd->ctrl);
}

static DEFINE_SIMPLE_DEV_PM_OPS(anvme_pm_ops, anvme_suspend, anvme_resume);

static void anvme_reset_prepare(struct pci_dev *pdev)
{
	struct anvme *nd = pci_get_drvdata(pdev);

	asblk_ctrl_pause(nd->ctrl);
	anvme_stop(nd, false);
}

static void anvme_reset_done(struct pci_dev *pdev)
{
	struct anvme *nd = pci_get_drvdata(pdev);

	asblk_ctrl_resume(nd->ctrl);
}

static pci_ers_result_t anvme_error_detected(struct pci_dev *pdev,
					     pci_channel_state_t state)
{
	struct anvme *nd = pci_get_drvdata(pdev);

	switch (state) {
	case pci_channel_io_normal:
		return PCI_ERS_RESULT_CAN_RECOVER;
	case pci_channel_io_frozen:
		dev_warn(nd->dev, "the link is frozen\n");
		asblk_ctrl_pause(nd->ctrl);
		asblk_admin_stop(nd->ctrl);
		return PCI_ERS_RESULT_NEED_RESET;
	default:
		asblk_ctrl_dead(nd->ctrl, "permanent PCI channel failure");
		return PCI_ERS_RESULT_DISCONNECT;
	}
}

static pci_ers_result_t anvme_slot_reset(struct pci_dev *pdev)
{
	struct anvme *nd = pci_get_drvdata(pdev);

	pci_restore_state(pdev);
	pci_save_state(pdev);
	return asblk_ctrl_resume(nd->ctrl) ? PCI_ERS_RESULT_DISCONNECT :
					     PCI_ERS_RESULT_RECOVERED;
}

static const struct pci_error_handlers anvme_error_handlers = {
	.error_detected	= anvme_error_detected,
	.slot_reset	= anvme_slot_reset,
	.reset_prepare	= anvme_reset_prepare,
	.reset_done	= anvme_reset_done,
};

static struct pci_driver anvme_driver = {
	.name		= "asblk_nvme",
	.id_table	= NULL,
	.probe		= anvme_probe,
	.remove		= anvme_remove,
	.shutdown	= anvme_shutdown,
	.driver.pm	= pm_sleep_ptr(&anvme_pm_ops),
	.err_handler	= &anvme_error_handlers,
};

static int __init anvme_module_init(void)
{
	if (queue_entries < 2 || queue_entries > ANVME_MAX_ENTRIES) {
		pr_err("invalid queue_entries=%u, must be 2 to %u\n",
		       queue_entries, ANVME_MAX_ENTRIES);
		return -EINVAL;
	}
	return pci_register_driver(&anvme_driver);
}

static void __exit anvme_module_exit(void)
{
	pci_unregister_driver(&anvme_driver);
}

module_init(anvme_module_init);
module_exit(anvme_module_exit);
MODULE_DESCRIPTION("asblk: NVMe controllers");
MODULE_LICENSE("GPL");
ASBLK_IMPORT();
