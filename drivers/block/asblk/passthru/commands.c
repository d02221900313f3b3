// SPDX-License-Identifier: GPL-2.0-only
/*
 * What there is to know of NVMe commands: how much data they transfer, which are the driver's
 * own, which change media. Section numbers are those of the NVM Express Base Specification
 * 2.0, or of its NVM Command Set Specification 1.0 where marked "NVM".
 */
#include <kunit/visibility.h>
#include <linux/bitfield.h>
#include <linux/export.h>

#include "commands.h"

/* Opcodes and features that linux/nvme.h lacks, or did. */
#define CMD_IO_MGMT_RECV		0x12
#define CMD_CANCEL			0x18
#define CMD_COPY			0x19
#define CMD_IO_MGMT_SEND		0x1d
#define ADMIN_CAPACITY_MGMT		0x20
#define ADMIN_LOCKDOWN			0x24
#define ADMIN_CONTROLLER_DATA_QUEUE	0x45
#define FEAT_IO_COMMAND_SET_PROFILE	0x19

/* Data of the reservation commands (7.2 to 7.6). */
#define RESV_REGISTER_BYTES	16
#define RESV_ACQUIRE_BYTES	16
#define RESV_RELEASE_BYTES	8

/* Copy (NVM 3.2.2): number of ranges, from 0, and format of their descriptors. */
#define COPY_RANGES		GENMASK(7, 0)
#define COPY_FORMAT		GENMASK(11, 8)
#define COPY_SHORT_BYTES	32	/* formats 0 and 2 */
#define COPY_LONG_BYTES		40	/* formats 1 and 3 */

/* I/O Management Send (Base 2.1, 7.3): operation, and number of identifiers, from 0. */
#define IO_MGMT_OPERATION	GENMASK(7, 0)
#define IO_MGMT_IDS		GENMASK(31, 16)
#define IO_MGMT_UPDATE		1

/* Namespace Management (5.23): creation is operation 0, the only one with data. */
#define NS_MGMT_OPERATION	GENMASK(3, 0)

/* A number of dwords, from 0, in bytes. */
static s64 dwords(u32 number)
{
	return ((u64)number + 1) * sizeof(u32);
}

static s64 copy_length(u32 cdw12)
{
	u32 nr = FIELD_GET(COPY_RANGES, cdw12) + 1;

	switch (FIELD_GET(COPY_FORMAT, cdw12)) {
	case 0:
	case 2:
		return nr * COPY_SHORT_BYTES;
	case 1:
	case 3:
		return nr * COPY_LONG_BYTES;
	default:
		return PASSTHRU_ANY_LENGTH;
	}
}

static s64 io_length(const struct nvme_command *cmd, u8 block_shift)
{
	u32 cdw10 = le32_to_cpu(cmd->common.cdw10);

	switch (cmd->common.opcode) {
	case nvme_cmd_read:
	case nvme_cmd_write:
	case nvme_cmd_compare:
		return (u64)(le16_to_cpu(cmd->rw.length) + 1) << block_shift;
	case nvme_cmd_flush:
	case nvme_cmd_write_uncor:
	case nvme_cmd_write_zeroes:
	case nvme_cmd_verify:
		return 0;
	case nvme_cmd_dsm:
		return ((cdw10 & 0xff) + 1) * sizeof(struct nvme_dsm_range);
	case CMD_COPY:
		return copy_length(le32_to_cpu(cmd->common.cdw12));
	case nvme_cmd_resv_register:
		return RESV_REGISTER_BYTES;
	case nvme_cmd_resv_report:
		return dwords(cdw10);
	case nvme_cmd_resv_acquire:
		return RESV_ACQUIRE_BYTES;
	case nvme_cmd_resv_release:
		return RESV_RELEASE_BYTES;
	case CMD_IO_MGMT_RECV:
		return dwords(le32_to_cpu(cmd->common.cdw11));
	case CMD_IO_MGMT_SEND:
		if (FIELD_GET(IO_MGMT_OPERATION, cdw10) != IO_MGMT_UPDATE)
			return PASSTHRU_ANY_LENGTH;
		return (FIELD_GET(IO_MGMT_IDS, cdw10) + 1) * sizeof(u16);
	default:
		return PASSTHRU_ANY_LENGTH;
	}
}

