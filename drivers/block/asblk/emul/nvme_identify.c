// SPDX-License-Identifier: GPL-2.0-only
/* Identify (5.17): what the controller and its only namespace are. */
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "../compat.h"
#include "nvme.h"
#include "options.h"

/* What linux/nvme.h has no names for, or not in all versions. */
#define CTRL_OACS_FORMAT	BIT(1)
#define CTRL_ONCS_SELECT	BIT(4)	/* Select and Save fields of the features commands */
#define CTRL_ONCS_VERIFY	BIT(7)
#define CTRL_LPA_SMART		BIT(0)	/* SMART page of a namespace */
#define CTRL_LPA_EXTENDED	BIT(2)	/* offset, and all 32 bits of the length */
#define CTRL_FRMW		(BIT(0) | 1 << 1)	/* one slot, read-only */
#define CTRL_VWC_FLUSH_ALL	(3 << 1)	/* flush of all namespaces */
#define NS_FEAT_OPTPERF		BIT(4)
#define NS_FEAT_ROTATIONAL	BIT(4)	/* of the command set independent page */
#define NS_FEAT_NO_VWC		BIT(5)	/* likewise */
#define NS_DLFEAT_ZEROES	1	/* deallocated blocks read as zeroes */
#define NS_DLFEAT_WZ_DEAC	BIT(3)	/* Write Zeroes may deallocate */
#define NS_READY		BIT(0)

#define CNS_ACTIVE_LIST_CS	0x07
#define IDENTIFY_CSI_BYTE	47
#define MPS_SHIFT		12	/* memory page size */

/* Formats: a block size each, 512 bytes times a power of two, without metadata. */
unsigned int emul_nvme_formats(void)
{
	return ilog2(asblk_max_block_size()) - SECTOR_SHIFT + 1;
}

/* A text of the device, padded with blanks. */
void emul_nvme_pad(char *dst, const char *src, size_t len)
{
	size_t used = min(strlen(src), len);

	memcpy(dst, src, used);
	memset(dst + used, ' ', len - used);
}

/**
 * struct geometry - what a format changes, and belongs together
 * @nr_blocks: capacity
 * @shift: log2 of the block size
 * @physical: physical block size in bytes
 */
struct geometry {
	u64 nr_blocks;
	u8 shift;
	u32 physical;
};

static struct geometry geometry(struct emul_device *ed)
{
	struct emul_medium *m = ed->medium;
	struct geometry g;

	spin_lock(&m->lock);
	g.nr_blocks = m->nr_blocks;
	g.shift = m->block_shift;
	g.physical = emul_options_physical_block_size(ed->options);
	spin_unlock(&m->lock);
	return g;
}

/* A number of blocks, from 0, for so many bytes; 0 for less than a block. */
static __le16 blocks_from_0(u64 bytes, u8 shift)
{
	return cpu_to_le16(clamp_t(u64, bytes >> shift, 1, U16_MAX + 1) - 1);
}

/* Optional NVM commands (5.17.2.1) */
static u16 supported_commands(const struct emul_options *o)
{
	u16 oncs = NVME_CTRL_ONCS_COMPARE | NVME_CTRL_ONCS_WRITE_UNCORRECTABLE |
		   CTRL_ONCS_SELECT | CTRL_ONCS_VERIFY;

	if (o->discard)
		oncs |= NVME_CTRL_ONCS_DSM;
	if (o->write_zeroes)
		oncs |= NVME_CTRL_ONCS_WRITE_ZEROES;
	return oncs;
}

