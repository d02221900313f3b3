/* SPDX-License-Identifier: GPL-2.0-only */
/* Files that histories are saved and loaded with, asblk_history/DISK in debugfs. */
#ifndef _ASBLK_EMUL_STREAM_H
#define _ASBLK_EMUL_STREAM_H

#include "config.h"

void emul_stream_add(struct emul_config *c);
void emul_stream_remove(struct emul_config *c);
void emul_stream_init(void);
void emul_stream_exit(void);

#endif /* _ASBLK_EMUL_STREAM_H */
