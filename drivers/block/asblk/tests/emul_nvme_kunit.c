// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the NVMe command set of the emulated controller (emul/nvme_*.c): every command with
 * good and bad fields, and what becomes of commands that meet faults, resets and removal.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/nvme.h>
#include <linux/unaligned.h>

#include "emul/counters.h"
#include "emul/nvme.h"
#include "test_emul.h"

#define DNR		NVME_STATUS_DNR
#define LAST_BLOCK	(SZ_16M / 512 - 1)

/* Memory of commands; the first 64 KiB are what the block layer's test I/Os use. */
static void *data_of(struct kunit *test)
{
	struct tio_test *t = test->priv;

	return page_address(t->pages) + SZ_64K;
}

static void *io_data_of(struct kunit *test)
{
	struct tio_test *t = test->priv;

	return page_address(t->pages);
}

/**
 * struct sent - a command that was sent
 * @command: the command
 * @rq: its request
 * @done: it has ended
 * @status: with this
 * @freed: its request was freed then, as the removal of the controller waits for that
 */
struct sent {
	struct asblk_command command;
	struct request *rq;
	struct completion done;
	blk_status_t status;
	bool freed;
};

static enum rq_end_io_ret sent_end(ASBLK_END_IO_ARGS)
{
	struct sent *s = rq->end_io_data;
	bool freed = s->freed;

	s->status = status;
	complete(&s->done);
	return freed ? RQ_END_IO_FREE : RQ_END_IO_NONE;
}

static void send(struct kunit *test, struct sent *s, bool admin, const struct nvme_command *nc,
		 u32 len)
{
	struct emul *emul = emul_of(test);
	struct request_queue *q = admin ? asblk_admin_queue(emul->ctrl) :
					  asblk_disk_queue(emul->disk);

	memset(s, 0, sizeof(*s));
	init_completion(&s->done);
	memcpy(s->command.bytes, nc, sizeof(*nc));
	s->rq = asblk_command_request(q, &s->command, nvme_is_write((void *)nc) ?
				      REQ_OP_DRV_OUT : REQ_OP_DRV_IN, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(s->rq));
	if (len)
		KUNIT_ASSERT_EQ(test, blk_rq_map_kern(s->rq, data_of(test), len, GFP_KERNEL), 0);
	s->rq->end_io = sent_end;
	s->rq->end_io_data = s;
	blk_execute_rq_nowait(s->rq, false);
}

static void wait_end(struct kunit *test, struct sent *s)
{
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&s->done, 30 * HZ), 0);
	if (!s->freed)
		blk_mq_free_request(s->rq);
	/* Both say so, or none. */
	KUNIT_EXPECT_EQ(test, s->status == BLK_STS_OK,
			s->command.answered && !s->command.status);
}

/* Execute a command. Return: its status. */
static u16 execute(struct kunit *test, bool admin, const struct nvme_command *nc, u32 len,
		   u64 *result)
{
	struct sent s;

	send(test, &s, admin, nc, len);
	wait_end(test, &s);
	KUNIT_EXPECT_TRUE(test, s.command.answered);
	if (result)
		*result = s.command.result;
	return s.command.status;
}

static u16 execute_rw(struct kunit *test, u8 opcode, u64 lba, u32 nr, u16 control, u32 len)
{
	const struct nvme_command nc = {
		.rw = {
			.opcode = opcode, .nsid = cpu_to_le32(1), .slba = cpu_to_le64(lba),
			.length = cpu_to_le16(nr - 1), .control = cpu_to_le16(control),
		},
	};

	return execute(test, false, &nc, len, NULL);
}

/* Send an I/O command on blocks of 512 bytes, with the data that it has. */
static u16 rw(struct kunit *test, u8 opcode, u64 lba, u32 nr)
{
	bool data = opcode == nvme_cmd_read || opcode == nvme_cmd_write ||
		    opcode == nvme_cmd_compare;

	return execute_rw(test, opcode, lba, nr, 0, data ? nr * 512 : 0);
}

static u16 dsm(struct kunit *test, u64 lba, u32 nr, u32 attributes)
{
	struct nvme_dsm_range *range = data_of(test);
	const struct nvme_command nc = {
		.dsm = {
			.opcode = nvme_cmd_dsm, .nsid = cpu_to_le32(1),
			.nr = cpu_to_le32(1), .attributes = cpu_to_le32(attributes),
		},
	};

	/* The second is empty. */
	memset(range, 0, 2 * sizeof(*range));
	range->slba = cpu_to_le64(lba);
	range->nlb = cpu_to_le32(nr);
	return execute(test, false, &nc, 2 * sizeof(*range), NULL);
}

static u16 identify(struct kunit *test, u8 cns, u32 nsid)
{
	const struct nvme_command nc = {
		.identify = {
			.opcode = nvme_admin_identify, .nsid = cpu_to_le32(nsid), .cns = cns,
		},
	};

	memset(data_of(test), 0xff, NVME_IDENTIFY_DATA_SIZE);
	return execute(test, true, &nc, NVME_IDENTIFY_DATA_SIZE, NULL);
}

static u16 log_page(struct kunit *test, u8 lid, u32 len, u32 offset)
{
	const struct nvme_command nc = {
		.get_log_page = {
			.opcode = nvme_admin_get_log_page, .nsid = cpu_to_le32(NVME_NSID_ALL),
			.lid = lid, .numdl = cpu_to_le16(len / 4 - 1),
			.lpo = cpu_to_le64(offset),
		},
	};

	memset(data_of(test), 0xff, len);
	return execute(test, true, &nc, len, NULL);
}

static u16 features(struct kunit *test, u8 opcode, u32 fid, u32 value, u64 *result)
{
	const struct nvme_command nc = {
		.features = {
			.opcode = opcode, .fid = cpu_to_le32(fid), .dword11 = cpu_to_le32(value),
		},
	};

	return execute(test, true, &nc, 0, result);
}

static struct nvme_smart_log *smart(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, log_page(test, NVME_LOG_SMART, sizeof(struct nvme_smart_log), 0), 0);
	return data_of(test);
}

/* Let the rule act. */
static void enable_rule(struct kunit *test, const char *op, const char *action)
{
	struct emul_rule *r = emul_test(test)->rule;

	KUNIT_ASSERT_EQ(test, emul_rule_set(r, RULE_OP, op), 0);
	KUNIT_ASSERT_EQ(test, emul_rule_set(r, RULE_ACTION, action), 0);
	KUNIT_ASSERT_EQ(test, emul_rule_enable(r, true), 0);
	emul_be_slow(&emul_of(test)->dev);
}

static void set_rule(struct kunit *test, enum emul_rule_field i, const char *text)
{
	KUNIT_ASSERT_EQ(test, emul_rule_set(emul_test(test)->rule, i, text), 0);
}

static void disable_rule(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, emul_rule_enable(emul_test(test)->rule, false), 0);
}

