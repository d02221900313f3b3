/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The commands of the NVMe command set that the device executes, by file. Section numbers are
 * those of the NVM Express Base Specification 2.0, or of its NVM Command Set Specification 1.0
 * where marked "NVM".
 *
 * Functions that execute something return its NVMe status: 0 for success, else with
 * %NVME_STATUS_DNR where it is of no use to send the command again.
 */
#ifndef _ASBLK_EMUL_NVME_H
#define _ASBLK_EMUL_NVME_H

#include <linux/nvme.h>

#include "queue.h"

/* Another context completes the command. No such status exists: bit 0 of it is a phase. */
#define EMUL_NVME_LATER		0xffff

/* The only namespace. */
#define EMUL_NSID		1

/* Temperatures that the device warns at, in kelvin: 70 and 80 degrees Celsius. */
#define EMUL_TEMP_WARNING	343
#define EMUL_TEMP_CRITICAL	353

/* Invalid Field in Command: byte @byte of it, or bit @bit of that byte. */
static inline u16 emul_nvme_wrong_bit(struct emul_command *cmd, u8 byte, u8 bit)
{
	cmd->where = bit << 8 | byte;
	return NVME_SC_INVALID_FIELD | NVME_STATUS_DNR;
}

static inline u16 emul_nvme_wrong(struct emul_command *cmd, u8 byte)
{
	return emul_nvme_wrong_bit(cmd, byte, 0);
}

/* Does a command that is none of the device's own operations change the medium? */
static inline bool emul_nvme_changes(const struct emul_queue *eq, const struct emul_cmd_state *s)
{
	return !emul_is_admin(eq) && s->cmd.nvme->common.opcode == nvme_cmd_write_uncor;
}

/* nvme_io.c */
u16 emul_nvme_parse(struct emul_device *ed, struct emul_command *cmd);
u16 emul_nvme_io(struct emul_device *ed, struct emul_cmd_state *s);
u64 emul_nvme_bytes(const struct emul_command *cmd);

/* nvme_admin.c */
u16 emul_nvme_admin(struct emul_device *ed, struct emul_cmd_state *s);
u16 emul_nvme_reply(const struct emul_command *cmd, const void *data, u64 len);

/* nvme_identify.c */
unsigned int emul_nvme_formats(void);
void emul_nvme_pad(char *dst, const char *src, size_t len);
u16 emul_nvme_identify(struct emul_device *ed, struct emul_command *cmd);

/* nvme_features.c */
u16 emul_nvme_get_features(struct emul_device *ed, struct emul_command *cmd);
u16 emul_nvme_set_features(struct emul_device *ed, struct emul_command *cmd);

/* nvme_log.c */
void emul_nvme_effects(const struct emul_options *o, struct nvme_effects_log *log);
u16 emul_nvme_log_page(struct emul_device *ed, struct emul_command *cmd);

#endif /* _ASBLK_EMUL_NVME_H */
