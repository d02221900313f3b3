/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a user can say about an emulated disk. One row says all about an option: the
 * module parameters, the attributes in configfs and their checks are made from it.
 */
#ifndef _ASBLK_EMUL_OPTIONS_H
#define _ASBLK_EMUL_OPTIONS_H

#include <linux/asblk.h>
#include <linux/bits.h>
#include <linux/sizes.h>

#define EMUL_TEXT_SIZE	192
#define EMUL_MAX_SIZE	((u64)SZ_1T << 10)	/* the store's table is then 4 GiB */

/* About what NVMe has: 8 bits for a count, and for a time in units of 100 us. */
#define EMUL_MAX_COALESCE_COUNT	256
#define EMUL_MAX_COALESCE_USECS	100000

/*
 * A call is cheaper than an interrupt, but lockdep would not see that requests end in
 * interrupt handlers.
 */
#ifdef CONFIG_PROVE_LOCKING
#define EMUL_INTERRUPT_DEFAULT	"ipi"
#else
#define EMUL_INTERRUPT_DEFAULT	"direct"
#endif

/* Kinds of values. */
#define EMUL_BYTES	BIT(0)	/* K, M, G, T, P or E may follow */
#define EMUL_POWER2	BIT(1)	/* a power of two */
#define EMUL_OR_ZERO	BIT(2)	/* or 0 */
#define EMUL_SECTORS	BIT(3)	/* a multiple of 512 */
#define EMUL_LIVE	BIT(4)	/* may change while the disk is there */

/* X(NAME, name, default, least, most, kind, description) */
#define EMUL_NUMBERS(X)								\
	X(SIZE, size, "4G", SZ_4K, EMUL_MAX_SIZE,				\
	  EMUL_BYTES | EMUL_SECTORS | EMUL_LIVE, "Capacity of a disk in bytes")	\
	X(MEMORY_LIMIT, memory_limit, "0", SZ_64K, EMUL_MAX_SIZE,		\
	  EMUL_BYTES | EMUL_OR_ZERO | EMUL_LIVE,				\
	  "Most memory that a disk's data and what grows with it may take, in bytes; 0: half of the machine's, shared by all disks without a limit of their own") \
	X(QUEUES, queues, "0", 1, NR_CPUS, EMUL_OR_ZERO,			\
	  "Hardware queues with an interrupt; 0: one per CPU")			\
	X(POLL_QUEUES, poll_queues, "0", 0, NR_CPUS, 0, "Polled hardware queues") \
	X(QUEUE_DEPTH, queue_depth, "128", 1, ASBLK_MAX_QUEUE_DEPTH, 0,		\
	  "Requests in flight per hardware queue")				\
	X(BLOCK_SIZE, block_size, "512", SZ_512, SZ_64K,			\
	  EMUL_BYTES | EMUL_POWER2, "Logical block size in bytes")		\
	X(PHYSICAL_BLOCK_SIZE, physical_block_size, "0", SZ_512, SZ_1M,		\
	  EMUL_BYTES | EMUL_POWER2 | EMUL_OR_ZERO,				\
	  "Physical block size in bytes; 0: 4K, or block_size if that is more") \
	X(MAX_TRANSFER, max_transfer, "128K", SZ_512, SZ_16M,			\
	  EMUL_BYTES | EMUL_SECTORS, "Most bytes of one transfer")		\
	X(MAX_SEGMENTS, max_segments, "64", 1, 1024, 0,				\
	  "Most segments of one transfer")					\
	X(MAX_SEGMENT_SIZE, max_segment_size, "0", SZ_512, SZ_16M,		\
	  EMUL_BYTES | EMUL_SECTORS | EMUL_OR_ZERO,				\
	  "Most bytes of one segment; 0: as max_transfer")			\
	X(SEGMENT_BOUNDARY, segment_boundary, "0", SZ_4K, SZ_4G,		\
	  EMUL_BYTES | EMUL_POWER2 | EMUL_OR_ZERO,				\
	  "No segment crosses a multiple of this many bytes; 0: no boundary")	\
	X(VIRT_BOUNDARY, virt_boundary, "0", SZ_512, SZ_64K,			\
	  EMUL_BYTES | EMUL_POWER2 | EMUL_OR_ZERO,				\
	  "Segments meet at multiples of this many bytes, as in an NVMe PRP list; 0: no boundary") \
	X(DMA_ALIGNMENT, dma_alignment, "4", 2, SZ_4K, EMUL_BYTES | EMUL_POWER2, \
	  "Addresses and lengths of segments are multiples of this many bytes")	\
	X(REMOVABLE, removable, "0", 0, 1, 0, "1: the medium can be ejected")	\
	X(ROTATIONAL, rotational, "0", 0, 1, 0, "1: says that its medium turns")	\
	X(READ_ONLY, read_only, "0", 0, 1, EMUL_LIVE,				\
	  "1: the medium is write protected")					\
	X(VOLATILE_CACHE, volatile_cache, "1", 0, 1, 0,				\
	  "0: what is written is durable at once: no flushes are wanted")	\
	X(WRITE_CACHE, write_cache, "1", 0, 1, EMUL_LIVE,			\
	  "0: the volatile cache is turned off")				\
	X(COALESCE_COUNT, coalesce_count, "1", 1, EMUL_MAX_COALESCE_COUNT, EMUL_LIVE,		\
	  "Completions that an interrupt waits for")				\
	X(COALESCE_USECS, coalesce_usecs, "0", 0, EMUL_MAX_COALESCE_USECS, EMUL_LIVE,		\
	  "Microseconds that it waits for them at most; 0: not at all")		\
	X(TIMEOUT_MS, timeout_ms, "30000", 100, 3600000, 0,			\
	  "Milliseconds after which a request is late")				\
	X(CHANNELS, channels, "0", 1, 64, EMUL_OR_ZERO | EMUL_LIVE,		\
	  "Commands that the device executes at a time; 0: any number")		\
	X(READ_BANDWIDTH, read_bandwidth, "0", SZ_64K, SZ_1T,			\
	  EMUL_BYTES | EMUL_OR_ZERO | EMUL_LIVE, "Bytes read per second; 0: any number") \
	X(WRITE_BANDWIDTH, write_bandwidth, "0", SZ_64K, SZ_1T,			\
	  EMUL_BYTES | EMUL_OR_ZERO | EMUL_LIVE, "Bytes written per second; 0: any number") \
	X(BURST_USECS, burst_usecs, "1000", 0, 10000000, EMUL_LIVE,		\
	  "Microseconds for which idle bandwidth can be made up for")		\
	X(SEEK_MIN_USECS, seek_min_usecs, "0", 0, 1000000, EMUL_LIVE,		\
	  "Microseconds that a seek to the next block takes")			\
	X(SEEK_MAX_USECS, seek_max_usecs, "0", 0, 1000000, EMUL_LIVE,		\
	  "Microseconds that a seek over the whole medium takes")		\
	X(RPM, rpm, "0", 60, 100000, EMUL_OR_ZERO | EMUL_LIVE,			\
	  "Turns of the medium per minute; 0: it does not turn")		\
	X(SEED, seed, "1", 0, U64_MAX, EMUL_LIVE,				\
	  "Where the random numbers of latency and faults start")

