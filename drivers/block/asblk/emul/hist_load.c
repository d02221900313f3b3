// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "hist_load.h"

#define LOAD_BUF	(sizeof(struct emul_stream_item) + sizeof(struct emul_stream_data) + \
			 EMUL_STREAM_MAX_DATA)

/* Context: may sleep. Return: NULL without memory. */
struct emul_loader *emul_loader_create(const struct emul_load_ops *ops, void *data)
{
	struct emul_loader *l = kzalloc_obj(*l);

	if (!l)
		return NULL;
	l->ops = ops;
	l->data = data;
	l->crc = ~0;
	xa_init(&l->records);
	l->buf = kvmalloc(LOAD_BUF, GFP_KERNEL);
	if (l->buf)
		return l;
	kfree(l);
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(emul_loader_create);

/* What was loaded stays. Context: may sleep. */
void emul_loader_destroy(struct emul_loader *l)
{
	unsigned int i;

	for (i = 0; i < l->nr_known; i++)
		emul_base_close(l->disk[i].base);
	xa_destroy(&l->records);
	kvfree(l->disk);
	kvfree(l->buf);
	kfree(l);
}
EXPORT_SYMBOL_IF_KUNIT(emul_loader_destroy);

static int load_header(struct emul_loader *l, const struct emul_stream_header *h)
{
	if (memcmp(h->magic, EMUL_STREAM_MAGIC, sizeof(h->magic)) ||
	    le32_to_cpu(h->version) != EMUL_STREAM_VERSION)
		return -EPROTONOSUPPORT;
	l->nr_disks = le32_to_cpu(h->nr_disks);
	l->oldest = le64_to_cpu(h->oldest);
	l->now = le64_to_cpu(h->now);
	/* More instants follow once the disks are powered on. */
	if (!l->nr_disks || l->nr_disks > EMUL_STREAM_MAX_DISKS || l->oldest > l->now ||
	    l->now > S64_MAX)
		return -EINVAL;
	l->disk = kvcalloc(l->nr_disks, sizeof(*l->disk), GFP_KERNEL);
	return l->disk ? 0 : -ENOMEM;
}

static int load_disk(struct emul_loader *l, struct emul_stream_disk *d)
{
	u32 block_size = le32_to_cpu(d->block_size), grain = le32_to_cpu(d->grain);
	u64 nr_blocks = le64_to_cpu(d->nr_blocks);
	struct emul_recorder *rec;
	struct emul_loaded *disk;
	struct emul_base *base;

	if (l->nr_known == l->nr_disks || d->name[EMUL_STREAM_NAME_SIZE - 1] || !nr_blocks ||
	    !is_power_of_2(block_size) || block_size < SECTOR_SIZE || block_size > SZ_64K ||
	    nr_blocks > div64_u64(U64_MAX, block_size) || !grain || grain % EMUL_GRAIN)
		return -EINVAL;
	rec = l->ops->disk(l->data, l->nr_known, d->name, nr_blocks, block_size);
	if (IS_ERR(rec))
		return PTR_ERR(rec);
	base = emul_base_open(rec, 0);
	if (IS_ERR(base))
		return PTR_ERR(base);
	disk = &l->disk[l->nr_known++];
	disk->base = base;
	disk->nr_blocks = nr_blocks;
	disk->block_shift = ilog2(block_size);
	/* One cut hits them all. */
	return base->power == l->disk->base->power ? 0 : -EXDEV;
}

static const u8 load_ops[] = {
	[1] = ASBLK_OP_WRITE,
	[2] = ASBLK_OP_FLUSH,
	[3] = ASBLK_OP_UNMAP,
	[4] = ASBLK_OP_WRITE_ZEROES,
	[5] = ASBLK_OP_SECURE_ERASE,
	[6] = EMUL_OP_SPOIL,
};

/* Is it an instant after @from? 0 is for what did not happen. */
static bool load_is_later(const struct emul_loader *l, u64 at, u64 from)
{
	return !at || (at > from && at <= l->now);
}

/* Has nothing happened in the domain but what was loaded? Under its lock. */
static bool load_is_alone(const struct emul_loader *l, const struct emul_domain *d)
{
	lockdep_assert_held(&d->lock);
	return d->now == l->nr_records;
}

static int load_record(struct emul_loader *l, const struct emul_stream_record *item)
{
	u32 disk = le32_to_cpu(item->disk);
	struct emul_record what = {
		.lba = le64_to_cpu(item->lba), .nr_blocks = le64_to_cpu(item->nr_blocks),
		.queue = le16_to_cpu(item->queue), .flags = item->flags,
	}, *r;
	struct emul_domain *d;
	u64 fetched = le64_to_cpu(item->fetched);
	int err;

	if (disk >= l->nr_disks || !item->op || item->op >= ARRAY_SIZE(load_ops) || !fetched ||
	    fetched <= l->last || fetched > l->now || item->flags & ~EMUL_RECORD_ALL)
		return -EINVAL;
	what.op = load_ops[item->op];
	what.completed = le64_to_cpu(item->completed);
	what.durable = le64_to_cpu(item->durable);
	what.chains = l->disk[disk].base->chains;
	what.block_shift = l->disk[disk].block_shift;
	if (!load_is_later(l, what.completed, fetched) ||
	    !load_is_later(l, what.durable, fetched) ||
	    what.nr_blocks > l->disk[disk].nr_blocks || what.lba > l->disk[disk].nr_blocks)
		return -EINVAL;
	r = emul_record_alloc(&what, GFP_KERNEL);
	if (!r)
		return -ENOMEM;
	err = xa_err(xa_store(&l->records, fetched, r, GFP_KERNEL));
	if (err) {
		kfree(r);
		return err;
	}
	d = what.chains->domain;
	spin_lock_bh(&d->lock);
	err = load_is_alone(l, d) ? emul_domain_fetch(d, r) : -EBUSY;
	if (!err)
		r->fetched = fetched;
	spin_unlock_bh(&d->lock);
	if (err) {
		xa_erase(&l->records, fetched);
		kfree(r);
	}
	l->last = fetched;
	l->nr_records++;
	return err;
}

static int load_mark(struct emul_loader *l, const struct emul_stream_mark *m)
{
	u64 at = le64_to_cpu(m->at);

	if (m->name[EMUL_STREAM_NAME_SIZE - 1] || !emul_mark_is_name(m->name) || at > l->now)
		return -EINVAL;
	return emul_marks_restore(&l->disk->base->power->marks, m->name, at);
}

/* Has a command written to these pages? */
static bool load_is_written(const struct emul_chains *c, u64 pos, u32 len)
{
	u64 index;

	for (index = pos >> PAGE_SHIFT; index <= (pos + len - 1) >> PAGE_SHIFT; index++) {
		unsigned long *slot = emul_chain_slot(c, index);

		if (slot && emul_chain_newest(slot))
			return true;
	}
	return false;
}

static int load_data(struct emul_loader *l, const struct emul_stream_data *d, const u8 *data,
		     size_t size)
{
	u64 fetched = le64_to_cpu(d->fetched), pos = le64_to_cpu(d->pos), done = 0;
	u32 disk = le32_to_cpu(d->disk), len = le32_to_cpu(d->len);
	u32 flags = le32_to_cpu(d->flags);
	const struct emul_loaded *to;
	struct emul_record *r = NULL;
	u64 bytes;

	if (disk >= l->nr_disks || !len || len > EMUL_STREAM_MAX_DATA || (size && size != len) ||
	    (pos | len) % EMUL_GRAIN || flags & ~EMUL_STREAM_BAD || d->reserved ||
	    (flags && (size || fetched)))
		return -EINVAL;
	to = &l->disk[disk];
	bytes = to->nr_blocks << to->block_shift;
	if (pos > bytes || len > round_up(bytes, PAGE_SIZE) - pos)
		return -EINVAL;
	if (fetched) {
		r = xa_load(&l->records, fetched);
		if (!r || emul_op_is_flush(r->op) || r->chains != to->base->chains ||
		    (pos | len) & (min(1ULL << to->block_shift, PAGE_SIZE) - 1))
			return -EINVAL;
	} else if (load_is_written(to->base->chains, pos, len)) {
		return -EINVAL;
	}
	if (flags & EMUL_STREAM_BAD)
		return emul_bad_mark(to->base->chains->bad, pos, len);
	return emul_chain_write(to->base->chains, r, pos, size ? data : NULL, len, EMUL_GFP_WAIT,
				&done);
}

static int load_by_completion(const void *a, const void *b)
{
	const struct emul_record *x = *(void **)a, *y = *(void **)b;

	return x->completed < y->completed ? -1 : x->completed > y->completed;
}

/* Each instant is of one event. @all: what completed, in this order. */
static bool load_has_order(struct emul_loader *l, struct emul_record **all, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++)
		if ((i && all[i]->completed == all[i - 1]->completed) ||
		    xa_load(&l->records, all[i]->completed))
			return false;
	return true;
}

