#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only
#
# Disks that are changed, made to fail, removed and made again at random while fio verifies
# what it writes: for a minute, or for ASBLK_SOAK seconds (`make soak`). From a seed that is
# printed; it decides what is done, though not when.
import collections
import glob
import os
import random
import subprocess
import threading
import time

from asblk import CONFIGFS, by_speed, case, choose_seed, device, load, main, make_disk, need, need_cpus, need_emul, \
    put, say

need_emul()
need("fio")
need_cpus(2)
seed = choose_seed()


class Pick(threading.local):
    """Random numbers of each thread's own, so that the seed decides what each does."""
    def __init__(self):
        self.source = random.Random(f"{seed} {threading.current_thread().name}")

    def __getattr__(self, name):
        return getattr(self.source, name)


pick = Pick()
end = time.monotonic() + int(os.environ.get("ASBLK_SOAK", 60))
done = collections.Counter()
wrong = []


def try_put(path, value):
    """The kernel may refuse it: the machine has to survive."""
    try:
        put(path, value)
        return True
    except OSError:
        return False


def option(disk, name, value):
    return try_put(f"{CONFIGFS}/{disk}/{name}", value)


def make(disk):
    make_disk(disk, size="32M", queues=pick.choice((1, 2)), poll_queues=1, timeout_ms=by_speed(1000, 4000), seed=seed,
              queue_depth=pick.choice((4, 32, 128)), max_transfer=pick.choice(("16K", "64K", "128K")))


