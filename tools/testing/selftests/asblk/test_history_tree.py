#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only
#
# File systems after a power cut: the decision tree, which asks only for what recovery reads,
# finds the same results as every combination of undecided pieces.
import hashlib
import itertools
import os
import subprocess
import tempfile

from asblk import CONFIGFS, by_speed, case, device, load, main, make_disk, need, need_emul, put, say

need_emul()

MKFS = {"ext4": ["mkfs.ext4", "-q", "-F", "-O", "^metadata_csum_seed"],
        "xfs": ["mkfs.xfs", "-q", "-f"]}
SIZE = {"ext4": "16M", "xfs": "320M"}
# Combinations are so many times two
MOST = by_speed(8, 4)


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def must(*command):
    status, text = run(*command)
    if status:
        raise RuntimeError(f"{' '.join(command)}: {text}")


def option(disk, name):
    with open(f"{CONFIGFS}/{disk}/{name}") as file:
        return file.read()


def asked():
    """(piece, survives) in the order in which they were asked for"""
    return [((int(line[0]), line[1]), line[2] == "1")
            for line in map(str.split, option("cut", "asked").splitlines())]


def rewind(decisions):
    put(f"{CONFIGFS}/cut/decisions", "clear")
    lines = [f"{fetched} {block} {survives:d}\n" for (fetched, block), survives in decisions]
    for i in range(0, len(lines), 50):
        put(f"{CONFIGFS}/cut/decisions", "".join(lines[i:i + 50]))
    put(f"{CONFIGFS}/cut/rewind", 1)


def look(fs, mnt):
    """Recover, and tell what a program would see."""
    flags = ["-o", "nouuid"] if fs == "xfs" else []
    status, text = run("mount", "-t", fs, *flags, f"/dev/{device('cut')}", mnt)
    if status:
        return "not mounted"
    seen = []
    try:
        for path, dirs, files in os.walk(mnt):
            dirs.sort()
            for name in sorted(files):
                with open(f"{path}/{name}", "rb") as file:
                    data = file.read()
                seen.append(f"{os.path.relpath(path, mnt)}/{name} {len(data)} {hashlib.md5(data).hexdigest()}")
    finally:
        must("umount", mnt)
    return "\n".join(seen)


def tree(fs, mnt):
    """
    Whatever was asked beyond what was given survived: so lose the last of it, then the one
    before while the last is open again, and so on. {result}, number of runs. File systems do
    not always read in the same order, and nothing here depends on it: no two runs can stand
    for the same combination, and all of them stand for all.
    """
    results, runs, left = set(), 0, [[]]
    while left:
        given = left.pop()
        rewind(given)
        results.add(look(fs, mnt))
        runs += 1
        known = {piece for piece, _ in given}
        new = [piece for piece, _ in asked() if piece not in known]
        for i, piece in enumerate(new):
            left.append(given + [(other, True) for other in new[:i]] + [(piece, False)])
    return results, runs


def brute(fs, mnt, pieces):
    results = set()
    for answers in itertools.product((True, False), repeat=len(pieces)):
        rewind(list(zip(pieces, answers)))
        results.add(look(fs, mnt))
    return results


def undecided(at):
    """All pieces that are, found by reading everything with nothing that survives"""
    put(f"{CONFIGFS}/cut/instant", at)
    put(f"{CONFIGFS}/cut/decide", "none")
    rewind([])
    must("dd", f"if=/dev/{device('cut')}", "of=/dev/null", "bs=1M", "iflag=direct", "status=none")
    return [piece for piece, survives in asked()]


def workload(mnt):
    for name in "abc":
        with open(f"{mnt}/{name}.new", "w") as file:
            file.write(name * 3000)
            file.flush()
            os.fsync(file.fileno())
        os.rename(f"{mnt}/{name}.new", f"{mnt}/{name}")
    os.sync()


def instants(first, last):
    """{number of undecided pieces: [(instant, pieces)]}, without those that are the same"""
    found, equal = {}, set()
    for at in range(first, last + 1):
        pieces = undecided(at)
        if pieces and tuple(pieces) not in equal:
            equal.add(tuple(pieces))
            found.setdefault(len(pieces), []).append((at, pieces))
    return found


def explore(fs, mnt, first, last):
    found = instants(first, last)
    sizes = sorted(nr for nr in found if nr <= MOST)
    if not sizes:
        raise RuntimeError(f"numbers of undecided pieces: {sorted(found)}")
    # The fewer combinations, the more of that size
    chosen = [choice for nr in sizes for choice in found[nr][:by_speed(16, 8) >> nr or 1]]
    put(f"{CONFIGFS}/cut/decide", "all")
    most = 0
    for at, pieces in chosen:
        put(f"{CONFIGFS}/cut/instant", at)
        by_tree, runs = tree(fs, mnt)
        by_force = brute(fs, mnt, pieces)
        most = max(most, len(by_tree))
        say(f"{fs}: instant {at}: {len(pieces)} undecided pieces, {runs} runs of the tree, {len(by_tree)} results")
        if by_tree != by_force:
            raise RuntimeError(f"tree {by_tree}, all combinations {by_force}")
        if runs > 2 ** len(pieces):
            raise RuntimeError("the tree asks twice")
        if "not mounted" in by_tree:
            raise RuntimeError("it cannot be mounted")
    if most < 2:
        raise RuntimeError("nothing depended on what survived")


def test_fs(fs, mnt):
    make_disk("live", size=SIZE[fs], block_size=4096, history=1, queues=1)
    node = f"/dev/{device('live')}"
    must(*MKFS[fs], node)
    must("mount", "-t", fs, node, mnt)
    try:
        os.sync()
        first = int(option("live", "now"))
        workload(mnt)
        last = int(option("live", "now"))
    finally:
        must("umount", mnt)
    make_disk("cut", base="live", instant=first)
    explore(fs, mnt, first, last)
    for disk in "cut", "live":
        os.rmdir(f"{CONFIGFS}/{disk}")


def test():
    load(disks=0)
    # Who reads a disk asks for decisions.
    if "ASBLK_UDEV_STOPPED" not in os.environ:
        subprocess.run(["udevadm", "control", "--stop-exec-queue"], check=True)
    try:
        with tempfile.TemporaryDirectory() as mnt:
            for fs in MKFS:
                if run("modprobe", "-q", fs)[0] and fs not in open("/proc/filesystems").read().split():
                    say(f"this kernel has no {fs}")
                    continue
                with case(fs):
                    test_fs(fs, mnt)
    finally:
        if "ASBLK_UDEV_STOPPED" not in os.environ:
            subprocess.run(["udevadm", "control", "--start-exec-queue"], check=True)


need("mkfs.ext4")
main(test)