/* X(NAME, name, default, kind, description) */
#define EMUL_TEXTS(X)								\
	X(PROFILE, profile, "ideal", 0,						\
	  "Values for the other options, which may be given besides: sata-ssd, nvme-ssd, plp, qlc, hdd, usb-stick or ideal") \
	X(READ_LATENCY, read_latency, "none", EMUL_LIVE,			\
	  "Time for a read in microseconds: none, fixed N, uniform N N, lognormal MEDIAN P99 or percentiles P:N ...") \
	X(WRITE_LATENCY, write_latency, "none", EMUL_LIVE, "Time for a write, likewise") \
	X(FLUSH_LATENCY, flush_latency, "none", EMUL_LIVE, "Time for a flush, likewise") \
	X(UNMAP_LATENCY, unmap_latency, "none", EMUL_LIVE,			\
	  "Time for an unmap, write zeroes or secure erase, likewise")		\
	X(STALL, stall, "none", EMUL_LIVE,					\
	  "When nothing is executed, in microseconds: none, every PERIOD LENGTH or random PERIOD LENGTH") \
	X(INTERRUPT, interrupt, EMUL_INTERRUPT_DEFAULT, 0,			\
	  "How a queue's interrupt handler is reached: ipi, by an interrupt that the CPU sends itself, or direct, by a call") \
	X(NODE, node, "any", 0, "NUMA node of the queues' memory, or any")	\
	X(MODEL, model, "asblk emulated disk", 0, "Model, up to 40 characters")	\
	X(SERIAL, serial, "", 0,						\
	  "Serial number, up to 20 characters; by default from its name")	\
	X(FIRMWARE_REV, firmware_rev, "1.0", 0,					\
	  "Firmware revision, up to 8 characters")				\
	X(WWID, wwid, "", 0,							\
	  "Unique ID, 32 hexadecimal digits; by default from its name")

#define EMUL_NUMBER_ID(id, ...)	EMUL_##id,

enum emul_option {
	EMUL_NUMBERS(EMUL_NUMBER_ID)
	EMUL_NR_NUMBERS,
	EMUL_FIRST_TEXT = EMUL_NR_NUMBERS,
	/* private: the first text has the same value */
	EMUL_BEFORE_TEXTS = EMUL_FIRST_TEXT - 1,
	/* public: */
	EMUL_TEXTS(EMUL_NUMBER_ID)
	EMUL_NR_OPTIONS
};

/**
 * struct emul_options - a value for each option
 * @who: the disk, for the log; NULL for the module parameters
 * @number: of the first %EMUL_NR_NUMBERS
 * @text: of the others
 */
struct emul_options {
	const char *who;
	u64 number[EMUL_NR_NUMBERS];
	char text[EMUL_NR_OPTIONS - EMUL_FIRST_TEXT][EMUL_TEXT_SIZE];
};

static inline u64 emul_number(const struct emul_options *o, enum emul_option i)
{
	return o->number[i];
}

static inline const char *emul_text(const struct emul_options *o,
				    enum emul_option i)
{
	return o->text[i - EMUL_FIRST_TEXT];
}

struct emul_params;

const char *emul_option_name(enum emul_option i);
bool emul_option_live(enum emul_option i);
void emul_options_init(struct emul_options *o, const char *who);
void emul_option_reset(struct emul_options *o, enum emul_option i);
int emul_option_set(struct emul_options *o, enum emul_option i,
		    const char *text);
ssize_t emul_option_show(const struct emul_options *o, enum emul_option i,
			 char *page);
int emul_options_params(const struct emul_options *o, struct emul_params *p);

#endif /* _ASBLK_EMUL_OPTIONS_H */
