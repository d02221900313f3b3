// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/math.h>
#include <linux/math64.h>
#include <linux/slab.h>
#include <linux/time64.h>

#include "latency.h"
#include "options.h"

/* The unit of &emul_model.due, in nanoseconds, as a power of two. */
#define DUE_SHIFT	6

/*
 * Token bucket of @rate units per second. Return: when @nr of them are through, in
 * nanoseconds, if they begin at @now; their time in the bucket is in @through.
 */
static u64 model_through(const struct emul_model *m, atomic64_t *due, u64 rate, u64 nr, u64 now,
			 u64 *through)
{
	s64 old = atomic64_read(due);
	u64 new;

	*through = (mul_u64_u64_div_u64(nr << (DUE_SHIFT + 1), NSEC_PER_SEC, rate) + 1) / 2;
	do {
		/* Unused time can be made up for, up to a burst. */
		new = max_t(u64, old, (now - min(now, m->burst_ns)) << DUE_SHIFT) + *through;
	} while (!atomic64_try_cmpxchg(due, &old, new));
	return (new + BIT(DUE_SHIFT) - 1) >> DUE_SHIFT;
}

/* The channel that is free first does it. Return: when it is done. */
static u64 model_channel(struct emul_model *m, u64 now, u64 service,
			 struct emul_cost *cost)
{
	unsigned int i, best;
	s64 until;
	u64 done;

	do {
		best = 0;
		until = atomic64_read(&m->busy_until[0]);
		for (i = 1; i < m->nr_channels; i++) {
			s64 other = atomic64_read(&m->busy_until[i]);

			if (other < until) {
				best = i;
				until = other;
			}
		}
		done = max_t(u64, until, now) + service;
	} while (!atomic64_try_cmpxchg(&m->busy_until[best], &until, done));
	cost->channel = best;
	cost->service_ns = service;
	return done;
}

static u64 model_seek(struct emul_model *m, u64 lba, u64 nr_blocks, u64 capacity,
		      u32 random)
{
	u64 from = atomic64_xchg(&m->head, lba + nr_blocks);
	u64 distance = from > lba ? from - lba : lba - from;
	u64 time;

	if (!distance)
		return 0;
	time = m->seek_min_ns + (m->seek_max_ns - m->seek_min_ns) *
	       int_sqrt64(distance) / max(int_sqrt64(capacity), 1U);
	/* The block is anywhere on its track. */
	return time + mul_u64_u32_shr(m->turn_ns, random, 32);
}

/*
 * @bytes: data that a read or write moves; @capacity: of the medium, in blocks; @random: uniform
 * over all u64; @cost: filled in, for emul_model_refund(). Context: any, under
 * rcu_read_lock(). Return: nanoseconds, at least @now.
 */
u64 emul_model_deadline(struct emul_model *m, enum asblk_op op, u64 lba,
			u64 nr_blocks, u64 bytes, u64 capacity, u64 now, u64 random,
			struct emul_cost *cost)
{
	u64 service = emul_dist_sample(&m->dist[op], random);
	u64 done = emul_stall_end(&m->stall, m->seed, now);
	bool data = op <= ASBLK_OP_WRITE, write = op == ASBLK_OP_WRITE;

	*cost = (struct emul_cost) { .write = write };
	if (data && m->seek_max_ns + m->turn_ns)
		service += model_seek(m, lba, nr_blocks, capacity, random >> 32);
	if (m->nr_channels)
		done = model_channel(m, done, service, cost);
	else
		done += service;
	if (data && m->bandwidth[write])
		done = max(done, model_through(m, &m->due[write], m->bandwidth[write], bytes, now,
					       &cost->through));
	if (data && m->iops[write])
		done = max(done, model_through(m, &m->ops_due[write], m->iops[write], 1, now,
					       &cost->ops_through));
	return done;
}
EXPORT_SYMBOL_IF_KUNIT(emul_model_deadline);

static void model_give_back(atomic64_t *until, u64 time)
{
	s64 old = atomic64_read(until);

	/* The model may be another one than it was taken from. */
	while (!atomic64_try_cmpxchg(until, &old, max_t(s64, old - (s64)time, 0)))
		;
}

/*
 * A command is given up @left_ns before its deadline: later commands get the time that it has
 * not taken. Commands that wait behind it keep their deadlines. Context: as
 * emul_model_deadline().
 */
void emul_model_refund(struct emul_model *m, const struct emul_cost *cost, u64 left_ns)
{
	model_give_back(&m->busy_until[cost->channel], min(cost->service_ns, left_ns));
	model_give_back(&m->due[cost->write], min(cost->through, left_ns << DUE_SHIFT));
	model_give_back(&m->ops_due[cost->write], min(cost->ops_through, left_ns << DUE_SHIFT));
}
EXPORT_SYMBOL_IF_KUNIT(emul_model_refund);

/*
 * Forget the time of commands in flight, which the device no longer executes. Context: as
 * emul_model_deadline().
 */
void emul_model_forget(struct emul_model *m)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(m->busy_until); i++)
		atomic64_set(&m->busy_until[i], 0);
	for (i = 0; i < ARRAY_SIZE(m->due); i++) {
		atomic64_set(&m->due[i], 0);
		atomic64_set(&m->ops_due[i], 0);
	}
}
EXPORT_SYMBOL_IF_KUNIT(emul_model_forget);

static bool model_wanted(const struct emul_model *m)
{
	enum asblk_op op;

	for (op = 0; op < ASBLK_NR_OPS; op++)
		if (m->dist[op].nr)
			return true;
	return m->stall.period_ns || m->bandwidth[0] || m->bandwidth[1] ||
	       m->iops[0] || m->iops[1] || m->seek_max_ns || m->turn_ns;
}

/*
 * Context: may sleep. Return: model, for kfree_rcu(); NULL if commands take no time; or -ENOMEM
 * as an ERR_PTR.
 */
struct emul_model *emul_model_create(const struct emul_options *o)
{
	struct emul_model *m = kzalloc_obj(*m);
	enum asblk_op op;

	if (!m)
		return ERR_PTR(-ENOMEM);
	emul_dist_parse(&m->dist[ASBLK_OP_READ], o->read_latency);
	emul_dist_parse(&m->dist[ASBLK_OP_WRITE], o->write_latency);
	emul_dist_parse(&m->dist[ASBLK_OP_FLUSH], o->flush_latency);
	for (op = ASBLK_OP_UNMAP; op < ASBLK_NR_OPS; op++)
		emul_dist_parse(&m->dist[op], o->unmap_latency);
	emul_stall_parse(&m->stall, o->stall);
	m->seed = o->seed;
	m->bandwidth[0] = o->read_bandwidth;
	m->bandwidth[1] = o->write_bandwidth;
	m->iops[0] = o->read_iops;
	m->iops[1] = o->write_iops;
	m->burst_ns = o->burst_usecs * NSEC_PER_USEC;
	m->seek_min_ns = o->seek_min_usecs * NSEC_PER_USEC;
	m->seek_max_ns = max(o->seek_max_usecs * NSEC_PER_USEC, m->seek_min_ns);
	m->turn_ns = o->rpm ? div64_u64(60 * NSEC_PER_SEC, o->rpm) : 0;
	m->nr_channels = o->channels;
	if (model_wanted(m))
		return m;
	kfree(m);
	return NULL;
}
