// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options: from text to values and back, one by one; then, together, whether they go with
 * each other. A wrong value is answered by one line in the log that says what is allowed.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <kunit/visibility.h>
#include <linux/cpumask.h>
#include <linux/ctype.h>
#include <linux/export.h>
#include <linux/hex.h>
#include <linux/kstrtox.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/nodemask.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "../compat.h"
#include "dist.h"
#include "options.h"

/* Numbers first. */
enum option_type {
	TYPE_NUMBER,
	TYPE_CPUS,	/* at most one for each possible CPU */
	TYPE_BYTES,	/* K, M, G, T, P or E may follow */
	TYPE_BLOCKS,	/* likewise, at most the kernel's largest block */
	TYPE_FLAG,
	TYPE_TEXT,
	TYPE_WORD,
	TYPE_WWID,
	TYPE_NODE,
	TYPE_DIST,
	TYPE_STALL,
	TYPE_PROFILE,
	TYPE_INTERRUPT,
	TYPE_DECIDE,
	TYPE_CUT_PROFILE,
};

static const struct option_info {
	const char *name;
	const char *def;
	u64 min;
	u64 max;
	u8 type;
	u8 kind;
	u16 offset;
	u16 size;
} option_info[EMUL_NR_OPTIONS] = {
#define OPTION_INFO(id, name, type, def, min, max, kind, ...) \
	[EMUL_##id] = { #name, def, min, max, TYPE_##type, kind, \
			offsetof(struct emul_options, name), \
			sizeof_field(struct emul_options, name) },
	EMUL_OPTIONS(OPTION_INFO)
};

/**
 * emul_option_name - name of an option
 * @i: option
 *
 * Context: any.
 * Return: the name of its attribute and module parameter.
 */
const char *emul_option_name(enum emul_option i)
{
	return option_info[i].name;
}
ASBLK_EXPORT(emul_option_name);

static void *option_value(const struct emul_options *o, const struct option_info *p)
{
	return (void *)o + p->offset;
}

/* The row's bound, or one that this machine or kernel sets. */
static u64 option_max(const struct option_info *p)
{
	switch (p->type) {
	case TYPE_CPUS:
		return nr_cpu_ids;
	case TYPE_BLOCKS:
		return asblk_max_block_size();
	default:
		return p->max;
	}
}

