// SPDX-License-Identifier: GPL-2.0-only
/* The life of a controller: start, reset, stop. */
#include <kunit/visibility.h>
#include <linux/dma-mapping.h>
#include <linux/export.h>
#include <linux/log2.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "nvme.h"

/*
 * Make the controller forget everything (3.5.2). One that does not obey is cut off from
 * memory: that is about to be given back. Admin commands in flight fail. It takes as long
 * as CAP.TO says. Return: 0, -ENODEV if it is gone, or -ETIMEDOUT.
 */
static int disable(struct anvme *nd)
{
	int err;

	anvme_admin_down(nd);
	anvme_mask_intx(nd, true);
	err = anvme_regs_disable(nd);
	if (err == -ETIMEDOUT)
		dev_err(nd->dev, "the controller cannot be disabled, it is cut off from memory\n");
	/* Nor is one that does not answer known to have stopped. */
	if (err && nd->pdev)
		pci_clear_master(nd->pdev);
	anvme_admin_flush(nd);
	return err;
}

/* Ask for queue pairs (5.27.1.5). Return: 0 with @nr lowered to what there is. */
static int set_queue_count(struct anvme *nd, unsigned int *nr)
{
	u32 want = *nr - 1, got;
	int err = anvme_set_feature(nd, NVME_FEAT_NUM_QUEUES, want << 16 | want, &got);

	if (err) {
		dev_err(nd->dev, "the controller gives no I/O queues (%#x)\n", err);
		return err < 0 ? err : -EIO;
	}
	*nr = min3(*nr, (got & 0xffff) + 1, (got >> 16) + 1);
	return 0;
}

/* Shadow doorbells (5.8), where the controller has them. Return: 0 or -errno. */
static int setup_dbbuf(struct anvme *nd)
{
	struct nvme_command cmd = { .dbbuf.opcode = nvme_admin_dbbuf };
	int err;

	nd->shadows = false;
	if (!nd->dbbuf)
		return 0;
	memset(nd->dbbuf, 0, 2 * ANVME_PAGE);
	cmd.dbbuf.prp1 = cpu_to_le64(nd->dbbuf_dma);
	cmd.dbbuf.prp2 = cpu_to_le64(nd->dbbuf_dma + ANVME_PAGE);
	err = anvme_admin(nd, &cmd, NULL);
	if (err < 0)
		return err;
	nd->shadows = !err;
	return 0;
}

static void alloc_dbbuf(struct anvme *nd)
{
	unsigned int pairs = nd->nr_queues + nd->nr_poll_queues + 1;

	/* Doorbells of all queues fit a page or there are no shadows: an option. */
	if (!(le16_to_cpu(nd->id->oacs) & NVME_CTRL_OACS_DBBUF_SUPP) ||
	    2 * pairs * nd->db_stride > ANVME_PAGE)
		return;
	nd->dbbuf = dma_alloc_coherent(nd->dev, 2 * ANVME_PAGE, &nd->dbbuf_dma,
				       GFP_KERNEL);
}

/* Nothing that the controller reports is looked at any more. */
static void disable_works(struct anvme *nd)
{
	disable_work_sync(&nd->scan);
	disable_work_sync(&nd->events);
}

/**
 * anvme_start - bring a controller up, for the first time
 * @nd: controller with device, registers and the wanted numbers of queues
 *
 * Afterwards admin commands work, and &anvme.nr_queues, nr_poll_queues, entries and
 * max_bytes are what the controller allows.
 *
 * Context: may sleep.
 * Return: 0, or a negative errno after a line in the log, with nothing left behind.
 */
