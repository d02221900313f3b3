// SPDX-License-Identifier: GPL-2.0-only
/* Tests of nvme/: I/O commands, their limits and their status codes. */
#include <kunit/test.h>
#include <linux/blkdev.h>

#include "bad_nvme.h"
#include "test_io.h"

static void all_commands(struct nvme_id_ctrl *id)
{
	id->oncs = cpu_to_le16(NVME_CTRL_ONCS_DSM | NVME_CTRL_ONCS_WRITE_ZEROES);
}

static void deallocates(struct nvme_id_ns *id) { id->dlfeat = ANVME_DLFEAT; }

static void nvme_command_fields(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	const struct nvme_command *cmd;
	const struct nvme_dsm_range *range;
	unsigned int nr, i;
	struct test_io *p;

	b->edit_ctrl = all_commands;
	b->edit_ns = deallocates;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));

	cmd = bad_command(test, REQ_OP_WRITE, 24, PART);
	KUNIT_EXPECT_EQ(test, cmd->rw.opcode, nvme_cmd_write);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(cmd->rw.nsid), 1);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cmd->rw.slba), 24);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(cmd->rw.length), PART / SECTOR_SIZE - 1);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(cmd->rw.control), 0);
	cmd = bad_command(test, REQ_OP_WRITE | REQ_FUA, 32, PART);
	KUNIT_EXPECT_EQ(test, cmd->rw.opcode, nvme_cmd_write);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(cmd->rw.control), NVME_RW_FUA);
	cmd = bad_command(test, REQ_OP_READ, 8, 2 * PART);
	KUNIT_EXPECT_EQ(test, cmd->rw.opcode, nvme_cmd_read);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cmd->rw.slba), 8);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(cmd->rw.length), 2 * PART / SECTOR_SIZE - 1);

	cmd = bad_command(test, REQ_OP_WRITE | REQ_PREFLUSH, 0, 0);
	KUNIT_EXPECT_EQ(test, cmd->common.opcode, nvme_cmd_flush);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(cmd->common.nsid), 1);

	cmd = bad_command(test, REQ_OP_DISCARD, 64, SZ_1M);
	KUNIT_EXPECT_EQ(test, cmd->dsm.opcode, nvme_cmd_dsm);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(cmd->dsm.attributes), NVME_DSMGMT_AD);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(cmd->dsm.nr), 0);
	/* The page of the slot is intact until the next request. */
	range = phys_to_virt(le64_to_cpu(cmd->dsm.dptr.prp1));
	KUNIT_EXPECT_EQ(test, le64_to_cpu(range->slba), 64);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(range->nlb), SZ_1M / SECTOR_SIZE);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(range->cattr), 0);
	/* Each bio of a merged request is a range. */
	nr = b->nr_commands;
	p = tio_send_bios(test, 0, REQ_OP_DISCARD, 64, 3 * SZ_64K, 3);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, b->nr_commands, nr + 1);
	cmd = bad_last_command(b);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(cmd->dsm.nr), 2);
	range = phys_to_virt(le64_to_cpu(cmd->dsm.dptr.prp1));
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, le64_to_cpu(range[i].slba), 64 + i * 128);
		KUNIT_EXPECT_EQ(test, le32_to_cpu(range[i].nlb), 128);
	}

	cmd = bad_command(test, REQ_OP_WRITE_ZEROES, 128, SZ_1M);
	KUNIT_EXPECT_EQ(test, cmd->write_zeroes.opcode, nvme_cmd_write_zeroes);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cmd->write_zeroes.slba), 128);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(cmd->write_zeroes.length),
			SZ_1M / SECTOR_SIZE - 1);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(cmd->write_zeroes.control), NVME_WZ_DEAC);
	cmd = bad_command(test, REQ_OP_WRITE_ZEROES | REQ_NOUNMAP, 128, SZ_1M);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(cmd->write_zeroes.control), 0);
	bad_take_down(test);
}

static void small_ranges(struct nvme_id_ctrl_nvm *id)
{
	id->dmrl = 2;
	id->dmrsl = cpu_to_le32(200);		/* rounded down to 128: 64 KiB */
}

static void small_total(struct nvme_id_ctrl_nvm *id)
{
	id->dmrsl = cpu_to_le32(256);
	id->dmsl = cpu_to_le64(3 * 256 + 255);
}

static void tiny_total(struct nvme_id_ctrl_nvm *id) { id->dmsl = cpu_to_le64(128); }
static void tiny_ranges(struct nvme_id_ctrl_nvm *id) { id->dmrsl = cpu_to_le32(127); }
static void small_zeroes(struct nvme_id_ctrl_nvm *id) { id->wzsl = 5; }
static void tiny_zeroes(struct nvme_id_ctrl_nvm *id) { id->wzsl = 3; }
static void huge_zeroes(struct nvme_id_ctrl_nvm *id) { id->wzsl = 255; }

