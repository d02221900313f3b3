// SPDX-License-Identifier: GPL-2.0-only
/*
 * Usage: passthru_stress flood GENERIC BLOCK_SIZE COMMANDS
 *        passthru_stress cancel GENERIC BLOCK_SIZE COMMANDS SEED
 *        passthru_stress hold GENERIC BLOCK_SIZE COMMANDS
 *        passthru_stress endure GENERIC BLOCK_SIZE COMMANDS
 *        passthru_stress late GENERIC BLOCK_SIZE COMMANDS SCHEDULER
 *        passthru_stress fuzz GENERIC CONTROLLER BLOCK_SIZE COMMANDS SEED
 *
 * flood: more commands at once than there are tags; each ends, once, with its data.
 * cancel: rings go away with commands out that end at the same time.
 * hold: send commands and sleep, to be killed.
 * endure: keep so many commands out until a signal comes, whatever becomes of them but that they
 * are lost in resets; and say how many that were.
 * late: a ring goes away with commands that have ended, of which their task has not heard yet, and
 * whose requests are no longer there: SCHEDULER, a file, has been changed meanwhile.
 * fuzz: commands of all kinds of fields and memory, by all ways. Each ends, and memory beside
 * its buffer stays as it is.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "passthru.h"

#define PAGE		4096
#define GUARD		0x5a
#define RING_ENTRIES	256
#define FLOOD_BYTES	(16UL << 20)
#define BATCH		16

static unsigned int block;

static uint64_t random_state;

/* The same numbers for the same seed, on every machine: xorshift64. */
static uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static unsigned int below(unsigned int limit)
{
	return (random64() >> 20) % limit;
}

static void *memory(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap of %zu bytes: %s", bytes, strerror(errno));
	return p;
}

static struct nvme_passthru_cmd64 rw(const struct device *d, unsigned int opcode, const void *at,
				     uint64_t lba)
{
	return (struct nvme_passthru_cmd64) {
		.opcode = opcode, .nsid = d->nsid, .addr = (unsigned long)at, .data_len = block,
		.cdw10 = lba, .cdw11 = lba >> 32,
	};
}

/* Send @nr commands of one block each, all at once, and look at what becomes of them. */
static void flood_round(struct device *d, struct ring *r, unsigned int opcode, unsigned char *data,
			unsigned int nr)
{
	unsigned char *seen = calloc(nr, 1);
	uint64_t id, result;
	unsigned int i, ended = 0;
	int res;

	for (i = 0; i < nr; i++) {
		struct nvme_passthru_cmd64 c = rw(d, opcode, data + (size_t)i * block, i);

		ring_add(r, d->fd, NVME_URING_CMD_IO, &c, i);
	}
	while (ended < nr) {
		res = ring_submit(r, 1);
		if (res < 0 && res != -EBUSY && res != -EAGAIN)
			die("io_uring_enter: %s", strerror(-res));
		while (ring_reap(r, &id, &res, &result)) {
			if (id >= nr || seen[id])
				die("command %lu has ended twice", id);
			if (res)
				die("command %lu has ended with %d", id, res);
			seen[id] = 1;
			ended++;
		}
	}
	free(seen);
}

static void flood(struct device *d, unsigned int total)
{
	unsigned int nr = FLOOD_BYTES / block < 4096 ? FLOOD_BYTES / block : 4096;
	unsigned char *out = memory(FLOOD_BYTES), *in = memory(FLOOD_BYTES);
	struct ring r;
	unsigned int done;
	size_t i;
	int err = ring_open(&r, nr, 0);

	if (err)
		die("a ring of %u: %s", nr, strerror(-err));
	for (done = 0; done < total; done += 2 * nr) {
		for (i = 0; i < (size_t)nr * block; i += 8)
			*(uint64_t *)(out + i) = random64();
		memset(in, 0, FLOOD_BYTES);
		flood_round(d, &r, WRITE, out, nr);
		flood_round(d, &r, READ, in, nr);
		if (memcmp(in, out, (size_t)nr * block))
			die("other data was read than written");
	}
	ring_close(&r);
	printf("# %u commands, %u at once\n", done, nr);
}

