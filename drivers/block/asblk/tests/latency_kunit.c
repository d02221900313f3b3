// SPDX-License-Identifier: GPL-2.0-only
/* Tests of emul/latency.c: what distributions, stalls, channels and buckets promise. */
#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/time64.h>

#include "emul/latency.h"
#include "emul/options.h"

#define SAMPLES		100000
#define US		NSEC_PER_USEC

struct dist_case {
	const char *text;
	bool good;
	/* in microseconds, and how far from it, in percent */
	u64 mean, median, p99;
	unsigned int percent;
};

static const struct dist_case dist_cases[] = {
	{ "none", true, 0, 0, 0, 0 },
	{ "fixed 80", true, 80, 80, 80, 0 },
	{ "uniform 100 300", true, 200, 200, 298, 1 },
	/* mean: median times exp(s^2 / 2), s = ln(p99 / median) / 2.326 */
	{ "lognormal 80 400", true, 102, 80, 400, 3 },
	{ "lognormal 100 100", true, 100, 100, 100, 1 },
	{ "lognormal 1000 20000", true, 2291, 1000, 20000, 5 },
	{ "percentiles 50:80 99:300 99.9:2000 100:5000", true, 147, 80, 300, 2 },
	{ "percentiles 100:10", true, 10, 10, 10, 0 },
	{ "" }, { "fixed" }, { "fixed -1" }, { "fixed 1 2" }, { "fixed 10000001" },
	{ "fixed 1us" }, { "uniform 1" }, { "uniform 2 1" }, { "lognormal 0 1" },
	{ "lognormal 2 1" }, { "lognormal 1 2 3" }, { "percentiles" },
	{ "percentiles 50" }, { "percentiles 50:" }, { "percentiles :1" },
	{ "percentiles 50:1 50:2" }, { "percentiles 60:1 50:2" },
	{ "percentiles 50:2 60:1" }, { "percentiles 100.1:1" },
	{ "percentiles 1.23456:1" }, { "percentiles 1.2.3:1" }, { "none 1" }, { "soon" },
};

