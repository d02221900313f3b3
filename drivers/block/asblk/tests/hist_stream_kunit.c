// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of emul/hist_save.c and hist_load.c: what is loaded is what was saved, and of a stream
 * that is damaged nothing stays.
 */
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include "compat.h"
#include "emul/hist_command.h"
#include "emul/hist_load.h"
#include "emul/hist_save.h"
#include "test_hist.h"

#define NR_DISKS	2
#define DISK_BYTES	SZ_1M
#define STREAM_BYTES	SZ_64K

/**
 * struct stream_disk - a disk that is recorded
 * @store: medium
 * @bad: what of it cannot be read
 * @rec: recorder
 */
struct stream_disk {
	struct emul_store store;
	struct emul_bad_blocks bad;
	struct emul_recorder rec;
};

/**
 * struct stream_test - what a test case has
 * @budget: of all media
 * @from: disks that were saved
 * @to: disks to load
 * @stream: what was saved
 * @len: bytes of it
 * @copy: of that, to be damaged
 */
struct stream_test {
	struct emul_budget budget;
	struct stream_disk from[NR_DISKS];
	struct stream_disk to[NR_DISKS];
	u8 *stream;
	size_t len;
	u8 *copy;
};

static const char *const stream_names[NR_DISKS] = { "one", "two" };

static void stream_begin(struct kunit *test, struct stream_disk *d, const char *domain)
{
	const struct emul_history_options o = { .domain = domain, .limit = SZ_8M };

	KUNIT_ASSERT_EQ(test, emul_recorder_begin(&d->rec, &o), 0);
}

/*
 * Write to @nr blocks from @lba on, all bytes of them @fill, 0 for zeroes without data, or 0xff to
 * make them unreadable.
 */
static struct emul_record *stream_write(struct kunit *test, struct stream_disk *d, u8 flags,
					u64 lba, u64 nr, u8 fill)
{
	struct stream_test *t = test->priv;
	struct emul_record what = {
		.op = fill == 0xff ? EMUL_OP_SPOIL : ASBLK_OP_WRITE, .flags = flags, .lba = lba,
		.nr_blocks = nr,
		.block_shift = SECTOR_SHIFT, .queue = fill,
	}, *r;
	bool data = fill && fill != 0xff;
	u64 done = 0;

	KUNIT_ASSERT_EQ(test, emul_record_begin(&d->rec, &what, GFP_KERNEL, &r), 0);
	KUNIT_ASSERT_NOT_NULL(test, r);
	memset(t->copy, fill, nr << SECTOR_SHIFT);
	KUNIT_ASSERT_EQ(test, emul_chain_write(r->chains, r, lba << SECTOR_SHIFT,
					       data ? t->copy : NULL, nr << SECTOR_SHIFT,
					       GFP_KERNEL, &done), 0);
	return r;
}

static void stream_command(struct kunit *test, struct stream_disk *d, u8 op, u64 lba, u64 nr)
{
	struct emul_record what = {
		.op = op, .lba = lba, .nr_blocks = nr, .block_shift = SECTOR_SHIFT,
	}, *r;

	KUNIT_ASSERT_EQ(test, emul_record_begin(&d->rec, &what, GFP_KERNEL, &r), 0);
	KUNIT_ASSERT_NOT_NULL(test, r);
	if (op == ASBLK_OP_UNMAP)
		KUNIT_ASSERT_EQ(test, emul_chain_unmap(r->chains, r, lba << SECTOR_SHIFT,
						       nr << SECTOR_SHIFT), 0);
	emul_record_end(r, false);
}

/* What is saved of disks is what they have recorded by now. */
static struct emul_saver *stream_saver(struct kunit *test, struct stream_disk *disk)
{
	struct emul_saver *s = emul_saver_create(NR_DISKS);
	unsigned int i;
	u64 oldest;

	KUNIT_ASSERT_NOT_NULL(test, s);
	for (i = 0; i < NR_DISKS; i++) {
		KUNIT_ASSERT_EQ(test, emul_recorder_instants(&disk[i].rec, &oldest, &s->now), 0);
		s->disk[i].base = emul_base_open(&disk[i].rec, oldest);
		KUNIT_ASSERT_FALSE(test, IS_ERR(s->disk[i].base));
		strscpy(s->disk[i].name, stream_names[i]);
		s->disk[i].nr_blocks = DISK_BYTES >> SECTOR_SHIFT;
		s->disk[i].block_size = SECTOR_SIZE;
	}
	return s;
}

