// SPDX-License-Identifier: GPL-2.0-only
/* Tests of nvme/: scans, formats, and namespaces that are replaced. */
#include <kunit/test.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kthread.h>

#include "bad_nvme.h"
#include "test_io.h"

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

/* After events the disks match the namespaces: added, removed, resized. */
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
	KUNIT_EXPECT_EQ(test, le32_to_cpu(bad_command(test, REQ_OP_WRITE, 0, PART)->rw.nsid), 3);

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
	KUNIT_EXPECT_EQ(test, le64_to_cpu(bad_command(test, REQ_OP_READ, 2 * BAD_BLOCKS - 8,
						      PART)->rw.slba),
			2 * BAD_BLOCKS - 8);
	bad_take_down(test);
}

/* A scan requested by the user. */
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
	{ "no value", no_promise, NULL, 512 },
	/* AWUPF is ignored: it counts LBAs of no particular size. */
	{ "eight blocks of the controller", eight_blocks, NULL, 512 },
	{ "sixteen blocks of the namespace", eight_blocks, sixteen_here, 8192 },
	{ "seven blocks of the namespace", no_promise, seven_here, 2048 },
	{ "more than a transfer", no_promise, all_here, 16384 },
	{ "a block of the namespace", eight_blocks, as_everywhere, 512 },
	{ "boundaries", eight_blocks, bounded, 0 },
	{ "an offset", eight_blocks, shifted, 0 },
};
KUNIT_ARRAY_PARAM_DESC(atomic, atomic_params, name);

static void nvme_atomic_write(struct kunit *test)
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

static void metadata(struct nvme_id_ns *id) { id->lbaf[0].ms = cpu_to_le16(8); }

static void large_blocks(struct nvme_id_ns *id)
{
	id->lbaf[0].ds = 12;
	id->nsze = cpu_to_le64(BAD_BLOCKS / 8);
}

static u64 capacity(struct kunit *test)
{
	struct tio_test *t = test->priv;

	return get_capacity(t->disk->gd);
}

/* Formatted to what is not supported: the disk is held until it is removed. */
static void nvme_format_refused(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_EQ(test, anvme_format_begin(&b->nd, 1), 0);
	KUNIT_EXPECT_EQ(test, capacity(test), 0);
	b->edit_ns = metadata;
	anvme_format_end(&b->nd, true);
	KUNIT_EXPECT_TRUE(test, list_empty(&b->nd.namespaces));
	bad_take_down(test);
}

/* A command that formats, and is not answered: its caller leaves, and it ends with a reset. */
static int lose_format(struct bad_nvme *b)
{
	struct nvme_command cmd = { .common.opcode = nvme_admin_vendor_start };
	struct anvme_admin_io io = { .formats = true, .timeout = HZ / 10 };

	b->swallow_admin = 1;
	return anvme_admin_io(&b->nd, &cmd, &io);
}

static void wait_capacity(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 500 && !capacity(test); i++)
		msleep(20);
}

/* A format that timed out: the disk is held until a reset. */
static void nvme_format_unsettled(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct bad_nvme *b = bad_nvme(test);

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_EQ(test, anvme_format_begin(&b->nd, NVME_NSID_ALL), 0);
	/* The reset waits. */
	disable_work_sync(&b->nd.ctrl->recovery.work);
	KUNIT_EXPECT_EQ(test, lose_format(b), -ETIMEDOUT);
	anvme_format_end(&b->nd, false);
	/* The namespace looks unchanged. */
	anvme_scan(&b->nd);
	KUNIT_EXPECT_EQ(test, capacity(test), 0);
	KUNIT_EXPECT_EQ(test, anvme_format_begin(&b->nd, 1), -EBUSY);
	b->edit_ns = large_blocks;
	enable_work(&b->nd.ctrl->recovery.work);
	asblk_ctrl_reset(b->nd.ctrl);
	wait_capacity(test);
	KUNIT_EXPECT_EQ(test, capacity(test), BAD_BLOCKS);
	KUNIT_EXPECT_EQ(test, queue_logical_block_size(t->disk->gd->queue), 4096);
	bad_take_down(test);
}

