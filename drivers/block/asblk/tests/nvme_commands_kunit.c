// SPDX-License-Identifier: GPL-2.0-only
/* Tests of nvme/: what it asks of a controller, and what it makes of the answers. */
#include <kunit/test.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/module.h>

#include "bad_nvme.h"
#include "test_io.h"

static const struct nvme_command *last_command(struct bad_nvme *b)
{
	return &b->command[(READ_ONCE(b->nr_commands) - 1) % BAD_COMMANDS];
}

/* A request that is one command. Return: that. */
static const struct nvme_command *command_for(struct kunit *test, blk_opf_t opf,
					      sector_t sector, u32 bytes)
{
	struct bad_nvme *b = bad_nvme(test);
	unsigned int nr = b->nr_commands;
	struct test_io *p = tio_send(test, 0, opf, sector, bytes);

	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, b->nr_commands, nr + 1);
	return last_command(b);
}

static void all_commands(struct nvme_id_ctrl *id)
{
	id->oncs = cpu_to_le16(NVME_CTRL_ONCS_DSM | NVME_CTRL_ONCS_WRITE_ZEROES);
}

static void deallocates(struct nvme_id_ns *id) { id->dlfeat = ANVME_DLFEAT; }

static void nvme_fields(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	const struct nvme_command *cmd;
	const struct nvme_dsm_range *range;
	unsigned int nr, i;
	struct test_io *p;

	b->edit_ctrl = all_commands;
	b->edit_ns = deallocates;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));

	cmd = command_for(test, REQ_OP_WRITE, 24, PART);
	KUNIT_EXPECT_EQ(test, cmd->rw.opcode, nvme_cmd_write);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(cmd->rw.nsid), 1);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cmd->rw.slba), 24);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(cmd->rw.length), PART / SECTOR_SIZE - 1);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(cmd->rw.control), 0);
	cmd = command_for(test, REQ_OP_WRITE | REQ_FUA, 32, PART);
	KUNIT_EXPECT_EQ(test, cmd->rw.opcode, nvme_cmd_write);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(cmd->rw.control), NVME_RW_FUA);
	cmd = command_for(test, REQ_OP_READ, 8, 2 * PART);
	KUNIT_EXPECT_EQ(test, cmd->rw.opcode, nvme_cmd_read);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cmd->rw.slba), 8);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(cmd->rw.length), 2 * PART / SECTOR_SIZE - 1);

	cmd = command_for(test, REQ_OP_WRITE | REQ_PREFLUSH, 0, 0);
	KUNIT_EXPECT_EQ(test, cmd->common.opcode, nvme_cmd_flush);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(cmd->common.nsid), 1);

	cmd = command_for(test, REQ_OP_DISCARD, 64, SZ_1M);
	KUNIT_EXPECT_EQ(test, cmd->dsm.opcode, nvme_cmd_dsm);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(cmd->dsm.attributes), NVME_DSMGMT_AD);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(cmd->dsm.nr), 0);
	/* Its slot's memory is used again only by the next request. */
	range = phys_to_virt(le64_to_cpu(cmd->dsm.dptr.prp1));
	KUNIT_EXPECT_EQ(test, le64_to_cpu(range->slba), 64);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(range->nlb), SZ_1M / SECTOR_SIZE);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(range->cattr), 0);
	/* Each bio of a merged one is a range. */
	nr = b->nr_commands;
	p = tio_send_bios(test, 0, REQ_OP_DISCARD, 64, 3 * SZ_64K, 3);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, b->nr_commands, nr + 1);
	cmd = last_command(b);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(cmd->dsm.nr), 2);
	range = phys_to_virt(le64_to_cpu(cmd->dsm.dptr.prp1));
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, le64_to_cpu(range[i].slba), 64 + i * 128);
		KUNIT_EXPECT_EQ(test, le32_to_cpu(range[i].nlb), 128);
	}

	cmd = command_for(test, REQ_OP_WRITE_ZEROES, 128, SZ_1M);
	KUNIT_EXPECT_EQ(test, cmd->write_zeroes.opcode, nvme_cmd_write_zeroes);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cmd->write_zeroes.slba), 128);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(cmd->write_zeroes.length),
			SZ_1M / SECTOR_SIZE - 1);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(cmd->write_zeroes.control), NVME_WZ_DEAC);
	cmd = command_for(test, REQ_OP_WRITE_ZEROES | REQ_NOUNMAP, 128, SZ_1M);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(cmd->write_zeroes.control), 0);
	bad_take_down(test);
}