/* Save into @buf of %STREAM_BYTES. Return: bytes. */
static size_t stream_save(struct kunit *test, struct emul_saver *s, u8 *buf)
{
	size_t len = 0;
	int err;

	while (!(err = emul_saver_next(s)) && s->len) {
		KUNIT_ASSERT_LE(test, len + s->len, STREAM_BYTES);
		memcpy(buf + len, s->buf, s->len);
		len += s->len;
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	emul_saver_destroy(s);
	return len;
}

/*
 * Two disks with some of everything: writes of one grain and of more than a page, one over the
 * other, one that is one piece, one with FUA, zeroes, a discard, blocks that cannot be read,
 * flushes, marks, and one that is in flight. While they are saved they go on.
 */
static void stream_fill(struct kunit *test)
{
	struct stream_test *t = test->priv;
	struct stream_disk *one = &t->from[0], *two = &t->from[1];
	struct emul_record *r;
	struct emul_saver *s;
	u64 at;

	KUNIT_ASSERT_EQ(test, emul_bad_mark(&one->bad, 12 << SECTOR_SHIFT, SZ_2K), 0);
	KUNIT_ASSERT_EQ(test, emul_bad_mark(&two->bad, SZ_512K, SZ_512), 0);
	emul_record_end(stream_write(test, one, 0, 0, 1, 1), false);
	emul_record_end(stream_write(test, one, EMUL_RECORD_WHOLE, 0, 2, 2), false);
	stream_command(test, one, ASBLK_OP_FLUSH, 0, 0);
	KUNIT_ASSERT_EQ(test, emul_recorder_mark(&one->rec, "flushed", &at), 0);
	emul_record_end(stream_write(test, two, EMUL_RECORD_FUA, 40, 1, 3), false);
	emul_record_end(stream_write(test, one, 0, 1, 1, 4), true);
	r = stream_write(test, two, 0, 6, 4, 5);
	emul_record_end(stream_write(test, two, 0, 8, 1, 0), false);
	stream_command(test, one, ASBLK_OP_UNMAP, 0, 8);
	stream_command(test, two, ASBLK_OP_FLUSH, 0, 0);
	emul_record_end(stream_write(test, one, 0, 1, 1, 6), false);
	emul_record_end(stream_write(test, one, 0, 10, 3, 0xff), false);
	emul_record_end(stream_write(test, one, 0, 11, 3, 8), false);
	emul_record_end(stream_write(test, two, 0, 8, 3, 0xff), false);
	KUNIT_ASSERT_EQ(test, emul_recorder_mark(&one->rec, "end", &at), 0);
	s = stream_saver(test, t->from);
	emul_record_end(r, false);
	emul_record_end(stream_write(test, one, EMUL_RECORD_FUA, 0, 2, 7), false);
	stream_command(test, two, ASBLK_OP_FLUSH, 0, 0);
	KUNIT_ASSERT_EQ(test, emul_recorder_mark(&one->rec, "late", &at), 0);
	t->len = stream_save(test, s, t->stream);
}

static int stream_test_init(struct kunit *test)
{
	struct stream_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	t->stream = kunit_kmalloc(test, STREAM_BYTES, GFP_KERNEL);
	t->copy = kunit_kmalloc(test, STREAM_BYTES, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, t->stream && t->copy);
	emul_budget_init(&t->budget, SZ_16M);
	for (i = 0; i < 2 * NR_DISKS; i++) {
		struct stream_disk *d = i % 2 ? &t->to[i / 2] : &t->from[i / 2];

		KUNIT_ASSERT_EQ(test, emul_store_init(&d->store, DISK_BYTES, &t->budget), 0);
		emul_bad_init(&d->bad, &t->budget);
		emul_recorder_init(&d->rec, &d->store, &d->bad);
		if (d == &t->from[i / 2])
			stream_begin(test, d, "from");
	}
	stream_fill(test);
	return 0;
}

/* Forget what was loaded: nothing of it stays. */
static void stream_forget(struct kunit *test)
{
	struct stream_test *t = test->priv;
	struct emul_base *base = NULL;
	unsigned int i;
	u64 oldest, now;

	/* The domain stays a little longer. */
	if (!emul_recorder_instants(&t->to[0].rec, &oldest, &now)) {
		base = emul_base_open(&t->to[0].rec, oldest);
		KUNIT_ASSERT_FALSE(test, IS_ERR(base));
	}
	for (i = 0; i < NR_DISKS; i++) {
		emul_recorder_exit(&t->to[i].rec);
		emul_store_unmap(&t->to[i].store, 0, DISK_BYTES, false);
		emul_bad_heal(&t->to[i].bad, 0, S64_MAX);
		emul_recorder_init(&t->to[i].rec, &t->to[i].store, &t->to[i].bad);
		KUNIT_EXPECT_EQ(test, atomic_long_read(&t->to[i].store.pages), 0);
	}
	if (!base)
		return;
	KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&base->power->domain.budget.used),
			list_count_nodes(&base->power->marks.list) * sizeof(struct emul_mark));
	emul_base_close(base);
}

