/* SPDX-License-Identifier: GPL-2.0-only */
/* Options of an emulated disk, and the one description of a disk that they are. */
#ifndef _ASBLK_EMUL_OPTIONS_H
#define _ASBLK_EMUL_OPTIONS_H

#include <linux/asblk.h>
#include <linux/bits.h>
#include <linux/sizes.h>
#include <linux/string.h>

#define EMUL_TEXT_MAX	191
#define EMUL_MAX_SIZE	((u64)SZ_1T << 10)	/* the store's table is then 4 GiB */

/* About what NVMe has: 8 bits for a count, and for a time in units of 100 us. */
#define EMUL_MAX_COALESCE_COUNT	256
#define EMUL_MAX_COALESCE_USECS	100000

/* Ranges of one unmap. */
#define EMUL_MAX_RANGES		64

/*
 * A call is cheaper than an interrupt, but lockdep would not see that requests end in
 * interrupt handlers.
 */
#ifdef CONFIG_PROVE_LOCKING
#define EMUL_INTERRUPT_DEFAULT	"ipi"
#else
#define EMUL_INTERRUPT_DEFAULT	"direct"
#endif

/* Kinds of numbers. */
#define EMUL_POWER2	BIT(0)	/* a power of two */
#define EMUL_OR_ZERO	BIT(1)	/* or 0 */
#define EMUL_SECTORS	BIT(2)	/* a multiple of 512 */

/* Profiles, X(NAME, name). profiles.c has the values of each. */
#define EMUL_PROFILES(X)								\
	X(SATA_SSD, "sata-ssd")								\
	X(NVME_SSD, "nvme-ssd")								\
	X(PLP, "plp")									\
	X(QLC, "qlc")									\
	X(HDD, "hdd")									\
	X(USB_STICK, "usb-stick")							\
	X(IDEAL, "ideal")
#define EMUL_PROFILE_TEXT(NAME, name)	" " name

/*
 * Options, a row each. X(NAME, name, type, default, least, most, kind, live, description)
 *
 * type: see &emul_option_types. Texts have a least and most length. live: the function of
 * config.c that lets a disk follow the new value, or fixed if the option can change only
 * while the disk is powered off. From these rows come struct emul_options, module
 * parameters, attributes in configfs, and (scripts/tables) their documentation.
 */
