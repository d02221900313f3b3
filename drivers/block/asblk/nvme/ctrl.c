// SPDX-License-Identifier: GPL-2.0-only
/* The controller as a whole: enable, disable, shut down, identify. */
#include <kunit/visibility.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/export.h>
#include <linux/log2.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "nvme.h"

/* What a shutdown may take where the controller does not say (5.17.2.1, RTD3E). */
#define SHUTDOWN_TIMEOUT_MS	5000
/* Between two looks at a register that is waited for. */
#define POLL_MS			2

static u32 reg_read(struct anvme *nd, u32 reg)
{
	return readl(nd->bar + reg);
}

/* Two halves: not every way to a device carries 64 bits at once (3.1.2). */
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
		/* It will not become ready in this state (3.5.1). */
		if (want == NVME_CSTS_RDY && (csts & NVME_CSTS_CFS))
			return -EIO;
		if (late)
			return -ETIMEDOUT;
		msleep(POLL_MS);
	}
}

/**
 * anvme_mask_wire - have the controller keep quiet, or speak up again (3.1.3.3)
 * @nd: controller
 * @mask: which
 *
 * While queues are stopped nobody takes their completions: a line would stay asserted,
 * and the kernel turn it off for good. Messages just come to nothing.
 *
 * Nothing is left behind for other drivers: being disabled ends the mask, and one that
 * is disabled gets none.
 *
 * Context: any.
 */
void anvme_mask_wire(struct anvme *nd, bool mask)
{
	if (nd->wire && (reg_read(nd, NVME_REG_CC) & NVME_CC_ENABLE))
		reg_write(nd, mask ? NVME_REG_INTMS : NVME_REG_INTMC, 1);
}

static unsigned int ready_ms(const struct anvme *nd)
{
	return (NVME_CAP_TIMEOUT(nd->cap) + 1) * 500;
}

static int disable(struct anvme *nd)
{
	u32 cc = reg_read(nd, NVME_REG_CC);

	if (cc == U32_MAX)
		return -ENODEV;
	if (cc & NVME_CC_ENABLE)
		reg_write(nd, NVME_REG_CC, cc & ~(NVME_CC_ENABLE | NVME_CC_SHN_MASK));
	return wait_status(nd, NVME_CSTS_RDY, 0, ready_ms(nd));
}

/**
 * anvme_disable - make the controller forget everything (3.5.2)
 * @nd: controller
 *
 * One that does not obey is cut off from memory: that is about to be given back.
 * Admin commands in flight fail.
 *
 * Context: may sleep, for as long as the controller says in CAP.TO.
 * Return: 0, -ENODEV if it is gone, or -ETIMEDOUT.
 */
int anvme_disable(struct anvme *nd)
{
	int err;

	anvme_admin_down(nd);
	anvme_mask_wire(nd, true);
	err = disable(nd);
	if (err == -ETIMEDOUT)
		dev_err(nd->dev, "the controller cannot be disabled, it is cut off from memory\n");
	/* Nor is one that does not answer known to have stopped. */
	if (err && nd->pdev)
		pci_clear_master(nd->pdev);
	anvme_admin_flush(nd);
	return err;
}

/* Disabled to ready, with an empty admin queue (3.5.1). */
static int enable(struct anvme *nd)
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
		dev_err(nd->dev, "the controller does not become ready (%d), status %#x\n",
			err, reg_read(nd, NVME_REG_CSTS));
	else
		anvme_mask_wire(nd, false);
	return err;
}

static int check_capabilities(struct anvme *nd)
{
	nd->cap = reg_read64(nd, NVME_REG_CAP);
	if (nd->cap == U64_MAX) {
		dev_err(nd->dev, "the controller does not answer\n");
		return -ENODEV;
	}
	if (!(NVME_CAP_CSS(nd->cap) & (NVME_CAP_CSS_NVM | NVME_CAP_CSS_CSI))) {
		dev_err(nd->dev, "no NVM command set (capabilities %#llx)\n", nd->cap);
		return -EOPNOTSUPP;
	}
	if (NVME_CAP_MPSMIN(nd->cap)) {
		dev_err(nd->dev, "the controller wants memory pages of %u KiB, we have 4\n",
			4U << NVME_CAP_MPSMIN(nd->cap));
		return -EOPNOTSUPP;
	}
	if (!NVME_CAP_MQES(nd->cap)) {
		dev_err(nd->dev, "queues of one entry cannot be used\n");
		return -EOPNOTSUPP;
	}
	nd->version = reg_read(nd, NVME_REG_VS);
	nd->db_stride = 4U << NVME_CAP_STRIDE(nd->cap);
	if (nd->bar_len < NVME_REG_DBS + 4 * nd->db_stride) {
		dev_err(nd->dev, "registers of %u bytes have no room for doorbells %u bytes apart\n",
			nd->bar_len, nd->db_stride);
		return -ENODEV;
	}
	return 0;
}

