#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A mounted controller unplugged under I/O, through QEMU's monitor, and plugged in again.
. "$(dirname -- "$0")/common.sh"

need fio
need_nvme
# Linux 7.2: reset_lock and pci_rescan_remove_lock, taken both ways round by pciehp.
[[ ! $slow ]] || skip "lockdep reports pciehp's own order of locks"
monitor "info version" | grep -q . || skip "QEMU's monitor is not within reach"
need_serial asblk-nvme1
load disks=1
path=/sys/bus/pci/devices/${nvme[0]}
mkfs.ext4 -qF "$dev"
mount "$dev" "$mnt"
echo kept >"$mnt/before"
sync "$mnt/before"
fio --name=unplug --filename="$mnt/file" --rw=randrw --bsrange=4k-256k --direct=1 --ioengine=io_uring --size=64m \
	--iodepth=16 --time_based --runtime=300 --output="$tmp/fio" >"$tmp/fio.err" 2>&1 &
fio=$!
sleep 2
monitor "device_del ctrl1" >"$tmp/monitor"
# The slot's button is pressed: five seconds to press it again.
wait_for "unplugged" test ! -e "$path"
wait $fio && fail "fio did not notice"
[[ ! -e $dev ]] || fail "$dev is still there"
umount "$mnt"
wait_for "deleted" eval 'monitor "qom-list /machine/peripheral/ctrl1" | grep -q Error'
# It may keep its drive for a moment longer.
plug() {
	monitor "device_add nvme,id=ctrl1,drive=nvme1,bus=slot1,serial=asblk-nvme1" >"$tmp/monitor"
	! grep -q 'already in use' "$tmp/monitor"
}
wait_for "its drive is free" plug
[[ ! -s $tmp/monitor ]] || say "$(<"$tmp/monitor")"
wait_for "plugged in" test -e "$path/class"
nvme_bind asblk_nvme "${nvme[0]}"
eq "state" "$(<"/sys/block/$disk/device/state")" live
e2fsck -fy "$dev" >"$tmp/fsck" 2>&1 || (($? < 4)) || fail "fsck: $(<"$tmp/fsck")"
mount "$dev" "$mnt"
eq "data" "$(<"$mnt/before")" kept
umount "$mnt"
