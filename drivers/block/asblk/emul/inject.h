/* SPDX-License-Identifier: GPL-2.0-only */
/* Fault injection: executes a command that fault rules do something to. */
#ifndef _ASBLK_EMUL_INJECT_H
#define _ASBLK_EMUL_INJECT_H

#include "faults.h"
#include "medium.h"

bool emul_inject(struct emul_faults *f, struct emul_medium *m, unsigned int queue,
		 struct emul_cmd_state *s);

#endif /* _ASBLK_EMUL_INJECT_H */
