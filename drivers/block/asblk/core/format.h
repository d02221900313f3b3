/* SPDX-License-Identifier: GPL-2.0-only */
/* Formats of a medium. */
#ifndef _ASBLK_FORMAT_H
#define _ASBLK_FORMAT_H

#include "disk.h"

extern const struct attribute_group asblk_format_group;

#endif /* _ASBLK_FORMAT_H */
