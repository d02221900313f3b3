// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>

#include "compat.h"
#include "core/queue.h"
#include "fake_ctrl.h"

ASBLK_IMPORT();

static int fake_start_queue(struct asblk_queue *q)
{
	struct fake *fake = asblk_ctrl_priv(q->ctrl);

	if (q->index == ASBLK_ADMIN_QUEUE)
		fake->admin = q;
	else
		fake->q = q;
	q->priv = fake;
	return fake->start_err;
}

static void fake_stop_queue(struct asblk_queue *q)
{
	struct fake *fake = q->priv;

	fake->stops++;
	fake->held_at_stop = asblk_to_hwq(q)->held & ASBLK_HELD_STOPPED;
}

/* Have the next reap of a queue report something. */
static void fake_say_on(struct fake *fake, struct asblk_queue *q, u16 id, blk_status_t status,
			u32 good, unsigned int flags)
{
	if (WARN_ON_ONCE(fake->nr_results == FAKE_MAX_TRANSFERS))
		return;
	fake->result[fake->nr_results++] = (struct fake_result) {
		.q = q, .id = id, .status = status, .good = good, .flags = flags,
	};
}

static blk_status_t fake_submit(struct asblk_queue *q, struct asblk_transfer *t)
{
	struct fake *fake = q->priv;
	struct fake_transfer *seen = &fake->seen[fake->nr_seen];
	u32 i;

	if (fake->nr_offered < FAKE_MAX_TRANSFERS)
		fake->offered[fake->nr_offered] = t->range.lba;
	fake->nr_offered++;
	if (fake->final) {
		blk_status_t status = fake->final;

		fake->final = BLK_STS_OK;
		return status;
	}
	if (fake->busy) {
		fake->busy--;
		return BLK_STS_RESOURCE;
	}
	fake->flushes += t->op == ASBLK_OP_FLUSH;
	fake->opts = t->opts;
	*(u16 *)t->priv = t->id;
	if (fake->automatic) {
		fake_say_on(fake, q, t->id, BLK_STS_OK, 0, 0);
		return BLK_STS_OK;
	}
	if (WARN_ON_ONCE(fake->nr_seen == FAKE_MAX_SEEN))
		return BLK_STS_IOERR;
	seen->q = q;
	seen->t = *t;
	seen->data = 0;
	seen->done = false;
	for (i = 0; i < t->nr_segments; i++)
		seen->data += t->segs[i].len;
	fake->nr_seen++;
	return BLK_STS_OK;
}

static void fake_doorbell(struct asblk_queue *q)
{
	struct fake *fake = q->priv;

	fake->rings++;
}

static void fake_run(struct asblk_queue *q)
{
	struct fake *fake = q->priv;

	if (fake->automatic)
		asblk_reap(q);
}

static void fake_reap(struct asblk_queue *q, struct asblk_batch *batch)
{
	struct fake *fake = q->priv;
	unsigned int i, left = 0;

	for (i = 0; i < fake->nr_results; i++) {
		const struct fake_result *r = &fake->result[i];

		if (r->q != q) {
			fake->result[left++] = *r;
			continue;
		}
		if (r->status == BLK_STS_OK && !r->flags && !r->good)
			asblk_complete(batch, r->id);
		else
			asblk_complete_error(batch, r->id, r->status, r->good,
					     r->flags);
	}
	fake->nr_results = left;
}

static void fake_answer(struct asblk_queue *q, struct asblk_command *command, void *priv)
{
	struct fake *fake = q->priv;

	fake->answered = *(u16 *)priv;
	command->result = fake->answer;
	command->status = fake->answer_status;
}

static int fake_abort(struct asblk_queue *q, u16 id)
{
	struct fake *fake = q->priv;

	fake->aborts++;
	fake->aborted = id;
	return fake->abort_err;
}

static int fake_reset_queue(struct asblk_queue *q)
{
	struct fake *fake = q->priv;

	fake->queue_resets++;
	return fake->reset_queue_err;
}