static void cancel(struct device *d, unsigned int total)
{
	unsigned int done = 0, rings = 0, ended = 0;
	unsigned char *data = memory(RING_ENTRIES * (size_t)block);
	uint64_t id, result;
	struct ring r;
	int res;

	while (done < total) {
		unsigned int i, nr = 1 + below(RING_ENTRIES);
		unsigned int flags = 0;

		if (below(2))
			flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
		/* The kernel frees rings in the background. */
		while ((res = ring_open(&r, RING_ENTRIES, flags)) == -ENOMEM)
			usleep(1000);
		if (res)
			die("ring: %s", strerror(-res));
		for (i = 0; i < nr; i++) {
			unsigned int opcode = below(4) ? READ : WRITE;
			struct nvme_passthru_cmd64 c;

			c = rw(d, opcode, data + (size_t)i * block, below(4096));
			ring_add(&r, d->fd, NVME_URING_CMD_IO, &c, i);
		}
		/* None, some or all of them end before the ring goes. */
		ring_submit(&r, below(3) ? 0 : below(nr + 1));
		while (below(2) && ring_reap(&r, &id, &res, &result)) {
			if (res)
				die("a command has ended with %d", res);
			ended++;
		}
		ring_close(&r);
		done += nr;
		rings++;
	}
	printf("# %u commands, %u rings, %u reaped\n", done, rings, ended);
}

/* To be killed: by then commands are in the device, wait for it, or have ended. */
static void hold(struct device *d, unsigned int nr)
{
	unsigned char *data = memory((size_t)nr * block);
	struct ring r;
	unsigned int i;
	int err = ring_open(&r, nr, 0);

	if (err)
		die("ring: %s", strerror(-err));
	for (i = 0; i < nr; i++) {
		struct nvme_passthru_cmd64 c = rw(d, READ, data + (size_t)i * block, i);

		ring_add(&r, d->fd, NVME_URING_CMD_IO, &c, i);
	}
	ring_submit(&r, 0);
	printf("# sent\n");
	fflush(stdout);
	for (;;)
		pause();
}

static int stopped;

static void stop(int number)
{
	__atomic_store_n(&stopped, number, __ATOMIC_RELAXED);
}

static void endure(struct device *d, unsigned int nr)
{
	unsigned char *data = memory((size_t)nr * block), *out = calloc(nr, 1);
	unsigned int i, left = 0, good = 0, lost = 0, stop_now;
	struct ring r;
	uint64_t id, result;
	int res = ring_open(&r, nr, 0);

	if (res)
		die("ring: %s", strerror(-res));
	signal(SIGTERM, stop);
	do {
		stop_now = __atomic_load_n(&stopped, __ATOMIC_RELAXED);
		for (i = 0; i < nr && !stop_now; i++) {
			struct nvme_passthru_cmd64 c = rw(d, READ, data + (size_t)i * block, i);

			if (out[i])
				continue;
			ring_add(&r, d->fd, NVME_URING_CMD_IO, &c, i);
			out[i] = 1;
			left++;
		}
		ring_submit(&r, !!left);
		while (ring_reap(&r, &id, &res, &result)) {
			if (id >= nr || !out[id])
				die("command %lu has ended twice", id);
			if (res && res != -ETIMEDOUT)
				die("command %lu has ended with %d", id, res);
			out[id] = 0;
			left--;
			good += !res;
			lost += !!res;
		}
	} while (left || !stop_now);
	ring_close(&r);
	printf("# %u commands, %u lost\n", good + lost, lost);
}

#define STACK_BYTES	65536

/* What late() and late_child() share. */
struct late {
	struct ring ring;
	const char *scheduler;
	unsigned int reaped;
	int err;
};

/* Its parent waits, in the kernel, and hears of no end of a command meanwhile. */
static int late_child(void *arg)
{
	struct late *l = arg;
	int fd = open(l->scheduler, O_WRONLY);

	/* The requests of a scheduler go with it, as soon as all have ended. */
	if (fd < 0 || write(fd, "none", 4) != 4)
		l->err = errno;
	usleep(300000);
	l->reaped = *l->ring.cq_tail;
	ring_close(&l->ring);
	usleep(300000);
	return 0;
}

static void late(struct device *d, unsigned int nr, const char *scheduler)
{
	unsigned char *data = memory((size_t)nr * block), *stack = memory(STACK_BYTES);
	struct late l = { .scheduler = scheduler };
	int err = ring_open(&l.ring, nr, 0), child;
	unsigned int i;

	if (err)
		die("ring: %s", strerror(-err));
	for (i = 0; i < nr; i++) {
		struct nvme_passthru_cmd64 c = rw(d, READ, data + (size_t)i * block, i);

		ring_add(&l.ring, d->fd, NVME_URING_CMD_IO, &c, i);
	}
	ring_submit(&l.ring, 0);
	child = clone(late_child, stack + STACK_BYTES,
		      CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &l);
	if (child < 0)
		die("clone: %s", strerror(errno));
	waitpid(child, NULL, 0);
	if (l.err)
		die("%s: %s", scheduler, strerror(l.err));
	if (l.reaped == nr)
		die("all commands have ended before the ring has gone");
	printf("%u of %u commands had ended, but not in their ring\n", nr - l.reaped, nr);
}

