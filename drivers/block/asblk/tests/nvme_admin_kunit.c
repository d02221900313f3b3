// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of nvme/: the memory of admin commands, formats and what they change, and
 * controllers and namespaces that are not what they were.
 */
#include <kunit/test.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kthread.h>

#include "bad_nvme.h"
#include "test_io.h"

#define FROM_DEVICE	(nvme_admin_vendor_start | 2)
#define TO_DEVICE	(nvme_admin_vendor_start | 1)

static int vendor(struct bad_nvme *b, u8 opcode, void *data, size_t len, unsigned long timeout)
{
	struct nvme_command cmd = { .common.opcode = opcode };
	struct anvme_admin_io io = {
		.data = data, .len = len, .from_device = opcode & 2, .optional = true,
		.timeout = timeout,
	};

	return anvme_admin_io(&b->nd, &cmd, &io);
}

static const struct greedy_param {
	const char *name;
	u32 len;
	unsigned int pages;
} greedy_params[] = {
	{ "no data, and nothing is transferred", 0, 0 },
	{ "no data, but a page is transferred", 0, 1 },
	{ "no data, but three pages are", 0, 3 },
	{ "a few bytes", 100, 1 },
	{ "a page, as much", 4096, 1 },
	{ "a page, but two are transferred", 4096, 2 },
	{ "a page, but 100 are", 4096, 100 },
	{ "two pages, as much", 8192, 2 },
	{ "two pages, but 100 are transferred", 8192, 100 },
	{ "three pages, but 600 are", 3 * 4096, 600 },
	{ "as much as there may be", ANVME_MAX_BYTES, 512 },
	{ "as much as there may be, but 2000 pages are", ANVME_MAX_BYTES, 2000 },
};
KUNIT_ARRAY_PARAM_DESC(greedy, greedy_params, name);

/*
 * Whatever a controller transfers, it is what it was asked for, and the rest finds memory
 * that is the command's: KASAN would see what is not.
 */
static void nvme_admin_memory(struct kunit *test)
{
	const struct greedy_param *g = test->param_value;
	struct bad_nvme *b = bad_nvme(test);
	u8 *data = g->len ? kvzalloc(g->len, GFP_KERNEL) : NULL;

	KUNIT_ASSERT_TRUE(test, data || !g->len);
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->greedy = max(g->pages, 1U);
	KUNIT_EXPECT_EQ(test, vendor(b, FROM_DEVICE, data, g->len, 0), 0);
	/* A list where data was expected has been overwritten, or not. */
	if (g->len && g->pages * ANVME_PAGE >= g->len && g->len != 2 * ANVME_PAGE)
		KUNIT_EXPECT_NULL(test, memchr_inv(data, 0x5a, g->len));
	KUNIT_EXPECT_NULL(test, b->wrong);
	if (b->wrong)
		kunit_info(test, "%s", b->wrong);
	KUNIT_EXPECT_EQ(test, b->vendor, 1);
	bad_take_down(test);
	kvfree(data);
}

/* Memory of a command that may still be executed is kept until it is not, and no longer. */
static void nvme_orphans(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct anvme_admin *a = &b->nd.admin;
	u8 data[64];
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->swallow_admin = 1;
	KUNIT_EXPECT_EQ(test, vendor(b, FROM_DEVICE, data, sizeof(data), HZ / 10), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, a->orphans, 1);
	KUNIT_ASSERT_GE(test, b->swallowed_admin, 0);
	KUNIT_EXPECT_NOT_NULL(test, a->slot[b->swallowed_admin].memory);
	/* One that nobody depends on is asked to be aborted; nothing is reset for it. */
	bad_wait_count(&b->aborts, 1);
	KUNIT_EXPECT_EQ(test, b->aborts, 1);
	KUNIT_EXPECT_EQ(test, b->enables, 1);
	/* It completes after all. */
	WRITE_ONCE(b->completes_admin, true);
	for (i = 0; i < 100 && READ_ONCE(a->orphans); i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, a->orphans, 0);
	KUNIT_EXPECT_FALSE(test, llist_empty(&a->landed));
	KUNIT_EXPECT_EQ(test, vendor(b, FROM_DEVICE, data, sizeof(data), 0), 0);
	KUNIT_EXPECT_TRUE(test, llist_empty(&a->landed));

	/* Many of them, and it takes a reset, which gives all back. */
	WRITE_ONCE(b->completes_admin, false);
	b->swallow_admin = UINT_MAX;
	for (i = 0; i < 12 && b->enables == 1; i++)
		vendor(b, FROM_DEVICE, data, sizeof(data), 1);
	b->swallow_admin = 0;
	bad_wait_count(&b->enables, 2);
	flush_work(&b->nd.ctrl->recovery.work);
	KUNIT_EXPECT_EQ(test, b->enables, 2);
	KUNIT_EXPECT_EQ(test, a->orphans, 0);
	KUNIT_EXPECT_EQ(test, vendor(b, FROM_DEVICE, data, sizeof(data), 0), 0);
	bad_take_down(test);
}