static void stream_test_exit(struct kunit *test)
{
	struct stream_test *t = test->priv;
	unsigned int i;

	stream_forget(test);
	for (i = 0; i < NR_DISKS; i++) {
		emul_recorder_exit(&t->from[i].rec);
		emul_recorder_exit(&t->to[i].rec);
		emul_store_unmap(&t->from[i].store, 0, DISK_BYTES, false);
		emul_bad_heal(&t->from[i].bad, 0, S64_MAX);
		emul_store_exit(&t->from[i].store);
		emul_store_exit(&t->to[i].store);
	}
	KUNIT_EXPECT_EQ(test, atomic64_read(&t->budget.used), 0);
}

/* As the owner of real disks: a store holds so much. */
static struct emul_recorder *stream_disk(void *data, unsigned int nr, const char *name,
					 u64 nr_blocks, u32 block_size)
{
	struct kunit *test = data;
	struct stream_test *t = test->priv;

	if (nr >= NR_DISKS || nr_blocks > DISK_BYTES / block_size)
		return ERR_PTR(-EFBIG);
	stream_begin(test, &t->to[nr], "to");
	return &t->to[nr].rec;
}

static const struct emul_load_ops stream_ops = { .disk = stream_disk };

static struct emul_loader *stream_loader(struct kunit *test)
{
	struct emul_loader *l = emul_loader_create(&stream_ops, test);

	KUNIT_ASSERT_NOT_NULL(test, l);
	return l;
}

/*
 * Load @len bytes, @step at a time. @complete: is set to whether that is all; @items: to the number
 * of items that were loaded. Return: as emul_loader_feed().
 */
static int stream_load_items(struct kunit *test, const u8 *from, size_t len, size_t step,
			     bool *complete, u64 *items)
{
	struct emul_loader *l = stream_loader(test);
	int err = 0;
	size_t at;

	for (at = 0; at < len && !err; at += step)
		err = emul_loader_feed(l, from + at, min(step, len - at));
	*complete = emul_loader_is_complete(l);
	*items = l->nr_items;
	emul_loader_destroy(l);
	return err;
}

static int stream_load(struct kunit *test, const u8 *from, size_t len, size_t step,
		       bool *complete)
{
	u64 items;

	return stream_load_items(test, from, len, step, complete, &items);
}

/* What a view shows of the first blocks of a disk: all ones of one that cannot be read. */
static void stream_look(struct kunit *test, struct emul_base *base, u8 *to)
{
	u64 pos;
	int err;

	for (pos = 0; pos < SZ_16K; pos += SECTOR_SIZE) {
		err = emul_view_read(&base->view, base->chains, pos, to + pos, SECTOR_SIZE,
				     SECTOR_SHIFT);
		if (err == -EIO)
			memset(to + pos, 0xff, SECTOR_SIZE);
		else
			KUNIT_ASSERT_EQ(test, err, 0);
	}
}

/* What a view shows is the same, whatever becomes of what is undecided. */
static void stream_compare(struct kunit *test, u64 at, const struct emul_fate *fate)
{
	struct stream_test *t = test->priv;
	struct emul_base *from, *to;
	unsigned int i;

	for (i = 0; i < NR_DISKS; i++) {
		from = emul_base_open(&t->from[i].rec, at);
		to = emul_base_open(&t->to[i].rec, at);
		KUNIT_ASSERT_FALSE(test, IS_ERR(from) || IS_ERR(to));
		from->view.fate = *fate;
		to->view.fate = *fate;
		stream_look(test, from, t->copy);
		stream_look(test, to, t->copy + SZ_16K);
		KUNIT_EXPECT_TRUE(test, !memcmp(t->copy, t->copy + SZ_16K, SZ_16K));
		KUNIT_EXPECT_EQ(test, from->view.decisions.nr_asked, to->view.decisions.nr_asked);
		emul_base_close(from);
		emul_base_close(to);
	}
}

