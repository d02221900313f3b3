// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a request costs the kernel, without system calls: submits bios to a block device
 * and measures the CPU time, of the host, that this kernel takes for them. For scripts/bench-native
 * in User Mode Linux, where the kernel on its one CPU is one thread of the host: what other
 * processes of the host take, and what user space takes here, is not in it.
 *
 * In debugfs, directory asblk_bench, for root:
 *
 *   cpu_ns	CPU time of this kernel so far, in nanoseconds
 *   submit	write "DEVICE OPERATION BYTES DEPTH BATCH COUNT SPAN COPY" to measure:
 *		COUNT bios of BYTES, read or write, randread or randwrite, within the first
 *		SPAN bytes, at most DEPTH of them at a time, handed over in plugs of BATCH.
 *		COPY 1 has each bio's data copied between its memory and a store of SPAN bytes
 *		here, which with a device that has no data gives the least that a disk in
 *		memory can cost. Read it for the nanoseconds that all of them took.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/debugfs.h>
#include <linux/llist.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#define MAX_BYTES	SZ_1M
#define MAX_DEPTH	256
#define MAX_SPAN	SZ_1G
#define SEED		42

/**
 * struct work - what to measure
 * @write: else it reads
 * @random: else in sequence
 * @copy: have the data copied here
 * @bytes: of a bio
 * @depth: most bios in flight
 * @batch: of a plug
 * @count: bios in all
 * @span: bytes of the device that are used
 */
struct work {
	bool write;
	bool random;
	bool copy;
	u32 bytes;
	u32 depth;
	u32 batch;
	u32 count;
	u64 span;
};

/**
 * struct place - a bio and its memory
 * @bio: bio
 * @idle: on bench::idle while it is not in flight
 * @bench: whose it is
 * @vecs: one for each page
 */
struct place {
	struct bio bio;
	struct llist_node idle;
	struct bench *bench;
	struct bio_vec vecs[MAX_BYTES / PAGE_SIZE];
};

/**
 * struct bench - a measurement
 * @work: what
 * @bdev: where
 * @place: one for each bio in flight
 * @idle: those that are not
 * @wait: for the next of them
 * @errors: bios that failed
 * @store: pages of the data that is copied here
 */
struct bench {
	struct work work;
	struct block_device *bdev;
	struct place **place;
	struct llist_head idle;
	wait_queue_head_t wait;
	unsigned int errors;
	struct page **store;
};

static DEFINE_MUTEX(bench_lock);
static u64 bench_ns;

/* clock_gettime(CLOCK_THREAD_CPUTIME_ID), a call of the host. */
static u64 cpu_ns(void)
{
	s64 time[2];
	long err;

	asm volatile("syscall" : "=a" (err) : "0" (228L), "D" (3L), "S" (time)
		     : "rcx", "r11", "memory");
	return time[0] * NSEC_PER_SEC + time[1];
}

static void bench_end_io(struct bio *bio)
{
	struct place *p = container_of(bio, struct place, bio);
	struct bench *b = p->bench;

	if (bio->bi_status)
		WRITE_ONCE(b->errors, b->errors + 1);
	/* With the last one in its hands the submitter ends, and @b with it. */
	preempt_disable();
	llist_add(&p->idle, &b->idle);
	if (wq_has_sleeper(&b->wait))
		wake_up(&b->wait);
	preempt_enable();
}

static void bench_copy(struct bench *b, struct place *p, u64 pos)
{
	u32 done, piece;

	for (done = 0; done < b->work.bytes; done += piece) {
		void *here = page_address(p->vecs[done / PAGE_SIZE].bv_page);
		void *there = page_address(b->store[(pos + done) / PAGE_SIZE]) +
			      offset_in_page(pos);

		piece = min_t(u32, b->work.bytes - done, PAGE_SIZE);
		if (b->work.write)
			memcpy(there, here, piece);
		else
			memcpy(here, there, piece);
	}
}

static void bench_send(struct bench *b, struct place *p, u64 pos)
{
	const struct work *w = &b->work;
	u32 left = w->bytes;
	unsigned int i;

	bio_init(&p->bio, b->bdev, p->vecs, DIV_ROUND_UP(w->bytes, PAGE_SIZE),
		 w->write ? REQ_OP_WRITE | REQ_SYNC | REQ_IDLE : REQ_OP_READ | REQ_SYNC);
	p->bio.bi_iter.bi_sector = pos >> SECTOR_SHIFT;
	p->bio.bi_end_io = bench_end_io;
	for (i = 0; left; i++) {
		u32 len = min_t(u32, left, PAGE_SIZE);

		__bio_add_page(&p->bio, p->vecs[i].bv_page, len, 0);
		left -= len;
	}
	if (w->copy)
		bench_copy(b, p, pos);
	submit_bio(&p->bio);
}

static struct llist_node *bench_wait(struct bench *b)
{
	struct llist_node *list = llist_del_all(&b->idle);

	while (!list) {
		wait_event(b->wait, !llist_empty(&b->idle));
		list = llist_del_all(&b->idle);
	}
	return list;
}

/* Wait until no bio is in flight; @list are those that are known not to be. */
static void bench_drain(struct bench *b, struct llist_node *list)
{
	u32 nr = 0;

	for (;;) {
		for (; list; list = list->next)
			nr++;
		if (nr == b->work.depth)
			return;
		list = bench_wait(b);
	}
}

