// SPDX-License-Identifier: GPL-2.0-only
/*
 * Usage: passthru_bad GENERIC CONTROLLER BLOCK_SIZE MAX_BYTES [user]
 *
 * Commands with something wrong, and some with nothing: each gets the same answer by all ways,
 * and memory beside its buffer stays as it is. With "user" as somebody without privileges, who
 * may have the devices open.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "passthru.h"

#define PAGE		4096
#define ARENA		(64 * PAGE)
#define GUARD		0xa5
/* Status code type and status code of an NVMe status. */
#define SC_MASK		0x7ff
#define INVALID_OPCODE	0x001
#define INVALID_FIELD	0x002
#define LBA_RANGE	0x080

static struct device io, admin;
static struct ring ring;
static unsigned char *arena, *read_only;
static unsigned int block, max_bytes, wrong, tried;

static const char *const way_names[] = { "ioctl", "64-bit ioctl", "io_uring" };

static const char *answer(int ret)
{
	static char text[2][32];
	static int i;

	i = !i;
	if (ret < 0)
		return strerrorname_np(-ret) ?: "?";
	snprintf(text[i], sizeof(text[i]), "status %#x", ret);
	return text[i];
}

/* Expect the same by all ways. */
static void expect(const char *what, struct device *d, struct nvme_passthru_cmd64 c, int wanted)
{
	unsigned long start = c.addr - (unsigned long)arena;
	bool in_arena = start < ARENA;
	enum way way;
	size_t i;

	for (way = 0; way < NR_WAYS; way++) {
		struct nvme_passthru_cmd64 copy = c;
		int ret;

		if (in_arena)
			memset(arena, GUARD, ARENA);
		ret = send_command(d, way, &ring, &copy);
		tried++;
		if ((ret < 0 ? ret : ret & SC_MASK) != wanted) {
			printf("# %s, %s: %s instead of %s\n", what, way_names[way], answer(ret),
			       answer(wanted));
			wrong++;
		}
		for (i = 0; in_arena && i < ARENA; i++) {
			if (arena[i] == GUARD || (i >= start && i < start + c.data_len && !wanted))
				continue;
			printf("# %s, %s: byte %ld of memory has changed\n", what, way_names[way],
			       (long)(i - start));
			wrong++;
			break;
		}
	}
}

static struct nvme_passthru_cmd64 command(const struct device *d, unsigned int opcode,
					  const void *addr, uint32_t len)
{
	return (struct nvme_passthru_cmd64) {
		.opcode = opcode, .nsid = d->nsid, .addr = (unsigned long)addr, .data_len = len,
	};
}

static struct nvme_passthru_cmd64 blocks(unsigned int opcode, const void *addr, unsigned int nr)
{
	struct nvme_passthru_cmd64 c = command(&io, opcode, addr, nr * block);

	c.cdw12 = nr - 1;
	return c;
}

/* with(COMMAND, FIELD, VALUE) - a copy of the command with one field changed */
#define with(command, field, value)				\
	({ struct nvme_passthru_cmd64 __c = (command); __c.field = (value); __c; })

static void *beyond(void)
{
	static unsigned char *pages;

	/* The second page is not there. */
	if (!pages) {
		pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
		munmap(pages + PAGE, PAGE);
	}
	return pages + PAGE;
}

