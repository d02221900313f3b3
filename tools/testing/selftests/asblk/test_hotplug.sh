#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# CPUs are taken offline and back online under I/O.
. "$(dirname -- "$0")/common.sh"

need fio
cpus=(/sys/devices/system/cpu/cpu[1-9]*/online)
[[ -w ${cpus[0]} ]] || skip "only one CPU, or no CPU hotplug"
clean_test() { for cpu in "${cpus[@]}"; do echo 1 >"$cpu"; done; }
load size=128M
fio_start "$(by_speed 8 10)" --rw=randrw --bsrange=4k-256k --iodepth=16 --numjobs=2 --offset_increment=64m --size=32m
rounds=0
while fio_runs; do
	for cpu in "${cpus[@]}"; do
		echo 0 >"$cpu"
		sleep 0.3
		echo 1 >"$cpu"
		sleep 0.3
	done
	rounds=$((rounds + 1))
done
fio_end
ge "rounds of CPU hotplug" $rounds 3
say "$rounds rounds"