static void nvme_identify_ctrl(struct kunit *test)
{
	const struct nvme_id_ctrl *id = data_of(test);

	KUNIT_ASSERT_EQ(test, identify(test, NVME_ID_CNS_CTRL, 0), 0);
	KUNIT_EXPECT_EQ(test, memcmp(id->mn, "asblk emulated disk                     ", 40), 0);
	KUNIT_EXPECT_EQ(test, memcmp(id->fr, "1.0     ", 8), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(id->ver), NVME_VS(2, 0, 0));
	KUNIT_EXPECT_EQ(test, le32_to_cpu(id->nn), 1);
	KUNIT_EXPECT_EQ(test, id->sqes, 0x66);
	KUNIT_EXPECT_EQ(test, id->cqes, 0x44);
	KUNIT_EXPECT_EQ(test, id->mdts, 1);
	KUNIT_EXPECT_EQ(test, id->elpe, 63);
	/* Compare, write uncorrectable, DSM, write zeroes, select, verify. */
	KUNIT_EXPECT_EQ(test, le16_to_cpu(id->oncs), 0x9f);
	KUNIT_EXPECT_EQ(test, id->vwc, 7);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(id->tnvmcap), SZ_16M);
	KUNIT_EXPECT_EQ(test, strncmp(id->subnqn, "nqn.2014-08.org.nvmexpress:uuid:", 32), 0);
	/* A disk without some of them. */
	emul_test(test)->options.discard = false;
	emul_test(test)->options.write_zeroes = false;
	emul_test(test)->options.volatile_cache = false;
	KUNIT_ASSERT_EQ(test, identify(test, NVME_ID_CNS_CTRL, 0), 0);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(id->oncs), 0x93);
	KUNIT_EXPECT_EQ(test, id->vwc, 6);
	KUNIT_EXPECT_EQ(test, dsm(test, 0, 1, NVME_DSMGMT_AD), NVME_SC_INVALID_OPCODE | DNR);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_write_zeroes, 0, 1),
			NVME_SC_INVALID_OPCODE | DNR);
}

static void nvme_identify_ns(struct kunit *test)
{
	const struct nvme_id_ns *id = data_of(test);
	const struct nvme_id_ns_cs_indep *any = data_of(test);
	const struct nvme_ns_id_desc *desc = data_of(test);
	const __le32 *list = data_of(test);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, rw(test, nvme_cmd_write, 0, 8), 0);
	KUNIT_ASSERT_EQ(test, identify(test, NVME_ID_CNS_NS, 1), 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(id->nsze), SZ_16M / 512);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(id->nuse), PAGE_SIZE / 512);
	KUNIT_EXPECT_EQ(test, id->flbas, 0);
	KUNIT_EXPECT_EQ(test, SZ_512 << id->nlbaf, asblk_max_block_size());
	for (i = 0; i <= id->nlbaf; i++)
		KUNIT_EXPECT_EQ(test, id->lbaf[i].ds, 9 + i);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(id->nawupf), SZ_64K / 512 - 1);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(id->npwg), 7);
	KUNIT_EXPECT_EQ(test, id->nsattr, 0);
	emul_test(test)->medium.read_only = true;
	KUNIT_ASSERT_EQ(test, identify(test, NVME_ID_CNS_NS, 1), 0);
	KUNIT_EXPECT_EQ(test, id->nsattr, NVME_NS_ATTR_RO);
	KUNIT_ASSERT_EQ(test, identify(test, NVME_ID_CNS_NS_CS_INDEP, 1), 0);
	KUNIT_EXPECT_EQ(test, any->nstat, 1);
	KUNIT_EXPECT_EQ(test, any->nsattr, NVME_NS_ATTR_RO);
	KUNIT_ASSERT_EQ(test, identify(test, NVME_ID_CNS_NS_DESC_LIST, 1), 0);
	KUNIT_EXPECT_EQ(test, desc->nidt, NVME_NIDT_NGUID);
	desc = (void *)(desc + 1) + 16;
	KUNIT_EXPECT_EQ(test, desc->nidt, NVME_NIDT_CSI);
	KUNIT_ASSERT_EQ(test, identify(test, NVME_ID_CNS_NS_ACTIVE_LIST, 0), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(list[0]), 1);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(list[1]), 0);
	KUNIT_ASSERT_EQ(test, identify(test, NVME_ID_CNS_NS_ACTIVE_LIST, 1), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(list[0]), 0);
	KUNIT_ASSERT_EQ(test, identify(test, NVME_ID_CNS_CS_CTRL, 0), 0);
	KUNIT_EXPECT_EQ(test, ((struct nvme_id_ctrl_nvm *)data_of(test))->dmrl, 64);
	KUNIT_EXPECT_EQ(test, identify(test, NVME_ID_CNS_CS_NS, 1), 0);
}

/* An admin command, and what comes of it. */
struct admin_case {
	const char *name;
	u16 status;
	u16 where;	/* as the error log has it; 0 for nothing */
	u32 len;
	struct nvme_command nc;
};

#define NC_IDENTIFY(of, name_space, ...)						\
	{ .identify = {									\
		.opcode = nvme_admin_identify, .cns = of, .nsid = cpu_to_le32(name_space), \
		__VA_ARGS__								\
	} }
#define NC_LOG(id, bytes, ...)								\
	{ .get_log_page = {								\
		.opcode = nvme_admin_get_log_page, .lid = id,				\
		.numdl = cpu_to_le16((bytes) / 4 - 1), __VA_ARGS__			\
	} }
#define NC_FEATURE(what, id, value, ...)						\
	{ .features = {									\
		.opcode = nvme_admin_##what##_features, .fid = cpu_to_le32(id),		\
		.dword11 = cpu_to_le32(value), __VA_ARGS__				\
	} }
#define NC_FORMAT(name_space, dword10)							\
	{ .format = {									\
		.opcode = nvme_admin_format_nvm, .nsid = cpu_to_le32(name_space),	\
		.cdw10 = cpu_to_le32(dword10),						\
	} }

