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
#include <linux/nvme.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "controller.h"
#include "counters.h"
#include "debugfs.h"
#include "format.h"
#include "passthru.h"
#include "sysfs.h"

#define EMUL_MAX_RETRIES 3

/* The admin queue is for users, one command at a time for the most part. */
#define EMUL_ADMIN_DEPTH	8
#define EMUL_ADMIN_BYTES	SZ_64K
#define EMUL_ADMIN_SEGMENTS	32

static irqreturn_t emul_interrupt(int irq, void *data)
{
	asblk_reap(data);
	/* Ours even if a poll or another CPU was faster. */
	return IRQ_HANDLED;
}

static struct emul_desc *emul_alloc_list(struct emul_host_queue *hq, gfp_t gfp)
{
	struct emul *emul = asblk_ctrl_priv(hq->q->ctrl);
	u32 nr = hq->q->index == ASBLK_ADMIN_QUEUE ? EMUL_ADMIN_SEGMENTS :
						     emul->dev.options->max_segments;

	return kcalloc_node(max(nr, EMUL_MAX_RANGES), sizeof(struct emul_desc), gfp, hq->q->node);
}

static void emul_free_rings(struct emul_host_queue *hq)
{
	unsigned int i;

	for (i = 0; hq->list && i < hq->q->nr_slots; i++)
		kfree(hq->list[i]);
	kvfree(hq->list);
	kfree(hq->reserve);
	kvfree(hq->rings->sqe);
	kvfree(hq->rings->cqe);
}

static int emul_alloc_rings(struct emul_host_queue *hq)
{
	u32 nr_slots = hq->q->nr_slots, size = roundup_pow_of_two(nr_slots);
	struct emul_rings *r = hq->rings;
	int node = hq->q->node;

	r->nr_commands = nr_slots;
	r->sq.mask = size - 1;
	/* Room for unsolicited completions. */
	r->cq.mask = 2 * size - 1;
	r->sqe = kvcalloc_node(size, sizeof(*r->sqe), GFP_KERNEL, node);
	r->cqe = kvcalloc_node(2 * size, sizeof(*r->cqe), GFP_KERNEL, node);
	hq->list = kvcalloc_node(nr_slots, sizeof(*hq->list), GFP_KERNEL, node);
	hq->reserve = emul_alloc_list(hq, GFP_KERNEL);
	if (r->sqe && r->cqe && hq->list && hq->reserve)
		return 0;
	emul_free_rings(hq);
	return -ENOMEM;
}

static int emul_start_queue(struct asblk_queue *q)
{
	struct emul *emul = asblk_ctrl_priv(q->ctrl);
	struct emul_queue *eq = emul_device_queue(&emul->dev, q->index);
	struct emul_host_queue *hq = &emul->queue[eq - emul->dev.queue];
	int err;

	hq->q = q;
	hq->eq = eq;
	hq->rings = &eq->rings;
	err = emul_alloc_rings(hq);
	if (err)
		return err;
	emul_device_start_queue(&emul->dev, q->index, q->polled);
	if (q->index == ASBLK_ADMIN_QUEUE) {
		emul_irq_request_unnumbered(&eq->irq, emul_interrupt, q);
	} else if (!q->polled) {
		err = emul_irq_request(&eq->irq, emul->dev.irqs, q->index, emul_interrupt, q,
				       asblk_ctrl_device(q->ctrl));
		if (err) {
			emul_free_rings(hq);
			return err;
		}
	}
	q->priv = hq;
	return 0;
}