/* Flushes, and what they have not made durable, in the order of their completion. */
static int load_complete(struct emul_loader *l)
{
	struct emul_record **all, *r;
	unsigned long index, nr = 0, i;

	xa_for_each(&l->records, index, r)
		nr += !!r->completed;
	all = kvmalloc_array(nr ?: 1, sizeof(*all), GFP_KERNEL);
	if (!all)
		return -ENOMEM;
	nr = 0;
	xa_for_each(&l->records, index, r)
		if (r->completed)
			all[nr++] = r;
	sort(all, nr, sizeof(*all), load_by_completion, NULL);
	if (!load_has_order(l, all, nr)) {
		kvfree(all);
		return -EINVAL;
	}
	spin_lock_bh(&l->disk->base->chains->domain->lock);
	for (i = 0; i < nr; i++)
		if (emul_op_is_flush(all[i]->op) && !(all[i]->flags & EMUL_RECORD_FAILED))
			emul_flushes_add(&all[i]->chains->flushes, all[i]);
	for (i = 0; i < nr; i++)
		if (!emul_op_is_flush(all[i]->op) &&
		    !emul_record_is_safe(&all[i]->chains->flushes, all[i]))
			emul_cache_restore(&all[i]->chains->cache, all[i]);
	spin_unlock_bh(&l->disk->base->chains->domain->lock);
	kvfree(all);
	return 0;
}

