#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# fio writes and verifies with every engine and block size.
. "$(dirname -- "$0")/common.sh"

need fio
mb=$(by_speed 24 4)
load size=256M queues=2 poll_queues=1
for bs in 512 4k 68k 1m 4m; do
	size=${mb}m
	[[ $bs != 512 ]] || size=$(by_speed 2m 512k)
	verify "uring-$bs" --ioengine=io_uring --direct=1 --rw=randwrite --bs="$bs" --size="$size" --iodepth=16
	verify "aio-$bs" --ioengine=libaio --direct=1 --rw=randwrite --bs="$bs" --size="$size" --iodepth=16
	verify "sync-$bs" --ioengine=psync --direct=1 --rw=write --bs="$bs" --size="$size"
	verify "poll-$bs" --ioengine=io_uring --hipri=1 --direct=1 --rw=randwrite --bs="$bs" --size="$size" \
		--iodepth=8
done
polls=$(awk '$1 == "polls" { sum += $2 } END { print sum }' /sys/kernel/debug/asblk/ctrl0/q*/counters)
ge "polls" "$polls" 1

# Several jobs at once, in parts of their own, mixed sizes, buffered too.
verify jobs --ioengine=io_uring --direct=1 --rw=randrw --bsrange=4k-256k --size="${mb}m" --iodepth=8 \
	--numjobs=4 --offset_increment=32m
verify buffered --ioengine=psync --rw=randwrite --bsrange=512-64k --bs_unaligned=0 --blockalign=512 \
	--size="$(by_speed 8m 2m)" --numjobs=2 --offset_increment=32m --fsync_on_close=1
verify vectored --ioengine=io_uring --fixedbufs=1 --registerfiles=1 --direct=1 --rw=randwrite --bs=128k \
	--size="${mb}m" --iodepth=8

mkfs.ext4 -qF "$dev"
mount "$dev" "$mnt"
target=$mnt/mapped verify mmap --ioengine=mmap --rw=randwrite --bs=4k --size="${mb}m" --fallocate=none
umount "$mnt"
eq errors "$(engine_count errors)" 0
eq stale "$(engine_count stale)" 0
