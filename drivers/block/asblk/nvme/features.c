// SPDX-License-Identifier: GPL-2.0-only
/* Features (5.27.1) of the controller and those that the engine sets. */
#include "nvme.h"

/* Interrupt Coalescing (5.27.1.6): completions from 0, time in units of 100 µs. */
#define COALESCE_MAX_COUNT	256
#define COALESCE_UNIT_US	100
#define COALESCE_MAX_US		(255 * COALESCE_UNIT_US)

/* Identify Controller, NWPC: Namespace Write Protection is supported. */
#define NWPC_SUPPORTED		BIT(0)

static int feature(struct anvme *nd, u8 opcode, u8 fid, u32 nsid, u32 value,
		   u32 *result)
{
	struct nvme_command cmd = {
		.features.opcode	= opcode,
		.features.nsid		= cpu_to_le32(nsid),
		.features.fid		= cpu_to_le32(fid),
		.features.dword11	= cpu_to_le32(value),
	};
	u64 res = 0;
	int status = anvme_admin(nd, &cmd, &res);

	if (result)
		*result = res;
	return status;
}

/* Set Features (5.27), controller-wide. @result may be NULL. Return: as anvme_admin_io(). */
int anvme_set_feature(struct anvme *nd, u8 fid, u32 value, u32 *result)
{
	return feature(nd, nvme_admin_set_features, fid, 0, value, result);
}

/* Set a feature. @what: its name in the log. Return: 0 or a negative errno. */
static int change(struct anvme *nd, u8 fid, u32 nsid, u32 value, const char *what)
{
	int status = feature(nd, nvme_admin_set_features, fid, nsid, value, NULL);

	if (status <= 0)
		return status;
	dev_warn_ratelimited(nd->dev, "failed to set %s to %#x (%#x)\n", what, value,
			     status);
	return (status & NVME_SCT_SC_MASK) == NVME_SC_FEATURE_NOT_CHANGEABLE ||
	       (status & NVME_SCT_SC_MASK) == NVME_SC_INVALID_FIELD ?
	       -EOPNOTSUPP : -EIO;
}

/* Return: the non-operational power state of lowest power (5.17.2.1, PSD), or 0. */
static u8 idle_state(const struct nvme_id_ctrl *id)
{
	unsigned int i;

	for (i = min_t(unsigned int, id->npss, ARRAY_SIZE(id->psd) - 1); i; i--)
		if (id->psd[i].flags & NVME_PS_FLAGS_NON_OP_STATE)
			return i;
	return 0;
}

/* Read which features exist and how they are set. Return: 0 or a negative errno. */
int anvme_features_init(struct anvme *nd)
{
	u32 on = 1;
	int err;

	nd->idle_state = idle_state(nd->id);
	if (!(nd->id->vwc & NVME_CTRL_VWC_PRESENT))
		return 0;
	/* If unknown, assume that it is on: extra flushes are harmless. */
	err = feature(nd, nvme_admin_get_features, NVME_FEAT_VOLATILE_WC, 0, 0, &on);
	nd->cache_off = !err && !(on & 1);
	return min(err, 0);
}

/* &asblk_ctrl_ops.write_cache: Volatile Write Cache (5.27.1.4) */
int anvme_write_cache(struct asblk_ctrl *ctrl, bool on)
{
	struct anvme *nd = asblk_ctrl_priv(ctrl);

	if (!(nd->id->vwc & NVME_CTRL_VWC_PRESENT))
		return on ? 0 : -EOPNOTSUPP;
	return change(nd, NVME_FEAT_VOLATILE_WC, 0, on, "the write cache");
}

/* &asblk_ctrl_ops.write_protect: Namespace Write Protection (5.27.1.29) */
int anvme_write_protect(struct asblk_ctrl *ctrl, u32 unit, bool on)
{
	struct anvme *nd = asblk_ctrl_priv(ctrl);
	int err;

	if (!(nd->id->nwpc & NWPC_SUPPORTED))
		return -EOPNOTSUPP;
	err = change(nd, NVME_FEAT_WRITE_PROTECT, unit,
		     on ? NVME_NS_WRITE_PROTECT : NVME_NS_NO_WRITE_PROTECT,
		     "write protection");
	/* A concurrent scan may have read the old state. */
	queue_work(system_dfl_wq, &nd->scan);
	return err;
}

/* &asblk_ctrl_ops.coalesce: Interrupt Coalescing (5.27.1.6) */
int anvme_coalesce(struct asblk_ctrl *ctrl, unsigned int count,
		   unsigned int usecs)
{
	struct anvme *nd = asblk_ctrl_priv(ctrl);

	if (!count || count > COALESCE_MAX_COUNT || usecs > COALESCE_MAX_US ||
	    usecs % COALESCE_UNIT_US) {
		dev_err(nd->dev, "invalid coalescing of %u completions and %u us: must be 1 to %u, and 0 to %u in steps of %u\n",
			count, usecs, COALESCE_MAX_COUNT, COALESCE_MAX_US,
			COALESCE_UNIT_US);
		return -ERANGE;
	}
	return change(nd, NVME_FEAT_IRQ_COALESCE, 0,
		      usecs / COALESCE_UNIT_US << 8 | (count - 1),
		      "interrupt coalescing");
}

/* &asblk_ctrl_ops.idle: Power Management (5.27.1.2, 8.15) */
int anvme_idle(struct asblk_ctrl *ctrl)
{
	struct anvme *nd = asblk_ctrl_priv(ctrl);
	u32 now = 0;
	int err;

	if (!nd->idle_state)
		return 0;
	/* A user may have set another operational state to return to. */
	err = feature(nd, nvme_admin_get_features, NVME_FEAT_POWER_MGMT, 0, 0, &now);
	if (err < 0)
		return err;
	nd->power_state = err ? 0 : now & 0x1f;
	return change(nd, NVME_FEAT_POWER_MGMT, 0, nd->idle_state, "the power state");
}

/* &asblk_ctrl_ops.wake */
int anvme_wake(struct asblk_ctrl *ctrl)
{
	struct anvme *nd = asblk_ctrl_priv(ctrl);

	if (!nd->idle_state)
		return 0;
	return change(nd, NVME_FEAT_POWER_MGMT, 0, nd->power_state, "the power state");
}

/* Enable command retry delays (ACRE, 5.27.1.18), which a reset disables. */
int anvme_allow_retry_delays(struct anvme *nd)
{
	struct nvme_command cmd = {
		.features.opcode	= nvme_admin_set_features,
		.features.dptr.prp1	= cpu_to_le64(nd->recheck_dma),
		.features.fid		= cpu_to_le32(NVME_FEAT_HOST_BEHAVIOR),
	};
	struct nvme_feat_host_behavior *host = (void *)nd->recheck;

	if (!nd->id->crdt1 && !nd->id->crdt2 && !nd->id->crdt3)
		return 0;
	memset(host, 0, sizeof(*host));
	host->acre = 1;
	/* If refused, commands are retried without a delay. */
	return min(anvme_admin(nd, &cmd, NULL), 0);
}