static void emul_stop_queue(struct asblk_queue *q)
{
	struct emul_host_queue *hq = q->priv;

	/* Only there commands may be in flight. */
	if (q->index == ASBLK_ADMIN_QUEUE)
		emul_device_reset_queue(hq->eq, EMUL_RECOVERED_BY_NEVER);
	emul_device_stop_queue(hq->eq);
	if (!q->polled)
		emul_irq_free(&hq->eq->irq, q);
	emul_free_rings(hq);
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
static struct emul_desc *emul_list(struct emul_host_queue *hq, const struct asblk_transfer *t)
{
	struct emul_desc **list = &hq->list[t->slot];

	if (likely(*list))
		return *list;
	*list = emul_alloc_list(hq, GFP_ATOMIC | __GFP_NOWARN);
	if (*list || hq->reserve_lent)
		return *list;
	hq->reserve_lent = true;
	hq->reserve_id = t->id;
	return hq->reserve;
}

/*
 * A command of the NVMe command set: the device finds its bytes where they are, and returns its
 * answer in the same memory as the data's descriptors are in, or are listed from. So there is
 * always a list, and descriptors of no bytes make it long enough. Return: false without memory.
 */
static bool emul_fill_command(struct emul_host_queue *hq, struct emul_command *cmd,
			      const struct asblk_transfer *t)
{
	static_assert(sizeof(struct nvme_command) == ASBLK_COMMAND_BYTES);

	if (cmd->nr_descs <= EMUL_INLINE_DESCS)
		cmd->list = emul_list(hq, t);
	if (!cmd->list)
		return false;
	emul_fill_segments(cmd->list, t);
	for (; cmd->nr_descs <= EMUL_INLINE_DESCS; cmd->nr_descs++)
		cmd->list[cmd->nr_descs] = (struct emul_desc) { };
	cmd->opts = EMUL_OPT_NVME;
	cmd->lba = 0;
	cmd->nr_blocks = 0;
	cmd->nvme = (const struct nvme_command *)t->command->bytes;
	cmd->result = 0;
	cmd->status = 0;
	cmd->where = 0;
	return true;
}

/* What is neither a read nor a write. Return: false without memory. */
static noinline bool emul_fill_other(struct emul_host_queue *hq, struct emul_command *cmd,
				     struct emul_desc *desc, struct asblk_transfer *t)
{
	switch (t->op) {
	case ASBLK_OP_FLUSH:
		break;
	case ASBLK_OP_UNMAP:
		emul_fill_ranges(desc, t);
		break;
	case ASBLK_OP_COMMAND:
		return emul_fill_command(hq, cmd, t);
	default:
		cmd->lba = t->range.lba;
		cmd->nr_blocks = t->range.nr_blocks;
		break;
	}
	return true;
}

static blk_status_t emul_submit(struct asblk_queue *q,
				struct asblk_transfer *t)
{
	struct emul_host_queue *hq = q->priv;
	struct emul_cmd_state *s = t->priv;
	struct emul_command *cmd = &s->cmd;
	struct emul_desc *desc = cmd->desc;
	struct emul_rings *r = hq->rings;

	if (unlikely(ring_room(&r->sq) <= hq->sq_new))
		return BLK_STS_RESOURCE;
	if (unlikely(READ_ONCE(r->busy_until)) && r->busy_until > ktime_get_ns())
		return BLK_STS_RESOURCE;
	cmd->id = t->id;
	cmd->op = t->op;
	cmd->opts = t->opts;
	cmd->nr_descs = t->nr_segments + t->nr_ranges;	/* one of them is 0 */
	if (cmd->nr_descs > EMUL_INLINE_DESCS) {
		desc = emul_list(hq, t);
		if (unlikely(!desc))
			return BLK_STS_RESOURCE;
		cmd->list = desc;
	}
	if (likely(t->op <= ASBLK_OP_WRITE)) {
		cmd->lba = t->range.lba;
		cmd->nr_blocks = t->range.nr_blocks;
		emul_fill_segments(desc, t);
	} else if (!emul_fill_other(hq, cmd, desc, t)) {
		return BLK_STS_RESOURCE;
	}
	r->sqe[(r->sq.tail + hq->sq_new) & r->sq.mask] = cmd;
	hq->sq_new++;
	return BLK_STS_OK;
}

/* The doorbell is the ring's tail; emul_run() makes the device look at it. */
static void emul_doorbell(struct asblk_queue *q)
{
	struct emul_host_queue *hq = q->priv;

	ring_produce(&hq->rings->sq, hq->sq_new);
	hq->sq_new = 0;
}

static void emul_run(struct asblk_queue *q)
{
	struct emul_host_queue *hq = q->priv;

	emul_device_run(hq->eq);
}

static void emul_reap(struct asblk_queue *q, struct asblk_batch *batch)
{
	struct emul_host_queue *hq = q->priv;
	struct emul_rings *r = hq->rings;
	u32 filled;

	for (filled = ring_filled(&r->cq); filled; filled--) {
		struct emul_completion cqe = r->cqe[r->cq.head & r->cq.mask];

		ring_consume(&r->cq, 1);
		if (unlikely(hq->reserve_lent) && cqe.id == hq->reserve_id)
			hq->reserve_lent = false;
		if (likely(!(cqe.status | cqe.flags)))
			asblk_complete(batch, cqe.id);
		else
			asblk_complete_error(batch, cqe.id,
					     (__force blk_status_t)cqe.status,
					     cqe.good, cqe.flags & ASBLK_MAY_RETRY);
	}
}

static void emul_answer(struct asblk_queue *q, struct asblk_command *command, void *priv)
{
	const struct emul_cmd_state *s = priv;

	command->status = s->cmd.status;
	command->result = s->cmd.result;
}

static int emul_abort(struct asblk_queue *q, u16 id)
{
	struct emul_host_queue *hq = q->priv;

	emul_device_abort(hq->eq, id);
	return 0;
}

/* The device has forgotten the queue's commands. */
static void emul_forget(struct emul_host_queue *hq)
{
	hq->sq_new = 0;
	hq->reserve_lent = false;
}

static int emul_reset_queue(struct asblk_queue *q)
{
	struct emul_host_queue *hq = q->priv;
	int err = emul_device_reset_queue(hq->eq, EMUL_RECOVERED_BY_QUEUE);

	if (!err)
		emul_forget(hq);
	return err;
}

static int emul_reset_all(struct asblk_ctrl *ctrl, enum emul_recovered_by by)
{
	struct emul *emul = asblk_ctrl_priv(ctrl);
	int err = emul_device_reset(&emul->dev, by);
	unsigned int i;

	for (i = 0; i <= emul->dev.nr_queues && !err; i++)
		emul_forget(&emul->queue[i]);
	return err;
}

/* The admin queue too; nothing else stops it. */
static int emul_reset(struct asblk_ctrl *ctrl, enum asblk_reset kind)
{
	int err;

	asblk_admin_stop(ctrl);
	err = emul_reset_all(ctrl, EMUL_RECOVERED_BY_CTRL);
	if (!err)
		asblk_admin_start(ctrl);
	return err;
}

static void emul_disable(struct asblk_ctrl *ctrl)
{
	struct emul *emul = asblk_ctrl_priv(ctrl);

	asblk_admin_stop(ctrl);
	emul_reset_all(ctrl, EMUL_RECOVERED_BY_NEVER);
	emul_health_unsafe(&emul->dev.medium->health);
}

static int emul_eject(struct asblk_ctrl *ctrl, u32 unit)
{
	struct emul *emul = asblk_ctrl_priv(ctrl);

	emul_recorder_settle(&emul->dev.medium->recorder);
	WRITE_ONCE(emul->dev.medium->loaded, false);
	return 0;
}

static int emul_load(struct asblk_ctrl *ctrl, u32 unit)
{
	struct emul *emul = asblk_ctrl_priv(ctrl);

	WRITE_ONCE(emul->dev.medium->loaded, true);
	return 0;
}

/* The medium keeps everything either way. From here on writes are durable at once, or not. */
static int emul_write_cache(struct asblk_ctrl *ctrl, bool on)
{
	struct emul *emul = asblk_ctrl_priv(ctrl);

	WRITE_ONCE(emul->dev.options->write_cache, on);
	return 0;
}

static int emul_coalesce(struct asblk_ctrl *ctrl, unsigned int count, unsigned int usecs)
{
	struct emul *emul = asblk_ctrl_priv(ctrl);
	struct emul_options *o = emul->dev.options;

	if (!count || count > EMUL_MAX_COALESCE_COUNT || usecs > EMUL_MAX_COALESCE_USECS)
		return -ERANGE;
	if (usecs)
		emul_be_slow(&emul->dev);
	WRITE_ONCE(o->coalesce_count, count);
	WRITE_ONCE(o->coalesce_usecs, usecs);
	return 0;
}

static int emul_write_protect(struct asblk_ctrl *ctrl, u32 unit, bool on)
{
	struct emul *emul = asblk_ctrl_priv(ctrl);

	WRITE_ONCE(emul->dev.medium->read_only, on);
	WRITE_ONCE(emul->dev.options->read_only, on);
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
	struct emul_host_queue *hq = q->priv;
	const struct emul_rings *r = hq->rings;

	seq_printf(m, "submission entries %u head %u tail %u\n", r->sq.mask + 1,
		   READ_ONCE(r->sq.head), READ_ONCE(r->sq.tail));
	seq_printf(m, "completion entries %u head %u tail %u\n", r->cq.mask + 1,
		   READ_ONCE(r->cq.head), READ_ONCE(r->cq.tail));
	emul_device_show_queue(hq->eq, m);
}

static const struct asblk_ctrl_ops emul_ops = {
	.owner		= THIS_MODULE,
	.start_queue	= emul_start_queue,
	.stop_queue	= emul_stop_queue,
	.submit		= emul_submit,
	.doorbell	= emul_doorbell,
	.run		= emul_run,
	.reap		= emul_reap,
	.answer		= emul_answer,
	.ioctl		= emul_ioctl,
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

/* The limits of data queues may be less than Identify needs. */
static struct asblk_ctrl *emul_alloc_ctrl(struct emul *emul)
{
	const struct emul_options *o = emul->dev.options;
	const struct asblk_admin_params p = {
		.depth			= EMUL_ADMIN_DEPTH,
		.limits = {
			.max_bytes		= EMUL_ADMIN_BYTES,
			.max_segments		= EMUL_ADMIN_SEGMENTS,
			.max_segment_bytes	= EMUL_ADMIN_BYTES,
			.seg_boundary_mask	= U64_MAX,
			.dma_alignment_mask	= sizeof(u32) - 1,
			.max_ranges		= 1,
			.max_range_bytes	= SZ_1G,
			.max_zeroes_bytes	= SZ_1G,
		},
		.transfer_priv_size	= sizeof(struct emul_cmd_state),
		.timeout_ms		= o->timeout_ms,
	};

	return asblk_ctrl_alloc(&emul_ops, &p, emul_options_node(o), NULL, NULL, emul);
}

static int emul_start_ctrl(struct emul *emul)
{
	const struct emul_options *o = emul->dev.options;
	struct asblk_ctrl_params p = {
		.model			= o->model,
		.serial			= o->serial,
		.firmware_rev		= o->firmware_rev,
		.nr_queues		= emul_options_queues(o),
		.nr_poll_queues		= o->poll_queues,
		.queue_depth		= o->queue_depth,
		/* Most of the queue's memory: enough for some that are in many parts. */
		.nr_extra_slots		= DIV_ROUND_UP(o->queue_depth, 2),
		.transfer_priv_size	= sizeof(struct emul_cmd_state),
		.max_retries		= EMUL_MAX_RETRIES,
		.timeout_ms		= o->timeout_ms,
		.cache_off		= !o->write_cache,
		.coalesce_count		= o->coalesce_count,
		.coalesce_usecs		= o->coalesce_usecs,
		.node			= emul_options_node(o),
	};

	emul_options_limits(o, &p.limits);
	return asblk_ctrl_start(emul->ctrl, &p);
}

static struct asblk_disk *emul_create_disk(struct emul *emul)
{
	const struct emul_options *o = emul->dev.options;
	struct asblk_media_params p = {
		.nr_blocks		= emul->dev.medium->nr_blocks,
		.block_size		= o->block_size,
		.physical_block_size	= emul->physical_block_size,
		.alignment_offset	= o->alignment_offset,
		.atomic_bytes		= o->atomic_unit,
		.atomic_boundary	= o->atomic_boundary,
		.block_sizes		= SZ_512 | SZ_1K | SZ_2K | SZ_4K |
					  SZ_8K | SZ_16K | SZ_32K | SZ_64K,
		.group			= &emul_attr_group,
		.priv			= &emul->dev,
	};

	emul_set_block_limits(o, &p);
	emul_options_wwid(o, p.wwid);
	if (o->discard)
		p.features |= ASBLK_MEDIA_UNMAP;
	if (o->write_zeroes)
		p.features |= ASBLK_MEDIA_WRITE_ZEROES | ASBLK_MEDIA_ZEROES_UNMAP;
	if (o->secure_erase)
		p.features |= ASBLK_MEDIA_SECURE_ERASE;
	if (o->volatile_cache)
		p.features |= ASBLK_MEDIA_WRITE_CACHE | ASBLK_MEDIA_FUA;
	if (o->removable)
		p.features |= ASBLK_MEDIA_REMOVABLE;
	if (o->rotational)
		p.features |= ASBLK_MEDIA_ROTATIONAL;
	if (o->read_only)
		p.features |= ASBLK_MEDIA_READ_ONLY;
	return asblk_disk_add(emul->ctrl, &p);
}

/*
 * Create an emulated controller without its disk. @o, @medium and @faults (NULL for none)
 * outlive it; settings of the controller change @o. The medium already has the size and block
 * size in @o. Context: may sleep. Return: controller or an ERR_PTR.
 */
struct emul *emul_create(struct emul_options *o, unsigned int nr, struct emul_medium *medium,
			 struct emul_faults *faults)
{
	struct emul *emul = kzalloc_obj(*emul);
	struct emul_device *ed;
	int err = -ENOMEM;

	if (!emul)
		return ERR_PTR(-ENOMEM);
	ed = &emul->dev;
	emul->physical_block_size = emul_options_physical_block_size(o);
	INIT_WORK(&ed->format.work, emul_format_work);
	medium->read_only = o->read_only;
	err = emul_device_init(ed, o, medium, faults, nr);
	if (err)
		goto free;
	err = -ENOMEM;
	emul->queue = kvcalloc(ed->nr_queues + 1, sizeof(*emul->queue), GFP_KERNEL);
	if (!emul->queue)
		goto exit_device;
	emul->ctrl = emul_alloc_ctrl(emul);
	if (IS_ERR(emul->ctrl)) {
		err = PTR_ERR(emul->ctrl);
		goto free_queues;
	}
	err = emul_start_ctrl(emul);
	if (err)
		goto free_ctrl;
	/* Before anybody can ask. */
	emul_health_on(&medium->health);
	err = emul_passthru_add(emul);
	if (err)
		goto destroy_ctrl;
	if (faults)
		faults->ctrl = dev_name(asblk_ctrl_device(emul->ctrl));
	if (o->coalesce_usecs || o->hold_depth)
		emul_be_slow(ed);
	emul_device_record(ed, medium->base || emul_recorder_is_on(&medium->recorder));
	emul_debugfs_add(ed, asblk_ctrl_debugfs(emul->ctrl));
	return emul;

destroy_ctrl:
	asblk_ctrl_destroy(emul->ctrl);
	goto free_queues;
free_ctrl:
	asblk_ctrl_free(emul->ctrl);
free_queues:
	kvfree(emul->queue);
exit_device:
	emul_device_exit(ed);
free:
	kfree(emul);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_IF_KUNIT(emul_create);

/* Context: may sleep; waits for reads of the partition table, which asblk_ctrl_dead() ends. */
int emul_add_disk(struct emul *emul)
{
	const struct emul_faults *f = emul->dev.faults;
	int err;

	/* A rule that is enabled from here on finds the controller. */
	if ((f && rcu_access_pointer(f->set)) || emul->dev.medium->bad.any)
		emul_be_slow(&emul->dev);
	emul->disk = emul_create_disk(emul);
	if (IS_ERR(emul->disk))
		return PTR_ERR(emul->disk);
	err = emul_passthru_add_disk(emul);
	if (err) {
		asblk_disk_remove(emul->disk);
		return err;
	}
	emul_device_allow_format(&emul->dev, true);
	emul->history_file =
		emul_sysfs_get_history(disk_to_dev(asblk_disk_queue(emul->disk)->disk));
	if (emul->history_file)
		emul_recorder_watch(&emul->dev.medium->recorder, emul_sysfs_history,
				    emul->history_file);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(emul_add_disk);

/* Context: may sleep; waits for requests in flight, which asblk_ctrl_dead() ends. */
void emul_remove_disk(struct emul *emul)
{
	emul_device_allow_format(&emul->dev, false);
	emul_passthru_remove_disk(emul);
	emul_recorder_watch(&emul->dev.medium->recorder, NULL, NULL);
	sysfs_put(emul->history_file);
	asblk_disk_remove(emul->disk);
}

/* The disk is removed. Frees @emul. Context: may sleep. */
void emul_destroy_ctrl(struct emul *emul)
{
	struct emul_life life;

	emul_passthru_remove(emul);
	asblk_ctrl_destroy(emul->ctrl);
	emul_counters_life(&emul->dev, &life);
	emul_health_off(&emul->dev.medium->health, &life);
	kvfree(emul->queue);
	emul_device_exit(&emul->dev);
	kfree(emul);
}

/* Remove disk and controller; medium and rules stay. Context: may sleep. */
void emul_destroy(struct emul *emul)
{
	emul_remove_disk(emul);
	emul_destroy_ctrl(emul);
}
EXPORT_SYMBOL_IF_KUNIT(emul_destroy);