#define EMUL_OPTIONS(X)									\
	/* Disk */									\
	X(PROFILE, profile, PROFILE, "ideal", 1, 20, 0, fixed,				\
	  "Sets many of the other options, after a class of devices:" EMUL_PROFILES(EMUL_PROFILE_TEXT)) \
	X(SIZE, size, BYTES, "4G", SZ_4K, EMUL_MAX_SIZE, EMUL_SECTORS, live_size,	\
	  "Capacity in bytes, a multiple of block_size; memory is taken only for what is written") \
	X(MEMORY_LIMIT, memory_limit, BYTES, "0", SZ_64K, EMUL_MAX_SIZE, EMUL_OR_ZERO, live_memory_limit, \
	  "Most memory in bytes for the disk's data and all that grows with it; 0: half of the machine's, shared by all disks without a limit of their own. Reading it gives the limit in force") \
	X(BLOCK_SIZE, block_size, BLOCKS, "512", SZ_512, SZ_64K, EMUL_POWER2, fixed,	\
	  "Logical block size in bytes; more than 4K needs Linux 6.15 and transparent huge pages") \
	X(PHYSICAL_BLOCK_SIZE, physical_block_size, BYTES, "0", SZ_512, SZ_1M, EMUL_POWER2 | EMUL_OR_ZERO, fixed, \
	  "Physical block size in bytes, at least block_size; 0: 4K, or block_size if that is more") \
	X(OPTIMAL_IO_SIZE, optimal_io_size, BYTES, "0", SZ_512, SZ_16M, EMUL_SECTORS | EMUL_OR_ZERO, fixed, \
	  "Bytes of an I/O that the disk is fastest with, rounded up to blocks; 0: it says nothing") \
	X(ALIGNMENT_OFFSET, alignment_offset, BYTES, "0", 0, SZ_512K, EMUL_SECTORS, fixed, \
	  "Bytes from the start of the disk to the first physical block, less than physical_block_size") \
	X(REMOVABLE, removable, FLAG, "0", 0, 1, 0, fixed,				\
	  "1: the medium can be ejected")						\
	X(ROTATIONAL, rotational, FLAG, "0", 0, 1, 0, fixed,				\
	  "1: report the disk as rotational")						\
	X(READ_ONLY, read_only, FLAG, "0", 0, 1, 0, live_read_only,			\
	  "1: the medium is write protected")						\
	X(VOLATILE_CACHE, volatile_cache, FLAG, "1", 0, 1, 0, fixed,			\
	  "1: there is a volatile write cache, so that flushes and FUA matter")		\
	X(WRITE_CACHE, write_cache, FLAG, "1", 0, 1, 0, live_write_cache,		\
	  "1: the volatile write cache, if there is one, is on")			\
	X(DISCARD, discard, FLAG, "1", 0, 1, 0, fixed,					\
	  "1: the disk can discard blocks")						\
	X(DISCARD_GRANULARITY, discard_granularity, BYTES, "0", SZ_512, SZ_16M, EMUL_POWER2 | EMUL_OR_ZERO, fixed, \
	  "Bytes that a discard should be a multiple of, at least a physical block; 0: a page") \
	X(DISCARD_MAX, discard_max, BYTES, "0", SZ_4K, SZ_2G, EMUL_SECTORS | EMUL_OR_ZERO, fixed, \
	  "Most bytes of one discard, rounded up to blocks; 0: as many as the block layer sends") \
	X(WRITE_ZEROES, write_zeroes, FLAG, "1", 0, 1, 0, fixed,			\
	  "1: the disk has write zeroes, with and without unmap")			\
	X(SECURE_ERASE, secure_erase, FLAG, "1", 0, 1, 0, fixed,			\
	  "1: the disk has secure erase")						\
	X(ATOMIC_UNIT, atomic_unit, BYTES, "64K", SZ_512, SZ_1M, EMUL_POWER2 | EMUL_OR_ZERO, fixed, \
	  "Most bytes of a write that is done as a whole or not at all, if it fits into one transfer; 0: none") \
	X(ATOMIC_BOUNDARY, atomic_boundary, BYTES, "0", SZ_512, SZ_1M, EMUL_POWER2 | EMUL_OR_ZERO, fixed, \
	  "No write that crosses a multiple of this many bytes is done as a whole, at least atomic_unit; 0: no boundary") \
	X(ATOMIC_ALWAYS, atomic_always, FLAG, "0", 0, 1, 0, fixed,			\
	  "1: a power cut leaves every write that fits atomic_unit as a whole or not at all; 0: only those that ask for it") \
	X(MODEL, model, TEXT, "asblk emulated disk", 1, 40, 0, fixed,			\
	  "Model")									\
	X(SERIAL, serial, WORD, "", 1, 20, 0, fixed,					\
	  "Serial number; by default the disk's name, or ASBLK0000 and so on for disks made at load") \
	X(FIRMWARE_REV, firmware_rev, TEXT, "1.0", 1, 8, 0, fixed,			\
	  "Firmware revision")								\
	X(WWID, wwid, WWID, "", 32, 32, 0, fixed,					\
	  "Unique ID; by default from the disk's name")					\
	/* Queues and transfers */							\
	X(QUEUES, queues, CPUS, "0", 1, NR_CPUS, EMUL_OR_ZERO, fixed,			\
	  "Hardware queues with an interrupt; 0: one per CPU that is online")		\
	X(POLL_QUEUES, poll_queues, CPUS, "0", 0, NR_CPUS, 0, fixed,			\
	  "Polled hardware queues, in addition")					\
	X(QUEUE_DEPTH, queue_depth, NUMBER, "64", 1, ASBLK_MAX_QUEUE_DEPTH, 0, fixed,	\
	  "Requests in flight per hardware queue; half as many transfers more for the parts of split requests") \
	X(NODE, node, NODE, "any", 1, 10, 0, fixed,					\
	  "NUMA node of the queues' memory")						\
	X(INTERRUPT, interrupt, INTERRUPT, EMUL_INTERRUPT_DEFAULT, 1, 8, 0, fixed,	\
	  "How the CPU reaches a queue's interrupt handler: ipi, by an interrupt that it sends to itself, or direct, by a call") \
	X(TIMEOUT_MS, timeout_ms, NUMBER, "30000", 100, 3600000, 0, fixed,		\
	  "Milliseconds after which a request times out; queue/io_timeout changes it later") \
	X(COALESCE_COUNT, coalesce_count, NUMBER, "1", 1, EMUL_MAX_COALESCE_COUNT, 0, live_coalesce, \
	  "Completions that an interrupt waits for")					\
	X(COALESCE_USECS, coalesce_usecs, NUMBER, "0", 0, EMUL_MAX_COALESCE_USECS, 0, live_coalesce, \
	  "Microseconds that it waits for them, at most; 0: not at all")		\
	X(MAX_TRANSFER, max_transfer, BYTES, "128K", SZ_512, SZ_16M, EMUL_SECTORS, fixed, \
	  "Most bytes of one transfer, a multiple of block_size; larger requests are split") \
	X(MAX_SEGMENTS, max_segments, NUMBER, "64", 1, 1024, 0, fixed,			\
	  "Most segments of one transfer, enough for one block")			\
	X(MAX_SEGMENT_SIZE, max_segment_size, BYTES, "0", SZ_512, SZ_16M, EMUL_SECTORS | EMUL_OR_ZERO, fixed, \
	  "Most bytes of one segment, a multiple of dma_alignment; 0: as max_transfer")	\
	X(SEGMENT_BOUNDARY, segment_boundary, BYTES, "0", SZ_4K, SZ_4G, EMUL_POWER2 | EMUL_OR_ZERO, fixed, \
	  "No segment crosses a multiple of this many bytes; 0: no boundary")		\
	X(VIRT_BOUNDARY, virt_boundary, BYTES, "0", SZ_512, SZ_64K, EMUL_POWER2 | EMUL_OR_ZERO, fixed, \
	  "Segments meet at multiples of this many bytes, as in an NVMe PRP list; 0: no boundary") \
	X(DMA_ALIGNMENT, dma_alignment, BYTES, "4", 2, SZ_4K, EMUL_POWER2, fixed,	\
	  "Addresses and lengths of segments are multiples of this many bytes, at most block_size") \
	/* Latency and faults */							\
	X(READ_LATENCY, read_latency, DIST, "none", 1, EMUL_TEXT_MAX, 0, live_model,	\
	  "Time that a read takes in microseconds: none, fixed N, uniform N N, lognormal MEDIAN P99 or percentiles P:N ...") \
	X(WRITE_LATENCY, write_latency, DIST, "none", 1, EMUL_TEXT_MAX, 0, live_model,	\
	  "Time that a write takes, likewise")						\
	X(FLUSH_LATENCY, flush_latency, DIST, "none", 1, EMUL_TEXT_MAX, 0, live_model,	\
	  "Time that a flush takes, likewise")						\
	X(UNMAP_LATENCY, unmap_latency, DIST, "none", 1, EMUL_TEXT_MAX, 0, live_model,	\
	  "Time that an unmap, write zeroes or secure erase takes, likewise")		\
	X(STALL, stall, STALL, "none", 1, EMUL_TEXT_MAX, 0, live_model,			\
	  "When nothing is executed, in microseconds: none, every PERIOD LENGTH or random PERIOD LENGTH") \
	X(CHANNELS, channels, NUMBER, "0", 1, 64, EMUL_OR_ZERO, live_model,		\
	  "Commands that the device executes at a time; 0: any number")			\
	X(READ_BANDWIDTH, read_bandwidth, BYTES, "0", SZ_64K, SZ_1T, EMUL_OR_ZERO, live_model, \
	  "Bytes read per second; 0: any number")					\
	X(WRITE_BANDWIDTH, write_bandwidth, BYTES, "0", SZ_64K, SZ_1T, EMUL_OR_ZERO, live_model, \
	  "Bytes written per second; 0: any number")					\
	X(READ_IOPS, read_iops, NUMBER, "0", 1, 100000000, EMUL_OR_ZERO, live_model,	\
	  "Reads per second; 0: any number")						\
	X(WRITE_IOPS, write_iops, NUMBER, "0", 1, 100000000, EMUL_OR_ZERO, live_model,	\
	  "Writes per second; 0: any number")						\
	X(BURST_USECS, burst_usecs, NUMBER, "1000", 0, 10000000, 0, live_model,		\
	  "Microseconds for which unused bandwidth, and reads and writes, can be made up for")			\
	X(SEEK_MIN_USECS, seek_min_usecs, NUMBER, "0", 0, 1000000, 0, live_model,	\
	  "Microseconds that a seek to the next block takes")				\
	X(SEEK_MAX_USECS, seek_max_usecs, NUMBER, "0", 0, 1000000, 0, live_model,	\
	  "Microseconds that a seek over the whole medium takes")			\
	X(RPM, rpm, NUMBER, "0", 60, 100000, EMUL_OR_ZERO, live_model,			\
	  "Rotations of the medium per minute; 0: it does not rotate")			\
	X(HOLD_DEPTH, hold_depth, NUMBER, "0", 0, ASBLK_MAX_QUEUE_DEPTH, 0, live_hold,	\
	  "Completions that a queue keeps back, but of reads, to post the newer ones first; 0: none") \
	X(HOLD_USECS, hold_usecs, NUMBER, "10000", 1, 10000000, 0, live_hold,		\
	  "Microseconds for which it keeps back each, at most")				\
	X(SEED, seed, NUMBER, "1", 0, U64_MAX, 0, live_seed,				\
	  "Where the random numbers of latency, faults, the cache and what is kept back start") \
	/* SMART */									\
	X(SMART_TEMPERATURE, smart_temperature, NUMBER, "35", 0, 200, 0, live_value,	\
	  "Temperature in degrees Celsius")						\
	X(SMART_SPARE, smart_spare, NUMBER, "100", 0, 100, 0, live_value,		\
	  "Spare capacity that is left, in percent")					\
	X(SMART_SPARE_THRESHOLD, smart_spare_threshold, NUMBER, "10", 0, 100, 0, live_value, \
	  "The disk warns when less than this much spare capacity is left, in percent")	\
	X(SMART_PERCENTAGE_USED, smart_percentage_used, NUMBER, "0", 0, 255, 0, live_value, \
	  "Part of the disk's life that is used up, in percent; 255: 255 or more")	\
	X(SMART_CRITICAL_WARNING, smart_critical_warning, NUMBER, "0", 0, 63, 0, live_value, \
	  "Warnings, the sum of: 1 little spare capacity, 2 temperature, 4 unreliable, "	\
	  "8 read-only, 16 backup of the volatile memory failed, 32 persistent memory "	\
	  "region; the disk adds 1 and 2 when they are true")			\
	/* History */									\
	X(HISTORY, history, FLAG, "0", 0, 1, 0, live_history,				\
	  "1: record what a power cut could leave")					\
	X(HISTORY_LIMIT, history_limit, BYTES, "256M", SZ_64K, EMUL_MAX_SIZE, 0, live_history_limits, \
	  "Most memory in bytes for what is recorded; the oldest instants are forgotten first") \
	X(CACHE_SIZE, cache_size, BYTES, "0", SZ_512, EMUL_MAX_SIZE, EMUL_OR_ZERO, live_history_limits, \
	  "Bytes that the volatile write cache holds before the disk makes some durable by itself; 0: any number") \
	X(CACHE_RANDOM, cache_random, FLAG, "0", 0, 1, 0, live_history_limits,		\
	  "1: which these are is random; 0: the least recently written")		\
	X(POWER_DOMAIN, power_domain, WORD, "", 1, 20, 0, fixed,			\
	  "Name of the power domain: a power cut hits all its disks at once. By default the disk is alone") \
	X(BASE, base, WORD, "", 0, 20, 0, fixed,					\
	  "Name of a recorded disk: this one shows what a power cut may have left of it, and keeps to itself what is written") \
	X(INSTANT, instant, TEXT, "now", 1, 90, 0, live_value,				\
	  "When the power was cut: a number, now, oldest, or a mark with +N or -N behind it or without") \
	X(DECIDE, decide, DECIDE, "all", 1, 40, 0, live_value,				\
	  "What survived that was undecided: all, none, or what a hash with seed N tells. What decisions says goes first") \
	X(CUT_PROFILE, cut_profile, CUT_PROFILE, "spec", 1, 20, 0, live_value,		\
	  "What else the power cut may have done: spec, ordered, torn, zeroed, garbage, unreadable, neighbours, rollback or liar") \
	X(LOST_SHARE, lost_share, NUMBER, "50", 0, 100, 0, live_value,			\
	  "With a seed, percentage of what is undecided that is lost")			\
	X(HURT_SHARE, hurt_share, NUMBER, "33", 0, 100, 0, live_value,			\
	  "Percentage of what cut_profile can hurt that is hurt, before that")		\
	X(CLEAN_SHARE, clean_share, NUMBER, "0", 0, 100, 0, live_value,			\
	  "Percentage of seeds with which nothing is lost or hurt")			\
	X(ERASE_UNIT, erase_unit, BYTES, "64K", SZ_4K, SZ_16M, EMUL_POWER2, live_value,	\
	  "Bytes of the unit in which cut_profile neighbours or rollback hurts what was durable")

