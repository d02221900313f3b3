// SPDX-License-Identifier: GPL-2.0-only
/* Tests of core/complete.c, on a disk of the fake controller. */
#include <kunit/test.h>
#include <linux/bio.h>
#include <linux/blkdev.h>

#include "test_io.h"

/* A flush that fails, fails; the second try is asked for by the controller. */
static void complete_flush_fails(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE | REQ_PREFLUSH, 0, 0);

	tio_wait_seen(test, 1);
	fake_say(t->fake, t->fake->seen[0].t.id, BLK_STS_IOERR, 0,
		 ASBLK_MAY_RETRY);
	asblk_reap(t->fake->q);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 2);
	KUNIT_EXPECT_EQ(test, t->fake->seen[1].t.op, ASBLK_OP_FLUSH);
	fake_finish(t->fake, 1, BLK_STS_MEDIUM, 0);
	tio_expect_end(test, p, BLK_STS_MEDIUM, 0);
}

struct error_param {
	const char *name;
	unsigned int parts;
	unsigned int bad;
	u32 good;	/* bytes of the bad part */
	unsigned int also_bad;	/* or the same as bad */
	u32 left;	/* bytes that are not good in the end */
};

static const struct error_param error_params[] = {
	{ "whole request, nothing good", 1, 0, 0, 0, PART },
	{ "whole request, a block good", 1, 0, 512, 0, PART - 512 },
	{ "whole request, all but a block good", 1, 0, PART - 512, 0, 512 },
	{ "whole request, half a block more than one", 1, 0, 768, 0,
	  PART - 512 },
	{ "whole request, all good and still an error", 1, 0, PART, 0, 512 },
	{ "first of five", 5, 0, 0, 0, 5 * PART },
	{ "second of five", 5, 1, 0, 1, 4 * PART },
	{ "third of five", 5, 2, 0, 2, 3 * PART },
	{ "fourth of five", 5, 3, 0, 3, 2 * PART },
	{ "last of five", 5, 4, 0, 4, PART },
	{ "third of five, two blocks good", 5, 2, 1024, 2, 3 * PART - 1024 },
	{ "last of five, all but a block good", 5, 4, PART - 512, 4, 512 },
	{ "second and fourth: the lower wins", 5, 1, 512, 3, 4 * PART - 512 },
	{ "fourth and second: the lower wins", 5, 3, 512, 1, 4 * PART },
	{ "first and last", 5, 0, 0, 4, 5 * PART },
};
KUNIT_ARRAY_PARAM_DESC(error, error_params, name);

/* In every order of completion the same blocks are good in the end. */
static void complete_errors(struct kunit *test)
{
	const struct error_param *e = test->param_value;
	struct tio_test *t = test->priv;
	unsigned int step, i;

	/* Steps through 1 or 5 parts: forward, mixed, and backward. */
	for (step = 1; step < 5; step++) {
		blk_status_t status = e->also_bad < e->bad ? BLK_STS_TARGET :
							     BLK_STS_MEDIUM;
		struct test_io *p = tio_send_bios(test, 0, REQ_OP_READ, 64,
					    e->parts * PART,
					    e->parts * PART / FAKE_BLOCK);

		KUNIT_ASSERT_EQ(test, t->fake->nr_seen, e->parts);
		for (i = 0; i < e->parts; i++) {
			unsigned int part = i * step % e->parts;

			tio_expect_no_end(test, p);
			if (part == e->bad)
				fake_finish(t->fake, part, BLK_STS_MEDIUM,
					    e->good);
			else if (part == e->also_bad)
				fake_finish(t->fake, part, BLK_STS_TARGET, 0);
			else
				fake_finish(t->fake, part, BLK_STS_OK, 0);
		}
		tio_expect_end(test, p, status, e->left);
		fake_forget(t->fake);
	}
}

/* After a failure nothing more is issued, and what flies is waited for. */
static void complete_error_stops_issue(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send_bios(test, 0, REQ_OP_WRITE, 0, 64 * PART, 64);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 5);
	fake_finish(t->fake, 2, BLK_STS_IOERR, 0);
	for (i = 0; i < 5; i++) {
		KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 5);
		if (i == 2)
			continue;
		tio_expect_no_end(test, p);
		fake_finish(t->fake, i, BLK_STS_OK, 0);
	}
	tio_expect_end(test, p, BLK_STS_IOERR, 62 * PART);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 5);
}

/* A short completion without a status is an error all the same. */
static void complete_short_is_an_error(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send_bios(test, 0, REQ_OP_READ, 0, PART, 8);

	fake_finish(t->fake, 0, BLK_STS_OK, 1024);
	tio_expect_end(test, p, BLK_STS_IOERR, PART - 1024);
	fake_forget(t->fake);
	p = tio_send(test, 0, REQ_OP_READ, 0, PART);
	fake_finish(t->fake, 0, BLK_STS_OK, PART);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* Late, duplicate, out of range: counted, and nothing else. */
static void complete_ids(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_READ, 0, 2 * PART);
	u16 first = t->fake->seen[0].t.id, second = t->fake->seen[1].t.id;
	u32 id;

	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	fake_finish(t->fake, 0, BLK_STS_MEDIUM, 0);
	KUNIT_EXPECT_EQ(test, tio_counters(t)->unknown_ids, 2);
	for (id = 0; id <= U16_MAX; id++) {
		if (id == second)
			continue;
		fake_say(t->fake, id, id & 1 ? BLK_STS_OK : BLK_STS_IOERR, 0,
			 id & 2 ? ASBLK_MAY_RETRY : 0);
		asblk_reap(t->fake->q);
	}
	tio_expect_no_end(test, p);
	KUNIT_EXPECT_EQ(test, tio_counters(t)->unknown_ids, 2 + U16_MAX);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 2);
	fake_finish(t->fake, 1, BLK_STS_OK, 0);
	tio_expect_end(test, p, BLK_STS_OK, 0);
	/* The tag's slot has another generation now. */
	p = tio_send(test, 1, REQ_OP_READ, 0, 2 * PART);
	fake_say(t->fake, first, BLK_STS_IOERR, 0, 0);
	fake_say(t->fake, second, BLK_STS_IOERR, 0, 0);
	asblk_reap(t->fake->q);
	tio_expect_no_end(test, p);
	KUNIT_EXPECT_EQ(test, fake_finish_all(t->fake), 2);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* Retried twice, each time under another ID, then it fails. */
