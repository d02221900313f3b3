// SPDX-License-Identifier: GPL-2.0-only
/* Tests of emul/faults.c: fields of a rule, and when it acts. */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/nvme.h>
#include <linux/sched.h>

#include "emul/faults.h"
#include "emul/match.h"

struct faults_test {
	struct emul_budget budget;
	struct emul_faults faults;
	struct emul_rule *rule;
	char *page;
};

static int faults_init(struct kunit *test)
{
	struct faults_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	emul_faults_init(&t->faults, &t->budget);
	t->faults.seed = 4711;
	t->rule = emul_rule_create(&t->faults, "rule");
	KUNIT_ASSERT_FALSE(test, IS_ERR(t->rule));
	t->page = (char *)get_zeroed_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->page);
	return 0;
}

static void faults_exit(struct kunit *test)
{
	struct faults_test *t = test->priv;

	emul_rule_destroy(t->rule);
	emul_faults_exit(&t->faults);
	free_page((unsigned long)t->page);
}

static void set(struct kunit *test, enum emul_rule_field i, const char *text)
{
	struct faults_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, emul_rule_set(t->rule, i, text), 0);
}

static void enable(struct kunit *test, bool on)
{
	struct faults_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, emul_rule_enable(t->rule, on), 0);
}

struct field_case {
	enum emul_rule_field field;
	const char *text;
	bool good;
};

static const struct field_case field_cases[] = {
	{ RULE_OP, "any", true }, { RULE_OP, "read", true },
	{ RULE_OP, "read secure-erase", true }, { RULE_OP, "read  write", true },
	{ RULE_OP, "" }, { RULE_OP, "reads" }, { RULE_OP, "read any" },
	{ RULE_OP, "command admin", true }, { RULE_OPCODE, "any", true },
	{ RULE_OPCODE, "255", true }, { RULE_OPCODE, "256" }, { RULE_OPCODE, "read" },
	{ RULE_FLAGS, "fua rahead", true }, { RULE_FLAGS, "sync" },
	{ RULE_QUEUE, "any", true }, { RULE_QUEUE, "0", true }, { RULE_QUEUE, "65535", true },
	{ RULE_QUEUE, "65536" }, { RULE_QUEUE, "-1" },
	{ RULE_INTERVAL, "4294967295", true }, { RULE_INTERVAL, "0" }, { RULE_INTERVAL, "0x10" },
	{ RULE_PROBABILITY, "1000000", true }, { RULE_PROBABILITY, "1000001" },
	{ RULE_FIRST, "9223372036854775807", true }, { RULE_FIRST, "9223372036854775808" },
	{ RULE_ACTION, "wrong-id", true }, { RULE_ACTION, "any" }, { RULE_ACTION, "0" },
	{ RULE_STATUS, "medium", true }, { RULE_STATUS, "fine" },
	{ RULE_RECOVERED_BY, "controller-reset", true }, { RULE_RECOVERED_BY, "controller" },
	{ RULE_WHEN, "after", true }, { RULE_WHEN, "" },
	{ RULE_BITS, "4096", true }, { RULE_BITS, "0" }, { RULE_HEAL_ON_WRITE, "2" },
};

static void field_describe(const struct field_case *c, char *text)
{
	snprintf(text, KUNIT_PARAM_DESC_SIZE, "%d \"%s\"", c->field, c->text);
}

KUNIT_ARRAY_PARAM(field, field_cases, field_describe);

/* What is taken is shown the same way; what is not changes nothing. */
static void faults_fields(struct kunit *test)
{
	const struct field_case *c = test->param_value;
	struct faults_test *t = test->priv;
	u64 before = t->rule->value[c->field];
	int err = emul_rule_set(t->rule, c->field, c->text);

	KUNIT_EXPECT_EQ(test, err, c->good ? 0 : -EINVAL);
	if (!c->good) {
		KUNIT_EXPECT_EQ(test, t->rule->value[c->field], before);
		return;
	}
	emul_rule_show(t->rule, c->field, t->page);
	before = t->rule->value[c->field];
	strim(t->page);
	KUNIT_EXPECT_EQ(test, emul_rule_set(t->rule, c->field, t->page), 0);
	KUNIT_EXPECT_EQ(test, t->rule->value[c->field], before);
	enable(test, true);
	KUNIT_EXPECT_EQ(test, emul_rule_set(t->rule, c->field, c->text), -EBUSY);
	enable(test, false);
}

static bool applies(struct faults_test *t, unsigned int queue, enum asblk_op op, u8 opts)
{
	const struct emul_command cmd = { .op = op, .opts = opts };

	return emul_rule_applies(t->rule, queue, &cmd);
}

