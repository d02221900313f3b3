// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>

#include "hist_overlay.h"
#include "medium.h"

static void medium_set_geometry(struct emul_medium *m, u64 nr_blocks, u32 block_size)
{
	spin_lock(&m->lock);
	m->nr_blocks = nr_blocks;
	m->block_shift = ilog2(block_size);
	spin_unlock(&m->lock);
}

/* @m: zeroed; @budget outlives it. Context: may sleep. Return: 0 or -ENOMEM. */
int emul_medium_init(struct emul_medium *m, struct emul_budget *budget)
{
	spin_lock_init(&m->lock);
	emul_bad_init(&m->bad, budget);
	emul_health_init(&m->health);
	emul_recorder_init(&m->recorder, &m->store, &m->bad);
	return emul_store_init(&m->store, 1, budget);
}
EXPORT_SYMBOL_IF_KUNIT(emul_medium_init);

/* Context: may sleep; no controller uses it. */
void emul_medium_exit(struct emul_medium *m)
{
	emul_recorder_exit(&m->recorder);
	if (m->base)
		emul_base_close(m->base);
	emul_bad_heal(&m->bad, 0, S64_MAX);
	emul_health_exit(&m->health);
	emul_store_exit(&m->store);
}
EXPORT_SYMBOL_IF_KUNIT(emul_medium_exit);

static bool medium_same(const struct emul_medium *m, u64 nr_blocks, u32 block_size)
{
	return nr_blocks == m->nr_blocks && block_size == 1U << m->block_shift;
}

/*
 * Give a medium that no controller uses @size bytes, a multiple of @block_size, which is a
 * power of two. Data beyond the end stays until emul_medium_cut(). Context: may sleep.
 * Return: 0, or with nothing changed -ENOMEM, or -EBUSY if views need the old size.
 */