/* Who is wrong about its queue may be wrong about the rest, and still write. */
static void nvme_distrusted(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	u8 data[64];

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->mistake_head = 1;
	KUNIT_EXPECT_EQ(test, vendor(b, FROM_DEVICE, data, sizeof(data), 0), -EIO);
	bad_wait_count(&b->enables, 2);
	flush_work(&b->nd.ctrl->recovery.work);
	KUNIT_EXPECT_EQ(test, b->enables, 2);
	KUNIT_EXPECT_EQ(test, b->nd.admin.orphans, 0);
	bad_take_down(test);
}

/* Somebody who waits for an answer does not keep the controller from being removed. */
static int wait_long(void *data)
{
	struct bad_nvme *b = data;

	vendor(b, TO_DEVICE, NULL, 0, 1000 * HZ);
	WRITE_ONCE(b->vendor, 100);
	return 0;
}

static void nvme_removed_meanwhile(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct task_struct *task;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->swallow_admin = 1;
	task = kthread_run(wait_long, b, "asblk-test");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	bad_wait_count(&b->vendor, 1);
	WRITE_ONCE(b->nd.going, true);
	bad_wait_count(&b->vendor, 100);
	KUNIT_EXPECT_EQ(test, b->vendor, 100);
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

/* A format to what is not driven: the disk stays shut until it is gone. */
static void nvme_format_refused(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_EQ(test, anvme_format_begin(&b->nd, 1), 0);
	KUNIT_EXPECT_EQ(test, capacity(test), 0);
	b->edit_ns = metadata;
	/* The scan that follows is kept away for as long as it takes to look. */
	disable_work_sync(&b->nd.scan);
	anvme_format_end(&b->nd, 1, true);
	KUNIT_EXPECT_EQ(test, capacity(test), 0);
	anvme_scan(&b->nd);
	KUNIT_EXPECT_TRUE(test, list_empty(&b->nd.namespaces));
	bad_take_down(test);
}

/* One that has not ended, for all that is known: shut until a reset has made sure. */
static void nvme_format_unsettled(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct bad_nvme *b = bad_nvme(test);
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_EQ(test, anvme_format_begin(&b->nd, NVME_NSID_ALL), 0);
	anvme_format_end(&b->nd, NVME_NSID_ALL, false);
	flush_work(&b->nd.scan);
	/* It answers as if nothing had changed. */
	anvme_scan(&b->nd);
	KUNIT_EXPECT_EQ(test, capacity(test), 0);
	KUNIT_EXPECT_EQ(test, anvme_format_begin(&b->nd, 1), -EBUSY);
	b->edit_ns = large_blocks;
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(b->nd.ctrl), 0);
	for (i = 0; i < 500 && !capacity(test); i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, capacity(test), BAD_BLOCKS);
	KUNIT_EXPECT_EQ(test, queue_logical_block_size(t->disk->gd->queue), 4096);
	bad_take_down(test);
}

/* The reset is over before the one who gave up has said so. */
static void nvme_format_overtaken(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_EQ(test, anvme_format_begin(&b->nd, 1), 0);
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(b->nd.ctrl), 0);
	anvme_format_end(&b->nd, 1, false);
	flush_work(&b->nd.scan);
	anvme_scan(&b->nd);
	KUNIT_EXPECT_EQ(test, capacity(test), BAD_BLOCKS);
	bad_take_down(test);
}

/* Formatted elsewhere, to blocks that do not fit a transfer. */
static void small_mdts(struct nvme_id_ctrl *id) { id->mdts = 1; }
static void huge_blocks(struct nvme_id_ns *id) { id->lbaf[0].ds = 14; }

static void nvme_format_elsewhere(struct kunit *test)
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

/* A controller that formats all namespaces whichever is named: all of them are held. */
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
	anvme_format_end(&b->nd, scope, true);
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