static const struct admin_case admin_cases[] = {
	{ "opcode", NVME_SC_INVALID_OPCODE, 0, 0, { .common.opcode = 0xc1 } },
	{ "abort", NVME_SC_INVALID_OPCODE, 0, 0, { .common.opcode = nvme_admin_abort_cmd } },
	{ "flags", NVME_SC_INVALID_FIELD, 1, 4096, NC_IDENTIFY(1, 0, .flags = 1) },
	{ "identify: length", NVME_SC_SGL_INVALID_DATA, 0, 4092, NC_IDENTIFY(1, 0) },
	{ "identify: unknown", NVME_SC_INVALID_FIELD, 40, 4096, NC_IDENTIFY(0x30, 0) },
	{ "identify: namespace 0", NVME_SC_INVALID_NS, 0, 4096, NC_IDENTIFY(0, 0) },
	{ "identify: namespace 2", NVME_SC_INVALID_NS, 0, 4096, NC_IDENTIFY(0, 2) },
	{ "identify: all", NVME_SC_INVALID_NS, 0, 4096, NC_IDENTIFY(0, NVME_NSID_ALL) },
	{ "identify: descriptors", NVME_SC_INVALID_NS, 0, 4096, NC_IDENTIFY(3, 2) },
	{ "identify: list", NVME_SC_INVALID_NS, 0, 4096, NC_IDENTIFY(2, NVME_NSID_ALL) },
	{ "identify: set", NVME_SC_INVALID_FIELD, 47, 4096, NC_IDENTIFY(6, 0, .csi = 2) },
	{ "log: unknown", NVME_SC_INVALID_LOG_PAGE, 0, 512, NC_LOG(0x60, 512) },
	{ "log: length", NVME_SC_SGL_INVALID_DATA, 0, 512, NC_LOG(2, 508) },
	{ "log: long", NVME_SC_SGL_INVALID_DATA, 0, 512, NC_LOG(2, 512, .numdu = cpu_to_le16(1)) },
	{ "log: namespace", NVME_SC_INVALID_NS, 0, 512, NC_LOG(2, 512, .nsid = cpu_to_le32(2)) },
	{ "log: odd", NVME_SC_INVALID_FIELD, 48, 512, NC_LOG(2, 512, .lpo = cpu_to_le64(2)) },
	{ "log: offset", NVME_SC_INVALID_FIELD, 48, 512, NC_LOG(2, 512, .lpo = cpu_to_le64(516)) },
	{ "log: far", NVME_SC_INVALID_FIELD, 48, 64,
	  NC_LOG(1, 64, .lpo = cpu_to_le64(1ULL << 63)) },
	{ "log: set", NVME_SC_INVALID_FIELD, 59, 512, NC_LOG(5, 512, .csi = 1) },
	{ "get: unknown", NVME_SC_INVALID_FIELD, 40, 0, NC_FEATURE(get, 0x55, 0) },
	{ "get: select", NVME_SC_INVALID_FIELD, 41, 0, NC_FEATURE(get, 0x404, 0) },
	{ "get: sensor", NVME_SC_INVALID_FIELD, 46, 0, NC_FEATURE(get, 4, 1 << 16) },
	{ "get: threshold", NVME_SC_INVALID_FIELD, 0x400 | 46, 0, NC_FEATURE(get, 4, 2 << 20) },
	{ "get: vector", NVME_SC_INVALID_FIELD, 44, 0, NC_FEATURE(get, 9, 1) },
	{ "set: unknown", NVME_SC_INVALID_FIELD, 40, 0, NC_FEATURE(set, 0x55, 0) },
	{ "set: save", NVME_SC_FEATURE_NOT_SAVEABLE, 0, 0, NC_FEATURE(set, 0x80000004, 300) },
	{ "set: namespace", NVME_SC_FEATURE_NOT_PER_NS, 0, 0,
	  NC_FEATURE(set, 4, 300, .nsid = cpu_to_le32(1)) },
	{ "set: cache", NVME_SC_FEATURE_NOT_CHANGEABLE, 0, 0, NC_FEATURE(set, 6, 0) },
	{ "set: queues", NVME_SC_FEATURE_NOT_CHANGEABLE, 0, 0, NC_FEATURE(set, 7, 0x10001) },
	{ "set: coalescing", NVME_SC_FEATURE_NOT_CHANGEABLE, 0, 0, NC_FEATURE(set, 8, 5) },
	{ "format: namespace", NVME_SC_INVALID_NS, 0, 0, NC_FORMAT(2, 0) },
	{ "format: format", NVME_SC_INVALID_FORMAT, 0, 0, NC_FORMAT(1, 15) },
	{ "format: upper bits", NVME_SC_INVALID_FORMAT, 0, 0, NC_FORMAT(1, 0x1000) },
	{ "format: metadata", NVME_SC_INVALID_FORMAT, 0, 0, NC_FORMAT(1, 0x10) },
	{ "format: protection", NVME_SC_INVALID_FORMAT, 0, 0, NC_FORMAT(1, 0x20) },
	{ "format: cryptographic", NVME_SC_INVALID_FIELD, 0x100 | 41, 0, NC_FORMAT(1, 0x400) },
};

static void admin_describe(const struct admin_case *c, char *text)
{
	strscpy(text, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(admin, admin_cases, admin_describe);

/* The error log tells which field was wrong, once. */
static void expect_logged(struct kunit *test, u16 queue, u16 status, u16 where)
{
	const struct nvme_error_slot *slot = data_of(test);

	KUNIT_ASSERT_EQ(test, log_page(test, NVME_LOG_ERROR, 4096, 0), 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(slot->error_count), 1);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(slot->sqid), queue);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(slot->status_field) >> 1, status);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(slot->param_error_location), where ?: 0xffff);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(slot[1].error_count), 0);
}

static void nvme_bad_admin(struct kunit *test)
{
	const struct admin_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, execute(test, true, &c->nc, c->len, NULL), c->status | DNR);
	expect_logged(test, 0, c->status | DNR, c->where);
}

static void nvme_features(struct kunit *test)
{
	u64 result;

	KUNIT_EXPECT_EQ(test, features(test, nvme_admin_get_features, 6, 0, &result), 0);
	KUNIT_EXPECT_EQ(test, result, 1);
	KUNIT_EXPECT_EQ(test, asblk_ctrl_write_cache(emul_of(test)->ctrl, false), 0);
	KUNIT_EXPECT_EQ(test, features(test, nvme_admin_get_features, 6, 0, &result), 0);
	KUNIT_EXPECT_EQ(test, result, 0);
	/* By default it is on. */
	KUNIT_EXPECT_EQ(test, features(test, nvme_admin_get_features, 0x106, 0, &result), 0);
	KUNIT_EXPECT_EQ(test, result, 1);
	/* To what it is. */
	KUNIT_EXPECT_EQ(test, features(test, nvme_admin_set_features, 6, 0, &result), 0);
	KUNIT_EXPECT_EQ(test, features(test, nvme_admin_set_features, 7, 0, &result), 0);
	KUNIT_EXPECT_EQ(test, result, 0);
	KUNIT_EXPECT_EQ(test, asblk_ctrl_coalesce(emul_of(test)->ctrl, 4, 1000), 0);
	KUNIT_EXPECT_EQ(test, features(test, nvme_admin_get_features, 8, 0, &result), 0);
	KUNIT_EXPECT_EQ(test, result, 0xa03);
	emul_test(test)->options.volatile_cache = false;
	KUNIT_EXPECT_EQ(test, features(test, nvme_admin_get_features, 6, 0, &result),
			NVME_SC_INVALID_FIELD | DNR);
}