static void io_lengths(void)
{
	struct nvme_passthru_cmd64 good = blocks(READ, arena + PAGE, 1);

	expect("a read", &io, good, 0);
	expect("of less than a block", &io, with(good, data_len, block - 1), -EINVAL);
	expect("of more than its block", &io, with(good, data_len, block + 4), -EINVAL);
	expect("of a block, into two", &io, with(good, data_len, 2 * block), -EINVAL);
	expect("of two blocks, into one", &io, with(good, cdw12, 1), -EINVAL);
	expect("without memory", &io, with(good, data_len, 0), -EINVAL);
	expect("of 4 GiB", &io, with(good, data_len, UINT32_MAX), -EINVAL);
	expect("of 65536 blocks, into one", &io, with(good, cdw12, 0xffff), -EINVAL);
	expect("of more than fits", &io, blocks(READ, arena, max_bytes / block + 1), -EINVAL);
	expect("a write of less than a block",
	       &io, with(blocks(WRITE, arena, 1), data_len, block / 2), -EINVAL);
	expect("a comparison without memory",
	       &io, with(blocks(COMPARE, arena, 1), data_len, 0), -EINVAL);
	expect("a flush with data", &io, command(&io, FLUSH, arena, block), -EINVAL);
	expect("write zeroes with data", &io, blocks(WRITE_ZEROES, arena, 1), -EINVAL);
	expect("verify with data", &io, blocks(VERIFY, arena, 1), -EINVAL);
	expect("dsm with half a range", &io, command(&io, DSM, arena, 8), -EINVAL);
	expect("dsm of two ranges with one",
	       &io, with(command(&io, DSM, arena, 16), cdw10, 1), -EINVAL);
}

static void io_memory(void)
{
	struct nvme_passthru_cmd64 good = blocks(READ, arena + PAGE, 1);
	unsigned long addr = good.addr;

	expect("at any byte", &io, with(good, addr, addr + 1), 0);
	expect("at the fourth byte", &io, with(good, addr, addr + 4), 0);
	expect("over the end of a page", &io, with(good, addr, addr + PAGE - 2), 0);
	expect("of many pages from within one",
	       &io, blocks(READ, arena + PAGE + 12, 8 * PAGE / block), 0);
	expect("into nothing", &io, with(good, addr, (unsigned long)beyond()), -EFAULT);
	expect("into the end of what is there",
	       &io, with(good, addr, (unsigned long)beyond() - block / 2), -EFAULT);
	expect("to address 0", &io, with(good, addr, 0), -EFAULT);
	expect("into the kernel", &io, with(good, addr, 0xffff800000000000), -EFAULT);
	expect("to the last address", &io, with(good, addr, UINT64_MAX), -EFAULT);
	expect("into memory that cannot be written",
	       &io, with(good, addr, (unsigned long)read_only), -EFAULT);
	expect("a write from it",
	       &io, with(blocks(WRITE, read_only, 1), cdw10, 8), 0);
	expect("a write from nothing", &io, blocks(WRITE, beyond(), 1), -EFAULT);
}

static void io_fields(void)
{
	struct nvme_passthru_cmd64 good = blocks(READ, arena + PAGE, 1);
	unsigned int bit;

	for (bit = 0; bit < 8; bit++)
		expect("with a flag", &io, with(good, flags, 1 << bit), -EINVAL);
	expect("of another namespace", &io, with(good, nsid, io.nsid + 1), -EINVAL);
	expect("of all namespaces", &io, with(good, nsid, UINT32_MAX), -EINVAL);
	expect("of none", &io, with(good, nsid, 0), -EINVAL);
	expect("with metadata", &io, with(good, metadata, (unsigned long)arena), -EINVAL);
	expect("with a length of metadata", &io, with(good, metadata_len, 8), -EINVAL);
	expect("with reserved fields", &io, with(good, rsvd1, 0xffff), 0);
	expect("of the last block there could be", &io, with(with(good, cdw10, -1), cdw11, -1),
	       LBA_RANGE);
	expect("with a time limit of 1 hour", &io, with(good, timeout_ms, 3600000), 0);
	expect("with the longest time limit", &io, with(good, timeout_ms, UINT32_MAX), 0);
	expect("with the longest positive one", &io, with(good, timeout_ms, INT32_MAX), 0);
	expect("Cancel", &io, command(&io, CANCEL, NULL, 0), -EINVAL);
}