static void small_ranges(struct nvme_id_ctrl_nvm *id)
{
	id->dmrl = 2;
	id->dmrsl = cpu_to_le32(200);		/* 128 if they must do for all LBA sizes */
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
	{ "three ranges and a bit in all", small_total, 3, SZ_128K, SZ_32M },
	{ "64 KiB in all", tiny_total, 1, SZ_64K, SZ_32M },
	{ "ranges smaller than an LBA may be", tiny_ranges, 0, 0, SZ_32M },
	{ "zeroes of 128 KiB", small_zeroes, 256, FULL_RANGE, SZ_128K },
	{ "zeroes smaller than an LBA may be", tiny_zeroes, 256, FULL_RANGE, 0 },
	{ "absurd zeroes", huge_zeroes, 256, FULL_RANGE, SZ_32M },
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

/* A controller of version 1 without command sets is not asked. */
static void nvme_no_limits(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	bad_set_reg(b, NVME_REG_VS, NVME_VS(1, 4, 0));
	b->edit_ctrl = all_commands;
	b->edit_limits = tiny_ranges;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_EQ(test, b->nd.max_ranges, 256);
	bad_take_down(test);
}

static void nvme_write_cache(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct bad_nvme *b = bad_nvme(test);

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_TRUE(test, bdev_write_cache(t->disk->gd->part0));
	KUNIT_EXPECT_EQ(test, asblk_ctrl_write_cache(b->nd.ctrl, false), 0);
	KUNIT_EXPECT_EQ(test, b->feature[NVME_FEAT_VOLATILE_WC], 0);
	KUNIT_EXPECT_FALSE(test, bdev_write_cache(t->disk->gd->part0));
	/* The controller forgets it in a reset. */
	b->feature[NVME_FEAT_VOLATILE_WC] = 1;
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(b->nd.ctrl), 0);
	KUNIT_EXPECT_EQ(test, b->feature[NVME_FEAT_VOLATILE_WC], 0);
	bad_take_down(test);
}

/* Off before we came. */
static void nvme_write_cache_off(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct bad_nvme *b = bad_nvme(test);

	b->feature[NVME_FEAT_VOLATILE_WC] = 0;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_FALSE(test, bdev_write_cache(t->disk->gd->part0));
	KUNIT_EXPECT_EQ(test, asblk_ctrl_write_cache(b->nd.ctrl, true), 0);
	KUNIT_EXPECT_EQ(test, b->feature[NVME_FEAT_VOLATILE_WC], 1);
	KUNIT_EXPECT_TRUE(test, bdev_write_cache(t->disk->gd->part0));
	bad_take_down(test);
}

static void nvme_write_protect(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct bad_nvme *b = bad_nvme(test);

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_EQ(test, asblk_disk_write_protect(t->disk, true), 0);
	KUNIT_EXPECT_EQ(test, b->feature[NVME_FEAT_WRITE_PROTECT], NVME_NS_WRITE_PROTECT);
	KUNIT_EXPECT_TRUE(test, get_disk_ro(t->disk->gd));
	KUNIT_EXPECT_EQ(test, asblk_disk_write_protect(t->disk, false), 0);
	KUNIT_EXPECT_EQ(test, b->feature[NVME_FEAT_WRITE_PROTECT], NVME_NS_NO_WRITE_PROTECT);
	b->denies = true;
	KUNIT_EXPECT_EQ(test, asblk_disk_write_protect(t->disk, true), -EOPNOTSUPP);
	KUNIT_EXPECT_FALSE(test, get_disk_ro(t->disk->gd));
	bad_take_down(test);
}

