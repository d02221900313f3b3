#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The device does not answer any more under I/O: its registers read as ones. Everything fails
# promptly, nothing hangs, and it works after it is bound again.
. "$(dirname -- "$0")/common.sh"

need fio
need_nvme
load disks=1
path=/sys/bus/pci/devices/${nvme[0]}
# decode 0|1 - the function's answer to memory accesses, bit 1 of its command register
decode() {
	python3 - "$path/config" "$1" <<-'END'
		import os, sys
		fd = os.open(sys.argv[1], os.O_RDWR)
		command = os.pread(fd, 1, 4)[0] & ~2 | int(sys.argv[2]) * 2
		os.pwrite(fd, bytes([command]), 4)
	END
}
clean_test() { decode 1; }

dead() {
	local start

	mkfs.ext4 -qF "$dev"
	mount "$dev" "$mnt"
	echo 1000 >"/sys/block/$disk/queue/io_timeout"
	fio --name=gone --filename="$mnt/file" --rw=randrw --bsrange=4k-256k --direct=1 --ioengine=io_uring --size=64m \
		--iodepth=16 --time_based --runtime=300 --output="$tmp/fio" >"$tmp/fio.err" 2>&1 &
	fio=$!
	sleep 3
	decode 0
	start=$SECONDS
	wait $fio && fail "fio did not notice"
	le "seconds until it failed" $((SECONDS - start)) "$(by_speed 30 60)"
	eq "state" "$(<"/sys/block/$disk/device/state")" dead
	refused "a read" dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct
	refused "a rescan" bash -c "echo 1 >/sys/block/$disk/device/rescan_controller"
	refused "a reset" bash -c "echo 1 >/sys/block/$disk/device/reset_controller"
	umount "$mnt"
}

bound_again() {
	# Unbound while it is dead.
	echo "${nvme[0]}" >"$path/driver/unbind"
	[[ ! -e $dev ]] || fail "$dev is still there"
	decode 1
	echo "${nvme[0]}" >/sys/bus/pci/drivers/asblk_nvme/bind
	eq "state afterwards" "$(<"/sys/block/$disk/device/state")" live
	e2fsck -fy "$dev" >"$tmp/fsck" 2>&1 || (($? < 4)) || fail "fsck: $(<"$tmp/fsck")"
	verify again --ioengine=io_uring --direct=1 --rw=randwrite --bs=64k --size=8m --iodepth=8
}

run_case "I/O, scans and resets fail" dead
run_case "unbound while dead, and bound again" bound_again