/* A fixed-length string of the device, without its padding and without surprises. */
static void copy_string(char *dst, const char *src, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		dst[i] = src[i] >= ' ' && src[i] <= '~' ? src[i] : ' ';
	while (i && dst[i - 1] == ' ')
		i--;
	dst[i] = '\0';
}

static int identify_controller(struct anvme *nd)
{
	struct nvme_id_ctrl *id = nd->id;
	int err = anvme_identify(nd, NVME_ID_CNS_CTRL, 0, id);

	if (err) {
		dev_err(nd->dev, "Identify Controller failed (%#x)\n", err);
		return err < 0 ? err : -EIO;
	}
	/* Required entry sizes are 64 and 16 bytes; more is the controller's choice. */
	if ((id->sqes & 0xf) > NVME_NVM_IOSQES || id->sqes >> 4 < NVME_NVM_IOSQES ||
	    (id->cqes & 0xf) > NVME_NVM_IOCQES || id->cqes >> 4 < NVME_NVM_IOCQES) {
		dev_err(nd->dev, "queue entry sizes %#x and %#x are impossible\n",
			id->sqes, id->cqes);
		return -EOPNOTSUPP;
	}
	if (id->cntrltype && id->cntrltype != NVME_CTRL_IO) {
		dev_err(nd->dev, "controller type %u has no namespaces to read\n",
			id->cntrltype);
		return -EOPNOTSUPP;
	}
	copy_string(nd->model, id->mn, sizeof(id->mn));
	copy_string(nd->serial, id->sn, sizeof(id->sn));
	copy_string(nd->firmware, id->fr, sizeof(id->fr));
	nd->max_bytes = ANVME_MAX_BYTES;
	if (id->mdts && id->mdts < 16)
		nd->max_bytes = min_t(u64, nd->max_bytes, (u64)ANVME_PAGE << id->mdts);
	return 0;
}

/*
 * Is it still the same controller, after a time in which anything can have happened? As
 * all of a reset without an allocation: memory may have to be written out to it first.
 */
static int check_identity(struct anvme *nd)
{
	struct nvme_command cmd = {
		.identify.opcode	= nvme_admin_identify,
		.identify.dptr.prp1	= cpu_to_le64(nd->again_dma),
		.identify.cns		= NVME_ID_CNS_CTRL,
	};
	const struct nvme_id_ctrl *id = nd->again;
	int err = anvme_admin(nd, &cmd, NULL);

	if (!err && (memcmp(id->sn, nd->id->sn, sizeof(id->sn)) ||
		     memcmp(id->mn, nd->id->mn, sizeof(id->mn)) ||
		     memcmp(id->subnqn, nd->id->subnqn, sizeof(id->subnqn)))) {
		dev_err(nd->dev, "another controller is in the place of %s %s: %.40s %.20s\n",
			nd->model, nd->serial, id->mn, id->sn);
		err = -ENODEV;
	}
	return err > 0 ? -EIO : err;
}

/* Have it say when to try again (5.27.1.18), which is off after each reset. */
static int allow_retry_delays(struct anvme *nd)
{
	struct nvme_command cmd = {
		.features.opcode	= nvme_admin_set_features,
		.features.dptr.prp1	= cpu_to_le64(nd->again_dma),
		.features.fid		= cpu_to_le32(NVME_FEAT_HOST_BEHAVIOR),
	};
	struct nvme_feat_host_behavior *host = (void *)nd->again;

	if (!nd->id->crdt1 && !nd->id->crdt2 && !nd->id->crdt3)
		return 0;
	memset(host, 0, sizeof(*host));
	host->acre = 1;
	/* Without, things are tried again at once. */
	return min(anvme_admin(nd, &cmd, NULL), 0);
}

