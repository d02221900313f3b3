/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASBLK_EMUL_MODULE_PARAMS_H
#define _ASBLK_EMUL_MODULE_PARAMS_H

#include "options.h"

int emul_module_params(struct emul_options *o, unsigned int *nr_disks);

#endif /* _ASBLK_EMUL_MODULE_PARAMS_H */
