#!/usr/bin/python3 -BIS
# SPDX-License-Identifier: GPL-2.0-only
"""One read or write at a time, for faults.sh: with all checkers on a process for each would
take seconds. A line of the standard input says: PATH read|write POLL OFFSET BYTES [VALUE], POLL
1 for a polled queue, VALUE for all bytes, to be written or expected. A line of the answer is ok,
or what was wrong; for a read without VALUE ok is followed by each value and how many bytes have it."""
import ctypes
import mmap
import os
import struct
import sys

SETUP, ENTER = 425, 426
OP = {"read": 22, "write": 23}
IOPOLL, GETEVENTS, SINGLE_MMAP = 1, 1, 1
SQES = 0x10000000
PARAMS = "<10I8IQ8IQ"
libc = ctypes.CDLL(None, use_errno=True)


def syscall(number, *values):
    """The result, or an OSError"""
    result = libc.syscall(*(ctypes.c_long(value) for value in (number, *values)))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def address(memory):
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


class Ring:
    """An io_uring with a single entry"""
    def __init__(self, flags):
        params = mmap.mmap(-1, struct.calcsize(PARAMS))
        struct.pack_into("<3I", params, 0, 0, 0, flags)
        self.fd = syscall(SETUP, 1, address(params))
        values = struct.unpack_from(PARAMS, params)
        assert values[5] & SINGLE_MMAP
        self.tail, self.array = values[11], values[16]
        self.done, self.posted, self.mask, self.cqes = values[19], values[20], values[21], values[24]
        self.ring = mmap.mmap(self.fd, mmap.PAGESIZE)
        self.sqe = mmap.mmap(self.fd, 64, offset=SQES)

    def word(self, at, add=0):
        """The value there, to which add is added"""
        value, = struct.unpack_from("<I", self.ring, at)
        struct.pack_into("<I", self.ring, at, (value + add) & 0xffffffff)
        return value

    def run(self, op, fd, offset, memory):
        """Return the result of a command."""
        struct.pack_into("<BBHiQQIIQ24x", self.sqe, 0, OP[op], 0, 0, fd, offset, address(memory), len(memory), 0, 0)
        struct.pack_into("<I", self.ring, self.array, 0)
        self.word(self.tail, 1)
        submit = 1
        # Who polls comes back when somebody else needs the CPU
        while self.word(self.posted) == self.word(self.done):
            syscall(ENTER, self.fd, submit, 1, GETEVENTS, 0, 0)
            submit = 0
        entry = self.word(self.done, 1) & self.word(self.mask)
        return struct.unpack_from("<i", self.ring, self.cqes + 16 * entry + 8)[0]


rings = Ring(0), Ring(IOPOLL)


def answer(path, op, poll, offset, length, value=None):
    """What the words of a line ask for"""
    memory = mmap.mmap(-1, int(length))
    pattern = bytes([int(value or "0xee", 0)]) * len(memory)
    # Memory that a read does not fill is something else
    memory[:] = pattern if op == "write" else bytes(byte ^ 0xff for byte in pattern)
    fd = os.open(path, os.O_DIRECT | (os.O_WRONLY if op == "write" else os.O_RDONLY))
    try:
        result = rings[int(poll)].run(op, fd, int(offset), memory)
    finally:
        os.close(fd)
    data = memory[:]
    if result != len(data):
        return f"{op}: {os.strerror(-result) if result < 0 else f'{result} bytes'}"
    if op == "write" or value and data == pattern:
        return "ok"
    content = " ".join(f"{byte:02x}*{data.count(byte)}" for byte in sorted(set(data)))
    return f"verify: {content}" if value else f"ok {content}"


for line in sys.stdin:
    try:
        print(answer(*line.split()), flush=True)
    except OSError as error:
        print(error, flush=True)