#define FULL_RANGE	(((u64)U32_MAX << SECTOR_SHIFT) & ~(u64)(SZ_64K - 1))

static const struct limits_param {
	const char *name;
	void (*edit)(struct nvme_id_ctrl_nvm *id);
	u32 ranges;
	u64 range_bytes;
	u64 zeroes_bytes;
} limits_params[] = {
	{ "none", NULL, 256, FULL_RANGE, SZ_32M },
	{ "two ranges of 100 KiB", small_ranges, 2, SZ_64K, SZ_32M },
	{ "three ranges and a rest in all", small_total, 3, SZ_128K, SZ_32M },
	{ "64 KiB in all", tiny_total, 1, SZ_64K, SZ_32M },
	{ "ranges below the largest LBA", tiny_ranges, 0, 0, SZ_32M },
	{ "zeroes of 128 KiB", small_zeroes, 256, FULL_RANGE, SZ_128K },
	{ "zeroes below the largest LBA", tiny_zeroes, 256, FULL_RANGE, 0 },
	{ "WZSL of 255", huge_zeroes, 256, FULL_RANGE, SZ_32M },
};
KUNIT_ARRAY_PARAM_DESC(limits, limits_params, name);

static void nvme_limits(struct kunit *test)
{
	const struct limits_param *l = test->param_value;
	struct tio_test *t = test->priv;
	struct bad_nvme *b = bad_nvme(test);
	unsigned int nr;
	struct test_io *p;

	bad_set_reg(b, NVME_REG_VS, NVME_VS(2, 0, 0));
	b->edit_ctrl = all_commands;
	b->edit_ns = deallocates;
	b->edit_limits = l->edit;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_EQ(test, b->nd.max_ranges, l->ranges);
	KUNIT_EXPECT_EQ(test, b->nd.max_range_bytes, l->range_bytes);
	KUNIT_EXPECT_EQ(test, b->nd.max_zeroes_bytes, l->zeroes_bytes);

	nr = b->nr_commands;
	if (l->ranges) {
		p = tio_send(test, 0, REQ_OP_DISCARD, 0, SZ_1M);
		tio_expect_end(test, p, BLK_STS_OK, 0);
		nr += DIV_ROUND_UP(SZ_1M, min(l->ranges * l->range_bytes, SZ_1M));
		KUNIT_EXPECT_EQ(test, b->nr_commands, nr);
	} else {
		KUNIT_EXPECT_EQ(test, bdev_max_discard_sectors(t->disk->gd->part0), 0);
	}
	if (l->zeroes_bytes) {
		p = tio_send(test, 0, REQ_OP_WRITE_ZEROES, 0, SZ_1M);
		tio_expect_end(test, p, BLK_STS_OK, 0);
		nr += DIV_ROUND_UP(SZ_1M, min(l->zeroes_bytes, SZ_1M));
		KUNIT_EXPECT_EQ(test, b->nr_commands, nr);
	} else {
		KUNIT_EXPECT_EQ(test, bdev_write_zeroes_sectors(t->disk->gd->part0), 0);
	}
	bad_take_down(test);
}

/* A controller of version 1 without command sets is not asked for its limits. */
static void nvme_limits_unsupported(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	bad_set_reg(b, NVME_REG_VS, NVME_VS(1, 4, 0));
	b->edit_ctrl = all_commands;
	b->edit_limits = tiny_ranges;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_EQ(test, b->nd.max_ranges, 256);
	bad_take_down(test);
}

static const struct status_param {
	const char *name;
	u16 code;
	blk_status_t status;
} status_params[] = {
	{ "no room", NVME_SC_CAP_EXCEEDED, BLK_STS_NOSPC },
	{ "an LBA out of range", NVME_SC_LBA_RANGE, BLK_STS_TARGET },
	{ "write protected", NVME_SC_NS_WRITE_PROTECTED, BLK_STS_TARGET },
	{ "an opcode", NVME_SC_INVALID_OPCODE, BLK_STS_NOTSUPP },
	{ "a field", NVME_SC_INVALID_FIELD, BLK_STS_NOTSUPP },
	{ "a read error", NVME_SC_READ_ERROR, BLK_STS_MEDIUM },
	{ "a write fault", NVME_SC_WRITE_FAULT, BLK_STS_MEDIUM },
	{ "a guard", NVME_SC_GUARD_CHECK, BLK_STS_PROTECTION },
	{ "aborted", NVME_SC_ABORT_REQ, BLK_STS_TIMEOUT },
	{ "anything else", NVME_SC_INTERNAL, BLK_STS_IOERR },
};
KUNIT_ARRAY_PARAM_DESC(status, status_params, name);