/* The only feature that is set here: a warning from a temperature on, or up to one. */
static void nvme_thresholds(struct kunit *test)
{
	u64 result;

	KUNIT_EXPECT_EQ(test, features(test, nvme_admin_get_features, 0x304, 0, &result), 0);
	KUNIT_EXPECT_EQ(test, result, 4);
	KUNIT_EXPECT_EQ(test, smart(test)->critical_warning, 0);
	KUNIT_EXPECT_EQ(test, features(test, nvme_admin_set_features, 4, 308, NULL), 0);
	KUNIT_EXPECT_EQ(test, features(test, nvme_admin_get_features, 4, 0, &result), 0);
	KUNIT_EXPECT_EQ(test, result, 308);
	KUNIT_EXPECT_EQ(test, features(test, nvme_admin_get_features, 0x104, 0, &result), 0);
	KUNIT_EXPECT_EQ(test, result, EMUL_TEMP_WARNING);
	KUNIT_EXPECT_EQ(test, smart(test)->critical_warning, 2);
	emul_test(test)->options.smart_temperature = 34;
	KUNIT_EXPECT_EQ(test, smart(test)->critical_warning, 0);
	KUNIT_EXPECT_EQ(test, features(test, nvme_admin_set_features, 4, 1 << 20 | 307, NULL), 0);
	KUNIT_EXPECT_EQ(test, smart(test)->critical_warning, 2);
	KUNIT_EXPECT_EQ(test, features(test, nvme_admin_get_features, 4, 1 << 20, &result), 0);
	KUNIT_EXPECT_EQ(test, result, 307);
}

static void nvme_smart_staged(struct kunit *test)
{
	struct emul_options *o = &emul_test(test)->options;
	const struct nvme_smart_log *log;

	o->smart_temperature = 55;
	o->smart_spare = 9;
	o->smart_percentage_used = 255;
	o->smart_critical_warning = 4;
	log = smart(test);
	KUNIT_EXPECT_EQ(test, get_unaligned_le16(log->temperature), 55 + 273);
	KUNIT_EXPECT_EQ(test, log->avail_spare, 9);
	KUNIT_EXPECT_EQ(test, log->spare_thresh, 10);
	KUNIT_EXPECT_EQ(test, log->percent_used, 255);
	KUNIT_EXPECT_EQ(test, log->critical_warning, 5);
}

/* What hosts have done, by commands and by the block layer, now and with power before. */
static void nvme_smart_counts(struct kunit *test)
{
	struct emul_test *et = emul_test(test);
	struct tio_test *t = test->priv;
	const struct nvme_smart_log *log;
	struct emul_life life;

	log = smart(test);
	emul_counters_life(&et->emul->dev, &life);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(log->host_reads), life.reads);
	tio_expect_end(test, tio_send(test, 0, REQ_OP_WRITE, 0, PART), BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_write, 8, 8), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_compare, 8, 8), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_verify, 0, 4096), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_read, 8, 8), 0);
	log = smart(test);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(log->host_writes), 2);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(log->host_reads), life.reads + 2);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(log->data_units_written), 1);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(log->data_units_read),
			DIV_ROUND_UP(life.read_bytes + 2 * PART + SZ_2M, 512000));
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(log->power_cycles), 1);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(log->unsafe_shutdowns), 0);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(log->media_errors), 0);
	/* 500 hours ago it got power. */
	et->medium.health.on_since -= 500 * 3600;
	asblk_ctrl_dead(et->emul->ctrl, "the test");
	emul_destroy(et->emul);
	et->emul = emul_create(&et->options, 900, &et->medium, &et->faults);
	KUNIT_ASSERT_FALSE(test, IS_ERR(et->emul));
	KUNIT_ASSERT_EQ(test, emul_add_disk(et->emul), 0);
	t->disk = et->emul->disk;
	log = smart(test);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(log->power_on_hours), 500);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(log->power_cycles), 2);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(log->unsafe_shutdowns), 1);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(log->host_writes), 2);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(log->data_units_written), 1);
}

/* The most recent first, bounded; faults of the block layer's I/O are in it as well. */
static void nvme_error_log(struct kunit *test)
{
	const struct nvme_error_slot *slot = data_of(test);
	unsigned int i;

	set_rule(test, RULE_STATUS, "medium");
	set_rule(test, RULE_FIRST, "3");
	set_rule(test, RULE_BLOCKS, "1");
	enable_rule(test, "read", "status");
	tio_expect_end(test, tio_send_bios(test, 0, REQ_OP_READ, 0, PART, 8),
		       BLK_STS_MEDIUM, PART - 3 * 512);
	for (i = 0; i < 69; i++)
		KUNIT_ASSERT_EQ(test, rw(test, nvme_cmd_read, LAST_BLOCK + 1 + i, 1),
				NVME_SC_LBA_RANGE | DNR);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_read, 2, 4), NVME_SC_READ_ERROR | DNR);
	KUNIT_ASSERT_EQ(test, log_page(test, NVME_LOG_ERROR, 4096, 0), 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(slot->lba), 3);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(slot->sqid), 1);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(slot->nsid), 1);
	for (i = 0; i < 64; i++) {
		KUNIT_EXPECT_EQ(test, le64_to_cpu(slot[i].error_count), 71 - i);
		if (i)
			KUNIT_EXPECT_EQ(test, le64_to_cpu(slot[i].lba), LAST_BLOCK + 70 - i);
	}
	/* From an offset on, and beyond the end. */
	KUNIT_ASSERT_EQ(test, log_page(test, NVME_LOG_ERROR, 4096, 62 * 64), 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(slot[0].error_count), 71 - 62);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(slot[1].error_count), 71 - 63);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(slot[2].error_count), 0);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(smart(test)->num_err_log_entries), 71);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(smart(test)->media_errors), 2);
}

static void nvme_other_logs(struct kunit *test)
{
	const struct nvme_fw_slot_info_log *firmware = data_of(test);
	const struct nvme_effects_log *effects = data_of(test);
	const __le32 *list = data_of(test);

	KUNIT_ASSERT_EQ(test, log_page(test, 0, 1024, 0), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(list[5]), 1);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(list[6]), 0);
	KUNIT_ASSERT_EQ(test, log_page(test, NVME_LOG_FW_SLOT, 512, 0), 0);
	KUNIT_EXPECT_EQ(test, firmware->afi, 1);
	KUNIT_EXPECT_EQ(test, memcmp(firmware->frs, "1.0     ", 8), 0);
	KUNIT_ASSERT_EQ(test, log_page(test, NVME_LOG_CMD_EFFECTS, 4096, 0), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(effects->iocs[nvme_cmd_read]), 1);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(effects->iocs[nvme_cmd_write]), 3);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(effects->acs[nvme_admin_format_nvm]), 0x10007);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(effects->acs[nvme_admin_abort_cmd]), 0);
	KUNIT_ASSERT_EQ(test, log_page(test, NVME_LOG_CHANGED_NS, 4096, 0), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(list[0]), 0);
	KUNIT_EXPECT_EQ(test, asblk_disk_format(emul_of(test)->disk, 1024, 512, true), 0);
	KUNIT_ASSERT_EQ(test, log_page(test, NVME_LOG_CHANGED_NS, 4096, 0), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(list[0]), 1);
	KUNIT_ASSERT_EQ(test, log_page(test, NVME_LOG_CHANGED_NS, 4096, 0), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(list[0]), 0);
}

/* Fill the memory of commands with a pattern of blocks. */
static void fill(struct kunit *test, u8 seed)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		memset(data_of(test) + i * 512, seed + i, 512);
}