/* Its reset ends before anvme_format_end(). */
static void nvme_format_reset_race(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_EQ(test, anvme_format_begin(&b->nd, 1), 0);
	KUNIT_EXPECT_EQ(test, lose_format(b), -ETIMEDOUT);
	bad_wait_count(&b->enables, 2);
	flush_work(&b->nd.ctrl->recovery.work);
	KUNIT_EXPECT_EQ(test, capacity(test), 0);
	anvme_format_end(&b->nd, false);
	wait_capacity(test);
	KUNIT_EXPECT_EQ(test, capacity(test), BAD_BLOCKS);
	bad_take_down(test);
}

static void format_during_scan(struct bad_nvme *b)
{
	b->during_ns = NULL;
	WRITE_ONCE(b->format_began, !anvme_format_begin(&b->nd, 1));
}

/* What a scan has read before a format is not used, and a scan does not delay a format. */
static void nvme_format_during_scan(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct bad_nvme *b = bad_nvme(test);

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->during_ns = format_during_scan;
	anvme_scan(&b->nd);
	KUNIT_ASSERT_TRUE(test, b->format_began);
	KUNIT_EXPECT_EQ(test, b->enables, 1);
	KUNIT_EXPECT_EQ(test, capacity(test), 0);
	anvme_scan(&b->nd);
	KUNIT_EXPECT_EQ(test, capacity(test), 0);
	b->edit_ns = large_blocks;
	anvme_format_end(&b->nd, true);
	KUNIT_EXPECT_EQ(test, capacity(test), BAD_BLOCKS);
	KUNIT_EXPECT_EQ(test, queue_logical_block_size(t->disk->gd->queue), 4096);
	bad_take_down(test);
}

/* One format at a time: the second waits. */
static int format_too(void *data)
{
	struct bad_nvme *b = data;

	WRITE_ONCE(b->format_began, !anvme_format_begin(&b->nd, 1));
	while (!kthread_should_stop())
		msleep(20);
	return 0;
}

static void nvme_format_twice(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct task_struct *task;
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_EQ(test, anvme_format_begin(&b->nd, 1), 0);
	task = kthread_run(format_too, b, "asblk-test");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	msleep(100);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(b->format_began));
	anvme_format_end(&b->nd, true);
	for (i = 0; i < 500 && !READ_ONCE(b->format_began); i++)
		msleep(20);
	KUNIT_EXPECT_TRUE(test, b->format_began);
	KUNIT_EXPECT_EQ(test, capacity(test), 0);
	kthread_stop(task);
	anvme_format_end(&b->nd, true);
	KUNIT_EXPECT_EQ(test, capacity(test), BAD_BLOCKS);
	bad_take_down(test);
}

/* Formatted by another host, to blocks larger than a transfer. */
static void small_mdts(struct nvme_id_ctrl *id) { id->mdts = 1; }
static void huge_blocks(struct nvme_id_ns *id) { id->lbaf[0].ds = 14; }

static void nvme_format_by_others(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct bad_nvme *b = bad_nvme(test);
	struct test_io *p;

	b->edit_ctrl = small_mdts;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_EQ(test, b->nd.max_bytes, 2 * ANVME_PAGE);
	b->edit_ns = huge_blocks;
	anvme_scan(&b->nd);
	b->nr_commands = 0;
	if (!list_empty(&b->nd.namespaces)) {
		KUNIT_EXPECT_EQ(test, get_capacity(t->disk->gd), 0);
		p = tio_send(test, 0, REQ_OP_READ, 0, PART);
		tio_expect_end(test, p, BLK_STS_IOERR, PART);
	}
	KUNIT_EXPECT_EQ(test, b->nr_commands, 0);
	bad_take_down(test);
}

static void all_at_once(struct nvme_id_ctrl *id)
{
	id->fna = 1;
	id->nn = cpu_to_le32(4);
}

static void erases_all(struct nvme_id_ctrl *id) { id->fna = 2; }
static void two_namespaces(__le32 *list) { list[1] = cpu_to_le32(2); }

/* A format affects all namespaces (FNA): all are held. */
static void nvme_format_all(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct anvme_ns *ns;
	u32 scope;

	b->edit_ctrl = all_at_once;
	b->edit_list = two_namespaces;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	scope = anvme_format_scope(&b->nd, 1, false);
	KUNIT_EXPECT_EQ(test, scope, NVME_NSID_ALL);
	KUNIT_EXPECT_EQ(test, anvme_format_begin(&b->nd, scope), 0);
	list_for_each_entry(ns, &b->nd.namespaces, list)
		KUNIT_EXPECT_EQ(test, get_capacity(ns->disk->gd), 0);
	anvme_format_end(&b->nd, true);
	list_for_each_entry(ns, &b->nd.namespaces, list)
		KUNIT_EXPECT_EQ(test, get_capacity(ns->disk->gd), BAD_BLOCKS);
	bad_take_down(test);
}

