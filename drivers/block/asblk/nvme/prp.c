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

/* A page per slot and a spare one, in chunks small enough for fragmented memory. */
static unsigned int nr_chunks(const struct anvme_queue *nq)
{
	return DIV_ROUND_UP(nq->q->nr_slots + 1, ANVME_CHUNK);
}

int anvme_alloc_pages(struct anvme_queue *nq)
{
	unsigned int i, nr = nr_chunks(nq);

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
	unsigned int i, nr = nr_chunks(nq);

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

/*
 * Describe the data, if any, of a command of which nobody knows how much it transfers. What it
 * transfers beyond its data must only reach the slot's page and the spare one, which nobody
 * reads: every PRP entry (4.1.1) is filled in, and the last one of the list, which may be taken
 * for a pointer to the next list, points to the list itself.
 *
 * Two pages need an SGL, which has a length: the second one would be taken for a list by a
 * command that transfers more, and its content is the sender's. The same holds for what the
 * last entry of the list points to.
 *
 * Return: %BLK_STS_OK, or %BLK_STS_INVAL for data that cannot be described in this way.
 */
blk_status_t anvme_map_unknown(struct anvme_queue *nq, const struct asblk_transfer *t,
			       struct nvme_command *cmd)
{
	dma_addr_t list_dma = slot_page_dma(nq, t->slot);
	dma_addr_t spare = slot_page_dma(nq, nq->q->nr_slots);
	__le64 *list = slot_page(nq, t->slot);
	unsigned int i, nr = 0;

	/* Vendors' commands may transfer metadata. */
	cmd->common.metadata = cpu_to_le64(spare);
	if (t->nr_segments)
		nr = DIV_ROUND_UP((t->segs->addr & (ANVME_PAGE - 1)) + t->bytes, ANVME_PAGE);
	if (nr == 2 && nq->sgl) {
		map_sgl(nq, t, cmd);
		return BLK_STS_OK;
	}
	if (nr == 2 || nr > ANVME_PRPS)
		return BLK_STS_INVAL;
	if (nr)
		map_prp(nq, t, cmd);
	else
		cmd->common.dptr.prp1 = cpu_to_le64(spare);
	cmd->common.dptr.prp2 = cpu_to_le64(list_dma);
	for (i = max(nr, 1) - 1; i < ANVME_PRPS - 1; i++)
		list[i] = cpu_to_le64(spare);
	list[ANVME_PRPS - 1] = cpu_to_le64(list_dma);
	return BLK_STS_OK;
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
