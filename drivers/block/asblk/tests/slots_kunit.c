// SPDX-License-Identifier: GPL-2.0-only
/* Tests of core/slots.c. */
#include <kunit/test.h>

#include "core/slots.h"

/* Never looked into: only tells a taken slot from a free one. */
#define FAKE_RQ ((struct request *)0x10)

static struct asblk_slot *fly(struct asblk_slots *s, unsigned int tag)
{
	struct asblk_slot *slot = asblk_slot_take(s, tag);

	if (slot) {
		slot->rq = FAKE_RQ;
		slot->in_flight = true;
	}
	return slot;
}

static void slots_init(struct kunit *test, struct asblk_slots *s,
		       unsigned int tags, unsigned int extra)
{
	KUNIT_ASSERT_EQ(test, asblk_slots_init(s, tags, extra, NUMA_NO_NODE),
			0);
}

static void slots_refuse_sizes(struct kunit *test)
{
	struct asblk_slots s;

	KUNIT_EXPECT_EQ(test, asblk_slots_init(&s, 0, 4, NUMA_NO_NODE),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, asblk_slots_init(&s, 1, ASBLK_MAX_SLOTS,
					       NUMA_NO_NODE), -EINVAL);
	slots_init(test, &s, 1, ASBLK_MAX_SLOTS - 1);
	asblk_slots_exit(&s);
}

/* A tag's own slot comes first, then the pool, then nothing. */
static void slots_take_own_then_pool(struct kunit *test)
{
	struct asblk_slots s;
	struct asblk_slot *own, *pool[3];
	int i;

	slots_init(test, &s, 2, 3);
	own = fly(&s, 1);
	KUNIT_EXPECT_PTR_EQ(test, own, &s.slot[1]);
	for (i = 0; i < 3; i++) {
		pool[i] = fly(&s, 1);
		KUNIT_ASSERT_NOT_NULL(test, pool[i]);
		KUNIT_EXPECT_GE(test, pool[i] - s.slot, 2);
	}
	KUNIT_EXPECT_NULL(test, fly(&s, 1));
	/* Whatever the pool is used for, another tag still has its own. */
	KUNIT_EXPECT_PTR_EQ(test, fly(&s, 0), &s.slot[0]);
	asblk_slot_give(&s, pool[1]);
	KUNIT_EXPECT_PTR_EQ(test, fly(&s, 1), pool[1]);
	asblk_slot_give(&s, own);
	KUNIT_EXPECT_PTR_EQ(test, fly(&s, 1), own);
	asblk_slots_exit(&s);
}

static void slots_find_in_flight_only(struct kunit *test)
{
	struct asblk_slots s;
	struct asblk_slot *slot;
	u16 id;

	slots_init(test, &s, 3, 3);
	slot = fly(&s, 2);
	id = slot->id;
	KUNIT_EXPECT_PTR_EQ(test, asblk_slot_find(&s, id), slot);
	asblk_slot_give(&s, slot);
	/* Duplicate: the transfer has ended. */
	KUNIT_EXPECT_NULL(test, asblk_slot_find(&s, id));
	/* Guessed: the next ID of the slot is not in flight yet. */
	KUNIT_EXPECT_NULL(test, asblk_slot_find(&s, slot->id));
	/* Stale: somebody else has the slot now. */
	slot = fly(&s, 2);
	KUNIT_EXPECT_NULL(test, asblk_slot_find(&s, id));
	KUNIT_EXPECT_PTR_EQ(test, asblk_slot_find(&s, slot->id), slot);
	/* A failed transfer that waits to be offered again. */
	id = slot->id;
	asblk_slot_retire(&s, slot);
	KUNIT_EXPECT_NULL(test, asblk_slot_find(&s, id));
	KUNIT_EXPECT_NULL(test, asblk_slot_find(&s, slot->id));
	asblk_slots_exit(&s);
}

struct shape_param {
	const char *name;
	unsigned int tags;
	unsigned int extra;
};

static const struct shape_param shape_params[] = {
	{ "1 slot", 1, 0 },
	{ "2 slots", 1, 1 },
	{ "5 slots", 2, 3 },
	{ "256 slots", 128, 128 },
	{ "300 slots", 300, 0 },
	{ "4095 slots", 2047, 2048 },
	{ "4096 slots", 2048, 2048 },
};
KUNIT_ARRAY_PARAM_DESC(shape, shape_params, name);

/* Of all 65536 IDs, exactly the one in flight names something. */
static void slots_every_id(struct kunit *test)
{
	const struct shape_param *p = test->param_value;
	struct asblk_slots s;
	struct asblk_slot *slot;
	u32 id, found = 0;

	slots_init(test, &s, p->tags, p->extra);
	slot = fly(&s, p->tags - 1);
	for (id = 0; id <= U16_MAX; id++) {
		struct asblk_slot *hit = asblk_slot_find(&s, id);

		if (!hit)
			continue;
		found++;
		KUNIT_EXPECT_PTR_EQ(test, hit, slot);
		KUNIT_EXPECT_EQ(test, id, slot->id);
	}
	KUNIT_EXPECT_EQ(test, found, 1);
	asblk_slots_exit(&s);
}

/* The generation comes back only after all others; the index never changes. */
static void slots_generations(struct kunit *test)
{
	const struct shape_param *p = test->param_value;
	struct asblk_slots s;
	struct asblk_slot *slot;
	u32 i, generations;
	u16 first;

	slots_init(test, &s, p->tags, p->extra);
	generations = (U16_MAX + 1) / (s.mask + 1);
	slot = fly(&s, 0);
	first = slot->id;
	for (i = 1; i <= generations; i++) {
		asblk_slot_give(&s, slot);
		slot = fly(&s, 0);
		KUNIT_ASSERT_EQ(test, slot->id & s.mask, 0);
		if (slot->id == first)
			break;
	}
	KUNIT_EXPECT_EQ(test, i, generations);
	KUNIT_EXPECT_GE(test, generations, 16);
	asblk_slots_exit(&s);
}

static struct kunit_case slots_cases[] = {
	KUNIT_CASE(slots_refuse_sizes),
	KUNIT_CASE(slots_take_own_then_pool),
	KUNIT_CASE(slots_find_in_flight_only),
	KUNIT_CASE_PARAM(slots_every_id, shape_gen_params),
	KUNIT_CASE_PARAM(slots_generations, shape_gen_params),
	{}
};

static struct kunit_suite slots_suite = {
	.name = "asblk_slots",
	.test_cases = slots_cases,
};
kunit_test_suite(slots_suite);
