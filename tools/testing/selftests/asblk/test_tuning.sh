#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Schedulers, nr_requests and limits change during I/O.
. "$(dirname -- "$0")/common.sh"

need fio
load size=128M queue_depth=64
queue=/sys/block/$disk/queue
modprobe -qa mq-deadline kyber-iosched bfq || :
fio --name=tuning --filename="$dev" --rw=randrw --bsrange=4k-256k --direct=1 --ioengine=io_uring \
	--iodepth=16 --numjobs=2 --offset_increment=64m --size=32m --verify=crc32c --verify_fatal=1 \
	--time_based --runtime="$(by_speed 8 12)" --output="$tmp/fio" &
fio=$!
rounds=0
read -ra schedulers < <(tr -d '[]' <"$queue/scheduler")
while kill -0 $fio 2>/dev/null; do
	for scheduler in "${schedulers[@]}"; do
		echo "$scheduler" >"$queue/scheduler"
		for nr in 4 64 17; do
			echo $nr >"$queue/nr_requests" 2>/dev/null || :	# a scheduler may allow less
		done
		echo $((rounds % 2 ? 128 : 1280)) >"$queue/max_sectors_kb"
		echo $((rounds % 3)) >"$queue/nomerges"
		sleep 0.1
	done
	rounds=$((rounds + 1))
done
wait $fio || fail "fio: $(tail -n 5 "$tmp/fio")"
ge "rounds" $rounds 2
ge "schedulers" ${#schedulers[@]} 2
echo none >"$queue/scheduler"
depth=$(by_device 64 192)
echo "$depth" >"$queue/nr_requests"
refused "nr_requests over the depth" bash -c "echo $((depth + 1)) >$queue/nr_requests"
say "$rounds rounds over ${schedulers[*]}"
