// SPDX-License-Identifier: GPL-2.0-only
/* A controller's device: enable it, set it up, reset and stop it. */
#include <linux/dma-mapping.h>
#include <linux/log2.h>
#include <linux/pci.h>

#include "nvme.h"

/*
 * Disable the controller, after writing out its caches if @orderly. Admin commands wait, those
 * in flight until they are lost. Takes up to CAP.TO. Return: 0, -ENODEV if it is gone, or
 * -ETIMEDOUT.
 */
static int disable_ctrl(struct anvme *nd, bool orderly)
{
	int err;

	asblk_admin_stop(nd->ctrl);
	anvme_mask_intx(nd, true);
	if (orderly)
		anvme_regs_shutdown(nd);
	err = anvme_regs_disable(nd);
	if (err == -ETIMEDOUT)
		dev_err(nd->dev, "failed to disable the controller, blocking its DMA\n");
	/* It may still be running, and its buffers are about to be freed. */
	if (err && nd->pdev)
		pci_clear_master(nd->pdev);
	return err;
}

/* Request queue pairs (5.27.1.5). Return: 0 with @nr reduced to what was granted. */
static int set_queue_count(struct anvme *nd, unsigned int *nr)
{
	u32 want = *nr - 1, got;
	int err = anvme_set_feature(nd, NVME_FEAT_NUM_QUEUES, want << 16 | want, &got);

	if (err) {
		dev_err(nd->dev, "failed to request I/O queues (%#x)\n", err);
		return err < 0 ? err : -EIO;
	}
	*nr = min3(*nr, (got & 0xffff) + 1, (got >> 16) + 1);
	return 0;
}

/* Shadow doorbells are optional: without memory for them the registers are used. */
static void alloc_dbbuf(struct anvme *nd)
{
	unsigned int pairs = nd->nr_queues + nd->nr_poll_queues + 1;

	if (!(le16_to_cpu(nd->id->oacs) & NVME_CTRL_OACS_DBBUF_SUPP) ||
	    2 * pairs * nd->db_stride > ANVME_PAGE)
		return;
	nd->dbbuf = dma_alloc_coherent(nd->dev, 2 * ANVME_PAGE, &nd->dbbuf_dma,
				       GFP_KERNEL);
}

void anvme_free_dbbuf(struct anvme *nd)
{
	if (nd->dbbuf)
		dma_free_coherent(nd->dev, 2 * ANVME_PAGE, nd->dbbuf, nd->dbbuf_dma);
	nd->dbbuf = NULL;
}

/* Doorbell Buffer Config (5.8). Return: 0, also if the controller refuses, or -errno. */
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

/* What the first start needs to know: limits and features. Return: 0 or a negative errno. */
int anvme_identify_first(struct anvme *nd)
{
	unsigned int nr = nd->nr_queues + nd->nr_poll_queues;
	int err = anvme_identify_ctrl(nd) ?: set_queue_count(nd, &nr);

	if (err)
		return err;
	/* Flushes need at least one queue with an interrupt. */
	nd->nr_poll_queues = min(nd->nr_poll_queues, nr - 1);
	nd->nr_queues = min(nd->nr_queues, nr - nd->nr_poll_queues);
	/* A power of two keeps command identifier FFFFh, which is reserved, unused. */
	nd->entries = rounddown_pow_of_two(min_t(u32, nd->entries,
						 NVME_CAP_MQES(nd->cap) + 1));
	alloc_dbbuf(nd);
	return anvme_features_init(nd);
}

static int identify_again(struct anvme *nd)
{
	unsigned int wanted = nd->nr_queues + nd->nr_poll_queues, nr = wanted;
	int err = anvme_check_identity(nd) ?: set_queue_count(nd, &nr);

	if (!err && nr < wanted) {
		dev_err(nd->dev, "only %u of %u queues after the reset\n", nr, wanted);
		return -EIO;
	}
	return err;
}

/* Enable a disabled controller. Its admin queue is stopped, or is being started. */
int anvme_enable(struct anvme *nd)
{
	nd->admin.sq_rung = 0;
	WRITE_ONCE(nd->admin_broken, false);
	return anvme_regs_enable(nd);
}

/* Everything that a reset undoes: the first start and each restart need all of it. */
int anvme_set_up(struct anvme *nd, int (*identify)(struct anvme *nd))
{
	int err = identify(nd) ?: setup_dbbuf(nd) ?: anvme_allow_retry_delays(nd);

	if (!err)
		anvme_events_start(nd);
	return err;
}

/* Reset a started controller. Its I/O queues no longer exist. */
int anvme_restart(struct anvme *nd)
{
	int err = disable_ctrl(nd, false);

	if (err)
		return err;
	/* Only now: DMA may have been blocked because the controller was still running. */
	if (nd->pdev)
		pci_set_master(nd->pdev);
	err = anvme_enable(nd);
	if (err)
		return err;
	asblk_admin_start(nd->ctrl);
	return anvme_set_up(nd, identify_again);
}

/*
 * Stop a controller: no DMA afterwards. @orderly: let it write out its caches first.
 * May be called again.
 */
void anvme_stop(struct anvme *nd, bool orderly)
{
	disable_ctrl(nd, orderly);
}
