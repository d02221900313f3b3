/* SPDX-License-Identifier: GPL-2.0-only */
/* A controller's limits: are they possible, and what follows from them. */
#ifndef _ASBLK_LIMITS_H
#define _ASBLK_LIMITS_H

#include <linux/asblk.h>

/* What the engine promises the block layer for one request, not one transfer. */
#define ASBLK_MAX_REQUEST_BYTES	SZ_16M
#define ASBLK_MAX_RANGE_BYTES	((u32)UINT_MAX & ~((u32)SZ_64K - 1))

int asblk_limits_check(const struct asblk_limits *lim, struct device *dev);
int asblk_limits_check_block(const struct asblk_limits *lim, u32 block_size,
			     const struct device *dev);
bool asblk_limits_carry(const struct asblk_limits *lim, u32 block_size);
u32 asblk_limits_dma_alignment(const struct asblk_limits *lim, u32 block_size);
u32 asblk_limits_atomic(const struct asblk_limits *lim, u32 atomic_bytes);
u32 asblk_limits_whole_bytes(const struct asblk_limits *lim);

#endif /* _ASBLK_LIMITS_H */
