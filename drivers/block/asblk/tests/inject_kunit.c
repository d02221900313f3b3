// SPDX-License-Identifier: GPL-2.0-only
/* Tests of emul/inject.c and emul/match.c: a medium and rules, no controller. */
#include <kunit/test.h>
#include <linux/io.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "emul/inject.h"
#include "emul/match.h"

#define BLOCKS	8
#define QUEUE	3

struct inject_test {
	struct emul_budget budget;
	struct emul_medium medium;
	struct emul_faults faults;
	struct emul_rule *rule;
	struct emul_cmd_state s;
	u8 *memory;
};

static int inject_init(struct kunit *test)
{
	struct inject_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	t->memory = kunit_kzalloc(test, BLOCKS * SZ_512, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->memory);
	emul_budget_init(&t->budget, SZ_16M);
	KUNIT_ASSERT_EQ(test, emul_medium_init(&t->medium, &t->budget), 0);
	KUNIT_ASSERT_EQ(test, emul_medium_insert(&t->medium, SZ_1M, SZ_512), 0);
	emul_faults_init(&t->faults, &t->budget);
	t->faults.ctrl = "none";
	t->rule = emul_rule_create(&t->faults, "rule");
	KUNIT_ASSERT_FALSE(test, IS_ERR(t->rule));
	return 0;
}

static void inject_exit(struct kunit *test)
{
	struct inject_test *t = test->priv;

	emul_rule_destroy(t->rule);
	emul_faults_exit(&t->faults);
	emul_medium_exit(&t->medium);
}

static void set(struct kunit *test, enum emul_rule_field i, const char *text)
{
	struct inject_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, emul_rule_set(t->rule, i, text), 0);
}

/* Enable the rule for block 3 of the medium. */
static void enable(struct kunit *test, const char *action)
{
	struct inject_test *t = test->priv;

	set(test, RULE_ACTION, action);
	set(test, RULE_FIRST, "3");
	set(test, RULE_BLOCKS, "1");
	KUNIT_ASSERT_EQ(test, emul_rule_enable(t->rule, true), 0);
}

/* Execute a command on blocks 0 to 7 as the device would. Return: true if rules were in it. */
static bool run(struct kunit *test, enum asblk_op op, u8 opts)
{
	struct inject_test *t = test->priv;
	struct emul_cmd_state *s = &t->s;
	bool concerned;
	u32 done = 0;

	*s = (struct emul_cmd_state) { .cmd = {
		.id = 7, .op = op, .opts = opts, .nr_blocks = BLOCKS,
		.nr_descs = op <= ASBLK_OP_WRITE ? 2 : 0,
		/* Neither of them ends where a block does. */
		.desc = { { virt_to_phys(t->memory), 700 },
			  { virt_to_phys(t->memory + 700), BLOCKS * SZ_512 - 700 } },
	} };
	rcu_read_lock();
	concerned = emul_faults_concern(&t->faults, QUEUE, s);
	if (!concerned && op == ASBLK_OP_READ)
		emul_medium_read(&t->medium, &s->cmd);
	else if (!concerned && op == ASBLK_OP_WRITE)
		KUNIT_EXPECT_EQ(test, emul_medium_write(&t->medium, &s->cmd, &done), 0);
	rcu_read_unlock();
	if (concerned)
		emul_inject(&t->faults, &t->medium, QUEUE, s);
	return concerned;
}

/* Write blocks that hold @value plus their number. */
static bool write(struct kunit *test, u8 value, u8 opts)
{
	struct inject_test *t = test->priv;
	unsigned int i;

	for (i = 0; i < BLOCKS; i++)
		memset(t->memory + i * SZ_512, value + i, SZ_512);
	return run(test, ASBLK_OP_WRITE, opts);
}

/* Read all blocks into memory, without rules. */
static void read_back(struct kunit *test)
{
	struct inject_test *t = test->priv;
	bool enabled = t->rule->enabled;

	KUNIT_ASSERT_EQ(test, emul_rule_enable(t->rule, false), 0);
	memset(t->memory, 0xee, BLOCKS * SZ_512);
	KUNIT_EXPECT_FALSE(test, run(test, ASBLK_OP_READ, 0));
	KUNIT_ASSERT_EQ(test, emul_rule_enable(t->rule, enabled), 0);
}

