// SPDX-License-Identifier: GPL-2.0-only
/* Admin commands, and Format NVM, which is the host's work for the most part. */
#include <linux/bitfield.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/workqueue.h>

#include "../compat.h"
#include "nvme.h"
#include "options.h"

/* Format NVM (5.14), dword 10 */
#define FORMAT_CDW10_BYTE	40
#define FORMAT_LBAF		GENMASK(3, 0)
#define FORMAT_MSET		BIT(4)
#define FORMAT_PI		GENMASK(8, 5)
#define FORMAT_SES		GENMASK(11, 9)
#define FORMAT_LBAF_UPPER	GENMASK(13, 12)

/* What happens to the data: anything, or user data erase, which are the same here. */
#define FORMAT_SES_USER_DATA	1

/*
 * Return the first @len bytes of @data, and zeroes after that, in a command's data. Context: any.
 */
u16 emul_nvme_reply(const struct emul_command *cmd, const void *data, u64 len)
{
	static const u8 zeroes[64];
	u64 bytes = emul_nvme_bytes(cmd), from, step;

	emul_command_copy(cmd, 0, (void *)data, min(len, bytes), true);
	for (from = len; from < bytes; from += step) {
		step = min(bytes - from, sizeof(zeroes));
		emul_command_copy(cmd, from, (void *)zeroes, step, true);
	}
	return 0;
}

/* Have the host format the medium. */
static u16 format_begin(struct emul_device *ed, struct emul_cmd_state *s, u32 block_size)
{
	struct emul_format *f = &ed->format;
	u16 status = EMUL_NVME_LATER;

	spin_lock(&f->lock);
	if (!f->allowed) {
		status = NVME_SC_NS_NOT_READY;
	} else if (f->busy) {
		status = NVME_SC_FORMAT_IN_PROGRESS;
	} else {
		f->busy = true;
		f->s = s;
		f->block_size = block_size;
		queue_work(system_dfl_wq, &f->work);
	}
	spin_unlock(&f->lock);
	return status;
}

static u16 admin_format(struct emul_device *ed, struct emul_cmd_state *s)
{
	u32 cdw10 = le32_to_cpu(s->cmd.nvme->format.cdw10);
	u32 lbaf = FIELD_GET(FORMAT_LBAF_UPPER, cdw10) << 4 | FIELD_GET(FORMAT_LBAF, cdw10);
	u32 nsid = le32_to_cpu(s->cmd.nvme->format.nsid);

	if (nsid != EMUL_NSID && nsid != NVME_NSID_ALL)
		return NVME_SC_INVALID_NS | NVME_STATUS_DNR;
	if (FIELD_GET(FORMAT_SES, cdw10) > FORMAT_SES_USER_DATA)
		return emul_nvme_wrong_bit(&s->cmd, FORMAT_CDW10_BYTE + 1, 1);
	/* Neither metadata nor protection information. */
	if (cdw10 & (FORMAT_MSET | FORMAT_PI) || lbaf >= emul_nvme_formats())
		return NVME_SC_INVALID_FORMAT | NVME_STATUS_DNR;
	if (!READ_ONCE(ed->medium->loaded))
		return NVME_SC_NS_NOT_READY | NVME_STATUS_DNR;
	if (READ_ONCE(ed->medium->read_only))
		return NVME_SC_NS_WRITE_PROTECTED | NVME_STATUS_DNR;
	return format_begin(ed, s, SECTOR_SIZE << lbaf);
}

/* Execute an admin command. Context: may sleep. */
u16 emul_nvme_admin(struct emul_device *ed, struct emul_cmd_state *s)
{
	struct emul_command *cmd = &s->cmd;

	if (cmd->nvme->common.flags)
		return emul_nvme_wrong(cmd, offsetof(struct nvme_common_command, flags));
	switch (cmd->nvme->common.opcode) {
	case nvme_admin_identify:
		return emul_nvme_identify(ed, cmd);
	case nvme_admin_get_log_page:
		return emul_nvme_log_page(ed, cmd);
	case nvme_admin_get_features:
		return emul_nvme_get_features(ed, cmd);
	case nvme_admin_set_features:
		return emul_nvme_set_features(ed, cmd);
	case nvme_admin_format_nvm:
		return admin_format(ed, s);
	default:
		return NVME_SC_INVALID_OPCODE | NVME_STATUS_DNR;
	}
}
