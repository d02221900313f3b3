/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A domain's memory is bounded: the oldest instants retire, and what the volatile cache cannot
 * hold becomes durable.
 */
#ifndef _ASBLK_EMUL_HIST_RETIRE_H
#define _ASBLK_EMUL_HIST_RETIRE_H

#include "hist_chain.h"
#include "hist_pin.h"

/* Retiring begins with so many eighths of the memory in use, and goes on to so many. */
#define EMUL_ROOM_BEGINS	7
#define EMUL_ROOM_ENDS		6

void emul_domain_retire(struct emul_domain *d, u64 at);
void emul_domain_retire_to(struct emul_domain *d, u64 target);
bool emul_domain_make_room(struct emul_domain *d);

#endif /* _ASBLK_EMUL_HIST_RETIRE_H */