/* Block @i of memory holds nothing but @value. */
static bool holds(struct kunit *test, unsigned int i, u8 value)
{
	struct inject_test *t = test->priv;

	return !memchr_inv(t->memory + i * SZ_512, value, SZ_512);
}

static void expect_result(struct kunit *test, blk_status_t status, u32 good, u8 flags)
{
	struct inject_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, t->s.result.id, 7);
	KUNIT_EXPECT_EQ(test, t->s.result.status, (__force u8)status);
	KUNIT_EXPECT_EQ(test, t->s.result.good, good);
	KUNIT_EXPECT_EQ(test, t->s.result.flags, flags);
}

/* A rule for another queue, operation or range costs a command nothing. */
static void inject_unconcerned(struct kunit *test)
{
	struct inject_test *t = test->priv;

	set(test, RULE_QUEUE, "2");
	enable(test, "status");
	KUNIT_EXPECT_FALSE(test, write(test, 1, 0));
	KUNIT_ASSERT_EQ(test, emul_rule_enable(t->rule, false), 0);
	set(test, RULE_QUEUE, "3");
	set(test, RULE_OP, "read");
	KUNIT_ASSERT_EQ(test, emul_rule_enable(t->rule, true), 0);
	KUNIT_EXPECT_FALSE(test, write(test, 1, 0));
	KUNIT_ASSERT_EQ(test, emul_rule_enable(t->rule, false), 0);
	set(test, RULE_OP, "any");
	set(test, RULE_FIRST, "8");
	KUNIT_ASSERT_EQ(test, emul_rule_enable(t->rule, true), 0);
	KUNIT_EXPECT_FALSE(test, write(test, 1, 0));
	KUNIT_EXPECT_EQ(test, atomic64_read(&t->rule->hits), 0);
}

/* A rule that acts on every second operation lets the first one pass, counted. */
static void inject_interval(struct kunit *test)
{
	set(test, RULE_INTERVAL, "2");
	enable(test, "status");
	KUNIT_EXPECT_FALSE(test, write(test, 1, 0));
	KUNIT_EXPECT_TRUE(test, write(test, 1, 0));
	expect_result(test, BLK_STS_IOERR, 3 * SZ_512, 0);
	KUNIT_EXPECT_FALSE(test, write(test, 1, 0));
}

/* What is before the block is good, and what is after it not written. */
static void inject_status(struct kunit *test)
{
	set(test, RULE_STATUS, "medium");
	set(test, RULE_TRANSIENT, "1");
	enable(test, "status");
	KUNIT_EXPECT_TRUE(test, write(test, 0x10, 0));
	expect_result(test, BLK_STS_MEDIUM, 3 * SZ_512, ASBLK_MAY_RETRY);
	read_back(test);
	KUNIT_EXPECT_TRUE(test, holds(test, 2, 0x12));
	KUNIT_EXPECT_TRUE(test, holds(test, 3, 0));
	KUNIT_EXPECT_TRUE(test, holds(test, 7, 0));
}

/* A command that fails after its data was moved has moved all of it. */
static void inject_status_after(struct kunit *test)
{
	set(test, RULE_WHEN, "after");
	enable(test, "status");
	KUNIT_EXPECT_TRUE(test, write(test, 0x10, 0));
	expect_result(test, BLK_STS_IOERR, 3 * SZ_512, 0);
	read_back(test);
	KUNIT_EXPECT_TRUE(test, holds(test, 3, 0x13));
	KUNIT_EXPECT_TRUE(test, holds(test, 7, 0x17));
}

static void inject_short(struct kunit *test)
{
	enable(test, "short");
	KUNIT_EXPECT_TRUE(test, run(test, ASBLK_OP_READ, 0));
	expect_result(test, BLK_STS_OK, 3 * SZ_512, EMUL_SHORT);
}

