// SPDX-License-Identifier: GPL-2.0-only
/* Tests of nvme/: features, events, shutdown and INTx of a controller. */
#include <kunit/test.h>
#include <linux/blkdev.h>
#include <linux/delay.h>

#include "bad_nvme.h"
#include "test_io.h"

static void nvme_write_cache(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct bad_nvme *b = bad_nvme(test);

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_TRUE(test, bdev_write_cache(t->disk->gd->part0));
	KUNIT_EXPECT_EQ(test, asblk_ctrl_write_cache(b->nd.ctrl, false), 0);
	KUNIT_EXPECT_EQ(test, b->feature[NVME_FEAT_VOLATILE_WC], 0);
	KUNIT_EXPECT_FALSE(test, bdev_write_cache(t->disk->gd->part0));
	/* A reset restores the setting that the controller loses. */
	b->feature[NVME_FEAT_VOLATILE_WC] = 1;
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(b->nd.ctrl), 0);
	KUNIT_EXPECT_EQ(test, b->feature[NVME_FEAT_VOLATILE_WC], 0);
	bad_take_down(test);
}

/* Off before the driver was bound. */
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
	b->denies_features = true;
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

/* The lowest non-operational power state when idle, and back. */
static void nvme_power_state(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->feature[NVME_FEAT_POWER_MGMT] = 1;
	KUNIT_EXPECT_EQ(test, anvme_ops.idle(b->nd.ctrl), 0);
	KUNIT_EXPECT_EQ(test, b->feature[NVME_FEAT_POWER_MGMT], 2);
	KUNIT_EXPECT_EQ(test, anvme_ops.wake(b->nd.ctrl), 0);
	KUNIT_EXPECT_EQ(test, b->feature[NVME_FEAT_POWER_MGMT], 1);
	b->denies_features = true;
	KUNIT_EXPECT_EQ(test, anvme_ops.idle(b->nd.ctrl), -EOPNOTSUPP);
	bad_take_down(test);
}

static void read_only(struct nvme_id_ns *id) { id->nsattr = NVME_NS_ATTR_RO; }

/* Events are handled, and the next one is requested. */
static void nvme_events(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct bad_nvme *b = bad_nvme(test);
	unsigned int logs, tries;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	logs = b->logs;
	/* Temperature, then read-only media. */
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
	/* A persistent internal error causes a reset. */
	b->event = NVME_AER_ERROR | NVME_AER_ERROR_PERSIST_INT_ERR << 8 | 1 << 16;
	bad_wait_count(&b->enables, 2);
	flush_work(&b->nd.ctrl->recovery.work);
	KUNIT_EXPECT_EQ(test, b->enables, 2);
	bad_take_down(test);
}

/* Removal shuts the controller down, a reset does not. */
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

/* INTx is masked while queues are stopped. */
static void nvme_intx_masked(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct test_io *p;

	b->nd.intx = true;
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
	/* And unmasked afterwards. */
	flush_work(&b->nd.ctrl->recovery.work);
	msleep(20);
	KUNIT_EXPECT_FALSE(test, b->masked);
	bad_take_down(test);
	msleep(20);
	KUNIT_EXPECT_FALSE(test, b->masked);
}

/* INTx is unmasked after a failed start and after death, for the next driver. */
static void nvme_intx_unmasked_at_exit(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	b->nd.intx = true;
	b->mistake_head = 1;
	KUNIT_EXPECT_EQ(test, anvme_start(&b->nd), -EIO);
	msleep(20);
	KUNIT_EXPECT_FALSE(test, b->masked);
	anvme_init(&b->nd);
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	asblk_ctrl_dead(b->nd.ctrl, "a test");
	bad_take_down(test);
	msleep(20);
	KUNIT_EXPECT_FALSE(test, b->masked);
}

static void other_serial(struct nvme_id_ctrl *id) { memcpy(id->sn, "another", 7); }

static void delays(struct nvme_id_ctrl *id) { id->crdt2 = cpu_to_le16(3); }

/* Advanced Command Retry is enabled, after each reset again. */
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

/* A controller that was replaced is not used. */
static void nvme_controller_replaced(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(b->nd.ctrl), 0);
	b->edit_ctrl = other_serial;
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(b->nd.ctrl), -ENODEV);
	KUNIT_EXPECT_EQ(test, (int)b->nd.ctrl->state, ASBLK_CTRL_DEAD);
	bad_take_down(test);
}

