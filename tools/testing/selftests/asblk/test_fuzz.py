#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only
#
# Generated values for every attribute in configfs, sysfs and debugfs, and every ioctl with
# bad arguments, as root and as a user without privileges: clear errors, and disks that
# work afterwards. From a seed that is printed.
import collections
import errno
import fcntl
import glob
import mmap
import os
import random
import struct
import traceback

from asblk import CONFIGFS, NATIVE, case, choose_seed, device, load, main, make_disk, make_rule, need_emul, say

need_emul()

pick = random.Random(choose_seed())
done = collections.Counter()

CLEAR = {errno.EINVAL, errno.EBUSY, errno.ERANGE, errno.EPERM, errno.EACCES, errno.ENODEV, errno.ENOMEM,
         errno.ENOSPC, errno.ENOMEDIUM, errno.EROFS, errno.EOPNOTSUPP, errno.EIO, errno.ENOTTY, errno.EFBIG,
         errno.E2BIG, errno.EOVERFLOW, errno.ENXIO, errno.ETIMEDOUT, errno.ENODATA, errno.ENOENT,
         errno.ENAMETOOLONG, errno.ESTALE, errno.EEXIST}
# Left alone: what the test depends on, and attributes that the kernel's own code handles.
LEAVE = {"uevent", "trigger", "wakeup", "io_timeout"}


def attributes():
    found = glob.glob(f"{CONFIGFS}/features") + glob.glob(f"{CONFIGFS}/*/*") + glob.glob(f"{CONFIGFS}/*/faults/*/*")
    for disk in glob.glob("/sys/block/asblk*"):
        found += glob.glob(f"{disk}/*") + glob.glob(f"{disk}/queue/*") + glob.glob(f"{disk}/emul/*")
        found += glob.glob(f"{disk}/power/*")
    for ctrl in glob.glob("/sys/class/asblk/*"):
        found += glob.glob(f"{ctrl}/*") + glob.glob(f"{ctrl}/power/*")
    found += glob.glob("/sys/kernel/debug/asblk/**", recursive=True)
    return sorted(path for path in found if os.path.isfile(path) and os.path.basename(path) not in LEAVE)


WORDS = ["none", "any", "fixed", "uniform", "lognormal", "percentiles", "every", "random", "read", "write", "flush",
         "status", "lose", "hang", "fatal", "abort", "never", "ideal", "hdd", "ioerr", "on", "auto", "write back",
         "mq-deadline", "100:5", "99.9:1"]


def value():
    kind = pick.randrange(12)
    if kind < 3:
        return str(pick.choice((0, 1, 1, 2, 3, 7, 8, 100, 511, 512, 513, 4096, 65536)))
    if kind == 3:
        return str(pick.choice((1, -1)) * pick.getrandbits(pick.randrange(1, 70)))
    if kind == 4:
        return f"{pick.randrange(1, 5000)}{pick.choice('KMGTPEkx')}"
    if kind < 7:
        return " ".join(pick.choice(WORDS + [str(pick.getrandbits(20))]) for _ in range(pick.randrange(1, 5)))
    if kind == 7:
        return "".join(chr(pick.randrange(1, 256)) for _ in range(pick.randrange(0, 40)))
    if kind == 8:
        return pick.choice(("", " ", "\n", "\0", "%s%n", "0x10", "1.5", "+1", "١", "9" * 4000, "x" * 4095, "1 " * 1000))
    if kind == 9:
        return f"{pick.choice(('fixed', 'uniform', 'lognormal'))} {pick.randrange(300)} {pick.randrange(300)}"
    return pick.choice(WORDS)


def try_put(path, text):
    """Whether the kernel takes it; if not, its error is one that tells a user something."""
    try:
        fd = os.open(path, os.O_WRONLY)
    except OSError as error:
        assert error.errno in CLEAR | {errno.ENOENT}, f"open {path}: {error}"
        return False
    done["writes"] += 1
    try:
        os.write(fd, text.encode(errors="surrogateescape"))
        return True
    except OSError as error:
        # To an empty write configfs itself says EFAULT.
        assert error.errno in CLEAR | {errno.ENOENT} or not text, f"{path} = {text!r}: {error}"
        return False
    finally:
        os.close(fd)