/* Commands and the block layer see the same blocks. */
static void nvme_data(struct kunit *test)
{
	fill(test, 1);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_write, 16, 8), 0);
	tio_expect_end(test, tio_send(test, 0, REQ_OP_READ, 16, PART), BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, memcmp(io_data_of(test), data_of(test), PART), 0);
	memset(io_data_of(test), 0xaa, PART);
	tio_expect_end(test, tio_send(test, 0, REQ_OP_WRITE, LAST_BLOCK - 7, PART), BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_read, LAST_BLOCK - 7, 8), 0);
	KUNIT_EXPECT_EQ(test, memcmp(io_data_of(test), data_of(test), PART), 0);
	KUNIT_EXPECT_EQ(test, execute_rw(test, nvme_cmd_write, 0, 1, NVME_RW_FUA, 512), 0);
	KUNIT_EXPECT_EQ(test, execute_rw(test, nvme_cmd_read, 0, 1, NVME_RW_FUA, 512), 0);
	KUNIT_EXPECT_EQ(test, emul_of(test)->dev.queue[0].count.fua, 1);
}

static void nvme_compare(struct kunit *test)
{
	const struct nvme_error_slot *slot = data_of(test);

	fill(test, 1);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_write, 16, 8), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_compare, 16, 8), 0);
	/* The last byte of the last block but one. */
	*(u8 *)(data_of(test) + 7 * 512 - 1) ^= 1;
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_compare, 16, 8), NVME_SC_COMPARE_FAILED | DNR);
	KUNIT_ASSERT_EQ(test, log_page(test, NVME_LOG_ERROR, 64, 0), 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(slot->lba), 22);
	memset(data_of(test), 0, 512);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_compare, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_compare, 16, 1), NVME_SC_COMPARE_FAILED | DNR);
}

/* Make blocks 18 to 21 unreadable. */
static void spoil(struct kunit *test)
{
	fill(test, 1);
	KUNIT_ASSERT_EQ(test, rw(test, nvme_cmd_write, 16, 8), 0);
	KUNIT_ASSERT_EQ(test, rw(test, nvme_cmd_write_uncor, 18, 4), 0);
}

static void nvme_write_uncorrectable(struct kunit *test)
{
	u64 used = atomic64_read(&emul_test(test)->budget.used);

	spoil(test);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_read, 16, 8), NVME_SC_READ_ERROR | DNR);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_verify, 21, 1), NVME_SC_READ_ERROR | DNR);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_compare, 16, 8), NVME_SC_READ_ERROR | DNR);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_read, 16, 2), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_verify, 22, 8), 0);
	/* The blocks before are good. */
	memset(io_data_of(test), 0, PART);
	tio_expect_end(test, tio_send_bios(test, 0, REQ_OP_READ, 16, PART, 8),
		       BLK_STS_MEDIUM, 6 * 512);
	KUNIT_EXPECT_EQ(test, *(u8 *)(io_data_of(test) + 1023), 2);
	/* The last one as two commands, of as many pieces of memory as one may have. */
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(smart(test)->media_errors), 5);
	/* A rewrite heals, whoever it comes from, each block for itself. */
	tio_expect_end(test, tio_send(test, 0, REQ_OP_WRITE, 18, 512), BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_write, 21, 1), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_verify, 18, 1), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_verify, 19, 1), NVME_SC_READ_ERROR | DNR);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_verify, 20, 1), NVME_SC_READ_ERROR | DNR);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_read, 21, 1), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_write, 16, 8), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_read, 16, 8), 0);
	/* Nothing is left but the page of data and what leads to it. */
	KUNIT_EXPECT_FALSE(test, emul_test(test)->medium.bad.any);
	KUNIT_EXPECT_LE(test, atomic64_read(&emul_test(test)->budget.used), used + 2 * PAGE_SIZE);
}

/* So do the commands after which the blocks read as zeroes. */
static void nvme_uncorrectable_gone(struct kunit *test)
{
	spoil(test);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_write_zeroes, 18, 4), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_verify, 16, 8), 0);
	spoil(test);
	KUNIT_EXPECT_EQ(test, execute_rw(test, nvme_cmd_write_zeroes, 18, 4, NVME_WZ_DEAC, 0), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_verify, 16, 8), 0);
	spoil(test);
	KUNIT_EXPECT_EQ(test, dsm(test, 18, 4, NVME_DSMGMT_AD), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_verify, 16, 8), 0);
	spoil(test);
	tio_expect_end(test, tio_send(test, 0, REQ_OP_DISCARD, 18, 4 * 512), BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_verify, 16, 8), 0);
	spoil(test);
	KUNIT_EXPECT_EQ(test, asblk_disk_format(emul_of(test)->disk, 20, 512, true), 0);
	KUNIT_EXPECT_EQ(test, asblk_disk_format(emul_of(test)->disk, SZ_16M / 512, 512, true), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_verify, 20, 2), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_verify, 18, 2), NVME_SC_READ_ERROR | DNR);
}

/* With fault rules on the same disk every block is looked at. */
static void nvme_uncorrectable_faults(struct kunit *test)
{
	spoil(test);
	set_rule(test, RULE_FIRST, "17");
	set_rule(test, RULE_BLOCKS, "1");
	enable_rule(test, "any", "corrupt");
	tio_expect_end(test, tio_send_bios(test, 0, REQ_OP_READ, 16, PART, 8),
		       BLK_STS_MEDIUM, 6 * 512);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_write, 16, 8), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_read, 16, 8), 0);
}

static void nvme_deallocate(struct kunit *test)
{
	struct nvme_dsm_range *range = data_of(test);
	struct nvme_command nc = {
		.dsm = {
			.opcode = nvme_cmd_dsm, .nsid = cpu_to_le32(1),
			.nr = cpu_to_le32(2), .attributes = cpu_to_le32(NVME_DSMGMT_AD),
		},
	};

	spoil(test);
	/* Only a hint. */
	KUNIT_EXPECT_EQ(test, dsm(test, 16, 8, NVME_DSMGMT_IDR), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_verify, 18, 1), NVME_SC_READ_ERROR | DNR);
	/* All ranges or none. */
	memset(range, 0, 3 * sizeof(*range));
	range[0].slba = cpu_to_le64(18);
	range[0].nlb = cpu_to_le32(2);
	range[1].slba = cpu_to_le64(LAST_BLOCK);
	range[1].nlb = cpu_to_le32(2);
	KUNIT_EXPECT_EQ(test, execute(test, false, &nc, 48, NULL), NVME_SC_LBA_RANGE | DNR);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_verify, 18, 1), NVME_SC_READ_ERROR | DNR);
	range[0].slba = cpu_to_le64(18);
	range[0].nlb = cpu_to_le32(2);
	range[1].slba = cpu_to_le64(20);
	KUNIT_EXPECT_EQ(test, execute(test, false, &nc, 48, NULL), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_verify, 16, 8), 0);
	KUNIT_EXPECT_EQ(test, execute(test, false, &nc, 32, NULL), NVME_SC_SGL_INVALID_DATA | DNR);
	nc.dsm.nr = cpu_to_le32(64);
	KUNIT_EXPECT_EQ(test, execute(test, false, &nc, 65 * 16, NULL),
			NVME_SC_CMD_SIZE_LIM_EXCEEDED | DNR);
}

