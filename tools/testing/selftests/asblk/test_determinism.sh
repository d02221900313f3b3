#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The same seed and the same history of each block give the same faults, whatever the
# CPUs do: the same job on one CPU and on all of them, the log compared block by block.
. "$(dirname -- "$0")/common.sh"

need_emul
need taskset
configfs_load disks=0
make_disk d size=16M queues="$(nproc)" seed=4711
dev=/dev/$(<"$configfs/d/device")

# Workers with blocks of their own: the order among them is the CPUs'. One after the
# other with each block's operations, as a history has an order. From any CPU, and so
# through any queue. Then they all read the same few blocks at once: whose read it is
# that a fault meets is the CPUs', the faults are not. (That each of these reads has a
# count of its own is seen from the delays of no time.)
hot=$((64 * 8))
cat >"$tmp/job" <<-'END'
	import hashlib, mmap, os, random, sys
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
	    os._exit(0)
	for worker in range(workers):
	    if os.fork() == 0:
	        work(worker)
	for worker in range(workers):
	    assert os.wait()[1] == 0
END

# faults CPUS - run the job there on an empty disk; print what was logged, block by block,
# and what was read.
faults() {
	blkdiscard -qf "$dev"
	make_rule d read op=read status=medium probability=20000 blocks="$hot"
	make_rule d write op=write action=phantom probability=10000
	make_rule d flip op=read action=corrupt interval=3 probability=300000 times_per_block=1 blocks="$hot"
	make_rule d hot op=read status=medium interval=2 times_per_block=20 probability=100000 first="$hot"
	make_rule d count op=read action=delay usecs=0 first="$hot"
	before=$(wc -l </sys/kernel/debug/asblk/ctrl0/faults)
	taskset -c "$1" python3 "$tmp/job" "$dev" 4 "$hot" >"$tmp/seen"
	tail -n "+$((before + 1))" /sys/kernel/debug/asblk/ctrl0/faults >"$tmp/log"
	awk '{ print $7, $6, $3, $4, $8 }' "$tmp/log" | sort
	sort "$tmp/seen"
	rmdir "$configfs"/d/faults/*
}
faults 0 >"$tmp/one"
faults "0-$(($(nproc) - 1))" >"$tmp/all"
eq "queues with faults" "$(awk '{ print $5 }' "$tmp/log" | sort -u | wc -l)" "$(nproc)"
cmp "$tmp/one" "$tmp/all" || fail "other faults on $(nproc) CPUs than on one: $(diff "$tmp/one" "$tmp/all" | head -n 5)"
lines=$(grep -vcE 'worker|delay' "$tmp/one")
ge "faults" "$lines" 100
say "$lines faults, the same on 1 and $(nproc) CPUs"
set_option d seed 4712
faults 0 >"$tmp/other"
! cmp -s "$tmp/one" "$tmp/other" || fail "the same faults with another seed"
eq "first record of the log" "$(awk 'NR == 2 { print $1 }' /sys/kernel/debug/asblk/ctrl0/faults)" 0
