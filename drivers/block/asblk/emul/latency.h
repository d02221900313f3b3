/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long a command takes: distributions, channels, bandwidth, seeks and stalls.
 * Pure arithmetic: wait.c does the waiting.
 */
#ifndef _ASBLK_EMUL_LATENCY_H
#define _ASBLK_EMUL_LATENCY_H

#include <linux/asblk.h>
#include <linux/atomic.h>
#include <linux/rcupdate.h>

#include "dist.h"

struct emul_options;

#define EMUL_MAX_CHANNELS	64

/**
 * struct emul_model - model of time
 * @dist: time for each operation
 * @stall: garbage collection
 * @seed: of random stalls
 * @bandwidth: bytes per second read, and written; 0 for no limit
 * @iops: reads per second, and writes; 0 for no limit
 * @burst_ns: how far a transfer may get ahead of both
 * @seek_min_ns: a seek to the next track
 * @seek_max_ns: a seek over the whole medium
 * @turn_ns: one turn of the medium; 0 if it does not turn
 * @nr_channels: commands executed at a time; 0 for any number
 * @due: when the last byte read, and written, is through, in 1/64 of a nanosecond: a
 *	block at the highest bandwidths takes less than one. Shared by all queues, changed
 *	with cmpxchg, as are the following
 * @ops_due: when the last read, and write, is through at @iops, in the same unit
 * @head: where the head is
 * @busy_until: of each channel
 * @rcu: readers are under RCU
 */
struct emul_model {
	struct emul_dist dist[ASBLK_NR_OPS];
	struct emul_stall stall;
	u64 seed;
	u64 bandwidth[2];
	u64 iops[2];
	u64 burst_ns;
	u64 seek_min_ns;
	u64 seek_max_ns;
	u64 turn_ns;
	unsigned int nr_channels;
	atomic64_t due[2];
	atomic64_t ops_due[2];
	atomic64_t head;
	atomic64_t busy_until[EMUL_MAX_CHANNELS];
	struct rcu_head rcu;
};

/**
 * struct emul_cost - a command's share of a model's time
 * @service_ns: nanoseconds of a channel
 * @channel: which
 * @write: which of the two bandwidths and rates
 * @through: time on the bandwidth, in the unit of &emul_model.due
 * @ops_through: time on the rate, likewise
 */
struct emul_cost {
	u64 service_ns;
	u64 through;
	u64 ops_through;
	u8 channel;
	bool write;
};

struct emul_model *emul_model_create(const struct emul_options *o);
u64 emul_model_deadline(struct emul_model *m, enum asblk_op op, u64 lba,
			u64 nr_blocks, u64 bytes, u64 capacity, u64 now, u64 random,
			struct emul_cost *cost);
void emul_model_refund(struct emul_model *m, const struct emul_cost *cost, u64 left_ns);
void emul_model_forget(struct emul_model *m);

#endif /* _ASBLK_EMUL_LATENCY_H */
