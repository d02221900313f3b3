// SPDX-License-Identifier: GPL-2.0-only
/* Data pointers of commands: follow them as a controller does, and note what is wrong in them. */
#include <linux/minmax.h>
#include <linux/nvme.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "bad_nvme.h"

/* Record the first error. */
static void dma_error(struct bad_nvme *b, const char *what)
{
	if (!b->dma_error)
		WRITE_ONCE(b->dma_error, what);
}

/* Move @len bytes between the medium and memory at @addr. */
static void move(struct bad_nvme *b, u64 addr, u8 *medium, u32 len, bool read)
{
	if (!addr) {
		dma_error(b, "address 0");
		return;
	}
	if (!medium)
		return;
	if (read)
		memcpy(bad_memory(addr), medium, len);
	else
		memcpy(medium, bad_memory(addr), len);
}

/* PRP entries (4.1.1): all but the first are whole pages; lists may be chained. */
static void move_prps(struct bad_nvme *b, u64 prp1, u64 prp2, u8 *medium, u32 left, bool read)
{
	u32 step = min(ANVME_PAGE - (u32)(prp1 % ANVME_PAGE), left);
	const __le64 *list = NULL;
	unsigned int i = 0;
	u64 addr = prp1;

	if (prp1 % 4)
		dma_error(b, "PRP1 not dword-aligned");
	for (;;) {
		move(b, addr, medium, step, read);
		medium = medium ? medium + step : NULL;
		left -= step;
		if (!left)
			return;
		step = min(left, ANVME_PAGE);
		if (!list && left <= ANVME_PAGE) {
			addr = prp2;
		} else {
			if (!list)
				list = prp2 && prp2 % 8 == 0 ? bad_memory(prp2) : NULL;
			if (!list) {
				dma_error(b, "no PRP list");
				return;
			}
			/* The last entry of a page points to the next list, if more follow. */
			if (i == ANVME_PAGE / 8 - 1 && left > ANVME_PAGE) {
				list = bad_memory(le64_to_cpu(list[i]));
				i = 0;
			}
			addr = le64_to_cpu(list[i++]);
		}
		if (addr % ANVME_PAGE)
			dma_error(b, "PRP entry with an offset");
	}
}

static void move_sgl(struct bad_nvme *b, const struct nvme_sgl_desc *first, u8 *medium,
		     u32 left, bool read)
{
	const struct nvme_sgl_desc *desc = first;
	u32 nr = 1, len;

	if (first->type == NVME_SGL_FMT_LAST_SEG_DESC << 4) {
		if (le32_to_cpu(first->length) % sizeof(*desc) || !first->length)
			dma_error(b, "invalid length of an SGL segment");
		nr = le32_to_cpu(first->length) / sizeof(*desc);
		desc = bad_memory(le64_to_cpu(first->addr));
	}
	for (; nr && left; nr--, desc++) {
		if (desc->type != NVME_SGL_FMT_DATA_DESC << 4)
			dma_error(b, "invalid type of an SGL descriptor");
		len = le32_to_cpu(desc->length);
		if (!len || len > left) {
			dma_error(b, "invalid length of an SGL descriptor");
			return;
		}
		move(b, le64_to_cpu(desc->addr), medium, len, read);
		medium = medium ? medium + len : NULL;
		left -= len;
	}
	if (nr || left)
		dma_error(b, "SGL length differs from the transfer");
}

/* Move the data of a read or write. */
void bad_move_data(struct bad_nvme *b, const struct nvme_command *cmd)
{
	u32 len = (le16_to_cpu(cmd->rw.length) + 1) << BAD_SHIFT;
	u64 from = le64_to_cpu(cmd->rw.slba) << BAD_SHIFT;
	bool read = cmd->rw.opcode == nvme_cmd_read;
	u8 *medium = NULL;

	if (b->medium && from + len <= BAD_BLOCKS << BAD_SHIFT)
		medium = b->medium + from;
	if (cmd->rw.flags & NVME_CMD_SGL_METABUF)
		move_sgl(b, &cmd->rw.dptr.sgl, medium, len, read);
	else
		move_prps(b, le64_to_cpu(cmd->rw.dptr.prp1), le64_to_cpu(cmd->rw.dptr.prp2),
			  medium, len, read);
}

/*
 * A vendor command: transfers @transfer_pages pages or @transfer_bytes, however short the buffer
 * is, of 5Ah to the host, or to the medium. All pages that its pointers lead to must belong to
 * the command.
 */
void bad_vendor(struct bad_nvme *b, const struct nvme_command *cmd)
{
	u32 len = b->transfer_bytes ?: b->transfer_pages * ANVME_PAGE;
	bool read = !nvme_is_write(cmd);
	u8 *data = vmalloc(len);

	b->vendor++;
	if (!data)
		return;
	memset(data, 0x5a, len);
	if (cmd->common.flags & NVME_CMD_SGL_METABUF)
		move_sgl(b, &cmd->common.dptr.sgl, data, len, read);
	else
		move_prps(b, le64_to_cpu(cmd->common.dptr.prp1),
			  le64_to_cpu(cmd->common.dptr.prp2), data, len, read);
	if (!read && b->medium)
		memcpy(b->medium, data, min(len, BAD_BLOCKS << BAD_SHIFT));
	move(b, le64_to_cpu(cmd->common.metadata), data, min(len, ANVME_PAGE), true);
	vfree(data);
}
