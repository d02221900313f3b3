// SPDX-License-Identifier: GPL-2.0-only
/*
 * Get Features (5.15) and Set Features (5.27). What the engine manages can be read here, and is
 * set in sysfs: to set it to what it is succeeds, anything else is refused.
 */
#include <linux/bitfield.h>
#include <linux/minmax.h>

#include "../compat.h"
#include "nvme.h"
#include "options.h"

/* Dword 10 */
#define FEATURE_FID		GENMASK(7, 0)
#define FEATURE_SELECT		GENMASK(10, 8)
#define FEATURE_SAVE		BIT(31)
#define FEATURE_FID_BYTE	40
#define FEATURE_SELECT_BYTE	41
#define FEATURE_VALUE_BYTE	44

/* Which value Get Features wants. */
#define SELECT_CURRENT		0
#define SELECT_DEFAULT		1
#define SELECT_SAVED		2
#define SELECT_CAPABILITIES	3

#define CAPABLE_CHANGEABLE	BIT(2)

/* Temperature Threshold (5.27.1.3): value, sensor, and whether it is a lower bound. */
#define TEMP_THRESHOLD		GENMASK(15, 0)
#define TEMP_SENSOR		GENMASK(19, 16)
#define TEMP_TYPE		GENMASK(21, 20)
#define TEMP_OVER		0
#define TEMP_UNDER		1

/* Interrupt Coalescing (5.27.1.6): completions from 0, and a time in 100 us. */
#define COALESCE_UNIT_US	100
#define COALESCE_TIME		GENMASK(15, 8)
#define COALESCE_COUNT		GENMASK(7, 0)

/* Interrupt Vector Configuration (5.27.1.7) */
#define VECTOR			GENMASK(15, 0)

static u16 feature_threshold(struct emul_device *ed, struct emul_command *cmd, u32 dword11,
			     bool initial, u32 *value)
{
	u32 type = FIELD_GET(TEMP_TYPE, dword11);

	if (FIELD_GET(TEMP_SENSOR, dword11))
		return emul_nvme_wrong(cmd, FEATURE_VALUE_BYTE + 2);
	if (type > TEMP_UNDER)
		return emul_nvme_wrong_bit(cmd, FEATURE_VALUE_BYTE + 2, 4);
	if (type == TEMP_OVER)
		*value = initial ? EMUL_TEMP_WARNING : READ_ONCE(ed->temp_over);
	else
		*value = initial ? 0 : READ_ONCE(ed->temp_under);
	return 0;
}

/* The value of a feature, or the one that it has at first; some depend on dword 11. */
static u16 feature_value(struct emul_device *ed, struct emul_command *cmd, u32 dword11,
			 bool initial, u32 *value)
{
	const struct emul_options *o = ed->options;
	u32 nr = ed->nr_queues - 1;

	*value = 0;
	switch (le32_to_cpu(cmd->nvme->features.fid) & FEATURE_FID) {
	case NVME_FEAT_TEMP_THRESH:
		return feature_threshold(ed, cmd, dword11, initial, value);
	case NVME_FEAT_VOLATILE_WC:
		if (!o->volatile_cache)
			return emul_nvme_wrong(cmd, FEATURE_FID_BYTE);
		*value = initial || READ_ONCE(o->write_cache);
		return 0;
	case NVME_FEAT_NUM_QUEUES:
		*value = nr << 16 | nr;
		return 0;
	case NVME_FEAT_IRQ_COALESCE:
		if (!initial)
			*value = FIELD_PREP(COALESCE_TIME,
					    min(READ_ONCE(o->coalesce_usecs) / COALESCE_UNIT_US,
						255)) |
				 FIELD_PREP(COALESCE_COUNT, READ_ONCE(o->coalesce_count) - 1);
		return 0;
	case NVME_FEAT_IRQ_CONFIG:
		if (FIELD_GET(VECTOR, dword11) >= emul_options_queues(o))
			return emul_nvme_wrong(cmd, FEATURE_VALUE_BYTE);
		*value = FIELD_GET(VECTOR, dword11);
		return 0;
	/* No priorities, one power state, nothing but complete recovery, no events: 0. */
	case NVME_FEAT_ARBITRATION:
	case NVME_FEAT_POWER_MGMT:
	case NVME_FEAT_ERR_RECOVERY:
	case NVME_FEAT_WRITE_ATOMIC:
	case NVME_FEAT_ASYNC_EVENT:
		return 0;
	default:
		return emul_nvme_wrong(cmd, FEATURE_FID_BYTE);
	}
}

/* Context: may sleep. */
u16 emul_nvme_get_features(struct emul_device *ed, struct emul_command *cmd)
{
	u32 fid = le32_to_cpu(cmd->nvme->features.fid), value;
	u32 select = FIELD_GET(FEATURE_SELECT, fid);
	u16 status;

	if (select > SELECT_CAPABILITIES)
		return emul_nvme_wrong(cmd, FEATURE_SELECT_BYTE);
	/* None is saved: then the default is what counts. */
	status = feature_value(ed, cmd, le32_to_cpu(cmd->nvme->features.dword11),
			       select == SELECT_DEFAULT || select == SELECT_SAVED, &value);
	if (status)
		return status;
	if (select == SELECT_CAPABILITIES)
		value = (fid & FEATURE_FID) == NVME_FEAT_TEMP_THRESH ? CAPABLE_CHANGEABLE : 0;
	cmd->result = value;
	return 0;
}

/* Context: may sleep. */
u16 emul_nvme_set_features(struct emul_device *ed, struct emul_command *cmd)
{
	u32 fid = le32_to_cpu(cmd->nvme->features.fid);
	u32 wanted = le32_to_cpu(cmd->nvme->features.dword11);
	u32 nsid = le32_to_cpu(cmd->nvme->features.nsid), value;
	u16 status;

	status = feature_value(ed, cmd, wanted, false, &value);
	if (status)
		return status;
	if (fid & FEATURE_SAVE)
		return NVME_SC_FEATURE_NOT_SAVEABLE | NVME_STATUS_DNR;
	if (nsid && nsid != NVME_NSID_ALL)
		return NVME_SC_FEATURE_NOT_PER_NS | NVME_STATUS_DNR;
	if ((fid & FEATURE_FID) != NVME_FEAT_TEMP_THRESH) {
		/* To whoever asks for so many queues. */
		cmd->result = value;
		return wanted == value ? 0 : NVME_SC_FEATURE_NOT_CHANGEABLE | NVME_STATUS_DNR;
	}
	if (FIELD_GET(TEMP_TYPE, wanted) == TEMP_OVER)
		WRITE_ONCE(ed->temp_over, FIELD_GET(TEMP_THRESHOLD, wanted));
	else
		WRITE_ONCE(ed->temp_under, FIELD_GET(TEMP_THRESHOLD, wanted));
	return 0;
}
