/* SPDX-License-Identifier: GPL-2.0-only */
/* Distributions of times, and stalls: from text to values, and to a sample. */
#ifndef _ASBLK_EMUL_DIST_H
#define _ASBLK_EMUL_DIST_H

#include <linux/types.h>

#define EMUL_DIST_POINTS	24
#define EMUL_DIST_TEXT		192	/* longest text, with its end */

/**
 * struct emul_dist - a distribution of times, as its percentiles
 * @nr: number of points; 0 is no time at all
 * @point: in ascending order; between two of them it is linear
 * @point.p: share of the samples that are at most @ns, of 2^32
 * @point.ns: nanoseconds
 */
struct emul_dist {
	unsigned int nr;
	struct {
		u32 p;
		u64 ns;
	} point[EMUL_DIST_POINTS];
};

/**
 * struct emul_stall - times at which the device does nothing else
 * @period_ns: one stall in each period; 0 for none
 * @length_ns: length of a stall, less than @period_ns
 * @random: it comes anywhere in the period instead of at its beginning
 */
struct emul_stall {
	u64 period_ns;
	u64 length_ns;
	bool random;
};

bool emul_dist_parse(struct emul_dist *d, const char *text);
u64 emul_dist_sample(const struct emul_dist *d, u32 random);
bool emul_stall_parse(struct emul_stall *s, const char *text);
u64 emul_stall_end(const struct emul_stall *s, u64 seed, u64 now);

#endif /* _ASBLK_EMUL_DIST_H */