static void complete_retries(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send_bios(test, 0, REQ_OP_WRITE, 16, 3 * PART, 24);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 3);
	fake_say(t->fake, t->fake->seen[1].t.id, BLK_STS_IOERR, 512,
		 ASBLK_MAY_RETRY);
	asblk_reap(t->fake->q);
	for (i = 3; i < 5; i++) {
		KUNIT_ASSERT_EQ(test, t->fake->nr_seen, i + 1);
		KUNIT_EXPECT_EQ(test, t->fake->seen[i].t.range.lba, 24);
		KUNIT_EXPECT_EQ(test, t->fake->seen[i].data, PART);
		KUNIT_EXPECT_NE(test, t->fake->seen[i].t.id,
				t->fake->seen[i - 1].t.id);
		fake_say(t->fake, t->fake->seen[i].t.id, BLK_STS_IOERR, 512,
			 ASBLK_MAY_RETRY);
		asblk_reap(t->fake->q);
	}
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 5);
	KUNIT_EXPECT_EQ(test, tio_counters(t)->retries, 2);
	fake_finish(t->fake, 0, BLK_STS_OK, 0);
	fake_finish(t->fake, 2, BLK_STS_OK, 0);
	tio_expect_end(test, p, BLK_STS_IOERR, 2 * PART - 512);
}

/* A retry is the same transfer, options and all. */
static void complete_retry_helps(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send(test, 0, REQ_OP_WRITE | REQ_FUA, 16, PART);

	fake_say(t->fake, t->fake->seen[0].t.id, BLK_STS_IOERR, 0,
		 ASBLK_MAY_RETRY);
	asblk_reap(t->fake->q);
	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 2);
	KUNIT_EXPECT_EQ(test, t->fake->seen[1].t.op, ASBLK_OP_WRITE);
	KUNIT_EXPECT_EQ(test, t->fake->seen[1].t.opts, ASBLK_OPT_FUA);
	KUNIT_EXPECT_EQ(test, t->fake->seen[1].t.range.lba, 16);
	fake_finish(t->fake, 1, BLK_STS_OK, 0);
	tio_expect_end(test, p, BLK_STS_OK, 0);
}

/* A part is not retried once the request has failed before it. */
static void complete_retry_after_failure(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p = tio_send_bios(test, 0, REQ_OP_WRITE, 0, 64 * PART, 64);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, t->fake->nr_seen, 5);
	fake_say(t->fake, t->fake->seen[2].t.id, BLK_STS_IOERR, 0,
		 ASBLK_MAY_RETRY);
	fake_say(t->fake, t->fake->seen[1].t.id, BLK_STS_TARGET, 0, 0);
	for (i = 0; i < 5; i++) {
		t->fake->seen[i].done = true;
		if (i != 1 && i != 2)
			fake_say(t->fake, t->fake->seen[i].t.id, BLK_STS_OK, 0,
				 0);
	}
	asblk_reap(t->fake->q);
	tio_expect_end(test, p, BLK_STS_TARGET, 63 * PART);
	KUNIT_EXPECT_EQ(test, t->fake->nr_seen, 5);
}

/* The only part in flight is refused for good while more wait for a slot. */
static void complete_retry_is_refused(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct test_io *p;
	unsigned int i;

	p = tio_send_bios(test, 0, REQ_OP_WRITE, 0, 64 * PART, 64);
	for (i = 1; i < 5; i++)
		fake_finish(t->fake, i, BLK_STS_OK, 0);
	fake_say(t->fake, t->fake->seen[0].t.id, BLK_STS_IOERR, 0,
		 ASBLK_MAY_RETRY);
	t->fake->seen[0].done = true;
	t->fake->final = BLK_STS_TRANSPORT;
	asblk_reap(t->fake->q);
	fake_finish_all(t->fake);
	tio_expect_end(test, p, BLK_STS_TRANSPORT, 64 * PART);
}

static struct kunit_case complete_cases[] = {
	KUNIT_CASE(complete_flush_fails),
	KUNIT_CASE_PARAM(complete_errors, error_gen_params),
	KUNIT_CASE(complete_error_stops_issue),
	KUNIT_CASE(complete_short_is_an_error),
	KUNIT_CASE_SLOW(complete_ids),
	KUNIT_CASE(complete_retries),
	KUNIT_CASE(complete_retry_helps),
	KUNIT_CASE(complete_retry_after_failure),
	KUNIT_CASE(complete_retry_is_refused),
	{}
};

static struct kunit_suite complete_suite = {
	.name = "asblk_complete",
	.init = tio_test_init,
	.exit = tio_test_exit,
	.test_cases = complete_cases,
};
kunit_test_suite(complete_suite);
