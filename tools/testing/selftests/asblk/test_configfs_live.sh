#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Options of a disk changed under I/O that is verified; its size made smaller.
. "$(dirname -- "$0")/common.sh"

need_emul
need fio
need_cpus 2
udev_on_if_fast
configfs_load disks=0
make_disk one size=64M queues=2 block_size=4K
dev=/dev/$(<"$configfs/one/device")
dd if=/dev/urandom of="$tmp/data" bs=1M count=8 status=none
dd if="$tmp/data" of="$dev" bs=1M seek=40 oflag=direct conv=fsync status=none

live() {
	local option rounds=0

	fio_start "$(by_speed 4 6)" --rw=randwrite --bs=4k --iodepth=8 --size=2m
	while fio_runs; do
		for option in size=128M read_latency="uniform 10 100" coalesce_count=8 coalesce_usecs=200 \
			      write_bandwidth=200M size=256M write_cache=0 size=64M read_latency=none coalesce_usecs=0 \
			      write_bandwidth=0 write_cache=1 memory_limit=1G; do
			set_option one "${option%%=*}" "${option#*=}"
		done
		rounds=$((rounds + 1))
	done
	fio_end
	ge "rounds of changes" "$rounds" 2
	eq "size at last" "$(blockdev --getsize64 "$dev")" $((64 << 20))
	eq "what was written before" "$(dd if="$dev" bs=1M skip=40 count=8 iflag=direct status=none | sha256sum)" \
		"$(sha256sum <"$tmp/data")"
}

protected() {
	echo 1 >"/sys/block/${dev#/dev/}/write_protect"
	refused "a smaller size" set_option one size 44M
	echo 0 >"/sys/block/${dev#/dev/}/write_protect"
}

# Beyond the new end writes fail, and data is erased.
shrink() {
	set_option one size 44M
	refused "writing beyond the end" dd if=/dev/zero of="$dev" bs=1M seek=44 count=1 oflag=direct
	set_option one size 64M
	cmp -n $((4 << 20)) "$tmp/data" <(dd if="$dev" bs=1M skip=40 count=4 iflag=direct status=none) ||
		fail "data below the end"
	cmp -n $((4 << 20)) /dev/zero <(dd if="$dev" bs=1M skip=44 count=4 iflag=direct status=none) ||
		fail "not zero after shrinking"
}

run_case "options under I/O" live
run_case "a smaller size while write protected" protected
run_case "a smaller size" shrink
