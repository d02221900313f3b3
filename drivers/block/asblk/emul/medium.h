/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The medium: commands read and change the data. It knows commands and the store; no queue,
 * no fault rule and no completion.
 */
#ifndef _ASBLK_EMUL_MEDIUM_H
#define _ASBLK_EMUL_MEDIUM_H

#include <linux/asblk.h>
#include <linux/io.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>

#include "bad_blocks.h"
#include "health.h"
#include "hist_base.h"
#include "hist_command.h"
#include "rings.h"
#include "store.h"

#define EMUL_MAX_BLOCK_SIZE	SZ_64K

/**
 * struct emul_medium - a medium, which outlives the controller that it is in
 * @store: its data
 * @bad: blocks that cannot be read
 * @recorder: the data's history, if it is recorded
 * @base: of a disk that shows a view of another, else NULL; changed while no command is in
 *	flight. Then @store has only what was written since
 * @health: what it remembers of the disk's life
 * @lock: for readers of @nr_blocks and @block_shift while commands may be in flight
 * @nr_blocks: capacity in logical blocks; written under @lock, with no command in flight,
 *	as is @block_shift
 * @block_shift: log2 of the logical block size
 * @changed: capacity or block size have changed since a host was told so
 * @loaded: it is in the drive; written while no command is in flight
 * @read_only: it is write protected
 */
struct emul_medium {
	struct emul_store store;
	struct emul_bad_blocks bad;
	struct emul_recorder recorder;
	struct emul_base *base;
	struct emul_health health;
	spinlock_t lock;	/* block size, number of blocks */
	u64 nr_blocks;
	u8 block_shift;
	bool changed;
	bool loaded;
	bool read_only;
};

int emul_medium_init(struct emul_medium *m, struct emul_budget *budget);
void emul_medium_exit(struct emul_medium *m);
int emul_medium_insert(struct emul_medium *m, u64 size, u32 block_size);
void emul_medium_cut(struct emul_medium *m);
int emul_medium_format(struct emul_medium *m, u64 nr_blocks, u32 block_size, bool keep);
void emul_medium_set_base(struct emul_medium *m, struct emul_base *base);
int emul_medium_reserve(struct emul_medium *m, const struct emul_command *cmd, bool wait);
int emul_medium_get(struct emul_medium *m, u64 pos, void *dst, u64 len);
int emul_medium_put(struct emul_medium *m, struct emul_record *r, u64 pos, const void *src,
		    u64 len, u64 *done);
int emul_medium_spoil(struct emul_medium *m, struct emul_record *r, u64 pos, u64 len);
int emul_medium_move(struct emul_medium *m, struct emul_record *r, const struct emul_command *cmd,
		     u64 from, u64 len, u64 *done);
blk_status_t emul_medium_read_wait(struct emul_medium *m, const struct emul_command *cmd,
				   u64 *done);
int emul_medium_write_wait(struct emul_medium *m, struct emul_record *r,
			   const struct emul_command *cmd, u64 *done);
blk_status_t emul_medium_exec(struct emul_medium *m, struct emul_record *r,
			      const struct emul_command *cmd);

/* The status of a command that has failed with an error of one of these. */
static inline blk_status_t emul_medium_status(int err)
{
	switch (err) {
	case 0:
		return BLK_STS_OK;
	case -EIO:
		return BLK_STS_MEDIUM;
	case -ESTALE:
		return BLK_STS_OFFLINE;
	default:
		return BLK_STS_NOSPC;
	}
}

static inline bool emul_medium_has(const struct emul_medium *m, u64 lba, u64 nr_blocks)
{
	return nr_blocks <= m->nr_blocks && lba <= m->nr_blocks - nr_blocks;
}

/* Return: %BLK_STS_OK, or the status that the command fails with. Context: any. */
static inline blk_status_t emul_medium_check(const struct emul_medium *m,
					     const struct emul_command *cmd)
{
	if (unlikely(!m->loaded))
		return BLK_STS_OFFLINE;
	if (cmd->op == ASBLK_OP_FLUSH)
		return BLK_STS_OK;
	if (unlikely(cmd->op != ASBLK_OP_READ && READ_ONCE(m->read_only)))
		return BLK_STS_TARGET;
	if (unlikely(cmd->op != ASBLK_OP_UNMAP &&
		     !emul_medium_has(m, cmd->lba, cmd->nr_blocks)))
		return BLK_STS_TARGET;
	return BLK_STS_OK;
}

/* Does a read or write find blocks that are bad? Context: task or softirq. */
static inline bool emul_medium_is_bad(struct emul_medium *m, const struct emul_command *cmd)
{
	u64 len = cmd->nr_blocks << m->block_shift;

	return emul_bad_find(&m->bad, cmd->lba << m->block_shift, len) < len;
}

/*
 * Inline, as most commands are reads and writes. Context: any, under rcu_read_lock(); the
 * command has passed emul_medium_check(), and emul_medium_is_bad() if there may be bad blocks.
 */
static inline void emul_medium_read(struct emul_medium *m, const struct emul_command *cmd)
{
	const struct emul_desc *desc = emul_command_descs(cmd);
	u64 pos = cmd->lba << m->block_shift;
	u32 i;

	for (i = 0; i < cmd->nr_descs; i++, desc++) {
		emul_store_read(&m->store, pos, phys_to_virt(desc->start), desc->len);
		pos += desc->len;
	}
}

/* Return: 0 or as emul_store_write(), with @done incremented by the bytes written. */
static inline int emul_medium_write(struct emul_medium *m, const struct emul_command *cmd,
				    u32 *done)
{
	const struct emul_desc *desc = emul_command_descs(cmd);
	u64 pos = cmd->lba << m->block_shift;
	int err = 0;
	u32 i;

	for (i = 0; i < cmd->nr_descs && !err; i++, desc++) {
		err = emul_store_write(&m->store, pos, phys_to_virt(desc->start), desc->len,
				       done);
		pos += desc->len;
	}
	return err;
}

#endif /* _ASBLK_EMUL_MEDIUM_H */
