#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only
#
# After any sequence of faults, every block reads back what was acknowledged last, or the
# fault log says why not. The sequence is random, from a seed that is printed.
import mmap
import os
import random
import struct
import threading

from asblk import by_speed, case, choose_seed, device, load, main, make_disk, make_rule, need_cpus, need_emul, put, \
    remove_rules, say

need_emul()
need_cpus(2)

BLOCK, BLOCKS, WORKERS = 4096, 1024, 4
# What each block may hold: the content acknowledged last, and that of each write since then
# that failed, which may have happened or not.
allowed = [{0} for _ in range(BLOCKS)]
stamp = [0]
lock = threading.Lock()
log_at = 0


def stamped(memory):
    values = set(struct.unpack("<512Q", memory[:BLOCK]))
    return values.pop() if len(values) == 1 else None


def log():
    """The new lines of the log: (block, action, op) of each."""
    global log_at
    found = []
    with open("/sys/kernel/debug/asblk/ctrl0/faults") as file:
        for line in file:
            words = line.split()
            if words[0] == "number" or int(words[0]) < log_at:
                continue
            assert int(words[0]) == log_at, "the log has lost records"
            log_at += 1
            if words[6] != "-":
                found.append((int(words[6]), words[3], words[5]))
    return found


def work(path, worker, random_of, nr, reads):
    """Reads and writes in a part of the disk of its own; reads gets (block, value, allowed) of each wrong one."""
    fd = os.open(path, os.O_RDWR | os.O_DIRECT)
    memory = mmap.mmap(-1, 4 * BLOCK)
    for _ in range(nr):
        length = random_of.choice((1, 1, 1, 2, 4))
        first = random_of.randrange(BLOCKS // WORKERS // 4) * 4 + worker * (BLOCKS // WORKERS)
        part = memoryview(memory)[:length * BLOCK]
        if random_of.random() < 0.4:
            try:
                os.preadv(fd, [part], first * BLOCK)
            except OSError:
                continue
            for i in range(length):
                value = stamped(part[i * BLOCK:(i + 1) * BLOCK])
                if value not in allowed[first + i]:
                    reads.append((first + i, value, set(allowed[first + i])))
            continue
        values = []
        for i in range(length):
            with lock:
                stamp[0] += 1
                values.append(stamp[0])
            part[i * BLOCK:(i + 1) * BLOCK] = struct.pack("<Q", values[i]) * 512
        try:
            done = os.pwritev(fd, [part], first * BLOCK) // BLOCK
        except OSError:
            done = 0
        for i, value in enumerate(values):
            if i < done:
                allowed[first + i] = {value}
            else:
                allowed[first + i].add(value)
    os.close(fd)


FAULTS = [
    {"op": "read", "status": "medium"}, {"op": "write", "status": "ioerr"},
    {"op": "write", "status": "nospc", "when": "after"}, {"op": "write", "action": "short"},
    {"op": "read", "action": "corrupt"}, {"op": "write", "action": "corrupt"},
    {"op": "write", "action": "phantom"}, {"op": "write", "action": "misdirect", "distance": 5},
    {"op": "read", "action": "misdirect", "distance": 3}, {"op": "read", "action": "stale"},
    {"action": "delay", "usecs": 2000}, {"action": "duplicate"},
    {"action": "lose", "probability": 500}, {"action": "late", "probability": 500},
    {"action": "wrong-id", "probability": 500}, {"action": "lose-interrupt", "probability": 500},
    {"action": "hang", "recovered_by": "queue-reset", "times": 1}, {"action": "busy", "usecs": 5000},
    {"op": "read", "status": "transport", "transient": 1},
]
SPOIL = [fault for fault in FAULTS if fault.get("action") in ("corrupt", "phantom", "misdirect")]
SPOIL_WRITE = {("corrupt", "write"), ("phantom", "write"), ("misdirect", "write"), ("misdirect-target", "write")}
SPOIL_READ = SPOIL_WRITE | {("corrupt", "read"), ("misdirect", "read"), ("stale", "read")}


def make_rules(nr, pick):
    """Disabled at first, so that they begin together"""
    rules = []
    for i, fault in enumerate([SPOIL[nr % len(SPOIL)]] + pick.sample(FAULTS, 4)):
        probability = 30000 if i == 0 else pick.choice((3000, 10000, 30000))
        rules.append(make_rule("o", f"r{i}", enabled=0, **{"probability": probability, **fault}))
    return rules


def faults_by_block(lines):
    """{block: {(action, op)}}; a misdirected write spoils its target too."""
    touched = {}
    for block, action, op in lines:
        touched.setdefault(block, set()).add((action, op))
        if action == "misdirect" and op == "write":
            touched.setdefault((block + 5) % BLOCKS, set()).add(("misdirect-target", op))
    return touched


def check_content(path):
    """Read everything without rules; (block, value, allowed) of each block that is wrong."""
    wrong = []
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    memory = mmap.mmap(-1, BLOCK)
    for block in range(BLOCKS):
        os.preadv(fd, [memory], block * BLOCK)
        value = stamped(memory)
        if value not in allowed[block]:
            wrong.append((block, value, allowed[block]))
        # From here on that is what it holds; None is spoilt and stays so until it is written.
        allowed[block] = {value}
    os.close(fd)
    return wrong


def sequence(path, seed, nr, pick):
    """One sequence of faults under I/O; return the numbers of faults and of wrong blocks explained by them."""
    rules = make_rules(nr, pick)
    for rule in rules:
        put(f"{rule}/enabled", 1)
    reads = []
    threads = [threading.Thread(target=work, args=(path, worker, random.Random(seed * 1000 + nr * 10 + worker), 120, reads))
               for worker in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for rule in rules:
        put(f"{rule}/enabled", 0)
    remove_rules("o")
    lines = log()
    touched = faults_by_block(lines)
    explained = unexplained = 0
    for found, spoil, verb in (reads, SPOIL_READ, "was read from"), (check_content(path), SPOIL_WRITE, "is in"):
        for block, value, could in found:
            if touched.get(block, set()) & spoil:
                explained += 1
            else:
                unexplained += 1
                say(f"{value} {verb} block {block}, not one of {could}; in the log: {touched.get(block)}")
    assert not unexplained, f"{unexplained} blocks are wrong without a fault"
    return len(lines), explained


def test():
    seed = choose_seed()
    pick = random.Random(seed)
    load(disks=0)
    make_disk("o", size="4M", queues=2, block_size="4K", timeout_ms=by_speed(300, 2000), seed=seed)
    effects = 0
    for nr in range(by_speed(6, 3)):
        with case(f"sequence {nr + 1}"):
            faults, explained = sequence(f"/dev/{device('o')}", seed, nr, pick)
            effects += explained
            say(f"{faults} faults, {explained} wrong blocks explained")
    with case("faults have had an effect"):
        assert effects


main(test)
