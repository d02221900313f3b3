// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module parameters: the disks made at load. All are strings to the kernel, so
 * that a wrong value is answered by one line that says what is allowed.
 */
#include <linux/cpumask.h>
#include <linux/ctype.h>
#include <linux/kstrtox.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/string.h>

#include "emul.h"

enum {
	PARAM_DISKS,
	PARAM_SIZE,
	PARAM_MEMORY_LIMIT,
	PARAM_QUEUES,
	PARAM_POLL_QUEUES,
	PARAM_QUEUE_DEPTH,
	PARAM_BLOCK_SIZE,
	PARAM_PHYSICAL_BLOCK_SIZE,
	PARAM_MAX_TRANSFER,
	PARAM_MAX_SEGMENTS,
	PARAM_MAX_SEGMENT_SIZE,
	PARAM_SEGMENT_BOUNDARY,
	PARAM_VIRT_BOUNDARY,
	PARAM_DMA_ALIGNMENT,
	PARAM_REMOVABLE,
	PARAM_READ_ONLY,
	NR_PARAMS
};

#define PARAM(name, value, text)					\
	static char *name = (value);					\
	module_param(name, charp, 0444);				\
	MODULE_PARM_DESC(name, text " (default " value ")")

PARAM(disks, "1", "Number of disks");
PARAM(size, "4G", "Capacity of a disk in bytes");
PARAM(memory_limit, "0",
      "Most memory that a disk's data and tables may take, in bytes; 0: all disks together half of the machine's");
PARAM(queues, "0", "Hardware queues with an interrupt; 0: one per CPU");
PARAM(poll_queues, "0", "Polled hardware queues");
PARAM(queue_depth, "128", "Requests in flight per hardware queue");
PARAM(block_size, "512", "Logical block size in bytes");
PARAM(physical_block_size, "0",
      "Physical block size in bytes; 0: 4K, or block_size if that is more");
PARAM(max_transfer, "128K", "Most bytes of one transfer");
PARAM(max_segments, "64", "Most segments of one transfer");
PARAM(max_segment_size, "0", "Most bytes of one segment; 0: as max_transfer");
PARAM(segment_boundary, "0",
      "No segment crosses a multiple of this many bytes; 0: no boundary");
PARAM(virt_boundary, "0",
      "Segments meet at multiples of this many bytes, as in an NVMe PRP list; 0: no boundary");
PARAM(dma_alignment, "4",
      "Addresses and lengths of segments are multiples of this many bytes");
PARAM(removable, "0", "1: the medium can be ejected");
PARAM(read_only, "0", "1: the medium is write protected");

/* Kinds of values beyond plain numbers. */
#define SUFFIX	BIT(0)	/* bytes: K, M, G, T, P or E may follow */
#define POWER2	BIT(1)	/* a power of two */
#define ZERO	BIT(2)	/* or 0 */
#define SECTORS	BIT(3)	/* a multiple of 512 */

#define MAX_SIZE	((u64)SZ_1T << 10)	/* the store's table is then 4 GiB */