/* So many LBAs of the smallest size as whole LBAs of any size, in bytes. */
static u64 lbas_to_bytes(u64 nr)
{
	nr = min(nr, U32_MAX);
	return round_down(nr << SECTOR_SHIFT, ANVME_MAX_LBA);
}

/* Limits of Dataset Management (NVM 3.2.3) and Write Zeroes (NVM 3.2.8). */
static void set_command_limits(struct anvme *nd, const struct nvme_id_ctrl_nvm *id)
{
	u16 oncs = le16_to_cpu(nd->id->oncs);
	u64 total = le64_to_cpu(id->dmsl);	/* LBAs in all ranges of a command */
	u64 range = le32_to_cpu(id->dmrsl) ?: U32_MAX;
	u64 zeroes = (u64)SZ_64K << SECTOR_SHIFT;	/* its length has 16 bits */
	u32 nr = id->dmrl ?: NVME_DSM_MAX_RANGES;

	range = lbas_to_bytes(min_not_zero(range, total));
	if (range && total)
		nr = clamp_t(u64, div64_u64(total, range >> SECTOR_SHIFT), 1, nr);
	if (id->wzsl && id->wzsl < 16)
		zeroes = min(zeroes, (u64)ANVME_PAGE << id->wzsl);
	/* What does not take an LBA of any size is done without. */
	nd->max_ranges = range && (oncs & NVME_CTRL_ONCS_DSM) ? nr : 0;
	nd->max_range_bytes = range;
	nd->max_zeroes_bytes = 0;
	if ((oncs & NVME_CTRL_ONCS_WRITE_ZEROES) && zeroes >= ANVME_MAX_LBA)
		nd->max_zeroes_bytes = zeroes;
}

