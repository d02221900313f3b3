/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands through the NVMe passthrough interface, by all of its ways. */
#ifndef PASSTHRU_H
#define PASSTHRU_H

#include <linux/io_uring.h>
#include <linux/nvme_ioctl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Opcodes: I/O */
#define FLUSH		0x00
#define WRITE		0x01
#define READ		0x02
#define WRITE_UNCOR	0x04
#define COMPARE		0x05
#define WRITE_ZEROES	0x08
#define DSM		0x09
#define VERIFY		0x0c
#define CANCEL		0x18
/* Admin */
#define GET_LOG		0x02
#define IDENTIFY	0x06
#define SET_FEATURES	0x09
#define GET_FEATURES	0x0a

/* Ways to send a command. */
enum way { WAY_IOCTL, WAY_IOCTL64, WAY_URING, NR_WAYS };

struct device {
	const char *path;
	int fd;
	bool admin;
	uint32_t nsid;
};

struct ring {
	int fd;
	unsigned int entries;
	unsigned int *sq_head, *sq_tail, *sq_array, sq_mask;
	unsigned int *cq_head, *cq_tail, cq_mask;
	unsigned int queued;	/* not submitted yet */
	unsigned char *sqes, *cqes;
	void *map;
	size_t map_bytes;
	unsigned int flags;
};

void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void device_open(struct device *d, const char *path, int flags, bool admin);
int ring_open(struct ring *r, unsigned int entries, unsigned int flags);
void ring_close(struct ring *r);
struct io_uring_sqe *ring_add(struct ring *r, int fd, unsigned int op,
			      const struct nvme_passthru_cmd64 *c, uint64_t data);
int ring_submit(struct ring *r, unsigned int wait);
bool ring_reap(struct ring *r, uint64_t *data, int *res, uint64_t *result);
int send_command(struct device *d, enum way how, struct ring *r, struct nvme_passthru_cmd64 *c);

#endif /* PASSTHRU_H */
