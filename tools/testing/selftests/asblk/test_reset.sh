#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The controller is reset repeatedly under I/O: nothing is lost and nothing fails.
. "$(dirname -- "$0")/common.sh"

need fio
load size=128M poll_queues=1
ctrl=/sys/block/$disk/device
eq "state" "$(<"$ctrl/state")" live
refused "a reset of 2" bash -c "echo 2 >$ctrl/reset_controller"
fio_start "$(by_speed 6 10)" --rw=randrw --bsrange=4k-512k --iodepth=16 --numjobs=2 --offset_increment=64m --size=32m
rounds=0
while fio_runs; do
	# Each reset may cost a request a retry: leave time to finish it.
	sleep "$(by_speed 0.5 1)"
	echo 1 >"$ctrl/reset_controller"
	rounds=$((rounds + 1))
	[[ $device != nvme ]] || {
		sleep "$(by_speed 0.5 1)"
		# The function itself, through PCI.
		echo 1 >"/sys/bus/pci/devices/${nvme[0]}/reset"
	}
done
fio_end
ge "rounds of resets" "$rounds" 3
eq "state after it" "$(<"$ctrl/state")" live
ge "resets" "$(<"$ctrl/resets")" "$rounds"
eq "errors" "$(engine_count errors)" 0
eq "completions of an unknown ID" "$(engine_count unknown_ids)" 0
# How many are requeued is chance: KUnit tests that.
say "$rounds rounds, $(engine_count requeued) transfers requeued"