/* As many bits of the block as asked for, none of the others; the same ones each time. */
static void inject_corrupt(struct kunit *test)
{
	struct inject_test *t = test->priv;
	unsigned int i, bits = 0;

	KUNIT_EXPECT_FALSE(test, write(test, 0, 0));
	set(test, RULE_BITS, "5");
	enable(test, "corrupt");
	KUNIT_EXPECT_TRUE(test, run(test, ASBLK_OP_READ, 0));
	expect_result(test, BLK_STS_OK, BLOCKS * SZ_512, 0);
	for (i = 0; i < SZ_512; i++)
		bits += hweight8(t->memory[3 * SZ_512 + i] ^ 3);
	KUNIT_EXPECT_EQ(test, bits, 5);
	KUNIT_EXPECT_TRUE(test, holds(test, 2, 2));
	KUNIT_EXPECT_TRUE(test, holds(test, 4, 4));
	read_back(test);
	KUNIT_EXPECT_TRUE(test, holds(test, 3, 3));
}

/* The block alone, and for a write on the medium, too. */
static void inject_zero(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, write(test, 0x10, 0));
	enable(test, "zero");
	KUNIT_EXPECT_TRUE(test, run(test, ASBLK_OP_READ, 0));
	expect_result(test, BLK_STS_OK, BLOCKS * SZ_512, 0);
	KUNIT_EXPECT_TRUE(test, holds(test, 2, 0x12));
	KUNIT_EXPECT_TRUE(test, holds(test, 3, 0));
	read_back(test);
	KUNIT_EXPECT_TRUE(test, holds(test, 3, 0x13));
	KUNIT_EXPECT_TRUE(test, write(test, 0x20, 0));
	read_back(test);
	KUNIT_EXPECT_TRUE(test, holds(test, 3, 0));
	KUNIT_EXPECT_TRUE(test, holds(test, 4, 0x24));
}

static void inject_phantom(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, write(test, 0x10, 0));
	enable(test, "phantom");
	KUNIT_EXPECT_TRUE(test, write(test, 0x20, 0));
	expect_result(test, BLK_STS_OK, BLOCKS * SZ_512, 0);
	read_back(test);
	KUNIT_EXPECT_TRUE(test, holds(test, 2, 0x22));
	KUNIT_EXPECT_TRUE(test, holds(test, 3, 0x13));
	KUNIT_EXPECT_TRUE(test, holds(test, 4, 0x24));
}

static void inject_misdirect(struct kunit *test)
{
	set(test, RULE_DISTANCE, "2");
	KUNIT_EXPECT_FALSE(test, write(test, 0x10, 0));
	set(test, RULE_OP, "read");
	enable(test, "misdirect");
	KUNIT_EXPECT_TRUE(test, run(test, ASBLK_OP_READ, 0));
	KUNIT_EXPECT_TRUE(test, holds(test, 3, 0x15));
	KUNIT_EXPECT_TRUE(test, holds(test, 4, 0x14));
}

/* What the block held before the last write, once there was one. */
static void inject_stale(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, write(test, 0x10, 0));
	enable(test, "stale");
	KUNIT_EXPECT_TRUE(test, run(test, ASBLK_OP_READ, 0));
	KUNIT_EXPECT_TRUE(test, holds(test, 3, 0x13));
	KUNIT_EXPECT_TRUE(test, write(test, 0x20, 0));
	KUNIT_EXPECT_TRUE(test, run(test, ASBLK_OP_READ, 0));
	KUNIT_EXPECT_TRUE(test, holds(test, 3, 0x13));
	KUNIT_EXPECT_TRUE(test, holds(test, 4, 0x24));
}

/* An atomic write fails as a whole. */
static void inject_atomic(struct kunit *test)
{
	enable(test, "status");
	KUNIT_EXPECT_TRUE(test, write(test, 0x10, ASBLK_OPT_ATOMIC));
	expect_result(test, BLK_STS_IOERR, 0, 0);
	read_back(test);
	KUNIT_EXPECT_TRUE(test, holds(test, 0, 0));
}

