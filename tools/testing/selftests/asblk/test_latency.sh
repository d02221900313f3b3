#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Latency, channels, bandwidth, stalls and seeks as asked for, on interrupt and polled queues;
# coalesced interrupts. A slow machine makes things take longer, never shorter: times have a
# lower bound, and a generous upper one.
. "$(dirname -- "$0")/common.sh"

need_emul
need fio jq
need_cpus 2
udev_off
configfs_load disks=0
make_disk slow size=64M queues=2 poll_queues=1
dev=/dev/$(<"$configfs/slow/device")
name=${dev#/dev/}
debug=/sys/kernel/debug/asblk/ctrl0
ctrl=/sys/block/$name/device

# With all checkers a machine is too slow for upper bounds.
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
after_failure() {
	set_all read_latency=none write_latency=none flush_latency=none unmap_latency=none channels=0 read_bandwidth=0 \
		write_bandwidth=0 stall=none seek_min_usecs=0 seek_max_usecs=0 rpm=0 coalesce_usecs=0
}
set_all() { local option; for option; do set_option slow "${option%%=*}" "${option#*=}"; done; }

measure "${sync_read[@]}"
base=$lat
say "no latency: $lat us"

fixed() {
	set_all "read_latency=fixed $1"
	measure "${sync_read[@]}"
	ge "microseconds" "$lat" "$1"
	most "microseconds" "$lat" $(($1 * 2 + base + 2000))
	say "asked for $1 us, got $lat us"
}

writes() {
	measure --rw=randwrite --ioengine=psync
	most "microseconds of a write" "$lat" $((base * 3 + 3000))
}

polled() {
	measure --rw=randread --ioengine=io_uring --hipri=1
	ge "microseconds" "$lat" 10000
}

# Throughput grows with the depth, up to the number of channels.
channels() {
	local wide

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
}

# bandwidth read|write MIB
bandwidth() {
	set_all "$1_bandwidth=$2M"
	measure --rw="$1" --ioengine=io_uring --iodepth=8 --bs=64k
	le "KiB per second" $((iops * 64)) $(($2 * 1024 * 11 / 10))
	least "KiB per second" $((iops * 64)) $(($2 * 1024 * 7 / 10))
	set_all "$1_bandwidth=0"
}

# Half of the time
stalls() {
	set_all "stall=every 100000 50000"
	measure "${sync_read[@]}" --lat_percentiles=0 --clat_percentiles=1
	ge "microseconds of the longest read" "$(jq '.jobs[0].read.clat_ns.max / 1000 | floor' "$tmp/fio.measure")" 40000
	set_all stall=none
}

# Random reads of a rotating disk are much slower than sequential ones.
seeks() {
	local sequential

	set_all seek_min_usecs=500 seek_max_usecs=8000 rpm=7200
	measure --rw=read --ioengine=psync
	sequential=$lat
	measure "${sync_read[@]}"
	say "sequential $sequential us, random $lat us"
	ge "microseconds of a random read" "$lat" 5000
	most "microseconds of a sequential read" "$sequential" 4000
	set_all seek_min_usecs=0 seek_max_usecs=0 rpm=0
}

flushes() {
	local start i

	set_all "flush_latency=fixed 20000"
	start=$(date +%s%N)
	for ((i = 0; i < 10; i++)); do dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct conv=fsync status=none; done
	ge "milliseconds of ten" "$(ms_since "$start")" 200
	set_all flush_latency=none
}

unmaps() {
	local start i

	set_all "unmap_latency=fixed 50000"
	start=$(date +%s%N)
	for ((i = 0; i < 4; i++)); do blkdiscard -f -o 0 -l 4096 "$dev"; done
	ge "milliseconds of four" "$(ms_since "$start")" 200
	set_all unmap_latency=none
}

# Asked for and achieved
histogram() {
	local late

	set_all "read_latency=fixed 3000"
	measure "${deep_read[@]}"
	awk '$1 == 4194304 { asked = $2 } /^[0-9]/ { all += $2; achieved += $3 } END { exit !(asked > 100 && all == achieved) }' \
		"$debug/latency" || fail "histogram: $(<"$debug/latency")"
	late=$(awk '$1 == "late_ns_mean" { print $2 }' "$debug/latency")
	ge "nanoseconds late in the mean" "$late" 1
	most "nanoseconds late in the mean" "$late" 5000000
}

live() {
	set_all "read_latency=uniform 1 3000" "write_latency=lognormal 100 3000"
	fio_start "$(by_speed 3 6)" --rw=randwrite --bsrange=4k-64k --iodepth=16 --size=2m
	while fio_runs; do
		set_all "read_latency=fixed 500" channels=2 "write_latency=percentiles 50:10 99:500 100:5000" "stall=random 50000 5000"
		set_all read_latency=none channels=0 write_latency=none stall=none
	done
	fio_end
}

# Fewer interrupts, and no completion waits for longer than coalesce_usecs.
coalescing() {
	local interrupts completions per

	interrupts() { cat "/sys/block/$name/emul/interrupts"; }
	set_all "read_latency=uniform 100 900" coalesce_count=8 coalesce_usecs=20000
	interrupts=$(interrupts) completions=$(engine_count completions)
	measure "${deep_read[@]}"
	per=$((($(engine_count completions) - completions) * 10 / ($(interrupts) - interrupts)))
	say "$per tenths of a completion per interrupt"
	least "tenths of a completion per interrupt" "$per" 60
	measure "${sync_read[@]}"
	ge "microseconds of a single read" "$lat" 20000
	set_all coalesce_usecs=0
	measure "${sync_read[@]}"
	most "microseconds without coalescing" "$lat" 5000
}

# background OPTION… - reads; started_reads is how many the device has started before
background() {
	started_reads=$(<"/sys/block/$name/emul/reads")
	fio_run background --filename="$dev" --direct=1 --rw=randread --bs=4k --ioengine=io_uring "$@" &
	fio=$!
}
# wait_reads NUMBER - until the device has started so many more
wait_reads() {
	until (($(<"/sys/block/$name/emul/reads") >= started_reads + $1)); do
		fio_runs || fail "fio ended before $1 reads"
		sleep 0.05
	done
}

# What waits is requeued.
reset() {
	local i

	set_all "read_latency=fixed 50000"
	background --iodepth=16 --size=64m --time_based --runtime=4
	for ((i = 0; i < 3; i++)); do
		wait_reads $((16 * i + 17))
		echo 1 >"$ctrl/reset_controller"
	done
	wait $fio || fail "reads over resets: $(tail -n 5 "$tmp/fio.err")"
	ge "requeued transfers" "$(engine_count requeued)" 1
}

# What a reset has ended takes no time from what comes then: one channel, so one after the other.
reset_channel() {
	local start reset took

	set_all channels=1 "read_latency=fixed 300000"
	start=$(date +%s%N)
	background --iodepth=8 --size=32k --number_ios=8
	wait_reads 8
	echo 1 >"$ctrl/reset_controller"
	reset=$(date +%s%N)
	wait $fio || fail "reads over a reset: $(tail -n 5 "$tmp/fio.err")"
	took=$(ms_since "$reset")
	say "8 reads of 300 ms took $took ms after a reset, $(((reset - start) / 1000000)) ms before it"
	ge "milliseconds after the reset" "$took" 2100
	most "milliseconds after the reset" "$took" 3600
}

for us in 200 2000 10000; do
	run_case "read latency of $us us" fixed $us
done
run_case "writes have their own latency" writes
run_case "polled queues wait as well" polled
run_case channels channels
run_case "read bandwidth" bandwidth read 8
run_case "write bandwidth" bandwidth write 4
run_case stalls stalls
run_case "seeks of a rotating disk" seeks
run_case "flush latency" flushes
run_case "unmap latency" unmaps
run_case "histogram in debugfs" histogram
run_case "changed under I/O" live
run_case "coalesced interrupts" coalescing
run_case "commands that wait are requeued by a reset" reset
run_case "commands that a reset has ended take no time" reset_channel
