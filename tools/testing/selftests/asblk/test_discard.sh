#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Discard, write zeroes and secure erase; memory is given back.
. "$(dirname -- "$0")/common.sh"

load size=1G
fill() { dd if=/dev/urandom of="$dev" bs=1M count=24 oflag=direct status=none; }
zero() { cmp -n "$2" -i "$1:0" "$dev" /dev/zero || fail "$3: not zero"; }
mb=$((1 << 20))

discard() {
	fill
	held "after 24 MiB" $((24 * mb))
	blkdiscard -o $((8 * mb)) -l $((8 * mb)) "$dev"
	held "after a discard" $((16 * mb))
	drop_caches
	zero $((8 * mb)) $((8 * mb)) discard
}

part_of_a_page() {
	dd if="$dev" bs=512 skip=33001 count=20 iflag=direct status=none of="$tmp/before"
	blkdiscard -o $((33004 * 512)) -l $((10 * 512)) "$dev"
	drop_caches
	dd if="$dev" bs=512 skip=33001 count=20 iflag=direct status=none of="$tmp/after"
	cmp -n 1536 "$tmp/before" "$tmp/after" || fail "discard: before the range"
	cmp -n 5120 -i 1536:0 "$tmp/after" /dev/zero || fail "discard: in the range"
	cmp -i 6656 "$tmp/before" "$tmp/after" || fail "discard: after the range"
}

# blkdiscard -z keeps the blocks provisioned, punching a hole does not.
zeroes() {
	blkdiscard -qf "$dev"
	held "after everything" 0
	blkdiscard -z -o 0 -l $((8 * mb)) "$dev"
	held "after zeroout" $((8 * mb))
	zero 0 $((8 * mb)) zeroout
	fallocate -p -o 0 -l $((4 * mb)) "$dev"
	held "after a hole" $((4 * mb))
}

secure_erase() {
	local name

	[[ $device == emul ]] || skip "the device has none"
	blkdiscard -qf "$dev"
	fill
	blkdiscard -s -o $((4 * mb)) -l $((4 * mb)) "$dev"
	held "after secure erase" $((20 * mb))
	zero $((4 * mb)) $((4 * mb)) "secure erase"
	for name in unmaps write_zeroes secure_erases; do
		ge "$name" "$(emul_count $name)" 1
	done
}

odd() {
	refused "discard that is no block" blkdiscard -o 100 -l 512 "$dev"
}

# Many ranges at once
trim() {
	local files full rm_list i

	blkdiscard -qf "$dev"
	mkfs.ext4 -qF -E nodiscard "$dev"
	mount "$dev" "$mnt"
	files=$(by_speed 200 50)
	rm_list=()
	dd if=/dev/urandom of="$tmp/random" bs=64k count="$files" status=none
	split -d -a 3 -b 64k "$tmp/random" "$mnt/"
	sync
	[[ $device != emul ]] || full=$(emul_count memory_used)
	for ((i = 0; i < files; i += 2)); do rm_list+=("$mnt/$(printf %03d $i)"); done
	rm "${rm_list[@]}"
	sync
	fstrim "$mnt"
	[[ $device != emul ]] ||
		ge "memory given back by fstrim" $((full - $(emul_count memory_used))) $((files * 30000))
	sha256sum "$mnt"/[0-9]* >"$tmp/sums"
	drop_caches
	sha256sum --quiet -c "$tmp/sums" || fail "files differ after fstrim"
	umount "$mnt"
	e2fsck -fn "$dev" >"$tmp/fsck" 2>&1 || fail "fsck: $(<"$tmp/fsck")"
}

run_case "discard" discard
run_case "discard of parts of pages" part_of_a_page
run_case "write zeroes" zeroes
run_case "secure erase" secure_erase
run_case "refused discard of part of a block" odd
run_case "fstrim of a file system with holes" trim
