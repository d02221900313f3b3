// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver side of the emulated controller: transfers become commands on the
 * submission ring, completions are taken from the completion ring. It sees
 * nothing of the device but the rings, the doorbell and the interrupt.
 */
#include <kunit/visibility.h>
#include <linux/interrupt.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/debugfs.h>

#include "emul.h"
#include "options.h"

#define EMUL_MAX_RETRIES 3

static irqreturn_t emul_interrupt(int irq, void *data)
{
	asblk_reap(data);
	/* Ours even if a poll or another CPU was faster. */
	return IRQ_HANDLED;
}

static struct emul_desc *emul_alloc_list(struct emul_queue *eq, gfp_t gfp)
{
	const struct asblk_limits *lim = &eq->emul->params.limits;

	return kcalloc_node(max(lim->max_segments, lim->max_ranges), sizeof(struct emul_desc),
			    gfp, eq->q->node);
}

static void emul_free_rings(struct emul_queue *eq)
{
	unsigned int i;

	for (i = 0; eq->list && i < eq->q->nr_slots; i++)
		kfree(eq->list[i]);
	kvfree(eq->list);
	kfree(eq->reserve);
	kvfree(eq->sqe);
	kvfree(eq->cqe);
}

static int emul_start_queue(struct asblk_queue *q)
{
	struct emul *emul = asblk_ctrl_priv(q->ctrl);
	struct emul_queue *eq = &emul->queue[q->index];
	u32 size = roundup_pow_of_two(q->nr_slots);
	int err;

	eq->emul = emul;
	eq->q = q;
	eq->sq.mask = size - 1;
	/* Room for completions that nobody has asked for. */
	eq->cq.mask = 2 * size - 1;
	eq->sqe = kvcalloc_node(size, sizeof(*eq->sqe), GFP_KERNEL, q->node);
	eq->cqe = kvcalloc_node(2 * size, sizeof(*eq->cqe), GFP_KERNEL, q->node);
	eq->list = kvcalloc_node(q->nr_slots, sizeof(*eq->list), GFP_KERNEL, q->node);
	eq->reserve = emul_alloc_list(eq, GFP_KERNEL);
	if (!eq->sqe || !eq->cqe || !eq->list || !eq->reserve) {
		err = -ENOMEM;
		goto free;
	}
	emul_device_init(eq);
	if (!q->polled) {
		err = emul_irq_request(eq, emul_interrupt);
		if (err)
			goto free;
	}
	q->priv = eq;
	return 0;

free:
	emul_free_rings(eq);
	return err;
}

static void emul_stop_queue(struct asblk_queue *q)
{
	struct emul_queue *eq = q->priv;

	/* Both have handed over their last completion, but may not be out yet. */
	flush_workqueue(eq->emul->wq);
	emul_delay_exit(eq);
	flush_work(&eq->again);
	if (!q->polled)
		emul_irq_free(eq);
	emul_free_rings(eq);
}

static inline void emul_fill_segments(struct emul_desc *desc,
				      const struct asblk_transfer *t)
{
	const struct asblk_segment *seg = t->segs, *end = seg + t->nr_segments;

	for (; seg < end; seg++, desc++) {
		desc->start = seg->addr;
		desc->len = seg->len;
	}
}

static void emul_fill_ranges(struct emul_desc *desc, struct asblk_transfer *t)
{
	do {
		desc->start = t->range.lba;
		desc->len = t->range.nr_blocks;
		desc++;
	} while (asblk_next_range(t));
}

/*
 * Room for the descriptors of a slot's commands. Without memory for it one command at a time
 * goes on with the reserve. Context: under the engine's lock. Return: NULL if that is lent.
 */
static struct emul_desc *emul_list(struct emul_queue *eq, const struct asblk_transfer *t)
{
	struct emul_desc **list = &eq->list[t->slot];

	if (likely(*list))
		return *list;
	*list = emul_alloc_list(eq, GFP_ATOMIC | __GFP_NOWARN);
	if (*list || eq->reserve_lent)
		return *list;
	eq->reserve_lent = true;
	eq->reserve_id = t->id;
	return eq->reserve;
}