int anvme_start(struct anvme *nd)
{
	unsigned int nr;
	int err;

	err = anvme_check_capabilities(nd);
	if (err)
		return err;
	err = anvme_regs_disable(nd);
	if (err) {
		dev_err(nd->dev, "the controller cannot be disabled (%d)\n", err);
		return err;
	}
	err = anvme_alloc_identity(nd);
	if (err)
		return err;
	err = anvme_admin_alloc(nd);
	if (err)
		goto free_id;
	err = anvme_regs_enable(nd);
	if (err)
		goto free_admin;
	anvme_admin_up(nd);
	err = anvme_identify_ctrl(nd);
	if (err)
		goto down;
	nr = nd->nr_queues + nd->nr_poll_queues;
	err = set_queue_count(nd, &nr);
	if (err)
		goto down;
	/* One with an interrupt at least, for the flushes if for nothing else. */
	nd->nr_poll_queues = min(nd->nr_poll_queues, nr - 1);
	nd->nr_queues = min(nd->nr_queues, nr - nd->nr_poll_queues);
	/* A power of two keeps the identifier FFFFh, which means none, out of use. */
	nd->entries = rounddown_pow_of_two(min_t(u32, nd->entries,
						 NVME_CAP_MQES(nd->cap) + 1));
	alloc_dbbuf(nd);
	err = setup_dbbuf(nd);
	if (!err)
		err = anvme_allow_retry_delays(nd);
	if (err)
		goto down;
	err = anvme_features_init(nd);
	if (err)
		goto down;
	anvme_events_start(nd);
	return 0;

down:
	disable(nd);
	disable_works(nd);
	if (nd->dbbuf)
		dma_free_coherent(nd->dev, 2 * ANVME_PAGE, nd->dbbuf, nd->dbbuf_dma);
free_admin:
	disable(nd);
	anvme_admin_free(nd);
free_id:
	anvme_free_identity(nd);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(anvme_start);

/**
 * anvme_restart - reset a controller; its I/O queues are gone afterwards
 * @nd: controller that was started
 *
 * Context: may sleep.
 * Return: 0 or a negative errno.
 */
int anvme_restart(struct anvme *nd)
{
	unsigned int wanted = nd->nr_queues + nd->nr_poll_queues, nr = wanted;
	int err;

	err = disable(nd);
	if (err)
		return err;
	/* Not before: it may have been cut off from memory that is not its any more. */
	if (nd->pdev)
		pci_set_master(nd->pdev);
	err = anvme_regs_enable(nd);
	if (err)
		return err;
	anvme_admin_up(nd);
	err = anvme_check_identity(nd);
	if (!err)
		err = anvme_allow_retry_delays(nd);
	if (err)
		return err;
	err = set_queue_count(nd, &nr);
	if (err)
		return err;
	if (nr < wanted) {
		dev_err(nd->dev, "only %u of %u queues are left\n", nr, wanted);
		return -EIO;
	}
	err = setup_dbbuf(nd);
	if (err)
		return err;
	anvme_events_start(nd);
	return 0;
}

/**
 * anvme_stop - shut a controller down
 * @nd: controller
 * @orderly: let it write out its caches first (3.6.1); else it is stopped as it is
 *
 * It touches no memory afterwards. Harmless if it has been done before.
 *
 * Context: may sleep.
 */
void anvme_stop(struct anvme *nd, bool orderly)
{
	anvme_admin_down(nd);
	anvme_mask_intx(nd, true);
	if (orderly)
		anvme_regs_shutdown(nd);
	disable(nd);
}
EXPORT_SYMBOL_IF_KUNIT(anvme_stop);

/**
 * anvme_release - free what anvme_start() allocated
 * @nd: controller that is stopped
 */
void anvme_release(struct anvme *nd)
{
	disable_works(nd);
	if (nd->dbbuf)
		dma_free_coherent(nd->dev, 2 * ANVME_PAGE, nd->dbbuf, nd->dbbuf_dma);
	anvme_admin_free(nd);
	anvme_free_identity(nd);
}
EXPORT_SYMBOL_IF_KUNIT(anvme_release);

static void scan_work(struct work_struct *work)
{
	anvme_scan(container_of(work, struct anvme, scan));
}

/**
 * anvme_init - prepare the memory of a controller
 * @nd: controller, zeroed; before its interrupt can come
 */
void anvme_init(struct anvme *nd)
{
	mutex_init(&nd->scan_lock);
	INIT_LIST_HEAD(&nd->namespaces);
	anvme_admin_init(nd);
	INIT_WORK(&nd->scan, scan_work);
	anvme_events_init(nd);
}
EXPORT_SYMBOL_IF_KUNIT(anvme_init);
