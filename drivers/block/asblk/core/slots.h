/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Transfer slots: which transfer is in flight under which ID.
 *
 * The first slots belong to the tags of the queue, one each, so that every
 * request can always have one part in flight. The others are a pool for further
 * parts of split requests. An ID is the slot's index with the slot's generation
 * above it; the generation is incremented when a transfer has ended, so that a
 * stale or duplicate completion names no transfer.
 */
#ifndef _ASBLK_SLOTS_H
#define _ASBLK_SLOTS_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/limits.h>
#include <linux/stddef.h>
#include <linux/types.h>

struct request;

#define ASBLK_SLOT_NONE		U16_MAX
#define ASBLK_MAX_SLOTS		4096	/* leaves a generation of 4 bits */

static_assert(ASBLK_MAX_SLOTS << 4 == U16_MAX + 1);

/* The next step for a request that times out, and flags: &asblk_slot.escalation. */
#define ASBLK_ESCALATE_ABORT	0	/* abort its transfers */
#define ASBLK_ESCALATE_QUEUE	1	/* reset its queue */
#define ASBLK_ESCALATE_CTRL		2	/* reset its controller */
#define ASBLK_ESCALATE_STEP		GENMASK(1, 0)
#define ASBLK_ESCALATE_FRESH	BIT(6)	/* requeued since its timeout began */
#define ASBLK_ESCALATE_BLAMED	BIT(7)	/* charge it for the reset that follows */

/* A step is followed by the next higher one. */
static_assert(ASBLK_ESCALATE_ABORT + 1 == ASBLK_ESCALATE_QUEUE &&
	      ASBLK_ESCALATE_QUEUE + 1 == ASBLK_ESCALATE_CTRL &&
	      ASBLK_ESCALATE_CTRL <= ASBLK_ESCALATE_STEP);

/**
 * enum asblk_slot_kind - what the transfer in a slot is
 * @ASBLK_SLOT_PART: a part of a request, which keeps account of its parts
 * @ASBLK_SLOT_WHOLE: all of a request
 * @ASBLK_SLOT_COMMAND: a request's command; accounted for as its only part
 */
enum asblk_slot_kind {
	ASBLK_SLOT_PART,
	ASBLK_SLOT_WHOLE,
	ASBLK_SLOT_COMMAND,
};

/**
 * struct asblk_slot - a place for one transfer
 * @rq: request that the slot was taken for; NULL if it is free
 * @offset: where the part begins in the request, in bytes
 * @bytes: length of the part
 * @due: when it is to be retried, in jiffies
 * @id: ID of the transfer in flight, or else of the next one
 * @next: next slot of the free pool, or of a list to be retried
 * @retries: retries that it was charged
 * @kind: an enum asblk_slot_kind
 * @aborted: the controller was asked to abort the transfer
 * @escalation: ASBLK_ESCALATE_* of the request that has this slot's tag, whichever slots its
 *	transfers are in
 * @in_flight: the controller has the transfer
 */
struct asblk_slot {
	struct request *rq;
	u32 offset;
	u32 bytes;
	u32 due;
	u16 id;
	u16 next;
	/* Side by side, to be set at once. */
	u8 retries;
	u8 kind;
	bool aborted;
	u8 escalation;
	bool in_flight;
};

static_assert(offsetof(struct asblk_slot, retries) % 4 == 0 &&
	      offsetof(struct asblk_slot, escalation) == offsetof(struct asblk_slot, retries) + 3);

/**
 * struct asblk_slots - the slots of a queue
 * @slot: @nr of them
 * @mask: of the index in an ID
 * @nr: number of slots
 * @nr_tags: slots that belong to tags, the first ones
 * @free: head of the free pool
 */
struct asblk_slots {
	struct asblk_slot *slot;
	u16 mask;
	u16 nr;
	u16 nr_tags;
	u16 free;
};

int asblk_slots_init(struct asblk_slots *s, unsigned int nr_tags,
		     unsigned int nr_extra, int node);
void asblk_slots_exit(struct asblk_slots *s);

/**
 * asblk_slot_find - the transfer in flight that an ID names
 * @s: slots
 * @id: any value
 *
 * Return: its slot, or NULL if there is no such transfer (out of range, already
 * completed, never submitted).
 */
static inline struct asblk_slot *asblk_slot_find(struct asblk_slots *s, u16 id)
{
	/* Slots between the last one and the mask exist, but are never in flight. */
	struct asblk_slot *slot = &s->slot[id & s->mask];

	return slot->id == id && slot->in_flight ? slot : NULL;
}

/**
 * asblk_slot_take - a free slot for a part
 * @s: slots
 * @tag: tag of the request that the part belongs to
 *
 * Return: the tag's own slot if it is free, else one from the pool, else NULL.
 */
static inline struct asblk_slot *asblk_slot_take(struct asblk_slots *s,
						 unsigned int tag)
{
	struct asblk_slot *slot = &s->slot[tag];

	if (!slot->rq)
		return slot;
	if (s->free == ASBLK_SLOT_NONE)
		return NULL;
	slot = &s->slot[s->free];
	s->free = slot->next;
	return slot;
}

/* Are there slots that belong to no tag? */
static inline bool asblk_slot_in_pool(const struct asblk_slots *s)
{
	return s->free != ASBLK_SLOT_NONE;
}

/**
 * asblk_slot_retire - invalidate the ID of a transfer that has ended
 * @s: slots
 * @slot: its slot, which stays taken
 */
static inline void asblk_slot_retire(struct asblk_slots *s,
				     struct asblk_slot *slot)
{
	slot->id += s->mask + 1;	/* wraps around in the generation */
	slot->in_flight = false;
}

/**
 * asblk_slot_give_tag - give a tag's own slot back
 * @s: slots
 * @slot: taken with asblk_slot_take(), or by the tag's request without asking
 */
static inline void asblk_slot_give_tag(struct asblk_slots *s,
				       struct asblk_slot *slot)
{
	asblk_slot_retire(s, slot);
	slot->rq = NULL;
}

/**
 * asblk_slot_give - give a slot back
 * @s: slots
 * @slot: taken with asblk_slot_take()
 */
static inline void asblk_slot_give(struct asblk_slots *s,
				   struct asblk_slot *slot)
{
	unsigned int index = slot - s->slot;

	asblk_slot_give_tag(s, slot);
	if (index >= s->nr_tags) {
		slot->next = s->free;
		s->free = index;
	}
}

#endif /* _ASBLK_SLOTS_H */
