#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runtime power management: suspended when idle, resumed by the next I/O.
. "$(dirname -- "$0")/common.sh"

need fio
load size=64M poll_queues=1
power=/sys/block/$disk/device/power
[[ -e $power/control ]] || skip "this kernel has no runtime power management"
eq "at first" "$(<"$power/control") $(<"$power/runtime_status")" "on active"
is() { [[ $(<"$power/runtime_status") == "$1" ]]; }
wait_suspended() { wait_for suspended is suspended; }
echo 100 >"$power/autosuspend_delay_ms"
echo auto >"$power/control"

# Written, and read back after a suspend
resumed() {
	local round rounds

	rounds=$(by_speed 10 3)
	for ((round = 0; round < rounds; round++)); do
		wait_suspended
		dd if=/dev/urandom of="$tmp/data" bs=64k count=1 status=none
		dd if="$tmp/data" of="$dev" bs=64k count=1 oflag=direct seek="$round" status=none
		wait_suspended
		dd if="$dev" bs=64k count=1 iflag=direct skip="$round" status=none | cmp - "$tmp/data" || fail "round $round"
	done
	ge "milliseconds suspended" "$(<"$power/runtime_suspended_time")" $((rounds * 2))
	ge "milliseconds active" "$(<"$power/runtime_active_time")" "$rounds"
}

polled() {
	wait_suspended
	fio_run polled --filename="$dev" --rw=read --bs=64k --size=1m --direct=1 --ioengine=io_uring --hipri=1
}

reset() {
	wait_suspended
	echo 1 >"/sys/block/$disk/device/reset_controller"
	dd if="$dev" of=/dev/null bs=64k count=1 iflag=direct status=none
	wait_suspended
}

mounted() {
	mkfs.ext4 -qF "$dev"
	mount "$dev" "$mnt"
	echo data >"$mnt/file"
	wait_suspended
	umount "$mnt"
	wait_suspended
}

control() {
	echo on >"$power/control"
	eq "status" "$(<"$power/runtime_status")" active
	echo auto >"$power/control"
}

removed() {
	wait_suspended
	unload
}

run_case "resumed by I/O" resumed
run_case "resumed by polled I/O" polled
run_case "reset while suspended" reset
run_case "suspended while mounted" mounted
run_case "power/control" control
run_case "removed while suspended" removed
