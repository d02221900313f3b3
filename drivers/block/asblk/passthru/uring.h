/* SPDX-License-Identifier: GPL-2.0-only */
/* NVMe commands through io_uring. */
#ifndef _ASBLK_PASSTHRU_URING_H
#define _ASBLK_PASSTHRU_URING_H

#include <linux/fs.h>

struct io_comp_batch;
struct io_uring_cmd;

#ifdef CONFIG_IO_URING
int passthru_uring_cmd(struct io_uring_cmd *ioucmd, unsigned int issue_flags);
int passthru_uring_poll(struct io_uring_cmd *ioucmd, struct io_comp_batch *iob,
			unsigned int flags);
int passthru_uring_init(void);
void passthru_uring_exit(void);
#else
#define passthru_uring_cmd	NULL
#define passthru_uring_poll	NULL
static inline int passthru_uring_init(void) { return 0; }
static inline void passthru_uring_exit(void) { }
#endif

#endif /* _ASBLK_PASSTHRU_URING_H */