static int load_end(struct emul_loader *l, const struct emul_stream_end *e)
{
	struct emul_domain *d = l->disk->base->chains->domain;
	int err;

	if (le64_to_cpu(e->nr) != l->nr_items || le32_to_cpu(e->crc) != l->crc)
		return -EBADMSG;
	if (e->reserved)
		return -EINVAL;
	err = load_complete(l);
	if (err)
		return err;
	spin_lock_bh(&d->lock);
	if (load_is_alone(l, d)) {
		d->oldest = l->oldest;
		d->now = l->now;
	} else {
		err = -EBUSY;
	}
	spin_unlock_bh(&d->lock);
	return err;
}

/* What items consist of, but for data. */
static const size_t load_size[] = {
	[EMUL_STREAM_HEADER] = sizeof(struct emul_stream_header),
	[EMUL_STREAM_DISK] = sizeof(struct emul_stream_disk),
	[EMUL_STREAM_RECORD] = sizeof(struct emul_stream_record),
	[EMUL_STREAM_MARK] = sizeof(struct emul_stream_mark),
	[EMUL_STREAM_DATA] = sizeof(struct emul_stream_data),
	[EMUL_STREAM_END] = sizeof(struct emul_stream_end),
};

static int load_what(struct emul_loader *l, enum emul_stream_type type, void *what, size_t data)
{
	switch (type) {
	case EMUL_STREAM_HEADER:
		return load_header(l, what);
	case EMUL_STREAM_DISK:
		return load_disk(l, what);
	case EMUL_STREAM_RECORD:
		return load_record(l, what);
	case EMUL_STREAM_MARK:
		return load_mark(l, what);
	case EMUL_STREAM_DATA:
		return load_data(l, what, what + load_size[EMUL_STREAM_DATA], data);
	case EMUL_STREAM_END:
		return load_end(l, what);
	}
	return -EINVAL;
}

/* Load an item that is complete, of @len bytes after its head. */
static int load_item(struct emul_loader *l, enum emul_stream_type type, size_t len)
{
	struct emul_pin *pin = l->nr_known ? &l->disk->base->view.pin : NULL;
	bool first = !l->type, is_header = type == EMUL_STREAM_HEADER;
	int err;

	/* A header first, then all disks. */
	if (type < l->type || first != is_header ||
	    (type > EMUL_STREAM_DISK && l->nr_known < l->nr_disks))
		return -EINVAL;
	if (type == l->type && (is_header || type == EMUL_STREAM_END))
		return -EINVAL;
	if (pin && !emul_pin_begin_read(pin))
		return -ESTALE;
	err = load_what(l, type, l->buf + sizeof(struct emul_stream_item),
			len - load_size[type]);
	if (pin)
		emul_pin_end_read(pin);
	if (err)
		return err;
	l->type = type;
	l->nr_items++;
	l->crc = crc32_le(l->crc, l->buf, sizeof(struct emul_stream_item) + len);
	return 0;
}

/* Return: bytes that the item in the buffer needs in all, 0 if it is none. */
static size_t load_want(const struct emul_loader *l)
{
	const struct emul_stream_item *item = (void *)l->buf;
	u32 type, len;

	if (l->len < sizeof(*item))
		return sizeof(*item);
	type = le32_to_cpu(item->type);
	len = le32_to_cpu(item->len);
	if (type >= ARRAY_SIZE(load_size) || !load_size[type] || len < load_size[type] ||
	    len > load_size[type] + (type == EMUL_STREAM_DATA ? EMUL_STREAM_MAX_DATA : 0))
		return 0;
	return sizeof(*item) + len;
}

/*
 * Load the next @len bytes. Context: may sleep. Return: 0; -EPROTONOSUPPORT if it is no such
 * stream, -EINVAL if something in it cannot be, -EBADMSG if its sum is wrong, -EXDEV if disks are
 * in several power domains, -EBUSY if something else happens in theirs, -ESTALE if recording has
 * ended, -ENOBUFS, -ENOSPC or -ENOMEM without memory, or what &emul_load_ops.disk returns. After an
 * error the stream cannot go on.
 */
int emul_loader_feed(struct emul_loader *l, const u8 *buf, size_t len)
{
	while (len) {
		size_t want = load_want(l), step;
		int err;

		if (!want)
			return l->type ? -EINVAL : -EPROTONOSUPPORT;
		step = min(len, want - l->len);
		memcpy(l->buf + l->len, buf, step);
		buf += step;
		len -= step;
		l->len += step;
		/* The head says how much more there is. */
		if (l->len < want || want == sizeof(struct emul_stream_item))
			continue;
		err = load_item(l, le32_to_cpu(((struct emul_stream_item *)l->buf)->type),
				l->len - sizeof(struct emul_stream_item));
		if (err)
			return err;
		l->len = 0;
		cond_resched();
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(emul_loader_feed);
