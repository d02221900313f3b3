// SPDX-License-Identifier: GPL-2.0-only
/* Namespaces: each one that can be driven is a disk. */
#include <linux/delay.h>
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "nvme.h"

/* More would be a mistake of the controller, or of ours. */
#define MAX_NAMESPACES	1024

/* How long a format waits for those who look for namespaces. */
#define FORMAT_WAIT_MS	1000
#define FORMAT_POLL_MS	20

/* What Identify Namespace (NVM 4.1.5.1) says, or why it cannot be driven. */
static const char *ns_parse(const struct nvme_id_ns *id, struct anvme_ns *ns)
{
	const struct nvme_lbaf *lbaf;
	u64 nr_bytes;
	u8 format = id->flbas & NVME_NS_FLBAS_LBA_MASK;

	if (id->nlbaf >= 16)
		format = nvme_lbaf_index(id->flbas);
	if (format > id->nlbaf || format >= ARRAY_SIZE(id->lbaf))
		return "its LBA format does not exist";
	lbaf = &id->lbaf[format];
	if (lbaf->ds < SECTOR_SHIFT || lbaf->ds > ilog2(ANVME_MAX_LBA))
		return "its LBA size is impossible";
	if (1U << lbaf->ds > asblk_max_block_size())
		return "its LBAs are larger than this kernel takes";
	if (le16_to_cpu(lbaf->ms))
		return "it has metadata";
	if (id->dps & NVME_NS_DPS_PI_MASK)
		return "it has protection information";
	ns->shift = lbaf->ds;
	ns->nr_blocks = le64_to_cpu(id->nsze);
	if (check_shl_overflow(ns->nr_blocks, ns->shift, &nr_bytes) ||
	    nr_bytes > LLONG_MAX)
		return "its capacity is impossible";
	return NULL;
}

static unsigned int ns_features(const struct anvme *nd, const struct nvme_id_ns *id)
{
	unsigned int features = 0;

	if (nd->id->vwc & NVME_CTRL_VWC_PRESENT)
		features |= ASBLK_MEDIA_WRITE_CACHE | ASBLK_MEDIA_FUA;
	if (nd->max_ranges)
		features |= ASBLK_MEDIA_UNMAP;
	if (nd->max_zeroes_bytes)
		features |= ASBLK_MEDIA_WRITE_ZEROES;
	if ((id->dlfeat & ANVME_DLFEAT) == ANVME_DLFEAT)
		features |= ASBLK_MEDIA_ZEROES_UNMAP;
	if (id->nsattr & NVME_NS_ATTR_RO)
		features |= ASBLK_MEDIA_READ_ONLY;
	return features;
}

/* Largest write that a power cut leaves whole (NVM 2.1.4), 0 if it is not that simple. */
static u32 ns_atomic(const struct anvme *nd, const struct nvme_id_ns *id, u8 shift)
{
	u32 blocks = le16_to_cpu(nd->id->awupf) + 1;

	if (id->nsfeat & NVME_NS_FEAT_ATOMICS) {
		if (id->nawupf)
			blocks = le16_to_cpu(id->nawupf) + 1;
		if (id->nabspf || id->nabo)
			return 0;
	}
	return rounddown_pow_of_two(min(blocks, SZ_1M >> shift)) << shift;
}

