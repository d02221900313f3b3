#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only
#
# A history is a file: what is saved and loaded again shows the same at every instant.
import hashlib
import mmap
import os
import random
import re
import subprocess
import tempfile
import time

from asblk import CONFIGFS, by_speed, case, choose_seed, device, load, main, make_disk, need_emul, put

need_emul()
BLOCK = 4096
BLOCKS = 64
FILES = "/sys/kernel/debug/asblk_history"
OPTIONS = {"history": 1, "power_domain": "p"}
SIZE = {"size": BLOCKS * BLOCK, "atomic_unit": "16K", "queues": 1}


def option(disk, name):
    with open(f"{CONFIGFS}/{disk}/{name}") as file:
        return file.read()


def save(disk):
    with open(f"{FILES}/{disk}", "rb", buffering=0) as file:
        parts = []
        while part := file.read(3001):
            parts.append(part)
    return b"".join(parts)


def restore(disk, stream, step=5003):
    fd = os.open(f"{FILES}/{disk}", os.O_WRONLY)
    try:
        for i in range(0, len(stream), step):
            part = stream[i:i + step]
            while part:
                part = part[os.write(fd, part):]
    finally:
        os.close(fd)


def look(disk, at, decide):
    """What a view shows, and was asked for; the order depends on who reads first"""
    put(f"{CONFIGFS}/view/base", disk)
    put(f"{CONFIGFS}/view/instant", at)
    put(f"{CONFIGFS}/view/decide", decide)
    put(f"{CONFIGFS}/view/power", 1)
    with open(f"/dev/{device('view')}", "rb") as file:
        digest = hashlib.md5(file.read()).hexdigest()
    asked = sorted(" ".join(line.split()[:3] + line.split()[4:])
                   for line in option("view", "asked").splitlines())
    put(f"{CONFIGFS}/view/power", 0)
    put(f"{CONFIGFS}/view/base", "\n")
    return digest, asked


def until(last, digest, asked):
    """What was saved at that instant knows of no completion after it"""
    return digest, sorted(re.sub(r"(?<= until )(\d+)", lambda at: at[1] if int(at[1]) <= last else "0", line)
                          for line in asked)


