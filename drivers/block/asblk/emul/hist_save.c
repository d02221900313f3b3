// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "hist_save.h"

/* A page of data in pieces of a grain each, and as many heads. */
#define SAVE_BUF	(PAGE_SIZE + (PAGE_SIZE / EMUL_GRAIN) * \
			 (sizeof(struct emul_stream_item) + sizeof(struct emul_stream_data)))

/* The caller fills in @disk and @now. Context: may sleep. Return: NULL without memory. */
struct emul_saver *emul_saver_create(unsigned int nr_disks)
{
	struct emul_saver *s = kzalloc_obj(*s);

	if (!s)
		return NULL;
	s->nr_disks = nr_disks;
	s->type = EMUL_STREAM_HEADER;
	s->crc = ~0;
	s->disk = kvcalloc(nr_disks, sizeof(*s->disk), GFP_KERNEL);
	s->page = (u8 *)__get_free_page(GFP_KERNEL);
	s->buf = kmalloc(SAVE_BUF, GFP_KERNEL);
	if (s->disk && s->page && s->buf)
		return s;
	emul_saver_destroy(s);
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(emul_saver_create);

/* Context: may sleep. */
void emul_saver_destroy(struct emul_saver *s)
{
	unsigned int i;

	for (i = 0; s->disk && i < s->nr_disks; i++)
		if (s->disk[i].base)
			emul_base_close(s->disk[i].base);
	kfree(s->buf);
	free_page((unsigned long)s->page);
	kvfree(s->disk);
	kfree(s);
}
EXPORT_SYMBOL_IF_KUNIT(emul_saver_destroy);

/* Append an item: what it says, and @len bytes of data. */
static void save_item(struct emul_saver *s, enum emul_stream_type type, const void *what,
		      size_t size, const void *data, size_t len)
{
	struct emul_stream_item *item = (void *)(s->buf + s->len);

	item->type = cpu_to_le32(type);
	item->len = cpu_to_le32(size + len);
	memcpy(item + 1, what, size);
	memcpy((u8 *)(item + 1) + size, data, len);
	size += sizeof(*item) + len;
	s->crc = crc32_le(s->crc, (u8 *)item, size);
	s->len += size;
	s->nr_items++;
}

/* Go on with items of the next type. */
static void save_turn(struct emul_saver *s)
{
	s->type++;
	s->at = 0;
}

static void save_header(struct emul_saver *s)
{
	struct emul_stream_header h = {
		.version = cpu_to_le32(EMUL_STREAM_VERSION),
		.nr_disks = cpu_to_le32(s->nr_disks),
		.oldest = cpu_to_le64(s->disk->base->view.pin.at), .now = cpu_to_le64(s->now),
	};

	memcpy(h.magic, EMUL_STREAM_MAGIC, sizeof(h.magic));
	save_item(s, EMUL_STREAM_HEADER, &h, sizeof(h), NULL, 0);
	save_turn(s);
}

static void save_disk(struct emul_saver *s)
{
	const struct emul_saved *disk = &s->disk[s->at++];
	struct emul_stream_disk d = {
		.nr_blocks = cpu_to_le64(disk->nr_blocks),
		.block_size = cpu_to_le32(disk->block_size), .grain = cpu_to_le32(EMUL_GRAIN),
	};

	strscpy(d.name, disk->name);
	save_item(s, EMUL_STREAM_DISK, &d, sizeof(d), NULL, 0);
	if (s->at == s->nr_disks)
		save_turn(s);
}

/* Return: number of a record's disk, or %U32_MAX if that is not recorded any more. */
static u32 save_disk_of(const struct emul_saver *s, const struct emul_record *r)
{
	unsigned int i;

	for (i = 0; i < s->nr_disks; i++)
		if (s->disk[i].base->chains == r->chains)
			return i;
	return U32_MAX;
}

static const u8 save_ops[ASBLK_NR_OPS] = {
	[ASBLK_OP_WRITE] = 1,
	[ASBLK_OP_FLUSH] = 2,
	[ASBLK_OP_UNMAP] = 3,
	[ASBLK_OP_WRITE_ZEROES] = 4,
	[ASBLK_OP_SECURE_ERASE] = 5,
	[EMUL_OP_SPOIL] = 6,
};

/* What will have happened by the last instant that is saved. */
static __le64 save_instant(const struct emul_saver *s, u64 at)
{
	return cpu_to_le64(at <= s->now ? at : 0);
}

static void save_record(struct emul_saver *s)
{
	struct emul_domain *d = s->disk->base->view.pin.domain;
	struct emul_stream_record r = {};
	struct emul_record *record;

	spin_lock_bh(&d->lock);
	record = s->record ? list_next_entry(s->record, list) :
			     list_first_entry(&d->records, struct emul_record, list);
	if (list_entry_is_head(record, &d->records, list) || record->fetched > s->now) {
		spin_unlock_bh(&d->lock);
		save_turn(s);
		return;
	}
	s->record = record;
	r.fetched = cpu_to_le64(record->fetched);
	r.completed = save_instant(s, record->completed);
	r.durable = save_instant(s, record->durable);
	r.lba = cpu_to_le64(record->lba);
	r.nr_blocks = cpu_to_le64(record->nr_blocks);
	r.disk = cpu_to_le32(save_disk_of(s, record));
	r.queue = cpu_to_le16(record->queue);
	r.op = save_ops[record->op];
	r.flags = record->flags;
	spin_unlock_bh(&d->lock);
	if (le32_to_cpu(r.disk) != U32_MAX)
		save_item(s, EMUL_STREAM_RECORD, &r, sizeof(r), NULL, 0);
}

/* Of those that are added while this goes on none is saved. */
static void save_mark(struct emul_saver *s)
{
	struct emul_stream_mark m = {};
	u64 at;

	if (!emul_marks_get(&s->disk->base->power->marks, s->at++, &at, m.name)) {
		save_turn(s);
		return;
	}
	m.at = cpu_to_le64(at);
	if (at <= s->now)
		save_item(s, EMUL_STREAM_MARK, &m, sizeof(m), NULL, 0);
}

/* Return: whether there is anything but zeroes, which need not be saved. */
static bool save_grain(struct emul_saver *s, unsigned int grain, const void *from)
{
	memcpy(s->page + grain * EMUL_GRAIN, from, EMUL_GRAIN);
	return memchr_inv(from, 0, EMUL_GRAIN);
}

/*
 * Collect the grains @want as they were before version @v of the page and all newer ones, or as
 * they are if @v is NULL. Return: those that are not zeroes. Under the chain's lock, if there is
 * a chain.
 */
static u64 save_collect(struct emul_saver *s, const struct emul_version *v, const void *page,
			u64 want)
{
	u64 have = 0;

	for (; v && want; v = v->newer) {
		u64 of = v->covers & want;

		want &= ~of;
		for (of &= v->present; of; of &= of - 1) {
			unsigned int grain = __ffs64(of);

			if (save_grain(s, grain, v->before + (grain - v->first) * EMUL_GRAIN))
				have |= BIT_ULL(grain);
		}
	}
	for (; page && want; want &= want - 1) {
		unsigned int grain = __ffs64(want);

		if (save_grain(s, grain, page + grain * EMUL_GRAIN))
			have |= BIT_ULL(grain);
	}
	return have;
}

/* The grains @want that could not be read before version @v of page @index and all newer ones. */
static u64 save_collect_bad(const struct emul_chains *c, const struct emul_version *v, u64 index,
			    u64 want)
{
	u64 bad = 0;

	for (; v && want; v = v->newer) {
		bad |= v->covers & want & v->bad;
		want &= ~v->covers;
	}
	return bad | (want ? emul_chain_bad(c, index, want) : 0);
}

/* The grains @which of the page, with data or not; or as @flags says. */
static void save_grains(struct emul_saver *s, const struct emul_record *r, u64 which, u64 have,
			u32 flags)
{
	u64 pos = s->index << PAGE_SHIFT;

	while (which) {
		unsigned int from = __ffs64(which), nr = 0;
		bool data = have & BIT_ULL(from);
		struct emul_stream_data d;

		while (from + nr < PAGE_SIZE / EMUL_GRAIN && which & BIT_ULL(from + nr) &&
		       data == !!(have & BIT_ULL(from + nr)))
			which &= ~BIT_ULL(from + nr++);
		d = (struct emul_stream_data) {
			.fetched = cpu_to_le64(r ? r->fetched : 0),
			.pos = cpu_to_le64(pos + from * EMUL_GRAIN),
			.disk = cpu_to_le32(s->at), .len = cpu_to_le32(nr * EMUL_GRAIN),
			.flags = cpu_to_le32(flags),
		};
		save_item(s, EMUL_STREAM_DATA, &d, sizeof(d), s->page + from * EMUL_GRAIN,
			  data ? nr * EMUL_GRAIN : 0);
	}
}

static void save_next_page(struct emul_saver *s)
{
	s->index++;
	s->version = NULL;
	s->in_page = false;
}

/* What was in a page before all of its versions, of which @oldest is the first, or NULL. */
static u64 save_collect_before(struct emul_saver *s, const struct emul_chains *c,
			       const struct emul_version *oldest, u64 *bad)
{
	u64 all = emul_grains(0, PAGE_SIZE);

	*bad = save_collect_bad(c, oldest, s->index, all);
	return save_collect(s, oldest, emul_store_find(c->store, s->index), all);
}

/* The same, with the chain of them. */
static u64 save_collect_chain(struct emul_saver *s, const struct emul_chains *c,
			      unsigned long *slot, u64 *bad)
{
	const struct emul_version *oldest;
	u64 have;

	emul_chain_lock(slot);
	for (oldest = emul_chain_newest(slot); oldest && oldest->older; )
		oldest = oldest->older;
	have = save_collect_before(s, c, oldest, bad);
	emul_chain_unlock(slot);
	return have;
}

static void save_before(struct emul_saver *s, const struct emul_chains *c)
{
	unsigned long *slot;
	u64 have, bad;

	do {
		slot = emul_chain_slot(c, s->index);
		rcu_read_lock();
		have = slot ? save_collect_chain(s, c, slot, &bad) :
			      save_collect_before(s, c, NULL, &bad);
		rcu_read_unlock();
		/* Before a page is changed it gets a chain: pairs with emul_chain_add_leaf(). */
		smp_rmb();
	} while (!slot && emul_chain_slot(c, s->index));
	save_grains(s, NULL, have & ~bad, have, 0);
	save_grains(s, NULL, bad, 0, EMUL_STREAM_BAD);
	s->in_page = true;
	s->version = NULL;
	if (!slot)
		save_next_page(s);
}

/* What the next version of a page wrote. Only those that are to come are added meanwhile. */
static void save_version(struct emul_saver *s, const struct emul_chains *c)
{
	unsigned long *slot = emul_chain_slot(c, s->index);
	struct emul_version *v = NULL;
	u64 which = 0, have = 0;

	/* What is loaded is a version for each item: it has whole blocks, like this one. */
	memset(s->page, 0, PAGE_SIZE);
	rcu_read_lock();
	emul_chain_lock(slot);
	if (s->version)
		v = s->version->newer;
	else
		for (v = emul_chain_newest(slot); v && v->older; )
			v = v->older;
	if (v && v->record->fetched <= s->now) {
		which = v->covers;
		have = save_collect(s, v->newer, emul_store_find(c->store, s->index), which);
	}
	emul_chain_unlock(slot);
	rcu_read_unlock();
	s->version = v;
	if (v)
		save_grains(s, v->record, which, have ? which : 0, 0);
	else
		save_next_page(s);
}

/* Has nothing ever been written to this page and those that follow in its leaf? */
static bool save_is_empty(const struct emul_chains *c, u64 index)
{
	u64 bytes = (round_up(index + 1, STORE_LEAF_ENTRIES) - index) << PAGE_SHIFT;

	return !store_leaf(c->store, index) && !emul_chain_slot(c, index) &&
	       emul_bad_find(c->bad, index << PAGE_SHIFT, bytes) == bytes;
}

static void save_data(struct emul_saver *s)
{
	const struct emul_chains *c = s->disk[s->at].base->chains;
	u64 end = DIV_ROUND_UP(s->disk[s->at].nr_blocks * s->disk[s->at].block_size, PAGE_SIZE);

	if (s->in_page) {
		save_version(s, c);
		return;
	}
	/* Of most disks most pages were never written. */
	while (s->index < end && save_is_empty(c, s->index))
		s->index = min(end, round_up(s->index + 1, STORE_LEAF_ENTRIES));
	if (s->index < end) {
		save_before(s, c);
	} else {
		s->index = 0;
		if (++s->at == s->nr_disks)
			save_turn(s);
	}
}

static void save_end(struct emul_saver *s)
{
	struct emul_stream_end e = {
		.nr = cpu_to_le64(s->nr_items), .crc = cpu_to_le32(s->crc),
	};

	save_item(s, EMUL_STREAM_END, &e, sizeof(e), NULL, 0);
	save_turn(s);
}

static void save_step(struct emul_saver *s)
{
	switch (s->type) {
	case EMUL_STREAM_HEADER:
		save_header(s);
		break;
	case EMUL_STREAM_DISK:
		save_disk(s);
		break;
	case EMUL_STREAM_RECORD:
		save_record(s);
		break;
	case EMUL_STREAM_MARK:
		save_mark(s);
		break;
	case EMUL_STREAM_DATA:
		save_data(s);
		break;
	case EMUL_STREAM_END:
		save_end(s);
		break;
	}
}

/*
 * Fill @s->buf with the next items, @s->len bytes. Context: may sleep. Return: 0, with none at the
 * end of the stream; -ESTALE if the history has ended, or -EINTR.
 */
int emul_saver_next(struct emul_saver *s)
{
	int err = 0;

	s->len = 0;
	while (!err && !s->len && s->type <= EMUL_STREAM_END) {
		if (!emul_pin_begin_read(&s->disk->base->view.pin))
			return -ESTALE;
		save_step(s);
		emul_pin_end_read(&s->disk->base->view.pin);
		cond_resched();
		if (fatal_signal_pending(current))
			err = -EINTR;
	}
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(emul_saver_next);
