#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Schedulers, nr_requests and limits change during I/O.
. "$(dirname -- "$0")/common.sh"

need fio
load size=128M queue_depth=64
queue=/sys/block/$disk/queue
modprobe -qa mq-deadline kyber-iosched bfq || :

live() {
	local rounds=0 schedulers scheduler nr

	fio_start "$(by_speed 8 12)" --rw=randrw --bsrange=4k-256k --iodepth=16 --numjobs=2 --offset_increment=64m --size=32m
	read -ra schedulers < <(tr -d '[]' <"$queue/scheduler")
	while fio_runs; do
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
	fio_end
	ge "rounds" $rounds 2
	ge "schedulers" ${#schedulers[@]} 2
	say "$rounds rounds over ${schedulers[*]}"
	echo none >"$queue/scheduler"
}

depth() {
	local depth

	depth=$(by_device 64 192)
	echo "$depth" >"$queue/nr_requests"
	refused "nr_requests over the depth" bash -c "echo $((depth + 1)) >$queue/nr_requests"
}

run_case "schedulers, nr_requests, max_sectors_kb and nomerges under I/O" live
run_case "nr_requests is at most the depth" depth
