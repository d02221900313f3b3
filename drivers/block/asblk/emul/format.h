/* SPDX-License-Identifier: GPL-2.0-only */
/* Formatting the medium of the emulated controller, for the engine and for Format NVM. */
#ifndef _ASBLK_EMUL_FORMAT_H
#define _ASBLK_EMUL_FORMAT_H

#include <linux/asblk.h>

struct emul_options;
struct work_struct;

void emul_set_block_limits(const struct emul_options *o, struct asblk_media_params *p);
int emul_format(struct asblk_ctrl *ctrl, struct asblk_media_params *p, bool keep);
void emul_format_work(struct work_struct *work);

#endif /* _ASBLK_EMUL_FORMAT_H */
