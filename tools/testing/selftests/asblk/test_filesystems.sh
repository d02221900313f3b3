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
done=0
for fs in ext4 xfs btrfs f2fs; do
	if ! command -v "mkfs.$fs" >/dev/null || ! { modprobe -q $fs || grep -qw $fs /proc/filesystems; }; then
		say "no $fs here"
		continue
	fi
	blkdiscard -qf "$dev"
	held "before mkfs.$fs" 0
	case $fs in
	ext4) mkfs.ext4 -qF "$dev" ;;
	xfs) mkfs.xfs -qf "$dev" ;;
	btrfs) mkfs.btrfs -qf "$dev" ;;
	f2fs) mkfs.f2fs -qf "$dev" >/dev/null ;;
	esac
	mount -t $fs "$dev" "$mnt"
	cp -r "$tmp/tree" "$mnt/tree"
	drop_caches
	sums "$mnt/tree" >"$tmp/have"
	cmp "$tmp/want" "$tmp/have" || fail "$fs: files differ"
	[[ $device != emul ]] || used=$(emul_count memory_used)
	rm -r "$mnt/tree"
	sync
	fstrim "$mnt"
	# The others free space when they like to.
	if [[ $device == emul && ($fs == ext4 || $fs == xfs) ]]; then
		(($(emul_count memory_used) < used)) || fail "$fs: fstrim gives no memory back"
	fi
	umount "$mnt"
	case $fs in
	ext4) e2fsck -fn "$dev" >"$tmp/fsck" 2>&1 || fail "fsck: $(<"$tmp/fsck")" ;;
	xfs) xfs_repair -n "$dev" >"$tmp/fsck" 2>&1 || fail "fsck: $(<"$tmp/fsck")" ;;
	btrfs) btrfs check "$dev" >"$tmp/fsck" 2>&1 || fail "fsck: $(<"$tmp/fsck")" ;;
	f2fs) fsck.f2fs --dry-run "$dev" >"$tmp/fsck" 2>&1 || fail "fsck: $(<"$tmp/fsck")" ;;
	esac
	done=$((done + 1))
	say "$fs: $(wc -l <"$tmp/want") files"
done
((done)) || skip "no file system to test"
eq errors "$(engine_count errors)" 0
