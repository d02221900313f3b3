/* SPDX-License-Identifier: GPL-2.0-only */
/* Pins: an instant that somebody looks at does not retire, and nor does any later one. */
#ifndef _ASBLK_EMUL_HIST_PIN_H
#define _ASBLK_EMUL_HIST_PIN_H

#include "hist_domain.h"

/**
 * struct emul_pin - somebody looks at an instant
 * @domain: power domain
 * @list: on &emul_domain.pins
 * @at: the instant
 * @horizon: emul_flushes_horizon() of it, of the disk that is looked at
 * @keep: the first instant that must not retire: @at, or an earlier one
 * @lost: what was recorded has gone: nothing can be read any more
 *
 * Changed under the domain's lock.
 */
struct emul_pin {
	struct emul_domain *domain;
	struct list_head list;
	u64 at;
	u64 horizon;
	u64 keep;
	bool lost;
};

int emul_pin_open(struct emul_pin *pin, struct emul_domain *d, const struct emul_flushes *f,
		  u64 at);
void emul_pin_close(struct emul_pin *pin);
void emul_pin_keep_all(struct emul_pin *pin);
bool emul_pin_begin_read(struct emul_pin *pin);
void emul_pin_end_read(struct emul_pin *pin);
u64 emul_pins_oldest(const struct emul_domain *d);
void emul_pins_lose(struct emul_domain *d);
void emul_pins_wait(struct emul_domain *d);

/* Context: any. */
static inline bool emul_pins_any(const struct emul_domain *d)
{
	return !list_empty_careful(&d->pins);
}

#endif /* _ASBLK_EMUL_HIST_PIN_H */