/* Failing health log reads are rate-limited too. */
static void nvme_health_unreadable(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	unsigned int logs, i;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	if (!b->nd.hwmon)
		kunit_skip(test, "this kernel has no hardware monitoring");
	b->no_logs = true;
	b->nd.smart_old = true;
	logs = b->logs;
	for (i = 0; i < 20; i++) {
		anvme_read_health(&b->nd);
		KUNIT_EXPECT_EQ(test, b->nd.smart_err, -EIO);
	}
	KUNIT_EXPECT_LE(test, b->logs, logs + 2);
	KUNIT_EXPECT_EQ(test, b->enables, 1);
	bad_take_down(test);
}

/* An NVM Subsystem Reset is a reset of this controller, too. */
static void nvme_subsystem_reset(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	struct asblk_ctrl *ctrl;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	ctrl = b->nd.ctrl;
	KUNIT_EXPECT_FALSE(test, anvme_passthru_ops.can_reset_subsystem(ctrl));
	b->nd.cap |= 1ULL << 36;	/* CAP.NSSRS */
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_now(ctrl), 0);
	KUNIT_EXPECT_EQ(test, bad_reg(b, NVME_REG_NSSR), 0);
	KUNIT_EXPECT_TRUE(test, anvme_passthru_ops.can_reset_subsystem(ctrl));
	KUNIT_EXPECT_EQ(test, asblk_recovery_reset_subsystem(ctrl), 0);
	KUNIT_EXPECT_EQ(test, bad_reg(b, NVME_REG_NSSR), NVME_SUBSYS_RESET);
	KUNIT_EXPECT_EQ(test, b->enables, 3);
	bad_take_down(test);
}

static void alarm_during_log(struct bad_nvme *b)
{
	b->during_log = NULL;
	b->critical = NVME_SMART_CRIT_TEMPERATURE;
	anvme_hwmon_alarm(&b->nd);
}

/* What was read when an alarm came is not what those who are notified of it see. */
static void nvme_health_alarm(struct kunit *test)
{
	struct bad_nvme *b = bad_nvme(test);
	unsigned int logs;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	if (!b->nd.hwmon)
		kunit_skip(test, "this kernel has no hardware monitoring");
	b->nd.smart_old = true;
	b->during_log = alarm_during_log;
	logs = b->logs;
	anvme_read_health(&b->nd);
	KUNIT_EXPECT_EQ(test, b->logs, logs + 1);
	KUNIT_EXPECT_EQ(test, b->nd.smart->critical_warning, 0);
	anvme_read_health(&b->nd);
	KUNIT_EXPECT_EQ(test, b->logs, logs + 2);
	KUNIT_EXPECT_EQ(test, b->nd.smart->critical_warning, NVME_SMART_CRIT_TEMPERATURE);
	KUNIT_EXPECT_EQ(test, b->enables, 1);
	bad_take_down(test);
}

static struct kunit_case nvme_ctrl_cases[] = {
	KUNIT_CASE(nvme_write_cache),
	KUNIT_CASE(nvme_write_cache_off),
	KUNIT_CASE(nvme_write_protect),
	KUNIT_CASE(nvme_coalesce),
	KUNIT_CASE(nvme_power_state),
	KUNIT_CASE(nvme_events),
	KUNIT_CASE(nvme_shutdown),
	KUNIT_CASE(nvme_no_shutdown),
	KUNIT_CASE(nvme_intx_masked),
	KUNIT_CASE(nvme_intx_unmasked_at_exit),
	KUNIT_CASE(nvme_retry_delays),
	KUNIT_CASE(nvme_controller_replaced),
	KUNIT_CASE(nvme_health_unreadable),
	KUNIT_CASE(nvme_subsystem_reset),
	KUNIT_CASE(nvme_health_alarm),
	{}
};

static struct kunit_suite nvme_ctrl_suite = {
	.name = "asblk_nvme_ctrl",
	.init = bad_init,
	.exit = bad_exit,
	.test_cases = nvme_ctrl_cases,
};
kunit_test_suite(nvme_ctrl_suite);
