// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

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
	emul_recorder_init(&m->recorder, &m->store);
	return emul_store_init(&m->store, 1, budget);
}
EXPORT_SYMBOL_IF_KUNIT(emul_medium_init);

/* Context: may sleep; no controller uses it. */
void emul_medium_exit(struct emul_medium *m)
{
	emul_recorder_exit(&m->recorder);
	if (m->base)
		emul_base_close(m->base);
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

/* Discard data beyond the end. Context: may sleep. */
void emul_medium_cut(struct emul_medium *m)
{
	/* Cannot fail, as it does not grow. */
	emul_store_resize(&m->store, m->nr_blocks << m->block_shift);
}

/*
 * Change capacity and block size (bytes, a power of two) while no command is in flight. @keep:
 * keep the data that fits. What is recorded begins afresh. Context: may sleep. Return: 0, or
 * with nothing changed -ENOMEM, or -EBUSY if there are views.
 */
int emul_medium_format(struct emul_medium *m, u64 nr_blocks, u32 block_size, bool keep)
{
	u64 size = nr_blocks * block_size;
	int err = emul_recorder_busy(&m->recorder) ? -EBUSY :
		  emul_store_resize(&m->store, size);

	if (err)
		return err;
	if (!keep)
		emul_store_unmap(&m->store, 0, size, false);
	medium_set_geometry(m, nr_blocks, block_size);
	return emul_recorder_renew(&m->recorder);
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

/*
 * Begin to record a command that changes the medium, in the device's queue @queue. @flags:
 * EMUL_RECORD_*. Context: as @gfp says. Return: its record, NULL if the medium is not recorded,
 * or -ENOBUFS without memory, as an ERR_PTR.
 */
struct emul_record *emul_medium_begin(struct emul_medium *m, const struct emul_command *cmd,
				      u16 queue, u8 flags, gfp_t gfp)
{
	struct emul_record what = {
		.queue = queue, .op = cmd->op, .flags = flags, .block_shift = m->block_shift,
	}, *r;
	const struct emul_desc *desc = emul_command_descs(cmd);
	u32 i;
	int err;

	if (cmd->op == ASBLK_OP_UNMAP) {
		what.lba = desc->start;
		for (i = 0; i < cmd->nr_descs; i++)
			what.nr_blocks += desc[i].len;
	} else if (cmd->op != ASBLK_OP_FLUSH) {
		what.lba = cmd->lba;
		what.nr_blocks = cmd->nr_blocks;
	}
	err = emul_record_begin(&m->recorder, &what, gfp, &r);
	return err ? ERR_PTR(err) : r;
}

/* Where in a command's data something is. */
struct medium_cursor {
	const struct emul_desc *desc;
	u64 from;
};

static void cursor_skip(struct medium_cursor *c, u64 bytes)
{
	c->from += bytes;
	while (c->from && c->from >= c->desc->len)
		c->from -= c->desc++->len;
}

static void cursor_copy(struct medium_cursor c, void *dst, u32 len)
{
	while (len) {
		u32 step = min_t(u64, len, c.desc->len - c.from);

		memcpy(dst, phys_to_virt(c.desc->start + c.from), step);
		dst += step;
		len -= step;
		if (len)
			cursor_skip(&c, step);
	}
}

/*
 * Write up to the end of a page, and keep what was there. A block may be in several pieces of
 * memory.
 */
static int medium_record_piece(struct emul_record *r, const struct medium_cursor *c, u64 pos,
			       u32 len, gfp_t gfp, u64 *done)
{
	void *bounce;
	int err;

	if (likely(c->desc->len - c->from >= len))
		return emul_chain_write(r->chains, r, pos, phys_to_virt(c->desc->start + c->from),
					len, gfp, done);
	bounce = kmalloc(len, gfp);
	if (!bounce)
		return -ENOBUFS;
	cursor_copy(*c, bounce, len);
	err = emul_chain_write(r->chains, r, pos, bounce, len, gfp, done);
	kfree(bounce);
	return err;
}

/*
 * As emul_medium_write(), and keep what was there. Return: also -ENOBUFS without memory for
 * the history.
 */
int emul_medium_write_recorded(struct emul_medium *m, struct emul_record *r,
			       const struct emul_command *cmd, u32 *done)
{
	struct medium_cursor c = { emul_command_descs(cmd) };
	u64 pos = cmd->lba << m->block_shift, end = pos + (cmd->nr_blocks << m->block_shift);
	int err = 0;

	while (pos < end && !err) {
		u32 step = min_t(u64, end - pos, PAGE_SIZE - offset_in_page(pos));
		u64 written = 0;

		err = medium_record_piece(r, &c, pos, step, GFP_NOWAIT | __GFP_NOWARN, &written);
		*done += written;
		pos += step;
		if (pos < end)
			cursor_skip(&c, step);
	}
	return err;
}

/*
 * From here on the medium is as in a view, or as empty as it was if @base is NULL. Return the
 * old base to its owner. No command is in flight. Context: may sleep.
 */
void emul_medium_set_base(struct emul_medium *m, struct emul_base *base)
{
	struct emul_base *old = m->base;

	emul_store_unmap(&m->store, 0, m->store.size, false);
	m->base = base;
	m->recorder.base = base;
	if (old)
		emul_base_close(old);
}

/* Read whole blocks within a page: what was written, or what is in the base. */
static int medium_get_overlay(struct emul_medium *m, u64 pos, void *dst, u32 len)
{
	const struct emul_chains overlay = { .store = &m->store, .base = m->base };
	u64 there, mask;
	u32 step, left;
	int err = 0;

	rcu_read_lock();
	there = emul_chain_present(&overlay, emul_store_find(&m->store, pos >> PAGE_SHIFT));
	for (left = len; there && left; left -= step, pos += step, dst += step) {
		step = min(left, 1U << m->block_shift);
		mask = emul_grains(offset_in_page(pos), step);
		if (there & mask) {
			emul_store_read(&m->store, pos, dst, step);
			continue;
		}
		rcu_read_unlock();
		err = emul_view_read(&m->base->view, m->base->chains, pos, dst, step,
				     m->block_shift);
		rcu_read_lock();
		if (err)
			break;
	}
	rcu_read_unlock();
	/* Most of it is as in the base: read that at once. */
	return there ? err : emul_view_read(&m->base->view, m->base->chains, pos, dst, len,
					    m->block_shift);
}

/*
 * Read whole blocks. Context: may sleep. Return: 0; or of a disk that shows a view -ENOMEM, or
 * -ESTALE if that has gone.
 */
int emul_medium_get(struct emul_medium *m, u64 pos, void *dst, u64 len)
{
	int err = 0;

	if (!m->base) {
		rcu_read_lock();
		emul_store_read(&m->store, pos, dst, len);
		rcu_read_unlock();
		return 0;
	}
	guard(mutex)(&m->base->lock);
	while (len && !err) {
		u32 step = min_t(u64, len, PAGE_SIZE - offset_in_page(pos));

		err = medium_get_overlay(m, pos, dst, step);
		pos += step;
		dst += step;
		len -= step;
	}
	return err;
}

/* The same as emul_store_write_wait(), of a disk that shows a view. */
static int medium_put_overlay(struct emul_medium *m, u64 pos, const void *src, u64 len, u64 *done)
{
	struct emul_chains overlay = { .store = &m->store, .base = m->base };
	int err;

	mutex_lock(&m->base->lock);
	err = emul_chain_write(&overlay, NULL, pos, src, len, EMUL_GFP_WAIT, done);
	mutex_unlock(&m->base->lock);
	return err;
}

/*
 * Write @len bytes at byte @pos, of the command with record @r if it has one; without memory to
 * record it recording ends. @src is NULL for zeroes. Context and return as
 * emul_store_write_wait().
 */
int emul_medium_put(struct emul_medium *m, struct emul_record *r, u64 pos, const void *src,
		    u64 len, u64 *done)
{
	bool again = false;

	while (r) {
		u64 written = 0;
		int err;

		if (m->base)
			mutex_lock(&m->base->lock);
		err = emul_chain_write(r->chains, r, pos, src, len, EMUL_GFP_WAIT, &written);
		if (m->base)
			mutex_unlock(&m->base->lock);
		*done += written;
		if (err != -ENOBUFS)
			return err;
		pos += written;
		src = src ? src + written : NULL;
		len -= written;
		if (!emul_recorder_make_room(&m->recorder, again))
			break;
		again = !written;
	}
	if (m->base)
		return medium_put_overlay(m, pos, src, len, done);
	return emul_store_write_wait(&m->store, pos, src, len, done);
}

/* Write from byte @from of a command's data on, of which blocks may be in several pieces. */
static int medium_put_data(struct emul_medium *m, struct emul_record *r,
			   const struct emul_command *cmd, u64 from, u64 len, u64 *done)
{
	struct medium_cursor c = { emul_command_descs(cmd) };
	u64 pos = (cmd->lba << m->block_shift) + from;
	int err = 0;

	cursor_skip(&c, from);
	while (len && !err) {
		u64 there = c.desc->len - c.from, step = min(there, len);
		void *bounce = NULL, *src = phys_to_virt(c.desc->start + c.from);

		if ((r || m->base) && !IS_ALIGNED(step, 1U << m->block_shift)) {
			step = min_t(u64, len, 1U << m->block_shift);
			bounce = kmalloc(step, EMUL_GFP_WAIT);
			if (!bounce && m->base)
				return -ENOMEM;
			if (!bounce) {
				emul_recorder_make_room(&m->recorder, true);
				r = NULL;
				continue;
			}
			cursor_copy(c, bounce, step);
			src = bounce;
		}
		err = emul_medium_put(m, r, pos, src, step, done);
		kfree(bounce);
		pos += step;
		len -= step;
		if (len)
			cursor_skip(&c, step);
	}
	return err;
}

static void cursor_fill(struct medium_cursor c, const void *src, u32 len)
{
	while (len) {
		u32 step = min_t(u64, len, c.desc->len - c.from);

		memcpy(phys_to_virt(c.desc->start + c.from), src, step);
		src += step;
		len -= step;
		if (len)
			cursor_skip(&c, step);
	}
}

/* Read from byte @from of a command's data on, of which blocks may be in several pieces. */
static int medium_get_data(struct emul_medium *m, const struct emul_command *cmd, u64 from,
			   u64 len, u64 *done)
{
	struct medium_cursor c = { emul_command_descs(cmd) };
	u64 pos = (cmd->lba << m->block_shift) + from;
	int err = 0;

	cursor_skip(&c, from);
	while (len && !err) {
		u64 step = min(c.desc->len - c.from, len);
		void *bounce = NULL, *dst = phys_to_virt(c.desc->start + c.from);

		if (m->base && !IS_ALIGNED(step, 1U << m->block_shift)) {
			step = 1U << m->block_shift;
			bounce = kmalloc(step, EMUL_GFP_WAIT);
			if (!bounce)
				return -ENOMEM;
		}
		err = emul_medium_get(m, pos, bounce ?: dst, step);
		if (bounce && !err)
			cursor_fill(c, bounce, step);
		kfree(bounce);
		if (err)
			break;
		*done += step;
		pos += step;
		len -= step;
		if (len)
			cursor_skip(&c, step);
	}
	return err;
}

/*
 * Move @len bytes of a read or write that has passed emul_medium_check(), from byte @from of
 * its data on; @done is incremented by the bytes moved. @r: record of a write, or NULL. Context:
 * may sleep. Return: 0 or as emul_store_write_wait(), or as emul_medium_get().
 */
int emul_medium_move(struct emul_medium *m, struct emul_record *r, const struct emul_command *cmd,
		     u64 from, u64 len, u64 *done)
{
	if (!len)
		return 0;
	if (cmd->op != ASBLK_OP_READ)
		return medium_put_data(m, r, cmd, from, len, done);
	return medium_get_data(m, cmd, from, len, done);
}

/* Write a whole command, waiting for memory. Context and return as emul_medium_move(). */
int emul_medium_write_wait(struct emul_medium *m, struct emul_record *r,
			   const struct emul_command *cmd, u64 *done)
{
	return emul_medium_reserve(m, cmd, true) ?:
	       emul_medium_move(m, r, cmd, 0, cmd->nr_blocks << m->block_shift, done);
}

/* Make bytes read as zeroes. */
static void medium_clear(struct emul_medium *m, struct emul_record *r, u64 pos, u64 len,
			 bool erase)
{
	bool again = false;
	u64 done = 0;

	/* A hole of a view would show the base. */
	if (m->base) {
		emul_medium_put(m, r, pos, NULL, len, &done);
		return;
	}
	while (r) {
		if (!emul_chain_unmap(r->chains, r, pos, len))
			return;
		/* What is a hole by now is left alone the next time. */
		if (!emul_recorder_make_room(&m->recorder, again))
			break;
		again = true;
	}
	emul_store_unmap(&m->store, pos, len, erase);
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