/* An I/O command, and what comes of it. */
struct io_case {
	const char *name;
	u8 opcode;
	u64 lba;
	u32 nr;
	u32 len;
	u16 status;
	u16 where;
	u16 control;
	u32 nsid;
	u8 flags;
};

static const struct io_case io_cases[] = {
	{ "reservation", nvme_cmd_resv_report, 0, 1, 512, NVME_SC_INVALID_OPCODE },
	{ "fused", nvme_cmd_compare, 0, 1, 512, NVME_SC_INVALID_FIELD, 1, .flags = 1 },
	{ "namespace 0", nvme_cmd_flush, 0, 1, 0, NVME_SC_INVALID_NS, .nsid = U32_MAX - 1 },
	{ "all namespaces", nvme_cmd_read, 0, 1, 512, NVME_SC_INVALID_NS, .nsid = U32_MAX },
	{ "read: end", nvme_cmd_read, LAST_BLOCK, 2, 1024, NVME_SC_LBA_RANGE },
	{ "read: far", nvme_cmd_read, U64_MAX, 1, 512, NVME_SC_LBA_RANGE },
	{ "read: short", nvme_cmd_read, 0, 2, 512, NVME_SC_SGL_INVALID_DATA },
	{ "read: long", nvme_cmd_read, 0, 1, 1024, NVME_SC_SGL_INVALID_DATA },
	{ "read: none", nvme_cmd_read, 0, 1, 0, NVME_SC_SGL_INVALID_DATA },
	{ "write: end", nvme_cmd_write, LAST_BLOCK + 1, 1, 512, NVME_SC_LBA_RANGE },
	{ "write: short", nvme_cmd_write, 0, 8, 512, NVME_SC_SGL_INVALID_DATA },
	{ "write: directive", nvme_cmd_write, 0, 1, 512, NVME_SC_INVALID_FIELD, 0x400 | 50,
	  .control = 0x10 },
	{ "compare: end", nvme_cmd_compare, LAST_BLOCK, 2, 1024, NVME_SC_LBA_RANGE },
	{ "compare: long", nvme_cmd_compare, 0, 1, 1024, NVME_SC_SGL_INVALID_DATA },
	{ "verify: end", nvme_cmd_verify, LAST_BLOCK, 2, 0, NVME_SC_LBA_RANGE },
	{ "verify: data", nvme_cmd_verify, 0, 1, 512, NVME_SC_SGL_INVALID_DATA },
	{ "zeroes: end", nvme_cmd_write_zeroes, LAST_BLOCK, 2, 0, NVME_SC_LBA_RANGE },
	{ "zeroes: data", nvme_cmd_write_zeroes, 0, 1, 512, NVME_SC_SGL_INVALID_DATA },
	{ "uncorrectable: end", nvme_cmd_write_uncor, LAST_BLOCK, 2, 0, NVME_SC_LBA_RANGE },
	{ "uncorrectable: data", nvme_cmd_write_uncor, 0, 1, 512, NVME_SC_SGL_INVALID_DATA },
	{ "flush: data", nvme_cmd_flush, 0, 1, 512, NVME_SC_SGL_INVALID_DATA },
};

static void io_describe(const struct io_case *c, char *text)
{
	strscpy(text, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(io, io_cases, io_describe);

static void nvme_bad_io(struct kunit *test)
{
	const struct io_case *c = test->param_value;
	const struct nvme_command nc = {
		.rw = {
			.opcode = c->opcode, .nsid = cpu_to_le32(c->nsid ?: 1),
			.slba = cpu_to_le64(c->lba), .length = cpu_to_le16(c->nr - 1),
			.control = cpu_to_le16(c->control), .flags = c->flags,
		},
	};

	KUNIT_EXPECT_EQ(test, execute(test, false, &nc, c->len, NULL), c->status | DNR);
	expect_logged(test, 1, c->status | DNR, c->where);
	KUNIT_EXPECT_EQ(test, emul_store_used(&emul_test(test)->medium.store), 0);
}

static void nvme_flush(struct kunit *test)
{
	struct nvme_command nc = { .common = { .opcode = nvme_cmd_flush } };

	nc.common.nsid = cpu_to_le32(1);
	KUNIT_EXPECT_EQ(test, execute(test, false, &nc, 0, NULL), 0);
	nc.common.nsid = cpu_to_le32(NVME_NSID_ALL);
	KUNIT_EXPECT_EQ(test, execute(test, false, &nc, 0, NULL), 0);
	KUNIT_EXPECT_EQ(test, emul_of(test)->dev.queue[0].count.ops[ASBLK_OP_FLUSH], 2);
}

static void nvme_medium_state(struct kunit *test)
{
	const struct nvme_command format = NC_FORMAT(1, 0);
	struct emul_medium *m = &emul_test(test)->medium;
	const u16 protected = NVME_SC_NS_WRITE_PROTECTED | DNR;

	m->read_only = true;
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_write, 0, 1), protected);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_write_zeroes, 0, 1), protected);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_write_uncor, 0, 1), protected);
	KUNIT_EXPECT_EQ(test, dsm(test, 0, 1, NVME_DSMGMT_AD), protected);
	KUNIT_EXPECT_EQ(test, execute(test, true, &format, 0, NULL), protected);
	KUNIT_EXPECT_EQ(test, dsm(test, 0, 1, NVME_DSMGMT_IDW), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_read, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_verify, 0, 1), 0);
	m->read_only = false;
	m->loaded = false;
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_read, 0, 1), NVME_SC_NS_NOT_READY | DNR);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_verify, 0, 1), NVME_SC_NS_NOT_READY | DNR);
	KUNIT_EXPECT_EQ(test, execute(test, true, &format, 0, NULL), NVME_SC_NS_NOT_READY | DNR);
	m->loaded = true;
}

/* Adding a disk opens it to read its partitions, and the file is closed a little later. */
static u16 format(struct kunit *test, u32 lbaf)
{
	const struct nvme_command nc = NC_FORMAT(1, lbaf);
	u16 status = NVME_SC_OP_DENIED;
	int tries;

	for (tries = 0; tries < 500 && status == NVME_SC_OP_DENIED; tries++) {
		if (tries)
			msleep(20);
		status = execute(test, true, &nc, 0, NULL);
	}
	return status;
}

