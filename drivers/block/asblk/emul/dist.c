// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/ctype.h>
#include <linux/export.h>
#include <linux/int_log.h>
#include <linux/kstrtox.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/siphash.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "dist.h"

#define MAX_USECS	(10 * USEC_PER_SEC)
#define MAX_WORDS	(EMUL_DIST_POINTS + 1)

/*
 * The normal distribution's percentiles, as shares of 2^32, and its value there in
 * 1/65536 of that at 99 %: a log-normal one is told by its median and its 99 %.
 */
static const struct {
	u32 p;
	s32 z;
} normal[] = {
	{ 429497u, -104769 },	/* 0.01 % */
	{ 4294967u, -87056 },	/* 0.1 % */
	{ 42949673u, -65536 },	/* 1 % */
	{ 214748365u, -46337 },	/* 5 % */
	{ 429496730u, -36103 },	/* 10 % */
	{ 858993459u, -23709 },	/* 20 % */
	{ 1288490189u, -14773 },	/* 30 % */
	{ 1717986918u, -7137 },	/* 40 % */
	{ 2147483648u, 0 },	/* 50 % */
	{ 2576980378u, 7137 },	/* 60 % */
	{ 3006477107u, 14773 },	/* 70 % */
	{ 3435973837u, 23709 },	/* 80 % */
	{ 3865470566u, 36103 },	/* 90 % */
	{ 4080218931u, 46337 },	/* 95 % */
	{ 4187593114u, 55215 },	/* 97.5 % */
	{ 4252017623u, 65536 },	/* 99 % */
	{ 4273492460u, 72564 },	/* 99.5 % */
	{ 4290672329u, 87056 },	/* 99.9 % */
	{ 4292819812u, 92698 },	/* 99.95 % */
	{ 4294537799u, 104769 },	/* 99.99 % */
	{ 4294924346u, 120147 },	/* 99.999 % */
};

/* @value times 2 to the power of @exponent / 2^24, to within a few 1/10000. */
static u64 times_exp2(u64 value, s64 exponent)
{
	s64 whole = exponent >> 24;
	u64 f = exponent & (BIT(24) - 1);
	/* A polynomial for 2^f of f from 0 to 1; coefficients in 1/2^24. */
	u64 m = 16777216 + ((11668386 + ((3794504 + ((1313388 * f) >> 24)) * f >> 24)) *
			    f >> 24);

	value = mul_u64_u64_shr(value, m, 24);
	if (whole >= 0)
		return whole < 40 ? value << whole : U64_MAX;
	return whole > -64 ? value >> -whole : 0;
}

static bool parse_usecs(const char *word, u64 *ns)
{
	unsigned int usecs;

	if (!isdigit(*word) || kstrtouint(word, 10, &usecs) || usecs > MAX_USECS)
		return false;
	*ns = (u64)usecs * NSEC_PER_USEC;
	return true;
}

/* "99.99" as a share of 2^32; four decimals at most. */
static bool parse_percent(const char *word, u32 *p)
{
	unsigned int decimals = 0;
	bool point = false;
	u64 value = 0;

	if (!isdigit(*word))
		return false;
	for (; *word; word++) {
		if (*word == '.' && !point) {
			point = true;
			continue;
		}
		if (!isdigit(*word) || decimals == 4 || value > 1000000)
			return false;
		value = value * 10 + *word - '0';
		decimals += point;
	}
	for (; decimals < 4; decimals++)
		value *= 10;
	if (value > 1000000)
		return false;
	*p = min_t(u64, value * BIT_ULL(32) / 1000000, U32_MAX);
	return true;
}

static void dist_add(struct emul_dist *d, u32 p, u64 ns)
{
	d->point[d->nr].p = p;
	d->point[d->nr].ns = ns;
	d->nr++;
}

static bool dist_lognormal(struct emul_dist *d, u64 median, u64 p99)
{
	s64 ratio;
	size_t i;

	if (!median || p99 < median)
		return false;
	ratio = (s64)intlog2(p99 / NSEC_PER_USEC) - intlog2(median / NSEC_PER_USEC);
	for (i = 0; i < ARRAY_SIZE(normal); i++)
		dist_add(d, normal[i].p,
			 min(times_exp2(median, (ratio * normal[i].z) >> 16),
			     MAX_USECS * NSEC_PER_USEC));
	return true;
}