/* Not powers of two: of no use. */
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

/* What a format changes besides the block size is handed over as well. */
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
	anvme_format_end(&b->nd, 1, true);
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

static const struct other_param {
	const char *name;
	void (*ns[2])(struct nvme_id_ns *id);
	void (*desc[2])(u8 *list);
} other_params[] = {
	{ "NGUID", { first_nguid, second_nguid } },
	{ "EUI-64", { first_eui, second_eui } },
	{ "UUID", .desc = { first_uuid, second_uuid } },
};
KUNIT_ARRAY_PARAM_DESC(other, other_params, name);

/* Another namespace of the same size under the same number is another disk. */
static void nvme_other_namespace(struct kunit *test)
{
	const struct other_param *o = test->param_value;
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
	/* The same one, even if it cannot tell at the moment. */
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
	/* What was meant for the old one does not get to the new one. */
	fput(file);
	flush_delayed_fput();
	for (i = 0; i < min(b->nr_commands, BAD_COMMANDS); i++)
		KUNIT_EXPECT_NE(test, b->command[i].common.opcode, nvme_cmd_write);
	bad_take_down(test);
}

static void other_serial(struct nvme_id_ctrl *id) { memcpy(id->sn, "another", 7); }

static void delays(struct nvme_id_ctrl *id) { id->crdt2 = cpu_to_le16(3); }

/* A controller says when to try again only if it is told that it may, after each reset. */
static void nvme_retry_delays(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	b->edit_ctrl = delays;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_TRUE(test, b->acre);
	b->acre = false;
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(b->nd.ctrl), 0);
	KUNIT_EXPECT_TRUE(test, b->acre);
	bad_take_down(test);
}

/* And another controller in the place of the one that was there is not used. */
static void nvme_other_controller(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(b->nd.ctrl), 0);
	b->edit_ctrl = other_serial;
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(b->nd.ctrl), -ENODEV);
	KUNIT_EXPECT_EQ(test, (int)b->nd.ctrl->state, ASBLK_CTRL_DEAD);
	bad_take_down(test);
}

/* Without a list of namespaces, as before NVMe 1.1, it is all that there may be. */
static void nvme_no_list(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	b->no_list = true;
	bad_set_reg(b, NVME_REG_VS, NVME_VS(1, 0, 0));
	KUNIT_EXPECT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_EQ(test, list_count_nodes(&b->nd.namespaces), 4);
	bad_take_down(test);
}

/* A controller that does not tell its health is not asked as often as anybody likes. */
static void nvme_health_refused(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	unsigned int logs, i;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	if (!b->nd.hwmon)
		kunit_skip(test, "this kernel has no hardware monitoring");
	b->no_logs = true;
	b->nd.smart_at = 0;
	logs = b->logs;
	for (i = 0; i < 20; i++)
		KUNIT_EXPECT_EQ(test, anvme_read_health(&b->nd), -EIO);
	KUNIT_EXPECT_LE(test, b->logs, logs + 2);
	KUNIT_EXPECT_EQ(test, b->enables, 1);
	bad_take_down(test);
}

static struct kunit_case nvme_admin_cases[] = {
	KUNIT_CASE_PARAM(nvme_admin_memory, greedy_gen_params),
	KUNIT_CASE(nvme_orphans),
	KUNIT_CASE(nvme_distrusted),
	KUNIT_CASE(nvme_removed_meanwhile),
	KUNIT_CASE(nvme_format_refused),
	KUNIT_CASE(nvme_format_unsettled),
	KUNIT_CASE(nvme_format_overtaken),
	KUNIT_CASE(nvme_format_elsewhere),
	KUNIT_CASE(nvme_format_all),
	KUNIT_CASE(nvme_format_erases_all),
	KUNIT_CASE(nvme_format_changes),
	KUNIT_CASE(nvme_odd_granularities),
	KUNIT_CASE_PARAM(nvme_other_namespace, other_gen_params),
	KUNIT_CASE(nvme_retry_delays),
	KUNIT_CASE(nvme_other_controller),
	KUNIT_CASE(nvme_no_list),
	KUNIT_CASE(nvme_health_refused),
	{}
};

static struct kunit_suite nvme_admin_suite = {
	.name = "asblk_nvme_admin",
	.init = bad_init,
	.exit = bad_exit,
	.test_cases = nvme_admin_cases,
};
kunit_test_suite(nvme_admin_suite);
