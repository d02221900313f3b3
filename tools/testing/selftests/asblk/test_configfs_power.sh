#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A disk powered off and on, and unplugged under I/O: its data stays.
. "$(dirname -- "$0")/common.sh"

need_emul
need fio
need_cpus 2
udev_on_if_fast
configfs_load disks=2
make_disk one size=64M queues=2 block_size=4K
dd if=/dev/urandom of="$tmp/data" bs=1M count=4 status=none
dd if="$tmp/data" of=/dev/asblk2 bs=1M seek=40 oflag=direct conv=fsync status=none
after_failure() { set_option one power 1; }

data_kept() {
	eq "device" "$(<"$configfs/one/device")" asblk2
	cmp -n $((4 << 20)) "$tmp/data" <(dd if=/dev/asblk2 bs=1M skip=40 count=4 iflag=direct status=none) ||
		fail "its data has changed"
}

power() {
	# udev has to be done with it for its number to be free again.
	settle
	set_option one power 0
	[[ ! -e /sys/block/asblk2 ]] || fail "still there"
	eq "device" "$(<"$configfs/one/device")" ""
	set_option one queues 1
	set_option one power 1
	settle
	data_kept
}

# Errors, no hang. (Writes, as a read beyond the end of a disk without capacity is no error.)
unplug() {
	fio --name=load --filename=/dev/asblk2 --rw=randwrite --size=32m --bs=4k --direct=1 --ioengine=io_uring \
		--iodepth=8 --time_based --runtime=60 --output="$tmp/fio" >"$tmp/fio.err" 2>&1 &
	fio=$!
	until (($(</sys/block/asblk2/emul/writes) > 100)); do sleep 0.1; done
	settle
	set_option one unplug 1
	! wait $fio || fail "fio did not notice"
	refused "unplugging twice" set_option one unplug 1
	set_option one power 1
	settle
	data_kept
}

mounted() {
	mkfs.ext4 -qF /dev/asblk2
	mount /dev/asblk2 "$mnt"
	echo data >"$mnt/file"
	settle
	set_option one power 0
	umount "$mnt" || umount -l "$mnt"
	set_option one power 1
	settle
}

run_case "power off and on" power
run_case "unplugged under I/O" unplug
run_case "powered off while mounted" mounted
