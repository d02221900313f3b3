#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Write protection by the medium, and by the host.
. "$(dirname -- "$0")/common.sh"

medium() {
	[[ $device == emul ]] || skip "the device has no such medium"
	load size=64M read_only=1
	eq "ro" "$(<"/sys/block/$disk/ro")" 1
	eq "BLKROGET" "$(blockdev --getro "$dev")" 1
	dd if="$dev" of=/dev/null bs=1M count=1 iflag=direct status=none
	refused "write" dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct
	refused "discard" blkdiscard "$dev"
	refused "zeroout" blkdiscard -z "$dev"
	refused "mkfs" mkfs.ext4 -qF "$dev"
	# Root cannot turn off the protection of the medium.
	blockdev --setrw "$dev" || :
	refused "write after setrw" dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct
	eq "writes at the device" "$(emul_count writes)" 0
	unload
}

host() {
	load size=64M
	mkfs.ext4 -q "$dev"
	blockdev --setro "$dev"
	refused "write after setro" dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct
	mount "$dev" "$mnt" 2>"$tmp/mount"
	refused "file on a protected disk" touch "$mnt/file"
	umount "$mnt"
	blockdev --setrw "$dev"
	mount "$dev" "$mnt"
	echo data >"$mnt/file"
	umount "$mnt"
}

run_case "write protected medium" medium
run_case "blockdev --setro" host