static blk_status_t emul_submit(struct asblk_queue *q,
				struct asblk_transfer *t)
{
	struct emul_queue *eq = q->priv;
	struct emul_deferred *deferred = t->priv;
	struct emul_command *cmd = &deferred->cmd;
	struct emul_desc *desc = cmd->desc;

	if (unlikely(ring_room(&eq->sq) <= eq->sq_new))
		return BLK_STS_RESOURCE;
	if (unlikely(emul_is_slow(eq->emul)) && READ_ONCE(eq->busy_until) > ktime_get_ns())
		return BLK_STS_RESOURCE;
	cmd->id = t->id;
	cmd->op = t->op;
	cmd->opts = t->opts;
	cmd->nr_descs = t->nr_segments + t->nr_ranges;	/* one of them is 0 */
	if (cmd->nr_descs > EMUL_INLINE_DESCS) {
		desc = emul_list(eq, t);
		if (unlikely(!desc))
			return BLK_STS_RESOURCE;
		cmd->list = desc;
	}
	if (likely(t->op <= ASBLK_OP_WRITE)) {
		cmd->lba = t->range.lba;
		cmd->nr_blocks = t->range.nr_blocks;
		emul_fill_segments(desc, t);
	} else if (t->op == ASBLK_OP_UNMAP) {
		emul_fill_ranges(desc, t);
	} else if (t->op != ASBLK_OP_FLUSH) {
		cmd->lba = t->range.lba;
		cmd->nr_blocks = t->range.nr_blocks;
	}
	eq->sqe[(eq->sq.tail + eq->sq_new) & eq->sq.mask] = cmd;
	eq->sq_new++;
	return BLK_STS_OK;
}

/* The doorbell is the ring's tail; emul_run() makes the device look at it. */
static void emul_doorbell(struct asblk_queue *q)
{
	struct emul_queue *eq = q->priv;

	ring_produce(&eq->sq, eq->sq_new);
	eq->sq_new = 0;
}

static void emul_run(struct asblk_queue *q)
{
	emul_device_run(q->priv);
}

static void emul_reap(struct asblk_queue *q, struct asblk_batch *batch)
{
	struct emul_queue *eq = q->priv;
	u32 filled;

	for (filled = ring_filled(&eq->cq); filled; filled--) {
		struct emul_completion cqe = eq->cqe[eq->cq.head & eq->cq.mask];

		ring_consume(&eq->cq, 1);
		if (unlikely(eq->reserve_lent) && cqe.id == eq->reserve_id)
			eq->reserve_lent = false;
		if (likely(!(cqe.status | cqe.flags)))
			asblk_complete(batch, cqe.id);
		else
			asblk_complete_error(batch, cqe.id,
					     (__force blk_status_t)cqe.status,
					     cqe.good, cqe.flags & ASBLK_MAY_RETRY);
	}
}

static int emul_abort(struct asblk_queue *q, u16 id)
{
	return emul_device_abort(q->priv, id);
}

static int emul_reset_queue(struct asblk_queue *q)
{
	struct emul_queue *eq = q->priv;
	int err;

	eq->sq_new = 0;
	err = emul_device_reset_queue(eq, EMUL_RECOVERED_BY_QUEUE);
	if (!err)
		eq->reserve_lent = false;
	return err;
}

/* What the commands that are forgotten would have taken. */
static void emul_forget_time(struct emul *emul)
{
	struct emul_model *m;

	rcu_read_lock();
	m = rcu_dereference(emul->model);
	if (m)
		emul_model_forget(m);
	rcu_read_unlock();
}

static int emul_reset(struct asblk_ctrl *ctrl)
{
	struct emul *emul = asblk_ctrl_priv(ctrl);
	unsigned int i;
	int err = 0;

	for (i = 0; i < emul->nr_queues && !err; i++) {
		emul->queue[i].sq_new = 0;
		err = emul_device_reset_queue(&emul->queue[i], EMUL_RECOVERED_BY_CTRL);
		if (!err)
			emul->queue[i].reserve_lent = false;
	}
	if (!err)
		emul_forget_time(emul);
	return err;
}