/* Of a command of the NVMe command set, that the device takes for @op. */
static bool applies_nvme(struct faults_test *t, unsigned int queue, enum asblk_op op, u8 opcode)
{
	const struct nvme_command nvme = { .common.opcode = opcode };
	const struct emul_command cmd = { .op = op, .opts = EMUL_OPT_NVME, .nvme = &nvme };

	return emul_rule_applies(t->rule, queue, &cmd);
}

static void faults_match_nvme(struct kunit *test)
{
	struct faults_test *t = test->priv;

	KUNIT_EXPECT_TRUE(test, applies_nvme(t, 0, ASBLK_OP_READ, nvme_cmd_read));
	KUNIT_EXPECT_TRUE(test, applies_nvme(t, ASBLK_ADMIN_QUEUE, ASBLK_OP_COMMAND, 0));
	set(test, RULE_OP, "read");
	KUNIT_EXPECT_TRUE(test, applies_nvme(t, 0, ASBLK_OP_READ, nvme_cmd_read));
	set(test, RULE_OP, "command");
	KUNIT_EXPECT_TRUE(test, applies_nvme(t, 0, ASBLK_OP_READ, nvme_cmd_read));
	KUNIT_EXPECT_TRUE(test, applies_nvme(t, 0, ASBLK_OP_COMMAND, nvme_cmd_compare));
	KUNIT_EXPECT_FALSE(test, applies_nvme(t, ASBLK_ADMIN_QUEUE, ASBLK_OP_COMMAND, 0));
	KUNIT_EXPECT_FALSE(test, applies(t, 0, ASBLK_OP_READ, 0));
	set(test, RULE_OP, "admin");
	KUNIT_EXPECT_TRUE(test, applies_nvme(t, ASBLK_ADMIN_QUEUE, ASBLK_OP_COMMAND, 0));
	KUNIT_EXPECT_FALSE(test, applies_nvme(t, 0, ASBLK_OP_COMMAND, 0));
	set(test, RULE_OP, "any");
	set(test, RULE_OPCODE, "2");
	KUNIT_EXPECT_TRUE(test, applies_nvme(t, 3, ASBLK_OP_READ, nvme_cmd_read));
	KUNIT_EXPECT_TRUE(test, applies_nvme(t, ASBLK_ADMIN_QUEUE, ASBLK_OP_COMMAND, 2));
	KUNIT_EXPECT_FALSE(test, applies_nvme(t, 3, ASBLK_OP_READ, nvme_cmd_compare));
	KUNIT_EXPECT_FALSE(test, applies(t, 3, ASBLK_OP_READ, 0));
}

static void faults_match(struct kunit *test)
{
	const u8 flags = ASBLK_OPT_FUA | ASBLK_OPT_META | ASBLK_OPT_PRIO;
	struct faults_test *t = test->priv;

	KUNIT_EXPECT_TRUE(test, applies(t, 7, ASBLK_OP_FLUSH, 0));
	set(test, RULE_OP, "write flush");
	set(test, RULE_FLAGS, "fua meta");
	set(test, RULE_QUEUE, "2");
	KUNIT_EXPECT_TRUE(test, applies(t, 2, ASBLK_OP_WRITE, flags));
	KUNIT_EXPECT_FALSE(test, applies(t, 2, ASBLK_OP_WRITE, ASBLK_OPT_FUA));
	KUNIT_EXPECT_FALSE(test, applies(t, 2, ASBLK_OP_READ, flags));
	KUNIT_EXPECT_FALSE(test, applies(t, 1, ASBLK_OP_WRITE, flags));
	KUNIT_EXPECT_TRUE(test, emul_rule_covers(t->rule, U32_MAX, 1));
	set(test, RULE_FIRST, "100");
	set(test, RULE_BLOCKS, "10");
	KUNIT_EXPECT_FALSE(test, emul_rule_covers(t->rule, 92, 8));
	KUNIT_EXPECT_TRUE(test, emul_rule_covers(t->rule, 93, 8));
	KUNIT_EXPECT_TRUE(test, emul_rule_covers(t->rule, 109, 8));
	KUNIT_EXPECT_FALSE(test, emul_rule_covers(t->rule, 110, 8));
	KUNIT_EXPECT_TRUE(test, emul_rule_covers(t->rule, 0, 1000));
}

