# SPDX-License-Identifier: GPL-2.0-only
"""For the tests in Python, of the emulated controller alone: a small part of common.sh.
Results and exit status are those of kselftest's ksft.py."""
import contextlib
import glob
import os
import random
import shutil
import signal
import subprocess
import sys
import traceback

KSFT_PASS, KSFT_FAIL, KSFT_SKIP = 0, 1, 4
CONFIGFS = "/sys/kernel/config/asblk"
# Checkers make everything several times slower: do less of the same there.
SLOW = os.path.exists("/sys/kernel/debug/kmemleak")
# The CPU is not an emulated one.
with open("/proc/cpuinfo") as cpuinfo:
    NATIVE = "User Mode Linux" in cpuinfo.read()

results = []


def say(text):
    for line in str(text).splitlines():
        print(f"# {line}", flush=True)


def skip(reason):
    say(f"SKIP: {reason}")
    sys.exit(KSFT_SKIP)


def need_emul():
    if os.environ.get("ASBLK_DEVICE", "emul") != "emul":
        skip("about the emulated controller")


def need(command):
    shutil.which(command) or skip(f"{command} is not installed")


def need_cpus(wanted):
    os.cpu_count() >= wanted or skip(f"{wanted} CPUs are needed, there is {os.cpu_count()}")


def by_speed(fast, slow):
    return slow if SLOW else fast


def choose_seed():
    """ASBLK_SEED repeats a run."""
    seed = int(os.environ.get("ASBLK_SEED") or random.randrange(1 << 16))
    say(f"ASBLK_SEED={seed}")
    return seed


def settle():
    if "ASBLK_UDEV_STOPPED" not in os.environ:
        subprocess.run(["udevadm", "settle"], check=True)


def put(path, value):
    with open(path, "w") as file:
        file.write(str(value))


def device(disk):
    """The name of its block device; empty if the disk is not there"""
    with open(f"{CONFIGFS}/{disk}/device") as file:
        return file.read().strip()


def make_disk(disk, power=1, **options):
    os.mkdir(f"{CONFIGFS}/{disk}")
    for name, value in options.items():
        put(f"{CONFIGFS}/{disk}/{name}", value)
    put(f"{CONFIGFS}/{disk}/power", power)
    settle()


def make_rule(disk, name, enabled=1, **fields):
    rule = f"{CONFIGFS}/{disk}/faults/{name}"
    os.mkdir(rule)
    for field, value in fields.items():
        put(f"{rule}/{field}", value)
    put(f"{rule}/enabled", enabled)
    return rule


def remove_rules(disk):
    for rule in glob.glob(f"{CONFIGFS}/{disk}/faults/*/"):
        os.rmdir(rule)


def load(**parameters):
    subprocess.run(["modprobe", "asblk"] + [f"{name}={value}" for name, value in parameters.items()], check=True)
    subprocess.run(["modprobe", "asblk_configfs"], check=True)
    if not os.path.ismount("/sys/kernel/config"):
        subprocess.run(["mount", "-t", "configfs", "none", "/sys/kernel/config"], check=True)
    settle()


def unload():
    for path in glob.glob(f"{CONFIGFS}/*/"):
        remove_rules(os.path.basename(path[:-1]))
        with contextlib.suppress(OSError):      # those made at load
            os.rmdir(path)
    settle()
    for module in "asblk_configfs", "asblk":
        if os.path.exists(f"/sys/module/{module}"):
            subprocess.run(["modprobe", "-r", module], check=True)


def report(passed, name):
    if not results:
        print("TAP version 13")
    results.append(passed)
    print(f"{'ok' if passed else 'not ok'} {len(results)} {name}", flush=True)


@contextlib.contextmanager
def case(name):
    """Report what happens inside as a case of the test; after a failure the test goes on."""
    try:
        yield
    except Exception:
        say(traceback.format_exc())
        report(False, name)
    else:
        report(True, name)


def main(test):
    """Run the test, remove what it has made, report and exit."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(KSFT_FAIL))
    for step in test, unload:
        try:
            step()
        except (Exception, SystemExit):
            say(traceback.format_exc())
            report(False, step.__name__)
    print(f"1..{len(results)}")
    print(f"# Totals: pass:{sum(results)} fail:{len(results) - sum(results)} xfail:0 xpass:0 skip:0 error:0")
    sys.exit(KSFT_PASS if all(results) else KSFT_FAIL)
