#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Options that say what a disk announces: the block layer's limits follow them, and what a
# disk does not announce is not supported.
. "$(dirname -- "$0")/common.sh"

need_emul

# limit NAME - of the disk's queue
limit() { cat "/sys/block/$disk/queue/$1"; }

write_zeroes() {
	load size=16M write_zeroes=0
	eq write_zeroes_max_bytes "$(limit write_zeroes_max_bytes)" 0
	# The kernel writes zeroes instead
	printf x | dd of="$dev" conv=notrunc status=none
	blkdiscard --zeroout --length 4K "$dev"
	cmp -n 4096 "$dev" /dev/zero
	eq "write zeroes commands" "$(emul_count write_zeroes)" 0
	unload
}
run_case write_zeroes write_zeroes

secure_erase() {
	load size=16M secure_erase=0
	refused "a secure erase" blkdiscard --secure "$dev"
	eq "secure erases" "$(emul_count secure_erases)" 0
	unload
	load size=16M
	blkdiscard --secure "$dev" || fail "secure erase"
	unload
}
run_case secure_erase secure_erase

discard() {
	load size=16M discard=0
	eq discard_max_bytes "$(limit discard_max_bytes)" 0
	refused "a discard" blkdiscard "$dev"
	unload
	load size=16M discard_granularity=64K discard_max=1M
	eq discard_granularity "$(limit discard_granularity)" 65536
	eq discard_max_hw_bytes "$(limit discard_max_hw_bytes)" 1048576
	blkdiscard "$dev"
	ge unmaps "$(emul_count unmaps)" 16
	unload
	# Whole blocks, after a format as well
	load size=16M block_size=4K discard_granularity=512 discard_max=10K optimal_io_size=6K
	eq discard_granularity "$(limit discard_granularity)" 4096
	eq discard_max_hw_bytes "$(limit discard_max_hw_bytes)" 12288
	eq optimal_io_size "$(limit optimal_io_size)" 8192
	echo 512 >"/sys/block/$disk/format"
	eq discard_max_hw_bytes "$(limit discard_max_hw_bytes)" 10240
	unload
}
run_case discard discard

optimal_io_size() {
	load size=16M optimal_io_size=192K
	eq optimal_io_size "$(limit optimal_io_size)" 196608
	unload
}
run_case optimal_io_size optimal_io_size

alignment_offset() {
	load size=16M alignment_offset=3584
	eq alignment_offset "$(<"/sys/block/$disk/alignment_offset")" 3584
	unload
	refused "an offset of a physical block" modprobe asblk alignment_offset=4K
}
run_case alignment_offset alignment_offset

atomic_unit() {
	[[ -e /sys/block/$(lsblk -dno NAME | head -n 1)/queue/atomic_write_unit_max_bytes ]] ||
		skip "this kernel has no atomic writes"
	load size=16M atomic_unit=16K
	eq atomic_write_unit_max_bytes "$(limit atomic_write_unit_max_bytes)" 16384
	unload
	load size=16M atomic_unit=0
	eq "without" "$(limit atomic_write_unit_max_bytes)" 0
	unload
}
run_case atomic_unit atomic_unit
