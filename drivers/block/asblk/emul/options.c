// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options: from text to values and back, one by one; then, together, what the
 * controller is made from. A wrong value is answered by one line in the log that says
 * what is allowed.
 */
#include <linux/cpumask.h>
#include <linux/ctype.h>
#include <linux/export.h>
#include <linux/hex.h>
#include <linux/kstrtox.h>
#include <linux/log2.h>
#include <linux/nodemask.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "../compat.h"
#include "emul.h"
#include "latency.h"
#include "options.h"

static const struct emul_option_info {
	const char *name;
	const char *def;
	u64 min;
	u64 max;
	unsigned int kind;
} option_info[EMUL_NR_OPTIONS] = {
#define NUMBER_INFO(id, name, def, min, max, kind, text) \
	[EMUL_##id] = { #name, def, min, max, kind },
#define TEXT_INFO(id, name, def, kind, text) \
	[EMUL_##id] = { #name, def, 0, 0, kind },
	EMUL_NUMBERS(NUMBER_INFO)
	EMUL_TEXTS(TEXT_INFO)
};

const char *emul_option_name(enum emul_option i)
{
	return option_info[i].name;
}
ASBLK_EXPORT(emul_option_name);

/* May it change while the disk is there? */
bool emul_option_live(enum emul_option i)
{
	return option_info[i].kind & EMUL_LIVE;
}

/* Bounds that this machine or kernel sets. */
static u64 option_max(enum emul_option i)
{
	switch (i) {
	case EMUL_QUEUES:
	case EMUL_POLL_QUEUES:
		return nr_cpu_ids;
	case EMUL_BLOCK_SIZE:
		return asblk_max_block_size();
	default:
		return option_info[i].max;
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

/* Which disk it is about, as the beginning of a line in the log. */
static const char *who(const struct emul_options *o)
{
	return o->who ?: "";
}

static const char *colon(const struct emul_options *o)
{
	return o->who ? ": " : "";
}

static int number_wrong(const struct emul_options *o, enum emul_option i,
			const char *text)
{
	const struct emul_option_info *p = &option_info[i];

	/* As it came, but nothing that would make it look like several lines. */
	pr_err_ratelimited("asblk: %s%s%s=%*pE is not %s%s from %llu to %llu%s\n",
			   who(o), colon(o), p->name, (int)strlen(text), text,
			   p->kind & EMUL_OR_ZERO ? "0 or " : "",
			   p->kind & EMUL_POWER2 ? "a power of two" :
			   p->kind & EMUL_SECTORS ? "a multiple of 512" :
			   "a number", p->min, option_max(i),
			   p->kind & EMUL_BYTES ? ", K M G T P E allowed" : "");
	return -EINVAL;
}

static int number_parse(const struct emul_options *o, enum emul_option i,
			const char *text, u64 *value)
{
	unsigned int kind = option_info[i].kind;
	int err;

	if (kind & EMUL_BYTES)
		err = parse_bytes(text, value);
	else
		err = isdigit(*text) ? kstrtou64(text, 10, value) : -EINVAL;
	if (err)
		return number_wrong(o, i, text);
	if (!*value && (kind & EMUL_OR_ZERO))
		return 0;
	if (*value < option_info[i].min || *value > option_max(i) ||
	    ((kind & EMUL_POWER2) && !is_power_of_2(*value)) ||
	    ((kind & EMUL_SECTORS) && *value % SECTOR_SIZE))
		return number_wrong(o, i, text);
	return 0;
}

static bool is_graphic(const char *text, size_t max, bool spaces)
{
	size_t len = strlen(text), i;

	if (!len || len > max)
		return false;
	for (i = 0; i < len; i++)
		if (!isascii(text[i]) || !isprint(text[i]) ||
		    (text[i] == ' ' && !spaces))
			return false;
	return true;
}

static bool is_node(const char *text)
{
	unsigned int node;

	if (!strcmp(text, "any"))
		return true;
	return isdigit(*text) && !kstrtouint(text, 10, &node) &&
	       node < nr_node_ids && node_online(node);
}

static bool is_wwid(const char *text)
{
	u8 id[16];

	return strlen(text) == 2 * sizeof(id) && !hex2bin(id, text, sizeof(id)) &&
	       memchr_inv(id, 0, sizeof(id));
}

#define DIST_EXPECTED								\
	"none, fixed N, uniform N N, lognormal MEDIAN P99 or percentiles P:N ... (microseconds, up to 10000000)"
#define STALL_EXPECTED								\
	"none, every PERIOD LENGTH or random PERIOD LENGTH (microseconds, up to 10000000)"

static bool is_dist(const char *text)
{
	struct emul_dist d;

	return emul_dist_parse(&d, text);
}

static bool is_stall(const char *text)
{
	struct emul_stall s;

	return emul_stall_parse(&s, text);
}

/* Return: NULL if @text will do, or what would have. */
static const char *text_expects(enum emul_option i, const char *text)
{
	switch (i) {
	case EMUL_PROFILE:
		return emul_profile_known(text) ? NULL : "a profile: " EMUL_PROFILE_NAMES;
	case EMUL_READ_LATENCY:
	case EMUL_WRITE_LATENCY:
	case EMUL_FLUSH_LATENCY:
	case EMUL_UNMAP_LATENCY:
		return is_dist(text) ? NULL : DIST_EXPECTED;
	case EMUL_STALL:
		return is_stall(text) ? NULL : STALL_EXPECTED;
	case EMUL_INTERRUPT:
		return !strcmp(text, "ipi") || !strcmp(text, "direct") ? NULL : "ipi or direct";
	case EMUL_NODE:
		return is_node(text) ? NULL : "a NUMA node that is online, or any";
	case EMUL_MODEL:
		return is_graphic(text, 40, true) ? NULL : "1 to 40 characters";
	case EMUL_SERIAL:
		return is_graphic(text, 20, false) ? NULL : "1 to 20 characters without a space";
	case EMUL_FIRMWARE_REV:
		return is_graphic(text, 8, true) ? NULL : "1 to 8 characters";
	case EMUL_WWID:
		return is_wwid(text) ? NULL : "32 hexadecimal digits that are not all 0";
	default:
		return "known";
	}
}

/**
 * emul_option_set - give an option a value
 * @o: options
 * @i: which
 * @text: value; without spaces at its ends
 *
 * A profile sets others as well. Context: may sleep.
 * Return: 0, or -EINVAL after one line in the log with nothing changed.
 */
int emul_option_set(struct emul_options *o, enum emul_option i, const char *text)
{
	const char *expected;
	u64 value;

	if (i < EMUL_FIRST_TEXT) {
		int err = number_parse(o, i, text, &value);

		if (!err)
			o->number[i] = value;
		return err;
	}
	expected = strlen(text) < EMUL_TEXT_SIZE ? text_expects(i, text) : "that long";
	if (expected) {
		pr_err_ratelimited("asblk: %s%s%s=%*pE is not %s\n", who(o), colon(o),
				   option_info[i].name, (int)strlen(text), text, expected);
		return -EINVAL;
	}
	strscpy(o->text[i - EMUL_FIRST_TEXT], text, EMUL_TEXT_SIZE);
	if (i == EMUL_PROFILE)
		emul_profile_apply(o, text);
	return 0;
}

/**
 * emul_option_show - an option as text
 * @o: options
 * @i: which
 * @page: where to, a page
 *
 * Return: length.
 */
ssize_t emul_option_show(const struct emul_options *o, enum emul_option i,
			 char *page)
{
	if (i < EMUL_FIRST_TEXT)
		return sysfs_emit(page, "%llu\n", emul_number(o, i));
	return sysfs_emit(page, "%s\n", emul_text(o, i));
}

/* Back to the default. */
void emul_option_reset(struct emul_options *o, enum emul_option i)
{
	if (i < EMUL_FIRST_TEXT)
		number_parse(o, i, option_info[i].def, &o->number[i]);
	else
		strscpy(o->text[i - EMUL_FIRST_TEXT], option_info[i].def,
			EMUL_TEXT_SIZE);
}

/**
 * emul_options_init - the default of every option
 * @o: filled in
 * @who: the disk, for the log; NULL for the module parameters
 */
void emul_options_init(struct emul_options *o, const char *who)
{
	enum emul_option i;

	o->who = who;
	for (i = 0; i < EMUL_NR_OPTIONS; i++)
		emul_option_reset(o, i);
}

/* Say that a value does not go with another one. */
static int options_clash(const struct emul_options *o, enum emul_option i,
			 const char *rule, enum emul_option other)
{
	pr_err_ratelimited("asblk: %s%s%s=%llu is not %s %s=%llu\n", who(o),
			   colon(o), option_info[i].name, o->number[i], rule,
			   option_info[other].name, o->number[other]);
	return -EINVAL;
}

static int options_check(const struct emul_options *o,
			 const struct asblk_limits *lim)
{
	const u64 *v = o->number;
	u64 block = v[EMUL_BLOCK_SIZE];
	u64 piece = min3((u64)PAGE_SIZE, (u64)lim->max_segment_bytes,
			 v[EMUL_SEGMENT_BOUNDARY] ?: (u64)PAGE_SIZE);

	if (v[EMUL_PHYSICAL_BLOCK_SIZE] && v[EMUL_PHYSICAL_BLOCK_SIZE] < block)
		return options_clash(o, EMUL_PHYSICAL_BLOCK_SIZE, "at least",
				     EMUL_BLOCK_SIZE);
	if (v[EMUL_SIZE] % block)
		return options_clash(o, EMUL_SIZE, "a multiple of",
				     EMUL_BLOCK_SIZE);
	if (v[EMUL_MAX_TRANSFER] % block)
		return options_clash(o, EMUL_MAX_TRANSFER, "a multiple of",
				     EMUL_BLOCK_SIZE);
	if (v[EMUL_DMA_ALIGNMENT] > block)
		return options_clash(o, EMUL_DMA_ALIGNMENT, "at most",
				     EMUL_BLOCK_SIZE);
	if (lim->max_segment_bytes % v[EMUL_DMA_ALIGNMENT])
		return options_clash(o, EMUL_MAX_SEGMENT_SIZE, "a multiple of",
				     EMUL_DMA_ALIGNMENT);
	if (v[EMUL_MAX_SEGMENTS] < asblk_limits_segments(lim, block))
		return options_clash(o, EMUL_MAX_SEGMENTS,
				     "enough segments for one block of",
				     EMUL_BLOCK_SIZE);
	if (v[EMUL_VIRT_BOUNDARY] && block > piece &&
	    piece % v[EMUL_VIRT_BOUNDARY])
		return options_clash(o, EMUL_VIRT_BOUNDARY,
				     "possible with one block of",
				     EMUL_BLOCK_SIZE);
	return 0;
}

static int options_node(const struct emul_options *o)
{
	int node;

	return kstrtoint(emul_text(o, EMUL_NODE), 10, &node) ? NUMA_NO_NODE : node;
}

/**
 * emul_options_params - what the options make of a controller
 * @o: options
 * @p: filled in; refers to @o
 *
 * Return: 0, or -EINVAL after one line in the log: two options contradict each other.
 */
int emul_options_params(const struct emul_options *o, struct emul_params *p)
{
	const u64 *v = o->number;
	u64 boundary = v[EMUL_SEGMENT_BOUNDARY], virt = v[EMUL_VIRT_BOUNDARY];

	*p = (struct emul_params) {
		.size			= v[EMUL_SIZE],
		.memory_limit		= v[EMUL_MEMORY_LIMIT],
		.queues			= v[EMUL_QUEUES] ?: num_online_cpus(),
		.poll_queues		= v[EMUL_POLL_QUEUES],
		.queue_depth		= v[EMUL_QUEUE_DEPTH],
		.block_size		= v[EMUL_BLOCK_SIZE],
		.physical_block_size	= v[EMUL_PHYSICAL_BLOCK_SIZE] ?:
					  max_t(u64, SZ_4K, v[EMUL_BLOCK_SIZE]),
		.limits	= {
			.max_bytes		= v[EMUL_MAX_TRANSFER],
			.max_segments		= v[EMUL_MAX_SEGMENTS],
			.max_segment_bytes	= v[EMUL_MAX_SEGMENT_SIZE] ?:
						  v[EMUL_MAX_TRANSFER],
			.seg_boundary_mask	= boundary - 1,
			.virt_boundary_mask	= virt ? virt - 1 : 0,
			.dma_alignment_mask	= v[EMUL_DMA_ALIGNMENT] - 1,
			.max_ranges		= 64,
			.max_range_bytes	= SZ_1G,
			.max_zeroes_bytes	= SZ_1G,
		},
		.removable		= v[EMUL_REMOVABLE],
		.rotational		= v[EMUL_ROTATIONAL],
		.read_only		= v[EMUL_READ_ONLY],
		.volatile_cache		= v[EMUL_VOLATILE_CACHE],
		.write_cache		= v[EMUL_WRITE_CACHE],
		.direct_irq		= !strcmp(emul_text(o, EMUL_INTERRUPT), "direct"),
		.coalesce_count		= v[EMUL_COALESCE_COUNT],
		.coalesce_usecs		= v[EMUL_COALESCE_USECS],
		.seed			= v[EMUL_SEED],
		.timeout_ms		= v[EMUL_TIMEOUT_MS],
		.node			= options_node(o),
		.model			= emul_text(o, EMUL_MODEL),
		.serial			= emul_text(o, EMUL_SERIAL),
		.firmware_rev		= emul_text(o, EMUL_FIRMWARE_REV),
	};
	/* Checked when it was set; empty in the module parameters. */
	if (hex2bin(p->wwid, emul_text(o, EMUL_WWID), sizeof(p->wwid)))
		memset(p->wwid, 0, sizeof(p->wwid));
	return options_check(o, &p->limits);
}