def write(fd, rng, block_size, flags=0):
    """Half of it zeroes, which a stream leaves out"""
    data = mmap.mmap(-1, rng.choice((block_size, 2 * block_size, 4096, 16384)))
    data[:] = ((bytes((rng.randrange(1, 256),)) * 512 + bytes(512)) * (len(data) // 512))[:len(data)]
    pos = rng.randrange(BLOCKS * BLOCK // len(data)) * len(data)
    os.pwritev(fd, [data], pos, flags)


def work(disks, rng, count, block_size):
    """Everything that changes something"""
    nodes = {disk: f"/dev/{device(disk)}" for disk in disks}
    fds = {disk: os.open(node, os.O_RDWR | os.O_DIRECT) for disk, node in nodes.items()}
    for i in range(count):
        disk = rng.choice(disks)
        kind = rng.randrange(16)
        if kind == 0:
            os.fsync(fds[disk])
        elif kind == 1:
            subprocess.run(["blkdiscard", "-f", "-o", str(rng.randrange(8) * 32768), "-l",
                            str(rng.choice((block_size, 4096, 32768))), nodes[disk]], check=True,
                           stderr=subprocess.DEVNULL)
        elif kind == 2:
            subprocess.run(["blkdiscard", "-f", "-z", "-o", str(rng.randrange(8) * 32768), "-l", "8192",
                            nodes[disk]], check=True, stderr=subprocess.DEVNULL)
        elif kind == 3:
            put(f"{CONFIGFS}/{disk}/mark", f"mark{i}")
        else:
            # RWF_DSYNC, RWF_ATOMIC
            write(fds[disk], rng, block_size, rng.choice((0, 0, 0, 2, 0x40)))
    for fd in fds.values():
        os.close(fd)


def sights(disks, rng):
    first, last = (int(option(disks[0], name)) for name in ("oldest", "now"))
    instants = sorted({first, last, *(rng.randrange(first, last + 1) for _ in range(by_speed(24, 5)))})
    return [(disk, at, decide) for disk in disks for at in instants
            for decide in ("all", "none", f"seed {rng.randrange(1000)}")]


def test_same(rng, block_size):
    disks = ("d", "e")
    for disk in disks:
        make_disk(disk, block_size=block_size, **OPTIONS, **SIZE)
    work(disks, rng, 40, block_size)
    # Some of the past retires, and some of what is durable is part of the base
    put(f"{CONFIGFS}/d/history_limit", "64K")
    put(f"{CONFIGFS}/e/history_limit", "192K")
    work(disks, rng, 150, block_size)
    os.mkdir(f"{CONFIGFS}/view")
    want = {sight: look(*sight) for sight in sights(disks, rng)}
    if not any(asked for _, asked in want.values()):
        raise RuntimeError("nothing was undecided")
    stream = save("d")
    if save("e") != stream:
        raise RuntimeError("of two disks of a domain the streams are not the same")
    for disk in disks:
        os.rmdir(f"{CONFIGFS}/{disk}")
    for disk in disks:
        make_disk(disk, power=0, **OPTIONS)
    restore("e", stream)
    for sight, seen in want.items():
        if look(*sight) != seen:
            raise RuntimeError(f"{sight} is not the same")
    if save("d") != stream:
        raise RuntimeError("saved again it is another stream")
    # It goes on from there.
    for disk in disks:
        put(f"{CONFIGFS}/{disk}/power", 1)
    work(disks, rng, 20, block_size)
    for sight, seen in random.Random(1).sample(sorted(want.items()), 5):
        if look(*sight) != seen:
            raise RuntimeError(f"{sight} is not the same after more writes")
    os.rmdir(f"{CONFIGFS}/view")
    put(f"{CONFIGFS}/d/cut", 1)


def test_busy(rng):
    """A disk that goes on is saved as it was at one instant; flushes complete in any order."""
    make_disk("d", history=1, size="8M", block_size=512, hold_depth=16, hold_usecs=2000)
    os.mkdir(f"{CONFIGFS}/view")
    with tempfile.TemporaryDirectory() as directory:
        fio = subprocess.Popen(["fio", "--name=busy", f"--filename=/dev/{device('d')}", "--rw=randwrite",
                                "--bsrange=512-16k", "--direct=1", "--ioengine=io_uring", "--iodepth=8",
                                "--numjobs=4", "--fsync=4", "--rate=1m", "--time_based", "--runtime=600", f"--output={directory}/out"])
        try:
            for _ in range(by_speed(2, 1)):
                before = int(option("d", "now"))
                while int(option("d", "now")) < before + 200:
                    time.sleep(0.05)
                put(f"{CONFIGFS}/d/mark", "before")
                stream = save("d")
                make_disk("copy", power=0, history=1)
                restore("copy", stream)
                first, last = (int(option("copy", name)) for name in ("oldest", "now"))
                for at in (int(option("d", "mark")), last, rng.randrange(first, last)):
                    for decide in ("none", "all", "seed 7"):
                        # The same instant of the disk that went on
                        if look("copy", at, decide) != until(last, *look("d", at, decide)):
                            raise RuntimeError(f"instant {at} of {last}, {decide}: not the same")
                os.rmdir(f"{CONFIGFS}/copy")
        finally:
            fio.terminate()
            fio.wait()


def refused(what, disk, stream):
    try:
        restore(disk, stream)
    except OSError:
        return
    raise RuntimeError(f"not refused: {what}")


def test_wrong(rng):
    make_disk("d", history=1, block_size=512, **SIZE)
    work(("d",), rng, 30, 512)
    stream = save("d")
    make_disk("copy", power=0, history=1)
    refused("another format", "copy", b"not a history at all")
    refused("another version", "copy", stream[:16] + b"\x02" + stream[17:])
    refused("a disk that is powered on", "d", stream)
    for _ in range(by_speed(80, 20)):
        at = rng.randrange(len(stream))
        broken = bytearray(stream)
        broken[at] ^= 1 << rng.randrange(8)
        refused(f"bit of byte {at}", "copy", bytes(broken))
    # What ends early is no history.
    restore("copy", stream[:-3])
    if option("copy", "now").strip():
        raise RuntimeError("a part of a stream is a history")
    # While it is loaded, the disk has to wait; and it can go.
    fd = os.open(f"{FILES}/copy", os.O_WRONLY)
    os.write(fd, stream[:len(stream) // 2])
    try:
        put(f"{CONFIGFS}/copy/power", 1)
    except OSError:
        pass
    else:
        raise RuntimeError("powered on while it was loaded")
    refused("two at a time", "copy", stream)
    os.rmdir(f"{CONFIGFS}/copy")
    try:
        os.write(fd, stream[len(stream) // 2:])
    except OSError:
        pass
    else:
        raise RuntimeError("loaded into nothing")
    os.close(fd)
    # A disk that is removed while it is saved
    file = open(f"{FILES}/d", "rb", buffering=0)
    file.read(100)
    os.rmdir(f"{CONFIGFS}/d")
    file.close()
    make_disk("copy", power=0, history=1)
    restore("copy", stream)
    os.rmdir(f"{CONFIGFS}/copy")


def test():
    load(disks=0)
    rng = random.Random(choose_seed())
    if "ASBLK_UDEV_STOPPED" not in os.environ:
        subprocess.run(["udevadm", "control", "--stop-exec-queue"], check=True)
    try:
        for name, function, *arguments in (("the same again", test_same, 512),
                                           ("the same again, large blocks", test_same, 4096),
                                           ("a busy disk", test_busy), ("wrong streams", test_wrong)):
            with case(name):
                try:
                    function(rng, *arguments)
                finally:
                    for disk in "view", "copy", "d", "e":
                        if os.path.exists(f"{CONFIGFS}/{disk}"):
                            os.rmdir(f"{CONFIGFS}/{disk}")
    finally:
        if "ASBLK_UDEV_STOPPED" not in os.environ:
            subprocess.run(["udevadm", "control", "--start-exec-queue"], check=True)


main(test)
