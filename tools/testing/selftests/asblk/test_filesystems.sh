#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# File systems: make, fill, compare, trim, check.
. "$(dirname -- "$0")/common.sh"

load size=1G
# Real files in many sizes, and a large one.
mkdir "$tmp/tree"
cp -r /usr/lib/python3*/encodings "$tmp/tree"
dd if=/dev/urandom of="$tmp/tree/large" bs=1M count="$(by_speed 6 3)" status=none
sums "$tmp/tree" >"$tmp/want"
# check FILE-SYSTEM
check() {
	local fs=$1 used

	need "mkfs.$fs"
	need_module "$fs"
	blkdiscard -qf "$dev"
	held "before mkfs.$fs" 0
	case $fs in
	ext4) mkfs.ext4 -qF "$dev" ;;
	xfs) mkfs.xfs -qf "$dev" ;;
	btrfs) mkfs.btrfs -qf "$dev" ;;
	f2fs) mkfs.f2fs -qf "$dev" >/dev/null ;;
	esac
	mount -t "$fs" "$dev" "$mnt"
	cp -r "$tmp/tree" "$mnt/tree"
	drop_caches
	sums "$mnt/tree" >"$tmp/have"
	cmp "$tmp/want" "$tmp/have" || fail "files differ"
	[[ $device != emul ]] || used=$(emul_count memory_used)
	rm -r "$mnt/tree"
	sync
	fstrim "$mnt"
	# The others free space when they want to.
	if [[ $device == emul && ($fs == ext4 || $fs == xfs) ]]; then
		(($(emul_count memory_used) < used)) || fail "fstrim gives no memory back"
	fi
	umount "$mnt"
	case $fs in
	ext4) e2fsck -fn "$dev" >"$tmp/fsck" 2>&1 || fail "fsck: $(<"$tmp/fsck")" ;;
	xfs) xfs_repair -n "$dev" >"$tmp/fsck" 2>&1 || fail "fsck: $(<"$tmp/fsck")" ;;
	btrfs) btrfs check "$dev" >"$tmp/fsck" 2>&1 || fail "fsck: $(<"$tmp/fsck")" ;;
	f2fs) fsck.f2fs --dry-run "$dev" >"$tmp/fsck" 2>&1 || fail "fsck: $(<"$tmp/fsck")" ;;
	esac
	eq errors "$(engine_count errors)" 0
}

for name in ext4 xfs btrfs f2fs; do
	run_case $name check $name
done
