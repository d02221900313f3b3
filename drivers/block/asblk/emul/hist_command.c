// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "hist_command.h"
#include "hist_write.h"

/* Note in a record's description which blocks a command is about. */
void emul_record_range(struct emul_record *what, const struct emul_command *cmd)
{
	const struct emul_desc *desc = emul_command_descs(cmd);
	u32 i;

	if (cmd->op == ASBLK_OP_UNMAP) {
		what->lba = desc->start;
		for (i = 0; i < cmd->nr_descs; i++)
			what->nr_blocks += desc[i].len;
	} else if (cmd->op != ASBLK_OP_FLUSH) {
		what->lba = cmd->lba;
		what->nr_blocks = cmd->nr_blocks;
	}
}

/*
 * The device takes a command that changes the medium. @what has what is known of it; @record is
 * set to its record, or to NULL if the disk is not recorded. Context: as @gfp says. Return: 0,
 * or -ENOBUFS without memory.
 */
int emul_record_begin(struct emul_recorder *rec, const struct emul_record *what, gfp_t gfp,
		      struct emul_record **record)
{
	struct emul_record *r;
	struct emul_history *h;
	struct emul_domain *d;
	int err = 0;

	*record = NULL;
	if (!emul_recorder_is_on(rec))
		return 0;
	r = emul_record_alloc(what, gfp);
	if (!r)
		return -ENOBUFS;
	rcu_read_lock();
	h = rcu_dereference(rec->history);
	if (!h)
		goto out;
	d = h->chains.domain;
	r->chains = &h->chains;
	spin_lock_bh(&d->lock);
	if (!h->chains.closed) {
		err = emul_domain_fetch(d, r);
		if (!err) {
			h->chains.in_flight++;
			*record = r;
		}
	}
	spin_unlock_bh(&d->lock);
	emul_power_watch(h->power);
out:
	rcu_read_unlock();
	if (!*record)
		kfree(r);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(emul_record_begin);

/* Write up to the end of a page. A block may be in several pieces of memory. */
static int record_write_page(struct emul_record *r, const struct emul_command *cmd,
			     const struct emul_desc *desc, u64 from, u64 pos, u32 len, u64 *done)
{
	const gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN;
	void *bounce;
	int err;

	if (likely(desc->len - from >= len))
		return emul_chain_write(r->chains, r, pos, phys_to_virt(desc->start + from), len,
					gfp, done);
	bounce = kmalloc(len, gfp);
	if (!bounce)
		return -ENOBUFS;
	emul_command_copy(cmd, pos - (cmd->lba << r->block_shift), bounce, len, false);
	err = emul_chain_write(r->chains, r, pos, bounce, len, gfp, done);
	kfree(bounce);
	return err;
}

/*
 * Execute a write, and keep what was there. Context: any but hard interrupts, outside
 * rcu_read_lock(). Return: 0 or as emul_chain_write(), with @done incremented by the bytes written.
 */
int emul_record_write(struct emul_record *r, const struct emul_command *cmd, u32 *done)
{
	u64 pos = cmd->lba << r->block_shift, end = pos + (cmd->nr_blocks << r->block_shift);
	const struct emul_desc *desc = emul_command_descs(cmd);
	u64 from = 0, written = 0;
	int err = 0;

	while (pos < end && !err) {
		u32 step = min_t(u64, end - pos, PAGE_SIZE - offset_in_page(pos));

		err = record_write_page(r, cmd, desc, from, pos, step, &written);
		pos += step;
		from += step;
		while (pos < end && from >= desc->len)
			from -= desc++->len;
	}
	*done += written;
	return err;
}

/*
 * Write bytes, or make them unreadable, and keep what was there; @src is NULL for zeroes. Context:
 * may sleep. Return: as emul_chain_write(); -ENOBUFS once recording has ended for want of memory,
 * and the rest of it is to be done without a record.
 */
int emul_record_put(struct emul_recorder *rec, struct emul_record *r, u64 pos, const void *src,
		    u64 len, u64 *done)
{
	bool again = false;
	int err;

	do {
		u64 written = 0;

		err = emul_chain_write(r->chains, r, pos, src, len, EMUL_GFP_WAIT, &written);
		*done += written;
		pos += written;
		src = src ? src + written : NULL;
		len -= written;
		again = again && !written;
	} while (err == -ENOBUFS && emul_recorder_make_room(rec, again) && (again = true));
	return err;
}

/*
 * Make bytes of a disk without a base read as zeroes, and keep what was there. Context: may sleep.
 * Return: false as emul_record_put() returns -ENOBUFS.
 */
bool emul_record_clear(struct emul_recorder *rec, struct emul_record *r, u64 pos, u64 len)
{
	struct emul_bad_blocks *bad = r->chains->bad;
	bool again = false;
	u64 done = 0, good;

	/* What is a hole by now is left alone the next time. */
	while (emul_chain_unmap(r->chains, r, pos, len)) {
		if (!emul_recorder_make_room(rec, again))
			return false;
		again = true;
	}
	/* Holes that cannot be read */
	while ((good = emul_bad_find(bad, pos, len)) < len) {
		u32 step = min_t(u64, len - good, PAGE_SIZE - offset_in_page(pos + good));

		pos += good;
		if (emul_record_put(rec, r, pos, NULL, step, &done))
			return false;
		pos += step;
		len -= good + step;
	}
	return true;
}

/*
 * The completion of a recorded command is about to be posted. The caller has no more to do with
 * @r. Context: any but hard interrupts.
 */
void emul_record_end(struct emul_record *r, bool failed)
{
	struct emul_chains *c = r->chains;
	struct emul_history *h = container_of(c, struct emul_history, chains);
	struct emul_domain *d = c->domain;
	bool last;

	spin_lock_bh(&d->lock);
	emul_domain_complete(d, &c->flushes, r, failed);
	if (!emul_op_is_flush(r->op) && !r->durable)
		emul_cache_add(&c->cache, d, &c->flushes, r);
	last = !--c->in_flight && c->closed;
	spin_unlock_bh(&d->lock);
	if (unlikely(last))
		queue_work(system_dfl_wq, &h->end);
}
EXPORT_SYMBOL_IF_KUNIT(emul_record_end);