/* What was loaded is saved as the same bytes, and looks the same at each instant. */
static void stream_same(struct kunit *test)
{
	static const size_t steps[] = { 1, 7, 4096, STREAM_BYTES };
	struct stream_test *t = test->priv;
	struct emul_fate fate = {};
	u64 oldest, now, at;
	unsigned int i;
	bool complete;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		KUNIT_EXPECT_EQ(test, stream_load(test, t->stream, t->len, steps[i], &complete), 0);
		KUNIT_EXPECT_TRUE(test, complete);
		KUNIT_EXPECT_EQ(test, stream_save(test, stream_saver(test, t->to), t->copy),
				t->len);
		KUNIT_EXPECT_MEMEQ(test, t->copy, t->stream, t->len);
		if (i + 1 < ARRAY_SIZE(steps))
			stream_forget(test);
	}
	KUNIT_ASSERT_EQ(test, emul_recorder_instants(&t->to[0].rec, &oldest, &now), 0);
	for (at = oldest; at <= now; at++) {
		for (fate.seed = 0; fate.seed < 16; fate.seed++) {
			fate.policy = EMUL_POLICY_SEED;
			fate.lost_share = 50;
			stream_compare(test, at, &fate);
		}
		fate.policy = EMUL_POLICY_NONE;
		stream_compare(test, at, &fate);
		fate.policy = EMUL_POLICY_ALL;
		stream_compare(test, at, &fate);
	}
}

static size_t item_size(const u8 *item)
{
	return sizeof(struct emul_stream_item) +
	       le32_to_cpu(((const struct emul_stream_item *)item)->len);
}

/* A stream that ends early is not complete, wherever it ends, and nothing of it stays. */
static void stream_short(struct kunit *test)
{
	struct stream_test *t = test->priv;
	struct emul_loader *l = stream_loader(test);
	size_t at;
	bool complete;

	for (at = 0; at < t->len; at++) {
		KUNIT_ASSERT_FALSE(test, emul_loader_is_complete(l));
		KUNIT_ASSERT_EQ(test, emul_loader_feed(l, t->stream + at, 1), 0);
	}
	KUNIT_EXPECT_TRUE(test, emul_loader_is_complete(l));
	/* Nothing comes after its end. */
	KUNIT_EXPECT_EQ(test, emul_loader_feed(l, t->stream, item_size(t->stream)), -EINVAL);
	emul_loader_destroy(l);
	stream_forget(test);
	for (at = 0; at < t->len; at += item_size(t->stream + at)) {
		size_t half = at + item_size(t->stream + at) / 2;

		KUNIT_EXPECT_EQ(test, stream_load(test, t->stream, at, at, &complete), 0);
		KUNIT_EXPECT_FALSE(test, complete);
		stream_forget(test);
		KUNIT_EXPECT_EQ(test, stream_load(test, t->stream, half, half, &complete), 0);
		KUNIT_EXPECT_FALSE(test, complete);
		stream_forget(test);
	}
}

/* Whatever bit is wrong, the stream is refused. */
static void stream_bits(struct kunit *test)
{
	struct stream_test *t = test->priv;
	size_t at, stride = HIST_STRIDE, refused = 0;
	bool complete;
	int err;

	memcpy(t->copy, t->stream, t->len);
	for (at = 0; at < t->len; at += stride) {
		t->copy[at] ^= 1 << at % 8;
		err = stream_load(test, t->copy, t->len, t->len, &complete);
		/* If only a length is wrong, the rest is the middle of an item. */
		KUNIT_EXPECT_TRUE_MSG(test, err || !complete, "byte %zu", at);
		KUNIT_EXPECT_FALSE(test, complete);
		refused += !!err;
		stream_forget(test);
		t->copy[at] = t->stream[at];
	}
	kunit_info(test, "%zu bytes, %zu refused\n", t->len, refused);
	KUNIT_EXPECT_GT(test, refused, 0);
}

/**
 * struct field_param - a field that is wrong, in a stream of which the sum is right
 * @name: what it is
 * @type: kind of the item
 * @nr: which of these
 * @offset: of the field in the item, with its head
 * @size: bytes of it
 * @value: what it says
 * @err: what the loader says
 * @late: of a later item, which does not fit to it
 */