static void identify_ctrl(struct emul_device *ed, struct nvme_id_ctrl *id)
{
	const struct emul_options *o = ed->options;
	struct geometry g = geometry(ed);
	u8 wwid[16];

	emul_nvme_pad(id->sn, o->serial, sizeof(id->sn));
	emul_nvme_pad(id->mn, o->model, sizeof(id->mn));
	emul_nvme_pad(id->fr, o->firmware_rev, sizeof(id->fr));
	/* In pages, a power of two; 0 would be no limit. What is too large the driver refuses. */
	id->mdts = max(ilog2(o->max_transfer) - MPS_SHIFT, 1);
	id->ver = cpu_to_le32(NVME_VS(2, 0, 0));
	id->cntrltype = NVME_CTRL_IO;
	id->oacs = cpu_to_le16(CTRL_OACS_FORMAT);
	id->frmw = CTRL_FRMW;
	id->lpa = CTRL_LPA_SMART | NVME_CTRL_LPA_CMD_EFFECTS_LOG | CTRL_LPA_EXTENDED;
	id->elpe = EMUL_ERRORS - 1;
	id->wctemp = cpu_to_le16(EMUL_TEMP_WARNING);
	id->cctemp = cpu_to_le16(EMUL_TEMP_CRITICAL);
	put_unaligned_le64(g.nr_blocks << g.shift, id->tnvmcap);
	id->sqes = NVME_NVM_IOSQES << 4 | NVME_NVM_IOSQES;
	id->cqes = NVME_NVM_IOCQES << 4 | NVME_NVM_IOCQES;
	id->nn = cpu_to_le32(EMUL_NSID);
	id->oncs = cpu_to_le16(supported_commands(o));
	id->vwc = CTRL_VWC_FLUSH_ALL | (o->volatile_cache ? NVME_CTRL_VWC_PRESENT : 0);
	emul_options_wwid(o, wwid);
	snprintf(id->subnqn, sizeof(id->subnqn), "nqn.2014-08.org.nvmexpress:uuid:%pUb", wwid);
}

/* Identify Namespace (NVM 4.1.5.1) */
static void identify_ns(struct emul_device *ed, struct nvme_id_ns *id)
{
	const struct emul_options *o = ed->options;
	struct emul_medium *m = ed->medium;
	struct geometry g = geometry(ed);
	unsigned int i;

	id->nsze = cpu_to_le64(g.nr_blocks);
	id->ncap = id->nsze;
	id->nuse = cpu_to_le64(min(emul_store_used(&m->store) >> g.shift, g.nr_blocks));
	id->nsfeat = NVME_NS_FEAT_THIN | NVME_NS_FEAT_ATOMICS | NS_FEAT_OPTPERF;
	id->nlbaf = emul_nvme_formats() - 1;
	id->flbas = g.shift - SECTOR_SHIFT;
	id->dlfeat = NS_DLFEAT_ZEROES | (o->write_zeroes ? NS_DLFEAT_WZ_DEAC : 0);
	id->nawun = blocks_from_0(o->atomic_unit, g.shift);
	id->nawupf = id->nawun;
	put_unaligned_le64(g.nr_blocks << g.shift, id->nvmcap);
	id->npwg = blocks_from_0(g.physical, g.shift);
	id->npwa = id->npwg;
	id->npdg = blocks_from_0(o->discard_granularity ?: PAGE_SIZE, g.shift);
	id->npda = id->npdg;
	id->nows = blocks_from_0(o->optimal_io_size, g.shift);
	id->nsattr = READ_ONCE(m->read_only) ? NVME_NS_ATTR_RO : 0;
	emul_options_wwid(o, id->nguid);
	for (i = 0; i <= id->nlbaf; i++)
		id->lbaf[i].ds = SECTOR_SHIFT + i;
}

/* I/O Command Set Independent Identify Namespace (5.17.2.8) */
static void identify_ns_any(struct emul_device *ed, struct nvme_id_ns_cs_indep *id)
{
	const struct emul_options *o = ed->options;

	id->nsfeat = (o->rotational ? NS_FEAT_ROTATIONAL : 0) |
		     (o->volatile_cache ? 0 : NS_FEAT_NO_VWC);
	id->nsattr = READ_ONCE(ed->medium->read_only) ? NVME_NS_ATTR_RO : 0;
	id->nstat = READ_ONCE(ed->medium->loaded) ? NS_READY : 0;
}

