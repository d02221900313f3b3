// SPDX-License-Identifier: GPL-2.0-only
/* Submission and completion queues in memory, and their doorbells. */
#include <linux/dma-mapping.h>

#include "nvme.h"

/* Where doorbell @i is in the BAR, it is in the buffers (5.8). */
static void ring_init_shadow(struct anvme *nd, struct anvme_doorbell *db, unsigned int i)
{
	db->shadow = NULL;
	if (!nd->shadows)
		return;
	db->shadow = nd->dbbuf + i * nd->db_stride / sizeof(u32);
	db->event = db->shadow + ANVME_PAGE / sizeof(u32);
	*db->shadow = 0;
	*db->event = 0;
}

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
	/* The admin queue has none. */
	if (!r->id)
		return;
	ring_init_shadow(nd, &r->sq_db, 2 * r->id);
	ring_init_shadow(nd, &r->cq_db, 2 * r->id + 1);
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
	r->sq_db.reg = nd->bar + NVME_REG_DBS + 2 * id * nd->db_stride;
	r->cq_db.reg = r->sq_db.reg + nd->db_stride;
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