/* Asked where nobody may sleep, a rule counts what it does nothing to, and no more. */
static void faults_passes(struct kunit *test)
{
	struct faults_test *t = test->priv;
	unsigned int i;
	u32 count;

	set(test, RULE_INTERVAL, "3");
	set(test, RULE_TIMES, "2");
	enable(test, true);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_FALSE(test, emul_rule_idle(t->rule));
		KUNIT_EXPECT_TRUE(test, emul_rule_passes(t->rule, 5));
		KUNIT_EXPECT_TRUE(test, emul_rule_passes(t->rule, 5));
		KUNIT_EXPECT_FALSE(test, emul_rule_passes(t->rule, 5));
		KUNIT_EXPECT_FALSE(test, emul_rule_passes(t->rule, 5));
		KUNIT_EXPECT_TRUE(test, emul_rule_acts(t->rule, 5, true, &count));
		KUNIT_EXPECT_EQ(test, count, 3 * (i + 1));
	}
	/* Its total is used up. */
	KUNIT_EXPECT_TRUE(test, emul_rule_idle(t->rule));
	enable(test, false);
	set(test, RULE_TIMES, "0");
	set(test, RULE_PROBABILITY, "0");
	enable(test, true);
	KUNIT_EXPECT_TRUE(test, emul_rule_idle(t->rule));
}

/* How often the rule acts on @nr operations on a block. */
static unsigned int acts(struct kunit *test, u64 lba, unsigned int nr)
{
	struct faults_test *t = test->priv;
	unsigned int hits = 0, i;
	u32 count;

	for (i = 0; i < nr; i++)
		hits += emul_rule_acts(t->rule, lba, true, &count);
	return hits;
}

static void faults_how_often(struct kunit *test)
{
	struct faults_test *t = test->priv;
	u32 count;

	enable(test, true);
	KUNIT_EXPECT_EQ(test, acts(test, 5, 10), 10);
	enable(test, false);
	set(test, RULE_INTERVAL, "3");
	enable(test, true);
	KUNIT_EXPECT_EQ(test, acts(test, 5, 10), 3);
	KUNIT_EXPECT_EQ(test, acts(test, EMUL_NO_BLOCK, 10), 3);
	/* Counted, though it may not act. */
	KUNIT_EXPECT_FALSE(test, emul_rule_acts(t->rule, 5, false, &count));
	KUNIT_EXPECT_EQ(test, count, 11);
	KUNIT_EXPECT_EQ(test, acts(test, 5, 1), 1);
	enable(test, false);
	set(test, RULE_INTERVAL, "1");
	set(test, RULE_TIMES_PER_BLOCK, "2");
	enable(test, true);
	KUNIT_EXPECT_EQ(test, acts(test, 5, 10), 2);
	KUNIT_EXPECT_EQ(test, acts(test, 6, 10), 2);
	enable(test, false);
	set(test, RULE_TIMES, "3");
	enable(test, true);
	KUNIT_EXPECT_EQ(test, acts(test, 5, 10) + acts(test, 6, 10), 3);
	enable(test, false);
	set(test, RULE_TIMES, "0");
	set(test, RULE_TIMES_PER_BLOCK, "0");
	enable(test, true);
	KUNIT_EXPECT_EQ(test, acts(test, 1ULL << 40, 1), 1);
	emul_rule_heal(t->rule, 1ULL << 40);
	KUNIT_EXPECT_EQ(test, acts(test, 1ULL << 40, 10), 0);
	KUNIT_EXPECT_EQ(test, acts(test, (1ULL << 40) + 1, 1), 1);
}

/* Whatever the order of the blocks, each has its own faults; a seed has its own. */
static void faults_same_again(struct kunit *test)
{
	struct faults_test *t = test->priv;
	unsigned int hits = 0, lba, nr;
	u64 first[64] = {}, again[64] = {}, others = 0;
	struct emul_rule *other;
	u32 count;

	set(test, RULE_PROBABILITY, "250000");
	enable(test, true);
	for (lba = 0; lba < 64; lba++)
		for (nr = 0; nr < 64; nr++)
			first[lba] |= (u64)emul_rule_acts(t->rule, lba, true, &count) << nr;
	enable(test, false);
	enable(test, true);
	for (nr = 0; nr < 64; nr++)
		for (lba = 64; lba--; )
			again[lba] |= (u64)emul_rule_acts(t->rule, lba, true, &count) << nr;
	KUNIT_EXPECT_MEMEQ(test, first, again, sizeof(first));
	for (lba = 0; lba < 64; lba++)
		hits += hweight64(first[lba]);
	/* A quarter of 4096, give or take three standard deviations. */
	KUNIT_EXPECT_GT(test, hits, 1024 - 84);
	KUNIT_EXPECT_LT(test, hits, 1024 + 84);
	/* Each block has its own, and each name. */
	for (lba = 1; lba < 64; lba++)
		KUNIT_EXPECT_NE(test, first[lba], first[lba - 1]);
	other = emul_rule_create(&t->faults, "other");
	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	KUNIT_EXPECT_EQ(test, emul_rule_set(other, RULE_PROBABILITY, "250000"), 0);
	for (nr = 0; nr < 64; nr++)
		others |= (u64)emul_rule_acts(other, 0, true, &count) << nr;
	emul_rule_destroy(other);
	KUNIT_EXPECT_NE(test, others, first[0]);
	enable(test, false);
	t->faults.seed++;
	enable(test, true);
	memset(again, 0, sizeof(again));
	for (lba = 0; lba < 64; lba++)
		for (nr = 0; nr < 64; nr++)
			again[lba] |= (u64)emul_rule_acts(t->rule, lba, true, &count) << nr;
	KUNIT_EXPECT_MEMNEQ(test, first, again, sizeof(first));
}

