#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# fio writes and verifies with every engine and block size.
. "$(dirname -- "$0")/common.sh"

need fio
mb=$(by_speed 12 4)
load size=256M queues="$(($(nproc --all) > 1 ? 2 : 1))" poll_queues=1
# All engines at once, each in a part of its own
engines() {
	local bs=$1 size=${mb}m

	[[ $bs != 512 ]] || size=$(by_speed 1m 256k)
	fio --output="$tmp/fio" --filename="$dev" --direct=1 --bs="$bs" --size="$size" --iodepth=16 \
		--verify=crc32c --verify_fatal=1 --do_verify=1 --rw=randwrite \
		--name="uring-$bs" --ioengine=io_uring --offset=0 \
		--name="aio-$bs" --ioengine=libaio --offset=64m \
		--name="sync-$bs" --ioengine=psync --rw=write --offset=128m \
		--name="poll-$bs" --ioengine=io_uring --hipri=1 --offset=192m 2>"$tmp/fio.err" ||
		fail "fio: $(tail -n 5 "$tmp/fio.err" "$tmp/fio")"
	eq "jobs done" "$(grep -c 'err= 0' "$tmp/fio")" 4
}

mapped() {
	mkfs.ext4 -qF "$dev"
	mount "$dev" "$mnt"
	target=$mnt/mapped verify mmap --ioengine=mmap --rw=randwrite --bs=4k --size="${mb}m" --fallocate=none
	umount "$mnt"
}

counters() {
	ge polls "$(engine_count polls)" 1
	eq errors "$(engine_count errors)" 0
	eq "completions of an unknown ID" "$(engine_count unknown_ids)" 0
}

for bs in 512 4k 68k 1m 4m; do
	run_case "all engines with blocks of $bs" engines $bs
done
run_case "four jobs with mixed sizes" verify jobs --ioengine=io_uring --direct=1 --rw=randrw --bsrange=4k-256k \
	--size="${mb}m" --iodepth=8 --numjobs=4 --offset_increment=32m
run_case "buffered" verify buffered --ioengine=psync --rw=randwrite --bsrange=512-64k --bs_unaligned=0 \
	--blockalign=512 --size="$(by_speed 4m 1m)" --numjobs=2 --offset_increment=32m --fsync_on_close=1
run_case "fixed buffers and registered files" verify vectored --ioengine=io_uring --fixedbufs=1 --registerfiles=1 \
	--direct=1 --rw=randwrite --bs=128k --size="${mb}m" --iodepth=8
run_case "mapped files" mapped
run_case "counters" counters
