/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rings: all that the driver side (controller.c) and the device side (device.c) of the
 * emulated controller share.
 *
 * Indices run freely and are masked on use, so that a full ring and an empty one
 * differ. One side produces, the other consumes; each side is serialised by a
 * lock of its own.
 */
#ifndef _ASBLK_EMUL_RINGS_H
#define _ASBLK_EMUL_RINGS_H

#include <asm/barrier.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/cache.h>
#include <linux/types.h>

/**
 * struct emul_ring - indices of a ring
 * @mask: number of entries, a power of two, minus 1
 * @tail: next entry to produce; written by the producer
 * @head: next entry to consume; written by the consumer
 */
struct emul_ring {
	u32 mask;
	u32 tail ____cacheline_aligned_in_smp;
	u32 head ____cacheline_aligned_in_smp;
};

/* Entries that the producer may still fill. Pairs with ring_consume(). */
static inline u32 ring_room(const struct emul_ring *r)
{
	return r->mask + 1 - (r->tail - smp_load_acquire(&r->head));
}

/* Entries that the consumer may take. Pairs with ring_produce(). */
static inline u32 ring_filled(const struct emul_ring *r)
{
	return smp_load_acquire(&r->tail) - r->head;
}

/* Hand @nr filled entries over. Pairs with ring_filled(). */
static inline void ring_produce(struct emul_ring *r, u32 nr)
{
	smp_store_release(&r->tail, r->tail + nr);
}

/* Hand @nr entries back. Pairs with ring_room(). */
static inline void ring_consume(struct emul_ring *r, u32 nr)
{
	smp_store_release(&r->head, r->head + nr);
}

/**
 * struct emul_desc - a piece of memory, or a range of blocks
 * @start: bus address, which is a physical address, or LBA
 * @len: bytes, or blocks
 */
struct emul_desc {
	u64 start;
	u64 len;
};

#define EMUL_INLINE_DESCS	2

/* It came as a command of the NVMe command set. No bit of ASBLK_OPT_*. */
#define EMUL_OPT_NVME		BIT(7)

struct nvme_command;

/**
 * struct emul_command - a command; entries of the submission ring point to it
 * @id: comes back in the completion
 * @op: enum asblk_op. The device turns %ASBLK_OP_COMMAND into another one, if it has that
 * @opts: ASBLK_OPT_*, %EMUL_OPT_NVME
 * @nr_descs: number of descriptors
 * @lba: first block
 * @nr_blocks: number of blocks
 * @desc: the descriptors, if there are at most %EMUL_INLINE_DESCS
 * @list: where they are, if there are more; with %EMUL_OPT_NVME there are
 * @nvme: the command as it came, and the following, with %EMUL_OPT_NVME
 * @result: dwords 0 and 1 of its completion, filled in by the device
 * @status: its status, filled in by the device
 * @where: what is wrong with it: byte and, from bit 8 on, bit of the command
 *
 * In memory that the driver side lends to the device until the command completes.
 */
struct emul_command {
	u16 id;
	u8 op;
	u8 opts;
	u32 nr_descs;
	u64 lba;
	u64 nr_blocks;
	union {
		struct emul_desc desc[EMUL_INLINE_DESCS];
		struct {
			struct emul_desc *list;
			const struct nvme_command *nvme;
			u64 result;
			u16 status;
			u16 where;
		};
	};
};

static_assert(sizeof(struct emul_command) == 24 + EMUL_INLINE_DESCS * sizeof(struct emul_desc));

static inline const struct emul_desc *emul_command_descs(const struct emul_command *cmd)
{
	return cmd->nr_descs <= EMUL_INLINE_DESCS ? cmd->desc : cmd->list;
}

/**
 * struct emul_completion - an entry of the completion ring
 * @id: of the command
 * @status: a blk_status_t
 * @flags: %ASBLK_MAY_RETRY, and %EMUL_SHORT: @good counts though @status is 0
 * @good: bytes from the front that are good, if @status is not 0
 */
struct emul_completion {
	u16 id;
	u8 status;
	u8 flags;
	u32 good;
};

#define EMUL_SHORT	BIT(7)

/**
 * struct emul_rings - the rings of a queue
 * @sq: submission ring
 * @sqe: its entries
 * @cq: completion ring
 * @cqe: its entries, two for each command that can be in flight: the device may post
 *	unsolicited completions
 * @nr_commands: most commands in flight
 * @busy_until: the device takes no command before, in nanoseconds; 0 if it takes any
 */
struct emul_rings {
	struct emul_ring sq;
	const struct emul_command **sqe;
	struct emul_ring cq;
	struct emul_completion *cqe;
	u32 nr_commands;
	u64 busy_until;
};

void emul_command_copy(const struct emul_command *cmd, u64 from, void *memory, u64 len,
		       bool to_command);

#endif /* _ASBLK_EMUL_RINGS_H */