/* Formats and sanitizes take too long, and what a namespace is with them is another test. */
static unsigned int random_admin_opcode(void)
{
	for (;;) {
		unsigned int opcode = below(3) ? below(0x30) : below(256);

		if (opcode != 0x80 && opcode != 0x84 && opcode != 0x0d && opcode != 0x15)
			return opcode;
	}
}

static unsigned int random_io_opcode(void)
{
	static const uint8_t known[] = {
		READ, READ, READ, WRITE, COMPARE, FLUSH, VERIFY, WRITE_ZEROES, DSM, 0x19, 0x0d,
		0x0e, 0x11, 0x12, 0x15, 0x1d,
	};

	return below(4) ? known[below(sizeof(known))] : below(256);
}

static uint32_t random_dword(void)
{
	switch (below(6)) {
	case 0:
		return random64();
	case 1:
		return 1U << below(32);
	case 2:
		return -1;
	default:
		return below(4);
	}
}

static uint32_t random_length(void)
{
	switch (below(8)) {
	case 0:
		return 0;
	case 1:
		return random64();
	case 2:
		return below(64);
	case 3:
		return below(16) * PAGE + below(3) - 1;
	default:
		return below(32) * block;
	}
}

#define FUZZ_BYTES	(32 * PAGE)

/* A command; @inside: its buffer is within the arena, and writable. */
static struct nvme_passthru_cmd64 random_command(const struct device *d, unsigned char *arena,
						 unsigned char *hole, bool *inside)
{
	uint32_t len = random_length();
	struct nvme_passthru_cmd64 c = {
		.opcode = d->admin ? random_admin_opcode() : random_io_opcode(),
		.nsid = below(16) ? (d->admin ? below(3) : d->nsid) : random_dword(),
		.data_len = len,
		.cdw2 = below(8) ? 0 : random_dword(),
		.cdw3 = below(8) ? 0 : random_dword(),
		.cdw10 = random_dword(),
		.cdw11 = below(4) ? 0 : random_dword(),
		.cdw12 = random_dword(),
		.cdw13 = random_dword(),
		.cdw14 = below(4) ? 0 : random_dword(),
		.cdw15 = below(4) ? 0 : random_dword(),
		.timeout_ms = below(16) ? 0 : 1000 + (random64() >> 40) * 1000,
	};

	if (!below(64))
		c.flags = random64();
	if (!below(64))
		c.metadata = random64();
	if (!below(64))
		c.metadata_len = random_dword();
	/* Mostly as long as it says, lest nothing but refusals is tested. */
	if (!d->admin && below(4)) {
		if (c.opcode == READ || c.opcode == WRITE || c.opcode == COMPARE) {
			c.cdw12 &= 0x3c00000f;
			c.data_len = ((c.cdw12 & 0xffff) + 1) * block;
		} else if (c.opcode == DSM) {
			c.cdw10 &= 0xff;
			c.data_len = (c.cdw10 + 1) * 16;
		} else if (c.opcode < 0x80) {
			c.data_len = 0;
		}
		c.cdw11 &= 1;
	} else if (d->admin && below(4)) {
		if (c.opcode == IDENTIFY) {
			c.data_len = PAGE;
		} else if (c.opcode == GET_LOG) {
			c.data_len = ((c.cdw10 >> 16 & 0xff) + 1) * 4;
			c.cdw10 &= 0xff00ff;
			c.cdw11 = 0;
		} else if (c.opcode != SET_FEATURES && c.opcode != GET_FEATURES) {
			c.data_len = 0;
		}
	}
	*inside = false;
	switch (below(16)) {
	case 0:
		c.addr = random64();
		break;
	case 1:
		c.addr = (unsigned long)hole - below(2 * PAGE);
		break;
	case 2:
		c.addr = 0;
		break;
	default:
		if (c.data_len > FUZZ_BYTES - 2 * PAGE)
			c.data_len %= 8 * PAGE;
		c.addr = (unsigned long)arena + PAGE + (below(2) ? 0 : below(PAGE));
		*inside = true;
	}
	return c;
}

