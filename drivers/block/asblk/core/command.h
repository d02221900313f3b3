/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands that are sent on purpose. */
#ifndef _ASBLK_COMMAND_H
#define _ASBLK_COMMAND_H

#include "queue.h"

bool asblk_command_withdraw(struct asblk_hwq *hwq, struct request *rq);

#endif /* _ASBLK_COMMAND_H */