static struct asblk_disk *ns_add_disk(struct anvme *nd, struct anvme_ns *ns,
				      const struct nvme_id_ns *id)
{
	u32 block = 1U << ns->shift;
	struct asblk_media_params mp = {
		.unit			= ns->id,
		.nr_blocks		= ns->nr_blocks,
		.block_size		= block,
		.physical_block_size	= block,
		.unmap_granularity	= block,
		.atomic_bytes		= ns_atomic(nd, id, ns->shift),
		.features		= ns_features(nd, id),
		.priv			= ns,
	};

	/* Preferred granularities (NVM 5.8.2.1), if they are sensible. */
	if (id->nsfeat & ANVME_NSFEAT_OPTPERF) {
		u32 write = (le16_to_cpu(id->npwg) + 1) << ns->shift;
		u32 unmap = (le16_to_cpu(id->npdg) + 1) << ns->shift;

		if (is_power_of_2(write) && write <= SZ_1M)
			mp.physical_block_size = write;
		if (is_power_of_2(unmap))
			mp.unmap_granularity = unmap;
	}
	if (memchr_inv(id->nguid, 0, sizeof(id->nguid)))
		memcpy(mp.wwid, id->nguid, sizeof(id->nguid));
	else if (memchr_inv(id->eui64, 0, sizeof(id->eui64)))
		memcpy(mp.wwid, id->eui64, sizeof(id->eui64));
	return asblk_disk_add(nd->ctrl, &mp);
}

static struct anvme_ns *ns_find(struct anvme *nd, u32 nsid)
{
	struct anvme_ns *ns;

	list_for_each_entry(ns, &nd->namespaces, list)
		if (ns->id == nsid)
			return ns;
	return NULL;
}

static void ns_remove(struct anvme_ns *ns)
{
	list_del(&ns->list);
	asblk_disk_remove(ns->disk);
	kfree(ns);
}

/* Its capacity or its LBA size may have changed. */
static void ns_set_format(struct anvme_ns *ns, const struct anvme_ns *now)
{
	if (asblk_disk_reformat(ns->disk, now->nr_blocks, 1U << now->shift))
		return;
	ns->nr_blocks = now->nr_blocks;
	ns->shift = now->shift;
}

/* Look at a namespace that is there. @id is memory to do it in. */
static void ns_scan_one(struct anvme *nd, u32 nsid, struct nvme_id_ns *id)
{
	struct anvme_ns *ns = ns_find(nd, nsid), now = { .id = nsid };
	const char *wrong;
	int err;

	err = anvme_identify(nd, NVME_ID_CNS_NS, nsid, id);
	if (err < 0 || (err && !(err & NVME_STATUS_DNR))) {
		/* Nothing is known, or not yet: what was there stays. */
		if (ns)
			ns->seen = true;
		return;
	}
	if (err || !id->nsze)
		return;
	wrong = ns_parse(id, &now);
	if (wrong) {
		dev_err(nd->dev, "namespace %u is not driven: %s\n", nsid, wrong);
		return;
	}
	if (ns) {
		ns->seen = true;
		if (ns->nr_blocks != now.nr_blocks || ns->shift != now.shift)
			ns_set_format(ns, &now);
		asblk_disk_set_read_only(ns->disk, id->nsattr & NVME_NS_ATTR_RO);
		return;
	}
	ns = kmemdup(&now, sizeof(now), GFP_KERNEL);
	if (!ns)
		return;
	ns->disk = ns_add_disk(nd, ns, id);
	if (IS_ERR(ns->disk)) {
		dev_err(nd->dev, "namespace %u cannot be added: %pe\n", nsid, ns->disk);
		kfree(ns);
		return;
	}
	ns->seen = true;
	list_add_tail(&ns->list, &nd->namespaces);
}

/**
 * anvme_format_begin - namespaces are about to be formatted through a disk
 * @nd: controller
 * @nsid: namespace, or %NVME_NSID_ALL
 *
 * Nothing is read or written while the blocks change their size: a command made for
 * the old size would move other amounts of memory.
 *
 * Context: may sleep; gendisk.open_mutex is held.
 * Return: 0, to be followed by anvme_format_end(), or -EBUSY if namespaces are
 * being looked for. The usual order of locks is the other way round, so that can be
 * waited for only so long.
 */
int anvme_format_begin(struct anvme *nd, u32 nsid)
{
	unsigned int tries = FORMAT_WAIT_MS / FORMAT_POLL_MS;
	struct anvme_ns *ns;

	while (!mutex_trylock(&nd->scan_lock)) {
		if (!tries--)
			return -EBUSY;
		msleep(FORMAT_POLL_MS);
	}
	list_for_each_entry(ns, &nd->namespaces, list)
		if (nsid == ns->id || nsid == NVME_NSID_ALL)
			asblk_disk_hold(ns->disk);
	return 0;
}

