// SPDX-License-Identifier: GPL-2.0-only
/* Tests of emul/rings.h. */
#include <kunit/test.h>

#include "emul/rings.h"

struct wrap_param {
	const char *name;
	u32 entries;
	u32 start;
};

/* The index wraps at the mask, and then once more at 32 bits. */
static const struct wrap_param wrap_params[] = {
	{ "one entry from 0", 1, 0 },
	{ "one entry over the end", 1, U32_MAX - 2 },
	{ "two entries", 2, 0 },
	{ "eight entries", 8, 5 },
	{ "eight entries over the end", 8, U32_MAX - 11 },
	{ "256 entries over the end", 256, U32_MAX - 700 },
};
KUNIT_ARRAY_PARAM_DESC(wrap, wrap_params, name);

/* Fill and empty a ring in steps of every size, three times around. */
static void rings_wrap(struct kunit *test)
{
	const struct wrap_param *p = test->param_value;
	struct emul_ring ring = {
		.mask = p->entries - 1,
		.head = p->start,
		.tail = p->start,
	};
	u32 *entry = kunit_kcalloc(test, p->entries, sizeof(*entry),
				   GFP_KERNEL);
	u32 put = 0, got = 0, step = 1;

	KUNIT_ASSERT_NOT_NULL(test, entry);
	while (got < 3 * p->entries) {
		u32 i, nr = min(step, ring_room(&ring));

		KUNIT_ASSERT_EQ(test, ring_room(&ring), p->entries - (put - got));
		for (i = 0; i < nr; i++)
			entry[(ring.tail + i) & ring.mask] = put++;
		ring_produce(&ring, nr);
		KUNIT_ASSERT_EQ(test, ring_filled(&ring), put - got);
		nr = min(step / 2 + 1, ring_filled(&ring));
		for (i = 0; i < nr; i++) {
			KUNIT_ASSERT_EQ(test, entry[ring.head & ring.mask],
					got);
			got++;
			ring_consume(&ring, 1);
		}
		step = step % p->entries + 1;
	}
}

static void rings_full_and_empty_differ(struct kunit *test)
{
	struct emul_ring ring = {
		.mask = 3, .head = U32_MAX - 1, .tail = U32_MAX - 1,
	};

	KUNIT_EXPECT_EQ(test, ring_filled(&ring), 0);
	KUNIT_EXPECT_EQ(test, ring_room(&ring), 4);
	ring_produce(&ring, 4);
	KUNIT_EXPECT_EQ(test, ring_filled(&ring), 4);
	KUNIT_EXPECT_EQ(test, ring_room(&ring), 0);
}

static struct kunit_case rings_cases[] = {
	KUNIT_CASE_PARAM(rings_wrap, wrap_gen_params),
	KUNIT_CASE(rings_full_and_empty_differ),
	{}
};

static struct kunit_suite rings_suite = {
	.name = "asblk_rings",
	.test_cases = rings_cases,
};
kunit_test_suite(rings_suite);
