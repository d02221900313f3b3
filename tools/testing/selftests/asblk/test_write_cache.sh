#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The device's write cache turned off and on: what the host and the device make of it.
. "$(dirname -- "$0")/common.sh"

need fio
load size=64M
ctrl=/sys/block/$disk/device
queue=/sys/block/$disk/queue

off() {
	local flushes fua

	eq "write cache at first" "$(<"$ctrl/write_cache")" 1
	refused "a cache of 2" bash -c "echo 2 >$ctrl/write_cache"
	[[ $device != emul ]] || flushes=$(emul_count flushes) fua=$(emul_count fua_writes)
	echo 0 >"$ctrl/write_cache"
	eq "write cache" "$(<"$ctrl/write_cache")" 0
	eq "the host's view" "$(<"$queue/write_cache")" "write through"
	eq "FUA" "$(<"$queue/fua")" 0
	if [[ $device == emul ]]; then
		# One flush before, one after, and none while it is off
		eq "flushes" "$(emul_count flushes)" $((flushes + 2))
		dd if=/dev/zero of="$dev" bs=4k count=8 oflag=direct,dsync conv=fsync status=none
		eq "flushes while it is off" "$(emul_count flushes)" $((flushes + 2))
		eq "FUA while it is off" "$(emul_count fua_writes)" "$fua"
	fi
}

feature() {
	[[ $device == nvme ]] || skip "a feature of NVMe"
	eq "the feature" "$(nvme_feature "$dev" 6)" 0
	# KUnit has a controller that forgets it.
	echo 1 >"$ctrl/reset_controller"
	eq "the feature after a reset" "$(nvme_feature "$dev" 6)" 0
	refused "the cache behind the driver's back" nvme set-feature "$dev" -f 6 -v 1
}

# The host's view follows although the device's setting is the same.
host_view() {
	echo 1 >"$ctrl/write_cache"
	echo "write through" >"$queue/write_cache"
	echo 1 >"$ctrl/write_cache"
	eq "the host's view" "$(<"$queue/write_cache")" "write back"
}

live() {
	local rounds=0

	fio_start "$(by_speed 3 5)" --rw=randwrite --bsrange=4k-64k --iodepth=8 --size=4m --fsync=16
	while fio_runs; do
		echo $((rounds % 2 == 0)) >"$ctrl/write_cache"
		rounds=$((rounds + 1))
		sleep 0.1
	done
	fio_end
	echo 1 >"$ctrl/write_cache"
	eq "write cache at last" "$(<"$queue/write_cache")" "write back"
	ge "rounds" "$rounds" 3
}

run_case "turned off" off
run_case "NVMe feature" feature
run_case "the host's view follows" host_view
run_case "turned on and off under I/O" live
