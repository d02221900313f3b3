/* SPDX-License-Identifier: GPL-2.0-only */
/* The splitter: cuts a request's memory, or its ranges, into transfers. */
#ifndef _ASBLK_SPLIT_H
#define _ASBLK_SPLIT_H

#include <linux/asblk.h>

void asblk_cursor_advance(struct asblk_cursor *c, u32 bytes);
u32 asblk_split(struct asblk_transfer *t, struct asblk_cursor *at, u32 left);
u32 asblk_split_bytes(struct asblk_transfer *t, struct asblk_cursor *at, u32 left);

#endif /* _ASBLK_SPLIT_H */
