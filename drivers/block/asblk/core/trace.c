// SPDX-License-Identifier: GPL-2.0-only
/* The tracepoints, and what they say of numbers that differ between kernels. */
#include <linux/export.h>

#include "core.h"
#include "trace.h"

#define CREATE_TRACE_POINTS
#include <trace/events/asblk.h>

#define STATUS_CASE(word, code)	case code: return word;

/**
 * asblk_status_word - a status as a word
 * @status: status
 *
 * Context: any.
 * Return: the word that fault rules have for it.
 */
const char *asblk_status_word(blk_status_t status)
{
	switch (status) {
	case BLK_STS_OK: return "ok";
	ASBLK_STATUSES(STATUS_CASE)
	default: return "other";
	}
}
ASBLK_EXPORT(asblk_status_word);
