// SPDX-License-Identifier: GPL-2.0-only
/* Memory of submission and completion queues. */
#include <linux/dma-mapping.h>

#include "nvme.h"

/* Doorbell @i has the same offset in the buffers as in the BAR (5.8). */
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

/* Empty a queue pair that does not exist in the controller. */
void anvme_ring_reset(struct anvme *nd, struct anvme_ring *r)
{
	r->sq_tail = 0;
	r->cq_head = 0;
	r->phase = 1;
	memset(r->cq, 0, r->size * sizeof(*r->cq));
	/* Shadow doorbells do not apply to the admin queue (5.8). */
	if (!r->id)
		return;
	ring_init_shadow(nd, &r->sq_db, 2 * r->id);
	ring_init_shadow(nd, &r->cq_db, 2 * r->id + 1);
}

/* Allocate the memory of queue pair @id with @size entries each. Return: 0 or -ENOMEM. */
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

/* Free a queue pair that does not exist in the controller, if it was allocated. */
void anvme_ring_free(struct anvme *nd, struct anvme_ring *r)
{
	if (!r->sq)
		return;
	dma_free_coherent(nd->dev, r->size * sizeof(*r->sq), r->sq, r->sq_dma);
	dma_free_coherent(nd->dev, r->size * sizeof(*r->cq), r->cq, r->cq_dma);
	r->sq = NULL;
}
