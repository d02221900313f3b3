/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stream that a history is saved as, see Documentation/block/asblk-history.rst: items, each
 * with a head. All numbers are little endian.
 */
#ifndef _ASBLK_EMUL_HIST_STREAM_H
#define _ASBLK_EMUL_HIST_STREAM_H

#include <linux/crc32.h>
#include <linux/sizes.h>
#include <linux/types.h>

#define EMUL_STREAM_MAGIC	"asblkhis"
#define EMUL_STREAM_VERSION	1

#define EMUL_STREAM_NAME_SIZE	64
/* Most bytes of one item: a page of data, of the largest pages. */
#define EMUL_STREAM_MAX_DATA	SZ_64K
#define EMUL_STREAM_MAX_DISKS	1024

/* In this order, each any number of times but the first and the last. */
enum emul_stream_type {
	EMUL_STREAM_HEADER = 1,
	EMUL_STREAM_DISK,
	EMUL_STREAM_RECORD,
	EMUL_STREAM_MARK,
	EMUL_STREAM_DATA,
	EMUL_STREAM_END,
};

/**
 * struct emul_stream_item - head of an item
 * @type: enum emul_stream_type
 * @len: bytes that follow
 */
struct emul_stream_item {
	__le32 type;
	__le32 len;
};

/**
 * struct emul_stream_header - the first item
 * @magic: %EMUL_STREAM_MAGIC without a 0 at its end
 * @version: %EMUL_STREAM_VERSION; any other has another format
 * @nr_disks: items %EMUL_STREAM_DISK
 * @oldest: the first instant that can be looked at
 * @now: the last
 */
struct emul_stream_header {
	char magic[8];
	__le32 version;
	__le32 nr_disks;
	__le64 oldest;
	__le64 now;
};

/**
 * struct emul_stream_disk - a disk; they are numbered from 0
 * @name: ends with a 0
 * @nr_blocks: capacity
 * @block_size: bytes
 * @grain: offsets and lengths of data are multiples of it, bytes
 */
struct emul_stream_disk {
	char name[EMUL_STREAM_NAME_SIZE];
	__le64 nr_blocks;
	__le32 block_size;
	__le32 grain;
};

/**
 * struct emul_stream_record - a command, in the order of @fetched
 * @fetched: as in &struct emul_record, as is all that follows; 0 for what was to come
 * @completed: likewise
 * @durable: likewise
 * @lba: likewise
 * @nr_blocks: likewise
 * @disk: number of the disk
 * @queue: likewise
 * @op: 1 write, 2 flush, 3 unmap, 4 write zeroes, 5 secure erase, 6 write uncorrectable
 * @flags: EMUL_RECORD_*
 */
struct emul_stream_record {
	__le64 fetched;
	__le64 completed;
	__le64 durable;
	__le64 lba;
	__le64 nr_blocks;
	__le32 disk;
	__le16 queue;
	u8 op;
	u8 flags;
};

/**
 * struct emul_stream_mark - what an instant was called
 * @at: the instant
 * @name: ends with a 0
 */
struct emul_stream_mark {
	__le64 at;
	char name[EMUL_STREAM_NAME_SIZE];
};

/* &emul_stream_data.flags: the bytes cannot be read, and do not follow */
#define EMUL_STREAM_BAD		BIT(0)

/**
 * struct emul_stream_data - what is at some bytes of a disk, or a command wrote there
 * @fetched: names the command; 0 for what was there before all of them
 * @pos: first byte
 * @disk: number of the disk
 * @len: bytes, %EMUL_STREAM_MAX_DATA at most; they follow, unless all of them are zeroes
 * @flags: EMUL_STREAM_BAD, of what was there before all commands
 * @reserved: 0
 *
 * What is named nowhere is zeroes. Of two commands with the same bytes the later item was
 * executed later.
 */
struct emul_stream_data {
	__le64 fetched;
	__le64 pos;
	__le32 disk;
	__le32 len;
	__le32 flags;
	__le32 reserved;
};

/**
 * struct emul_stream_end - the last item
 * @nr: items before it
 * @crc: crc32_le(~0) of all bytes before it
 * @reserved: 0
 */
struct emul_stream_end {
	__le64 nr;
	__le32 crc;
	__le32 reserved;
};

#endif /* _ASBLK_EMUL_HIST_STREAM_H */