static void nvme_format(struct kunit *test)
{
	struct gendisk *gd = emul_of(test)->disk->gd;
	const struct nvme_id_ns *id = data_of(test);
	const struct nvme_command nc = NC_FORMAT(1, 3);

	spoil(test);
	/* Not while somebody has it open. */
	atomic_inc(&gd->part0->bd_openers);
	KUNIT_EXPECT_EQ(test, execute(test, true, &nc, 0, NULL), NVME_SC_OP_DENIED);
	atomic_dec(&gd->part0->bd_openers);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_verify, 18, 1), NVME_SC_READ_ERROR | DNR);
	KUNIT_ASSERT_EQ(test, format(test, 3), 0);
	/* The host knows. */
	KUNIT_EXPECT_EQ(test, bdev_logical_block_size(gd->part0), 4096);
	KUNIT_EXPECT_EQ(test, get_capacity(gd), SZ_16M / 512);
	KUNIT_EXPECT_EQ(test, emul_test(test)->options.block_size, 4096);
	KUNIT_ASSERT_EQ(test, identify(test, NVME_ID_CNS_NS, 1), 0);
	KUNIT_EXPECT_EQ(test, id->flbas, 3);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(id->nsze), SZ_16M / 4096);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(id->npwg), 0);
	/* Nothing is left, neither good nor bad. */
	memset(data_of(test), 0xff, PART);
	KUNIT_EXPECT_EQ(test, execute_rw(test, nvme_cmd_read, 2, 1, 0, PART), 0);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(data_of(test), 0, PART), NULL);
	tio_expect_end(test, tio_send(test, 0, REQ_OP_WRITE, 16, PART), BLK_STS_OK, 0);
	KUNIT_ASSERT_EQ(test, format(test, 1 << 9), 0);
	KUNIT_EXPECT_EQ(test, bdev_logical_block_size(gd->part0), 512);
}

/* The engine's reset does not wait for a format that waits for requests, nor the other way. */
static void nvme_format_reset(struct kunit *test)
{
	const struct nvme_command nc = NC_FORMAT(1, 3);
	struct emul *emul = emul_of(test);
	struct test_io *p;
	struct sent s;
	int tries;

	set_rule(test, RULE_TIMES, "1");
	enable_rule(test, "write", "lose");
	p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	KUNIT_ASSERT_EQ(test, p->ends, 0);
	/* The file that adding the disk has read partitions from is closed a little later. */
	for (tries = 0; tries < 500 && !READ_ONCE(emul->dev.format.s); tries++) {
		if (tries)
			msleep(20);
		if (!tries || completion_done(&s.done)) {
			if (tries)
				wait_end(test, &s);
			send(test, &s, true, &nc, 0);
		}
	}
	/* One at a time. */
	KUNIT_EXPECT_EQ(test, execute(test, true, &nc, 0, NULL), NVME_SC_FORMAT_IN_PROGRESS);
	KUNIT_EXPECT_FALSE(test, completion_done(&s.done));
	KUNIT_ASSERT_EQ(test, asblk_recovery_reset_now(emul->ctrl), 0);
	wait_end(test, &s);
	KUNIT_EXPECT_FALSE(test, s.command.answered);
	KUNIT_EXPECT_EQ(test, (__force int)s.status, (__force int)BLK_STS_TIMEOUT);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	/* It goes on, and nobody hears of that. */
	flush_work(&emul->dev.format.work);
	KUNIT_EXPECT_FALSE(test, emul->dev.format.busy);
	KUNIT_EXPECT_EQ(test, asblk_to_hwq(&emul->ctrl->admin.hwq->pub)->count.unknown_ids, 0);
	KUNIT_EXPECT_EQ(test, format(test, 0), 0);
}

static void nvme_faults_admin(struct kunit *test)
{
	struct asblk_command *command;
	struct nvme_command nc = NC_IDENTIFY(NVME_ID_CNS_CTRL, 0);
	struct sent s;

	set_rule(test, RULE_STATUS, "medium");
	set_rule(test, RULE_OPCODE, "6");
	enable_rule(test, "admin", "status");
	KUNIT_EXPECT_EQ(test, identify(test, NVME_ID_CNS_CTRL, 0), NVME_SC_READ_ERROR | DNR);
	KUNIT_EXPECT_EQ(test, features(test, nvme_admin_get_features, 7, 0, NULL), 0);
	/* Opcode 6 of the other command set is none of them. */
	KUNIT_EXPECT_EQ(test, rw(test, 6, 0, 1), NVME_SC_INVALID_OPCODE | DNR);
	KUNIT_EXPECT_EQ(test, atomic64_read(&emul_test(test)->rule->hits), 1);
	disable_rule(test);
	/* A retry may help, and it may be sent again. */
	set_rule(test, RULE_TRANSIENT, "1");
	set_rule(test, RULE_TIMES, "2");
	enable_rule(test, "admin", "status");
	KUNIT_EXPECT_EQ(test, identify(test, NVME_ID_CNS_CTRL, 0), NVME_SC_READ_ERROR);
	command = &s.command;
	memset(&s, 0, sizeof(s));
	init_completion(&s.done);
	memcpy(command->bytes, &nc, sizeof(nc));
	s.rq = asblk_command_request(asblk_admin_queue(emul_of(test)->ctrl), command,
				     REQ_OP_DRV_IN, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(s.rq));
	command->max_retries = 1;
	KUNIT_ASSERT_EQ(test, blk_rq_map_kern(s.rq, data_of(test), 4096, GFP_KERNEL), 0);
	s.status = asblk_command_execute(s.rq);
	blk_mq_free_request(s.rq);
	KUNIT_EXPECT_EQ(test, (__force int)s.status, 0);
	KUNIT_EXPECT_EQ(test, command->status, 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&emul_test(test)->rule->hits), 2);
}

/* Rules see what a command does, and how it came; with the blocks that it is on. */
static void nvme_faults_io(struct kunit *test)
{
	set_rule(test, RULE_STATUS, "nospc");
	set_rule(test, RULE_FIRST, "100");
	set_rule(test, RULE_BLOCKS, "1");
	enable_rule(test, "command", "status");
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_write, 96, 4), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_write, 97, 4), NVME_SC_CAP_EXCEEDED | DNR);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_verify, 100, 1), NVME_SC_CAP_EXCEEDED | DNR);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_verify, 101, 1), 0);
	KUNIT_EXPECT_EQ(test, dsm(test, 90, 11, NVME_DSMGMT_AD), NVME_SC_CAP_EXCEEDED | DNR);
	tio_expect_end(test, tio_send(test, 0, REQ_OP_WRITE, 96, PART), BLK_STS_OK, 0);
	disable_rule(test);
	enable_rule(test, "unmap", "status");
	KUNIT_EXPECT_EQ(test, dsm(test, 90, 11, NVME_DSMGMT_AD), NVME_SC_CAP_EXCEEDED | DNR);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_write, 97, 4), 0);
	disable_rule(test);
	/* NVMe has no short reads. */
	enable_rule(test, "read", "short");
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_read, 99, 2), NVME_SC_DATA_XFER_ERROR | DNR);
	disable_rule(test);
	/* It is executed, and fails all the same. */
	set_rule(test, RULE_WHEN, "after");
	enable_rule(test, "command", "status");
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_write_uncor, 100, 1), NVME_SC_CAP_EXCEEDED | DNR);
	KUNIT_EXPECT_EQ(test, emul_bad_find(&emul_test(test)->medium.bad, 100 * 512, 512), 0);
}