static void emul_disable(struct asblk_ctrl *ctrl)
{
	struct emul *emul = asblk_ctrl_priv(ctrl);
	unsigned int i;

	for (i = 0; i < emul->nr_queues; i++)
		emul_device_reset_queue(&emul->queue[i], EMUL_RECOVERED_BY_NEVER);
}

static int emul_eject(struct asblk_ctrl *ctrl, u32 unit)
{
	struct emul *emul = asblk_ctrl_priv(ctrl);

	emul->medium->loaded = false;
	return 0;
}

static int emul_load(struct asblk_ctrl *ctrl, u32 unit)
{
	struct emul *emul = asblk_ctrl_priv(ctrl);

	emul->medium->loaded = true;
	return 0;
}

/* What it is told to keep is kept either way; the host decides what it flushes. */
static int emul_write_cache(struct asblk_ctrl *ctrl, bool on)
{
	return 0;
}

static int emul_coalesce(struct asblk_ctrl *ctrl, unsigned int count, unsigned int usecs)
{
	struct emul *emul = asblk_ctrl_priv(ctrl);

	if (!count || count > EMUL_MAX_COALESCE_COUNT || usecs > EMUL_MAX_COALESCE_USECS)
		return -ERANGE;
	if (usecs)
		emul_be_slow(emul);
	WRITE_ONCE(emul->params.coalesce_count, count);
	WRITE_ONCE(emul->params.coalesce_usecs, usecs);
	return 0;
}

static int emul_format(struct asblk_ctrl *ctrl, u32 unit, u64 nr_blocks, u32 block_size,
		       bool keep)
{
	struct emul *emul = asblk_ctrl_priv(ctrl);

	return emul_medium_format(emul->medium, nr_blocks, block_size, keep);
}

static int emul_write_protect(struct asblk_ctrl *ctrl, u32 unit, bool on)
{
	struct emul *emul = asblk_ctrl_priv(ctrl);

	WRITE_ONCE(emul->medium->read_only, on);
	return 0;
}

/* RAM saves no power: it only waits to be woken. */
static int emul_idle(struct asblk_ctrl *ctrl)
{
	return 0;
}

static int emul_wake(struct asblk_ctrl *ctrl)
{
	return 0;
}

static void emul_show_queue(struct asblk_queue *q, struct seq_file *m)
{
	struct emul_queue *eq = q->priv;

	seq_printf(m, "submission entries %u head %u tail %u\n",
		   eq->sq.mask + 1, READ_ONCE(eq->sq.head),
		   READ_ONCE(eq->sq.tail));
	seq_printf(m, "completion entries %u head %u tail %u\n",
		   eq->cq.mask + 1, READ_ONCE(eq->cq.head),
		   READ_ONCE(eq->cq.tail));
	seq_printf(m, "interrupts_raised %llu\n", READ_ONCE(eq->count.raised));
	seq_printf(m, "hang %u fatal %u\n", READ_ONCE(eq->hang), READ_ONCE(eq->emul->fatal));
	emul_delay_show(eq, m);
}

static const struct asblk_ctrl_ops emul_ops = {
	.owner		= THIS_MODULE,
	.start_queue	= emul_start_queue,
	.stop_queue	= emul_stop_queue,
	.submit		= emul_submit,
	.doorbell		= emul_doorbell,
	.run		= emul_run,
	.reap		= emul_reap,
	.abort		= emul_abort,
	.reset_queue	= emul_reset_queue,
	.reset		= emul_reset,
	.disable	= emul_disable,
	.eject		= emul_eject,
	.load		= emul_load,
	.write_cache	= emul_write_cache,
	.write_protect	= emul_write_protect,
	.coalesce	= emul_coalesce,
	.format		= emul_format,
	.idle		= emul_idle,
	.wake		= emul_wake,
	.show_queue	= emul_show_queue,
};