def verify(disk):
    """I/O to this disk must not fail, whatever is changed."""
    while time.monotonic() < end and not wrong:
        size = pick.choice((1, 2, 4))
        # A ring that is polled knows no fsync.
        polled = pick.randrange(2)
        fio = subprocess.run(
            ["fio", "--name=verify", f"--filename=/dev/{device(disk)}", "--rw=randwrite", "--bsrange=4k-64k",
             "--direct=1", "--ioengine=io_uring", f"--iodepth={pick.choice((1, 8, 32))}", f"--size={size}m",
             f"--offset={pick.randrange(4)}m", "--verify=crc32c", "--verify_fatal=1", "--do_verify=1",
             f"--fsync={0 if polled else 16}", f"--hipri={polled}", "--allow_file_create=0", "--verify_state_save=0"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        done["verified MiB"] += size
        if fio.returncode:
            wrong.append(fio.stdout.decode()[:600])


def load_disk(disk):
    """I/O to this disk may fail."""
    while time.monotonic() < end and not wrong:
        try:
            name = device(disk)
        except OSError:
            name = ""
        if not name:
            time.sleep(0.1)
            continue
        subprocess.run(
            ["fio", "--name=load", f"--filename=/dev/{name}", "--rw=randrw", "--bsrange=4k-64k", "--direct=1",
             "--ioengine=io_uring", "--iodepth=16", "--size=8m", f"--hipri={pick.randrange(2)}",
             "--time_based", "--runtime=5", "--allow_file_create=0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        done["loads"] += 1


def latencies(disk):
    option(disk, "read_latency", pick.choice(("none", "fixed 100", "uniform 10 500", "lognormal 50 2000")))
    option(disk, "write_latency", pick.choice(("none", "fixed 50", "percentiles 90:10 99:200 100:3000")))
    option(disk, "flush_latency", pick.choice(("none", "uniform 100 5000")))
    option(disk, "channels", pick.choice((0, 1, 8)))
    option(disk, "stall", pick.choice(("none", "random 100000 5000")))
    option(disk, "write_bandwidth", pick.choice((0, "50M")))
    option(disk, "coalesce_usecs", pick.choice((0, 0, 200)))
    option(disk, "coalesce_count", pick.choice((1, 4, 16)))


def rule(disk, mild):
    name = f"{disk}/faults/r{pick.randrange(1000000)}"
    fields = pick.choice((
        {"action": "delay", "usecs": 3000, "probability": 20000}, {"action": "duplicate", "probability": 50000},
        {"action": "lose", "times": 2, "probability": 5000},
        {"action": "lose", "times": 1, "recovered_by": pick.choice(("queue-reset", "controller-reset"))},
        {"action": "late", "times": 2, "probability": 5000}, {"action": "wrong-id", "times": 2, "probability": 5000},
        {"action": "lose-interrupt", "times": 2}, {"action": "busy", "usecs": 20000, "probability": 2000},
        {"action": "hang", "times": 1, "recovered_by": pick.choice(("queue-reset", "controller-reset"))},
        {"op": "write", "status": "transport", "transient": 1, "times": 3, "probability": 5000}) + (() if mild else (
        {"op": "read", "status": "medium", "probability": 10000, "heal_on_write": 1},
        {"op": "write", "status": "nospc", "when": "after", "probability": 10000},
        {"op": "flush", "status": "ioerr", "interval": 3}, {"op": "write", "action": "short", "probability": 10000},
        {"action": "corrupt", "probability": 10000, "bits": 5}, {"op": "write", "action": "phantom", "probability": 10000},
        {"action": "misdirect", "probability": 10000, "distance": 77}, {"op": "read", "action": "stale", "probability": 10000},
        {"action": "fatal", "times": 1})))
    try:
        os.mkdir(f"{CONFIGFS}/{name}")
    except OSError:
        return
    for field, value in fields.items():
        assert try_put(f"{CONFIGFS}/{name}/{field}", value), (field, value)
    try_put(f"{CONFIGFS}/{name}/enabled", 1)
    done["rules"] += 1


def no_rules(disk):
    for path in glob.glob(f"{CONFIGFS}/{disk}/faults/*"):
        if pick.random() < 0.5:
            try_put(f"{path}/enabled", 0)
        os.rmdir(path)


def again(disk):
    option(disk, pick.choice(("unplug", "power")), 1 if pick.random() < 0.5 else 0)
    if device(disk):
        option(disk, "power", 0)
    option(disk, "profile", pick.choice(("ideal", "ideal", "hdd", "qlc", "plp", "usb-stick")))
    option(disk, "poll_queues", 1)
    option(disk, "power", 1)
    done["disks made again"] += 1


def remove(disk):
    no_rules(disk)
    os.rmdir(f"{CONFIGFS}/{disk}")
    make(disk)
    done["disks removed"] += 1


def resets(disk):
    try_put(f"/sys/block/{device(disk)}/device/reset_controller", 1)
    done["resets"] += 1


def completions(disk):
    ctrl = os.path.basename(os.path.realpath(f"/sys/block/{device(disk)}/device"))
    return sum(int(line.split()[1]) for path in glob.glob(f"/sys/kernel/debug/asblk/{ctrl}/q*/counters")
               for line in open(path) if line.startswith("completions "))


def recovered(disk):
    """Wait for the commands that a rule has hit, as each has few retries."""
    before = completions(disk)
    while time.monotonic() < end and completions(disk) < before + 64:
        time.sleep(0.2)


def harmless(disk):
    if pick.random() < 0.15:
        resets(disk)
    elif pick.random() < 0.3:
        option(disk, "size", pick.choice(("32M", "48M", "1G")))
    elif pick.random() < 0.3:
        option(disk, "write_cache", pick.choice((0, 1)))
    elif pick.random() < 0.5:
        latencies(disk)
    else:
        no_rules(disk)
        rule(disk, True)
        time.sleep(0.5)
        no_rules(disk)
        recovered(disk)


def harm(disk):
    what = pick.random()
    if what < 0.15:
        again(disk)
    elif what < 0.22:
        remove(disk)
    elif what < 0.3:
        try_put(f"/sys/block/{device(disk)}/write_protect", pick.choice((0, 1)))
    elif what < 0.35:
        try_put(f"/sys/block/{device(disk)}/format", pick.choice((512, 4096)))
    elif what < 0.4:
        resets(disk)
    elif what < 0.5:
        option(disk, "size", pick.choice(("8M", "32M", "1G")))
    elif what < 0.6:
        latencies(disk)
    elif what < 0.7:
        no_rules(disk)
    else:
        rule(disk, False)


def chaos(disk, act):
    while time.monotonic() < end and not wrong:
        try:
            act(disk)
        except Exception as error:
            wrong.append(f"{disk}: {error!r}")
        done["changes"] += 1
        time.sleep(0.1)


def soak():
    jobs = (verify, "kept"), (load_disk, "hurt"), (chaos, "kept", harmless), (chaos, "hurt", harm)
    threads = [threading.Thread(target=job, args=args, name=f"{job.__name__} {args[0]}", daemon=True) for job, *args in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for text in wrong:
        say(text)
    say(", ".join(f"{count} {what}" for what, count in sorted(done.items())))
    assert not wrong and done["verified MiB"] > 0 and done["changes"] > 20, done


def test():
    load(disks=0)
    make("kept")
    make("hurt")
    with case("verified I/O and changes at random"):
        soak()
    for disk in "kept", "hurt":
        with case(f"{disk} can be removed"):
            no_rules(disk)
            os.rmdir(f"{CONFIGFS}/{disk}")


main(test)