static void nvme_format_erases_all(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	b->edit_ctrl = erases_all;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_EQ(test, anvme_format_scope(&b->nd, 1, false), 1);
	KUNIT_EXPECT_EQ(test, anvme_format_scope(&b->nd, 1, true), NVME_NSID_ALL);
	bad_take_down(test);
}

static void small_atomic(struct nvme_id_ns *id)
{
	id->nsfeat = NVME_NS_FEAT_ATOMICS | ANVME_NSFEAT_OPTPERF;
	id->nawupf = cpu_to_le16(15);
	id->npwg = cpu_to_le16(31);
	id->npdg = cpu_to_le16(63);
}

static void trims(struct nvme_id_ctrl *id)
{
	id->oncs = cpu_to_le16(NVME_CTRL_ONCS_DSM | NVME_CTRL_ONCS_WRITE_ZEROES);
}

/* Not powers of two: ignored. */
static void odd_granularities(struct nvme_id_ns *id)
{
	id->nsfeat = ANVME_NSFEAT_OPTPERF;
	id->npwg = cpu_to_le16(2);
	id->npdg = cpu_to_le16(2);
}

static void nvme_odd_granularities(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct bad_nvme *b = bad_nvme(test);

	b->edit_ctrl = trims;
	b->edit_ns = odd_granularities;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_EQ(test, queue_physical_block_size(t->disk->gd->queue), 512);
	KUNIT_EXPECT_EQ(test, t->disk->gd->queue->limits.discard_granularity, 512);
	bad_take_down(test);
}

static void large_atomic(struct nvme_id_ns *id)
{
	large_blocks(id);
	id->nsfeat = NVME_NS_FEAT_ATOMICS | ANVME_NSFEAT_OPTPERF;
	id->nawupf = cpu_to_le16(1);
	id->npwg = cpu_to_le16(1);
	id->npdg = cpu_to_le16(3);
	id->dlfeat = ANVME_DLFEAT;
}

/* Limits other than the block size change with a format, too. */
static void nvme_format_changes(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct bad_nvme *b = bad_nvme(test);
	struct request_queue *q;

	b->edit_ctrl = trims;
	b->edit_ns = small_atomic;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	q = t->disk->gd->queue;
	KUNIT_EXPECT_EQ(test, queue_atomic_write_unit_max_bytes(q), 8192);
	KUNIT_EXPECT_EQ(test, queue_physical_block_size(q), 16384);
	KUNIT_EXPECT_EQ(test, q->limits.discard_granularity, 32768);
	KUNIT_EXPECT_FALSE(test, t->disk->unit.zeroes_unmap);
	KUNIT_EXPECT_EQ(test, anvme_format_begin(&b->nd, 1), 0);
	b->edit_ns = large_atomic;
	anvme_format_end(&b->nd, true);
	KUNIT_EXPECT_EQ(test, queue_logical_block_size(q), 4096);
	KUNIT_EXPECT_EQ(test, queue_atomic_write_unit_max_bytes(q), 8192);
	KUNIT_EXPECT_EQ(test, queue_physical_block_size(q), 8192);
	KUNIT_EXPECT_EQ(test, q->limits.discard_granularity, 16384);
	KUNIT_EXPECT_TRUE(test, t->disk->unit.zeroes_unmap);
	KUNIT_EXPECT_EQ(test, capacity(test), BAD_BLOCKS);
	bad_take_down(test);
}

static void first_nguid(struct nvme_id_ns *id) { id->nguid[0] = 1; }
static void second_nguid(struct nvme_id_ns *id) { id->nguid[0] = 2; }
static void first_eui(struct nvme_id_ns *id) { id->eui64[7] = 1; }
static void second_eui(struct nvme_id_ns *id) { id->eui64[7] = 2; }

static void uuid(u8 *list, u8 value)
{
	/* An EUI-64 first, then the UUID. */
	list[0] = NVME_NIDT_EUI64;
	list[1] = NVME_NIDT_EUI64_LEN;
	list[12] = NVME_NIDT_UUID;
	list[13] = NVME_NIDT_UUID_LEN;
	list[16] = value;
}