/* Commands of which nobody knows how much they transfer. This controller knows none. */
static void io_unknown(void)
{
	unsigned char *at = arena + PAGE;

	expect("unknown, without data", &io, command(&io, 0x90, NULL, 0), INVALID_OPCODE);
	expect("one page, from it", &io, command(&io, 0x92, at, PAGE), INVALID_OPCODE);
	expect("one page, to it", &io, command(&io, 0x91, at, PAGE), INVALID_OPCODE);
	expect("two pages, from it", &io, command(&io, 0x92, at, 2 * PAGE), INVALID_OPCODE);
	expect("two pages, to it", &io, command(&io, 0x91, at, 2 * PAGE), INVALID_OPCODE);
	expect("little more than a page", &io, command(&io, 0x92, at, PAGE + 8), INVALID_OPCODE);
	expect("a dword more than a page", &io, command(&io, 0x92, at, PAGE + 4), -EINVAL);
	expect("two halves of pages", &io, command(&io, 0x91, at + PAGE / 2, PAGE), INVALID_OPCODE);
	expect("any bytes", &io, command(&io, 0x92, at + 5, 77), INVALID_OPCODE);
	expect("three pages", &io, command(&io, 0x91, at, 3 * PAGE), INVALID_OPCODE);
	expect("both directions", &io, command(&io, 0x93, at, PAGE), -EINVAL);
	expect("both, without data", &io, command(&io, 0x93, NULL, 0), INVALID_OPCODE);
}

static void admin_commands(void)
{
	struct nvme_passthru_cmd64 identify = with(command(&admin, IDENTIFY, arena + PAGE, PAGE),
						   cdw10, 1);
	static const uint8_t reserved[] = { 0, 1, 4, 5, 8, 0xc, 0x18, 0x1c, 0x45, 0x7c };
	static const uint8_t features[] = { 6, 7, 8, 0xb, 0xd, 0xf, 0x16, 0x19, 0x84 };
	unsigned int i;

	expect("identify", &admin, identify, 0);
	expect("into less", &admin, with(identify, data_len, PAGE - 4), -EINVAL);
	expect("into more", &admin, with(identify, data_len, PAGE + 4), -EINVAL);
	expect("into nothing", &admin, with(identify, data_len, 0), -EINVAL);
	expect("where nothing is", &admin, with(identify, addr, (unsigned long)beyond()), -EFAULT);
	expect("with a flag", &admin, with(identify, flags, 0x40), -EINVAL);
	expect("a log page of more than its data",
	       &admin, with(command(&admin, GET_LOG, arena, 512), cdw10, 0x3ff0002), -EINVAL);
	for (i = 0; i < sizeof(reserved); i++)
		expect("the driver's own", &admin, command(&admin, reserved[i], NULL, 0), -EINVAL);
	for (i = 0; i < sizeof(features); i++)
		expect("the driver's feature",
		       &admin, with(command(&admin, SET_FEATURES, NULL, 0), cdw10, features[i]),
		       -EINVAL);
	expect("unknown, two pages to it",
	       &admin, command(&admin, 0xc1, arena, 2 * PAGE), INVALID_OPCODE);
	expect("unknown, a page and a dword",
	       &admin, command(&admin, 0xc1, arena, PAGE + 4), -EINVAL);
	expect("unknown, both directions", &admin, command(&admin, 0xc3, arena, PAGE), -EINVAL);
	expect("unknown, without data", &admin, command(&admin, 0xc0, NULL, 0), INVALID_OPCODE);
}

static void expect_ioctl(const char *what, int fd, unsigned long cmd, void *arg, int wanted)
{
	int ret = ioctl(fd, cmd, arg);

	if (ret < 0)
		ret = -errno;
	tried++;
	if (ret == wanted)
		return;
	printf("# %s: %s instead of %s\n", what, answer(ret), answer(wanted));
	wrong++;
}