static s64 admin_length(const struct nvme_command *cmd)
{
	u32 cdw10 = le32_to_cpu(cmd->common.cdw10);
	u32 cdw11 = le32_to_cpu(cmd->common.cdw11);

	switch (cmd->common.opcode) {
	case nvme_admin_identify:
	case nvme_admin_ns_attach:
		return NVME_IDENTIFY_DATA_SIZE;
	case nvme_admin_ns_mgmt:
		return FIELD_GET(NS_MGMT_OPERATION, cdw10) ? 0 : NVME_IDENTIFY_DATA_SIZE;
	case nvme_admin_get_log_page:
		return dwords((cdw11 & 0xffff) << 16 | cdw10 >> 16);
	case nvme_admin_download_fw:
		return dwords(cdw10);
	case nvme_admin_security_send:
	case nvme_admin_security_recv:
		return cdw11;
	case nvme_admin_get_lba_status:
		return dwords(le32_to_cpu(cmd->common.cdw12));
	case nvme_admin_activate_fw:
	case nvme_admin_dev_self_test:
	case nvme_admin_format_nvm:
	case nvme_admin_sanitize_nvm:
	case ADMIN_CAPACITY_MGMT:
	case ADMIN_LOCKDOWN:
		return 0;
	default:
		return PASSTHRU_ANY_LENGTH;
	}
}

s64 __passthru_length(const struct nvme_command *cmd, bool admin, u8 block_shift)
{
	return admin ? admin_length(cmd) : io_length(cmd, block_shift);
}
EXPORT_SYMBOL_IF_KUNIT(__passthru_length);

/* Features that the driver manages, that give memory to the controller, or change formats. */
static bool feature_is_drivers(u8 fid)
{
	switch (fid) {
	/* sysfs has write_cache, coalesce_* and write_protect for these. */
	case NVME_FEAT_VOLATILE_WC:
	case NVME_FEAT_IRQ_COALESCE:
	case NVME_FEAT_WRITE_PROTECT:
	case NVME_FEAT_NUM_QUEUES:
	case NVME_FEAT_ASYNC_EVENT:
	case NVME_FEAT_HOST_MEM_BUF:
	case NVME_FEAT_KATO:
	case NVME_FEAT_HOST_BEHAVIOR:
	case FEAT_IO_COMMAND_SET_PROFILE:
		return true;
	default:
		return false;
	}
}

/*
 * Commands that would invalidate the driver's state, or give memory to the controller. For
 * nobody but the driver.
 */
bool passthru_is_drivers(const struct nvme_command *cmd, bool admin)
{
	if (!admin)
		return cmd->common.opcode == CMD_CANCEL;
	switch (cmd->common.opcode) {
	case nvme_admin_delete_sq:
	case nvme_admin_create_sq:
	case nvme_admin_delete_cq:
	case nvme_admin_create_cq:
	case nvme_admin_abort_cmd:
	case nvme_admin_async_event:
	case nvme_admin_keep_alive:
	case nvme_admin_virtual_mgmt:
	case nvme_admin_dbbuf:
	case ADMIN_CONTROLLER_DATA_QUEUE:
		return true;
	case nvme_admin_set_features:
		return feature_is_drivers(le32_to_cpu(cmd->features.fid));
	default:
		return false;
	}
}

/* Admin commands that change formats or namespaces, whatever the controller says of them. */
bool passthru_changes_media(const struct nvme_command *cmd)
{
	switch (cmd->common.opcode) {
	case nvme_admin_format_nvm:
	case nvme_admin_ns_mgmt:
	case nvme_admin_ns_attach:
	case nvme_admin_sanitize_nvm:
	case ADMIN_CAPACITY_MGMT:
		return true;
	default:
		return false;
	}
}

/* Effects that commands have even if the controller does not say so (5.16.1.6). */
void passthru_known_effects(struct nvme_effects_log *log)
{
	static const u8 writes[] = {
		nvme_cmd_write, nvme_cmd_write_zeroes, nvme_cmd_write_uncor, nvme_cmd_dsm, CMD_COPY,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(writes); i++)
		log->iocs[writes[i]] |= cpu_to_le32(NVME_CMD_EFFECTS_LBCC);
}