def get(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        assert error.errno in CLEAR | {errno.ENOENT}, f"read {path}: {error}"


CALLS = [0x5309, 0x5319, 0x5329, 0x5326, 0x1261, 0x125f, 0x1268, 0x1260, 0x127b, 0x1277, 0x127f, 0x127d, 0x1269,
         0x125d, 0xc0484e41, 0xc0484e43, 0x4e40, 0x2285, 0x5382, 0x301]
# As addresses none of them is one of this process's: an ioctl may write there.
NUMBERS = (0, 1, 2, 7, -1, -4096, 4096, 65535)


def calls(nr):
    """ioctls with random arguments; BLKDISCARD and the like with random ranges"""
    for _ in range(nr):
        path = pick.choice(glob.glob("/dev/asblk*") or ["/dev/null"])
        try:
            fd = os.open(path, pick.choice((os.O_RDONLY, os.O_RDWR)) | os.O_NONBLOCK)
        except OSError as error:
            assert error.errno in CLEAR | {errno.ENOENT}, f"open {path}: {error}"
            continue
        call = pick.choice(CALLS) if pick.random() < 0.8 else pick.getrandbits(32)
        try:
            if pick.random() < 0.5:
                words = (pick.getrandbits(pick.randrange(1, 65)) for _ in range(10))
                fcntl.ioctl(fd, call, bytearray(struct.pack("<10Q", *words)))
            else:
                fcntl.ioctl(fd, call, pick.choice(NUMBERS))
        except OSError as error:
            assert error.errno in CLEAR | {errno.EFAULT, errno.EINTR, errno.ENOENT, errno.EAGAIN, errno.EBADF}, \
                f"{path} {call:#x}: {error}"
        os.close(fd)


def unprivileged_attempts(nodes):
    """As a user without privileges; return how much was not refused."""
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    wrong = 0
    for path in attributes():
        if try_put(path, "1"):
            say(f"nobody could write {path}")
            wrong += 1
    for fd in nodes:
        for call in CALLS + [pick.getrandbits(32) for _ in range(20)]:
            for argument in (0, 1, pick.choice(NUMBERS), bytearray(os.urandom(80))):
                try:
                    fcntl.ioctl(fd, call, argument)
                except OSError as error:
                    assert error.errno in CLEAR | {errno.EFAULT, errno.EBADF, errno.EAGAIN}, f"nobody {call:#x}: {error}"
    for path in glob.glob("/dev/asblk*"):
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
            say(f"nobody could open {path}")
            wrong += 1
        except OSError as error:
            assert error.errno == errno.EACCES, error
    try:
        os.mkdir(f"{CONFIGFS}/nobody")
        wrong += 1
    except OSError as error:
        assert error.errno == errno.EACCES, error
    return wrong


def unprivileged():
    # What root has opened and handed on does not help either.
    nodes = [os.open(path, os.O_RDONLY | os.O_NONBLOCK) for path in glob.glob("/dev/asblk*")]
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = unprivileged_attempts(nodes) > 0
        except Exception:
            say(traceback.format_exc())
        finally:
            os._exit(status)
    for fd in nodes:
        os.close(fd)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 0, "an unprivileged user got through"


def reset_disks():
    try_put(f"{CONFIGFS}/on/faults/r/enabled", "0")
    for name in "asblk0", "on", "off":
        for option, text in (("power", "0"), ("profile", "ideal"), ("size", "16M"), ("timeout_ms", "1000")):
            try_put(f"{CONFIGFS}/{name}/{option}", text)
        if name != "off":
            try_put(f"{CONFIGFS}/{name}/power", "1")


def fuzz(writes):
    nr = 0
    seen = set()
    while done["writes"] < writes:
        if nr % 500 == 0:
            # A rule may have stopped a controller, and a size of petabytes takes memory: begin again.
            reset_disks()
            paths = attributes()
            read_only = {path for path in paths if os.path.exists(path) and not os.stat(path).st_mode & 0o222}
        if nr % 4000 == 0:
            unprivileged()
        if nr % 40 == 0:
            calls(4)
        # Each at least once; those that cannot be written seldom again.
        path = paths[nr % len(paths)] if nr < len(paths) else pick.choice(paths)
        nr += 1
        if path in seen and path in read_only:
            continue
        seen.add(path)
        before = get(path) if path.startswith(CONFIGFS) else None
        text = value()
        if try_put(path, text):
            done["taken"] += 1
        elif before is not None:
            assert get(path) == before, f"{path} = {text!r} was refused and has changed {before!r}"
        if pick.random() < 0.1:
            get(path)
    say(f"{done['writes']} writes to {len(seen)} attributes, {done['taken']} of them taken")
    assert len(seen) > 300 and done["taken"] > writes // 50, (len(seen), done)


def make_room():
    """Take what the other disks hold, or keep from others."""
    try_put(f"{CONFIGFS}/on/faults/r/enabled", "0")
    for name in "asblk0", "on":
        for option, text in (("power", "0"), ("profile", "ideal"), ("size", "16M"), ("memory_limit", "0"),
                             ("block_size", "512"), ("read_only", "0")):
            try_put(f"{CONFIGFS}/{name}/{option}", text)


def write_and_read():
    make_disk("after", size="16M")
    memory = mmap.mmap(-1, 8 << 20)
    data = os.urandom(len(memory))
    memory[:] = data
    fd = os.open(f"/dev/{device('after')}", os.O_RDWR | os.O_DIRECT)
    assert os.pwritev(fd, [memory], 0) == len(data)
    os.fsync(fd)
    memory[:] = bytes(len(data))
    assert os.preadv(fd, [memory], 0) == len(data)
    os.close(fd)
    assert memory[:] == data, "other data is read"


def test():
    load(disks=1, removable=1, size="16M", timeout_ms=1000)
    make_disk("off", size="16M", power=0)
    make_disk("on", size="16M", timeout_ms=1000)
    make_rule("on", "r", enabled=0, op="flush", probability=0)
    with case("refused with a clear error, and then unchanged"):
        fuzz(20000 if NATIVE else 4000)
    make_room()
    with case("a new disk works"):
        write_and_read()


main(test)
