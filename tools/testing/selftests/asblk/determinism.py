#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only
"""Reads and writes that are the same in every run but for the CPUs that they come from: DISK WORKERS HOT-SECTOR

Each worker has blocks of its own, one operation after the other, as a history has an order;
the order among workers is up to the CPUs. Each operation is from any CPU, and so through any
queue. Then they all read the same few blocks at once: which read a fault hits is up to the
CPUs, the faults are not."""
import hashlib
import mmap
import os
import random
import sys

device, workers, hot = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) * 512
cpus = sorted(os.sched_getaffinity(0))


def work(worker):
    fd = os.open(device, os.O_RDWR | os.O_DIRECT)
    memory = mmap.mmap(-1, 4096)
    order = random.Random(worker)
    seen = hashlib.sha256()

    def move(call, at):
        os.sched_setaffinity(0, {random.choice(cpus)})
        try:
            call(fd, [memory], at)
        except OSError:
            return
        if call is os.preadv:
            seen.update(memory)

    for _ in range(250):
        at = (order.randrange(16) * workers + worker) * 4096
        if order.random() < 0.5:
            move(os.preadv, at)
        else:
            memory[:] = order.randbytes(4096)
            move(os.pwritev, at)
    os.write(1, f"worker {worker} has read {seen.hexdigest()}\n".encode())
    for _ in range(100):
        move(os.preadv, hot + order.randrange(2) * 4096)


for worker in range(workers):
    if os.fork() == 0:
        work(worker)
        os._exit(0)
for worker in range(workers):
    assert os.wait()[1] == 0
