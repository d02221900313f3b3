/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading a stream into a power domain in which nothing has happened yet. */
#ifndef _ASBLK_EMUL_HIST_LOAD_H
#define _ASBLK_EMUL_HIST_LOAD_H

#include <linux/xarray.h>

#include "hist_base.h"
#include "hist_stream.h"

struct emul_loader;

/**
 * struct emul_load_ops - what the owner of the disks does
 * @disk: find a place for disk @nr: its medium is empty, of that size, and recorded. Return: the
 *	recorder, which stays until @done, or an ERR_PTR
 */
struct emul_load_ops {
	struct emul_recorder *(*disk)(void *data, unsigned int nr, const char *name,
				      u64 nr_blocks, u32 block_size);
};

/**
 * struct emul_loaded - a disk that is loaded
 * @base: a view of instant 0, by which it stays
 * @nr_blocks: capacity
 * @block_shift: log2 of its block size
 */
struct emul_loaded {
	struct emul_base *base;
	u64 nr_blocks;
	u8 block_shift;
};

/**
 * struct emul_loader - a stream that is being written
 * @ops: of the owner of the disks
 * @data: their argument
 * @disk: disks, @nr_disks of them
 * @nr_disks: as the header says
 * @nr_known: disks that have been named
 * @oldest: as the header says, as is @now
 * @now: the last instant
 * @last: the last command
 * @nr_records: and the number of them
 * @records: all commands, by &emul_record.fetched
 * @type: of the last item
 * @buf: a part of an item
 * @len: bytes of that
 * @nr_items: so far
 * @crc: of these
 */
struct emul_loader {
	const struct emul_load_ops *ops;
	void *data;
	struct emul_loaded *disk;
	unsigned int nr_disks;
	unsigned int nr_known;
	u64 oldest;
	u64 now;
	u64 last;
	u64 nr_records;
	struct xarray records;
	enum emul_stream_type type;
	u8 *buf;
	size_t len;
	u64 nr_items;
	u32 crc;
};

struct emul_loader *emul_loader_create(const struct emul_load_ops *ops, void *data);
void emul_loader_destroy(struct emul_loader *l);
int emul_loader_feed(struct emul_loader *l, const u8 *buf, size_t len);

/* Has all of the stream been loaded? */
static inline bool emul_loader_is_complete(const struct emul_loader *l)
{
	return l->type == EMUL_STREAM_END;
}

#endif /* _ASBLK_EMUL_HIST_LOAD_H */
