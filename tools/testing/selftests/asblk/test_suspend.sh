#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The machine goes to sleep under I/O, as far as its devices, and wakes up.
. "$(dirname -- "$0")/common.sh"

need fio
[[ -w /sys/power/pm_test ]] || skip "this kernel cannot try to sleep"
load size=128M
ctrl=/sys/block/$disk/device
clean_test() { echo none >/sys/power/pm_test; }
fio --name=suspend --filename="$dev" --rw=randrw --bsrange=4k-256k --direct=1 --ioengine=io_uring --iodepth=16 \
	--size=32m --verify=crc32c --verify_fatal=1 --time_based --runtime="$(by_speed 15 25)" --output="$tmp/fio" >"$tmp/fio.err" 2>&1 &
fio=$!
sleep 1
echo devices >/sys/power/pm_test
echo 1 >/sys/module/suspend/parameters/pm_test_delay
rounds=3
for ((round = 0; round < rounds; round++)); do
	echo freeze >/sys/power/state || fail "it does not go to sleep"
	sleep 1
done
# Idle at the time it goes to sleep, too.
wait $fio || fail "fio: $(tail -n 5 "$tmp/fio" "$tmp/fio.err")"
echo 100 >"$ctrl/power/autosuspend_delay_ms"
echo auto >"$ctrl/power/control"
for ((i = 0; i < 100; i++)); do
	[[ $(<"$ctrl/power/runtime_status") != suspended ]] || break
	sleep 0.1
done
echo freeze >/sys/power/state || fail "it does not go to sleep when idle"
verify after --ioengine=io_uring --direct=1 --rw=randwrite --bs=64k --size=8m --iodepth=8
eq "state" "$(<"$ctrl/state")" live
[[ $device == emul ]] || ge "resets" "$(<"$ctrl/resets")" "$rounds"