static void nvme_coalesce(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct asblk_ctrl *ctrl;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	ctrl = b->nd.ctrl;
	KUNIT_EXPECT_EQ(test, asblk_ctrl_coalesce(ctrl, ctrl->coalesce_count, 500), 0);
	KUNIT_EXPECT_EQ(test, asblk_ctrl_coalesce(ctrl, 8, ctrl->coalesce_usecs), 0);
	KUNIT_EXPECT_EQ(test, b->feature[NVME_FEAT_IRQ_COALESCE], 5 << 8 | 7);
	KUNIT_EXPECT_EQ(test, asblk_ctrl_coalesce(ctrl, ctrl->coalesce_count, 50),
			-ERANGE);
	KUNIT_EXPECT_EQ(test, asblk_ctrl_coalesce(ctrl, ctrl->coalesce_count, 25600),
			-ERANGE);
	KUNIT_EXPECT_EQ(test, asblk_ctrl_coalesce(ctrl, 0, ctrl->coalesce_usecs),
			-ERANGE);
	KUNIT_EXPECT_EQ(test, asblk_ctrl_coalesce(ctrl, 257, ctrl->coalesce_usecs),
			-ERANGE);
	KUNIT_EXPECT_EQ(test, b->feature[NVME_FEAT_IRQ_COALESCE], 5 << 8 | 7);
	bad_take_down(test);
}

/* The lowest power state that it has, and back for the next request. */
static void nvme_power(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->feature[NVME_FEAT_POWER_MGMT] = 1;
	KUNIT_EXPECT_EQ(test, anvme_ops.idle(b->nd.ctrl), 0);
	KUNIT_EXPECT_EQ(test, b->feature[NVME_FEAT_POWER_MGMT], 2);
	KUNIT_EXPECT_EQ(test, anvme_ops.wake(b->nd.ctrl), 0);
	KUNIT_EXPECT_EQ(test, b->feature[NVME_FEAT_POWER_MGMT], 1);
	b->denies = true;
	KUNIT_EXPECT_EQ(test, anvme_ops.idle(b->nd.ctrl), -EOPNOTSUPP);
	bad_take_down(test);
}

static void read_only(struct nvme_id_ns *id) { id->nsattr = NVME_NS_ATTR_RO; }

/* Reported, read, and the next one too; what it means is acted upon. */
static void nvme_events(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct bad_nvme *b = bad_nvme(test);
	unsigned int logs, tries;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	logs = b->logs;
	/* Its temperature, then its media. */
	b->critical = NVME_SMART_CRIT_TEMPERATURE;
	b->event = NVME_AER_SMART | 1 << 8 | NVME_LOG_SMART << 16;
	bad_wait_count(&b->logs, logs + 1);
	KUNIT_EXPECT_EQ(test, b->logs, logs + 1);
	b->critical = NVME_SMART_CRIT_MEDIA;
	b->edit_ns = read_only;
	b->event = NVME_AER_SMART | NVME_LOG_SMART << 16;
	for (tries = 0; tries < 500 && !get_disk_ro(t->disk->gd); tries++)
		msleep(20);
	KUNIT_EXPECT_TRUE(test, get_disk_ro(t->disk->gd));
	KUNIT_EXPECT_EQ(test, b->enables, 1);
	/* An error that it does not get out of by itself. */
	b->event = NVME_AER_ERROR | NVME_AER_ERROR_PERSIST_INT_ERR << 8 | 1 << 16;
	bad_wait_count(&b->enables, 2);
	flush_work(&b->nd.ctrl->recovery.work);
	KUNIT_EXPECT_EQ(test, b->enables, 2);
	bad_take_down(test);
}

static void report_namespaces(struct bad_nvme *b)
{
	WRITE_ONCE(b->event, NVME_AER_NOTICE | NVME_AER_NOTICE_NS_CHANGED << 8 |
			     NVME_LOG_CHANGED_NS << 16);
}

static struct asblk_disk *disk_of(struct bad_nvme *b, u32 nsid)
{
	struct asblk_disk *disk = NULL;
	struct anvme_ns *ns;

