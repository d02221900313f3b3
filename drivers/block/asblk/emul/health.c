// SPDX-License-Identifier: GPL-2.0-only
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "../compat.h"
#include "health.h"

void emul_health_init(struct emul_health *h)
{
	spin_lock_init(&h->lock);
}

void emul_health_exit(struct emul_health *h)
{
	kfree(h->error);
}

/* The disk gets power. */
void emul_health_on(struct emul_health *h)
{
	spin_lock_bh(&h->lock);
	h->on_since = ktime_get_boottime_seconds();
	h->life.power_cycles++;
	spin_unlock_bh(&h->lock);
}

/* It loses power. @since: what it has read and written meanwhile. */
void emul_health_off(struct emul_health *h, const struct emul_life *since)
{
	spin_lock_bh(&h->lock);
	h->life.seconds += ktime_get_boottime_seconds() - h->on_since;
	h->life.read_bytes += since->read_bytes;
	h->life.written_bytes += since->written_bytes;
	h->life.reads += since->reads;
	h->life.writes += since->writes;
	spin_unlock_bh(&h->lock);
}

/* It is removed by surprise. */
void emul_health_unsafe(struct emul_health *h)
{
	spin_lock_bh(&h->lock);
	h->life.unsafe_shutdowns++;
	spin_unlock_bh(&h->lock);
}

/*
 * Remember a command that has failed; its number is filled in. The first one may be forgotten
 * if there is no memory. @medium: the medium is the reason. Context: task or softirq.
 */
void emul_health_error(struct emul_health *h, struct emul_error *e, bool medium)
{
	struct emul_error *new = NULL;

	if (!READ_ONCE(h->error))
		new = kcalloc(EMUL_ERRORS, sizeof(*new), GFP_NOWAIT | __GFP_NOWARN);
	spin_lock_bh(&h->lock);
	if (!h->error) {
		WRITE_ONCE(h->error, new);
		new = NULL;
	}
	e->number = ++h->life.errors;
	h->life.media_errors += medium;
	if (h->error)
		h->error[e->number % EMUL_ERRORS] = *e;
	spin_unlock_bh(&h->lock);
	kfree(new);
}

/* The last error, or @age errors before it. All zeroes if there is none. */
void emul_health_last_error(struct emul_health *h, unsigned int age, struct emul_error *e)
{
	*e = (struct emul_error) { };
	spin_lock_bh(&h->lock);
	if (h->error && age < EMUL_ERRORS && age < h->life.errors)
		*e = h->error[(h->life.errors - age) % EMUL_ERRORS];
	spin_unlock_bh(&h->lock);
}

/* Its life up to now, but for what is read and written since it got power. */
void emul_health_life(struct emul_health *h, struct emul_life *life)
{
	spin_lock_bh(&h->lock);
	*life = h->life;
	life->seconds += ktime_get_boottime_seconds() - h->on_since;
	spin_unlock_bh(&h->lock);
}
