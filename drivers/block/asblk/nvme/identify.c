// SPDX-License-Identifier: GPL-2.0-only
/* Identify Controller: limits, and whether it is still the same one after a reset. */
#include <linux/dma-mapping.h>
#include <linux/slab.h>

#include "nvme.h"

/* A fixed-length string of the device, without padding and unprintable characters. */
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
		dev_err(nd->dev, "failed to identify the controller (%#x)\n", err);
		return err < 0 ? err : -EIO;
	}
	/* Entries are 64 and 16 bytes: between the required and the maximum size. */
	if ((id->sqes & 0xf) > NVME_NVM_IOSQES || id->sqes >> 4 < NVME_NVM_IOSQES ||
	    (id->cqes & 0xf) > NVME_NVM_IOCQES || id->cqes >> 4 < NVME_NVM_IOCQES) {
		dev_err(nd->dev, "invalid queue entry sizes %#x and %#x: must include 64 and 16 bytes\n",
			id->sqes, id->cqes);
		return -EOPNOTSUPP;
	}
	if (id->cntrltype && id->cntrltype != NVME_CTRL_IO) {
		dev_err(nd->dev, "unsupported controller type %u, must be an I/O controller (1)\n",
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
 * Check that the controller was not replaced during the reset. Like all of a reset this
 * must not allocate: memory reclaim may wait for I/O to this controller.
 */
int anvme_check_identity(struct anvme *nd)
{
	struct nvme_command cmd = {
		.identify.opcode	= nvme_admin_identify,
		.identify.dptr.prp1	= cpu_to_le64(nd->recheck_dma),
		.identify.cns		= NVME_ID_CNS_CTRL,
	};
	const struct nvme_id_ctrl *id = nd->recheck;
	int err = anvme_admin(nd, &cmd, NULL);

	if (!err && (memcmp(id->sn, nd->id->sn, sizeof(id->sn)) ||
		     memcmp(id->mn, nd->id->mn, sizeof(id->mn)) ||
		     memcmp(id->subnqn, nd->id->subnqn, sizeof(id->subnqn)))) {
		dev_err(nd->dev, "%s %s was replaced by %*pE %*pE\n",
			nd->model, nd->serial, (int)sizeof(id->mn), id->mn,
			(int)sizeof(id->sn), id->sn);
		err = -ENODEV;
	}
	return err > 0 ? -EIO : err;
}

/* @nr LBAs of the smallest size, in bytes, rounded down to LBAs of the largest size. */
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
	/* Commands limited to less than the largest LBA are not used. */
	nd->max_ranges = range && (oncs & NVME_CTRL_ONCS_DSM) ? nr : 0;
	nd->max_range_bytes = range;
	nd->max_zeroes_bytes = 0;
	if ((oncs & NVME_CTRL_ONCS_WRITE_ZEROES) && zeroes >= ANVME_MAX_LBA)
		nd->max_zeroes_bytes = zeroes;
}

/* Limits of commands that MDTS does not apply to (NVM 4.1.5, CNS 06h). */
static int identify_limits(struct anvme *nd)
{
	struct nvme_id_ctrl_nvm *id = kzalloc_obj(*id);
	int err = 0;

	if (!id)
		return -ENOMEM;
	/* Older controllers would record the unknown CNS in their error log. */
	if ((NVME_CAP_CSS(nd->cap) & NVME_CAP_CSS_CSI) ||
	    nd->version >= NVME_VS(2, 0, 0))
		err = anvme_identify(nd, NVME_ID_CNS_CS_CTRL, 0, id);
	if (err >= 0)
		set_command_limits(nd, id);
	kfree(id);
	return min(err, 0);
}

/* Return: 0 or a negative errno after a line in the log. */
int anvme_identify_ctrl(struct anvme *nd)
{
	return identify_controller(nd) ?: identify_limits(nd);
}

void anvme_free_identity(struct anvme *nd)
{
	kfree(nd->id);
	nd->id = NULL;
	if (nd->recheck)
		dma_free_coherent(nd->dev, ANVME_PAGE, nd->recheck, nd->recheck_dma);
	nd->recheck = NULL;
}

/* Return: 0 or -ENOMEM; anvme_free_identity() is to be called in both cases. */
int anvme_alloc_identity(struct anvme *nd)
{
	static_assert(sizeof(*nd->recheck) == ANVME_PAGE);

	nd->id = kzalloc_obj(*nd->id);
	nd->recheck = dma_alloc_coherent(nd->dev, ANVME_PAGE, &nd->recheck_dma, GFP_KERNEL);
	return nd->id && nd->recheck ? 0 : -ENOMEM;
}
