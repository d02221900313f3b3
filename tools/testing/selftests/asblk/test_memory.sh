#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The memory limit, sparse disks and the memory that the tables take.
. "$(dirname -- "$0")/common.sh"

need_emul

limit() {
	load size=1G memory_limit=16M
	eq "limit" "$(emul_count memory_limit)" $((16 << 20))
	refused "writing more than the limit" dd if=/dev/zero of="$dev" bs=1M count=32 oflag=direct
	grep -q "No space left" "$tmp/out" || fail "not ENOSPC: $(<"$tmp/out")"
	# The tables count too: a page for each of the eight times 2 MiB.
	eq "memory at the limit" "$(emul_count memory_used)" $(((16 << 20) - 8 * 4096))
	cmp -n $(((16 << 20) - 8 * 4096)) "$dev" /dev/zero || fail "data below the limit"
	# What is there can be overwritten, and memory that is freed used again.
	dd if=/dev/zero of="$dev" bs=1M count=15 oflag=direct status=none
	blkdiscard -o 0 -l $((8 << 20)) "$dev"
	dd if=/dev/zero of="$dev" bs=1M count=7 seek=512 oflag=direct status=none
	dd if=/dev/zero of="$dev" bs=1M count=1 oflag=direct status=none || :
	refused "writing more than the limit again" dd if=/dev/zero of="$dev" bs=4k count=1 seek=200000 oflag=direct
	unload
}

# Each write to another 2 MiB, of which none finds memory: nothing is taken for them either.
failed_writes() {
	local before cost

	load size=1T memory_limit=64K
	before=$(free_kb)
	python3 - "$dev" <<-'END'
		import errno, mmap, os, sys
		memory = mmap.mmap(-1, 4096)
		fd = os.open(sys.argv[1], os.O_RDWR | os.O_DIRECT)
		refused = 0
		for i in range(20000):
		    try:
		        os.pwritev(fd, [memory], i << 21)
		    except OSError as e:
		        assert e.errno == errno.ENOSPC, e
		        refused += 1
		assert refused >= 19990, refused
	END
	cost=$((before - $(free_kb)))
	say "20000 refused writes cost $cost KiB"
	le "KiB taken by refused writes" "$cost" 20000
	unload
}

rules() {
	configfs_load disks=0
	make_disk small size=64M memory_limit=256K
	make_rule small all op=read action=delay usecs=0
	log_begin
	dd if="/dev/$(<"$configfs/small/device")" of=/dev/null bs=1M iflag=direct status=none
	log_has "rule all: no memory for its history" || fail "131072 blocks were remembered in 256 KiB"
	configfs_unload
	unload
}

shared() {
	local half name used

	[[ ! $slow ]] || skip "filling memory takes too long with all checkers"
	configfs_load disks=0
	make_disk a size=64G
	make_disk b size=64G
	half=$(<"$configfs/a/memory_limit")
	eq "the limit of both" "$(<"/sys/block/$(<"$configfs/b/device")/emul/memory_limit")" "$half"
	le "half of memory" "$half" $(($(awk '/^MemTotal:/ { print $2 }' /proc/meminfo) * 1024 / 2))
	for name in a b; do
		refused "filling $name" dd if=/dev/zero of="/dev/$(<"$configfs/$name/device")" bs=1M oflag=direct
		grep -q "No space left" "$tmp/out" || fail "$name: not ENOSPC: $(<"$tmp/out")"
	done
	used=$(($(cat "/sys/block/$(<"$configfs/a/device")/emul/memory_used" "/sys/block/$(<"$configfs/b/device")/emul/memory_used" | paste -sd+)))
	say "both hold $used of $half bytes"
	le "what both hold" "$used" "$half"
	ge "what both hold" "$used" $((half / 2))
	configfs_unload
	unload
}

sparse() {
	local before cost at

	before=$(free_kb)
	load size=1T
	cost=$((before - $(free_kb)))
	say "1 TiB: $cost KiB"
	# With the checkers all memory has a shadow, and what is freed is kept for a while.
	le "KiB taken by 1 TiB" "$cost" $(($(by_speed 8 16) * 1024))
	eq "data held" "$(emul_count memory_used)" 0
	# It can be written at both ends.
	for at in 0 $(((1 << 40) / 4096 - 1)); do
		dd if=/dev/urandom of="$dev" bs=4k count=1 seek="$at" oflag=direct status=none
	done
	eq "data held" "$(emul_count memory_used)" 8192
	blkdiscard -qf "$dev"
	eq "data held" "$(emul_count memory_used)" 0
	unload
}

metadata() {
	local mb=512 before cost

	load size=4G memory_limit=2G
	before=$(free_kb)
	dd if=/dev/zero of="$dev" bs=4M count=$((mb / 4)) oflag=direct status=none
	eq "data held" "$(emul_count memory_used)" $((mb << 20))
	cost=$((before - $(free_kb) - mb * 1024))
	say "$mb MiB of data cost $cost KiB more"
	# A page for 512: 0.2 %. Free memory moves by itself, by 2 MiB more or less.
	le "KiB of metadata" "$cost" $((mb * 1024 / 512 + 2048))
	ge "KiB of metadata" "$cost" $((mb * 1024 / 512 - 2048))
}

run_case "writes beyond the limit fail" limit
run_case "writes that fail take no memory" failed_writes
run_case "the history of rules counts" rules
run_case "two disks share the default limit" shared
run_case "a sparse terabyte" sparse
run_case "metadata costs at most 0.4 %" metadata
