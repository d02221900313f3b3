#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# udev knows the content of disks: links by UUID and label, types for lsblk, the members of a
# btrfs.
. "$(dirname -- "$0")/common.sh"

need_emul
need mkfs.ext4 mkfs.btrfs sfdisk lsblk
need_module btrfs
udev_on
configfs_load disks=0
uuid=6d1f3a52-0e0b-4c5a-9a0f-3b2d6c0e1a77

link() { settle; [[ -e /dev/disk/by-uuid/$uuid ]]; }
no_link() { ! link; }

links() {
	local one link

	make_disk one size=128M
	one=/dev/$(<"$configfs/one/device")
	printf 'label: gpt\nsize=100M, name=first\n' | sfdisk -q "$one"
	settle
	# No trigger: udev watches for programs that have written to a disk.
	mkfs.ext4 -qF -L lab -U $uuid "${one}p1"
	wait_for "link" link
	for link in by-uuid/$uuid by-label/lab by-partlabel/first "by-partuuid/$(lsblk -dno PARTUUID "${one}p1")" \
		by-id/asblk-one-part1; do
		eq "$link" "$(readlink -f "/dev/disk/$link")" "${one}p1"
	done
	eq lsblk "$(lsblk -dnro FSTYPE,LABEL,UUID "${one}p1")" "ext4 lab $uuid"
	eq "by sequence number" "$(readlink -f "/dev/disk/by-diskseq/$(<"/sys/block/${one#/dev/}/diskseq")")" "$one"
	wipefs -qa "${one}p1"
	wait_for "no link to a file system that is gone" no_link
}

# On two disks that were powered off; nobody scans for them.
members() {
	local members name

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
}

run_case "links to a file system appear and go" links
run_case "members of a btrfs are found" members