int emul_medium_insert(struct emul_medium *m, u64 size, u32 block_size)
{
	int err = medium_same(m, size / block_size, block_size) ? 0 :
		  emul_recorder_busy(&m->recorder) ? -EBUSY :
		  emul_store_resize(&m->store, max(size, m->store.size)) ?:
		  emul_recorder_renew(&m->recorder);

	if (err)
		return err;
	medium_set_geometry(m, size / block_size, block_size);
	m->loaded = true;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(emul_medium_insert);

/* What is beyond the end was never written, should it be there again. */
static void medium_cut_bad(struct emul_medium *m)
{
	u64 size = m->nr_blocks << m->block_shift;

	emul_bad_heal(&m->bad, size, S64_MAX - size);
}

/*
 * From here on the medium is as in a view, or as empty as it was if @base is NULL. Return the
 * old base to its owner. No command is in flight. Context: may sleep.
 */
void emul_medium_set_base(struct emul_medium *m, struct emul_base *base)
{
	struct emul_base *old = m->base;

	emul_store_unmap(&m->store, 0, m->store.size, false);
	emul_bad_heal(&m->bad, 0, S64_MAX);
	m->base = base;
	m->recorder.base = base;
	if (old)
		emul_base_close(old);
}

/* Discard data beyond the end. Context: may sleep. */
void emul_medium_cut(struct emul_medium *m)
{
	/* Cannot fail, as it does not grow. */
	emul_store_resize(&m->store, m->nr_blocks << m->block_shift);
	medium_cut_bad(m);
}

/*
 * Change capacity and block size (bytes, a power of two) while no command is in flight. @keep:
 * keep the data that fits. What is recorded begins afresh, and a disk that shows a view no longer
 * does. Context: may sleep. Return: 0, or with nothing changed -ENOMEM, -EBUSY if there are views,
 * or -EOPNOTSUPP if the data of a view was to be kept.
 */
int emul_medium_format(struct emul_medium *m, u64 nr_blocks, u32 block_size, bool keep)
{
	u64 size = nr_blocks * block_size;
	int err = keep && m->base ? -EOPNOTSUPP :
		  emul_recorder_busy(&m->recorder) ? -EBUSY :
		  emul_store_resize(&m->store, size);

	if (err)
		return err;
	if (!keep)
		emul_medium_set_base(m, NULL);
	medium_set_geometry(m, nr_blocks, block_size);
	medium_cut_bad(m);
	WRITE_ONCE(m->changed, true);
	/* Without memory to go on with it recording has ended. */
	emul_recorder_renew(&m->recorder);
	return 0;
}

/*
 * Read whole blocks, bad ones too. Context: may sleep. Return: 0; or of a disk that shows a view
 * as emul_view_read().
 */
int emul_medium_get(struct emul_medium *m, u64 pos, void *dst, u64 len)
{
	if (m->base)
		return emul_overlay_read(&m->store, m->base, pos, dst, len, m->block_shift);
	rcu_read_lock();
	emul_store_read(&m->store, pos, dst, len);
	rcu_read_unlock();
	return 0;
}

/* Blocks that are there as a whole can be read again. */
static void medium_heal(struct emul_medium *m, u64 pos, u64 len)
{
	emul_bad_heal(&m->bad, pos, round_down(len, 1ULL << m->block_shift));
}

/* As emul_record_put(). */
static int medium_record(struct emul_medium *m, struct emul_record *r, u64 pos, const void *src,
			 u64 len, u64 *done)
{
	int err;

	if (m->base)
		mutex_lock(&m->base->lock);
	err = emul_record_put(&m->recorder, r, pos, src, len, done);
	if (m->base)
		mutex_unlock(&m->base->lock);
	return err;
}

/*
 * Write whole blocks, @src being NULL for zeroes, of the command with record @r, or NULL. Context
 * and return as emul_medium_move().
 */
int emul_medium_put(struct emul_medium *m, struct emul_record *r, u64 pos, const void *src,
		    u64 len, u64 *done)
{
	u64 before = *done;
	int err;

	if (r) {
		err = medium_record(m, r, pos, src, len, done);
		if (err != -ENOBUFS)
			return err;
		pos += *done - before;
		src = src ? src + (*done - before) : NULL;
		len -= *done - before;
		before = *done;
	}
	err = m->base ? emul_overlay_write(&m->store, m->base, pos, src, len, done) :
			emul_store_write_wait(&m->store, pos, src, len, done);
	medium_heal(m, pos, *done - before);
	return err;
}

/*
 * Let whole blocks be unreadable until they are written again; @r: record, or NULL. Context: may
 * sleep. Return: 0 or -ENOMEM; then some of them are.
 */
int emul_medium_spoil(struct emul_medium *m, struct emul_record *r, u64 pos, u64 len)
{
	u64 done = 0;
	int err = r ? medium_record(m, r, pos, NULL, len, &done) : -ENOBUFS;

	if (err == -ENOBUFS)
		err = emul_bad_mark(&m->bad, pos + done, len - done);
	return err ? -ENOMEM : 0;
}

/* Make bytes read as zeroes. */
static void medium_clear(struct emul_medium *m, struct emul_record *r, u64 pos, u64 len,
			 bool erase)
{
	u64 done = 0;

	/* A hole of a view would show the base. */
	if (m->base) {
		emul_medium_put(m, r, pos, NULL, len, &done);
		return;
	}
	if (r && emul_record_clear(&m->recorder, r, pos, len))
		return;
	emul_store_unmap(&m->store, pos, len, erase);
	emul_bad_heal(&m->bad, pos, len);
}

/*
 * Take the memory that an atomic write needs, so that it cannot fail in the middle; other
 * writes need nothing. @cmd has passed emul_medium_check(). Context: may sleep if @wait, else
 * any, under rcu_read_lock(). Return: 0 or as emul_store_reserve().
 */
int emul_medium_reserve(struct emul_medium *m, const struct emul_command *cmd, bool wait)
{
	if (!(cmd->opts & ASBLK_OPT_ATOMIC))
		return 0;
	return emul_store_reserve(&m->store, cmd->lba << m->block_shift,
				  cmd->nr_blocks << m->block_shift, wait);
}

/* As emul_medium_move(), by way of memory that is in one place. */
static int medium_move_copied(struct emul_medium *m, struct emul_record *r,
			      const struct emul_command *cmd, u64 from, u64 len, u64 *done)
{
	u32 size = max_t(u32, PAGE_SIZE, 1U << m->block_shift);
	u64 pos = (cmd->lba << m->block_shift) + from;
	void *buf = kmalloc(size, EMUL_GFP_WAIT);
	int err = 0;

	if (!buf)
		return -ENOBUFS;
	while (len && !err) {
		u32 step = min_t(u64, len, size - (pos & (size - 1)));

		if (cmd->op == ASBLK_OP_READ) {
			err = emul_medium_get(m, pos, buf, step);
			if (err)
				break;
			emul_command_copy(cmd, from, buf, step, true);
			*done += step;
		} else {
			emul_command_copy(cmd, from, buf, step, false);
			err = emul_medium_put(m, r, pos, buf, step, done);
		}
		pos += step;
		from += step;
		len -= step;
	}
	kfree(buf);
	return err;
}

/*
 * Move @len bytes of a read or write that has passed emul_medium_check(), from byte @from of
 * its data on; @done is incremented by the bytes moved. @r: record of a write, or NULL. Context:
 * may sleep. Return: 0 or as emul_store_write_wait(); or of a disk that shows a view as
 * emul_view_read().
 */
int emul_medium_move(struct emul_medium *m, struct emul_record *r, const struct emul_command *cmd,
		     u64 from, u64 len, u64 *done)
{
	const struct emul_desc *desc = emul_command_descs(cmd);
	u64 start = (cmd->lba << m->block_shift) + from, pos = start, before = *done;
	int err = 0;

	if (r || m->base) {
		err = medium_move_copied(m, r, cmd, from, len, done);
		if (err != -ENOBUFS)
			return err;
		if (m->base)
			return -ENOMEM;
		emul_recorder_make_room(&m->recorder, true);
		err = 0;
	}
	for (; len && !err; desc++) {
		void *memory = phys_to_virt(desc->start + from);
		u64 step;

		if (from >= desc->len) {
			from -= desc->len;
			continue;
		}
		step = min(desc->len - from, len);
		from = 0;
		if (cmd->op == ASBLK_OP_READ) {
			rcu_read_lock();
			emul_store_read(&m->store, pos, memory, step);
			rcu_read_unlock();
			*done += step;
		} else {
			err = emul_store_write_wait(&m->store, pos, memory, step, done);
		}
		pos += step;
		len -= step;
	}
	if (cmd->op == ASBLK_OP_WRITE)
		medium_heal(m, start, *done - before);
	return err;
}

/*
 * Read a whole command, up to the first block that cannot be read; @done is incremented by the
 * bytes read. Context: may sleep. Return: %BLK_STS_OK, %BLK_STS_MEDIUM, or of a disk that shows a
 * view another status.
 */
blk_status_t emul_medium_read_wait(struct emul_medium *m, const struct emul_command *cmd,
				   u64 *done)
{
	u64 len = cmd->nr_blocks << m->block_shift;
	u64 good = emul_bad_find(&m->bad, cmd->lba << m->block_shift, len);
	int err = emul_medium_move(m, NULL, cmd, 0, good, done);

	return err ? emul_medium_status(err) : good < len ? BLK_STS_MEDIUM : BLK_STS_OK;
}

/* Write a whole command, waiting for memory. Context and return as emul_medium_move(). */
int emul_medium_write_wait(struct emul_medium *m, struct emul_record *r,
			   const struct emul_command *cmd, u64 *done)
{
	return emul_medium_reserve(m, cmd, true) ?:
	       emul_medium_move(m, r, cmd, 0, cmd->nr_blocks << m->block_shift, done);
}

static blk_status_t medium_unmap(struct emul_medium *m, struct emul_record *r,
				 const struct emul_command *cmd)
{
	const struct emul_desc *desc = emul_command_descs(cmd);
	u32 i;

	/* All or nothing: check before the first range is gone. */
	for (i = 0; i < cmd->nr_descs; i++)
		if (!emul_medium_has(m, desc[i].start, desc[i].len))
			return BLK_STS_TARGET;
	for (i = 0; i < cmd->nr_descs; i++)
		medium_clear(m, r, desc[i].start << m->block_shift,
			     desc[i].len << m->block_shift, false);
	return BLK_STS_OK;
}

/*
 * Execute a command without data that has passed emul_medium_check(). @r: its record, or NULL.
 * Context: may sleep.
 */
blk_status_t emul_medium_exec(struct emul_medium *m, struct emul_record *r,
			      const struct emul_command *cmd)
{
	u64 pos = cmd->lba << m->block_shift;
	u64 len = cmd->nr_blocks << m->block_shift;
	u64 done = 0;

	switch (cmd->op) {
	case ASBLK_OP_UNMAP:
		return medium_unmap(m, r, cmd);
	case ASBLK_OP_WRITE_ZEROES:
		if (cmd->opts & ASBLK_OPT_NOUNMAP)
			return emul_medium_put(m, r, pos, NULL, len, &done) ?
			       BLK_STS_NOSPC : BLK_STS_OK;
		medium_clear(m, r, pos, len, false);
		return BLK_STS_OK;
	case ASBLK_OP_SECURE_ERASE:
		medium_clear(m, r, pos, len, true);
		return BLK_STS_OK;
	default:
		return BLK_STS_OK;
	}
}