/**
 * anvme_format_end - go on after anvme_format_begin(), with what there is now
 * @nd: controller
 * @nsid: namespace, or %NVME_NSID_ALL
 *
 * What cannot be done here, because it removes a disk, is left to a scan.
 *
 * Context: as anvme_format_begin().
 */
void anvme_format_end(struct anvme *nd, u32 nsid)
{
	struct nvme_id_ns *id = kmalloc_obj(*id);
	struct anvme_ns *ns, now;

	list_for_each_entry(ns, &nd->namespaces, list) {
		if (nsid != ns->id && nsid != NVME_NSID_ALL)
			continue;
		if (!id || anvme_identify(nd, NVME_ID_CNS_NS, ns->id, id) ||
		    ns_parse(id, &now)) {
			now.nr_blocks = ns->nr_blocks;
			now.shift = ns->shift;
		}
		ns_set_format(ns, &now);
	}
	mutex_unlock(&nd->scan_lock);
	kfree(id);
	queue_work(system_dfl_wq, &nd->scan);
}

/**
 * anvme_scan - bring the disks in line with the controller's namespaces
 * @nd: controller
 *
 * Context: may sleep.
 */
void anvme_scan(struct anvme *nd)
{
	struct nvme_id_ns *id = kmalloc_obj(*id);
	__le32 *list = kzalloc(NVME_IDENTIFY_DATA_SIZE, GFP_KERNEL);
	struct anvme_ns *ns, *tmp;
	unsigned int i;
	u32 last = 0;

	if (!id || !list)
		goto free;
	mutex_lock(&nd->scan_lock);
	/* The controller may report changes before there is anything to change. */
	if (IS_ERR_OR_NULL(nd->ctrl))
		goto unlock;
	/* Active namespaces in ascending order, up to the first 0 (5.17.2.2). */
	if (anvme_identify(nd, NVME_ID_CNS_NS_ACTIVE_LIST, 0, list))
		goto unlock;
	list_for_each_entry(ns, &nd->namespaces, list)
		ns->seen = false;
	for (i = 0; i < MAX_NAMESPACES && list[i]; i++) {
		u32 nsid = le32_to_cpu(list[i]);

		if (nsid <= last || nsid > le32_to_cpu(nd->id->nn)) {
			dev_err(nd->dev, "namespace %u after %u of %u in the list: the rest is ignored\n",
				nsid, last, le32_to_cpu(nd->id->nn));
			goto unlock;
		}
		last = nsid;
		ns_scan_one(nd, nsid, id);
	}
	list_for_each_entry_safe(ns, tmp, &nd->namespaces, list) {
		if (ns->seen)
			continue;
		dev_info(nd->dev, "namespace %u is gone\n", ns->id);
		ns_remove(ns);
	}
unlock:
	mutex_unlock(&nd->scan_lock);
free:
	kfree(list);
	kfree(id);
}

/**
 * anvme_rescan - &asblk_ctrl_ops.rescan
 * @ctrl: controller
 *
 * Context: may sleep.
 * Return: 0.
 */
int anvme_rescan(struct asblk_ctrl *ctrl)
{
	struct anvme *nd = asblk_ctrl_priv(ctrl);

	queue_work(system_dfl_wq, &nd->scan);
	flush_work(&nd->scan);
	return 0;
}

/**
 * anvme_remove_namespaces - remove all disks
 * @nd: controller; nobody scans any more
 *
 * Context: may sleep.
 */
void anvme_remove_namespaces(struct anvme *nd)
{
	struct anvme_ns *ns, *tmp;

	/* Nobody scans, but one of the disks may just be formatted. */
	mutex_lock(&nd->scan_lock);
	list_for_each_entry_safe(ns, tmp, &nd->namespaces, list)
		ns_remove(ns);
	mutex_unlock(&nd->scan_lock);
}