/* As SUBMIT_IO and with vectors. */
static void other_ioctls(void)
{
	struct nvme_user_io uio = { .opcode = READ, .addr = (unsigned long)arena + PAGE };
	struct iovec vec[3] = {
		{ arena + PAGE + 1, 3 }, { arena + 3 * PAGE, block - 5 }, { arena, 2 },
	};
	struct nvme_passthru_cmd64 c = with(blocks(READ, vec, 1), vec_cnt, 3);

	expect_ioctl("submit", io.fd, NVME_IOCTL_SUBMIT_IO, &uio, 0);
	uio.metadata = 1;
	expect_ioctl("with metadata", io.fd, NVME_IOCTL_SUBMIT_IO, &uio, -EINVAL);
	uio.metadata = 0;
	uio.flags = 1;
	expect_ioctl("with flags", io.fd, NVME_IOCTL_SUBMIT_IO, &uio, -EINVAL);
	uio.flags = 0;
	uio.opcode = FLUSH;
	expect_ioctl("of a flush", io.fd, NVME_IOCTL_SUBMIT_IO, &uio, -EINVAL);
	uio.opcode = READ;
	uio.nblocks = 65535;
	expect_ioctl("of 65536 blocks", io.fd, NVME_IOCTL_SUBMIT_IO, &uio, -EINVAL);
	expect_ioctl("of nothing", io.fd, NVME_IOCTL_SUBMIT_IO, NULL, -EFAULT);

	expect_ioctl("three pieces", io.fd, NVME_IOCTL_IO64_CMD_VEC, &c, 0);
	vec[1].iov_len++;
	expect_ioctl("too long", io.fd, NVME_IOCTL_IO64_CMD_VEC, &c, -EINVAL);
	vec[1].iov_len = -1;
	expect_ioctl("of a negative length", io.fd, NVME_IOCTL_IO64_CMD_VEC, &c, -EINVAL);
	c.vec_cnt = UINT32_MAX;
	expect_ioctl("of too many", io.fd, NVME_IOCTL_IO64_CMD_VEC, &c, -EINVAL);
	c.vec_cnt = 0;
	expect_ioctl("of none", io.fd, NVME_IOCTL_IO64_CMD_VEC, &c, -EINVAL);
	vec[0].iov_len = block;
	c.vec_cnt = 1;
	expect_ioctl("of one", io.fd, NVME_IOCTL_IO64_CMD_VEC, &c, 0);
	c.addr = (unsigned long)beyond();
	expect_ioctl("described nowhere", io.fd, NVME_IOCTL_IO64_CMD_VEC, &c, -EFAULT);

	expect_ioctl("an unknown ioctl", io.fd, _IO('N', 0x7f), NULL, -ENOTTY);
	expect_ioctl("of the controller", admin.fd, _IO('N', 0x7f), NULL, -ENOTTY);
	expect_ioctl("an ID of the controller", admin.fd, NVME_IOCTL_ID, NULL, -ENOTTY);
	expect_ioctl("I/O of the controller", admin.fd, NVME_IOCTL_IO64_CMD, &c, -ENOTTY);
	expect_ioctl("a reset of the namespace", io.fd, NVME_IOCTL_RESET, NULL, -ENOTTY);
	expect_ioctl("a scan of the namespace", io.fd, NVME_IOCTL_RESCAN, NULL, -ENOTTY);
}

/* What the rings must have, and which device takes what. */
static void other_rings(void)
{
	struct nvme_passthru_cmd64 c = blocks(READ, arena, 1);
	static const struct {
		const char *what;
		unsigned int op;
		bool admin;
	} unknown[] = {
		{ "an admin command to the namespace", NVME_URING_CMD_ADMIN, false },
		{ "I/O to the controller", NVME_URING_CMD_IO, true },
		{ "an unknown operation", _IO('N', 0x9f), false },
	};
	uint64_t data, result;
	unsigned int i;
	int res;

	for (i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		ring_add(&ring, unknown[i].admin ? admin.fd : io.fd, unknown[i].op, &c, 1);
		ring_submit(&ring, 1);
		if (!ring_reap(&ring, &data, &res, &result))
			die("%s: no answer", unknown[i].what);
		tried++;
		if (res != -ENOTTY) {
			printf("# %s: %s instead of ENOTTY\n", unknown[i].what, answer(res));
			wrong++;
		}
	}
}