/* An ioctl with any argument, but for what it takes not to format. Its memory is never there. */
static void random_ioctl(const struct device *d, unsigned char *hole)
{
	static const unsigned long numbers[] = {
		NVME_IOCTL_ADMIN_CMD, NVME_IOCTL_ADMIN64_CMD, NVME_IOCTL_IO_CMD,
		NVME_IOCTL_IO64_CMD, NVME_IOCTL_IO64_CMD_VEC, NVME_IOCTL_SUBMIT_IO,
		NVME_IOCTL_ID, NVME_IOCTL_RESCAN, NVME_IOCTL_ADMIN_CMD + 0x10,
	};
	unsigned long number = numbers[below(sizeof(numbers) / sizeof(*numbers))];
	struct nvme_passthru_cmd64 c;
	struct iovec vec[4];
	unsigned int i;

	for (i = 0; i < sizeof(c); i += 8)
		*(uint64_t *)((char *)&c + i) = random64();
	for (i = 0; i < sizeof(vec); i += 8)
		*(uint64_t *)((char *)vec + i) = random64();
	c.opcode = random_admin_opcode();
	if (below(2))
		c.flags = 0;
	if (below(2))
		c.nsid = d->nsid;
	if (below(4)) {
		c.metadata = 0;
		c.metadata_len = 0;
	}
	if (below(2))
		c.timeout_ms = 0;
	if (below(2))
		c.addr = (unsigned long)hole;
	if (number == NVME_IOCTL_IO64_CMD_VEC && below(2)) {
		c.addr = (unsigned long)vec;
		c.vec_cnt = below(6);
	}
	if (!below(8))
		ioctl(d->fd, number, hole - below(2) * 8);
	else
		ioctl(d->fd, number, &c);
}

static void check_arena(const unsigned char *arena, const struct nvme_passthru_cmd64 *c,
			bool inside, int ret, unsigned int number)
{
	size_t start = inside ? c->addr - (unsigned long)arena : 0, len = inside ? c->data_len : 0;
	static unsigned char guard[FUZZ_BYTES];
	size_t i;

	if (!*guard)
		memset(guard, GUARD, sizeof(guard));
	if (!memcmp(arena, guard, start) &&
	    !memcmp(arena + start + len, guard, FUZZ_BYTES - start - len))
		return;
	for (i = 0; i < FUZZ_BYTES; i++)
		if (arena[i] != GUARD && (i < start || i >= start + len))
			break;
	die("command %u: opcode %#x of %u bytes (%d) has changed memory %ld bytes from its own",
	    number, c->opcode, c->data_len, ret, (long)(i - start));
}

static void fuzz(struct device *io, struct device *admin, unsigned int total)
{
	unsigned char *arena = memory(FUZZ_BYTES), *hole = memory(4 * PAGE) + 2 * PAGE;
	unsigned int good = 0, refused = 0, failed = 0, i;
	struct ring r;
	int err = ring_open(&r, BATCH, 0);

	if (err)
		die("ring: %s", strerror(-err));
	munmap(hole, 2 * PAGE);
	for (i = 0; i < total; i++) {
		struct device *d = below(4) ? io : admin;
		struct nvme_passthru_cmd64 c;
		bool inside;
		int ret;

		c = random_command(d, arena, hole, &inside);
		memset(arena, GUARD, FUZZ_BYTES);
		if (!below(8)) {
			random_ioctl(d, hole);
			check_arena(arena, &c, false, 0, i);
			continue;
		}
		ret = send_command(d, below(NR_WAYS), &r, &c);
		if (ret == -ENODEV || ret == -ETIMEDOUT)
			die("command %u: opcode %#x of %s: %s", i, c.opcode, d->path,
			    strerror(-ret));
		good += !ret;
		refused += ret < 0;
		failed += ret > 0;
		check_arena(arena, &c, inside, ret, i);
	}
	ring_close(&r);
	printf("# %u commands: %u good, %u refused, %u failed in the controller\n", total, good,
	       refused, failed);
	if (!good || !refused || !failed)
		die("some kind of answer is missing");
}

int main(int argc, char **argv)
{
	struct device io, admin;
	bool is_fuzz = argc > 1 && !strcmp(argv[1], "fuzz");
	char **arg = argv + (is_fuzz ? 4 : 3);
	unsigned int number;

	if (argc < 5 + (is_fuzz ? 2 : 0))
		die("usage: see the source");
	device_open(&io, argv[2], O_RDWR, false);
	block = atoi(arg[0]);
	number = atoi(arg[1]);
	random_state = 0x9e3779b97f4a7c15 * (arg[2] ? atoi(arg[2]) + 1 : 1);
	if (is_fuzz) {
		device_open(&admin, argv[3], O_RDWR, true);
		fuzz(&io, &admin, number);
	} else if (!strcmp(argv[1], "flood")) {
		flood(&io, number);
	} else if (!strcmp(argv[1], "cancel")) {
		cancel(&io, number);
	} else if (!strcmp(argv[1], "hold")) {
		hold(&io, number);
	} else if (!strcmp(argv[1], "endure")) {
		endure(&io, number);
	} else if (!strcmp(argv[1], "late") && arg[2]) {
		late(&io, number, arg[2]);
	} else {
		die("unknown command %s", argv[1]);
	}
	return 0;
}
