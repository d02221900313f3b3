// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/blk_types.h>
#include <linux/export.h>
#include <linux/siphash.h>
#include <linux/string.h>

#include "hist_fate.h"

/* What a hash is for. */
enum fate_question {
	FATE_PIECE,
	FATE_HURT,
	FATE_LAST,
	FATE_TEAR,
	FATE_GARBAGE,
	FATE_NEIGHBOUR,
	FATE_UNIT,
	FATE_BACK,
	FATE_CLEAN,
};

/* A hash and not a sequence: the order of questions makes no difference. */
static u64 fate_hash(const struct emul_fate *f, enum fate_question question, u64 a, u64 b)
{
	const siphash_key_t key = { { f->seed, 0x6173626c6b } };

	return siphash_3u64(a, b, question, &key);
}

static unsigned int fate_percent(const struct emul_fate *f, enum fate_question question, u64 a,
				 u64 b)
{
	return fate_hash(f, question, a, b) % 100;
}

static bool fate_strikes(const struct emul_fate *f, enum fate_question question, u64 a, u64 b)
{
	return f->policy == EMUL_POLICY_SEED && fate_percent(f, question, a, b) < f->hurt_share;
}

/* Is nothing lost or hurt with this seed, if that is so with @share percent of them? */
bool emul_fate_is_clean(const struct emul_fate *f, unsigned int share)
{
	return f->policy == EMUL_POLICY_SEED && fate_percent(f, FATE_CLEAN, 0, 0) < share;
}
EXPORT_SYMBOL_IF_KUNIT(emul_fate_is_clean);

/* Can a piece be neither lost nor survive? A command that is one piece is never torn. */
static bool fate_can_hurt(const struct emul_fate *f, u64 block)
{
	return f->profile > EMUL_CUT_TORN || (f->profile == EMUL_CUT_TORN && block != EMUL_WHOLE);
}

/* Of block @block of the command that was fetched at that instant, or of all of it. */
enum emul_outcome emul_fate_of(const struct emul_fate *f, u64 fetched, u64 block)
{
	switch (f->policy) {
	case EMUL_POLICY_ALL:
		return EMUL_SURVIVES;
	case EMUL_POLICY_NONE:
		return EMUL_LOST;
	default:
		if (fate_can_hurt(f, block) && fate_strikes(f, FATE_HURT, fetched, block))
			return EMUL_HURT;
		return fate_percent(f, FATE_PIECE, fetched, block) < f->lost_share ?
		       EMUL_LOST : EMUL_SURVIVES;
	}
}
EXPORT_SYMBOL_IF_KUNIT(emul_fate_of);

/* Of a durable block near what the command that was fetched at that instant was writing. */
enum emul_outcome emul_fate_of_neighbour(const struct emul_fate *f, u64 fetched, u64 block)
{
	return fate_strikes(f, FATE_NEIGHBOUR, fetched, block) ? EMUL_HURT : EMUL_SURVIVES;
}

/* Of an erase unit, by its number. */
enum emul_outcome emul_fate_of_unit(const struct emul_fate *f, u64 unit)
{
	return fate_strikes(f, FATE_UNIT, unit, 0) ? EMUL_HURT : EMUL_SURVIVES;
}
EXPORT_SYMBOL_IF_KUNIT(emul_fate_of_unit);

/* The instant that an erase unit has gone back to. */
u64 emul_fate_back_to(const struct emul_fate *f, const struct emul_pin *pin, u64 unit)
{
	return pin->keep + fate_hash(f, FATE_BACK, unit, pin->at) % (pin->at - pin->keep + 1);
}

/* The last completion that a device which keeps their order has not lost. */
u64 emul_fate_last_in_order(const struct emul_fate *f, const struct emul_pin *pin)
{
	switch (f->policy) {
	case EMUL_POLICY_ALL:
		return pin->at;
	case EMUL_POLICY_NONE:
		return pin->horizon;
	default:
		return pin->horizon + fate_hash(f, FATE_LAST, pin->at, 0) %
		       (pin->at - pin->horizon + 1);
	}
}

/*
 * Up to which byte is a block of 1 << @block_shift bytes new that is torn? At any 8 bytes, or at
 * 512 of a larger one.
 */
u32 emul_fate_tear(const struct emul_fate *f, u64 fetched, u64 lba, u8 block_shift)
{
	u64 hash = fate_hash(f, FATE_TEAR, fetched, lba);
	u32 step = hash & 1 && block_shift > SECTOR_SHIFT ? SECTOR_SIZE : 8;

	return (1 + (hash >> 1) % ((1U << block_shift) / step - 1)) * step;
}

/*
 * Fill @dst with what is at byte @pos of a block that is hurt, but not torn; @len is a multiple
 * of 8. Return: 0, or -EIO if it cannot be read.
 */
int emul_fate_hurt(const struct emul_fate *f, u64 fetched, u64 pos, void *dst, u32 len)
{
	u64 *word;

	if (f->profile == EMUL_CUT_UNREADABLE)
		return -EIO;
	memset(dst, 0, len);
	if (f->profile == EMUL_CUT_ZEROED)
		return 0;
	for (word = dst; len; len -= sizeof(*word), pos++)
		*word++ = fate_hash(f, FATE_GARBAGE, fetched, pos);
	return 0;
}