/* Somebody who may open the devices, but has no privileges. */
static void as_user(const char *path)
{
	struct device writer = io;

	device_open(&io, path, O_RDONLY, false);
	expect("a read", &io, blocks(READ, arena + PAGE, 1), 0);
	expect("a write without having opened it for that", &io, blocks(WRITE, arena, 1), -EACCES);
	expect("write zeroes", &io, with(blocks(WRITE_ZEROES, NULL, 1), data_len, 0), -EACCES);
	expect("a comparison", &io, blocks(COMPARE, arena, 1), -EACCES);
	expect("dsm", &io, command(&io, DSM, arena, 16), -EACCES);
	io = writer;
	expect("a write", &io, blocks(WRITE, arena, 1), 0);
	expect("write zeroes, for writing",
	       &io, with(blocks(WRITE_ZEROES, NULL, 1), data_len, 0), 0);
	expect("of another namespace", &io, with(blocks(READ, arena, 1), nsid, 7), -EINVAL);
	expect("a vendor's", &io, command(&io, 0x90, NULL, 0), -EACCES);
	expect("what the controller has not", &io, command(&io, 0x15, arena, 8), -EACCES);
	expect("fabrics", &io, command(&io, 0x7f, NULL, 0), -EACCES);

	expect("identify the controller",
	       &admin, with(command(&admin, IDENTIFY, arena, PAGE), cdw10, 1), 0);
	expect("the namespace",
	       &admin, with(with(command(&admin, IDENTIFY, arena, PAGE), nsid, io.nsid), cdw10, 0),
	       0);
	expect("list namespaces",
	       &admin, with(command(&admin, IDENTIFY, arena, PAGE), cdw10, 2), -EACCES);
	expect("a log page",
	       &admin, with(command(&admin, GET_LOG, arena, 512), cdw10, 127 << 16 | 2), -EACCES);
	expect("a feature",
	       &admin, with(command(&admin, GET_FEATURES, NULL, 0), cdw10, 7), -EACCES);
	expect("a format", &admin, with(command(&admin, 0x80, NULL, 0), nsid, io.nsid), -EACCES);
	expect("the driver's own", &admin, command(&admin, 0, NULL, 0), -EACCES);
	expect_ioctl("a reset", admin.fd, NVME_IOCTL_RESET, NULL, -EACCES);
	expect_ioctl("a subsystem reset", admin.fd, NVME_IOCTL_SUBSYS_RESET, NULL, -EACCES);
	expect_ioctl("a scan", admin.fd, NVME_IOCTL_RESCAN, NULL, -EACCES);
}

int main(int argc, char **argv)
{
	int err;

	if (argc < 5)
		die("usage: %s GENERIC CONTROLLER BLOCK_SIZE MAX_BYTES [user]", argv[0]);
	block = atoi(argv[3]);
	max_bytes = atoi(argv[4]);
	device_open(&io, argv[1], O_RDWR, false);
	device_open(&admin, argv[2], O_RDONLY, true);
	err = ring_open(&ring, 8, 0);
	if (err)
		die("io_uring: %s", strerror(-err));
	arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	read_only = mmap(NULL, ARENA, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED || read_only == MAP_FAILED)
		die("mmap");
	if (argc > 5) {
		as_user(argv[1]);
	} else {
		io_lengths();
		io_memory();
		io_fields();
		io_unknown();
		admin_commands();
		other_ioctls();
		other_rings();
	}
	printf("# %u commands, %u wrong answers\n", tried, wrong);
	return !!wrong;
}
