// SPDX-License-Identifier: GPL-2.0-only
/* Tests of passthru/: how long a command's data is, and who may send it. */
#include <kunit/test.h>
#include <linux/slab.h>

#include "compat.h"
#include "passthru/access.h"
#include "passthru/commands.h"
#include "passthru/execute.h"

#define READS		(NVME_CMD_EFFECTS_CSUPP)
#define WRITES		(NVME_CMD_EFFECTS_CSUPP | NVME_CMD_EFFECTS_LBCC)

/* Commands that linux/nvme.h lacks. */
#define COPY		0x19
#define CANCEL		0x18
#define IO_MGMT_RECV	0x12
#define IO_MGMT_SEND	0x1d

static const struct length_param {
	const char *name;
	bool admin;
	u8 opcode;
	u32 cdw10;
	u32 cdw11;
	u32 cdw12;
	s64 bytes;
} length_params[] = {
	{ "read of a block", false, nvme_cmd_read, .bytes = 4096 },
	{ "read of two, with FUA", false, nvme_cmd_read, .cdw12 = 1U << 30 | 1, .bytes = 8192 },
	{ "write of 65536", false, nvme_cmd_write, .cdw12 = 65535, .bytes = 65536LL * 4096 },
	{ "compare", false, nvme_cmd_compare, .cdw12 = 7, .bytes = 8 * 4096 },
	{ "flush", false, nvme_cmd_flush, 7, 7, 7, 0 },
	{ "write zeroes", false, nvme_cmd_write_zeroes, .cdw12 = 7, .bytes = 0 },
	{ "write uncorrectable", false, nvme_cmd_write_uncor, .cdw12 = 7, .bytes = 0 },
	{ "verify", false, nvme_cmd_verify, .cdw12 = 7, .bytes = 0 },
	{ "dsm of one range", false, nvme_cmd_dsm, 0, 4, .bytes = 16 },
	{ "dsm of 256", false, nvme_cmd_dsm, 0xffffffff, 4, .bytes = 4096 },
	{ "copy", false, COPY, .cdw12 = 3, .bytes = 4 * 32 },
	{ "copy, format 1", false, COPY, .cdw12 = 1 << 8 | 3, .bytes = 4 * 40 },
	{ "copy, format 2", false, COPY, .cdw12 = 2 << 8 | 255, .bytes = 256 * 32 },
	{ "copy, format 3", false, COPY, .cdw12 = 3 << 8, .bytes = 40 },
	{ "copy, format 4", false, COPY, .cdw12 = 4 << 8, .bytes = -1 },
	{ "reservation register", false, nvme_cmd_resv_register, .bytes = 16 },
	{ "report", false, nvme_cmd_resv_report, 1023, .bytes = 4096 },
	{ "report of the most", false, nvme_cmd_resv_report, U32_MAX, .bytes = 1LL << 34 },
	{ "acquire", false, nvme_cmd_resv_acquire, .bytes = 16 },
	{ "release", false, nvme_cmd_resv_release, .bytes = 8 },
	{ "I/O management receive", false, IO_MGMT_RECV, 1, 15, .bytes = 64 },
	{ "send of one identifier", false, IO_MGMT_SEND, 1, .bytes = 2 },
	{ "of nobody knows what", false, IO_MGMT_SEND, 2, .bytes = -1 },
	{ "vendor's", false, 0x91, .bytes = -1 },
	{ "identify", true, nvme_admin_identify, .bytes = 4096 },
	{ "create a namespace", true, nvme_admin_ns_mgmt, 0, .bytes = 4096 },
	{ "delete one", true, nvme_admin_ns_mgmt, 1, .bytes = 0 },
	{ "attach it", true, nvme_admin_ns_attach, 1, .bytes = 4096 },
	{ "log page", true, nvme_admin_get_log_page, 127 << 16 | 2, .bytes = 512 },
	{ "the longest", true, nvme_admin_get_log_page, U32_MAX, U32_MAX, .bytes = 1LL << 34 },
	{ "firmware", true, nvme_admin_download_fw, 1023, 5, .bytes = 4096 },
	{ "security send", true, nvme_admin_security_send, 0, 100, .bytes = 100 },
	{ "security receive", true, nvme_admin_security_recv, 0, 0, .bytes = 0 },
	{ "status of LBAs", true, nvme_admin_get_lba_status, .cdw12 = 255, .bytes = 1024 },
	{ "format", true, nvme_admin_format_nvm, 1, .bytes = 0 },
	{ "sanitize", true, nvme_admin_sanitize_nvm, 2, .bytes = 0 },
	{ "features", true, nvme_admin_get_features, 7, .bytes = -1 },
	{ "directive", true, nvme_admin_directive_recv, 7, .bytes = -1 },
	{ "vendor's, for the controller", true, 0xc2, .bytes = -1 },
};
KUNIT_ARRAY_PARAM_DESC(length, length_params, name);