static void first_uuid(u8 *list) { uuid(list, 1); }
static void second_uuid(u8 *list) { uuid(list, 2); }

static const struct replaced_param {
	const char *name;
	void (*ns[2])(struct nvme_id_ns *id);
	void (*desc[2])(u8 *list);
} replaced_params[] = {
	{ "NGUID", { first_nguid, second_nguid } },
	{ "EUI-64", { first_eui, second_eui } },
	{ "UUID", .desc = { first_uuid, second_uuid } },
};
KUNIT_ARRAY_PARAM_DESC(replaced, replaced_params, name);

/* Another namespace with the same identifier becomes a new disk. */
static void nvme_namespace_replaced(struct kunit *test)
{
	const struct replaced_param *o = test->param_value;
	struct tio_test *t = test->priv;
	struct bad_nvme *b = bad_nvme(test);
	struct anvme_ns *ns;
	struct file *file;
	unsigned int i;
	loff_t pos = 0;
	u64 diskseq;

	bad_set_reg(b, NVME_REG_VS, NVME_VS(1, 4, 0));
	b->edit_ns = o->ns[0];
	b->edit_desc = o->desc[0];
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	diskseq = t->disk->gd->diskseq;
	file = bdev_file_open_by_dev(disk_devt(t->disk->gd), BLK_OPEN_READ | BLK_OPEN_WRITE,
				     NULL, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	KUNIT_EXPECT_EQ(test, kernel_write(file, "dirty", 5, &pos), 5);
	/* Transient errors do not replace the disk. */
	anvme_scan(&b->nd);
	b->desc_status = NVME_SC_INTERNAL;
	anvme_scan(&b->nd);
	b->desc_status = 0;
	anvme_scan(&b->nd);
	ns = list_first_entry(&b->nd.namespaces, struct anvme_ns, list);
	KUNIT_EXPECT_EQ(test, ns->disk->gd->diskseq, diskseq);
	b->edit_ns = o->ns[1];
	b->edit_desc = o->desc[1];
	b->nr_commands = 0;
	anvme_scan(&b->nd);
	KUNIT_ASSERT_TRUE(test, list_is_singular(&b->nd.namespaces));
	ns = list_first_entry(&b->nd.namespaces, struct anvme_ns, list);
	KUNIT_EXPECT_NE(test, ns->disk->gd->diskseq, diskseq);
	/* Dirty pages of the old disk are not written to the new one. */
	fput(file);
	flush_delayed_fput();
	for (i = 0; i < min(b->nr_commands, BAD_COMMANDS); i++)
		KUNIT_EXPECT_NE(test, b->command[i].common.opcode, nvme_cmd_write);
	bad_take_down(test);
}

/* Before NVMe 1.1 there is no list: all identifiers are tried. */
static void nvme_no_namespace_list(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	b->no_list = true;
	bad_set_reg(b, NVME_REG_VS, NVME_VS(1, 0, 0));
	KUNIT_EXPECT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_EQ(test, list_count_nodes(&b->nd.namespaces), 4);
	bad_take_down(test);
}

static struct kunit_case nvme_ns_cases[] = {
	KUNIT_CASE(nvme_namespaces),
	KUNIT_CASE(nvme_rescan),
	KUNIT_CASE_PARAM(nvme_atomic_write, atomic_gen_params),
	KUNIT_CASE(nvme_format_refused),
	KUNIT_CASE(nvme_format_unsettled),
	KUNIT_CASE(nvme_format_reset_race),
	KUNIT_CASE(nvme_format_during_scan),
	KUNIT_CASE(nvme_format_twice),
	KUNIT_CASE(nvme_format_by_others),
	KUNIT_CASE(nvme_format_all),
	KUNIT_CASE(nvme_format_erases_all),
	KUNIT_CASE(nvme_odd_granularities),
	KUNIT_CASE(nvme_format_changes),
	KUNIT_CASE_PARAM(nvme_namespace_replaced, replaced_gen_params),
	KUNIT_CASE(nvme_no_namespace_list),
	{}
};

static struct kunit_suite nvme_ns_suite = {
	.name = "asblk_nvme_ns",
	.init = bad_init,
	.exit = bad_exit,
	.test_cases = nvme_ns_cases,
};
kunit_test_suite(nvme_ns_suite);
