#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Buffered writes at any byte, through the disk and a partition.
. "$(dirname -- "$0")/common.sh"

load size=64M block_size="${1:-512}"
printf 'start=2048\n' | sfdisk -q "$dev"
settle
python3 - "$dev" "${dev}p1" "$(by_speed 400 100)" <<'END'
import os, random, sys

size = 4 << 20
seed = random.SystemRandom().randrange(1 << 32)
print(f"# seed {seed}")
random.seed(seed)
for path in sys.argv[1:3]:
    base = 8 << 20
    model = bytearray(size)
    fd = os.open(path, os.O_RDWR)
    os.pwrite(fd, model, base)
    for step in range(int(sys.argv[3])):
        length = random.choice([1, 3, 511, 513, 4095, 4097, random.randrange(1, 200000)])
        at = random.randrange(size - length)
        data = random.randbytes(length)
        model[at:at + length] = data
        written = os.pwrite(fd, data, base + at)
        assert written == length
        if step % 50 == 0:
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    have = os.pread(fd, size, base)
    assert have == bytes(model), f"{path}: differs at {next(i for i in range(size) if have[i] != model[i])}"
    os.close(fd)
END
