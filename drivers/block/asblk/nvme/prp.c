// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data pointers: PRP entries (4.1.1), SGLs (4.1.2), and the ranges of an unmap. What does
 * not fit the command goes to the page of its slot: nothing is allocated per transfer.
 */
#include <linux/dma-mapping.h>
#include <linux/slab.h>

#include "nvme.h"

/* The page of a slot holds any of the three. */
static_assert(NVME_DSM_MAX_RANGES * sizeof(struct nvme_dsm_range) <= ANVME_PAGE);
static_assert(ANVME_MAX_BYTES / ANVME_PAGE <= ANVME_PRPS);
static_assert(sizeof(struct nvme_sgl_desc) == 2 * sizeof(__le64));

/* Allocate a page per slot, in chunks small enough for fragmented memory. */
int anvme_alloc_pages(struct anvme_queue *nq)
{
	unsigned int i, nr = DIV_ROUND_UP(nq->q->nr_slots, ANVME_CHUNK);

	nq->pages = kcalloc_node(nr, sizeof(*nq->pages), GFP_KERNEL, nq->q->node);
	if (!nq->pages)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		nq->pages[i].memory = dma_alloc_coherent(nq->nd->dev, ANVME_CHUNK * ANVME_PAGE,
							 &nq->pages[i].dma, GFP_KERNEL);
		if (!nq->pages[i].memory) {
			anvme_free_pages(nq);
			return -ENOMEM;
		}
	}
	return 0;
}

/* The queue pair no longer exists in the controller. */
void anvme_free_pages(struct anvme_queue *nq)
{
	unsigned int i, nr = DIV_ROUND_UP(nq->q->nr_slots, ANVME_CHUNK);

	for (i = 0; i < nr && nq->pages[i].memory; i++)
		dma_free_coherent(nq->nd->dev, ANVME_CHUNK * ANVME_PAGE, nq->pages[i].memory,
				  nq->pages[i].dma);
	kfree(nq->pages);
}

static inline void *slot_page(struct anvme_queue *nq, unsigned int slot)
{
	return nq->pages[slot / ANVME_CHUNK].memory + slot % ANVME_CHUNK * ANVME_PAGE;
}

static inline dma_addr_t slot_page_dma(struct anvme_queue *nq, unsigned int slot)
{
	return nq->pages[slot / ANVME_CHUNK].dma + slot % ANVME_CHUNK * ANVME_PAGE;
}

/*
 * One entry per page; only the first may have an offset. virt_boundary_mask ensures that
 * segments meet at page boundaries.
 */
static void map_prp(struct anvme_queue *nq, const struct asblk_transfer *t,
		    struct nvme_command *cmd)
{
	const struct asblk_segment *seg = t->segs;
	__le64 *list = slot_page(nq, t->slot);
	u32 step = ANVME_PAGE - (seg->addr & (ANVME_PAGE - 1));
	u32 left = t->bytes, in_seg = seg->len;
	dma_addr_t addr = seg->addr;
	unsigned int nr = 0;

	cmd->rw.dptr.prp1 = cpu_to_le64(addr);
	for (;;) {
		if (left <= step)
			break;
		left -= step;
		if (in_seg <= step) {
			seg++;
			addr = seg->addr;
			in_seg = seg->len;
		} else {
			addr += step;
			in_seg -= step;
		}
		step = ANVME_PAGE;
		list[nr++] = cpu_to_le64(addr);
	}
	/* PRP2 holds a second entry, or points to the list of more. */
	if (nr == 1)
		cmd->rw.dptr.prp2 = list[0];
	else if (nr)
		cmd->rw.dptr.prp2 = cpu_to_le64(slot_page_dma(nq, t->slot));
}

static void map_sgl(struct anvme_queue *nq, const struct asblk_transfer *t,
		    struct nvme_command *cmd)
{
	struct nvme_sgl_desc *list = slot_page(nq, t->slot);
	struct nvme_sgl_desc *first = &cmd->rw.dptr.sgl;
	u32 i;

	cmd->rw.flags |= NVME_CMD_SGL_METABUF;
	if (t->nr_segments == 1) {
		first->addr = cpu_to_le64(t->segs->addr);
		first->length = cpu_to_le32(t->segs->len);
		first->type = NVME_SGL_FMT_DATA_DESC << 4;
		return;
	}
	for (i = 0; i < t->nr_segments; i++) {
		list[i].addr = cpu_to_le64(t->segs[i].addr);
		list[i].length = cpu_to_le32(t->segs[i].len);
		memset(list[i].rsvd, 0, sizeof(list[i].rsvd));
		list[i].type = NVME_SGL_FMT_DATA_DESC << 4;
	}
	first->addr = cpu_to_le64(slot_page_dma(nq, t->slot));
	first->length = cpu_to_le32(t->nr_segments * sizeof(*list));
	first->type = NVME_SGL_FMT_LAST_SEG_DESC << 4;
}

/* An SGL descriptor takes as much memory as two PRP entries. */
static bool sgl_is_shorter(const struct asblk_transfer *t)
{
	return t->bytes > 2 * ANVME_PAGE &&
	       t->nr_segments * 2 <= t->bytes / ANVME_PAGE &&
	       t->nr_segments <= ANVME_PAGE / sizeof(struct nvme_sgl_desc);
}

/* Describe the data of a read or write: data pointer, and flags for an SGL. */
void anvme_map(struct anvme_queue *nq, const struct asblk_transfer *t,
	       struct nvme_command *cmd)
{
	if (nq->sgl && sgl_is_shorter(t))
		map_sgl(nq, t, cmd);
	else
		map_prp(nq, t, cmd);
}

/* List the ranges of an unmap for Dataset Management (NVM 3.2.3). */
void anvme_map_ranges(struct anvme_queue *nq, struct asblk_transfer *t,
		      struct nvme_command *cmd)
{
	struct nvme_dsm_range *range = slot_page(nq, t->slot);

	do {
		range->cattr = 0;
		range->nlb = cpu_to_le32(t->range.nr_blocks);
		range->slba = cpu_to_le64(t->range.lba);
		range++;
	} while (asblk_next_range(t));
	cmd->dsm.nr = cpu_to_le32(t->nr_ranges - 1);
	cmd->dsm.dptr.prp1 = cpu_to_le64(slot_page_dma(nq, t->slot));
}
