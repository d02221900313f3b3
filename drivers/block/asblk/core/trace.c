// SPDX-License-Identifier: GPL-2.0-only
/* The tracepoints, and words for statuses, whose numbers differ between kernels. */
#include <linux/export.h>

#include "submit.h"
#include "trace.h"

#define CREATE_TRACE_POINTS
#include <trace/events/asblk.h>

#define STATUS_WORD(word, code)	{ code, word },

static const struct { blk_status_t status; const char *word; } words[] = {
	{ BLK_STS_OK, "ok" },
	ASBLK_STATUSES(STATUS_WORD)
};

/**
 * asblk_status_word - the word for a status
 * @status: status
 *
 * Context: any.
 * Return: as in fault rules; "other" for one that they do not have.
 */
const char *asblk_status_word(blk_status_t status)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].status == status)
			return words[i].word;
	return "other";
}
ASBLK_EXPORT(asblk_status_word);
