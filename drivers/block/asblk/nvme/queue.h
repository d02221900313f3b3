/* SPDX-License-Identifier: GPL-2.0-only */
/* I/O queues: their memory, their interrupts, and how they describe data. */
#ifndef _ASBLK_NVME_QUEUE_H
#define _ASBLK_NVME_QUEUE_H

#include <linux/asblk.h>

#include "ring.h"

/* Slots whose pages are allocated together. */
#define ANVME_CHUNK	8

/**
 * struct anvme_pages - pages of %ANVME_CHUNK slots of a queue
 * @memory: %ANVME_CHUNK pages
 * @dma: bus address of @memory
 */
struct anvme_pages {
	void *memory;
	dma_addr_t dma;
};

/**
 * struct anvme_queue - an I/O queue pair, or the admin queue
 * @nd: controller
 * @q: the engine's queue
 * @ring: its rings
 * @sq_rung: the last &anvme_ring.sq_tail written to the doorbell
 * @created: the I/O queue pair exists in the controller
 * @irq_on: the interrupt handler may reap this queue
 * @sgl: the controller supports SGLs
 * @pages: a page per slot for its command's PRP list, SGL segment or DSM ranges, and a spare
 *	one, see anvme_map_unknown(), in chunks of %ANVME_CHUNK
 * @vector: index of the interrupt vector
 * @name: name in /proc/interrupts
 */
struct anvme_queue {
	struct anvme *nd;
	struct asblk_queue *q;
	struct anvme_ring ring;
	u16 sq_rung;
	bool created;
	bool irq_on;
	bool sgl;
	struct anvme_pages *pages;
	unsigned int vector;
	char name[24];
};

/* prp.c */
int anvme_alloc_pages(struct anvme_queue *nq);
void anvme_free_pages(struct anvme_queue *nq);
void anvme_map(struct anvme_queue *nq, const struct asblk_transfer *t,
	       struct nvme_command *cmd);
blk_status_t anvme_map_unknown(struct anvme_queue *nq, const struct asblk_transfer *t,
			       struct nvme_command *cmd);
void anvme_map_ranges(struct anvme_queue *nq, struct asblk_transfer *t,
		      struct nvme_command *cmd);

/* irq.c */
int anvme_alloc_vectors(struct anvme *nd, unsigned int nr_queues);
int anvme_realloc_vectors(struct anvme *nd);
void anvme_free_vectors(struct anvme *nd);
int anvme_request_irq(struct anvme_queue *nq);
void anvme_free_irq(struct anvme_queue *nq);
void anvme_map_queues(struct asblk_ctrl *ctrl, struct blk_mq_tag_set *set);

/* queue.c */
extern const struct asblk_ctrl_ops anvme_ops;

#endif /* _ASBLK_NVME_QUEUE_H */
