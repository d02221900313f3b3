// SPDX-License-Identifier: GPL-2.0-only
/* Commands through the NVMe passthrough interface; io_uring without a library. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "passthru.h"

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("# FAIL: ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
	exit(1);
}

void device_open(struct device *d, const char *path, int flags, bool admin)
{
	int id;

	d->path = path;
	d->admin = admin;
	d->fd = open(path, flags | O_CLOEXEC);
	if (d->fd < 0)
		die("%s: %s", path, strerror(errno));
	id = ioctl(d->fd, NVME_IOCTL_ID);
	d->nsid = id < 0 ? 0 : id;
}

/* Return: 0 or a negative errno. */
int ring_open(struct ring *r, unsigned int entries, unsigned int flags)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQE128 | IORING_SETUP_CQE32 | flags };
	size_t sqes_bytes;

	memset(r, 0, sizeof(*r));
	r->fd = syscall(SYS_io_uring_setup, entries, &p);
	if (r->fd < 0)
		return -errno;
	/* Both rings are in one mapping since Linux 5.4. */
	r->map_bytes = p.cq_off.cqes + p.cq_entries * 2 * sizeof(struct io_uring_cqe);
	if (p.sq_off.array + p.sq_entries * sizeof(unsigned int) > r->map_bytes)
		r->map_bytes = p.sq_off.array + p.sq_entries * sizeof(unsigned int);
	r->map = mmap(NULL, r->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd,
		      IORING_OFF_SQ_RING);
	sqes_bytes = p.sq_entries * 2 * sizeof(struct io_uring_sqe);
	r->sqes = mmap(NULL, sqes_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd,
		       IORING_OFF_SQES);
	if (r->map == MAP_FAILED || r->sqes == MAP_FAILED)
		die("mmap of a ring: %s", strerror(errno));
	r->entries = p.sq_entries;
	r->flags = flags;
	r->sq_head = r->map + p.sq_off.head;
	r->sq_tail = r->map + p.sq_off.tail;
	r->sq_array = r->map + p.sq_off.array;
	r->sq_mask = p.sq_entries - 1;
	r->cq_head = r->map + p.cq_off.head;
	r->cq_tail = r->map + p.cq_off.tail;
	r->cq_mask = p.cq_entries - 1;
	r->cqes = r->map + p.cq_off.cqes;
	return 0;
}

/* Commands that are out are cancelled. */
void ring_close(struct ring *r)
{
	munmap(r->sqes, r->entries * 2 * sizeof(struct io_uring_sqe));
	munmap(r->map, r->map_bytes);
	close(r->fd);
}

/* Return: the entry, to be changed before it is submitted. */
struct io_uring_sqe *ring_add(struct ring *r, int fd, unsigned int op,
			      const struct nvme_passthru_cmd64 *c, uint64_t data)
{
	unsigned int tail = *r->sq_tail;
	struct io_uring_sqe *sqe = (void *)(r->sqes + (tail & r->sq_mask) * 2 * sizeof(*sqe));
	struct nvme_uring_cmd *cmd = (void *)sqe->cmd;

	memset(sqe, 0, 2 * sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = fd;
	sqe->cmd_op = op;
	sqe->user_data = data;
	/* The same structure but for its result. */
	memcpy(cmd, c, sizeof(*cmd));
	r->sq_array[tail & r->sq_mask] = tail & r->sq_mask;
	__atomic_store_n(r->sq_tail, tail + 1, __ATOMIC_RELEASE);
	r->queued++;
	return sqe;
}

/* Submit what was added, and wait for that many to end. Return: how many were, or -errno. */
int ring_submit(struct ring *r, unsigned int wait)
{
	unsigned int flags = wait || r->flags & IORING_SETUP_IOPOLL ? IORING_ENTER_GETEVENTS : 0;
	int ret;

	do {
		ret = syscall(SYS_io_uring_enter, r->fd, r->queued, wait, flags, NULL, 0);
		if (ret > 0)
			r->queued -= ret;
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : ret;
}

bool ring_reap(struct ring *r, uint64_t *data, int *res, uint64_t *result)
{
	unsigned int head = *r->cq_head;
	const struct io_uring_cqe *cqe;

	if (head == __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE))
		return false;
	cqe = (void *)(r->cqes + (head & r->cq_mask) * 2 * sizeof(*cqe));
	*data = cqe->user_data;
	*res = cqe->res;
	*result = cqe->big_cqe[0];
	__atomic_store_n(r->cq_head, head + 1, __ATOMIC_RELEASE);
	return true;
}

static int send_ring(struct device *d, struct ring *r, struct nvme_passthru_cmd64 *c)
{
	unsigned int op = d->admin ? NVME_URING_CMD_ADMIN : NVME_URING_CMD_IO;
	uint64_t data, result;
	int res;

	ring_add(r, d->fd, op, c, 1);
	res = ring_submit(r, 1);
	if (res < 0)
		die("io_uring_enter: %s", strerror(-res));
	while (!ring_reap(r, &data, &res, &result))
		ring_submit(r, 1);
	if (res >= 0)
		c->result = result;
	return res;
}

/* Return: 0, the NVMe status, or a negative errno. */
int send_command(struct device *d, enum way how, struct ring *r, struct nvme_passthru_cmd64 *c)
{
	struct nvme_passthru_cmd narrow;
	int ret;

	switch (how) {
	case WAY_IOCTL:
		memcpy(&narrow, c, offsetof(struct nvme_passthru_cmd, result));
		ret = ioctl(d->fd, d->admin ? NVME_IOCTL_ADMIN_CMD : NVME_IOCTL_IO_CMD, &narrow);
		if (ret < 0)
			return -errno;
		c->result = narrow.result;
		return ret;
	case WAY_IOCTL64:
		ret = ioctl(d->fd, d->admin ? NVME_IOCTL_ADMIN64_CMD : NVME_IOCTL_IO64_CMD, c);
		return ret < 0 ? -errno : ret;
	default:
		return send_ring(d, r, c);
	}
}
