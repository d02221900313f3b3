// SPDX-License-Identifier: GPL-2.0-only
/* Users' commands, which go to the device's queues as they are. */
#include <linux/asblk_passthru.h>

#include "controller.h"
#include "nvme.h"
#include "passthru.h"

static int passthru_effects(struct asblk_ctrl *ctrl, struct nvme_effects_log *log)
{
	struct emul *emul = asblk_ctrl_priv(ctrl);

	memset(log, 0, sizeof(*log));
	emul_nvme_effects(emul->dev.options, log);
	return 0;
}

/*
 * A format needs no &asblk_passthru_ops.begin: the engine carries it out, with the disk's queue
 * frozen, before the command ends.
 */
static const struct asblk_passthru_ops emul_passthru_ops = {
	.effects	= passthru_effects,
};

/* The controller is started. Context: may sleep. Return: 0 or a negative errno. */
int emul_passthru_add(struct emul *emul)
{
	struct asblk_passthru *pt = asblk_passthru_add(emul->ctrl, &emul_passthru_ops);

	if (IS_ERR(pt))
		return PTR_ERR(pt);
	emul->passthru = pt;
	return 0;
}

/* The disk was added. Context: may sleep. Return: 0 or a negative errno. */
int emul_passthru_add_disk(struct emul *emul)
{
	struct asblk_passthru_disk *pd;

	pd = asblk_passthru_add_disk(emul->passthru, emul->disk, EMUL_NSID);
	if (IS_ERR(pd))
		return PTR_ERR(pd);
	emul->passthru_disk = pd;
	return 0;
}

/* The disk is about to be removed. Context: may sleep. */
void emul_passthru_remove_disk(struct emul *emul)
{
	asblk_passthru_remove_disk(emul->passthru_disk);
}

/* The controller is about to be destroyed. Context: may sleep. */
void emul_passthru_remove(struct emul *emul)
{
	asblk_passthru_remove(emul->passthru);
}

/* &asblk_ctrl_ops.ioctl */
int emul_ioctl(struct asblk_disk *disk, blk_mode_t mode, unsigned int cmd, unsigned long arg)
{
	struct emul *emul = asblk_ctrl_priv(asblk_disk_ctrl(disk));

	return asblk_passthru_ioctl(emul->passthru, disk, EMUL_NSID, mode, cmd, arg);
}
