// SPDX-License-Identifier: GPL-2.0-only
/* The admin commands that the driver itself sends. */

#include "nvme.h"

/**
 * anvme_identify - Identify (5.17)
 * @nd: controller
 * @cns: what to identify
 * @nsid: namespace, or 0
 * @data: 4096 bytes
 *
 * Context: may sleep.
 * Return: as anvme_admin().
 */
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

/**
 * anvme_log_page - Get Log Page (5.16)
 * @nd: controller
 * @lid: log page
 * @data: for its first bytes
 * @len: how many, at most %ANVME_MAX_BYTES, a multiple of 4
 *
 * Context: may sleep.
 * Return: as anvme_admin().
 */
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

/**
 * anvme_create_queue - have the controller create a queue pair (5.4, 5.5)
 * @nd: controller
 * @r: queue pair, empty
 * @vector: interrupt vector, or -1 for none
 *
 * Context: may sleep.
 * Return: as anvme_admin(). Of a positive status nothing is created; after a negative errno
 * the controller may have the queues, and is to be disabled before their memory goes.
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

/**
 * anvme_delete_queue - have the controller forget a queue pair (5.6, 5.7)
 * @nd: controller
 * @r: queue pair; none of its commands is executed any more afterwards
 *
 * Context: may sleep.
 * Return: as anvme_admin().
 */
int anvme_delete_queue(struct anvme *nd, struct anvme_ring *r)
{
	int status = delete_queue(nd, nvme_admin_delete_sq, r->id);

	return status ?: delete_queue(nd, nvme_admin_delete_cq, r->id);
}