#define EMUL_OPTION_ID(id, ...)	EMUL_##id,

enum emul_option {
	EMUL_OPTIONS(EMUL_OPTION_ID)
	EMUL_NR_OPTIONS
};

#define EMUL_VALUE_NUMBER(name, max)	u64 name;
#define EMUL_VALUE_CPUS(name, max)	u64 name;
#define EMUL_VALUE_BYTES(name, max)	u64 name;
#define EMUL_VALUE_BLOCKS(name, max)	u64 name;
#define EMUL_VALUE_FLAG(name, max)	bool name;
#define EMUL_VALUE_TEXT(name, max)	char name[(max) + 1];
#define EMUL_VALUE_WORD			EMUL_VALUE_TEXT
#define EMUL_VALUE_WWID			EMUL_VALUE_TEXT
#define EMUL_VALUE_NODE			EMUL_VALUE_TEXT
#define EMUL_VALUE_DIST			EMUL_VALUE_TEXT
#define EMUL_VALUE_STALL		EMUL_VALUE_TEXT
#define EMUL_VALUE_PROFILE		EMUL_VALUE_TEXT
#define EMUL_VALUE_INTERRUPT		EMUL_VALUE_TEXT
#define EMUL_VALUE_DECIDE		EMUL_VALUE_TEXT
#define EMUL_VALUE_CUT_PROFILE		EMUL_VALUE_TEXT

