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
# other with each block's operations, as a history has an order.
cat >"$tmp/job" <<-'END'
	import mmap, os, random, sys
	device, workers = sys.argv[1], int(sys.argv[2])
	def work(worker):
	    fd = os.open(device, os.O_RDWR | os.O_DIRECT)
	    memory = mmap.mmap(-1, 4096)
	    order = random.Random(worker)
	    for _ in range(250):
	        at = (order.randrange(256) * workers + worker) * 4096
	        try:
	            if order.random() < 0.5:
	                os.preadv(fd, [memory], at)
	            else:
	                os.pwritev(fd, [memory], at)
	        except OSError:
	            pass
	    os._exit(0)
	for worker in range(workers):
	    if os.fork() == 0:
	        work(worker)
	for worker in range(workers):
	    assert os.wait()[1] == 0
END

# faults CPUS - run the job there; print what was logged, block by block.
faults() {
	make_rule d read op=read status=medium probability=20000
	make_rule d write op=write action=phantom probability=10000
	make_rule d flip op=read action=corrupt every=3 probability=300000 limit=2
	before=$(wc -l </sys/kernel/debug/asblk/ctrl0/faults)
	taskset -c "$1" python3 "$tmp/job" "$dev" 4
	tail -n "+$((before + 1))" /sys/kernel/debug/asblk/ctrl0/faults | awk '{ print $7, $6, $3, $4, $8 }' | sort
	rmdir "$configfs"/d/faults/*
}
faults 0 >"$tmp/one"
faults "0-$(($(nproc) - 1))" >"$tmp/all"
cmp "$tmp/one" "$tmp/all" || fail "other faults on $(nproc) CPUs than on one: $(diff "$tmp/one" "$tmp/all" | head -n 5)"
lines=$(wc -l <"$tmp/one")
ge "faults" "$lines" 100
say "$lines faults, the same on 1 and $(nproc) CPUs"
set_option d seed 4712
faults 0 >"$tmp/other"
! cmp -s "$tmp/one" "$tmp/other" || fail "the same faults with another seed"