/* One row says all about a parameter. */
static const struct param_info {
	const char *name;
	char **text;
	u64 min;
	u64 max;
	unsigned int kind;
} param_info[NR_PARAMS] = {
	[PARAM_DISKS] = { "disks", &disks, 0, 1024 },
	[PARAM_SIZE] = { "size", &size, SZ_4K, MAX_SIZE, SUFFIX | SECTORS },
	[PARAM_MEMORY_LIMIT] = { "memory_limit", &memory_limit, SZ_64K,
				 MAX_SIZE, SUFFIX | ZERO },
	[PARAM_QUEUES] = { "queues", &queues, 1, NR_CPUS, ZERO },
	[PARAM_POLL_QUEUES] = { "poll_queues", &poll_queues, 0, NR_CPUS },
	[PARAM_QUEUE_DEPTH] = { "queue_depth", &queue_depth, 1,
				ASBLK_MAX_QUEUE_DEPTH },
	[PARAM_BLOCK_SIZE] = { "block_size", &block_size, SZ_512, SZ_64K,
			       SUFFIX | POWER2 },
	[PARAM_PHYSICAL_BLOCK_SIZE] = { "physical_block_size",
					&physical_block_size, SZ_512, SZ_1M,
					SUFFIX | POWER2 | ZERO },
	[PARAM_MAX_TRANSFER] = { "max_transfer", &max_transfer, SZ_512, SZ_16M,
				 SUFFIX | SECTORS },
	[PARAM_MAX_SEGMENTS] = { "max_segments", &max_segments, 1, 1024 },
	[PARAM_MAX_SEGMENT_SIZE] = { "max_segment_size", &max_segment_size,
				     SZ_512, SZ_16M, SUFFIX | SECTORS | ZERO },
	[PARAM_SEGMENT_BOUNDARY] = { "segment_boundary", &segment_boundary,
				     SZ_4K, SZ_4G, SUFFIX | POWER2 | ZERO },
	[PARAM_VIRT_BOUNDARY] = { "virt_boundary", &virt_boundary, SZ_512,
				  SZ_64K, SUFFIX | POWER2 | ZERO },
	[PARAM_DMA_ALIGNMENT] = { "dma_alignment", &dma_alignment, 2, SZ_4K,
				  SUFFIX | POWER2 },
	[PARAM_REMOVABLE] = { "removable", &removable, 0, 1 },
	[PARAM_READ_ONLY] = { "read_only", &read_only, 0, 1 },
};

/* Bounds that this machine or kernel sets. */
static u64 param_max(unsigned int i)
{
	switch (i) {
	case PARAM_QUEUES:
	case PARAM_POLL_QUEUES:
		return nr_cpu_ids;
	case PARAM_BLOCK_SIZE:
		return asblk_max_block_size();
	default:
		return param_info[i].max;
	}
}

static int parse_bytes(const char *text, u64 *value)
{
	static const char suffixes[] = "KMGTPE";
	size_t len = strlen(text);
	unsigned int shift = 0;
	const char *suffix;
	char digits[24];
	int err;

	if (!len || len >= sizeof(digits))
		return -EINVAL;
	strscpy(digits, text);
	suffix = strchr(suffixes, toupper(digits[len - 1]));
	if (suffix && *suffix) {
		shift = 10 * (suffix - suffixes + 1);
		digits[len - 1] = '\0';
	}
	/* No sign, no other base than ten. */
	if (!isdigit(digits[0]))
		return -EINVAL;
	err = kstrtou64(digits, 10, value);
	if (err)
		return err;
	if (*value > U64_MAX >> shift)
		return -ERANGE;
	*value <<= shift;
	return 0;
}

static int param_value(const struct param_info *p, u64 *value)
{
	if (p->kind & SUFFIX)
		return parse_bytes(*p->text, value);
	return isdigit(**p->text) ? kstrtou64(*p->text, 10, value) : -EINVAL;
}

static int param_wrong(unsigned int i)
{
	const struct param_info *p = &param_info[i];

	pr_err("asblk: %s=%s is not %s%s from %llu to %llu%s\n", p->name,
	       *p->text, p->kind & ZERO ? "0 or " : "",
	       p->kind & POWER2 ? "a power of two" :
	       p->kind & SECTORS ? "a multiple of 512" : "a number", p->min,
	       param_max(i), p->kind & SUFFIX ? ", K M G T P E allowed" : "");
	return -EINVAL;
}

static int param_parse(unsigned int i, u64 *value)
{
	const struct param_info *p = &param_info[i];

	if (param_value(p, value))
		return param_wrong(i);
	if (!*value && (p->kind & ZERO))
		return 0;
	if (*value < p->min || *value > param_max(i) ||
	    ((p->kind & POWER2) && !is_power_of_2(*value)) ||
	    ((p->kind & SECTORS) && *value % SECTOR_SIZE))
		return param_wrong(i);
	return 0;
}

/* Say that a value does not go with another one. */
static int param_clash(unsigned int i, const char *rule, unsigned int other)
{
	pr_err("asblk: %s=%s is not %s %s=%s\n", param_info[i].name,
	       *param_info[i].text, rule, param_info[other].name,
	       *param_info[other].text);
	return -EINVAL;
}

