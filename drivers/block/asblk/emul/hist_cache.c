// SPDX-License-Identifier: GPL-2.0-only
#include <linux/lockdep.h>

#include "hist_cache.h"

/* Records that a random choice of what to write out is from. */
#define CACHE_CHOICE	64

/* It is empty, and holds any number of bytes. */
void emul_cache_init(struct emul_cache *c)
{
	*c = (struct emul_cache) {};
	INIT_LIST_HEAD(&c->records);
}

/* A record that was added leaves, if it has not yet. Under the domain's lock. */
void emul_cache_remove(struct emul_cache *c, struct emul_record *r)
{
	if (list_empty(&r->dirty))
		return;
	list_del_init(&r->dirty);
	c->bytes -= r->nr_blocks << r->block_shift;
}

static struct emul_record *cache_choose(struct emul_cache *c)
{
	u32 skip = c->any ? prandom_u32_state(&c->random) % CACHE_CHOICE : 0;
	struct emul_record *r;

	list_for_each_entry(r, &c->records, dirty)
		if (!skip-- || list_is_last(&r->dirty, &c->records))
			return r;
	return NULL;
}

/* Write out until the rest fits. */
static void cache_shrink(struct emul_cache *c, struct emul_domain *d,
			 const struct emul_flushes *f)
{
	struct emul_record *r, *next;

	/* What a flush has made durable meanwhile is looked at here, once. */
	list_for_each_entry_safe(r, next, &c->records, dirty) {
		if (c->bytes <= c->size || !emul_record_is_safe(f, r))
			break;
		emul_cache_remove(c, r);
	}
	while (c->bytes > c->size && (r = cache_choose(c))) {
		WRITE_ONCE(r->durable, ++d->now);
		emul_cache_remove(c, r);
	}
}

/* A record is in the cache, of any size. Under the domain's lock. */
void emul_cache_restore(struct emul_cache *c, struct emul_record *r)
{
	list_add_tail(&r->dirty, &c->records);
	c->bytes += r->nr_blocks << r->block_shift;
}

/* A record has completed and is not durable. @f: of the disk. Under the domain's lock. */
void emul_cache_add(struct emul_cache *c, struct emul_domain *d, const struct emul_flushes *f,
		    struct emul_record *r)
{
	lockdep_assert_held(&d->lock);
	emul_cache_restore(c, r);
	if (unlikely(c->size && c->bytes > c->size))
		cache_shrink(c, d, f);
}
