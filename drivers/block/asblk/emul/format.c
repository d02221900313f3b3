// SPDX-License-Identifier: GPL-2.0-only
#include <linux/nvme.h>

#include "../compat.h"
#include "controller.h"
#include "format.h"

/* Whole blocks, of whatever size they are. */
void emul_set_block_limits(const struct emul_options *o, struct asblk_media_params *p)
{
	p->optimal_bytes = round_up(o->optimal_io_size, p->block_size);
	p->unmap_granularity = max_t(u32, o->discard_granularity ?: PAGE_SIZE, p->block_size);
	p->max_unmap_bytes = round_up(o->discard_max, p->block_size);
}

/* &asblk_ctrl_ops.format */
int emul_format(struct asblk_ctrl *ctrl, struct asblk_media_params *p, bool keep)
{
	struct emul *emul = asblk_ctrl_priv(ctrl);
	struct emul_medium *m = emul->dev.medium;
	struct emul_options *o = emul->dev.options;
	int err = emul_medium_format(m, p->nr_blocks, p->block_size, keep);

	if (err)
		return err;
	p->physical_block_size = max(emul->physical_block_size, p->block_size);
	emul_set_block_limits(o, p);
	spin_lock(&m->lock);
	o->size = p->nr_blocks * p->block_size;
	o->block_size = p->block_size;
	if (o->physical_block_size)
		o->physical_block_size = p->physical_block_size;
	spin_unlock(&m->lock);
	return 0;
}

/* The engine's errors are those of asblk_disk_format(). */
static u16 format_status(int err)
{
	switch (err) {
	case 0:
		return 0;
	case -EBUSY:	/* somebody has the disk open */
		return NVME_SC_OP_DENIED;
	case -EROFS:
		return NVME_SC_NS_WRITE_PROTECTED | NVME_STATUS_DNR;
	case -EINVAL:
		return NVME_SC_INVALID_FORMAT | NVME_STATUS_DNR;
	default:
		return NVME_SC_NS_NOT_READY;
	}
}

/*
 * A Format NVM command. What it does to the disk has to be done by the engine, with a frozen
 * queue and the lock that is held during resets; a reset waits for the device's own worker, so
 * this is another one. The command is on the admin queue, which no format freezes.
 */
void emul_format_work(struct work_struct *work)
{
	struct emul_device *ed = container_of(work, struct emul_device, format.work);
	struct emul *emul = container_of(ed, struct emul, dev);
	int err = asblk_disk_format(emul->disk, 0, ed->format.block_size, false);

	emul_device_format_end(ed, format_status(err));
}
