/* SPDX-License-Identifier: GPL-2.0-only */
/* Submission and completion queues in memory, and their doorbells. */
#ifndef _ASBLK_NVME_RING_H
#define _ASBLK_NVME_RING_H

#include <linux/build_bug.h>
#include <linux/io.h>
#include <linux/nvme.h>

struct anvme;

/* Entry sizes are part of the protocol (CC.IOSQES, CC.IOCQES; 3.1.3.5). */
static_assert(sizeof(struct nvme_command) == 1 << NVME_NVM_IOSQES);
static_assert(sizeof(struct nvme_completion) == 1 << NVME_NVM_IOCQES);

/**
 * struct anvme_doorbell - doorbell register of a queue
 * @reg: register
 * @shadow: shadow doorbell in memory (5.8); NULL if not used
 * @event: event index for @shadow: ring @reg when the doorbell passes it
 */
struct anvme_doorbell {
	void __iomem *reg;
	__le32 *shadow;
	__le32 *event;
};

/**
 * struct anvme_ring - a submission queue and its completion queue (3.3.1)
 * @sq: submission queue
 * @cq: completion queue
 * @sq_db: submission queue tail doorbell
 * @cq_db: completion queue head doorbell
 * @size: entries of each queue
 * @sq_tail: index of the next free submission entry
 * @cq_head: index of the next completion to consume
 * @phase: phase tag that marks a new completion
 * @id: queue identifier; 0 is the admin queue
 * @sq_dma: bus address of @sq
 * @cq_dma: bus address of @cq
 */
struct anvme_ring {
	struct nvme_command *sq;
	struct nvme_completion *cq;
	struct anvme_doorbell sq_db;
	struct anvme_doorbell cq_db;
	u16 size;
	u16 sq_tail;
	u16 cq_head;
	u16 phase;
	u16 id;
	dma_addr_t sq_dma;
	dma_addr_t cq_dma;
};

int anvme_ring_alloc(struct anvme *nd, struct anvme_ring *r, u16 id, u16 size);
void anvme_ring_free(struct anvme *nd, struct anvme_ring *r);
void anvme_ring_reset(struct anvme *nd, struct anvme_ring *r);

/* Does moving a doorbell from @old to @new pass the event index (5.8)? */
static inline bool anvme_wants_event(u16 event, u16 new, u16 old)
{
	return (u16)(new - event - 1) < (u16)(new - old);
}

/* Publish a new tail or head. Context: any, under the lock of the queue. */
static inline void anvme_ring_doorbell(const struct anvme_doorbell *db, u16 value)
{
	u16 old;

	if (db->shadow) {
		wmb();	/* write the entries before the shadow doorbell */
		old = le32_to_cpu(*db->shadow);
		WRITE_ONCE(*db->shadow, cpu_to_le32(value));
		mb();	/* write the shadow doorbell before reading the event index (5.8) */
		if (!anvme_wants_event(le32_to_cpu(READ_ONCE(*db->event)), value, old))
			return;
	}
	writel(value, db->reg);
}

/* Return: the completion at the head of the queue; NULL if it is not new (3.3.3.2). */
static inline struct nvme_completion *anvme_ring_peek(struct anvme_ring *r)
{
	struct nvme_completion *cqe = &r->cq[r->cq_head];

	if ((le16_to_cpu(READ_ONCE(cqe->status)) & 1) != r->phase)
		return NULL;
	dma_rmb();	/* read the phase tag before the rest of the entry */
	return cqe;
}

static inline void anvme_ring_consume(struct anvme_ring *r)
{
	if (++r->cq_head == r->size) {
		r->cq_head = 0;
		r->phase ^= 1;
	}
}

#endif /* _ASBLK_NVME_RING_H */