struct completion_case {
	const char *action;
	const char *recovered_by;
	u8 faults;
	enum emul_recovered_by expected;
};

static const struct completion_case completion_cases[] = {
	{ "delay", "abort", 0, EMUL_RECOVERED_BY_ABORT },
	{ "lose", "abort", EMUL_FAULT_LOST, EMUL_RECOVERED_BY_ABORT },
	{ "lose", "never", EMUL_FAULT_LOST, EMUL_RECOVERED_BY_NEVER },
	{ "lose-interrupt", "abort", EMUL_FAULT_NO_INTERRUPT, EMUL_RECOVERED_BY_ABORT },
	{ "late", "abort", EMUL_FAULT_LOST | EMUL_FAULT_LATE, EMUL_RECOVERED_BY_QUEUE },
	{ "duplicate", "abort", EMUL_FAULT_TWICE, EMUL_RECOVERED_BY_ABORT },
	{ "wrong-id", "abort", EMUL_FAULT_WRONG_ID, EMUL_RECOVERED_BY_ABORT },
	{ "hang", "abort", EMUL_FAULT_LOST | EMUL_FAULT_HANG, EMUL_RECOVERED_BY_QUEUE },
	{ "hang", "controller-reset", EMUL_FAULT_LOST | EMUL_FAULT_HANG,
	  EMUL_RECOVERED_BY_CTRL },
	{ "fatal", "abort", EMUL_FAULT_LOST | EMUL_FAULT_FATAL, EMUL_RECOVERED_BY_ABORT },
	{ "busy", "abort", EMUL_FAULT_BUSY, EMUL_RECOVERED_BY_ABORT },
};

static void completion_describe(const struct completion_case *c, char *text)
{
	snprintf(text, KUNIT_PARAM_DESC_SIZE, "%s, %s", c->action, c->recovered_by);
}

KUNIT_ARRAY_PARAM(completions, completion_cases, completion_describe);

/* Completion faults are noted once for a command, however many blocks the rule covers. */
static void inject_completion(struct kunit *test)
{
	const struct completion_case *c = test->param_value;
	struct inject_test *t = test->priv;
	bool lost = c->faults & EMUL_FAULT_LOST;

	set(test, RULE_RECOVERED_BY, c->recovered_by);
	set(test, RULE_USECS, "50");
	set(test, RULE_ACTION, c->action);
	KUNIT_ASSERT_EQ(test, emul_rule_enable(t->rule, true), 0);
	KUNIT_EXPECT_TRUE(test, write(test, 0x10, 0));
	KUNIT_EXPECT_EQ(test, t->s.faults, c->faults);
	KUNIT_EXPECT_EQ(test, t->s.recovered_by, c->expected);
	KUNIT_EXPECT_EQ(test, t->s.extra_us, strcmp(c->action, "delay") ? 0 : 50);
	KUNIT_EXPECT_EQ(test, t->s.busy_us, strcmp(c->action, "busy") ? 0 : 50);
	KUNIT_EXPECT_EQ(test, atomic64_read(&t->rule->hits), 1);
	read_back(test);
	/* A command that is lost before anything is done has done nothing. */
	KUNIT_EXPECT_TRUE(test, holds(test, 0, lost ? 0 : 0x10));
}

static struct kunit_case inject_cases[] = {
	KUNIT_CASE(inject_unconcerned),
	KUNIT_CASE(inject_interval),
	KUNIT_CASE(inject_status),
	KUNIT_CASE(inject_status_after),
	KUNIT_CASE(inject_short),
	KUNIT_CASE(inject_corrupt),
	KUNIT_CASE(inject_zero),
	KUNIT_CASE(inject_phantom),
	KUNIT_CASE(inject_misdirect),
	KUNIT_CASE(inject_stale),
	KUNIT_CASE(inject_atomic),
	KUNIT_CASE_PARAM(inject_completion, completions_gen_params),
	{}
};

static struct kunit_suite inject_suite = {
	.name = "asblk_inject",
	.init = inject_init,
	.exit = inject_exit,
	.test_cases = inject_cases,
};
kunit_test_suite(inject_suite);
