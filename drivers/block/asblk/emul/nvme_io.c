// SPDX-License-Identifier: GPL-2.0-only
/*
 * I/O commands: those that are operations of the device are turned into these, so that latency,
 * fault rules and counters need not know where they came from. The others are executed here.
 */
#include <linux/bitfield.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "../compat.h"
#include "nvme.h"
#include "options.h"

/* Segments of the data of a Dataset Management command: the ranges take the place of its list. */
#define DSM_SEGMENTS	8

/* Byte 50 of reads and writes: the type of a directive, of which the device knows none. */
#define RW_CONTROL_BYTE		50
#define RW_CONTROL_DTYPE	GENMASK(7, 4)

/* Bytes of data that came with a command, or that it wants. */
u64 emul_nvme_bytes(const struct emul_command *cmd)
{
	const struct emul_desc *desc = emul_command_descs(cmd);
	u64 sum = 0;
	u32 i;

	for (i = 0; i < cmd->nr_descs; i++)
		sum += desc[i].len;
	return sum;
}

/* Does the disk have the command? */
static bool io_is_known(const struct emul_options *o, u8 opcode)
{
	switch (opcode) {
	case nvme_cmd_flush:
	case nvme_cmd_write:
	case nvme_cmd_read:
	case nvme_cmd_write_uncor:
	case nvme_cmd_compare:
	case nvme_cmd_verify:
		return true;
	case nvme_cmd_write_zeroes:
		return o->write_zeroes;
	case nvme_cmd_dsm:
		return o->discard;
	default:
		return false;
	}
}

static bool io_writes(const struct nvme_command *nc)
{
	switch (nc->common.opcode) {
	case nvme_cmd_write:
	case nvme_cmd_write_uncor:
	case nvme_cmd_write_zeroes:
		return true;
	case nvme_cmd_dsm:
		return le32_to_cpu(nc->dsm.attributes) & NVME_DSMGMT_AD;
	default:
		return false;
	}
}

/* What all have in common: fused operations, namespace (3.2.1), medium. */
static u16 io_check(const struct emul_device *ed, struct emul_command *cmd)
{
	const struct nvme_command *nc = cmd->nvme;
	u32 nsid = le32_to_cpu(nc->common.nsid);

	if (!io_is_known(ed->options, nc->common.opcode))
		return NVME_SC_INVALID_OPCODE | NVME_STATUS_DNR;
	if (nc->common.flags)
		return emul_nvme_wrong(cmd, offsetof(struct nvme_common_command, flags));
	if (nsid != EMUL_NSID &&
	    !(nsid == NVME_NSID_ALL && nc->common.opcode == nvme_cmd_flush))
		return NVME_SC_INVALID_NS | NVME_STATUS_DNR;
	if (!ed->medium->loaded)
		return NVME_SC_NS_NOT_READY | NVME_STATUS_DNR;
	if (io_writes(nc) && READ_ONCE(ed->medium->read_only))
		return NVME_SC_NS_WRITE_PROTECTED | NVME_STATUS_DNR;
	return 0;
}

/* Commands on blocks (NVM 3.2.1, 3.2.4 to 3.2.8) have these, and sometimes data, in one place. */
static u16 io_parse_blocks(const struct emul_device *ed, struct emul_command *cmd)
{
	const struct nvme_rw_command *rw = &cmd->nvme->rw;
	struct emul_medium *m = ed->medium;
	u64 bytes;

	cmd->lba = le64_to_cpu(rw->slba);
	cmd->nr_blocks = le16_to_cpu(rw->length) + 1;
	if (!emul_medium_has(m, cmd->lba, cmd->nr_blocks))
		return NVME_SC_LBA_RANGE | NVME_STATUS_DNR;
	switch (rw->opcode) {
	case nvme_cmd_write:
	case nvme_cmd_read:
	case nvme_cmd_compare:
		bytes = cmd->nr_blocks << m->block_shift;
		break;
	default:
		bytes = 0;
	}
	if (emul_nvme_bytes(cmd) != bytes)
		return NVME_SC_SGL_INVALID_DATA | NVME_STATUS_DNR;
	return 0;
}

