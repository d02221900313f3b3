// SPDX-License-Identifier: GPL-2.0-only
/* Registers (3.1): enable and disable the controller, shut it down, mask INTx. */
#include <linux/delay.h>
#include <linux/jiffies.h>

#include "nvme.h"

/* Shutdown timeout if RTD3E is lower or 0 (5.17.2.1). */
#define SHUTDOWN_TIMEOUT_MS	5000
/* Interval at which a register is polled. */
#define POLL_MS			2

static u32 reg_read(struct anvme *nd, u32 reg)
{
	return readl(nd->bar + reg);
}

/* In two halves: not all buses support 64-bit accesses (3.1.2). */
static u64 reg_read64(struct anvme *nd, u32 reg)
{
	return reg_read(nd, reg) | (u64)reg_read(nd, reg + 4) << 32;
}

static void reg_write(struct anvme *nd, u32 reg, u32 value)
{
	writel(value, nd->bar + reg);
}

static void reg_write64(struct anvme *nd, u32 reg, u64 value)
{
	reg_write(nd, reg, lower_32_bits(value));
	reg_write(nd, reg + 4, upper_32_bits(value));
}

/* Wait until CSTS & @mask is @want. Return: 0, -ENODEV, -EIO or -ETIMEDOUT. */
static int wait_status(struct anvme *nd, u32 mask, u32 want, unsigned int ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(ms) + 1;

	for (;;) {
		bool late = time_after(jiffies, end);
		u32 csts = reg_read(nd, NVME_REG_CSTS);

		if (csts == U32_MAX)
			return -ENODEV;
		if ((csts & mask) == want)
			return 0;
		/* It does not become ready after a fatal error (3.5.1). */
		if (want == NVME_CSTS_RDY && (csts & NVME_CSTS_CFS))
			return -EIO;
		if (late)
			return -ETIMEDOUT;
		msleep(POLL_MS);
	}
}

/*
 * Mask or unmask INTx (3.1.3.3): while queues are stopped nobody reaps them, so the line
 * would stay asserted and the kernel disable it. MSI and MSI-X need no mask. Disabling
 * the controller clears the mask, and a disabled controller is left unmasked for the
 * next driver.
 */
void anvme_mask_intx(struct anvme *nd, bool mask)
{
	if (nd->intx && (reg_read(nd, NVME_REG_CC) & NVME_CC_ENABLE))
		reg_write(nd, mask ? NVME_REG_INTMS : NVME_REG_INTMC, 1);
}

static unsigned int ready_ms(const struct anvme *nd)
{
	return (NVME_CAP_TIMEOUT(nd->cap) + 1) * 500;
}

/* Disable (3.5.2). Return: 0, -ENODEV if the device is gone, or -ETIMEDOUT. */
int anvme_regs_disable(struct anvme *nd)
{
	u32 cc = reg_read(nd, NVME_REG_CC);

	if (cc == U32_MAX)
		return -ENODEV;
	if (cc & NVME_CC_ENABLE)
		reg_write(nd, NVME_REG_CC, cc & ~(NVME_CC_ENABLE | NVME_CC_SHN_MASK));
	return wait_status(nd, NVME_CSTS_RDY, 0, ready_ms(nd));
}

/* Enable a disabled controller with an empty admin queue (3.5.1). */
int anvme_regs_enable(struct anvme *nd)
{
	struct anvme_ring *r = &nd->admin.ring;
	int err;

	anvme_ring_reset(nd, r);
	reg_write(nd, NVME_REG_AQA, (r->size - 1) << 16 | (r->size - 1));
	reg_write64(nd, NVME_REG_ASQ, r->sq_dma);
	reg_write64(nd, NVME_REG_ACQ, r->cq_dma);
	reg_write(nd, NVME_REG_CC, NVME_CC_ENABLE | NVME_CC_CSS_NVM |
		  NVME_CC_AMS_RR | NVME_CC_SHN_NONE | NVME_CC_IOSQES |
		  NVME_CC_IOCQES | 0 << NVME_CC_MPS_SHIFT);
	err = wait_status(nd, NVME_CSTS_RDY, NVME_CSTS_RDY, ready_ms(nd));
	if (err)
		dev_err(nd->dev, "failed to enable the controller: %pe, CSTS %#x\n",
			ERR_PTR(err), reg_read(nd, NVME_REG_CSTS));
	else
		anvme_mask_intx(nd, false);
	return err;
}

/* Read and check CAP and VS. Return: 0 or a negative errno after a line in the log. */
int anvme_check_capabilities(struct anvme *nd)
{
	nd->cap = reg_read64(nd, NVME_REG_CAP);
	if (nd->cap == U64_MAX) {
		dev_err(nd->dev, "the device does not respond\n");
		return -ENODEV;
	}
	if (!(NVME_CAP_CSS(nd->cap) & (NVME_CAP_CSS_NVM | NVME_CAP_CSS_CSI))) {
		dev_err(nd->dev, "unsupported: no NVM command set (CAP %#llx)\n", nd->cap);
		return -EOPNOTSUPP;
	}
	if (NVME_CAP_MPSMIN(nd->cap)) {
		dev_err(nd->dev, "unsupported minimum memory page size of %u KiB, must be 4\n",
			4U << NVME_CAP_MPSMIN(nd->cap));
		return -EOPNOTSUPP;
	}
	if (!NVME_CAP_MQES(nd->cap)) {
		dev_err(nd->dev, "invalid maximum of 1 queue entry, must be at least 2\n");
		return -EOPNOTSUPP;
	}
	nd->version = reg_read(nd, NVME_REG_VS);
	nd->db_stride = 4U << NVME_CAP_STRIDE(nd->cap);
	if (nd->bar_len < NVME_REG_DBS + 4 * nd->db_stride) {
		dev_err(nd->dev, "BAR 0 of %u bytes is too small for two queue pairs, doorbell stride %u\n",
			nd->bar_len, nd->db_stride);
		return -ENODEV;
	}
	return 0;
}

/* NVM Subsystem Reset (3.7.1), of all its controllers. Its link may go down. */
void anvme_regs_reset_subsystem(struct anvme *nd)
{
	reg_write(nd, NVME_REG_NSSR, NVME_SUBSYS_RESET);
	/* Reading a register makes the write arrive. */
	dev_warn(nd->dev, "NVM subsystem reset, CSTS %#x\n", reg_read(nd, NVME_REG_CSTS));
}

/* Let an enabled controller write out its caches (3.6.1). */
void anvme_regs_shutdown(struct anvme *nd)
{
	u32 cc = reg_read(nd, NVME_REG_CC), rtd3e = le32_to_cpu(nd->id->rtd3e) / 1000;

	if (cc == U32_MAX || !(cc & NVME_CC_ENABLE))
		return;
	cc = (cc & ~NVME_CC_SHN_MASK) | NVME_CC_SHN_NORMAL;
	reg_write(nd, NVME_REG_CC, cc);
	if (wait_status(nd, NVME_CSTS_SHST_MASK, NVME_CSTS_SHST_CMPLT,
			clamp(rtd3e, SHUTDOWN_TIMEOUT_MS, 60000U)))
		dev_warn(nd->dev, "failed to shut down in time\n");
}

/* CSTS.CFS: no command completes any more, only a reset helps. */
bool anvme_is_fatal(struct anvme *nd)
{
	return reg_read(nd, NVME_REG_CSTS) & NVME_CSTS_CFS;
}