static int fake_reset(struct asblk_ctrl *ctrl, enum asblk_reset kind)
{
	struct fake *fake = asblk_ctrl_priv(ctrl);

	fake->resets++;
	return fake->reset_err;
}

static void fake_disable(struct asblk_ctrl *ctrl)
{
	struct fake *fake = asblk_ctrl_priv(ctrl);

	fake->disables++;
}

static int fake_write_cache(struct asblk_ctrl *ctrl, bool on)
{
	struct fake *fake = asblk_ctrl_priv(ctrl);

	fake->flushes_at_cache = fake->flushes;
	fake->cache = on;
	return fake->setting_err;
}

static int fake_write_protect(struct asblk_ctrl *ctrl, u32 unit, bool on)
{
	struct fake *fake = asblk_ctrl_priv(ctrl);

	fake->protected = on;
	return fake->setting_err;
}

static int fake_coalesce(struct asblk_ctrl *ctrl, unsigned int count,
			 unsigned int usecs)
{
	struct fake *fake = asblk_ctrl_priv(ctrl);

	fake->coalesce_count = count;
	fake->coalesce_usecs = usecs;
	return fake->setting_err;
}

static int fake_format(struct asblk_ctrl *ctrl, struct asblk_media_params *medium, bool keep)
{
	struct fake *fake = asblk_ctrl_priv(ctrl);

	if (fake->setting_err)
		return fake->setting_err;
	fake->formats++;
	fake->format_size = medium->block_size;
	medium->physical_block_size = medium->block_size;
	medium->unmap_granularity = medium->block_size;
	fake->format_kept = keep;
	return 0;
}

static int fake_ioctl(struct asblk_disk *disk, blk_mode_t mode, unsigned int cmd,
		      unsigned long arg)
{
	struct fake *fake = asblk_ctrl_priv(asblk_disk_ctrl(disk));

	complete(&fake->ioctl_came);
	wait_for_completion(&fake->ioctl_may_go);
	return cmd;
}

static int fake_eject(struct asblk_ctrl *ctrl, u32 unit)
{
	struct fake *fake = asblk_ctrl_priv(ctrl);

	fake->ejects++;
	return 0;
}

static int fake_load(struct asblk_ctrl *ctrl, u32 unit)
{
	return 0;
}

static int fake_idle(struct asblk_ctrl *ctrl)
{
	struct fake *fake = asblk_ctrl_priv(ctrl);

	fake->idles++;
	return fake->idle_err;
}

static int fake_wake(struct asblk_ctrl *ctrl)
{
	struct fake *fake = asblk_ctrl_priv(ctrl);

	fake->wakes++;
	return fake->wake_err;
}

const struct asblk_ctrl_ops fake_ops = {
	.owner		= THIS_MODULE,
	.start_queue	= fake_start_queue,
	.stop_queue	= fake_stop_queue,
	.submit		= fake_submit,
	.doorbell		= fake_doorbell,
	.run		= fake_run,
	.reap		= fake_reap,
	.answer		= fake_answer,
	.abort		= fake_abort,
	.reset_queue	= fake_reset_queue,
	.reset		= fake_reset,
	.disable	= fake_disable,
	.write_cache	= fake_write_cache,
	.write_protect	= fake_write_protect,
	.coalesce	= fake_coalesce,
	.format		= fake_format,
	.ioctl		= fake_ioctl,
	.eject		= fake_eject,
	.load		= fake_load,
	.idle		= fake_idle,
	.wake		= fake_wake,
};