/* Read and Write (NVM 3.2.4, 3.2.6) */
static u16 io_parse_rw(const struct emul_device *ed, struct emul_command *cmd)
{
	const struct nvme_rw_command *rw = &cmd->nvme->rw;
	u16 control = le16_to_cpu(rw->control);

	/* What is read is in the medium already, whether with FUA or without. */
	if (rw->opcode == nvme_cmd_read) {
		cmd->op = ASBLK_OP_READ;
		return 0;
	}
	if (control & NVME_RW_FUA)
		cmd->opts |= ASBLK_OPT_FUA;
	if (FIELD_GET(RW_CONTROL_DTYPE, control))
		return emul_nvme_wrong_bit(cmd, RW_CONTROL_BYTE, 4);
	cmd->op = ASBLK_OP_WRITE;
	/* Whoever sends it relies on what Identify Namespace says (NAWUPF). */
	if (emul_nvme_bytes(cmd) <= ed->options->atomic_unit)
		cmd->opts |= ASBLK_OPT_ATOMIC;
	return 0;
}

/* Write Zeroes (NVM 3.2.8) */
static u16 io_parse_zeroes(struct emul_command *cmd)
{
	u16 control = le16_to_cpu(cmd->nvme->write_zeroes.control);

	cmd->op = ASBLK_OP_WRITE_ZEROES;
	if (control & NVME_RW_FUA)
		cmd->opts |= ASBLK_OPT_FUA;
	if (!(control & NVME_WZ_DEAC))
		cmd->opts |= ASBLK_OPT_NOUNMAP;
	return 0;
}

/* Dataset Management (NVM 3.2.3): hints are ignored, deallocation is an unmap. */
static u16 io_parse_dsm(const struct emul_device *ed, struct emul_command *cmd)
{
	u32 nr = (le32_to_cpu(cmd->nvme->dsm.nr) & 0xff) + 1, i, left = 0;
	struct emul_desc segments[DSM_SEGMENTS];
	struct emul_command data = *cmd;
	struct nvme_dsm_range range;

	if (nr > EMUL_MAX_RANGES)
		return NVME_SC_CMD_SIZE_LIM_EXCEEDED | NVME_STATUS_DNR;
	if (emul_nvme_bytes(cmd) != nr * sizeof(range))
		return NVME_SC_SGL_INVALID_DATA | NVME_STATUS_DNR;
	if (cmd->nr_descs > DSM_SEGMENTS)
		return NVME_SC_SGL_INVALID_COUNT | NVME_STATUS_DNR;
	memcpy(segments, cmd->list, cmd->nr_descs * sizeof(*segments));
	data.list = segments;
	for (i = 0; i < nr; i++) {
		struct emul_desc *desc = &cmd->list[left];

		emul_command_copy(&data, i * sizeof(range), &range, sizeof(range), false);
		desc->start = le64_to_cpu(range.slba);
		desc->len = le32_to_cpu(range.nlb);
		if (!emul_medium_has(ed->medium, desc->start, desc->len))
			return NVME_SC_LBA_RANGE | NVME_STATUS_DNR;
		left += desc->len > 0;
	}
	if (!io_writes(cmd->nvme) || !left)
		return 0;
	cmd->op = ASBLK_OP_UNMAP;
	cmd->nr_descs = left;
	/* There are always enough of them to be in a list. */
	for (; cmd->nr_descs <= EMUL_INLINE_DESCS; cmd->nr_descs++)
		cmd->list[cmd->nr_descs] = (struct emul_desc) { .start = cmd->list->start };
	return 0;
}

/*
 * Look at an I/O command: on success it is an operation of the device, or %ASBLK_OP_COMMAND with
 * valid fields for emul_nvme_io(). Context: any.
 */
