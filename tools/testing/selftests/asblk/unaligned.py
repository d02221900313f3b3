#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only
"""Buffered writes of any length at any byte, compared with a copy in memory: PATH WRITES"""
import os
import random
import sys

path, writes = sys.argv[1], int(sys.argv[2])
size, base = 4 << 20, 8 << 20
seed = random.SystemRandom().randrange(1 << 32)
print(f"# seed {seed}")
random.seed(seed)
model = bytearray(size)
fd = os.open(path, os.O_RDWR)


def drop_cache():
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


os.pwrite(fd, model, base)
for step in range(writes):
    length = random.choice([1, 3, 511, 513, 4095, 4097, random.randrange(1, 200000)])
    at = random.randrange(size - length)
    data = random.randbytes(length)
    model[at:at + length] = data
    assert os.pwrite(fd, data, base + at) == length
    if step % 50 == 0:
        drop_cache()
drop_cache()
have = os.pread(fd, size, base)
assert have == bytes(model), f"differs at {next(i for i in range(size) if have[i] != model[i])}"
