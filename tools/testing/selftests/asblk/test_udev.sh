#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# udev looks at what is on a disk, as at that of any other: links by UUID and label, types
# for lsblk, members of a btrfs that are found by themselves.
. "$(dirname -- "$0")/common.sh"

need_emul
need mkfs.ext4 mkfs.btrfs sfdisk lsblk
need_module btrfs
udev_on
configfs_load disks=0
make_disk one size=128M
one=/dev/$(<"$configfs/one/device")
printf 'label: gpt\nsize=100M, name=first\n' | sfdisk -q "$one"
settle
uuid=6d1f3a52-0e0b-4c5a-9a0f-3b2d6c0e1a77
# No trigger: that somebody has written to it is what udev watches for.
mkfs.ext4 -qF -L lab -U $uuid "${one}p1"
for ((i = 0; i < 100; i++)); do
	settle
	[[ ! -e /dev/disk/by-uuid/$uuid ]] || break
	sleep 0.1
done
for link in by-uuid/$uuid by-label/lab by-partlabel/first "by-partuuid/$(lsblk -dno PARTUUID "${one}p1")" \
	by-id/asblk-one-part1; do
	eq "$link" "$(readlink -f "/dev/disk/$link")" "${one}p1"
done
eq lsblk "$(lsblk -dnro FSTYPE,LABEL,UUID "${one}p1")" "ext4 lab $uuid"
eq "by sequence number" "$(readlink -f "/dev/disk/by-diskseq/$(<"/sys/block/${one#/dev/}/diskseq")")" "$one"
# And when it is gone so are they.
wipefs -qa "${one}p1"
for ((i = 0; i < 100; i++)); do
	settle
	[[ -e /dev/disk/by-uuid/$uuid ]] || break
	sleep 0.1
done
[[ ! -e /dev/disk/by-uuid/$uuid ]] || fail "a link to a file system that is gone"

# A btrfs on two disks, which nobody scans for after they were away.
make_disk left size=128M
make_disk right size=128M
members=("/dev/$(<"$configfs/left/device")" "/dev/$(<"$configfs/right/device")")
mkfs.btrfs -qf -d raid1 -m raid1 "${members[@]}"
settle
mount "${members[0]}" "$mnt"
echo data >"$mnt/file"
umount "$mnt"
settle
for name in left right; do set_option $name power 0; done
btrfs device scan --forget
for name in left right; do set_option $name power 1; done
settle
mount "/dev/$(<"$configfs/left/device")" "$mnt" || fail "the other member was not found"
eq "what was there before" "$(<"$mnt/file")" data
umount "$mnt"
settle
