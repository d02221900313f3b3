#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# After any sequence of faults, every block reads back what was acknowledged last, or
# the log has the fault that explains why not. The sequence is random, from a seed
# that is printed; ASBLK_SEED=N repeats one.
. "$(dirname -- "$0")/common.sh"

need_emul
need_cpus 2
seed=${ASBLK_SEED:-$RANDOM}
say "seed $seed"
configfs_load disks=0
make_disk o size=4M queues=2 block_size=4K timeout_ms="$(by_speed 300 2000)" seed="$seed"
python3 - "/dev/$(<"$configfs/o/device")" "$configfs/o" "$seed" "$(by_speed 6 3)" <<-'END' || fail "ASBLK_SEED=$seed"
	import mmap, os, random, struct, sys, threading
	device, config, seed, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
	BLOCK, BLOCKS, WORKERS = 4096, 1024, 4
	pick = random.Random(seed)
	# What each block may hold: the last acknowledged content, and those since then
	# whose writes failed - a write that fails may have happened, or not.
	allowed = [{0} for _ in range(BLOCKS)]
	acked = [0] * BLOCKS
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
	    for line in open("/sys/kernel/debug/asblk/ctrl0/faults"):
	        words = line.split()
	        if words[0] == "number" or int(words[0]) < log_at:
	            continue
	        assert int(words[0]) == log_at, "the log has lost records"
	        log_at += 1
	        if words[6] != "-":
	            found.append((int(words[6]), words[3], words[5]))
	    return found

	def work(worker, random_of, nr, reads):
	    fd = os.open(device, os.O_RDWR | os.O_DIRECT)
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

	def put(path, value):
	    with open(f"{config}/{path}", "w") as file:
	        file.write(str(value))

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
	explained = unexplained = 0
	for nr in range(rounds):
	    rules = []
	    for i, fault in enumerate([SPOIL[nr % len(SPOIL)]] + pick.sample(FAULTS, 4)):
	        name = f"faults/r{i}"
	        os.mkdir(f"{config}/{name}")
	        put(f"{name}/probability", 30000 if i == 0 else pick.choice((3000, 10000, 30000)))
	        for field, value in fault.items():
	            put(f"{name}/{field}", value)
	        rules.append(name)
	    for name in rules:
	        put(f"{name}/enabled", 1)
	    reads = []
	    threads = [threading.Thread(target=work, args=(worker, random.Random(seed * 1000 + nr * 10 + worker), 120, reads))
	               for worker in range(WORKERS)]
	    for thread in threads:
	        thread.start()
	    for thread in threads:
	        thread.join()
	    for name in rules:
	        put(f"{name}/enabled", 0)
	        os.rmdir(f"{config}/{name}")
	    lines = log()
	    touched = {}
	    for block, action, op in lines:
	        for at, what in ((block, action), (block + 5, "misdirect-target")):
	            if what != "misdirect-target" or (action == "misdirect" and op == "write"):
	                touched.setdefault(at % BLOCKS, set()).add((what, op))
	    spoils_write = {("corrupt", "write"), ("phantom", "write"), ("misdirect", "write"), ("misdirect-target", "write")}
	    spoils_read = spoils_write | {("corrupt", "read"), ("misdirect", "read"), ("stale", "read")}
	    for block, value, could in reads:
	        if touched.get(block, set()) & spoils_read:
	            explained += 1
	        else:
	            unexplained += 1
	            print(f"# read {value} of block {block}, not one of {could}; in the log: {touched.get(block)}")
	    # Without rules: what is there now?
	    fd = os.open(device, os.O_RDONLY | os.O_DIRECT)
	    memory = mmap.mmap(-1, BLOCK)
	    for block in range(BLOCKS):
	        os.preadv(fd, [memory], block * BLOCK)
	        value = stamped(memory)
	        if value not in allowed[block]:
	            if touched.get(block, set()) & spoils_write:
	                explained += 1
	            else:
	                unexplained += 1
	                print(f"# block {block} holds {value}, not one of {allowed[block]}; in the log: {touched.get(block)}")
	        # From here on that is what it holds; None is spoilt and stays so until it is written.
	        allowed[block] = {value}
	    os.close(fd)
	    print(f"# round {nr}: {len(lines)} faults, {explained} blocks explained so far")
	assert explained > 0, "no fault has had an effect"
	sys.exit(unexplained > 0)
END
