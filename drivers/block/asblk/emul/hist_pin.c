// SPDX-License-Identifier: GPL-2.0-only
#include <linux/minmax.h>
#include <linux/wait_bit.h>

#include "hist_pin.h"

/*
 * From here on nothing retires that instant @at needs. @f: of the disk in question. Context: may
 * sleep. Return: 0, or -ERANGE if it has been retired or is to come.
 */
int emul_pin_open(struct emul_pin *pin, struct emul_domain *d, const struct emul_flushes *f,
		  u64 at)
{
	int err = 0;

	spin_lock_bh(&d->lock);
	if (at < d->oldest || at > d->now) {
		err = -ERANGE;
	} else {
		*pin = (struct emul_pin) {
			.domain = d, .at = at, .keep = at,
			.horizon = emul_flushes_horizon(f, at),
		};
		list_add(&pin->list, &d->pins);
	}
	spin_unlock_bh(&d->lock);
	return err;
}

/* Nothing that is there now retires, although it is durable at the instant. */
void emul_pin_keep_all(struct emul_pin *pin)
{
	spin_lock_bh(&pin->domain->lock);
	pin->keep = pin->domain->oldest;
	spin_unlock_bh(&pin->domain->lock);
}

void emul_pin_close(struct emul_pin *pin)
{
	spin_lock_bh(&pin->domain->lock);
	list_del(&pin->list);
	spin_unlock_bh(&pin->domain->lock);
}

/* What is read stays until emul_pin_end_read(). Return: false if it has gone already. */
bool emul_pin_begin_read(struct emul_pin *pin)
{
	struct emul_domain *d = pin->domain;
	bool there;

	spin_lock_bh(&d->lock);
	there = !pin->lost;
	d->nr_reading += there;
	spin_unlock_bh(&d->lock);
	return there;
}

void emul_pin_end_read(struct emul_pin *pin)
{
	struct emul_domain *d = pin->domain;
	bool last;

	spin_lock_bh(&d->lock);
	last = !--d->nr_reading;
	spin_unlock_bh(&d->lock);
	/* Pairs with the wait of emul_pins_wait(): somebody may want to free it. */
	if (last)
		wake_up_var(&d->nr_reading);
}

/* The first instant that somebody needs, or now. Under the domain's lock. */
u64 emul_pins_oldest(const struct emul_domain *d)
{
	const struct emul_pin *pin;
	u64 oldest = d->now;

	list_for_each_entry(pin, &d->pins, list)
		oldest = min(oldest, pin->keep);
	return oldest;
}

/* The domain has lost a disk: nobody can begin to read any more. */
void emul_pins_lose(struct emul_domain *d)
{
	struct emul_pin *pin;

	spin_lock_bh(&d->lock);
	list_for_each_entry(pin, &d->pins, list)
		pin->lost = true;
	spin_unlock_bh(&d->lock);
}

static bool pins_read(struct emul_domain *d)
{
	bool reading;

	spin_lock_bh(&d->lock);
	reading = d->nr_reading;
	spin_unlock_bh(&d->lock);
	return reading;
}

/* Wait until reads that have begun have ended. Context: may sleep. */
void emul_pins_wait(struct emul_domain *d)
{
	wait_var_event(&d->nr_reading, !pins_read(d));
}