/* Words "PERCENT:USECS", both ascending. */
static bool dist_percentiles(struct emul_dist *d, char **word, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		char *usecs = strchr(word[i], ':');
		u64 ns;
		u32 p;

		if (!usecs)
			return false;
		*usecs++ = '\0';
		if (!parse_percent(word[i], &p) || !parse_usecs(usecs, &ns))
			return false;
		if (i && (p <= d->point[i - 1].p || ns < d->point[i - 1].ns))
			return false;
		dist_add(d, p, ns);
	}
	return nr;
}

/* Return: number of words, 0 if there are too many. */
static unsigned int split_words(char *text, char **word)
{
	unsigned int nr = 0;
	char *next;

	while ((next = strsep(&text, " \t"))) {
		if (!*next)
			continue;
		if (nr == MAX_WORDS)
			return 0;
		word[nr++] = next;
	}
	return nr;
}

/*
 * @text: "none", "fixed USECS", "uniform LEAST MOST", "lognormal MEDIAN P99" or "percentiles
 * PERCENT:USECS ..."; microseconds, up to 10 s. Return: false if it is none of these.
 */
bool emul_dist_parse(struct emul_dist *d, const char *text)
{
	char copy[EMUL_DIST_TEXT], *word[MAX_WORDS];
	unsigned int nr;
	u64 a, b;

	d->nr = 0;
	strscpy(copy, text);
	nr = split_words(copy, word);
	if (!nr)
		return false;
	if (!strcmp(word[0], "percentiles"))
		return dist_percentiles(d, word + 1, nr - 1);
	if (!strcmp(word[0], "none"))
		return nr == 1;
	if (nr < 2 || !parse_usecs(word[1], &a))
		return false;
	if (!strcmp(word[0], "fixed")) {
		dist_add(d, 0, a);
		return nr == 2;
	}
	if (nr != 3 || !parse_usecs(word[2], &b))
		return false;
	if (!strcmp(word[0], "lognormal"))
		return dist_lognormal(d, a, b);
	dist_add(d, 0, a);
	dist_add(d, U32_MAX, b);
	return !strcmp(word[0], "uniform") && a <= b;
}
EXPORT_SYMBOL_IF_KUNIT(emul_dist_parse);

/* @random: uniform over all u32. Return: nanoseconds. Context: any. */
u64 emul_dist_sample(const struct emul_dist *d, u32 random)
{
	unsigned int i;

	if (!d->nr)
		return 0;
	for (i = 0; i < d->nr; i++) {
		u64 from, width, rise;

		if (random > d->point[i].p)
			continue;
		if (!i)
			return d->point[0].ns;
		from = d->point[i - 1].p;
		width = d->point[i].p - from;
		rise = d->point[i].ns - d->point[i - 1].ns;
		return d->point[i - 1].ns + mul_u64_u64_div_u64(rise, random - from, width);
	}
	return d->point[d->nr - 1].ns;
}
EXPORT_SYMBOL_IF_KUNIT(emul_dist_sample);

/*
 * @text: "none", "every PERIOD LENGTH" or "random PERIOD LENGTH"; microseconds, up to 10 s.
 * Return: false if it is none of these.
 */
bool emul_stall_parse(struct emul_stall *s, const char *text)
{
	char copy[EMUL_DIST_TEXT], *word[MAX_WORDS];
	unsigned int nr;

	memset(s, 0, sizeof(*s));
	strscpy(copy, text);
	nr = split_words(copy, word);
	if (nr == 1)
		return !strcmp(word[0], "none");
	if (nr != 3 || !parse_usecs(word[1], &s->period_ns) ||
	    !parse_usecs(word[2], &s->length_ns) || s->length_ns >= s->period_ns)
		return false;
	s->random = !strcmp(word[0], "random");
	return s->random || !strcmp(word[0], "every");
}
EXPORT_SYMBOL_IF_KUNIT(emul_stall_parse);

static u64 stall_hash(u64 seed, u64 period)
{
	static const siphash_key_t key = { { 0x7374616c6c, 1 } };

	return siphash_2u64(seed, period, &key);
}

/*
 * Return: the end of the stall at @now, or @now if there is none; nanoseconds. Nothing is kept
 * of earlier stalls: any CPU finds the same.
 */
u64 emul_stall_end(const struct emul_stall *s, u64 seed, u64 now)
{
	u64 period, start;

	if (!s->period_ns)
		return now;
	period = div64_u64(now, s->period_ns);
	start = period * s->period_ns;
	if (s->random)
		start += stall_hash(seed, period) % (s->period_ns - s->length_ns);
	return now >= start && now < start + s->length_ns ? start + s->length_ns : now;
}
EXPORT_SYMBOL_IF_KUNIT(emul_stall_end);
