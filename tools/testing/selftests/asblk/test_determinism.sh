#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The same seed and the same history of each block give the same faults, whatever the
# CPUs do: the same job on one CPU and on all of them, the log compared block by block.
. "$(dirname -- "$0")/common.sh"

need_emul
need taskset
udev_off
configfs_load disks=0
make_disk d size=16M queues="$(nproc)" seed=4711
dev=/dev/$(<"$configfs/d/device")

hot=$((64 * 8))

# faults CPUS - run determinism.py there on an empty disk; print what was logged, block by
# block, and what was read. (Rule count, whose delay is none, shows that each read of the hot
# blocks has a count of its own.)
faults() {
	blkdiscard -qf "$dev"
	make_rule d read op=read status=medium probability=20000 blocks="$hot"
	make_rule d write op=write action=phantom probability=10000
	make_rule d flip op=read action=corrupt interval=3 probability=300000 times_per_block=1 blocks="$hot"
	make_rule d hot op=read status=medium interval=2 times_per_block=20 probability=100000 first="$hot"
	make_rule d count op=read action=delay usecs=0 first="$hot"
	before=$(wc -l </sys/kernel/debug/asblk/ctrl0/faults)
	taskset -c "$1" "$(dirname -- "$0")/determinism.py" "$dev" 4 "$hot" >"$tmp/seen"
	tail -n "+$((before + 1))" /sys/kernel/debug/asblk/ctrl0/faults >"$tmp/log"
	awk '{ print $7, $6, $3, $4, $8 }' "$tmp/log" | sort
	sort "$tmp/seen"
	rmdir "$configfs"/d/faults/*
}

same() {
	local lines

	eq "queues with faults" "$(awk '{ print $5 }' "$tmp/log" | sort -u | wc -l)" "$(nproc)"
	cmp "$tmp/one" "$tmp/all" || fail "$(diff "$tmp/one" "$tmp/all" | head -n 5)"
	lines=$(grep -vcE 'worker|delay' "$tmp/one")
	ge "faults" "$lines" 100
	say "$lines faults"
}

other() {
	set_option d seed 4712
	faults 0 >"$tmp/other"
	! cmp -s "$tmp/one" "$tmp/other" || fail "the same faults"
}

whole_log() { eq "first record" "$(awk 'NR == 2 { print $1 }' /sys/kernel/debug/asblk/ctrl0/faults)" 0; }

faults 0 >"$tmp/one"
faults "0-$(($(nproc) - 1))" >"$tmp/all"
run_case "the same faults on 1 and $(nproc) CPUs" same
run_case "other faults with another seed" other
run_case "the log has lost nothing" whole_log
