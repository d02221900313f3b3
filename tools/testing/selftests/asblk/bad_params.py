#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only
"""Load the module with each line of the standard input, and check that it is refused with
EINVAL and one line in the log that names parameter and value: MODULE DISK"""
import ctypes
import errno
import os
import sys

module, device = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
FINIT_MODULE, DELETE_MODULE = 313, 176
file = os.open(module, os.O_RDONLY)


def load(values):
    """0, or the error"""
    return libc.syscall(FINIT_MODULE, file, values.encode(), 0) and ctypes.get_errno()


def log():
    """Our lines in the kernel's log since the last call"""
    lines = []
    while True:
        try:
            lines.append(os.read(kmsg, 8192).decode(errors="replace").split(";", 1)[1])
        except BlockingIOError:
            return [line for line in lines if "asblk: " in line]


def refused(values):
    """Whether they are refused as they should be"""
    error = load(values)
    lines = log()
    name, value = values.replace("\"", "").split()[0].split("=")
    # Of values that contradict each other the line shows bytes.
    shown = value if " " not in values else ""
    if os.path.exists("/sys/module/asblk") or os.path.exists(device):
        sys.exit(f"{values}: something is left")
    if error == errno.EINVAL and len(lines) == 1 and f"asblk: {name}={shown}" in lines[0] and " is not " in lines[0]:
        return True
    print(f"# {values}: error {error}, log: {lines}")
    return False


# The first time the kernel says that a module is not its own.
assert load("disks=0") == 0
assert libc.syscall(DELETE_MODULE, b"asblk", 0) == 0
kmsg = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
log()
results = [refused(line.strip()) for line in sys.stdin]
assert len(results) >= 150, len(results)
print(f"# {len(results)} bad values")
sys.exit(not all(results))