#define EMUL_VALUE(id, name, type, def, min, max, ...)	EMUL_VALUE_##type(name, max)

/*
 * A disk: the value of each option, as the user set it and, while the disk is powered on, as
 * the disk's own attributes have changed it since. Numbers of 0 whose row says so stand for
 * a default; the functions below resolve them.
 */
struct emul_options {
	const char *who;	/* the disk, for the log; NULL for the module parameters */
	EMUL_OPTIONS(EMUL_VALUE)
};

const char *emul_option_name(enum emul_option i);
void emul_options_init(struct emul_options *o, const char *who);
void emul_option_reset(struct emul_options *o, enum emul_option i);
int emul_option_set(struct emul_options *o, enum emul_option i, const char *text);
ssize_t emul_option_show(const struct emul_options *o, enum emul_option i, char *page);
void emul_option_copy(struct emul_options *to, const struct emul_options *from,
		      enum emul_option i);
int emul_options_check(const struct emul_options *o);

unsigned int emul_options_queues(const struct emul_options *o);
u32 emul_options_physical_block_size(const struct emul_options *o);
int emul_options_node(const struct emul_options *o);
void emul_options_limits(const struct emul_options *o, struct asblk_limits *lim);
void emul_options_wwid(const struct emul_options *o, u8 wwid[16]);

