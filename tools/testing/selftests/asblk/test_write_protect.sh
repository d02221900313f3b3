#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Write protection of the device: writes fail, file systems are mounted read-only, and
# nothing that was written before is lost.
. "$(dirname -- "$0")/common.sh"

load size=64M
protect=/sys/block/$disk/write_protect
eq "write protection at first" "$(<"$protect")" 0
[[ $device != nvme ]] || nvme id-ctrl "$dev" >"$tmp/id" 2>&1 || :
protects=yes
if [[ $device == nvme ]] && ! grep -qE '^nwpc *: (0x)?[1-9]' "$tmp/id"; then
	protects=
fi
after_failure() { [[ ! $protects ]] || echo 0 >"$protect"; }

unsupported() {
	[[ ! $protects ]] || skip "the device has write protection"
	refused "write protection" bash -c "echo 1 >$protect"
	eq "write protection" "$(<"$protect")" 0
}

need_protection() { [[ $protects ]] || skip "the device has no write protection"; }

# The device has to refuse what a mounted file system writes.
mounted() {
	local errors

	need_protection
	mkfs.ext4 -qF "$dev"
	mount "$dev" "$mnt"
	errors=$(engine_count errors)
	echo data >"$mnt/file"
	echo 1 >"$protect"
	refused "data that the file system has not yet written" sync "$mnt/file"
	ge "writes that the device refused" "$(engine_count errors)" $((errors + 1))
	umount "$mnt"
	echo 0 >"$protect"
}

# What is in the disk's own page cache is written before.
page_cache() {
	local written

	need_protection
	exec 3<>"$dev"
	printf 'kept back' >&3
	echo 1 >"$protect"
	written=$(dd if="$dev" bs=4k count=1 iflag=direct status=none | head -c 9) || :
	exec 3>&-
	eq "data on the device" "$written" "kept back"
	echo 0 >"$protect"
}

read_only() {
	need_protection
	mkfs.ext4 -qF "$dev"
	echo 1 >"$protect"
	eq "read-only" "$(<"/sys/block/$disk/ro")" 1
	refused "a write" dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct
	refused "a discard" blkdiscard -f "$dev"
	mount "$dev" "$mnt" 2>"$tmp/mount"
	grep -q " $mnt ext4 ro," /proc/mounts || fail "not mounted read-only"
	umount "$mnt"
	echo 0 >"$protect"
	mount "$dev" "$mnt"
	echo data >"$mnt/file"
	umount "$mnt"
}

run_case "refused by a device without it" unsupported
run_case "set while mounted" mounted
run_case "dirty pages are written first" page_cache
run_case "the disk is read-only" read_only