	mutex_lock(&b->nd.scan_lock);
	list_for_each_entry(ns, &b->nd.namespaces, list)
		if (ns->id == nsid)
			disk = ns->disk;
	mutex_unlock(&b->nd.scan_lock);
	return disk;
}

static void wait_disk(struct bad_nvme *b, u32 nsid, bool there)
{
	unsigned int tries;

	for (tries = 0; tries < 500 && !disk_of(b, nsid) == there; tries++)
		msleep(20);
}

static void first_and_third(__le32 *list) { list[1] = cpu_to_le32(3); }
static void third(__le32 *list) { list[0] = cpu_to_le32(3); }
static void grown(struct nvme_id_ns *id) { id->nsze = cpu_to_le64(2 * BAD_BLOCKS); }

/* One comes, one goes, one grows: reported, and the disks follow. */
static void nvme_namespaces(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct bad_nvme *b = bad_nvme(test);
	unsigned int tries;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_NULL(test, disk_of(b, 3));
	b->edit_list = first_and_third;
	report_namespaces(b);
	wait_disk(b, 3, true);
	KUNIT_EXPECT_PTR_EQ(test, disk_of(b, 1), t->disk);
	t->disk = disk_of(b, 3);
	KUNIT_ASSERT_NOT_NULL(test, t->disk);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(command_for(test, REQ_OP_WRITE, 0, PART)->rw.nsid), 3);

	b->edit_list = third;
	report_namespaces(b);
	wait_disk(b, 1, false);
	KUNIT_EXPECT_NULL(test, disk_of(b, 1));
	KUNIT_EXPECT_PTR_EQ(test, disk_of(b, 3), t->disk);

	KUNIT_EXPECT_EQ(test, get_capacity(t->disk->gd), BAD_BLOCKS);
	b->edit_ns = grown;
	report_namespaces(b);
	for (tries = 0; tries < 500 && get_capacity(t->disk->gd) == BAD_BLOCKS; tries++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, get_capacity(t->disk->gd), 2 * BAD_BLOCKS);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(command_for(test, REQ_OP_READ, 2 * BAD_BLOCKS - 8,
						      PART)->rw.slba),
			2 * BAD_BLOCKS - 8);
	bad_take_down(test);
}

static void many_aborts(struct nvme_id_ctrl *id) { id->acl = 255; }

/* Return: how many more are taken. */
static unsigned int abort_all(struct bad_nvme *b)
{
	unsigned int nr = 0;

	while (!anvme_admin_abort(&b->nd, 1, nr))
		nr++;
	return nr;
}

/* As many at a time as it says, which counts from 0. */
static void nvme_abort_limit(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->holds_aborts = true;
	KUNIT_EXPECT_EQ(test, abort_all(b), b->nd.id->acl + 1);
	WRITE_ONCE(b->holds_aborts, false);
	bad_take_down(test);
}

/* An event is asked for once, and however full the admin queue is. */
static void nvme_event_request(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	unsigned int tries;

	b->edit_ctrl = many_aborts;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	bad_wait_count(&b->event_requests, 1);
	anvme_event_request(&b->nd);
	b->holds_aborts = true;
	/* One entry is for the ring to be told from an empty one. */
	KUNIT_EXPECT_EQ(test, abort_all(b), ANVME_ADMIN_ENTRIES - 2);
	KUNIT_EXPECT_EQ(test, anvme_admin_abort(&b->nd, 1, 0), -EBUSY);
	WRITE_ONCE(b->event, NVME_AER_SMART | NVME_LOG_SMART << 16);
	for (tries = 0; tries < 500 && READ_ONCE(b->event); tries++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, b->event, 0);
	KUNIT_EXPECT_EQ(test, anvme_admin_abort(&b->nd, 1, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, b->event_requests, 1);
	WRITE_ONCE(b->holds_aborts, false);
	bad_wait_count(&b->event_requests, 2);
	KUNIT_EXPECT_EQ(test, b->event_requests, 2);
	bad_take_down(test);
}

/* It may write out its caches first, but not if it has failed. */
static void nvme_shutdown(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(b->nd.ctrl), 0);
	KUNIT_EXPECT_EQ(test, b->shutdowns, 0);
	bad_take_down(test);
	KUNIT_EXPECT_EQ(test, b->shutdowns, 1);
	KUNIT_EXPECT_EQ(test, bad_reg(b, NVME_REG_CC) & NVME_CC_ENABLE, 0);
}

