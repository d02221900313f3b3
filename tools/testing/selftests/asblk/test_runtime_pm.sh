#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runtime power management: asleep after a while, woken by the next I/O.
. "$(dirname -- "$0")/common.sh"

need fio
load size=64M poll_queues=1
power=/sys/block/$disk/device/power
[[ -e $power/control ]] || skip "this kernel has no runtime power management"
eq "at first" "$(<"$power/control") $(<"$power/runtime_status")" "on active"
# wait_for STATUS
wait_for() {
	for ((i = 0; i < 300; i++)); do
		[[ $(<"$power/runtime_status") != "$1" ]] || return 0
		sleep 0.1
	done
	fail "it is $(<"$power/runtime_status"), not $1"
}
echo 100 >"$power/autosuspend_delay_ms"
echo auto >"$power/control"
rounds=$(by_speed 10 3)
for ((round = 0; round < rounds; round++)); do
	wait_for suspended
	# Written and read back across a nap.
	dd if=/dev/urandom of="$tmp/data" bs=64k count=1 status=none
	dd if="$tmp/data" of="$dev" bs=64k count=1 oflag=direct seek="$round" status=none
	wait_for suspended
	dd if="$dev" bs=64k count=1 iflag=direct skip="$round" status=none | cmp - "$tmp/data" || fail "round $round"
done
# A poller that comes upon it asleep.
fio_run polled --filename="$dev" --rw=read --bs=64k --size=1m --direct=1 --ioengine=io_uring --hipri=1
wait_for suspended
ge "milliseconds asleep" "$(<"$power/runtime_suspended_time")" $((rounds * 2))
ge "milliseconds awake" "$(<"$power/runtime_active_time")" "$rounds"
# Asleep and reset, asleep and removed.
wait_for suspended
echo 1 >"/sys/block/$disk/device/reset_controller"
dd if="$dev" of=/dev/null bs=64k count=1 iflag=direct status=none
wait_for suspended
mkfs.ext4 -qF "$dev"
mount "$dev" "$mnt"
echo data >"$mnt/file"
wait_for suspended
umount "$mnt"
wait_for suspended
echo on >"$power/control"
eq "at last" "$(<"$power/runtime_status")" active
echo auto >"$power/control"
wait_for suspended
unload
say "$rounds rounds"