static void dist_describe(const struct dist_case *c, char *text)
{
	strscpy(text, *c->text ? c->text : "nothing", KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(dist, dist_cases, dist_describe);

static bool near(u64 value, u64 expected, unsigned int percent)
{
	u64 most = expected * percent / 100;

	return value + most >= expected && value <= expected + most;
}

/* The share of samples that are at most as long, in 1/10000. */
static u64 share_below(const struct emul_dist *d, u64 ns)
{
	struct rnd_state random;
	u64 i, nr = 0;

	prandom_seed_state(&random, 4711);
	for (i = 0; i < SAMPLES; i++)
		nr += emul_dist_sample(d, prandom_u32_state(&random)) <= ns;
	return nr * 10000 / SAMPLES;
}

static void dist_samples(struct kunit *test)
{
	const struct dist_case *c = test->param_value;
	struct rnd_state random;
	struct emul_dist d;
	u64 i, sum = 0;

	KUNIT_ASSERT_EQ(test, emul_dist_parse(&d, c->text), c->good);
	if (!c->good)
		return;
	prandom_seed_state(&random, 4711);
	for (i = 0; i < SAMPLES; i++)
		sum += emul_dist_sample(&d, prandom_u32_state(&random));
	KUNIT_EXPECT_TRUE_MSG(test, near(sum / SAMPLES, c->mean * US, c->percent),
			      "mean %llu ns", sum / SAMPLES);
	KUNIT_EXPECT_TRUE(test, near(emul_dist_sample(&d, BIT(31)), c->median * US,
				     c->percent));
	KUNIT_EXPECT_TRUE(test, near(emul_dist_sample(&d, 4252017623U), c->p99 * US,
				     c->percent));
	/* A table says so itself. */
	if (c->median != c->p99) {
		KUNIT_EXPECT_TRUE(test, near(share_below(&d, c->median * US), 5000, 2));
		KUNIT_EXPECT_TRUE(test, near(10000 - share_below(&d, c->p99 * US), 100, 15));
	}
}

static void dist_extremes(struct kunit *test)
{
	char text[EMUL_DIST_TEXT] = "percentiles";
	struct emul_dist d;
	unsigned int i;

	/* One entry more than there can be. */
	for (i = 1; i <= EMUL_DIST_POINTS; i++)
		sprintf(text + strlen(text), " %u:1", i);
	KUNIT_EXPECT_TRUE(test, emul_dist_parse(&d, text));
	strcat(text, " 99:1");
	KUNIT_EXPECT_FALSE(test, emul_dist_parse(&d, text));
	KUNIT_ASSERT_TRUE(test, emul_dist_parse(&d, "uniform 100 300"));
	KUNIT_EXPECT_EQ(test, emul_dist_sample(&d, 0), 100 * US);
	KUNIT_EXPECT_EQ(test, emul_dist_sample(&d, U32_MAX), 300 * US);
	KUNIT_ASSERT_TRUE(test, emul_dist_parse(&d, "lognormal 1 10000000"));
	KUNIT_EXPECT_EQ(test, emul_dist_sample(&d, U32_MAX), 10000000 * US);
	KUNIT_EXPECT_LT(test, emul_dist_sample(&d, 0), US);
}

static void stalls(struct kunit *test)
{
	struct emul_stall s;
	u64 now, in = 0;

	KUNIT_EXPECT_FALSE(test, emul_stall_parse(&s, "every 5"));
	KUNIT_EXPECT_FALSE(test, emul_stall_parse(&s, "every 5 5"));
	KUNIT_EXPECT_FALSE(test, emul_stall_parse(&s, "never 5 1"));
	KUNIT_ASSERT_TRUE(test, emul_stall_parse(&s, "every 1000 100"));
	KUNIT_EXPECT_EQ(test, emul_stall_end(&s, 1, 5000 * US), 5100 * US);
	KUNIT_EXPECT_EQ(test, emul_stall_end(&s, 1, 5099 * US), 5100 * US);
	KUNIT_EXPECT_EQ(test, emul_stall_end(&s, 1, 5100 * US), 5100 * US);
	KUNIT_EXPECT_EQ(test, emul_stall_end(&s, 1, 5999 * US), 5999 * US);
	KUNIT_ASSERT_TRUE(test, emul_stall_parse(&s, "random 1000 100"));
	for (now = 0; now < 1000000 * US; now += 10 * US)
		in += emul_stall_end(&s, 1, now) > now;
	/* A tenth of the time. */
	KUNIT_EXPECT_TRUE(test, near(in, 10000, 3));
	/* Another seed, other stalls. */
	for (now = 0, in = 0; now < 1000000 * US; now += 10 * US)
		in += emul_stall_end(&s, 1, now) != emul_stall_end(&s, 2, now);
	KUNIT_EXPECT_GT(test, in, 10000);
	KUNIT_ASSERT_TRUE(test, emul_stall_parse(&s, "none"));
	KUNIT_EXPECT_EQ(test, emul_stall_end(&s, 1, 123), 123);
}

static struct emul_model *model(struct kunit *test)
{
	return kunit_kzalloc(test, sizeof(struct emul_model), GFP_KERNEL);
}

static u64 done(struct emul_model *m, enum asblk_op op, u64 lba, u64 bytes, u64 now,
		u64 random)
{
	struct emul_cost cost;

	return emul_model_deadline(m, op, lba, bytes / 512, bytes, 1000000, now, random,
				   &cost);
}

/* As many at a time as there are channels; the rest queue. */
static void channels(struct kunit *test)
{
	struct emul_model *m = model(test);
	unsigned int i;

	emul_dist_parse(&m->dist[ASBLK_OP_READ], "fixed 100");
	m->nr_channels = 4;
	for (i = 0; i < 16; i++)
		KUNIT_EXPECT_EQ(test, done(m, ASBLK_OP_READ, i, 512, 1000 * US, 0),
				(1100 + i / 4 * 100) * US);
	KUNIT_EXPECT_EQ(test, done(m, ASBLK_OP_READ, 0, 512, 5000 * US, 0),
			5100 * US);
}

/* 100 MB/s: 10 ns a byte. What was not used for a burst can be made up for. */
static void bandwidth(struct kunit *test)
{
	struct emul_model *m = model(test);
	u64 now = NSEC_PER_SEC, end = 0;
	unsigned int i;

	m->bandwidth[1] = 100000000;
	m->burst_ns = 1000 * US;
	for (i = 0; i < 100; i++)
		end = done(m, ASBLK_OP_WRITE, i, SZ_64K, now, 0);
	KUNIT_EXPECT_EQ(test, end, now - 1000 * US + 100 * SZ_64K * 10ULL);
	/* Reads have a bucket of their own, or none. */
	KUNIT_EXPECT_EQ(test, done(m, ASBLK_OP_READ, 0, SZ_64K, now, 0), now);
	/* A small write after a long time takes none. */
	now += 10 * NSEC_PER_SEC;
	KUNIT_EXPECT_EQ(test, done(m, ASBLK_OP_WRITE, 0, SZ_4K, now, 0), now);
}

/* 1000 writes a second, however large: 1 ms each, beside the bandwidth. */
static void iops(struct kunit *test)
{
	struct emul_model *m = model(test);
	u64 now = NSEC_PER_SEC, end = 0, deadline;
	struct emul_cost cost;
	unsigned int i;

	m->iops[1] = 1000;
	m->burst_ns = 2000 * US;
	for (i = 0; i < 100; i++)
		end = done(m, ASBLK_OP_WRITE, i, i % 2 ? 512 : SZ_64K, now, 0);
	KUNIT_EXPECT_EQ(test, end, now + 98000 * US);
	KUNIT_EXPECT_EQ(test, done(m, ASBLK_OP_READ, 0, 512, now, 0), now);
	KUNIT_EXPECT_EQ(test, done(m, ASBLK_OP_FLUSH, 0, 0, now, 0), now);
	/* A write that is aborted leaves its time to the next one. */
	deadline = emul_model_deadline(m, ASBLK_OP_WRITE, 0, 1, 512, 1000000, now, 0, &cost);
	KUNIT_EXPECT_EQ(test, deadline, now + 99000 * US);
	emul_model_refund(m, &cost, deadline - now);
	KUNIT_EXPECT_EQ(test, done(m, ASBLK_OP_WRITE, 0, 512, now, 0), deadline);
	emul_model_forget(m);
	KUNIT_EXPECT_EQ(test, done(m, ASBLK_OP_WRITE, 0, 512, now, 0), now);
	/* The slower of the two decides. */
	m->bandwidth[1] = SZ_64K;
	m->burst_ns = 0;
	now += NSEC_PER_SEC;
	KUNIT_EXPECT_EQ(test, done(m, ASBLK_OP_WRITE, 0, SZ_64K, now, 0), now + NSEC_PER_SEC);
}

static const u64 bandwidths[] = {
	SZ_64K, 100000000, SZ_4G, 7000000000, 600000000000, 667000000000, SZ_1T,
};

static void bandwidth_desc(const u64 *rate, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%llu bytes per second", *rate);
}
KUNIT_ARRAY_PARAM(bandwidths, bandwidths, bandwidth_desc);

/* Whatever the bandwidth, many small writes take what one large one would: within 1 %. */
static void bandwidth_exact(struct kunit *test)
{
	u64 rate = *(const u64 *)test->param_value, now = NSEC_PER_SEC, end = 0, want;
	struct emul_model *m = model(test);
	unsigned int i;

	m->bandwidth[1] = rate;
	for (i = 0; i < 10000; i++)
		end = done(m, ASBLK_OP_WRITE, i, 512, now, 0);
	want = mul_u64_u64_div_u64(10000 * 512, NSEC_PER_SEC, rate);
	KUNIT_EXPECT_GE(test, end - now, want - want / 100 - 1);
	KUNIT_EXPECT_LE(test, end - now, want + want / 100 + 1);
}

/* What is aborted takes no time from those that come, what is reset none at all. */
static void refunds(struct kunit *test)
{
	struct emul_model *m = model(test);
	struct emul_cost cost;
	u64 now = NSEC_PER_SEC, deadline;

	emul_dist_parse(&m->dist[ASBLK_OP_READ], "fixed 500000");
	m->nr_channels = 1;
	done(m, ASBLK_OP_READ, 0, 512, now, 0);
	deadline = emul_model_deadline(m, ASBLK_OP_READ, 0, 1, 512, 1000000, now, 0, &cost);
	KUNIT_EXPECT_EQ(test, deadline, now + NSEC_PER_SEC);
	emul_model_refund(m, &cost, deadline - now);
	KUNIT_EXPECT_EQ(test, done(m, ASBLK_OP_READ, 0, 512, now, 0), now + NSEC_PER_SEC);
	/* Half of it has been used already. */
	deadline = emul_model_deadline(m, ASBLK_OP_READ, 0, 1, 512, 1000000, now, 0, &cost);
	emul_model_refund(m, &cost, 250000 * US);
	KUNIT_EXPECT_EQ(test, done(m, ASBLK_OP_READ, 0, 512, now, 0),
			now + (1500000 - 250000 + 500000) * US);
	emul_model_forget(m);
	KUNIT_EXPECT_EQ(test, done(m, ASBLK_OP_READ, 0, 512, now, 0), now + 500000 * US);
	/* Of another model. */
	cost = (struct emul_cost) { .service_ns = U64_MAX / 2, .through = U64_MAX / 2,
				    .ops_through = U64_MAX / 2 };
	emul_model_refund(m, &cost, U64_MAX >> 8);
	KUNIT_EXPECT_EQ(test, done(m, ASBLK_OP_READ, 0, 512, now, 0), now + 500000 * US);
}

static void seeks(struct kunit *test)
{
	struct emul_model *m = model(test);

	m->seek_min_ns = 1000 * US;
	m->seek_max_ns = 11000 * US;
	m->turn_ns = 8000 * US;
	/* The head is at 0. */
	KUNIT_EXPECT_EQ(test, done(m, ASBLK_OP_READ, 0, SZ_4K, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, done(m, ASBLK_OP_READ, 8, SZ_4K, 0, 0), 0);
	/* A quarter of the way takes half of the time between. */
	KUNIT_EXPECT_EQ(test, done(m, ASBLK_OP_READ, 250016, SZ_4K, 0, 0),
			6000 * US);
	/* And half a turn. */
	KUNIT_EXPECT_EQ(test, done(m, ASBLK_OP_READ, 260024, SZ_4K, 0, BIT_ULL(63)),
			(2000 + 4000) * US);
	/* There is one head, for writes as well: it is where the last command left it. */
	KUNIT_EXPECT_EQ(test, done(m, ASBLK_OP_WRITE, 260032, SZ_4K, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, done(m, ASBLK_OP_READ, 260040, SZ_4K, 0, 0), 0);
}

static struct kunit_case latency_cases[] = {
	KUNIT_CASE_PARAM(dist_samples, dist_gen_params),
	KUNIT_CASE(dist_extremes),
	KUNIT_CASE(stalls),
	KUNIT_CASE(channels),
	KUNIT_CASE(bandwidth),
	KUNIT_CASE(iops),
	KUNIT_CASE_PARAM(bandwidth_exact, bandwidths_gen_params),
	KUNIT_CASE(refunds),
	KUNIT_CASE(seeks),
	{}
};

static struct kunit_suite latency_suite = {
	.name = "asblk_latency",
	.test_cases = latency_cases,
};
kunit_test_suite(latency_suite);
