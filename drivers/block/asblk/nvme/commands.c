// SPDX-License-Identifier: GPL-2.0-only
/* Admin commands sent by the driver. */

#include "nvme.h"

/* Identify (5.17) into @data, 4096 bytes. Return: as anvme_admin_io(). */
int anvme_identify(struct anvme *nd, u8 cns, u32 nsid, void *data)
{
	struct nvme_command cmd = {
		.identify.opcode	= nvme_admin_identify,
		.identify.nsid		= cpu_to_le32(nsid),
		.identify.cns		= cns,
	};
	struct anvme_admin_io io = {
		.data = data, .len = NVME_IDENTIFY_DATA_SIZE, .from_device = true,
	};

	return anvme_admin_io(nd, &cmd, &io);
}

/* Get Log Page (5.16): the first @len bytes, a multiple of 4. Return: as anvme_admin_io(). */
int anvme_log_page(struct anvme *nd, u8 lid, void *data, u32 len)
{
	u32 dwords = len / sizeof(u32) - 1;
	struct nvme_command cmd = {
		.get_log_page.opcode	= nvme_admin_get_log_page,
		.get_log_page.nsid	= cpu_to_le32(NVME_NSID_ALL),
		.get_log_page.lid	= lid,
		.get_log_page.numdl	= cpu_to_le16(dwords),
		.get_log_page.numdu	= cpu_to_le16(dwords >> 16),
	};
	struct anvme_admin_io io = {
		.data = data, .len = len, .from_device = true, .optional = true,
	};

	return anvme_admin_io(nd, &cmd, &io);
}

static int delete_queue(struct anvme *nd, u8 opcode, u16 id)
{
	struct nvme_command cmd = {
		.delete_queue.opcode	= opcode,
		.delete_queue.qid	= cpu_to_le16(id),
	};

	return anvme_admin(nd, &cmd, NULL);
}

/*
 * Create an empty queue pair (5.4, 5.5); @vector: -1 for none. Return: as anvme_admin_io().
 * After a positive status the queue pair does not exist. After a negative errno it may:
 * disable the controller before freeing its memory.
 */
int anvme_create_queue(struct anvme *nd, struct anvme_ring *r, int vector)
{
	struct nvme_command cq = {
		.create_cq.opcode	= nvme_admin_create_cq,
		.create_cq.prp1		= cpu_to_le64(r->cq_dma),
		.create_cq.cqid		= cpu_to_le16(r->id),
		.create_cq.qsize	= cpu_to_le16(r->size - 1),
		.create_cq.cq_flags	= cpu_to_le16(NVME_QUEUE_PHYS_CONTIG |
				(vector < 0 ? 0 : NVME_CQ_IRQ_ENABLED)),
		.create_cq.irq_vector	= cpu_to_le16(max(vector, 0)),
	};
	struct nvme_command sq = {
		.create_sq.opcode	= nvme_admin_create_sq,
		.create_sq.prp1		= cpu_to_le64(r->sq_dma),
		.create_sq.sqid		= cpu_to_le16(r->id),
		.create_sq.qsize	= cpu_to_le16(r->size - 1),
		.create_sq.sq_flags	= cpu_to_le16(NVME_QUEUE_PHYS_CONTIG),
		.create_sq.cqid		= cpu_to_le16(r->id),
	};
	int status;

	anvme_ring_reset(nd, r);
	status = anvme_admin(nd, &cq, NULL);
	if (status)
		return status;
	status = anvme_admin(nd, &sq, NULL);
	if (status > 0 && delete_queue(nd, nvme_admin_delete_cq, r->id))
		status = -EIO;
	return status;
}

/* Delete a queue pair (5.6, 5.7): the submission queue first. Return: as anvme_admin_io(). */
int anvme_delete_queue(struct anvme *nd, struct anvme_ring *r)
{
	int status = delete_queue(nd, nvme_admin_delete_sq, r->id);

	return status ?: delete_queue(nd, nvme_admin_delete_cq, r->id);
}