static int params_check(const u64 *v, const struct asblk_limits *lim)
{
	u64 block = v[PARAM_BLOCK_SIZE];
	u64 piece = min3((u64)PAGE_SIZE, (u64)lim->max_segment_bytes,
			 v[PARAM_SEGMENT_BOUNDARY] ?: (u64)PAGE_SIZE);

	if (v[PARAM_PHYSICAL_BLOCK_SIZE] &&
	    v[PARAM_PHYSICAL_BLOCK_SIZE] < block)
		return param_clash(PARAM_PHYSICAL_BLOCK_SIZE, "at least",
				   PARAM_BLOCK_SIZE);
	if (v[PARAM_SIZE] % block)
		return param_clash(PARAM_SIZE, "a multiple of",
				   PARAM_BLOCK_SIZE);
	if (v[PARAM_MAX_TRANSFER] % block)
		return param_clash(PARAM_MAX_TRANSFER, "a multiple of",
				   PARAM_BLOCK_SIZE);
	if (v[PARAM_DMA_ALIGNMENT] > block)
		return param_clash(PARAM_DMA_ALIGNMENT, "at most",
				   PARAM_BLOCK_SIZE);
	if (lim->max_segment_bytes % v[PARAM_DMA_ALIGNMENT])
		return param_clash(PARAM_MAX_SEGMENT_SIZE, "a multiple of",
				   PARAM_DMA_ALIGNMENT);
	if (v[PARAM_MAX_SEGMENTS] * piece < block)
		return param_clash(PARAM_MAX_SEGMENTS,
				   "enough segments for one block of",
				   PARAM_BLOCK_SIZE);
	if (v[PARAM_VIRT_BOUNDARY] && block > piece &&
	    piece % v[PARAM_VIRT_BOUNDARY])
		return param_clash(PARAM_VIRT_BOUNDARY,
				   "possible with one block of",
				   PARAM_BLOCK_SIZE);
	return 0;
}

/**
 * emul_params_parse - turn the module parameters into a controller
 * @params: filled in
 * @nr_disks: filled in
 *
 * Context: module load.
 * Return: 0, or -EINVAL after one line in the log.
 */
int emul_params_parse(struct emul_params *params, unsigned int *nr_disks)
{
	struct asblk_limits *lim = &params->limits;
	u64 v[NR_PARAMS];
	unsigned int i;
	int err;

	for (i = 0; i < NR_PARAMS; i++) {
		err = param_parse(i, &v[i]);
		if (err)
			return err;
	}
	*nr_disks = v[PARAM_DISKS];
	*lim = (struct asblk_limits) {
		.max_bytes		= v[PARAM_MAX_TRANSFER],
		.max_segments		= v[PARAM_MAX_SEGMENTS],
		.max_segment_bytes	= v[PARAM_MAX_SEGMENT_SIZE] ?:
					  v[PARAM_MAX_TRANSFER],
		.seg_boundary_mask	= v[PARAM_SEGMENT_BOUNDARY] - 1,
		.virt_boundary_mask	= v[PARAM_VIRT_BOUNDARY] ?
					  v[PARAM_VIRT_BOUNDARY] - 1 : 0,
		.dma_alignment_mask	= v[PARAM_DMA_ALIGNMENT] - 1,
		.max_ranges		= 64,
		.max_range_bytes	= SZ_1G,
	};
	*params = (struct emul_params) {
		.size			= v[PARAM_SIZE],
		.memory_limit		= v[PARAM_MEMORY_LIMIT] ?:
					  (u64)totalram_pages() * PAGE_SIZE / 2 /
					  max(*nr_disks, 1U),
		.queues			= v[PARAM_QUEUES] ?: num_online_cpus(),
		.poll_queues		= v[PARAM_POLL_QUEUES],
		.queue_depth		= v[PARAM_QUEUE_DEPTH],
		.block_size		= v[PARAM_BLOCK_SIZE],
		.physical_block_size	= v[PARAM_PHYSICAL_BLOCK_SIZE] ?:
					  max_t(u64, SZ_4K, v[PARAM_BLOCK_SIZE]),
		.limits			= *lim,
		.removable		= v[PARAM_REMOVABLE],
		.read_only		= v[PARAM_READ_ONLY],
	};
	return params_check(v, lim);
}
