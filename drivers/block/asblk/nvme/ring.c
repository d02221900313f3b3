// SPDX-License-Identifier: GPL-2.0-only
/* Submission and completion queues in memory, and their doorbells. */
#include <linux/dma-mapping.h>

#include "nvme.h"

/**
 * anvme_ring_reset - empty a queue pair that the controller does not have
 * @nd: controller
 * @r: queue pair
 */
void anvme_ring_reset(struct anvme *nd, struct anvme_ring *r)
{
	r->sq_tail = 0;
	r->cq_head = 0;
	r->phase = 1;
	memset(r->cq, 0, r->size * sizeof(*r->cq));
	r->shadow = NULL;
	if (!nd->dbbuf || !r->id)
		return;
	/* Where the doorbells are in the BAR, they are in the buffers (5.6). */
	r->shadow = nd->dbbuf + 2 * r->id * nd->db_stride / sizeof(u32);
	r->event = r->shadow + ANVME_PAGE / sizeof(u32);
	r->shadow[0] = 0;
	r->event[0] = 0;
	r->shadow[nd->db_stride / sizeof(u32)] = 0;
	r->event[nd->db_stride / sizeof(u32)] = 0;
}

/**
 * anvme_ring_alloc - allocate the memory of a queue pair
 * @nd: controller
 * @r: queue pair
 * @id: queue identifier
 * @size: entries, at least 2
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int anvme_ring_alloc(struct anvme *nd, struct anvme_ring *r, u16 id, u16 size)
{
	r->id = id;
	r->size = size;
	r->sq = dma_alloc_coherent(nd->dev, size * sizeof(*r->sq), &r->sq_dma,
				   GFP_KERNEL);
	if (!r->sq)
		return -ENOMEM;
	r->cq = dma_alloc_coherent(nd->dev, size * sizeof(*r->cq), &r->cq_dma,
				   GFP_KERNEL);
	if (!r->cq) {
		dma_free_coherent(nd->dev, size * sizeof(*r->sq), r->sq,
				  r->sq_dma);
		return -ENOMEM;
	}
	r->sq_db = nd->bar + NVME_REG_DBS + 2 * id * nd->db_stride;
	r->cq_db = r->sq_db + nd->db_stride;
	anvme_ring_reset(nd, r);
	return 0;
}

/**
 * anvme_ring_free - free the memory of a queue pair that the controller forgot
 * @nd: controller
 * @r: queue pair; may never have been allocated
 */
void anvme_ring_free(struct anvme *nd, struct anvme_ring *r)
{
	if (!r->sq)
		return;
	dma_free_coherent(nd->dev, r->size * sizeof(*r->sq), r->sq, r->sq_dma);
	dma_free_coherent(nd->dev, r->size * sizeof(*r->cq), r->cq, r->cq_dma);
	r->sq = NULL;
}

/* Does the controller want to hear of a doorbell that moves from @old to @new? */
static bool ring_wants_event(u16 event, u16 new, u16 old)
{
	return (u16)(new - event - 1) < (u16)(new - old);
}

/**
 * anvme_ring_doorbell - ring a doorbell
 * @r: queue pair
 * @completions: the completion queue's head doorbell, not the submission queue's
 *	tail doorbell
 * @value: new tail or head
 *
 * Context: any; the queue's lock is held.
 */
void anvme_ring_doorbell(struct anvme_ring *r, bool completions, u16 value)
{
	void __iomem *db = completions ? r->cq_db : r->sq_db;
	unsigned int i = completions ? (r->cq_db - r->sq_db) / sizeof(u32) : 0;
	u16 old;

	if (r->shadow) {
		/* Entries before the doorbell, the doorbell before the question. */
		wmb();
		old = le32_to_cpu(r->shadow[i]);
		WRITE_ONCE(r->shadow[i], cpu_to_le32(value));
		mb();	/* written before the event index is read (5.8) */
		if (!ring_wants_event(le32_to_cpu(READ_ONCE(r->event[i])), value, old))
			return;
	}
	writel(value, db);
}