u16 emul_nvme_parse(struct emul_device *ed, struct emul_command *cmd)
{
	u8 opcode = cmd->nvme->common.opcode;
	u16 status = io_check(ed, cmd);

	if (status || opcode == nvme_cmd_dsm)
		return status ?: io_parse_dsm(ed, cmd);
	if (opcode == nvme_cmd_flush) {
		cmd->op = ASBLK_OP_FLUSH;
		return emul_nvme_bytes(cmd) ? NVME_SC_SGL_INVALID_DATA | NVME_STATUS_DNR : 0;
	}
	status = io_parse_blocks(ed, cmd);
	if (status)
		return status;
	switch (opcode) {
	case nvme_cmd_read:
	case nvme_cmd_write:
		return io_parse_rw(ed, cmd);
	case nvme_cmd_write_zeroes:
		return io_parse_zeroes(cmd);
	default:
		return 0;
	}
}

/* Read a block, @done bytes from the first one of the command. Return: an NVMe status. */
static u16 io_get_block(struct emul_device *ed, struct emul_cmd_state *s, u64 done, void *block)
{
	struct emul_medium *m = ed->medium;
	u64 pos = (s->cmd.lba << m->block_shift) + done, size = 1ULL << m->block_shift;
	int err = emul_bad_find(&m->bad, pos, size) < size ? -EIO :
		  emul_medium_get(m, pos, block, size);

	if (!err)
		return 0;
	if (err != -EIO)
		return NVME_SC_INTERNAL;
	emul_set_result(s, BLK_STS_MEDIUM, done);
	return NVME_SC_READ_ERROR | NVME_STATUS_DNR;
}

/* Verify (NVM 3.2.5), and Compare (NVM 3.2.1): read all blocks, until something is wrong. */
static u16 io_read(struct emul_device *ed, struct emul_cmd_state *s, bool compare)
{
	struct emul_medium *m = ed->medium;
	u64 len = s->cmd.nr_blocks << m->block_shift, done = 0, size = 1ULL << m->block_shift;
	void *ours = kmalloc(size, EMUL_GFP_WAIT), *theirs = kmalloc(size, EMUL_GFP_WAIT);
	u16 status = ours && theirs ? 0 : NVME_SC_INTERNAL;

	while (done < len && !status) {
		status = io_get_block(ed, s, done, ours);
		if (status)
			break;
		if (compare) {
			emul_command_copy(&s->cmd, done, theirs, size, false);
			if (memcmp(ours, theirs, size))
				status = NVME_SC_COMPARE_FAILED | NVME_STATUS_DNR;
		}
		done += status ? 0 : size;
	}
	s->result.good = min(done, U32_MAX);
	kfree(ours);
	kfree(theirs);
	return status;
}

/* Write Uncorrectable (NVM 3.2.7) */
static u16 io_write_uncorrectable(struct emul_device *ed, struct emul_cmd_state *s)
{
	struct emul_medium *m = ed->medium;

	/* Reads that are submitted after this command has completed look for bad blocks. */
	emul_be_slow(ed);
	return emul_medium_spoil(m, s->record, s->cmd.lba << m->block_shift,
				 s->cmd.nr_blocks << m->block_shift) ?
	       NVME_SC_CAP_EXCEEDED | NVME_STATUS_DNR : 0;
}

/*
 * Execute a command that emul_nvme_parse() has left as it is; the result's good bytes are those
 * that were read. Context: may sleep.
 */
u16 emul_nvme_io(struct emul_device *ed, struct emul_cmd_state *s)
{
	switch (s->cmd.nvme->common.opcode) {
	case nvme_cmd_verify:
		return io_read(ed, s, false);
	case nvme_cmd_compare:
		return io_read(ed, s, true);
	case nvme_cmd_write_uncor:
		return io_write_uncorrectable(ed, s);
	default:	/* Dataset Management without deallocation */
		return 0;
	}
}