static void nvme_no_shutdown(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	asblk_ctrl_dead(b->nd.ctrl, "a test");
	KUNIT_EXPECT_EQ(test, bad_reg(b, NVME_REG_CC) & NVME_CC_ENABLE, 0);
	bad_take_down(test);
	KUNIT_EXPECT_EQ(test, b->shutdowns, 0);
}

/* An interrupt line must not stay asserted while nobody takes completions. */
static void nvme_wire(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct test_io *p;

	b->nd.wire = true;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	bad_hurry(test);
	KUNIT_EXPECT_EQ(test, b->masks, 0);
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(b->nd.ctrl), 0);
	KUNIT_EXPECT_EQ(test, b->masks, 1);
	b->swallow = 1;
	p = tio_send(test, 0, REQ_OP_WRITE, 0, PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	KUNIT_EXPECT_EQ(test, b->masks, 2);
	KUNIT_EXPECT_EQ(test, b->enables, 2);
	/* And it is heard again. */
	flush_work(&b->nd.ctrl->recovery.work);
	msleep(20);
	KUNIT_EXPECT_FALSE(test, b->masked);
	bad_take_down(test);
	msleep(20);
	KUNIT_EXPECT_FALSE(test, b->masked);
}

/* Nor is anything masked that was refused, or has died: others may have it next. */
static void nvme_wire_left(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	b->nd.wire = true;
	b->mistake_head = 1;
	KUNIT_EXPECT_EQ(test, anvme_start(&b->nd), -EIO);
	msleep(20);
	KUNIT_EXPECT_FALSE(test, b->masked);
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	asblk_ctrl_dead(b->nd.ctrl, "a test");
	bad_take_down(test);
	msleep(20);
	KUNIT_EXPECT_FALSE(test, b->masked);
}

/* Somebody asks instead of the controller. */
static void nvme_rescan(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct bad_nvme *b = bad_nvme(test);

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->edit_ns = grown;
	b->edit_list = first_and_third;
	KUNIT_EXPECT_EQ(test, anvme_ops.rescan(b->nd.ctrl), 0);
	KUNIT_EXPECT_EQ(test, get_capacity(t->disk->gd), 2 * BAD_BLOCKS);
	KUNIT_EXPECT_NOT_NULL(test, disk_of(b, 3));
	bad_take_down(test);
}

static void no_promise(struct nvme_id_ctrl *id) { }
static void eight_blocks(struct nvme_id_ctrl *id) { id->awupf = cpu_to_le16(7); }

static void atomic_here(struct nvme_id_ns *id, u16 nawupf)
{
	id->nsfeat = NVME_NS_FEAT_ATOMICS;
	id->nawupf = cpu_to_le16(nawupf);
}

static void seven_here(struct nvme_id_ns *id) { atomic_here(id, 6); }
static void sixteen_here(struct nvme_id_ns *id) { atomic_here(id, 15); }
static void all_here(struct nvme_id_ns *id) { atomic_here(id, U16_MAX); }

static void as_everywhere(struct nvme_id_ns *id) { id->nsfeat = NVME_NS_FEAT_ATOMICS; }

static void bounded(struct nvme_id_ns *id)
{
	sixteen_here(id);
	id->nabspf = cpu_to_le16(15);
}

static void shifted(struct nvme_id_ns *id)
{
	sixteen_here(id);
	id->nabo = cpu_to_le16(1);
}