static struct asblk_ctrl *emul_create_ctrl(struct emul *emul)
{
	const struct emul_params *p = &emul->params;
	struct asblk_ctrl_params cp = {
		.model			= p->model,
		.serial			= p->serial,
		.firmware_rev		= p->firmware_rev,
		.limits			= p->limits,
		.nr_queues		= p->queues,
		.nr_poll_queues		= p->poll_queues,
		.queue_depth		= p->queue_depth,
		/* Most of the queue's memory: enough for some that are in many parts. */
		.nr_extra_slots		= DIV_ROUND_UP(p->queue_depth, 2),
		.transfer_priv_size	= sizeof(struct emul_deferred),
		.max_retries		= EMUL_MAX_RETRIES,
		.timeout_ms		= p->timeout_ms,
		.cache_off		= !p->write_cache,
		.node			= p->node,
	};

	return asblk_ctrl_create(&emul_ops, &cp, NULL, emul);
}

static struct asblk_disk *emul_create_disk(struct emul *emul)
{
	const struct emul_params *p = &emul->params;
	struct asblk_media_params mp = {
		.nr_blocks		= emul->medium->nr_blocks,
		.block_size		= p->block_size,
		.physical_block_size	= p->physical_block_size,
		.unmap_granularity	= max_t(u32, PAGE_SIZE, p->block_size),
		.atomic_bytes		= SZ_64K,
		.block_sizes		= SZ_512 | SZ_1K | SZ_2K | SZ_4K |
					  SZ_8K | SZ_16K | SZ_32K | SZ_64K,
		.features		= ASBLK_MEDIA_UNMAP |
					  ASBLK_MEDIA_WRITE_ZEROES |
					  ASBLK_MEDIA_ZEROES_UNMAP |
					  ASBLK_MEDIA_SECURE_ERASE,
		.group			= &emul_attr_group,
		.priv			= emul,
	};

	memcpy(mp.wwid, p->wwid, sizeof(mp.wwid));
	if (p->volatile_cache)
		mp.features |= ASBLK_MEDIA_WRITE_CACHE | ASBLK_MEDIA_FUA;
	if (p->removable)
		mp.features |= ASBLK_MEDIA_REMOVABLE;
	if (p->rotational)
		mp.features |= ASBLK_MEDIA_ROTATIONAL;
	if (p->read_only)
		mp.features |= ASBLK_MEDIA_READ_ONLY;
	return asblk_disk_add(emul->ctrl, &mp);
}

/**
 * emul_set_model - have commands take the time that options say
 * @emul: controller
 * @o: options
 *
 * Those that wait already keep their time. Context: may sleep; one caller at a time.
 * Return: 0 or -ENOMEM.
 */
int emul_set_model(struct emul *emul, const struct emul_options *o)
{
	struct emul_model *model = emul_model_create(o);
	unsigned int i;

	if (IS_ERR(model))
		return PTR_ERR(model);
	if (model)
		emul_be_slow(emul);
	if (emul->seed != emul_number(o, EMUL_SEED)) {
		emul->seed = emul_number(o, EMUL_SEED);
		for (i = 0; i < emul->nr_queues; i++)
			emul_delay_seed(&emul->queue[i]);
	}
	model = rcu_replace_pointer(emul->model, model, true);
	if (model)
		kfree_rcu(model, rcu);
	return 0;
}

static void emul_debugfs(struct emul *emul)
{
	struct dentry *dir = asblk_ctrl_debugfs(emul->ctrl);

	debugfs_create_file("latency", 0400, dir, emul, emul_delay_fops);
	if (emul->faults)
		debugfs_create_file("faults", 0400, dir, emul, emul_faults_fops);
}

/* Its controller, if there was one, is gone. */
static void emul_free(struct emul *emul)
{
	kfree(rcu_dereference_protected(emul->model, true));
	kfree(emul);
}

