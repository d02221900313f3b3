#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Low-level formats: each that is listed, the sizes that follow, what is refused and when.
. "$(dirname -- "$0")/common.sh"

need_emul
need dmsetup eject
udev_on_if_fast
# dmsetup would wait for udev, which is stopped where all checkers are on.
clean_test() { [[ ! -e /dev/mapper/asblk-claim ]] || dmsetup remove --noudevsync --retry asblk-claim; }
load size=64M removable=1
format=/sys/block/$disk/format
physical=$(blockdev --getpbsz "$dev")

# udev opens the disk some time after a write: until then it is busy.
try_format() { settle; echo "$*" 2>/dev/null >$format; }
format() { wait_for "format $*" try_format "$@"; }

listed() {
	local nr=0 size metadata blocks

	printf 'start=2048\n' | sfdisk -q "$dev"
	settle
	[[ -e ${dev}p1 ]] || fail "no partition"
	while read -r size metadata blocks; do
		eq "metadata" "$metadata" 0
		eq "capacity with blocks of $size" $((size * blocks)) $((64 << 20))
		format "$size"
		settle
		eq "format" "$(<$format)" "$size 0 $blocks"
		eq "block size" "$(blockdev --getss "$dev")" "$size"
		# As the disk was made, unless the blocks are larger
		eq "physical block size" "$(blockdev --getpbsz "$dev")" $((size > physical ? size : physical))
		eq "capacity" "$(blockdev --getsize64 "$dev")" $((64 << 20))
		cmp -n $((64 << 20)) "$dev" /dev/zero || fail "not erased"
		settle
		[[ ! -e ${dev}p1 ]] || fail "a partition is left"
		dd if=/dev/urandom of="$dev" bs=64k count=4 oflag=direct status=none
		nr=$((nr + 1))
	done </sys/block/$disk/formats
	ge "formats" "$nr" 4
}

granularity=$(</sys/block/$disk/queue/discard_granularity)
smaller() {
	format 512 0 2048
	eq "capacity" "$(blockdev --getsize64 "$dev")" $((1 << 20))
	eq "physical block size" "$(blockdev --getpbsz "$dev")" "$physical"
	eq "discard granularity" "$(</sys/block/$disk/queue/discard_granularity)" "$granularity"
	format 4096
	eq "whole capacity" "$(blockdev --getsize64 "$dev")" $((64 << 20))
	settle
}

values() {
	local before wrong

	before=$(<$format)
	for wrong in 513 256 131072 0 -1 x "" "512 0" "512 8 100" "512 0 0" "512 0 1000000" "512 0 8 8" \
		     "4294967808" "512 0 -1"; do
		refused "format $wrong" bash -c "echo '$wrong' >$format"
		eq "format after $wrong" "$(<$format)" "$before"
	done
}

# busy ERROR - a format is refused with it
busy() {
	local before

	before=$(<$format)
	settle
	refused "a format" bash -c "echo 512 >$format"
	grep -q "$1" "$tmp/out" || fail "not \"$1\": $(<"$tmp/out")"
	eq "format" "$(<$format)" "$before"
}
in_use="Device or resource busy"

open() {
	exec 3<"$dev"
	busy "$in_use"
	exec 3<&-
}

mounted() {
	mkfs.ext4 -qF "$dev"
	mount "$dev" "$mnt"
	busy "$in_use"
	umount "$mnt"
}

claimed() {
	dmsetup create --noudevsync asblk-claim --table "0 1024 linear $dev 0"
	busy "$in_use"
	dmsetup remove --noudevsync --retry asblk-claim
	settle
}

protected() {
	echo 1 >/sys/block/$disk/write_protect
	busy "Read-only file system"
	echo 0 >/sys/block/$disk/write_protect
	settle
}

ejected() {
	eject "$dev"
	settle
	busy "No medium found"
}

made_with() {
	local size

	load size=64M physical_block_size=512
	for size in 4096 512; do
		format $size
		eq "physical block size with blocks of $size" "$(blockdev --getpbsz "$dev")" $size
	done
}

run_case "each listed format" listed
run_case "a smaller capacity" smaller
run_case "refused values" values
run_case "refused while open" open
run_case "refused while mounted" mounted
run_case "refused while claimed" claimed
run_case "refused while write protected" protected
run_case "refused while ejected" ejected
unload
run_case "physical block size of the disk" made_with