static const struct atomic_param {
	const char *name;
	void (*ctrl)(struct nvme_id_ctrl *id);
	void (*ns)(struct nvme_id_ns *id);
	u32 bytes;
} atomic_params[] = {
	{ "a block", no_promise, NULL, 512 },
	/* One number for LBAs of all sizes says nothing of these. */
	{ "eight blocks of the controller", eight_blocks, NULL, 512 },
	{ "sixteen blocks of the namespace", eight_blocks, sixteen_here, 8192 },
	{ "seven blocks of the namespace", no_promise, seven_here, 2048 },
	{ "more than a transfer", no_promise, all_here, 16384 },
	{ "a block of the namespace", eight_blocks, as_everywhere, 512 },
	{ "boundaries", eight_blocks, bounded, 0 },
	{ "an offset", eight_blocks, shifted, 0 },
};
KUNIT_ARRAY_PARAM_DESC(atomic, atomic_params, name);

static void nvme_atomic(struct kunit *test)
{
	const struct atomic_param *a = test->param_value;
	struct tio_test *t = test->priv;
	struct bad_nvme *b = bad_nvme(test);

	b->edit_ctrl = a->ctrl;
	b->edit_ns = a->ns;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_EQ(test, queue_atomic_write_unit_max_bytes(t->disk->gd->queue), a->bytes);
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

/* A status is told as what it is, and what is not to be tried again is not. */
static void nvme_statuses(struct kunit *test)
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
	/* Without that it is. */
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

/* When to try again is what the controller says; what it gives back costs no retry. */
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
	cmd = command_for(test, REQ_OP_WRITE, 0, 4 * PART);
	KUNIT_EXPECT_EQ(test, cmd->rw.flags, NVME_CMD_SGL_METABUF);
	KUNIT_EXPECT_EQ(test, cmd->rw.dptr.sgl.type, NVME_SGL_FMT_DATA_DESC << 4);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(cmd->rw.dptr.sgl.length), 4 * PART);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cmd->rw.dptr.sgl.addr), page_to_phys(t->pages));
	cmd = command_for(test, REQ_OP_WRITE, 0, PART);
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
	cmd = command_for(test, REQ_OP_WRITE, 0, 2 * PART);
	KUNIT_EXPECT_EQ(test, cmd->rw.flags, 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cmd->rw.dptr.prp1), start);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cmd->rw.dptr.prp2), start + ANVME_PAGE);
	cmd = command_for(test, REQ_OP_WRITE, 0, 4 * PART);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cmd->rw.dptr.prp1), start);
	list = phys_to_virt(le64_to_cpu(cmd->rw.dptr.prp2));
	KUNIT_EXPECT_EQ(test, le64_to_cpu(list[0]), start + ANVME_PAGE);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(list[1]), start + 2 * ANVME_PAGE);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(list[2]), start + 3 * ANVME_PAGE);
	bad_take_down(test);
}

static struct kunit_case nvme_commands_cases[] = {
	KUNIT_CASE(nvme_fields),
	KUNIT_CASE_PARAM(nvme_limits, limits_gen_params),
	KUNIT_CASE(nvme_no_limits),
	KUNIT_CASE(nvme_write_cache),
	KUNIT_CASE(nvme_write_cache_off),
	KUNIT_CASE(nvme_write_protect),
	KUNIT_CASE(nvme_coalesce),
	KUNIT_CASE(nvme_power),
	KUNIT_CASE(nvme_events),
	KUNIT_CASE(nvme_namespaces),
	KUNIT_CASE(nvme_abort_limit),
	KUNIT_CASE(nvme_event_request),
	KUNIT_CASE(nvme_shutdown),
	KUNIT_CASE(nvme_no_shutdown),
	KUNIT_CASE(nvme_wire),
	KUNIT_CASE(nvme_wire_left),
	KUNIT_CASE(nvme_rescan),
	KUNIT_CASE_PARAM(nvme_atomic, atomic_gen_params),
	KUNIT_CASE_PARAM(nvme_statuses, status_gen_params),
	KUNIT_CASE(nvme_retries),
	KUNIT_CASE(nvme_prp),
	KUNIT_CASE(nvme_sgl),
	{}
};

static struct kunit_suite nvme_commands_suite = {
	.name = "asblk_nvme_commands",
	.init = bad_init,
	.exit = bad_exit,
	.test_cases = nvme_commands_cases,
};
kunit_test_suite(nvme_commands_suite);
