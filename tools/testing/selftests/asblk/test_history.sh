#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Recording what a power cut could leave: the data is what it would be without, memory is
# bounded, and it begins and ends at any time. What views show is in test_history_views.
. "${BASH_SOURCE[0]%/*}/common.sh"
need_emul
need fio
configfs_load disks=0

option() { cat "$configfs/$1/$2"; }
now() { option "$1" now; }

# It can be turned on and off while the disk is in use.
live() {
	local round

	make_disk d size=16M
	dev=/dev/$(option d device)
	fio_start 3 --size="$(by_speed 8M 1M)" --rw=randwrite --bs=4k --iodepth=16
	for ((round = 0; round < 10; round++)); do
		set_option d history 1
		eq "state" "$(option d history_state)" recording
		sleep 0.1
		ge "instants" "$(now d)" 1
		set_option d history 0
		eq "state" "$(option d history_state)" off
		eq "instants" "$(now d)" ""
		sleep 0.05
	done
	fio_end
	rmdir "$configfs/d"
}

# An instant for each end of a command that changes something, and none for reads.
instants() {
	local before

	make_disk d size=16M history=1 queues=1
	dev=/dev/$(option d device)
	udev_off
	before=$(now d)
	dd if="$dev" of=/dev/null bs=4k count=8 iflag=direct status=none
	eq "instants of reads" "$(now d)" "$before"
	dd if=/dev/urandom of="$dev" bs=4k count=8 oflag=direct status=none conv=fsync
	eq "instants of 8 writes and a flush" "$(now d)" $((before + 18))
	blkdiscard -o 0 -l 16384 "$dev"
	eq "instants of a discard" "$(now d)" $((before + 20))
	blkdiscard -z -o 0 -l 16384 "$dev"
	eq "instants of write zeroes" "$(now d)" $((before + 22))
	set_option d power 0
	eq "instants of a shutdown" "$(now d)" $((before + 24))
	set_option d power 1
	eq "state" "$(option d history_state)" recording
	rmdir "$configfs/d"
}

# The oldest instants are forgotten before there is too much.
limit() {
	local size

	size=$(by_speed 6M 3M)
	make_disk d size=16M history=1 history_limit=1M
	dev=/dev/$(option d device)
	# Several times what the limit holds: what is overwritten is kept
	target=$dev verify limit --rw=randwrite --bs=4k --size="$size" --direct=1 --fsync=64 \
		--ioengine=io_uring --iodepth=8 --loops=2
	eq "state" "$(option d history_state)" recording
	ge "oldest instant" "$(option d oldest)" 1000
	# Nobody flushes: the disk writes its cache out by itself.
	target=$dev verify unflushed --rw=randwrite --bs=4k --size="$size" --direct=1
	eq "state" "$(option d history_state)" recording
	# One write that is more than the limit.
	set_option d history_limit 64K
	fio_run large --filename="$dev" --rw=write --bs=4M --size=16M --direct=1
	wait_for "the end" grep -qx ended "$configfs/d/history_state"
	grep -qx ended "/sys/block/${dev##*/}/emul/history" || fail "sysfs does not say so"
	target=$dev verify after --rw=randwrite --bs=4k --size=4M --direct=1
	# And again, from the beginning.
	set_option d history_limit 16M
	set_option d history 0
	set_option d history 1
	eq "state" "$(option d history_state)" recording
	target=$dev verify again --rw=randwrite --bs=4k --size=4M --direct=1
	rmdir "$configfs/d"
}

# Every operation, size and fault while it records; and what was forgotten is given back.
operations() {
	local before size

	before=$(free_kb)
	for size in 512 4096; do
		make_disk d size=16M block_size=$size history=1 history_limit=8M cache_size=1M cache_random=1
		dev=/dev/$(option d device)
		make_rule d slow action=delay usecs=200 op=write probability=100000
		target=$dev verify mixed --rw=randwrite --bsrange=$size-64k --size="$(by_speed 8M 4M)" \
			--direct=1 --ioengine=io_uring --iodepth=16 --fsync=32
		fio_run trim --filename="$dev" --rw=randtrim --bs=64k --size=16M --direct=1
		blkdiscard -z "$dev"
		cmp -n 16M "$dev" /dev/zero || fail "not zeroes"
		rmdir "$configfs/d/faults/slow" "$configfs/d"
	done
	# Checkers take memory of their own, and kmemleak looks for what is lost.
	[[ $slow ]] || ge "memory" "$(free_kb)" $((before - 8192))
}

run_case live live
run_case instants instants
run_case limit limit
run_case operations operations
