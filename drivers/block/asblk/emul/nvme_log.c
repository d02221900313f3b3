// SPDX-License-Identifier: GPL-2.0-only
/* Get Log Page (5.16) */
#include <linux/bitfield.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "../compat.h"
#include "counters.h"
#include "nvme.h"
#include "options.h"

/* The largest page. */
#define LOG_BYTES		4096

#define LOG_SUPPORTED_PAGES	0x00
#define LOG_PAGE_SUPPORTED	BIT(0)
#define LOG_OFFSET_BYTE		48
#define LOG_CSI_BYTE		59
#define LOG_RETAIN_EVENT	BIT(7)	/* of &nvme_get_log_page_command.lsp */

#define KELVIN			273

/* SMART counts thousands of 512 bytes, rounded up. */
#define SMART_UNIT		(1000 * SECTOR_SIZE)

#define SMART_WARN_SPARE	BIT(0)
#define SMART_WARN_TEMPERATURE	BIT(1)

/* Commands Supported and Effects (5.16.1.6): one command to the namespace at a time. */
#define EFFECTS_ALONE		FIELD_PREP(GENMASK(18, 16), 1)
#define EFFECTS_READS		NVME_CMD_EFFECTS_CSUPP
#define EFFECTS_WRITES		(NVME_CMD_EFFECTS_CSUPP | NVME_CMD_EFFECTS_LBCC)
#define EFFECTS_FORMAT		(EFFECTS_WRITES | NVME_CMD_EFFECTS_NCC | EFFECTS_ALONE)

/* Supported Log Pages (5.16.1.1) */
static u32 log_supported(__le32 *page)
{
	static const u8 pages[] = {
		LOG_SUPPORTED_PAGES, NVME_LOG_ERROR, NVME_LOG_SMART, NVME_LOG_FW_SLOT,
		NVME_LOG_CHANGED_NS, NVME_LOG_CMD_EFFECTS,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pages); i++)
		page[pages[i]] = cpu_to_le32(LOG_PAGE_SUPPORTED);
	return 256 * sizeof(*page);
}

/* Error Information (5.16.1.2), the last one first. */
static u32 log_errors(struct emul_device *ed, struct nvme_error_slot *slot)
{
	struct emul_error e;
	unsigned int i;

	for (i = 0; i < EMUL_ERRORS; i++, slot++) {
		emul_health_last_error(&ed->medium->health, i, &e);
		if (!e.number)
			break;
		slot->error_count = cpu_to_le64(e.number);
		slot->sqid = cpu_to_le16(e.queue);
		slot->cmdid = cpu_to_le16(e.id);
		slot->status_field = cpu_to_le16(e.status << 1);
		slot->param_error_location = cpu_to_le16(e.where);
		slot->lba = cpu_to_le64(e.lba);
		slot->nsid = cpu_to_le32(e.queue ? EMUL_NSID : 0);
	}
	return EMUL_ERRORS * sizeof(*slot);
}

/* What is staged, and what follows from it. */
static u8 smart_warnings(const struct emul_device *ed, u16 kelvin)
{
	const struct emul_options *o = ed->options;
	u8 warnings = READ_ONCE(o->smart_critical_warning);

	if (READ_ONCE(o->smart_spare) < READ_ONCE(o->smart_spare_threshold))
		warnings |= SMART_WARN_SPARE;
	if (kelvin >= READ_ONCE(ed->temp_over) || kelvin <= READ_ONCE(ed->temp_under))
		warnings |= SMART_WARN_TEMPERATURE;
	return warnings;
}

/* SMART / Health Information (5.16.1.3): numbers of 16 bytes, of which 8 are enough. */
static u32 log_smart(struct emul_device *ed, struct nvme_smart_log *smart)
{
	const struct emul_options *o = ed->options;
	u16 kelvin = READ_ONCE(o->smart_temperature) + KELVIN;
	struct emul_life life, since;

	emul_health_life(&ed->medium->health, &life);
	emul_counters_life(ed, &since);
	smart->critical_warning = smart_warnings(ed, kelvin);
	put_unaligned_le16(kelvin, smart->temperature);
	smart->avail_spare = READ_ONCE(o->smart_spare);
	smart->spare_thresh = READ_ONCE(o->smart_spare_threshold);
	smart->percent_used = READ_ONCE(o->smart_percentage_used);
	put_unaligned_le64(DIV64_U64_ROUND_UP(life.read_bytes + since.read_bytes, SMART_UNIT),
			   smart->data_units_read);
	put_unaligned_le64(DIV64_U64_ROUND_UP(life.written_bytes + since.written_bytes,
					      SMART_UNIT), smart->data_units_written);
	put_unaligned_le64(life.reads + since.reads, smart->host_reads);
	put_unaligned_le64(life.writes + since.writes, smart->host_writes);
	put_unaligned_le64(life.power_cycles, smart->power_cycles);
	put_unaligned_le64(div_u64(life.seconds, 3600), smart->power_on_hours);
	put_unaligned_le64(life.unsafe_shutdowns, smart->unsafe_shutdowns);
	put_unaligned_le64(life.media_errors, smart->media_errors);
	put_unaligned_le64(life.errors, smart->num_err_log_entries);
	return sizeof(*smart);
}