static bool has_unit(const struct option_info *p)
{
	return p->type == TYPE_BYTES || p->type == TYPE_BLOCKS;
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

/* The disk, as the beginning of a line in the log. */
static const char *who(const struct emul_options *o)
{
	return o->who ?: "";
}

static const char *colon(const struct emul_options *o)
{
	return o->who ? ": " : "";
}

static int number_wrong(const struct emul_options *o, const struct option_info *p,
			const char *text)
{
	/* As it came, but escaped, so that it cannot look like several lines. */
	pr_err_ratelimited("%s%s%s=%*pE is not %s%s from %llu to %llu%s\n",
			   who(o), colon(o), p->name, (int)strlen(text), text,
			   p->kind & EMUL_OR_ZERO ? "0 or " : "",
			   p->kind & EMUL_POWER2 ? "a power of two" :
			   p->kind & EMUL_SECTORS ? "a multiple of 512" :
			   "a number", p->min, option_max(p),
			   has_unit(p) ? ", K M G T P E allowed" : "");
	return -EINVAL;
}

static int number_set(struct emul_options *o, const struct option_info *p, const char *text)
{
	u64 value;
	int err;

	if (has_unit(p))
		err = parse_bytes(text, &value);
	else
		err = isdigit(*text) ? kstrtou64(text, 10, &value) : -EINVAL;
	if (err)
		return number_wrong(o, p, text);
	if ((value || !(p->kind & EMUL_OR_ZERO)) &&
	    (value < p->min || value > option_max(p) ||
	     ((p->kind & EMUL_POWER2) && !is_power_of_2(value)) ||
	     ((p->kind & EMUL_SECTORS) && value % SECTOR_SIZE)))
		return number_wrong(o, p, text);
	/* A user may be reading it. */
	if (p->type == TYPE_FLAG)
		WRITE_ONCE(*(bool *)option_value(o, p), value);
	else
		WRITE_ONCE(*(u64 *)option_value(o, p), value);
	return 0;
}

static bool is_graphic(const char *text, bool spaces)
{
	for (; *text; text++)
		if (!isascii(*text) || !isprint(*text) || (*text == ' ' && !spaces))
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

	return !hex2bin(id, text, sizeof(id)) &&
	       memchr_inv(id, 0, sizeof(id));
}

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

/* all, none or seed N. Return: false if it is something else. Context: any. */
bool emul_policy_parse(const char *text, enum emul_policy *policy, u64 *seed)
{
	static const char with_seed[] = "seed ";

	*seed = 0;
	*policy = EMUL_POLICY_ALL;
	if (!strcmp(text, "all"))
		return true;
	*policy = EMUL_POLICY_NONE;
	if (!strcmp(text, "none"))
		return true;
	*policy = EMUL_POLICY_SEED;
	return !strncmp(text, with_seed, strlen(with_seed)) &&
	       !kstrtou64(text + strlen(with_seed), 10, seed);
}

/* Return: an enum emul_cut_profile, or -EINVAL. Context: any. */
int emul_cut_profile_parse(const char *text)
{
	static const char *const names[] = {
		[EMUL_CUT_SPEC] = "spec",
		[EMUL_CUT_LIAR] = "liar",
		[EMUL_CUT_ORDERED] = "ordered",
		[EMUL_CUT_NEIGHBOURS] = "neighbours",
		[EMUL_CUT_ROLLBACK] = "rollback",
		[EMUL_CUT_TORN] = "torn",
		[EMUL_CUT_ZEROED] = "zeroed",
		[EMUL_CUT_GARBAGE] = "garbage",
		[EMUL_CUT_UNREADABLE] = "unreadable",
	};

	return match_string(names, ARRAY_SIZE(names), text);
}

static bool is_decide(const char *text)
{
	enum emul_policy policy;
	u64 seed;

	return emul_policy_parse(text, &policy, &seed);
}

/* Return: NULL if @text is valid, else the values that are. */
static const char *text_expects(const struct option_info *p, const char *text)
{
	switch (p->type) {
	case TYPE_TEXT:
		return is_graphic(text, true) ? NULL : "printable";
	case TYPE_WORD:
		return is_graphic(text, false) ? NULL : "printable without a space";
	case TYPE_WWID:
		return is_wwid(text) ? NULL : "hexadecimal digits that are not all 0";
	case TYPE_NODE:
		return is_node(text) ? NULL : "a NUMA node that is online, or any";
	case TYPE_DIST:
		return is_dist(text) ? NULL :
		       "none, fixed N, uniform N N, lognormal MEDIAN P99 or percentiles P:N ... (microseconds, up to 10000000)";
	case TYPE_STALL:
		return is_stall(text) ? NULL :
		       "none, every PERIOD LENGTH or random PERIOD LENGTH (microseconds, up to 10000000)";
	case TYPE_INTERRUPT:
		return !strcmp(text, "ipi") || !strcmp(text, "direct") ? NULL : "ipi or direct";
	case TYPE_DECIDE:
		return is_decide(text) ? NULL : "all, none or seed N";
	case TYPE_CUT_PROFILE:
		return emul_cut_profile_parse(text) >= 0 ? NULL :
		       "one of spec, ordered, torn, zeroed, garbage, unreadable, neighbours, rollback, liar";
	default:	/* a profile, which emul_profile_apply() looks for */
		return NULL;
	}
}

static int text_set(struct emul_options *o, const struct option_info *p, const char *text)
{
	size_t len = strlen(text);
	const char *expected;

	if (len < p->min || len > p->max) {
		pr_err_ratelimited("%s%s%s=%*pE is not %llu to %llu characters long\n", who(o),
				   colon(o), p->name, (int)len, text, p->min, p->max);
		return -EINVAL;
	}
	expected = text_expects(p, text);
	if (expected) {
		pr_err_ratelimited("%s%s%s=%*pE is not %s\n", who(o), colon(o), p->name,
				   (int)len, text, expected);
		return -EINVAL;
	}
	strscpy((char *)option_value(o, p), text, p->size);
	return 0;
}

/*
 * @text has no spaces at its ends. emul_profile_apply() looks a profile up, not this. Context:
 * may sleep. Return: 0, or -EINVAL after one line in the log with nothing changed.
 */
int emul_option_set(struct emul_options *o, enum emul_option i, const char *text)
{
	const struct option_info *p = &option_info[i];

	return p->type <= TYPE_FLAG ? number_set(o, p, text) : text_set(o, p, text);
}

/* Return: length of the text in @page. */
ssize_t emul_option_show(const struct emul_options *o, enum emul_option i, char *page)
{
	const struct option_info *p = &option_info[i];
	void *value = option_value(o, p);

	if (p->type == TYPE_FLAG)
		return sysfs_emit(page, "%d\n", *(bool *)value);
	if (p->type < TYPE_FLAG)
		return sysfs_emit(page, "%llu\n", *(u64 *)value);
	return sysfs_emit(page, "%s\n", (char *)value);
}

/* Copy the value of one option. */
void emul_option_copy(struct emul_options *to, const struct emul_options *from,
		      enum emul_option i)
{
	const struct option_info *p = &option_info[i];

	memcpy(option_value(to, p), option_value(from, p), p->size);
}

/* Back to the default. */
void emul_option_reset(struct emul_options *o, enum emul_option i)
{
	const struct option_info *p = &option_info[i];

	if (*p->def)
		emul_option_set(o, i, p->def);
	else
		*(char *)option_value(o, p) = '\0';
}

/* Defaults. @who: the disk, for the log; NULL for the module parameters. */
void emul_options_init(struct emul_options *o, const char *who)
{
	enum emul_option i;

	o->who = who;
	for (i = 0; i < EMUL_NR_OPTIONS; i++)
		emul_option_reset(o, i);
}
EXPORT_SYMBOL_IF_KUNIT(emul_options_init);

/* Queues with an interrupt. */
unsigned int emul_options_queues(const struct emul_options *o)
{
	return o->queues ?: num_online_cpus();
}

u32 emul_options_physical_block_size(const struct emul_options *o)
{
	return o->physical_block_size ?: max_t(u64, SZ_4K, o->block_size);
}

int emul_options_node(const struct emul_options *o)
{
	int node;

	return kstrtoint(o->node, 10, &node) ? NUMA_NO_NODE : node;
}

void emul_options_limits(const struct emul_options *o, struct asblk_limits *lim)
{
	*lim = (struct asblk_limits) {
		.max_bytes		= o->max_transfer,
		.max_segments		= o->max_segments,
		.max_segment_bytes	= o->max_segment_size ?: o->max_transfer,
		.seg_boundary_mask	= o->segment_boundary - 1,
		.virt_boundary_mask	= o->virt_boundary ? o->virt_boundary - 1 : 0,
		.dma_alignment_mask	= o->dma_alignment - 1,
		.max_ranges		= EMUL_MAX_RANGES,
		.max_range_bytes	= SZ_1G,
		.max_zeroes_bytes	= SZ_1G,
	};
}

/* All zeroes if it has none, as the module parameters. */
void emul_options_wwid(const struct emul_options *o, u8 wwid[16])
{
	if (hex2bin(wwid, o->wwid, 16))
		memset(wwid, 0, 16);
}

/* Say that a value does not go with another one. */
static int options_clash(const struct emul_options *o, enum emul_option i,
			 const char *rule, enum emul_option other)
{
	const struct option_info *p = &option_info[i], *q = &option_info[other];

	pr_err_ratelimited("%s%s%s=%llu is not %s %s=%llu\n", who(o), colon(o), p->name,
			   *(u64 *)option_value(o, p), rule, q->name,
			   *(u64 *)option_value(o, q));
	return -EINVAL;
}

/* Return: 0, or -EINVAL after one line in the log: two options contradict each other. */
int emul_options_check(const struct emul_options *o)
{
	u64 block = o->block_size, piece;
	struct asblk_limits lim;

	emul_options_limits(o, &lim);
	piece = min3((u64)PAGE_SIZE, (u64)lim.max_segment_bytes,
		     o->segment_boundary ?: (u64)PAGE_SIZE);
	if (o->physical_block_size && o->physical_block_size < block)
		return options_clash(o, EMUL_PHYSICAL_BLOCK_SIZE, "at least", EMUL_BLOCK_SIZE);
	if (o->size % block)
		return options_clash(o, EMUL_SIZE, "a multiple of", EMUL_BLOCK_SIZE);
	if (o->max_transfer % block)
		return options_clash(o, EMUL_MAX_TRANSFER, "a multiple of", EMUL_BLOCK_SIZE);
	if (o->alignment_offset >= emul_options_physical_block_size(o))
		return options_clash(o, EMUL_ALIGNMENT_OFFSET, "less than",
				     EMUL_PHYSICAL_BLOCK_SIZE);
	if (o->atomic_boundary && o->atomic_boundary < o->atomic_unit)
		return options_clash(o, EMUL_ATOMIC_BOUNDARY, "at least", EMUL_ATOMIC_UNIT);
	if (o->atomic_boundary && o->atomic_boundary < block)
		return options_clash(o, EMUL_ATOMIC_BOUNDARY, "at least", EMUL_BLOCK_SIZE);
	if (o->dma_alignment > block)
		return options_clash(o, EMUL_DMA_ALIGNMENT, "at most", EMUL_BLOCK_SIZE);
	if (lim.max_segment_bytes % o->dma_alignment)
		return options_clash(o, EMUL_MAX_SEGMENT_SIZE, "a multiple of",
				     EMUL_DMA_ALIGNMENT);
	if (o->max_segments < asblk_limits_segments(&lim, block))
		return options_clash(o, EMUL_MAX_SEGMENTS, "enough segments for one block of",
				     EMUL_BLOCK_SIZE);
	if (o->virt_boundary && block > piece && piece % o->virt_boundary)
		return options_clash(o, EMUL_VIRT_BOUNDARY, "possible with one block of",
				     EMUL_BLOCK_SIZE);
	return 0;
}
