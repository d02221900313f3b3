#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only
#
# Completions that are kept back: many writes are in flight, software that forgets to wait is
# found out, and whoever waits is not kept waiting for long.
import ctypes
import mmap
import os
import struct
import subprocess
import time

from asblk import CONFIGFS, by_speed, case, device, load, main, make_disk, need, need_emul, put

need_emul()
need("fio")
BLOCK = 4096
libc = ctypes.CDLL(None, use_errno=True)
IO_SETUP, IO_DESTROY, IO_GETEVENTS, IO_SUBMIT = 206, 207, 208, 209
IOCB_CMD_PWRITE = 1


def option(disk, name):
    with open(f"{CONFIGFS}/{disk}/{name}") as file:
        return file.read()


def now(disk):
    return int(option(disk, "now"))


def rewind(at):
    put(f"{CONFIGFS}/cut/instant", at)
    put(f"{CONFIGFS}/cut/rewind", 1)


def read(disk, nr):
    """The first byte of each of the first blocks"""
    with open(f"/dev/{device(disk)}", "rb", buffering=0) as file:
        return [os.pread(file.fileno(), 1, i * BLOCK) for i in range(nr)]


class Writes:
    """Writes that are submitted together, and waited for one by one"""
    def __init__(self, fd):
        self.fd, self.context = fd, ctypes.c_ulong(0)
        if libc.syscall(IO_SETUP, 64, ctypes.byref(self.context)):
            raise OSError(ctypes.get_errno(), "io_setup")

    def submit(self, blocks, letter):
        self.data = mmap.mmap(-1, BLOCK)
        self.data[:] = letter * BLOCK
        address = ctypes.addressof(ctypes.c_char.from_buffer(self.data))
        self.iocbs = [ctypes.create_string_buffer(struct.pack(
            "<QIiHhIQQqQII", 0, 0, 0, IOCB_CMD_PWRITE, 0, self.fd, address, BLOCK, block * BLOCK, 0, 0, 0))
                      for block in blocks]
        pointers = (ctypes.c_void_p * len(blocks))(*map(ctypes.addressof, self.iocbs))
        if libc.syscall(IO_SUBMIT, self.context, len(blocks), pointers) != len(blocks):
            raise OSError(ctypes.get_errno(), "io_submit")

    def wait(self, nr):
        events = ctypes.create_string_buffer(32 * nr)
        if libc.syscall(IO_GETEVENTS, self.context, nr, nr, events, None) != nr:
            raise OSError(ctypes.get_errno(), "io_getevents")

    def close(self):
        libc.syscall(IO_DESTROY, self.context)


def forgets(hold_depth):
    """Rounds in which a program that waits for one of two writes, and flushes, has lost the other"""
    rounds = by_speed(16, 4)
    make_disk("d", size="16M", block_size=BLOCK, queues=1, history=1, hold_depth=hold_depth,
              hold_usecs=by_speed(200000, 2000000))
    fd = os.open(f"/dev/{device('d')}", os.O_RDWR | os.O_DIRECT)
    writes, lost = Writes(fd), 0
    instants = []
    for i in range(rounds):
        writes.submit((0, 8), bytes((65 + i,)))
        writes.wait(1)
        os.fsync(fd)
        instants.append(now("d"))
        writes.wait(1)
    writes.close()
    os.close(fd)
    make_disk("cut", base="d", decide="none")
    for i, at in enumerate(instants):
        rewind(at)
        seen = [byte == bytes((65 + i,)) for byte in (read("cut", 9)[block] for block in (0, 8))]
        if not any(seen):
            raise RuntimeError("what was waited for and flushed is lost")
        lost += not all(seen)
    for disk in "cut", "d":
        os.rmdir(f"{CONFIGFS}/{disk}")
    return lost


def test_forgets():
    if forgets(0):
        raise RuntimeError("writes were in flight for long although nothing is kept back")
    if not forgets(4):
        raise RuntimeError("nobody was found out")


def in_flight(at):
    """How many writes the device had fetched and not completed"""
    rewind(at)
    subprocess.run(["dd", f"if=/dev/{device('cut')}", "of=/dev/null", "bs=1M", "iflag=direct", "status=none"],
                   check=True)
    ends = [int(line.split()[-1]) for line in option("cut", "asked").splitlines()]
    return sum(end == 0 or end > at for end in ends)


def most_in_flight(hold_depth):
    make_disk("d", size="1M", block_size=BLOCK, queues=1, history=1, hold_depth=hold_depth)
    node = f"/dev/{device('d')}"
    subprocess.run(["fio", "--name=hold", f"--filename={node}", "--rw=randwrite", "--bs=4k", "--size=1M",
                    "--direct=1", "--ioengine=io_uring", "--iodepth=16", "--fsync=64", "--verify=crc32c",
                    "--verify_fatal=1", "--output=/dev/null"], check=True)
    make_disk("cut", base="d", decide="none")
    most = max(in_flight(at) for at in range(int(option("d", "oldest")), now("d"), by_speed(7, 41)))
    for disk in "cut", "d":
        os.rmdir(f"{CONFIGFS}/{disk}")
    return most


def test_depth():
    without, held = most_in_flight(0), most_in_flight(8)
    if without > 1 or not 6 <= held <= 16:
        raise RuntimeError(f"in flight: {without} without, {held} with 8 kept back")


def test_alone():
    """Who waits for each write is not kept waiting for as long as there may be."""
    make_disk("d", size="16M", block_size=BLOCK, hold_depth=8, hold_usecs=10000000)
    start = time.monotonic()
    subprocess.run(["dd", "if=/dev/zero", f"of=/dev/{device('d')}", "bs=4k", "count=4", "oflag=direct",
                    "conv=fsync", "status=none"], check=True)
    took = time.monotonic() - start
    if took > 9:
        raise RuntimeError(f"4 writes and a flush took {took} s")
    # Nobody keeps back reads.
    start = time.monotonic()
    subprocess.run(["dd", f"if=/dev/{device('d')}", "of=/dev/null", "bs=4k", "count=32", "iflag=direct",
                    "status=none"], check=True)
    took = time.monotonic() - start
    if took > 9:
        raise RuntimeError(f"32 reads took {took} s")
    os.rmdir(f"{CONFIGFS}/d")


def test_given_up():
    """What is kept back goes with a reset, and is sent again."""
    make_disk("d", size="16M", block_size=BLOCK, queues=1, history=1, hold_depth=64, hold_usecs=10000000)
    node = device("d")
    resets = f"/sys/block/{node}/device/reset_controller"
    for _ in range(3):
        fio = subprocess.Popen(["fio", "--name=reset", f"--filename=/dev/{node}", "--rw=write", "--bs=4k",
                                "--size=128k", "--direct=1", "--ioengine=io_uring", "--iodepth=16",
                                "--output=/dev/null", "--verify=crc32c", "--verify_fatal=1"])
        before = now("d")
        while now("d") < before + 16:
            time.sleep(0.01)
        put(resets, 1)
        # Everything goes when nothing is to be kept back any more.
        put(f"{CONFIGFS}/d/hold_depth", 0)
        if fio.wait():
            raise RuntimeError("fio has failed")
        put(f"{CONFIGFS}/d/hold_depth", 64)
    # A removal waits for what is kept back.
    os.rmdir(f"{CONFIGFS}/d")


def test():
    load(disks=0)
    with case("software that forgets to wait"):
        test_forgets()
    with case("writes in flight"):
        test_depth()
    with case("whoever waits"):
        test_alone()
    with case("resets"):
        test_given_up()


main(test)
