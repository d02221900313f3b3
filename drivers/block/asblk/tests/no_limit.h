/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASBLK_NO_LIMIT_H
#define _ASBLK_NO_LIMIT_H

#include <linux/asblk.h>

/* Limits that hardly limit; initialisers after it narrow them. */
#define NO_LIMIT	.max_bytes = SZ_1M, .max_segments = 256,	\
			.max_segment_bytes = SZ_1M,			\
			.seg_boundary_mask = U64_MAX,			\
			.max_ranges = 256, .max_range_bytes = SZ_1G,	\
			.max_zeroes_bytes = SZ_1G

#endif /* _ASBLK_NO_LIMIT_H */
