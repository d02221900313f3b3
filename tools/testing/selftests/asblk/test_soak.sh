#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Disks that are changed, hurt, removed and made again at random while fio verifies what
# it writes: for a minute, or for ASBLK_SOAK seconds (`make soak`). The seed is printed;
# ASBLK_SEED=N repeats what is done, though not when.
. "$(dirname -- "$0")/common.sh"

need_emul
need fio
need_cpus 2
seed=${ASBLK_SEED:-$RANDOM}
say "seed $seed"
configfs_load disks=0
python3 - "$configfs" "$seed" "${ASBLK_SOAK:-60}" "$(by_speed 1000 4000)" "$tmp" <<-'END' || fail "ASBLK_SEED=$seed"
	import collections, glob, os, random, subprocess, sys, threading, time
	config, seed, seconds, timeout, tmp = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
	class Pick(threading.local):
	    """Random numbers of each thread's own, so that what each does is that of the seed."""
	    def __init__(self):
	        self.source = random.Random(f"{seed} {threading.current_thread().name}")
	    def __getattr__(self, name):
	        return getattr(self.source, name)
	pick = Pick()
	end = time.monotonic() + seconds
	done = collections.Counter()
	wrong = []

	def put(path, value):
	    """What the kernel refuses is refused: it is the guest that has to survive."""
	    try:
	        with open(path, "w") as file:
	            file.write(str(value))
	        return True
	    except OSError:
	        return False

	def option(disk, name, value):
	    return put(f"{config}/{disk}/{name}", value)

	def device(disk):
	    return open(f"{config}/{disk}/device").read().strip()

	def make(disk):
	    os.mkdir(f"{config}/{disk}")
	    for name, value in (("size", "32M"), ("queues", pick.choice((1, 2))), ("poll_queues", 1),
	                        ("timeout_ms", timeout), ("seed", seed), ("queue_depth", pick.choice((4, 32, 128))),
	                        ("max_transfer", pick.choice(("16K", "64K", "128K")))):
	        assert option(disk, name, value), name
	    assert option(disk, "power", 1), "power"

	def verify(disk):
	    """Nothing that is done to this disk is a reason for an error."""
	    while time.monotonic() < end and not wrong:
	        size = pick.choice((1, 2, 4))
	        # A ring that is polled knows no fsync.
	        polled = pick.randrange(2)
	        fio = subprocess.run(
	            ["fio", "--name=verify", f"--filename=/dev/{device(disk)}", "--rw=randwrite", "--bsrange=4k-64k",
	             "--direct=1", "--ioengine=io_uring", f"--iodepth={pick.choice((1, 8, 32))}", f"--size={size}m",
	             f"--offset={pick.randrange(4)}m", "--verify=crc32c", "--verify_fatal=1", "--do_verify=1",
	             f"--fsync={0 if polled else 16}", f"--hipri={polled}", "--allow_file_create=0"],
	            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=tmp)
	        done["verified MiB"] += size
	        if fio.returncode:
	            wrong.append(fio.stdout.decode()[:600])

	def load(disk):
	    """Whatever happens to this disk may."""
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
	            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp)
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

	def rule(disk, harmless):
	    name = f"{disk}/faults/r{pick.randrange(1000000)}"
	    fields = pick.choice((
	        {"action": "delay", "usecs": 3000, "probability": 20000}, {"action": "duplicate", "probability": 50000},
	        {"action": "lose", "times": 2, "probability": 5000},
	        {"action": "lose", "times": 1, "recovered_by": pick.choice(("queue-reset", "controller-reset"))},
	        {"action": "late", "times": 2, "probability": 5000}, {"action": "wrong-id", "times": 2, "probability": 5000},
	        {"action": "lose-interrupt", "times": 2}, {"action": "busy", "usecs": 20000, "probability": 2000},
	        {"action": "hang", "times": 1, "recovered_by": pick.choice(("queue-reset", "controller-reset"))},
	        {"op": "write", "status": "transport", "transient": 1, "times": 3, "probability": 5000}) + (() if harmless else (
	        {"op": "read", "status": "medium", "probability": 10000, "heal_on_write": 1},
	        {"op": "write", "status": "nospc", "when": "after", "probability": 10000},
	        {"op": "flush", "status": "ioerr", "interval": 3}, {"op": "write", "action": "short", "probability": 10000},
	        {"action": "corrupt", "probability": 10000, "bits": 5}, {"op": "write", "action": "phantom", "probability": 10000},
	        {"action": "misdirect", "probability": 10000, "distance": 77}, {"op": "read", "action": "stale", "probability": 10000},
	        {"action": "fatal", "times": 1})))
	    try:
	        os.mkdir(f"{config}/{name}")
	    except OSError:
	        return
	    for field, value in fields.items():
	        assert put(f"{config}/{name}/{field}", value), (field, value)
	    put(f"{config}/{name}/enabled", 1)
	    done["rules"] += 1

	def no_rules(disk):
	    for path in glob.glob(f"{config}/{disk}/faults/*"):
	        if pick.random() < 0.5:
	            put(f"{path}/enabled", 0)
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
	    os.rmdir(f"{config}/{disk}")
	    make(disk)
	    done["disks removed"] += 1

	def resets(disk):
	    put(f"/sys/block/{device(disk)}/device/reset_controller", 1)
	    done["resets"] += 1

	def completions(disk):
	    ctrl = os.path.basename(os.path.realpath(f"/sys/block/{device(disk)}/device"))
	    return sum(int(line.split()[1]) for path in glob.glob(f"/sys/kernel/debug/asblk/{ctrl}/q*/counters")
	               for line in open(path) if line.startswith("completions "))

	def recovered(disk):
	    """The victims are done, before there are others: retries are counted."""
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
	        put(f"/sys/block/{device(disk)}/write_protect", pick.choice((0, 1)))
	    elif what < 0.35:
	        put(f"/sys/block/{device(disk)}/format", pick.choice((512, 4096)))
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

	make("kept")
	make("hurt")
	threads = [threading.Thread(target=target, args=args, name=f"{target.__name__} {args[0]}") for target, args in
	           ((verify, ("kept",)), (load, ("hurt",)), (chaos, ("kept", harmless)), (chaos, ("hurt", harm)))]
	for thread in threads:
	    thread.start()
	for thread in threads:
	    thread.join()
	for text in wrong:
	    print("# " + text.replace("\n", "\n# "))
	print("# " + ", ".join(f"{count} {what}" for what, count in sorted(done.items())))
	for disk in ("kept", "hurt"):
	    no_rules(disk)
	    os.rmdir(f"{config}/{disk}")
	assert done["verified MiB"] > 0 and done["changes"] > 20, done
	sys.exit(bool(wrong))
END