/**
 * emul_create - make an emulated controller, without its disk
 * @params: what it is
 * @nr: number, for names
 * @medium: its medium, of the size and block size in @params; stays its owner's
 * @faults: its fault rules, which stay their owner's; NULL for none
 * @model: what makes commands take time; from here on it is this function's. NULL for
 *	nothing
 *
 * Context: may sleep.
 * Return: controller or an ERR_PTR.
 */
struct emul *emul_create(const struct emul_params *params, unsigned int nr,
			 struct emul_medium *medium, struct emul_faults *faults,
			 struct emul_model *model)
{
	struct emul *emul = kzalloc_obj(*emul);
	int err;

	if (!emul) {
		kfree(model);
		return ERR_PTR(-ENOMEM);
	}
	RCU_INIT_POINTER(emul->model, model);
	emul->seed = params->seed;
	emul->params = *params;
	emul->nr = nr;
	emul->medium = medium;
	emul->faults = faults;
	medium->read_only = params->read_only;
	emul->nr_queues = params->queues + params->poll_queues;
	err = -ENOMEM;
	emul->queue = kvcalloc(emul->nr_queues, sizeof(*emul->queue),
			       GFP_KERNEL);
	if (!emul->queue)
		goto free;
	/* May be needed to write out memory: has to go on without any. */
	emul->wq = alloc_workqueue("asblk-emul%u", WQ_UNBOUND | WQ_MEM_RECLAIM,
				   0, nr);
	if (!emul->wq)
		goto free_queues;
	err = emul_irq_domain_create(emul);
	if (err)
		goto free_wq;
	emul->ctrl = emul_create_ctrl(emul);
	if (IS_ERR(emul->ctrl)) {
		err = PTR_ERR(emul->ctrl);
		goto free_domain;
	}
	if (model)
		emul_be_slow(emul);
	if (params->coalesce_usecs || params->coalesce_count > 1) {
		err = asblk_ctrl_coalesce(emul->ctrl, params->coalesce_count,
					  params->coalesce_usecs);
		if (err)
			goto free_ctrl;
	}
	emul_debugfs(emul);
	return emul;

free_ctrl:
	asblk_ctrl_destroy(emul->ctrl);
free_domain:
	emul_irq_domain_remove(emul);
free_wq:
	destroy_workqueue(emul->wq);
free_queues:
	kvfree(emul->queue);
free:
	emul_free(emul);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_IF_KUNIT(emul_create);

/**
 * emul_add_disk - make the disk of a controller
 * @emul: controller
 *
 * Context: may sleep; waits for what is read from it, which asblk_ctrl_dead() ends.
 * Return: 0 or a negative errno.
 */
int emul_add_disk(struct emul *emul)
{
	/* A rule that is enabled from here on finds the controller. */
	if (emul->faults && rcu_access_pointer(emul->faults->set))
		emul_be_slow(emul);
	emul->disk = emul_create_disk(emul);
	return PTR_ERR_OR_ZERO(emul->disk);
}
EXPORT_SYMBOL_IF_KUNIT(emul_add_disk);

/**
 * emul_remove_disk - remove a disk, the first half of emul_destroy()
 * @emul: controller
 *
 * Context: may sleep; waits for requests in flight, which asblk_ctrl_dead() ends.
 */
void emul_remove_disk(struct emul *emul)
{
	asblk_disk_remove(emul->disk);
}

/**
 * emul_destroy_ctrl - remove its controller, the second half
 * @emul: controller, not to be used afterwards
 *
 * Context: may sleep.
 */
void emul_destroy_ctrl(struct emul *emul)
{
	asblk_ctrl_destroy(emul->ctrl);
	emul_irq_domain_remove(emul);
	destroy_workqueue(emul->wq);
	kvfree(emul->queue);
	emul_free(emul);
}

/**
 * emul_destroy - remove a disk and its controller; the data stays
 * @emul: controller
 *
 * Context: may sleep.
 */
void emul_destroy(struct emul *emul)
{
	emul_remove_disk(emul);
	emul_destroy_ctrl(emul);
}
EXPORT_SYMBOL_IF_KUNIT(emul_destroy);
