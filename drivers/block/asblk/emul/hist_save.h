/* SPDX-License-Identifier: GPL-2.0-only */
/* Saving what a power domain has recorded, while its disks go on. */
#ifndef _ASBLK_EMUL_HIST_SAVE_H
#define _ASBLK_EMUL_HIST_SAVE_H

#include "hist_base.h"
#include "hist_stream.h"

/**
 * struct emul_saved - a disk that is saved
 * @base: a view of the first instant, so that nothing retires
 * @name: its name
 * @nr_blocks: capacity
 * @block_size: bytes
 */
struct emul_saved {
	struct emul_base *base;
	char name[EMUL_STREAM_NAME_SIZE];
	u64 nr_blocks;
	u32 block_size;
};

/**
 * struct emul_saver - a stream that is being read
 * @disk: all disks of the domain that are recorded, @nr_disks of them
 * @nr_disks: and how many
 * @now: the last instant that is saved
 * @type: what comes next
 * @at: number of the disk, or of the mark
 * @record: the last that was saved, or NULL
 * @index: page of the disk
 * @version: the last that was saved of it, or NULL; @in_page tells whether any was
 * @in_page: what was there before all versions has been saved
 * @page: what a version wrote
 * @buf: items that are ready
 * @len: bytes of these
 * @nr_items: of all so far
 * @crc: of these
 */
struct emul_saver {
	struct emul_saved *disk;
	unsigned int nr_disks;
	u64 now;
	enum emul_stream_type type;
	unsigned int at;
	struct emul_record *record;
	u64 index;
	struct emul_version *version;
	bool in_page;
	u8 *page;
	u8 *buf;
	size_t len;
	u64 nr_items;
	u32 crc;
};

struct emul_saver *emul_saver_create(unsigned int nr_disks);
void emul_saver_destroy(struct emul_saver *s);
int emul_saver_next(struct emul_saver *s);

#endif /* _ASBLK_EMUL_HIST_SAVE_H */