/* What MDTS does not limit (NVM 4.1.5, CNS 06h). Return: 0 or -errno. */
static int identify_limits(struct anvme *nd)
{
	struct nvme_id_ctrl_nvm *id = kzalloc_obj(*id);
	int err = 0;

	if (!id)
		return -ENOMEM;
	/* Controllers from before it existed would put the question into their error log. */
	if ((NVME_CAP_CSS(nd->cap) & NVME_CAP_CSS_CSI) ||
	    nd->version >= NVME_VS(2, 0, 0))
		err = anvme_identify(nd, NVME_ID_CNS_CS_CTRL, 0, id);
	if (err >= 0)
		set_command_limits(nd, id);
	kfree(id);
	return min(err, 0);
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

static void free_identity(struct anvme *nd)
{
	kfree(nd->id);
	if (nd->again)
		dma_free_coherent(nd->dev, ANVME_PAGE, nd->again, nd->again_dma);
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

/* What the controller is, and room for what it will be after a reset. */
static int alloc_identity(struct anvme *nd)
{
	nd->id = kzalloc_obj(*nd->id);
	nd->again = dma_alloc_coherent(nd->dev, ANVME_PAGE, &nd->again_dma, GFP_KERNEL);
	if (nd->id && nd->again)
		return 0;
	free_identity(nd);
	return -ENOMEM;
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

	err = check_capabilities(nd);
	if (err)
		return err;
	err = disable(nd);
	if (err) {
		dev_err(nd->dev, "the controller cannot be disabled (%d)\n", err);
		return err;
	}
	err = alloc_identity(nd);
	if (err)
		return err;
	err = anvme_admin_alloc(nd);
	if (err)
		goto free_id;
	err = enable(nd);
	if (err)
		goto free_admin;
	anvme_admin_up(nd);
	err = identify_controller(nd) ?: identify_limits(nd);
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
		err = allow_retry_delays(nd);
	if (err)
		goto down;
	err = anvme_features_init(nd);
	if (err)
		goto down;
	anvme_events_start(nd);
	return 0;

down:
	anvme_disable(nd);
	disable_works(nd);
	if (nd->dbbuf)
		dma_free_coherent(nd->dev, 2 * ANVME_PAGE, nd->dbbuf, nd->dbbuf_dma);
free_admin:
	anvme_disable(nd);
	anvme_admin_free(nd);
free_id:
	free_identity(nd);
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

	err = anvme_disable(nd);
	if (err)
		return err;
	/* Not before: it may have been cut off from memory that is not its any more. */
	if (nd->pdev)
		pci_set_master(nd->pdev);
	err = enable(nd);
	if (err)
		return err;
	anvme_admin_up(nd);
	err = check_identity(nd);
	if (!err)
		err = allow_retry_delays(nd);
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
	u32 cc, rtd3e = le32_to_cpu(nd->id->rtd3e) / 1000;

	anvme_admin_down(nd);
	anvme_mask_wire(nd, true);
	cc = reg_read(nd, NVME_REG_CC);
	if (orderly && cc != U32_MAX && (cc & NVME_CC_ENABLE)) {
		cc = (cc & ~NVME_CC_SHN_MASK) | NVME_CC_SHN_NORMAL;
		reg_write(nd, NVME_REG_CC, cc);
		if (wait_status(nd, NVME_CSTS_SHST_MASK, NVME_CSTS_SHST_CMPLT,
				clamp(rtd3e, SHUTDOWN_TIMEOUT_MS, 60000U)))
			dev_warn(nd->dev, "the controller does not shut down\n");
	}
	anvme_disable(nd);
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
	free_identity(nd);
}
EXPORT_SYMBOL_IF_KUNIT(anvme_release);

static void scan_work(struct work_struct *work)
{
	anvme_scan(container_of(work, struct anvme, scan));
}

static int create_ctrl(struct anvme *nd)
{
	unsigned int nr_slots = nd->entries - 1;
	/* A quarter of the slots for the parts of split requests. */
	unsigned int nr_extra = nr_slots / 4;
	struct asblk_ctrl_params cp = {
		.model		= nd->model,
		.serial		= nd->serial,
		.firmware_rev	= nd->firmware,
		.limits = {
			.max_bytes		= nd->max_bytes,
			.max_segments		= nd->max_bytes / ANVME_PAGE + 1,
			.max_segment_bytes	= nd->max_bytes,
			.seg_boundary_mask	= U64_MAX,
			.virt_boundary_mask	= ANVME_PAGE - 1,
			.dma_alignment_mask	= 3,
			/* Even those of commands that are not used must be possible. */
			.max_ranges		= nd->max_ranges ?: 1,
			.max_range_bytes	= nd->max_range_bytes ?: ANVME_MAX_LBA,
			.max_zeroes_bytes	= nd->max_zeroes_bytes ?: ANVME_MAX_LBA,
		},
		.nr_queues	= nd->nr_queues,
		.nr_poll_queues	= nd->nr_poll_queues,
		.queue_depth	= nr_slots - nr_extra,
		.nr_extra_slots	= nr_extra,
		.max_retries	= 5,
		.cache_off	= nd->cache_off,
		.node		= dev_to_node(nd->dev),
		.dma_dev	= nd->dev,
	};

	nd->queues = kcalloc(nd->nr_queues + nd->nr_poll_queues,
			     sizeof(*nd->queues), GFP_KERNEL);
	if (!nd->queues)
		return -ENOMEM;
	nd->ctrl = asblk_ctrl_create(&anvme_ops, &cp, nd->dev, nd);
	return PTR_ERR_OR_ZERO(nd->ctrl);
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

/**
 * anvme_add - give a controller to the engine, and its namespaces to users
 * @nd: controller that was started and has its interrupts
 *
 * Context: may sleep.
 * Return: 0 or a negative errno; &anvme.queues is to be freed in both cases.
 */
int anvme_add(struct anvme *nd)
{
	int err = create_ctrl(nd);

	if (err)
		return err;
	anvme_scan(nd);
	anvme_hwmon_add(nd);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(anvme_add);

/**
 * anvme_del - take a controller away from its users, and stop it
 * @nd: controller
 *
 * Context: may sleep.
 */
void anvme_del(struct anvme *nd)
{
	/* Nothing that the controller reports is acted upon any more. */
	WRITE_ONCE(nd->going, true);
	disable_work_sync(&nd->events);
	anvme_hwmon_remove(nd);
	/* A reset may have it look for namespaces once more: not after this. */
	disable_work_sync(&nd->scan);
	anvme_remove_namespaces(nd);
	asblk_ctrl_destroy(nd->ctrl);
	anvme_stop(nd, true);
}
EXPORT_SYMBOL_IF_KUNIT(anvme_del);
