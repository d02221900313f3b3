/* SPDX-License-Identifier: GPL-2.0-only */
/* The emulated device's interface for the driver side, sysfs and debugfs. */
#ifndef _ASBLK_EMUL_DEVICE_H
#define _ASBLK_EMUL_DEVICE_H

#include "queue.h"

struct seq_file;

int emul_device_init(struct emul_device *ed, struct emul_options *options,
		     struct emul_medium *medium, struct emul_faults *faults, unsigned int nr);
void emul_device_exit(struct emul_device *ed);
int emul_device_set_model(struct emul_device *ed, const struct emul_options *options);
void emul_device_drain(struct emul_device *ed);
void emul_device_record(struct emul_device *ed, bool on);
void emul_device_seed(struct emul_device *ed, u64 seed);
void emul_device_start_queue(struct emul_device *ed, unsigned int index, bool polled);
void emul_device_stop_queue(struct emul_queue *eq);
void emul_device_run(struct emul_queue *eq);
void emul_device_abort(struct emul_queue *eq, u16 id);
void emul_device_allow_format(struct emul_device *ed, bool allow);
void emul_device_format_end(struct emul_device *ed, u16 status);
int emul_device_reset_queue(struct emul_queue *eq, enum emul_recovered_by by);
int emul_device_reset(struct emul_device *ed, enum emul_recovered_by by);
void emul_device_show_queue(struct emul_queue *eq, struct seq_file *m);

#endif /* _ASBLK_EMUL_DEVICE_H */