/* Status codes are translated, and DNR prevents a retry. */
static void nvme_status(struct kunit *test)
{
	const struct status_param *s = test->param_value;
	struct bad_nvme *b = bad_nvme(test);
	struct test_io *p;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->fails_with = s->code | NVME_STATUS_DNR;
	b->fails = 1;
	b->nr_commands = 0;
	p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	tio_expect_end(test, p, s->status, PART);
	KUNIT_EXPECT_EQ(test, b->nr_commands, 1);
	/* Without DNR it is retried. */
	b->fails_with = s->code;
	b->fails = 1;
	p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, b->nr_commands, 3);
	bad_take_down(test);
}

static void retry_times(struct nvme_id_ctrl *id)
{
	id->crdt1 = cpu_to_le16(1);
	id->crdt2 = cpu_to_le16(6);
	id->crdt3 = cpu_to_le16(1);
}

/* Retries honour CRD; an aborted queue does not count as a retry. */
static void nvme_retries(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	unsigned long start;
	struct test_io *p;

	b->edit_ctrl = retry_times;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->fails_with = NVME_SC_INTERNAL | 2 << 11;
	b->fails = 1;
	start = jiffies;
	p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_GE(test, jiffies - start, msecs_to_jiffies(600));
	asblk_settings_max_retries(b->nd.ctrl, 0);
	b->fails_with = NVME_SC_ABORT_QUEUE;
	b->fails = 3;
	p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	bad_take_down(test);
}

static void takes_sgls(struct nvme_id_ctrl *id) { id->sgls = cpu_to_le32(1); }

/* SGLs where they are shorter than PRPs, and only where the controller takes them. */
static void nvme_sgl(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct bad_nvme *b = bad_nvme(test);
	const struct nvme_command *cmd;

	b->edit_ctrl = takes_sgls;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	cmd = bad_command(test, REQ_OP_WRITE, 0, 4 * PART);
	KUNIT_EXPECT_EQ(test, cmd->rw.flags, NVME_CMD_SGL_METABUF);
	KUNIT_EXPECT_EQ(test, cmd->rw.dptr.sgl.type, NVME_SGL_FMT_DATA_DESC << 4);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(cmd->rw.dptr.sgl.length), 4 * PART);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cmd->rw.dptr.sgl.addr), page_to_phys(t->pages));
	cmd = bad_command(test, REQ_OP_WRITE, 0, PART);
	KUNIT_EXPECT_EQ(test, cmd->rw.flags, 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cmd->rw.dptr.prp1), page_to_phys(t->pages));
	bad_take_down(test);
}

static void nvme_prp(struct kunit *test)
{
	struct tio_test *t = test->priv;
	u64 start = page_to_phys(t->pages);
	const struct nvme_command *cmd;
	const __le64 *list;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	cmd = bad_command(test, REQ_OP_WRITE, 0, 2 * PART);
	KUNIT_EXPECT_EQ(test, cmd->rw.flags, 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cmd->rw.dptr.prp1), start);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cmd->rw.dptr.prp2), start + ANVME_PAGE);
	cmd = bad_command(test, REQ_OP_WRITE, 0, 4 * PART);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cmd->rw.dptr.prp1), start);
	list = phys_to_virt(le64_to_cpu(cmd->rw.dptr.prp2));
	KUNIT_EXPECT_EQ(test, le64_to_cpu(list[0]), start + ANVME_PAGE);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(list[1]), start + 2 * ANVME_PAGE);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(list[2]), start + 3 * ANVME_PAGE);
	bad_take_down(test);
}

static struct kunit_case nvme_commands_cases[] = {
	KUNIT_CASE(nvme_command_fields),
	KUNIT_CASE_PARAM(nvme_limits, limits_gen_params),
	KUNIT_CASE(nvme_limits_unsupported),
	KUNIT_CASE_PARAM(nvme_status, status_gen_params),
	KUNIT_CASE(nvme_retries),
	KUNIT_CASE(nvme_sgl),
	KUNIT_CASE(nvme_prp),
	{}
};

static struct kunit_suite nvme_commands_suite = {
	.name = "asblk_nvme_commands",
	.init = bad_init,
	.exit = bad_exit,
	.test_cases = nvme_commands_cases,
};
kunit_test_suite(nvme_commands_suite);