/* Namespace Identification Descriptors (5.17.2.3) */
static void identify_descriptors(struct emul_device *ed, void *data)
{
	struct nvme_ns_id_desc *desc = data;

	desc->nidt = NVME_NIDT_NGUID;
	desc->nidl = NVME_NIDT_NGUID_LEN;
	emul_options_wwid(ed->options, (u8 *)(desc + 1));
	desc = (void *)(desc + 1) + NVME_NIDT_NGUID_LEN;
	desc->nidt = NVME_NIDT_CSI;
	desc->nidl = NVME_NIDT_CSI_LEN;
	*(u8 *)(desc + 1) = NVME_CSI_NVM;
}

/* Limits of commands that transfer no data (NVM 4.1.5.2). */
static void identify_limits(struct nvme_id_ctrl_nvm *id)
{
	id->dmrl = EMUL_MAX_RANGES;
}

static u16 identify_namespace(struct emul_device *ed, struct emul_command *cmd, void *data)
{
	if (le32_to_cpu(cmd->nvme->identify.nsid) != EMUL_NSID)
		return NVME_SC_INVALID_NS | NVME_STATUS_DNR;
	switch (cmd->nvme->identify.cns) {
	case NVME_ID_CNS_NS:
		identify_ns(ed, data);
		break;
	case NVME_ID_CNS_NS_DESC_LIST:
		identify_descriptors(ed, data);
		break;
	case NVME_ID_CNS_NS_CS_INDEP:
		identify_ns_any(ed, data);
		break;
	default:	/* of the NVM command set: no protection information, all zeroes */
		break;
	}
	return 0;
}

/* The active namespaces (5.17.2.2) after the one that the command names. */
static u16 identify_list(struct emul_command *cmd, __le32 *list)
{
	u32 nsid = le32_to_cpu(cmd->nvme->identify.nsid);

	if (nsid >= NVME_NSID_ALL - 1)
		return NVME_SC_INVALID_NS | NVME_STATUS_DNR;
	if (nsid < EMUL_NSID)
		list[0] = cpu_to_le32(EMUL_NSID);
	return 0;
}

static u16 identify(struct emul_device *ed, struct emul_command *cmd, void *data)
{
	const struct nvme_identify *nc = &cmd->nvme->identify;

	switch (nc->cns) {
	case NVME_ID_CNS_CTRL:
		identify_ctrl(ed, data);
		return 0;
	case NVME_ID_CNS_CS_NS:
	case NVME_ID_CNS_CS_CTRL:
	case CNS_ACTIVE_LIST_CS:
		if (nc->csi != NVME_CSI_NVM)
			return emul_nvme_wrong(cmd, IDENTIFY_CSI_BYTE);
		break;
	}
	switch (nc->cns) {
	case NVME_ID_CNS_NS_ACTIVE_LIST:
	case CNS_ACTIVE_LIST_CS:
		return identify_list(cmd, data);
	case NVME_ID_CNS_CS_CTRL:
		identify_limits(data);
		return 0;
	case NVME_ID_CNS_NS:
	case NVME_ID_CNS_NS_DESC_LIST:
	case NVME_ID_CNS_CS_NS:
	case NVME_ID_CNS_NS_CS_INDEP:
		return identify_namespace(ed, cmd, data);
	default:
		return emul_nvme_wrong(cmd, offsetof(struct nvme_identify, cns));
	}
}

/* Context: may sleep. */
u16 emul_nvme_identify(struct emul_device *ed, struct emul_command *cmd)
{
	void *data;
	u16 status;

	static_assert(sizeof(struct nvme_id_ctrl) == NVME_IDENTIFY_DATA_SIZE &&
		      sizeof(struct nvme_id_ns) == NVME_IDENTIFY_DATA_SIZE);

	if (emul_nvme_bytes(cmd) != NVME_IDENTIFY_DATA_SIZE)
		return NVME_SC_SGL_INVALID_DATA | NVME_STATUS_DNR;
	data = kzalloc(NVME_IDENTIFY_DATA_SIZE, EMUL_GFP_WAIT);
	if (!data)
		return NVME_SC_INTERNAL;
	status = identify(ed, cmd, data);
	if (!status)
		emul_nvme_reply(cmd, data, NVME_IDENTIFY_DATA_SIZE);
	kfree(data);
	return status;
}
