// SPDX-License-Identifier: GPL-2.0-only
/* Namespaces: each supported one is a disk. */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "nvme.h"

/* Entries of a namespace list (5.17.2.2). */
#define MAX_NAMESPACES	(NVME_IDENTIFY_DATA_SIZE / sizeof(__le32))

/* Identify Controller, FNA (5.17.2.1): format, or secure erase, affects all namespaces. */
#define FNA_FORMAT_ALL	BIT(0)
#define FNA_ERASE_ALL	BIT(1)

/*
 * Read Identify Namespace data (NVM 4.1.5.1) into @ns. Return: NULL, or why the namespace
 * is not supported.
 */
const char *anvme_ns_parse(const struct nvme_id_ns *id, struct anvme_ns *ns)
{
	const struct nvme_lbaf *lbaf;
	u64 nr_bytes;
	u8 format = id->flbas & NVME_NS_FLBAS_LBA_MASK;

	if (id->nlbaf >= 16)
		format = nvme_lbaf_index(id->flbas);
	if (format > id->nlbaf || format >= ARRAY_SIZE(id->lbaf))
		return "invalid LBA format";
	lbaf = &id->lbaf[format];
	if (lbaf->ds < SECTOR_SHIFT || lbaf->ds > ilog2(ANVME_MAX_LBA))
		return "invalid LBA size, must be 512 to 65536 bytes";
	if (1U << lbaf->ds > asblk_max_block_size())
		return "LBA size above the maximum of this kernel";
	if (le16_to_cpu(lbaf->ms))
		return "metadata, must have none";
	if (id->dps & NVME_NS_DPS_PI_MASK)
		return "protection information, must have none";
	ns->shift = lbaf->ds;
	ns->nr_blocks = le64_to_cpu(id->nsze);
	if (check_shl_overflow(ns->nr_blocks, ns->shift, &nr_bytes) ||
	    nr_bytes > LLONG_MAX)
		return "invalid capacity, must be below 2^63 bytes";
	memcpy(ns->nguid, id->nguid, sizeof(ns->nguid));
	memcpy(ns->eui64, id->eui64, sizeof(ns->eui64));
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(anvme_ns_parse);

/*
 * Read the UUID (5.17.2.3), if the namespace has one. Return: 0, or a negative errno if
 * that is unknown.
 */
static int ns_uuid(struct anvme *nd, struct anvme_ns *ns)
{
	u8 *list, *at;
	int err;

	if (nd->version < NVME_VS(1, 3, 0))
		return 0;
	list = kmalloc(NVME_IDENTIFY_DATA_SIZE, GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	err = anvme_identify(nd, NVME_ID_CNS_NS_DESC_LIST, ns->id, list);
	for (at = list; !err && at < list + NVME_IDENTIFY_DATA_SIZE - NVME_NIDT_UUID_LEN; ) {
		const struct nvme_ns_id_desc *desc = (const void *)at;

		if (!desc->nidl)
			break;
		at += sizeof(*desc);
		if (desc->nidt == NVME_NIDT_UUID && desc->nidl == NVME_NIDT_UUID_LEN &&
		    at + NVME_NIDT_UUID_LEN <= list + NVME_IDENTIFY_DATA_SIZE)
			memcpy(ns->uuid, at, NVME_NIDT_UUID_LEN);
		at += desc->nidl;
	}
	kfree(list);
	/* If the list is unsupported there is no UUID; after a transient error there may be. */
	if (err > 0 && !(err & NVME_STATUS_DNR) &&
	    (err & NVME_SCT_SC_MASK) != NVME_SC_INVALID_FIELD)
		return -EAGAIN;
	return min(err, 0);
}

static bool ns_is_same(const struct anvme_ns *a, const struct anvme_ns *b)
{
	return !memcmp(a->nguid, b->nguid, sizeof(a->nguid)) &&
	       !memcmp(a->eui64, b->eui64, sizeof(a->eui64)) &&
	       !memcmp(a->uuid, b->uuid, sizeof(a->uuid));
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

/*
 * Largest write that is atomic on power failure (NVM 2.1.4), 0 if there are atomic
 * boundaries. AWUPF of the controller is ignored: it counts LBAs of no particular size.
 */
static u32 ns_atomic(const struct nvme_id_ns *id, u8 shift)
{
	u32 blocks = 1;

	if (id->nsfeat & NVME_NS_FEAT_ATOMICS) {
		blocks = le16_to_cpu(id->nawupf) + 1;
		if (id->nabspf || id->nabo)
			return 0;
	}
	return rounddown_pow_of_two(min(blocks, SZ_1M >> shift)) << shift;
}

static struct asblk_media_params ns_params(const struct anvme *nd, const struct anvme_ns *ns,
					   const struct nvme_id_ns *id)
{
	u32 block = 1U << ns->shift;
	struct asblk_media_params mp = {
		.unit			= ns->id,
		.nr_blocks		= ns->nr_blocks,
		.block_size		= block,
		.physical_block_size	= block,
		.unmap_granularity	= block,
		.atomic_bytes		= ns_atomic(id, ns->shift),
		.features		= ns_features(nd, id),
	};

	/* Preferred granularities (NVM 5.8.2.1), if the block layer accepts them. */
	if (id->nsfeat & ANVME_NSFEAT_OPTPERF) {
		u32 write = (le16_to_cpu(id->npwg) + 1) << ns->shift;
		u32 unmap = (le16_to_cpu(id->npdg) + 1) << ns->shift;

		if (is_power_of_2(write) && write <= SZ_1M)
			mp.physical_block_size = write;
		if (is_power_of_2(unmap))
			mp.unmap_granularity = unmap;
	}
	if (memchr_inv(ns->nguid, 0, sizeof(ns->nguid)))
		memcpy(mp.wwid, ns->nguid, sizeof(ns->nguid));
	else
		memcpy(mp.wwid, ns->eui64, sizeof(ns->eui64));
	return mp;
}

static struct anvme_ns *ns_find(struct anvme *nd, u32 nsid)
{
	struct anvme_ns *ns;

	lockdep_assert_held(&nd->scan_lock);
	list_for_each_entry(ns, &nd->namespaces, list)
		if (ns->id == nsid)
			return ns;
	return NULL;
}

/* Not in a scan: removal waits for ioctls, and those that format wait for a scan. */
static void removal_work(struct work_struct *work)
{
	struct anvme *nd = container_of(work, struct anvme, removal);
	struct anvme_ns *ns, *tmp;
	LIST_HEAD(gone);

	scoped_guard(mutex, &nd->scan_lock)
		list_splice_init(&nd->gone, &gone);
	list_for_each_entry_safe(ns, tmp, &gone, list) {
		list_del(&ns->list);
		if (ns->passthru)
			asblk_passthru_remove_disk(ns->passthru);
		asblk_disk_remove(ns->disk);
		kfree(ns);
	}
}

/* Apply the current format of a namespace to its disk. */
static void ns_set_format(struct anvme *nd, struct anvme_ns *ns, const struct anvme_ns *now,
			  const struct nvme_id_ns *id)
{
	struct asblk_media_params mp = ns_params(nd, now, id);

	lockdep_assert_held(&nd->scan_lock);
	if (asblk_disk_reformat(ns->disk, &mp)) {
		/* Requests of the old format must not reach it. */
		ns->held = true;
		asblk_disk_offline(ns->disk);
		return;
	}
	ns->nr_blocks = now->nr_blocks;
	ns->shift = now->shift;
	ns->held = false;
}

static void ns_add(struct anvme *nd, const struct anvme_ns *now, const struct nvme_id_ns *id)
{
	struct asblk_media_params mp = ns_params(nd, now, id);
	struct anvme_ns *ns = kmemdup(now, sizeof(*now), GFP_KERNEL);
	struct asblk_disk *disk = ERR_PTR(-ENOMEM);

	lockdep_assert_held(&nd->scan_lock);
	if (ns)
		disk = asblk_disk_add(nd->ctrl, &mp);
	if (IS_ERR(disk)) {
		dev_err(nd->dev, "failed to add namespace %u: %pe\n", now->id, disk);
		kfree(ns);
		return;
	}
	ns->disk = disk;
	ns->passthru = asblk_passthru_add_disk(nd->passthru, disk, now->id);
	if (IS_ERR(ns->passthru)) {
		dev_err(nd->dev, "failed to make the generic device of namespace %u: %pe\n",
			now->id, ns->passthru);
		ns->passthru = NULL;
	}
	ns->seen = true;
	list_add_tail(&ns->list, &nd->namespaces);
}

/*
 * Identify namespace @now->id. Return: 0; -EAGAIN after a transient error; -ENODEV if it
 * does not exist or is not supported.
 */
static int ns_identify(struct anvme *nd, struct anvme_ns *now, struct nvme_id_ns *id)
{
	int err = anvme_identify(nd, NVME_ID_CNS_NS, now->id, id);
	const char *wrong;

	if (err < 0 || (err && !(err & NVME_STATUS_DNR))) {
		dev_warn(nd->dev, "failed to identify namespace %u (%#x)\n", now->id, err);
		return -EAGAIN;
	}
	if (err || !id->nsze)
		return -ENODEV;
	wrong = anvme_ns_parse(id, now);
	if (wrong) {
		dev_err(nd->dev, "namespace %u is not supported: %s\n", now->id, wrong);
		return -ENODEV;
	}
	return ns_uuid(nd, now) ? -EAGAIN : 0;
}

/* Stop I/O at once: its identifier may already belong to another namespace. */
static void ns_detach(struct anvme *nd, struct anvme_ns *ns)
{
	lockdep_assert_held(&nd->scan_lock);
	asblk_disk_offline(ns->disk);
	list_move_tail(&ns->list, &nd->gone);
	queue_work(system_dfl_wq, &nd->removal);
}

/* Make the disk match what ns_identify() has found, or returned. */
static void ns_update(struct anvme *nd, const struct anvme_ns *now,
		      const struct nvme_id_ns *id, int err)
{
	struct anvme_ns *ns = ns_find(nd, now->id);

	/* After a transient error keep the disk. */
	if (err == -EAGAIN && ns)
		ns->seen = true;
	else if (err && ns)
		ns_detach(nd, ns);
	if (err)
		return;
	if (ns && !ns_is_same(ns, now)) {
		dev_err(nd->dev, "namespace %u was replaced by another one\n", now->id);
		ns_detach(nd, ns);
		ns = NULL;
	}
	if (!ns) {
		ns_add(nd, now, id);
		return;
	}
	ns->seen = true;
	if (ns->held || ns->nr_blocks != now->nr_blocks || ns->shift != now->shift)
		ns_set_format(nd, ns, now, id);
	asblk_disk_set_read_only(ns->disk, id->nsattr & NVME_NS_ATTR_RO);
}

/* Does an admin command for @nsid affect the namespace? */
static bool ns_matches(const struct anvme_ns *ns, u32 nsid)
{
	return nsid == ns->id || nsid == NVME_NSID_ALL;
}

/*
 * Return: the namespace that a Format NVM command (5.14) affects, or %NVME_NSID_ALL.
 * @erases: with secure erase.
 */
u32 anvme_format_scope(const struct anvme *nd, u32 nsid, bool erases)
{
	u8 fna = nd->id->fna;

	return (fna & FNA_FORMAT_ALL) || (erases && (fna & FNA_ERASE_ALL)) ? NVME_NSID_ALL :
									     nsid;
}
EXPORT_SYMBOL_IF_KUNIT(anvme_format_scope);

/* Another format may begin, and scans as well unless this one is pending. */
static void format_leave(struct anvme *nd)
{
	/* Pairs with anvme_format_begin(). */
	smp_store_release(&nd->formatting, false);
	wake_up(&nd->format_wait);
}

/*
 * Stop I/O to the namespaces that a command is about to format: a command made for the
 * old block size would transfer another amount of memory. Until anvme_format_end() scans
 * do nothing and other formats wait. Return: 0, -ERESTARTSYS, or -EBUSY while a format that
 * timed out may still be executed.
 */
int anvme_format_begin(struct anvme *nd, u32 nsid)
{
	struct anvme_ns *ns;

	/* Pairs with format_leave(). */
	if (wait_event_interruptible(nd->format_wait, !xchg(&nd->formatting, true)))
		return -ERESTARTSYS;
	guard(mutex)(&nd->scan_lock);
	if (READ_ONCE(nd->format_pending)) {
		format_leave(nd);
		return -EBUSY;
	}
	/* Before the command: it may end, late, before anvme_format_end(). */
	WRITE_ONCE(nd->format_pending, true);
	nd->formats++;
	list_for_each_entry(ns, &nd->namespaces, list) {
		if (!ns_matches(ns, nsid))
			continue;
		ns->held = true;
		asblk_disk_offline(ns->disk);
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(anvme_format_begin);

/*
 * Resume I/O in the format that the namespaces have now. @settled: the command has ended; if
 * not it may still be executed, and the controller is being reset for that: its end is what
 * the scan waits for. Namespaces that cannot be identified stay held until a scan that can.
 */
void anvme_format_end(struct anvme *nd, bool settled)
{
	if (settled)
		WRITE_ONCE(nd->format_pending, false);
	format_leave(nd);
	anvme_scan(nd);
}
EXPORT_SYMBOL_IF_KUNIT(anvme_format_end);

/*
 * Active namespaces in ascending order, terminated by 0 (5.17.2.2). Controllers before
 * version 1.1 do not have the list: try all identifiers up to NN.
 */
static int active_list(struct anvme *nd, __le32 *list)
{
	int err = anvme_identify(nd, NVME_ID_CNS_NS_ACTIVE_LIST, 0, list);
	u32 i, nr = min_t(u32, le32_to_cpu(nd->id->nn), MAX_NAMESPACES - 1);

	if (err > 0 && nd->version < NVME_VS(1, 1, 0)) {
		for (i = 0; i < nr; i++)
			list[i] = cpu_to_le32(i + 1);
		list[nr] = 0;
		return 0;
	}
	if (err)
		dev_err(nd->dev, "failed to list the namespaces (%#x)\n", err);
	return err;
}

/* Return: false if there is nothing to scan, or if what is read now may soon be outdated. */
static bool scan_begin(struct anvme *nd, unsigned int *formats)
{
	struct anvme_ns *ns;

	guard(mutex)(&nd->scan_lock);
	/* Events may arrive before the controller is attached. */
	if (!READ_ONCE(nd->attached) || READ_ONCE(nd->formatting) ||
	    READ_ONCE(nd->format_pending))
		return false;
	*formats = nd->formats;
	list_for_each_entry(ns, &nd->namespaces, list)
		ns->seen = false;
	return true;
}

/* Remove the disks of namespaces that the scan has not found. */
static void scan_end(struct anvme *nd, unsigned int formats)
{
	struct anvme_ns *ns, *tmp;

	guard(mutex)(&nd->scan_lock);
	if (nd->formats != formats)
		return;
	list_for_each_entry_safe(ns, tmp, &nd->namespaces, list) {
		if (ns->seen)
			continue;
		dev_info(nd->dev, "namespace %u was removed\n", ns->id);
		ns_detach(nd, ns);
	}
}

/* Scan the namespaces in @list. @id is a buffer. */
static void scan_list(struct anvme *nd, const __le32 *list, struct nvme_id_ns *id,
		      unsigned int formats)
{
	u32 nn = le32_to_cpu(nd->id->nn), last = 0;
	unsigned int i;

	for (i = 0; i < MAX_NAMESPACES && list[i]; i++) {
		struct anvme_ns now = { .id = le32_to_cpu(list[i]) };
		int err;

		if (now.id <= last || now.id > nn) {
			dev_err(nd->dev, "invalid namespace list: %u after %u, must ascend up to %u; ignoring the rest\n",
				now.id, last, nn);
			return;
		}
		last = now.id;
		err = ns_identify(nd, &now, id);
		guard(mutex)(&nd->scan_lock);
		/* The scan after that format finds what this one would have. */
		if (nd->formats != formats)
			return;
		ns_update(nd, &now, id, err);
	}
	scan_end(nd, formats);
}

/*
 * Add, change and remove disks to match the namespaces of the controller. No lock is held
 * while a command is out: what was read before a format began is not used.
 */
static void scan_work(struct work_struct *work)
{
	struct anvme *nd = container_of(work, struct anvme, scan);
	struct nvme_id_ns *id = kmalloc_obj(*id);
	__le32 *list = kzalloc(NVME_IDENTIFY_DATA_SIZE, GFP_KERNEL);
	unsigned int formats;

	if (!id || !list)
		dev_err(nd->dev, "failed to allocate memory for a scan\n");
	else if (scan_begin(nd, &formats) && !active_list(nd, list))
		scan_list(nd, list, id, formats);
	kfree(list);
	kfree(id);
}

/* Scan the namespaces, after a scan that is under way. Does nothing once scans are disabled. */
void anvme_scan(struct anvme *nd)
{
	queue_work(system_dfl_wq, &nd->scan);
	flush_work(&nd->scan);
}
EXPORT_SYMBOL_IF_KUNIT(anvme_scan);

/* &asblk_ctrl_ops.rescan */
int anvme_rescan(struct asblk_ctrl *ctrl)
{
	struct anvme *nd = asblk_ctrl_priv(ctrl);

	anvme_scan(nd);
	flush_work(&nd->removal);
	return 0;
}

/* Remove all disks. The scan work is disabled. */
void anvme_remove_namespaces(struct anvme *nd)
{
	scoped_guard(mutex, &nd->scan_lock)
		list_splice_tail_init(&nd->namespaces, &nd->gone);
	queue_work(system_dfl_wq, &nd->removal);
	flush_work(&nd->removal);
}

void anvme_namespaces_init(struct anvme *nd)
{
	mutex_init(&nd->scan_lock);
	init_waitqueue_head(&nd->format_wait);
	INIT_LIST_HEAD(&nd->namespaces);
	INIT_LIST_HEAD(&nd->gone);
	INIT_WORK(&nd->scan, scan_work);
	INIT_WORK(&nd->removal, removal_work);
}
