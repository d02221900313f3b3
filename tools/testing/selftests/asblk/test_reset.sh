#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The controller is reset again and again under I/O: nothing is lost or fails.
. "$(dirname -- "$0")/common.sh"

need fio
load size=128M poll_queues=1
ctrl=/sys/block/$disk/device
eq "state" "$(<"$ctrl/state")" live
refused "a reset of 2" bash -c "echo 2 >$ctrl/reset_controller"
fio --name=reset --filename="$dev" --rw=randrw --bsrange=4k-512k --direct=1 --ioengine=io_uring --iodepth=16 \
	--numjobs=2 --offset_increment=64m --size=32m --verify=crc32c --verify_fatal=1 --time_based \
	--runtime="$(by_speed 6 10)" --output="$tmp/fio" >"$tmp/fio.err" 2>&1 &
fio=$!
rounds=0
while kill -0 $fio 2>/dev/null; do
	# More can be lost in resets than retries allow: leave time to go on.
	sleep "$(by_speed 0.5 1)"
	echo 1 >"$ctrl/reset_controller"
	rounds=$((rounds + 1))
	[[ $device != nvme ]] || {
		sleep "$(by_speed 0.5 1)"
		# The function itself, through PCI.
		echo 1 >"/sys/bus/pci/devices/${nvme[0]}/reset"
	}
done
wait $fio || fail "fio: $(tail -n 5 "$tmp/fio" "$tmp/fio.err")"
ge "rounds of resets" "$rounds" 3
eq "state after it" "$(<"$ctrl/state")" live
ge "resets" "$(<"$ctrl/resets")" "$rounds"
eq "errors" "$(engine_count errors)" 0
eq "stale completions" "$(engine_count unknown_ids)" 0
# How many were in flight at the time is chance: KUnit sees to those.
say "$rounds rounds, $(engine_count requeued) transfers taken back"