static void passthru_lengths(struct kunit *test)
{
	const struct length_param *p = test->param_value;
	struct nvme_command cmd = {
		.common.opcode	= p->opcode,
		.common.cdw10	= cpu_to_le32(p->cdw10),
		.common.cdw11	= cpu_to_le32(p->cdw11),
		.common.cdw12	= cpu_to_le32(p->cdw12),
	};

	KUNIT_EXPECT_EQ(test, passthru_length(&cmd, p->admin, 12), p->bytes);
}

static const struct access_param {
	const char *name;
	bool admin;
	u8 opcode;
	u32 effects;
	u8 cns;
	bool reader;	/* may send it, having opened the device for reading */
	bool writer;	/* or also for writing */
} access_params[] = {
	{ "read", false, nvme_cmd_read, READS, .reader = true, .writer = true },
	{ "verify", false, nvme_cmd_verify, READS, .reader = true, .writer = true },
	{ "write", false, nvme_cmd_write, WRITES, .writer = true },
	{ "write, by its opcode", false, nvme_cmd_write, READS, .writer = true },
	{ "write zeroes", false, nvme_cmd_write_zeroes, WRITES, .writer = true },
	{ "compare", false, nvme_cmd_compare, READS, .writer = true },
	{ "flush that changes nothing", false, nvme_cmd_flush, READS,
	  .reader = true, .writer = true },
	{ "flush that does", false, nvme_cmd_flush, WRITES, .writer = true },
	{ "read, not supported", false, nvme_cmd_read, 0 },
	{ "write, not supported", false, nvme_cmd_write, NVME_CMD_EFFECTS_LBCC },
	{ "of a scope", false, nvme_cmd_read, READS | BIT(20), .reader = true, .writer = true },
	{ "with an UUID", false, nvme_cmd_read, READS | NVME_CMD_EFFECTS_UUID_SEL,
	  .reader = true, .writer = true },
	{ "changes the namespace", false, nvme_cmd_write, WRITES | NVME_CMD_EFFECTS_NCC },
	{ "changes the inventory", false, nvme_cmd_write, WRITES | NVME_CMD_EFFECTS_NIC },
	{ "changes the controller", false, nvme_cmd_write, WRITES | NVME_CMD_EFFECTS_CCC },
	{ "wants to be alone", false, nvme_cmd_write, WRITES | BIT(16) },
	{ "vendor's", false, 0x82, READS },
	{ "fabrics", false, 0x7f, READS },
	{ "identify a namespace", true, nvme_admin_identify, READS, NVME_ID_CNS_NS, true, true },
	{ "identify the controller", true, nvme_admin_identify, 0, NVME_ID_CNS_CTRL, true, true },
	{ "of the command set", true, nvme_admin_identify, 0, NVME_ID_CNS_CS_CTRL, true, true },
	{ "list namespaces", true, nvme_admin_identify, READS, NVME_ID_CNS_NS_ACTIVE_LIST },
	{ "identifiers", true, nvme_admin_identify, READS, NVME_ID_CNS_NS_DESC_LIST },
	{ "log page", true, nvme_admin_get_log_page, READS },
	{ "features", true, nvme_admin_get_features, READS },
	{ "format", true, nvme_admin_format_nvm, READS },
	{ "vendor's, for the controller", true, 0xc2, READS },
};
KUNIT_ARRAY_PARAM_DESC(access, access_params, name);

static void passthru_access(struct kunit *test)
{
	const struct access_param *p = test->param_value;
	struct asblk_passthru *pt = kunit_kzalloc(test, sizeof(*pt), GFP_KERNEL);
	struct nvme_command cmd = { .common.opcode = p->opcode };

	KUNIT_ASSERT_NOT_NULL(test, pt);
	if (p->admin)
		cmd.identify.cns = p->cns;
	/* Of the other commands everything is allowed. */
	memset(&pt->effects, 0, sizeof(pt->effects));
	(p->admin ? pt->effects.acs : pt->effects.iocs)[p->opcode] = cpu_to_le32(p->effects);
	(p->admin ? pt->effects.iocs : pt->effects.acs)[p->opcode] = cpu_to_le32(READS);
	KUNIT_EXPECT_EQ(test, passthru_is_for_all(pt, &cmd, p->admin, false), p->reader);
	KUNIT_EXPECT_EQ(test, passthru_is_for_all(pt, &cmd, p->admin, true), p->writer);
}