/* Transfers of 4 KiB, four tags, four extra slots, two retries. */
void fake_params(struct asblk_ctrl_params *p)
{
	*p = (struct asblk_ctrl_params) {
		.model = "fake", .serial = "0", .firmware_rev = "0",
		.limits = {
			.max_bytes = SZ_4K, .max_segments = 16,
			.max_segment_bytes = SZ_4K,
			.seg_boundary_mask = U64_MAX,
			.dma_alignment_mask = 3, .max_ranges = 2,
			.max_range_bytes = SZ_1M, .max_zeroes_bytes = SZ_1M,
		},
		.nr_queues = 1, .queue_depth = 4, .nr_extra_slots = 4,
		.transfer_priv_size = sizeof(u16), .max_retries = 2, .timeout_ms = 10000,
		.node = NUMA_NO_NODE,
	};
}

/* @admin: NULL for no admin queue. */
struct fake *fake_create_admin(struct kunit *test, const struct asblk_ctrl_params *p,
			       const struct asblk_admin_params *admin)
{
	struct fake *fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);
	struct asblk_media_params mp = {
		.nr_blocks = SZ_64M / FAKE_BLOCK, .block_size = FAKE_BLOCK,
		.physical_block_size = FAKE_BLOCK,
		.unmap_granularity = FAKE_BLOCK, .atomic_bytes = SZ_4K,
		.block_sizes = SZ_512 | SZ_4K,
		.features = ASBLK_MEDIA_REMOVABLE | ASBLK_MEDIA_WRITE_CACHE | ASBLK_MEDIA_FUA |
			    ASBLK_MEDIA_UNMAP | ASBLK_MEDIA_WRITE_ZEROES,
	};

	KUNIT_ASSERT_NOT_NULL(test, fake);
	fake->seen = kunit_kcalloc(test, FAKE_MAX_SEEN, sizeof(*fake->seen),
				   GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fake->seen);
	init_completion(&fake->ioctl_came);
	init_completion(&fake->ioctl_may_go);
	fake->automatic = true;	/* for the partition scan */
	fake->ctrl = asblk_ctrl_alloc(&fake_ops, admin, p->node, p->dma_dev, NULL, fake);
	KUNIT_ASSERT_FALSE(test, IS_ERR(fake->ctrl));
	KUNIT_ASSERT_EQ(test, asblk_ctrl_start(fake->ctrl, p), 0);
	fake->disk = asblk_disk_add(fake->ctrl, &mp);
	KUNIT_ASSERT_FALSE(test, IS_ERR(fake->disk));
	fake->automatic = false;
	fake_forget(fake);
	return fake;
}

struct fake *fake_create(struct kunit *test, const struct asblk_ctrl_params *p)
{
	return fake_create_admin(test, p, NULL);
}

void fake_destroy(struct fake *fake)
{
	fake->automatic = true;
	asblk_disk_remove(fake->disk);
	asblk_ctrl_destroy(fake->ctrl);
}

void fake_forget(struct fake *fake)
{
	fake->nr_seen = 0;
	fake->nr_offered = 0;
	fake->rings = 0;
	fake->flushes = 0;
}

/* Have the next reap report something. */
void fake_say(struct fake *fake, u16 id, blk_status_t status, u32 good,
	      unsigned int flags)
{
	fake_say_on(fake, fake->q, id, status, good, flags);
}

/* Complete a transfer now, with flags of asblk_complete_error(). */
void fake_finish_flags(struct fake *fake, unsigned int index, blk_status_t status,
		       u32 good, unsigned int flags)
{
	struct fake_transfer *seen = &fake->seen[index];

	seen->done = true;
	fake_say_on(fake, seen->q, seen->t.id, status, good, flags);
	asblk_reap(seen->q);
}

/* Complete a transfer now. */
void fake_finish(struct fake *fake, unsigned int index, blk_status_t status,
		 u32 good)
{
	fake_finish_flags(fake, index, status, good, 0);
}

/* Complete all that is in flight, and what it lets in. Return: how many. */
unsigned int fake_finish_all(struct fake *fake)
{
	unsigned int i, nr = 0;

	for (i = 0; i < fake->nr_seen; i++) {
		if (fake->seen[i].done)
			continue;
		fake_finish(fake, i, BLK_STS_OK, 0);
		nr++;
	}
	return nr;
}