/* A command that takes time ends when it is cancelled, and says why. */
static void nvme_cancel(struct kunit *test)
{
	const struct nvme_command nc = NC_IDENTIFY(NVME_ID_CNS_CTRL, 0);
	struct sent s;

	set_rule(test, RULE_USECS, "60000000");
	enable_rule(test, "admin", "delay");
	send(test, &s, true, &nc, 4096);
	while (!emul_wait_count(&emul_admin_queue(&emul_of(test)->dev)->wait))
		msleep(20);
	KUNIT_EXPECT_FALSE(test, completion_done(&s.done));
	KUNIT_EXPECT_TRUE(test, asblk_command_cancel(s.rq));
	wait_end(test, &s);
	KUNIT_EXPECT_TRUE(test, s.command.answered);
	KUNIT_EXPECT_EQ(test, s.command.status, NVME_SC_ABORT_REQ);
}

/* A command that the device loses ends with an abort, which its time limit leads to. */
static void nvme_lost(struct kunit *test)
{
	const struct nvme_command nc = NC_IDENTIFY(NVME_ID_CNS_CTRL, 0);
	struct sent s;

	set_rule(test, RULE_TIMES, "1");
	enable_rule(test, "admin", "lose");
	blk_queue_rq_timeout(asblk_admin_queue(emul_of(test)->ctrl), HZ / 4);
	send(test, &s, true, &nc, 4096);
	wait_end(test, &s);
	KUNIT_EXPECT_TRUE(test, s.command.answered);
	KUNIT_EXPECT_EQ(test, s.command.status, NVME_SC_ABORT_REQ);
	KUNIT_EXPECT_EQ(test, identify(test, NVME_ID_CNS_CTRL, 0), 0);
}

/* A reset ends what is out, of both kinds, and answers nothing for it. */
static void nvme_reset(struct kunit *test)
{
	const struct nvme_command admin = NC_IDENTIFY(NVME_ID_CNS_CTRL, 0);
	const struct nvme_command verify = {
		.rw = { .opcode = nvme_cmd_verify, .nsid = cpu_to_le32(1) },
	};
	struct sent s[2];
	unsigned int i;

	set_rule(test, RULE_USECS, "60000000");
	enable_rule(test, "admin command", "delay");
	for (i = 0; i < 2; i++) {
		send(test, &s[i], i, i ? &admin : &verify, i ? 4096 : 0);
		KUNIT_EXPECT_FALSE(test, completion_done(&s[i].done));
	}
	KUNIT_ASSERT_EQ(test, asblk_recovery_reset_now(emul_of(test)->ctrl), 0);
	for (i = 0; i < 2; i++) {
		wait_end(test, &s[i]);
		KUNIT_EXPECT_FALSE(test, s[i].command.answered);
		KUNIT_EXPECT_EQ(test, (__force int)s[i].status, (__force int)BLK_STS_TIMEOUT);
	}
	disable_rule(test);
	KUNIT_EXPECT_EQ(test, identify(test, NVME_ID_CNS_CTRL, 0), 0);
	KUNIT_EXPECT_EQ(test, rw(test, nvme_cmd_verify, 0, 1), 0);
}

/* A controller that is removed ends them as well, the admin queue's last. */
static void nvme_remove(struct kunit *test)
{
	const struct nvme_command nc = NC_IDENTIFY(NVME_ID_CNS_CTRL, 0);
	struct emul_test *et = emul_test(test);
	struct device *dev = get_device(asblk_ctrl_device(et->emul->ctrl));
	struct tio_test *t = test->priv;
	struct sent s[4];
	unsigned int i;

	set_rule(test, RULE_USECS, "60000000");
	enable_rule(test, "admin", "delay");
	for (i = 0; i < 4; i++) {
		send(test, &s[i], true, &nc, 4096);
		s[i].freed = true;
	}
	emul_destroy(et->emul);
	for (i = 0; i < 4; i++) {
		wait_end(test, &s[i]);
		KUNIT_EXPECT_FALSE(test, s[i].command.answered);
		KUNIT_EXPECT_EQ(test, (__force int)s[i].status, (__force int)BLK_STS_OFFLINE);
	}
	put_device(dev);
	et->emul = emul_create(&et->options, 900, &et->medium, &et->faults);
	KUNIT_ASSERT_FALSE(test, IS_ERR(et->emul));
	KUNIT_ASSERT_EQ(test, emul_add_disk(et->emul), 0);
	t->disk = et->emul->disk;
}

/* More than there are tags, all at once. */
static void nvme_flood(struct kunit *test)
{
	const struct nvme_command nc = {
		.get_log_page = {
			.opcode = nvme_admin_get_log_page, .lid = NVME_LOG_SMART,
			.nsid = cpu_to_le32(NVME_NSID_ALL), .numdl = cpu_to_le16(127),
		},
	};
	unsigned int i, round;
	struct sent s[8];

	for (round = 0; round < 100; round++) {
		for (i = 0; i < ARRAY_SIZE(s); i++)
			send(test, &s[i], true, &nc, 512);
		for (i = 0; i < ARRAY_SIZE(s); i++) {
			wait_end(test, &s[i]);
			KUNIT_ASSERT_EQ(test, s[i].command.status, 0);
		}
	}
}

static struct kunit_case emul_nvme_cases[] = {
	KUNIT_CASE(nvme_identify_ctrl),
	KUNIT_CASE(nvme_identify_ns),
	KUNIT_CASE_PARAM(nvme_bad_admin, admin_gen_params),
	KUNIT_CASE(nvme_features),
	KUNIT_CASE(nvme_thresholds),
	KUNIT_CASE(nvme_smart_staged),
	KUNIT_CASE(nvme_smart_counts),
	KUNIT_CASE(nvme_error_log),
	KUNIT_CASE(nvme_other_logs),
	KUNIT_CASE(nvme_data),
	KUNIT_CASE(nvme_compare),
	KUNIT_CASE(nvme_write_uncorrectable),
	KUNIT_CASE(nvme_uncorrectable_gone),
	KUNIT_CASE(nvme_uncorrectable_faults),
	KUNIT_CASE(nvme_deallocate),
	KUNIT_CASE_PARAM(nvme_bad_io, io_gen_params),
	KUNIT_CASE(nvme_flush),
	KUNIT_CASE(nvme_medium_state),
	KUNIT_CASE(nvme_format),
	KUNIT_CASE(nvme_format_reset),
	KUNIT_CASE(nvme_faults_admin),
	KUNIT_CASE(nvme_faults_io),
	KUNIT_CASE(nvme_cancel),
	KUNIT_CASE(nvme_lost),
	KUNIT_CASE(nvme_reset),
	KUNIT_CASE(nvme_remove),
	KUNIT_CASE(nvme_flood),
	{}
};

static struct kunit_suite emul_nvme_suite = {
	.name = "asblk_emul_nvme",
	.init = emul_test_init,
	.exit = emul_test_exit,
	.test_cases = emul_nvme_cases,
};
kunit_test_suite(emul_nvme_suite);