static inline bool emul_options_direct_irq(const struct emul_options *o)
{
	return !strcmp(o->interrupt, "direct");
}

/* Does a power cut leave the write as a whole or not at all? */
static inline bool emul_options_whole(const struct emul_options *o, u64 pos, u64 len, bool asked)
{
	return (asked || o->atomic_always) && len <= o->atomic_unit &&
	       (!o->atomic_boundary || pos / o->atomic_boundary == (pos + len - 1) / o->atomic_boundary);
}

/* How a piece is decided that the list of decisions does not name. */
enum emul_policy {
	EMUL_POLICY_ALL,	/* it survives */
	EMUL_POLICY_NONE,	/* it does not */
	EMUL_POLICY_SEED,	/* a hash of piece and seed tells */
};

/* What a power cut does. Those from EMUL_CUT_TORN on hurt pieces that were undecided. */
enum emul_cut_profile {
	EMUL_CUT_SPEC,		/* what it may do */
	EMUL_CUT_LIAR,		/* flush and FUA have promised nothing */
	EMUL_CUT_ORDERED,	/* what completed first survives first, what was in flight not */
	EMUL_CUT_NEIGHBOURS,	/* what is near a write in flight may be hurt, durable or not */
	EMUL_CUT_ROLLBACK,	/* an erase unit may hold what it held before, durable or not */
	EMUL_CUT_TORN,		/* a block may be new up to somewhere, and old from there on */
	EMUL_CUT_ZEROED,	/* or zeroes */
	EMUL_CUT_GARBAGE,	/* or pseudo-random bytes */
	EMUL_CUT_UNREADABLE,	/* or cannot be read until it is written */
};

int emul_cut_profile_parse(const char *text);
bool emul_policy_parse(const char *text, enum emul_policy *policy, u64 *seed);

/* profiles.c */
int emul_profile_apply(struct emul_options *o);

#endif /* _ASBLK_EMUL_OPTIONS_H */
