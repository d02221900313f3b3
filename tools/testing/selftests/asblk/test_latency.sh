#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Latency, channels, bandwidth, stalls and seeks as asked for; changed live; on
# interrupt and polled queues; interrupts coalesced. A slow machine makes things take
# longer, never shorter: times are checked from below, and from above generously.
. "$(dirname -- "$0")/common.sh"

need_emul
need fio jq
need_cpus 2
configfs_load disks=0
make_disk slow size=64M queues=2 poll_queues=1
dev=/dev/$(<"$configfs/slow/device")
name=${dev#/dev/}
debug=/sys/kernel/debug/asblk/ctrl0

# With all checkers on a machine is too slow for bounds from above.
most() { [[ $slow ]] || le "$@"; }
least() { [[ $slow ]] || ge "$@"; }

# measure OPTION… - run fio; set iops, and lat to the mean latency in microseconds.
measure() {
	fio_run measure --filename="$dev" --direct=1 --bs=4k --size=64m --time_based \
		--runtime="$(by_speed 2 4)" --output-format=json "$@"
	read -r iops lat < <(jq -r '.jobs[0] | [.read, .write] | max_by(.total_ios) |
		"\(.iops | floor) \(.clat_ns.mean / 1000 | floor)"' "$tmp/fio.measure")
}
sync_read=(--rw=randread --ioengine=psync)
deep_read=(--rw=randread --ioengine=io_uring --iodepth=16)
set_all() { local option; for option; do set_option slow "${option%%=*}" "${option#*=}"; done; }

measure "${sync_read[@]}"
base=$lat
say "no latency: $lat us"
for us in 200 2000 10000; do
	set_all "read_latency=fixed $us"
	measure "${sync_read[@]}"
	ge "latency for $us us" "$lat" "$us"
	most "latency for $us us" "$lat" $((us * 2 + base + 2000))
	say "asked for $us us, got $lat us"
done
# A write is not slowed down by that.
measure --rw=randwrite --ioengine=psync
most "write latency" "$lat" $((base * 3 + 3000))
# Polled queues wait as well.
measure --rw=randread --ioengine=io_uring --hipri=1
ge "latency when polled" "$lat" 10000

# Throughput depends on depth, up to the number of channels.
set_all "read_latency=fixed 5000" channels=0
measure "${deep_read[@]}"
wide=$iops
set_all channels=4
measure "${deep_read[@]}"
say "depth 16, 5 ms: $wide I/Os per second, with 4 channels $iops"
le "I/Os per second with 4 channels" "$iops" 800
least "I/Os per second with 4 channels" "$iops" 400
least "I/Os per second with any number" "$wide" $((iops * 3 / 2))
set_all channels=0 read_latency=none

# Bandwidth.
set_all read_bandwidth=8M
measure --rw=read --ioengine=io_uring --iodepth=8 --bs=64k
le "KiB per second" $((iops * 64)) $((8 * 1024 * 11 / 10))
least "KiB per second" $((iops * 64)) $((8 * 1024 * 7 / 10))
set_all read_bandwidth=0 write_bandwidth=4M
measure --rw=write --ioengine=io_uring --iodepth=8 --bs=64k
le "KiB per second" $((iops * 64)) $((4 * 1024 * 11 / 10))
least "KiB per second" $((iops * 64)) $((4 * 1024 * 7 / 10))
set_all write_bandwidth=0

# Stalls: half of the time.
set_all "stall=every 100000 50000"
measure "${sync_read[@]}" --lat_percentiles=0 --clat_percentiles=1
longest=$(jq '.jobs[0].read.clat_ns.max / 1000 | floor' "$tmp/fio.measure")
ge "longest read" "$longest" 40000
set_all stall=none

# A disk that turns: random is much slower than sequential.
set_all seek_min_usecs=500 seek_max_usecs=8000 rpm=7200
measure --rw=read --ioengine=psync
sequential=$lat
measure "${sync_read[@]}"
say "turning: sequential $sequential us, random $lat us"
ge "random read of a turning disk" "$lat" 5000
most "sequential read of a turning disk" "$sequential" 4000
set_all seek_min_usecs=0 seek_max_usecs=0 rpm=0

# Flushes have a time of their own.
set_all "flush_latency=fixed 20000"
start=$(date +%s%N)
for ((i = 0; i < 10; i++)); do dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct conv=fsync status=none; done
ge "ten flushes, in ms" $((($(date +%s%N) - start) / 1000000)) 200
set_all flush_latency=none
# And unmaps.
set_all "unmap_latency=fixed 50000"
start=$(date +%s%N)
for ((i = 0; i < 4; i++)); do blkdiscard -f -o 0 -l 4096 "$dev"; done
ge "four unmaps, in ms" $((($(date +%s%N) - start) / 1000000)) 200
set_all unmap_latency=none

# What was asked for, and what became of it.
set_all "read_latency=fixed 3000"
measure "${deep_read[@]}"
awk '$1 == 4194304 { asked = $2 } /^[0-9]/ { all += $2; achieved += $3 } END { exit !(asked > 100 && all == achieved) }' \
	"$debug/latency" || fail "histogram: $(<"$debug/latency")"
late=$(awk '$1 == "late_ns_mean" { print $2 }' "$debug/latency")
ge "late in the mean, in ns" "$late" 1
most "late in the mean, in ns" "$late" 5000000
# Data is right whatever the delays, while they change.
set_all "read_latency=uniform 1 3000" "write_latency=lognormal 100 3000"
fio --name=live --filename="$dev" --rw=randwrite --bsrange=4k-64k --direct=1 --ioengine=io_uring --iodepth=16 --size=2m \
	--verify=crc32c --verify_fatal=1 --time_based --runtime="$(by_speed 3 6)" --output="$tmp/fio" >"$tmp/fio.err" 2>&1 &
fio=$!
while kill -0 $fio 2>/dev/null; do
	set_all "read_latency=fixed 500" channels=2 "write_latency=percentiles 50:10 99:500 100:5000" "stall=random 50000 5000"
	set_all read_latency=none channels=0 write_latency=none stall=none
done
wait $fio || fail "fio: $(tail -n 5 "$tmp/fio" "$tmp/fio.err")"
grep -q 'READ:' "$tmp/fio" || fail "nothing was verified"

# Coalescing: fewer interrupts, and none is waited for longer than said.
interrupts() { cat "/sys/block/$name/emul/interrupts"; }
completions() { awk '$1 == "completions" { sum += $2 } END { print sum }' "$debug"/q*/counters; }
set_all "read_latency=uniform 100 900" coalesce_count=8 coalesce_usecs=20000
before=$(interrupts) done_before=$(completions)
measure "${deep_read[@]}"
per=$((($(completions) - done_before) * 10 / ($(interrupts) - before)))
say "coalesced: $per tenths of a completion per interrupt"
least "tenths of a completion per interrupt" "$per" 60
measure "${sync_read[@]}"
ge "latency of one that is alone" "$lat" 20000
set_all coalesce_usecs=0
measure "${sync_read[@]}"
most "latency without coalescing" "$lat" 5000
# A reset forgets what waits, and it is done again.
set_all "read_latency=fixed 50000"
fio_run reset --filename="$dev" --direct=1 --rw=randread --bs=4k --ioengine=io_uring --iodepth=16 --size=64m \
	--time_based --runtime=4 &
fio=$!
ctrl=/sys/block/$name/device
reads=$(<"/sys/block/$name/emul/reads")
for ((i = 0; i < 3; i++)); do
	until (($(<"/sys/block/$name/emul/reads") > reads + 16 * i + 16)); do sleep 0.05; done
	echo 1 >"$ctrl/reset_controller"
done
wait $fio || fail "reads over resets"
ge "transfers taken back" "$(awk '$1 == "requeued" { sum += $2 } END { print sum }' "$debug"/q*/counters)" 1

# And what was begun takes no time from what comes: one channel, so one after the other.
set_all channels=1 "read_latency=fixed 300000"
start=$(date +%s%N)
reads=$(<"/sys/block/$name/emul/reads")
fio_run again --filename="$dev" --direct=1 --rw=randread --bs=4k --ioengine=io_uring --iodepth=8 --size=32k --number_ios=8 &
fio=$!
until (($(<"/sys/block/$name/emul/reads") >= reads + 8)); do
	kill -0 $fio || fail "eight reads that were never begun"
	sleep 0.05
done
echo 1 >"$ctrl/reset_controller"
reset=$(date +%s%N)
wait $fio || fail "reads over a reset"
took=$((($(date +%s%N) - reset) / 1000000))
say "8 reads of 300 ms took $took ms after a reset, $(((reset - start) / 1000000)) ms before it"
ge "milliseconds after the reset" $took 2100
most "milliseconds after the reset" $took 3600
