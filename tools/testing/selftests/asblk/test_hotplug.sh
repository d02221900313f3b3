#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# CPUs come and go under I/O.
. "$(dirname -- "$0")/common.sh"

need fio
cpus=(/sys/devices/system/cpu/cpu[1-9]*/online)
[[ -w ${cpus[0]} ]] || skip "only one CPU, or no CPU hotplug"
clean_test() { for cpu in "${cpus[@]}"; do echo 1 >"$cpu"; done; }
load size=128M
fio --name=hotplug --filename="$dev" --rw=randrw --bsrange=4k-256k --direct=1 --ioengine=io_uring \
	--iodepth=16 --numjobs=2 --offset_increment=64m --size=32m --verify=crc32c --verify_fatal=1 \
	--time_based --runtime="$(by_speed 8 10)" --output="$tmp/fio" &
fio=$!
rounds=0
while kill -0 $fio 2>/dev/null; do
	for cpu in "${cpus[@]}"; do
		echo 0 >"$cpu"
		sleep 0.3
		echo 1 >"$cpu"
		sleep 0.3
	done
	rounds=$((rounds + 1))
done
wait $fio || fail "fio: $(tail -n 5 "$tmp/fio")"
ge "rounds of CPU hotplug" $rounds 3
say "$rounds rounds"