/* Firmware Slot Information (5.16.1.4) */
static u32 log_firmware(struct emul_device *ed, struct nvme_fw_slot_info_log *log)
{
	log->afi = 1;
	emul_nvme_pad((char *)log->frs, ed->options->firmware_rev, sizeof(log->frs[0]));
	return sizeof(*log);
}

/* Changed Namespace List (5.16.1.5): those that have changed since it was last read. */
static u32 log_changed(struct emul_device *ed, __le32 *list, bool retain)
{
	struct emul_medium *m = ed->medium;
	bool changed;

	spin_lock(&m->lock);
	changed = m->changed;
	if (!retain)
		m->changed = false;
	spin_unlock(&m->lock);
	if (changed)
		list[0] = cpu_to_le32(EMUL_NSID);
	return NVME_MAX_CHANGED_NAMESPACES * sizeof(*list);
}

/* Commands Supported and Effects (5.16.1.6). @log: all zeroes. */
void emul_nvme_effects(const struct emul_options *o, struct nvme_effects_log *log)
{
	log->acs[nvme_admin_identify] = cpu_to_le32(EFFECTS_READS);
	log->acs[nvme_admin_get_log_page] = cpu_to_le32(EFFECTS_READS);
	log->acs[nvme_admin_get_features] = cpu_to_le32(EFFECTS_READS);
	log->acs[nvme_admin_set_features] = cpu_to_le32(EFFECTS_READS);
	log->acs[nvme_admin_format_nvm] = cpu_to_le32(EFFECTS_FORMAT);
	log->iocs[nvme_cmd_flush] = cpu_to_le32(EFFECTS_READS);
	log->iocs[nvme_cmd_read] = cpu_to_le32(EFFECTS_READS);
	log->iocs[nvme_cmd_compare] = cpu_to_le32(EFFECTS_READS);
	log->iocs[nvme_cmd_verify] = cpu_to_le32(EFFECTS_READS);
	log->iocs[nvme_cmd_write] = cpu_to_le32(EFFECTS_WRITES);
	log->iocs[nvme_cmd_write_uncor] = cpu_to_le32(EFFECTS_WRITES);
	if (o->write_zeroes)
		log->iocs[nvme_cmd_write_zeroes] = cpu_to_le32(EFFECTS_WRITES);
	if (o->discard)
		log->iocs[nvme_cmd_dsm] = cpu_to_le32(EFFECTS_WRITES);
}

/* Make a page. Return: its length in bytes, 0 if it is unknown. */
static u32 log_page(struct emul_device *ed, const struct nvme_get_log_page_command *nc,
		    void *page)
{
	switch (nc->lid) {
	case LOG_SUPPORTED_PAGES:
		return log_supported(page);
	case NVME_LOG_ERROR:
		return log_errors(ed, page);
	case NVME_LOG_SMART:
		return log_smart(ed, page);
	case NVME_LOG_FW_SLOT:
		return log_firmware(ed, page);
	case NVME_LOG_CHANGED_NS:
		return log_changed(ed, page, nc->lsp & LOG_RETAIN_EVENT);
	case NVME_LOG_CMD_EFFECTS:
		emul_nvme_effects(ed->options, page);
		return sizeof(struct nvme_effects_log);
	default:
		return 0;
	}
}

/* Part of a page, from an offset on, and zeroes behind its end. Context: may sleep. */
u16 emul_nvme_log_page(struct emul_device *ed, struct emul_command *cmd)
{
	const struct nvme_get_log_page_command *nc = &cmd->nvme->get_log_page;
	u64 bytes = ((u64)le16_to_cpu(nc->numdu) << 16 | le16_to_cpu(nc->numdl)) * 4 + 4;
	u64 offset = le64_to_cpu(nc->lpo);
	u32 nsid = le32_to_cpu(nc->nsid), len;
	u16 status = 0;
	void *page;

	if (nsid && nsid != EMUL_NSID && nsid != NVME_NSID_ALL)
		return NVME_SC_INVALID_NS | NVME_STATUS_DNR;
	if (offset % sizeof(u32))
		return emul_nvme_wrong(cmd, LOG_OFFSET_BYTE);
	if (nc->lid == NVME_LOG_CMD_EFFECTS && nc->csi != NVME_CSI_NVM)
		return emul_nvme_wrong(cmd, LOG_CSI_BYTE);
	if (emul_nvme_bytes(cmd) != bytes)
		return NVME_SC_SGL_INVALID_DATA | NVME_STATUS_DNR;
	page = kzalloc(LOG_BYTES, EMUL_GFP_WAIT);
	if (!page)
		return NVME_SC_INTERNAL;
	len = log_page(ed, nc, page);
	if (!len)
		status = NVME_SC_INVALID_LOG_PAGE | NVME_STATUS_DNR;
	else if (offset > len)
		status = emul_nvme_wrong(cmd, LOG_OFFSET_BYTE);
	else
		emul_nvme_reply(cmd, page + offset, len - offset);
	kfree(page);
	return status;
}