/* What nobody may send. The test itself may send everything else. */
static void passthru_refusals(struct kunit *test)
{
	static const u8 drivers[] = {
		nvme_admin_delete_sq, nvme_admin_create_sq, nvme_admin_delete_cq,
		nvme_admin_create_cq, nvme_admin_abort_cmd, nvme_admin_async_event,
		nvme_admin_keep_alive, nvme_admin_virtual_mgmt, nvme_admin_dbbuf,
	};
	struct asblk_passthru *pt = kunit_kzalloc(test, sizeof(*pt), GFP_KERNEL);
	struct passthru_target t = { .pt = pt, .nsid = 3 };
	struct nvme_command cmd = { };
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, pt);
	for (i = 0; i < ARRAY_SIZE(drivers); i++) {
		cmd.common.opcode = drivers[i];
		KUNIT_EXPECT_EQ(test, passthru_permit(&t, &cmd, true, true), -EINVAL);
	}
	cmd.common.opcode = nvme_admin_set_features;
	cmd.features.fid = cpu_to_le32(NVME_FEAT_NUM_QUEUES);
	KUNIT_EXPECT_EQ(test, passthru_permit(&t, &cmd, true, true), -EINVAL);
	/* Saved over resets: the same feature. */
	cmd.features.fid = cpu_to_le32(1U << 31 | NVME_FEAT_NUM_QUEUES);
	KUNIT_EXPECT_EQ(test, passthru_permit(&t, &cmd, true, true), -EINVAL);
	cmd.features.fid = cpu_to_le32(NVME_FEAT_TEMP_THRESH);
	KUNIT_EXPECT_EQ(test, passthru_permit(&t, &cmd, true, true), 0);

	memset(&cmd, 0, sizeof(cmd));
	cmd.common.opcode = nvme_cmd_read;
	KUNIT_EXPECT_EQ(test, passthru_permit(&t, &cmd, false, true), -EINVAL);
	cmd.common.nsid = cpu_to_le32(3);
	KUNIT_EXPECT_EQ(test, passthru_permit(&t, &cmd, false, true), 0);
	for (i = 0; i < 8; i++) {
		cmd.common.flags = BIT(i);
		KUNIT_EXPECT_EQ(test, passthru_permit(&t, &cmd, false, true), -EINVAL);
	}
	cmd.common.flags = 0;
	cmd.common.opcode = CANCEL;
	KUNIT_EXPECT_EQ(test, passthru_permit(&t, &cmd, false, true), -EINVAL);
	cmd.common.opcode = 0x90;
	pt->effects.iocs[0x90] = cpu_to_le32(NVME_CMD_EFFECTS_NCC);
	KUNIT_EXPECT_EQ(test, passthru_permit(&t, &cmd, false, true), -EINVAL);
}

/* Copies never take two pages, and begin at dwords. */
static void passthru_copies(struct kunit *test)
{
	size_t bytes;

	for (bytes = 0; bytes <= 4 * SZ_4K; bytes++) {
		int offset = passthru_copy_offset(bytes);

		if (bytes > SZ_4K && bytes <= SZ_4K + 4) {
			KUNIT_EXPECT_EQ(test, offset, -EINVAL);
			continue;
		}
		KUNIT_ASSERT_GE(test, offset, 0);
		KUNIT_ASSERT_LT(test, offset, SZ_4K);
		KUNIT_ASSERT_EQ(test, offset % 4, 0);
		/* Nor with what is missing to a dword. */
		KUNIT_ASSERT_NE(test, DIV_ROUND_UP(offset + bytes, SZ_4K), 2);
		if (bytes <= SZ_4K || bytes > 2 * SZ_4K)
			KUNIT_ASSERT_EQ(test, offset, 0);
	}
}

static struct kunit_case passthru_cases[] = {
	KUNIT_CASE_PARAM(passthru_lengths, length_gen_params),
	KUNIT_CASE_PARAM(passthru_access, access_gen_params),
	KUNIT_CASE(passthru_refusals),
	KUNIT_CASE(passthru_copies),
	{}
};

static struct kunit_suite passthru_suite = {
	.name = "asblk_passthru",
	.test_cases = passthru_cases,
};
kunit_test_suite(passthru_suite);
