#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Binding and unbinding, many times, idle and under I/O.
. "$(dirname -- "$0")/common.sh"

need fio
need_nvme
load disks=1
path=/sys/bus/pci/devices/${nvme[0]}
rounds=200
for ((i = 0; i < rounds; i++)); do
	echo "${nvme[0]}" >"$path/driver/unbind"
	[[ ! -e $dev ]] || fail "$dev is still there"
	echo "${nvme[0]}" >/sys/bus/pci/drivers/asblk_nvme/bind
	[[ -b $dev ]] || fail "no $dev in round $i"
done
# Under I/O: it ends with errors or with success, and the disk comes back.
for ((i = 0; i < 5; i++)); do
	fio --name=unbind --filename="$dev" --rw=randrw --bsrange=4k-256k --direct=1 --ioengine=io_uring \
		--iodepth=16 --time_based --runtime=60 --output="$tmp/fio" >"$tmp/fio.err" 2>&1 &
	sleep 1.5
	echo "${nvme[0]}" >"$path/driver/unbind"
	wait $! && fail "fio did not notice"
	echo "${nvme[0]}" >/sys/bus/pci/drivers/asblk_nvme/bind
	[[ -b $dev ]] || fail "no $dev after removal under I/O"
done
# While it is being reset, again and again.
for ((i = 0; i < 5; i++)); do
	while echo 1 >"/sys/block/$disk/device/reset_controller"; do :; done 2>/dev/null &
	sleep 1
	echo "${nvme[0]}" >"$path/driver/unbind"
	wait $!
	[[ ! -e $dev ]] || fail "$dev is still there"
	echo "${nvme[0]}" >/sys/bus/pci/drivers/asblk_nvme/bind
	[[ -b $dev ]] || fail "no $dev after removal during resets"
done
# By what it is instead of where: every one of the kind that nobody has.
id=$(sed 's/^0x//' "$path/vendor" "$path/device" | paste -sd ' ')
echo "${nvme[0]}" >"$path/driver/unbind"
echo >"$path/driver_override"
[[ ! -e $dev ]] || fail "$dev is still there"
echo "$id" >/sys/bus/pci/drivers/asblk_nvme/new_id
[[ -b $dev ]] || fail "no $dev with its ID"
echo "$id" >/sys/bus/pci/drivers/asblk_nvme/remove_id
echo "${nvme[0]}" >"$path/driver/unbind"
refused "a controller of no known ID" bash -c "echo ${nvme[0]} >/sys/bus/pci/drivers/asblk_nvme/bind"
nvme_bind asblk_nvme "${nvme[0]}"
[[ -b $dev ]] || fail "no $dev after its ID was forgotten"
# What is no NVMe controller is left alone.
bridge=0000:00:00.0
echo asblk_nvme >/sys/bus/pci/devices/$bridge/driver_override
log_begin
refused "a bridge" bash -c "echo $bridge >/sys/bus/pci/drivers/asblk_nvme/bind"
log_has "is not that of an NVMe controller" || fail "not in the log"
echo >/sys/bus/pci/devices/$bridge/driver_override
# Mounted: whoever uses it gets errors, and nothing hangs.
mkfs.ext4 -qF "$dev"
mount "$dev" "$mnt"
dd if=/dev/zero of="$mnt/file" bs=1M count=8 status=none
echo "${nvme[0]}" >"$path/driver/unbind"
umount "$mnt"
echo "${nvme[0]}" >/sys/bus/pci/drivers/asblk_nvme/bind
e2fsck -fy "$dev" >"$tmp/fsck" 2>&1 || (($? < 4)) || fail "fsck: $(<"$tmp/fsck")"
say "$rounds rounds"
