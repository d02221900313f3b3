// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitops.h>
#include <linux/slab.h>

#include "hist_version.h"

/* Bytes of memory of its own. */
static u32 version_size(const struct emul_version *v)
{
	return v == &v->record->version ? 0 : sizeof(*v);
}

static struct emul_version *version_get(struct emul_record *r, gfp_t gfp)
{
	struct emul_version *v;

	if (r->has_version) {
		v = kmalloc_obj(*v, gfp);
	} else {
		v = &r->version;
		r->has_version = true;
	}
	if (v)
		v->record = r;
	return v;
}

static void version_put(struct emul_version *v)
{
	if (version_size(v))
		kfree(v);
	else
		v->record->has_version = false;
}

/*
 * A version of page @index for a command that writes the grains @covers, with memory for @bytes
 * that were there before. Context: as @gfp says. Return: or NULL.
 */
struct emul_version *emul_version_alloc(struct emul_domain *d, struct emul_record *r, u64 index,
					u64 covers, u32 bytes, gfp_t gfp)
{
	struct emul_version *v = version_get(r, gfp);

	if (!v)
		return NULL;
	if (!emul_budget_take(&d->budget, version_size(v) + bytes))
		goto put;
	*v = (struct emul_version) {
		.record = r, .index = index, .covers = covers, .bytes = bytes,
		.first = __ffs64(covers),
	};
	/* The whole of a page is the page itself, once it is replaced. */
	if (!bytes || bytes == PAGE_SIZE)
		return v;
	v->before = kmalloc(bytes, gfp);
	if (v->before)
		return v;
	emul_budget_give(&d->budget, version_size(v) + bytes);
put:
	version_put(v);
	return NULL;
}

/* The live disk may still be reading a page that was replaced. */
static void version_free_before(struct emul_domain *d, struct emul_version *v)
{
	if (v->is_page)
		emul_pool_put(&d->pool, v->before);
	else
		kfree(v->before);
}

/* Free what it has kept. */
void emul_version_free_before(struct emul_domain *d, struct emul_version *v)
{
	version_free_before(d, v);
	emul_budget_give(&d->budget, v->bytes);
	v->before = NULL;
	v->bytes = 0;
	v->is_page = false;
}

void emul_version_free(struct emul_domain *d, struct emul_version *v)
{
	u32 bytes = version_size(v) + v->bytes;

	version_free_before(d, v);
	version_put(v);
	emul_budget_give(&d->budget, bytes);
}