#define RACE_THREADS	4
#define RACE_BLOCKS	300
#define RACE_COUNT	50

struct race {
	struct emul_rule *rule;
	struct completion done;
};

static int race_thread(void *data)
{
	struct race *race = data;
	unsigned int block, i;
	u32 count;

	for (block = 0; block < RACE_BLOCKS; block++) {
		for (i = 0; i < RACE_COUNT; i++)
			emul_rule_acts(race->rule, (u64)block << 20, true, &count);
		cond_resched();
	}
	kthread_complete_and_exit(&race->done, 0);
}

/* All at once on the same blocks, whose histories are new: none is lost, nor counted twice. */
static void faults_at_once(struct kunit *test)
{
	struct faults_test *t = test->priv;
	unsigned int i, cpu = cpumask_first(cpu_online_mask);
	struct task_struct *task[RACE_THREADS];
	struct race race[RACE_THREADS];
	u32 count;

	set(test, RULE_INTERVAL, "3");
	enable(test, true);
	for (i = 0; i < RACE_THREADS; i++) {
		race[i].rule = t->rule;
		init_completion(&race[i].done);
		task[i] = kthread_create_on_cpu(race_thread, &race[i], cpu, "asblk-race/%u");
		KUNIT_ASSERT_FALSE(test, IS_ERR(task[i]));
		cpu = cpumask_next_wrap(cpu, cpu_online_mask);
	}
	for (i = 0; i < RACE_THREADS; i++)
		wake_up_process(task[i]);
	for (i = 0; i < RACE_THREADS; i++)
		wait_for_completion(&race[i].done);
	for (i = 0; i < RACE_BLOCKS; i++) {
		emul_rule_acts(t->rule, (u64)i << 20, true, &count);
		KUNIT_EXPECT_EQ(test, count, RACE_THREADS * RACE_COUNT + 1);
	}
}

static void faults_statuses(struct kunit *test)
{
	static const struct {
		const char *word;
		blk_status_t code;
	} status[] = {
		{ "ioerr", BLK_STS_IOERR }, { "medium", BLK_STS_MEDIUM },
		{ "notsupp", BLK_STS_NOTSUPP }, { "timeout", BLK_STS_TIMEOUT },
		{ "nospc", BLK_STS_NOSPC }, { "transport", BLK_STS_TRANSPORT },
		{ "target", BLK_STS_TARGET }, { "resv-conflict", BLK_STS_RESV_CONFLICT },
		{ "protection", BLK_STS_PROTECTION }, { "resource", BLK_STS_RESOURCE },
		{ "again", BLK_STS_AGAIN }, { "dev-resource", BLK_STS_DEV_RESOURCE },
		{ "zone-open-resource", BLK_STS_ZONE_OPEN_RESOURCE },
		{ "zone-active-resource", BLK_STS_ZONE_ACTIVE_RESOURCE },
		{ "offline", BLK_STS_OFFLINE }, { "duration-limit", BLK_STS_DURATION_LIMIT },
		{ "invalid", BLK_STS_INVAL },
	};
	struct faults_test *t = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(status); i++) {
		set(test, RULE_STATUS, status[i].word);
		KUNIT_EXPECT_EQ(test, (__force u8)emul_rule_status(t->rule),
				(__force u8)status[i].code);
	}
}

static struct kunit_case faults_cases[] = {
	KUNIT_CASE_PARAM(faults_fields, field_gen_params),
	KUNIT_CASE(faults_statuses),
	KUNIT_CASE(faults_match),
	KUNIT_CASE(faults_match_nvme),
	KUNIT_CASE(faults_passes),
	KUNIT_CASE(faults_how_often),
	KUNIT_CASE(faults_same_again),
	KUNIT_CASE(faults_at_once),
	{}
};

static struct kunit_suite faults_suite = {
	.name = "asblk_faults",
	.init = faults_init,
	.exit = faults_exit,
	.test_cases = faults_cases,
};
kunit_test_suite(faults_suite);
