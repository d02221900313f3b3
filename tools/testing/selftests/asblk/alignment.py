#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only
"""Direct I/O from and to memory at every offset that is allowed: DISK BLOCK-SIZE ALIGNMENT STRIDE"""
import mmap
import os
import sys

path, block, align, stride = sys.argv[1], *map(int, sys.argv[2:])
page = 4096
lengths = [block, 3 * block, 16 * page, 300 * block]
memory = mmap.mmap(-1, page + max(lengths))
blob = os.urandom(2 * max(lengths))
fd = os.open(path, os.O_RDWR | os.O_DIRECT)
tried = 0
# Every offset into a page; on a slow machine some, of all kinds.
for at in range(0, page, align * stride):
    length = lengths[tried % len(lengths)]
    place = (tried % 32) << 20
    data = blob[tried:tried + length]
    piece = memoryview(memory)[at:at + length]
    piece[:] = data
    assert os.pwritev(fd, [piece], place) == length
    piece[:] = bytes(length)
    assert os.preadv(fd, [piece], place) == length
    assert piece == data, f"{length} bytes at {at} in a page differ"
    tried += 1
# Two pieces with a gap between them.
for at in range(0, page, align * stride * 8):
    pieces = [memoryview(memory)[at:at + block], memoryview(memory)[2 * page + at:2 * page + at + 2 * block]]
    data = os.urandom(3 * block)
    pieces[0][:], pieces[1][:] = data[:block], data[block:]
    assert os.pwritev(fd, pieces, 0) == 3 * block
    pieces[0][:], pieces[1][:] = bytes(block), bytes(2 * block)
    assert os.preadv(fd, pieces, 0) == 3 * block
    assert bytes(pieces[0]) + bytes(pieces[1]) == data, f"two pieces at {at} differ"
    tried += 1
print(f"# {tried} alignments, in steps of {align * stride} bytes")