struct field_param {
	const char *name;
	enum emul_stream_type type;
	unsigned int nr;
	size_t offset;
	size_t size;
	u64 value;
	int err;
	bool late;
};

#define HEAD(field)	offsetof(struct emul_stream_item, field), \
			sizeof_field(struct emul_stream_item, field)
#define FIELD(of, field) \
	sizeof(struct emul_stream_item) + offsetof(struct emul_stream_##of, field), \
	sizeof_field(struct emul_stream_##of, field)
/* The last byte of a name */
#define LAST(of, field) \
	sizeof(struct emul_stream_item) + offsetofend(struct emul_stream_##of, field) - 1, 1
#define FIRST(of, field) \
	sizeof(struct emul_stream_item) + offsetof(struct emul_stream_##of, field), 1

#define DISK_BLOCKS	(DISK_BYTES >> SECTOR_SHIFT)

static const struct field_param field_params[] = {
	{ "no such item", EMUL_STREAM_MARK, 0, HEAD(type), 7, -EINVAL },
	{ "no item", EMUL_STREAM_MARK, 0, HEAD(type), 0, -EINVAL },
	{ "no header", EMUL_STREAM_HEADER, 0, HEAD(type), 2, -EPROTONOSUPPORT },
	{ "short item", EMUL_STREAM_RECORD, 0, HEAD(len), 1, -EINVAL },
	{ "long item", EMUL_STREAM_RECORD, 0, HEAD(len), 1000, -EINVAL },
	{ "long data", EMUL_STREAM_DATA, 0, HEAD(len), SZ_128K, -EINVAL },
	{ "longest item", EMUL_STREAM_DATA, 0, HEAD(len), U32_MAX, -EINVAL },
	{ "two headers", EMUL_STREAM_DISK, 0, HEAD(type), EMUL_STREAM_HEADER, -EINVAL },
	{ "magic", EMUL_STREAM_HEADER, 0, FIRST(header, magic), 'A', -EPROTONOSUPPORT },
	{ "version", EMUL_STREAM_HEADER, 0, FIELD(header, version), 2, -EPROTONOSUPPORT },
	{ "no version", EMUL_STREAM_HEADER, 0, FIELD(header, version), 0, -EPROTONOSUPPORT },
	{ "no disks", EMUL_STREAM_HEADER, 0, FIELD(header, nr_disks), 0, -EINVAL },
	{ "too few disks", EMUL_STREAM_HEADER, 0, FIELD(header, nr_disks), 3, -EINVAL, true },
	{ "too many disks", EMUL_STREAM_HEADER, 0, FIELD(header, nr_disks), 1, -EINVAL, true },
	{ "far too many disks", EMUL_STREAM_HEADER, 0, FIELD(header, nr_disks), U32_MAX,
	  -EINVAL },
	{ "oldest after now", EMUL_STREAM_HEADER, 0, FIELD(header, oldest), 1000, -EINVAL },
	{ "now too early", EMUL_STREAM_HEADER, 0, FIELD(header, now), 3, -EINVAL, true },
	{ "nothing after now", EMUL_STREAM_HEADER, 0, FIELD(header, now), U64_MAX, -EINVAL },
	{ "endless disk name", EMUL_STREAM_DISK, 0, LAST(disk, name), 'x', -EINVAL },
	{ "empty disk", EMUL_STREAM_DISK, 0, FIELD(disk, nr_blocks), 0, -EINVAL },
	{ "disk too large", EMUL_STREAM_DISK, 1, FIELD(disk, nr_blocks), DISK_BLOCKS + 1,
	  -EFBIG },
	{ "disk far too large", EMUL_STREAM_DISK, 0, FIELD(disk, nr_blocks), U64_MAX >> 9,
	  -EFBIG },
	{ "disk without end", EMUL_STREAM_DISK, 0, FIELD(disk, nr_blocks), U64_MAX, -EINVAL },
	{ "disk too small", EMUL_STREAM_DISK, 0, FIELD(disk, nr_blocks), 1, -EINVAL, true },
	{ "no block size", EMUL_STREAM_DISK, 0, FIELD(disk, block_size), 0, -EINVAL },
	{ "odd block size", EMUL_STREAM_DISK, 0, FIELD(disk, block_size), 513, -EINVAL },
	{ "small blocks", EMUL_STREAM_DISK, 0, FIELD(disk, block_size), 256, -EINVAL },
	{ "large blocks", EMUL_STREAM_DISK, 0, FIELD(disk, block_size), SZ_128K, -EINVAL },
	{ "no grain", EMUL_STREAM_DISK, 0, FIELD(disk, grain), 0, -EINVAL },
	{ "odd grain", EMUL_STREAM_DISK, 0, FIELD(disk, grain), 100, -EINVAL },
	{ "never fetched", EMUL_STREAM_RECORD, 0, FIELD(record, fetched), 0, -EINVAL },
	{ "fetched out of order", EMUL_STREAM_RECORD, 1, FIELD(record, fetched), 1, -EINVAL },
	{ "fetched after now", EMUL_STREAM_RECORD, 1, FIELD(record, fetched), 1000, -EINVAL },
	{ "completed too early", EMUL_STREAM_RECORD, 1, FIELD(record, completed), 1, -EINVAL },
	{ "completed after now", EMUL_STREAM_RECORD, 1, FIELD(record, completed), 1000, -EINVAL },
	{ "completed with another", EMUL_STREAM_RECORD, 0, FIELD(record, completed), 4, -EINVAL,
	  true },
	{ "completed as another is fetched", EMUL_STREAM_RECORD, 0, FIELD(record, completed), 3,
	  -EINVAL, true },
	{ "durable too early", EMUL_STREAM_RECORD, 1, FIELD(record, durable), 1, -EINVAL },
	{ "durable after now", EMUL_STREAM_RECORD, 1, FIELD(record, durable), 1000, -EINVAL },
	{ "first block beyond the end", EMUL_STREAM_RECORD, 0, FIELD(record, lba), DISK_BLOCKS + 1,
	  -EINVAL },
	{ "more blocks than the disk", EMUL_STREAM_RECORD, 0, FIELD(record, nr_blocks),
	  DISK_BLOCKS + 1, -EINVAL },
	{ "command of no disk", EMUL_STREAM_RECORD, 0, FIELD(record, disk), NR_DISKS, -EINVAL },
	{ "no operation", EMUL_STREAM_RECORD, 0, FIELD(record, op), 0, -EINVAL },
	{ "unknown operation", EMUL_STREAM_RECORD, 0, FIELD(record, op), 7, -EINVAL },
	{ "unknown flag", EMUL_STREAM_RECORD, 0, FIELD(record, flags), 8, -EINVAL },
	{ "mark after now", EMUL_STREAM_MARK, 0, FIELD(mark, at), 1000, -EINVAL },
	{ "endless mark", EMUL_STREAM_MARK, 0, LAST(mark, name), 'x', -EINVAL },
	{ "mark without a name", EMUL_STREAM_MARK, 0, FIRST(mark, name), 0, -EINVAL },
	{ "mark that is no name", EMUL_STREAM_MARK, 0, FIRST(mark, name), '\n', -EINVAL },
	{ "mark that is a number", EMUL_STREAM_MARK, 0, FIRST(mark, name), '1', -EINVAL },
	{ "data of no command", EMUL_STREAM_DATA, 0, FIELD(data, fetched), 2, -EINVAL },
	{ "data of a flush", EMUL_STREAM_DATA, 0, FIELD(data, fetched), 5, -EINVAL },
	{ "data from before, after a command", EMUL_STREAM_DATA, 1, FIELD(data, fetched), 0,
	  -EINVAL },
	{ "data of another disk's", EMUL_STREAM_DATA, 0, FIELD(data, disk), 1, -EINVAL },
	{ "data of no disk", EMUL_STREAM_DATA, 0, FIELD(data, disk), NR_DISKS, -EINVAL },
	{ "data beyond the end", EMUL_STREAM_DATA, 0, FIELD(data, pos), DISK_BYTES, -EINVAL },
	{ "data far beyond the end", EMUL_STREAM_DATA, 0, FIELD(data, pos), -SECTOR_SIZE,
	  -EINVAL },
	{ "data within a block", EMUL_STREAM_DATA, 0, FIELD(data, pos), 1, -EINVAL },
	{ "no data", EMUL_STREAM_DATA, 0, FIELD(data, len), 0, -EINVAL },
	{ "another length of data", EMUL_STREAM_DATA, 0, FIELD(data, len), SZ_8K, -EINVAL },
	{ "more data than fits", EMUL_STREAM_DATA, 0, FIELD(data, len), SZ_128K, -EINVAL },
	{ "unknown flag of data", EMUL_STREAM_DATA, 0, FIELD(data, flags), 2, -EINVAL },
	{ "data that cannot be read", EMUL_STREAM_DATA, 0, FIELD(data, flags), 1, -EINVAL },
	{ "reserved of data", EMUL_STREAM_DATA, 0, FIELD(data, reserved), 1, -EINVAL },
	{ "an item lost", EMUL_STREAM_END, 0, FIELD(end, nr), 1, -EBADMSG },
	{ "another sum", EMUL_STREAM_END, 0, FIELD(end, crc), 1, -EBADMSG },
	{ "reserved", EMUL_STREAM_END, 0, FIELD(end, reserved), 1, -EINVAL },
};
KUNIT_ARRAY_PARAM_DESC(field, field_params, name);

/* Where in the copy item @nr of its type is; @before: is set to the number of items before it. */
static u8 *copy_find(struct kunit *test, enum emul_stream_type type, unsigned int nr, u64 *before)
{
	struct stream_test *t = test->priv;
	u8 *at = t->copy;

	for (*before = 0; at < t->copy + t->len; at += item_size(at), ++*before)
		if (le32_to_cpu(((struct emul_stream_item *)at)->type) == type && !nr--)
			break;
	KUNIT_ASSERT_PTR_NE(test, at, t->copy + t->len);
	return at;
}

/* One field is wrong: it is that which the loader does not like, and it forgets all else. */
static void stream_fields(struct kunit *test)
{
	const struct field_param *p = test->param_value;
	struct stream_test *t = test->priv;
	u64 before, items, all;
	u8 *item, *end;
	bool complete;

	memcpy(t->copy, t->stream, t->len);
	item = copy_find(test, p->type, p->nr, &before);
	end = copy_find(test, EMUL_STREAM_END, 0, &all);
	KUNIT_ASSERT_NE(test, memcmp(item + p->offset, &(__le64){ cpu_to_le64(p->value) },
				     p->size), 0);
	memcpy(item + p->offset, &(__le64){ cpu_to_le64(p->value) }, p->size);
	if (item != end)
		put_unaligned_le32(crc32_le(~0, t->copy, end - t->copy),
				   end + sizeof(struct emul_stream_item) +
				   offsetof(struct emul_stream_end, crc));
	KUNIT_EXPECT_EQ(test, stream_load_items(test, t->copy, t->len, t->len, &complete, &items),
			p->err);
	KUNIT_EXPECT_FALSE(test, complete);
	KUNIT_EXPECT_EQ(test, items > before, p->late);
	stream_forget(test);
	/* The disks can be loaded after that. */
	KUNIT_EXPECT_EQ(test, stream_load(test, t->stream, t->len, t->len, &complete), 0);
	KUNIT_EXPECT_TRUE(test, complete);
}

/* A domain in which something happens while it is loaded. */
static void stream_not_alone(struct kunit *test)
{
	struct stream_test *t = test->priv;
	unsigned int i;
	u64 before;

	memcpy(t->copy, t->stream, t->len);
	for (i = 0; i < 2; i++) {
		size_t stop = copy_find(test, i ? EMUL_STREAM_END : EMUL_STREAM_RECORD, !i,
					&before) - t->copy;
		struct emul_loader *l = stream_loader(test);

		KUNIT_EXPECT_EQ(test, emul_loader_feed(l, t->stream, stop), 0);
		stream_command(test, &t->to[1], ASBLK_OP_FLUSH, 0, 0);
		KUNIT_EXPECT_EQ(test, emul_loader_feed(l, t->stream + stop, t->len - stop), -EBUSY);
		KUNIT_EXPECT_FALSE(test, emul_loader_is_complete(l));
		emul_loader_destroy(l);
		stream_forget(test);
	}
}

static struct kunit_case stream_cases[] = {
	KUNIT_CASE(stream_same),
	KUNIT_CASE(stream_short),
	KUNIT_CASE_SLOW(stream_bits),
	KUNIT_CASE_PARAM(stream_fields, field_gen_params),
	KUNIT_CASE(stream_not_alone),
	{}
};

static struct kunit_suite stream_suite = {
	.name = "asblk_hist_stream",
	.init = stream_test_init,
	.exit = stream_test_exit,
	.test_cases = stream_cases,
};
kunit_test_suite(stream_suite);