/* Return: nanoseconds. */
static u64 bench_run(struct bench *b)
{
	const struct work *w = &b->work;
	u64 places = div_u64(w->span, w->bytes), next = 0, start = cpu_ns();
	struct llist_node *list = NULL;
	struct rnd_state random;
	struct blk_plug plug;
	u32 sent = 0, i;

	prandom_seed_state(&random, SEED);
	while (sent < w->count) {
		if (!list)
			list = bench_wait(b);
		blk_start_plug(&plug);
		for (i = 0; i < w->batch && list && sent < w->count; i++, sent++) {
			struct place *p = llist_entry(list, struct place, idle);
			u64 at = w->random ? (prandom_u32_state(&random) * places) >> 32 :
					     next++ % places;

			list = list->next;
			bench_send(b, p, at * w->bytes);
		}
		blk_finish_plug(&plug);
	}
	bench_drain(b, list);
	return cpu_ns() - start;
}

static void bench_free(struct bench *b)
{
	u64 i, j;

	for (i = 0; b->place && i < b->work.depth && b->place[i]; i++) {
		for (j = 0; j < ARRAY_SIZE(b->place[i]->vecs); j++)
			if (b->place[i]->vecs[j].bv_page)
				__free_page(b->place[i]->vecs[j].bv_page);
		kfree(b->place[i]);
	}
	for (i = 0; b->store && i < b->work.span / PAGE_SIZE; i++)
		if (b->store[i])
			__free_page(b->store[i]);
	kfree(b->place);
	kvfree(b->store);
}

/* All memory is touched before anything is measured. */
static int bench_alloc(struct bench *b)
{
	u64 i, j;

	b->place = kcalloc(b->work.depth, sizeof(*b->place), GFP_KERNEL);
	if (!b->place)
		return -ENOMEM;
	for (i = 0; i < b->work.depth; i++) {
		struct place *p = b->place[i] = kzalloc(sizeof(*p), GFP_KERNEL);

		if (!p)
			return -ENOMEM;
		p->bench = b;
		for (j = 0; j < DIV_ROUND_UP(b->work.bytes, PAGE_SIZE); j++) {
			p->vecs[j].bv_page = alloc_page(GFP_KERNEL | __GFP_ZERO);
			if (!p->vecs[j].bv_page)
				return -ENOMEM;
		}
		llist_add(&p->idle, &b->idle);
	}
	if (!b->work.copy)
		return 0;
	b->store = kvcalloc(b->work.span / PAGE_SIZE, sizeof(*b->store), GFP_KERNEL);
	for (i = 0; b->store && i < b->work.span / PAGE_SIZE; i++) {
		b->store[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!b->store[i])
			return -ENOMEM;
	}
	return b->store ? 0 : -ENOMEM;
}

static int bench_measure(const char *path, const struct work *w)
{
	struct bench b = { .work = *w };
	struct file *file;
	int err;

	init_llist_head(&b.idle);
	init_waitqueue_head(&b.wait);
	file = bdev_file_open_by_path(path, BLK_OPEN_READ | BLK_OPEN_WRITE, NULL, NULL);
	if (IS_ERR(file))
		return PTR_ERR(file);
	b.bdev = file_bdev(file);
	err = w->span > bdev_nr_bytes(b.bdev) ? -ERANGE : bench_alloc(&b);
	if (!err) {
		bench_ns = bench_run(&b);
		err = b.errors ? -EIO : 0;
	}
	bench_free(&b);
	bdev_fput(file);
	return err;
}

static int work_parse(const char *text, char *path, struct work *w)
{
	unsigned int copy;
	char op[16];

	if (sscanf(text, "%63s %15s %u %u %u %u %llu %u", path, op, &w->bytes, &w->depth,
		   &w->batch, &w->count, &w->span, &copy) != 8)
		return -EINVAL;
	w->random = !strncmp(op, "rand", 4);
	w->write = !strcmp(op + 4 * w->random, "write");
	w->copy = copy;
	if (!w->write && strcmp(op + 4 * w->random, "read"))
		return -EINVAL;
	if (!w->bytes || w->bytes > MAX_BYTES || w->bytes % SECTOR_SIZE ||
	    !w->depth || w->depth > MAX_DEPTH || !w->batch || !w->count ||
	    w->span < w->bytes || w->span > MAX_SPAN || w->span % PAGE_SIZE)
		return -ERANGE;
	return 0;
}

static ssize_t submit_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	char text[192], path[64];
	struct work w;
	int err;

	if (len >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buf, len))
		return -EFAULT;
	text[len] = '\0';
	err = work_parse(text, path, &w);
	if (err)
		return err;
	mutex_lock(&bench_lock);
	err = bench_measure(path, &w);
	mutex_unlock(&bench_lock);
	return err ?: len;
}

static ssize_t submit_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	char text[24];

	return simple_read_from_buffer(buf, len, pos, text,
				       scnprintf(text, sizeof(text), "%llu\n", bench_ns));
}

static const struct file_operations submit_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.write	= submit_write,
	.read	= submit_read,
};

static int cpu_ns_get(void *unused, u64 *value)
{
	*value = cpu_ns();
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(cpu_ns_fops, cpu_ns_get, NULL, "%llu\n");

static struct dentry *bench_dir;

static int __init bench_init(void)
{
	bench_dir = debugfs_create_dir("asblk_bench", NULL);
	debugfs_create_file("submit", 0600, bench_dir, NULL, &submit_fops);
	debugfs_create_file("cpu_ns", 0400, bench_dir, NULL, &cpu_ns_fops);
	return 0;
}

static void __exit bench_exit(void)
{
	debugfs_remove(bench_dir);
}

module_init(bench_init);
module_exit(bench_exit);
MODULE_DESCRIPTION("CPU time of block I/O, for asblk's scripts/bench");
MODULE_LICENSE("GPL");
