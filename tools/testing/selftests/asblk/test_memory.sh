#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The memory limit, sparse disks and what the tables cost.
. "$(dirname -- "$0")/common.sh"

need_emul

# A write beyond the limit fails with ENOSPC and hurts nobody.
load size=1G memory_limit=16M
eq "limit" "$(emul_count memory_limit)" $((16 << 20))
refused "writing more than the limit" dd if=/dev/zero of="$dev" bs=1M count=32 oflag=direct
grep -q "No space left" "$tmp/out" || fail "not ENOSPC: $(<"$tmp/out")"
# The tables count too: a page for each of the eight times 2 MiB.
eq "memory at the limit" "$(emul_count memory_used)" $(((16 << 20) - 8 * 4096))
cmp -n $(((16 << 20) - 8 * 4096)) "$dev" /dev/zero || fail "data below the limit"
# What is there can be overwritten, and memory that is given back reused.
dd if=/dev/zero of="$dev" bs=1M count=15 oflag=direct status=none
blkdiscard -o 0 -l $((8 << 20)) "$dev"
dd if=/dev/zero of="$dev" bs=1M count=7 seek=512 oflag=direct status=none
dd if=/dev/zero of="$dev" bs=1M count=1 oflag=direct status=none || :
refused "writing more than the limit again" dd if=/dev/zero of="$dev" bs=4k count=1 seek=200000 oflag=direct
unload

# A sparse terabyte: loads at once, costs next to nothing.
# The best of three, should the machine be busy with something else.
spent=1000000
for ((i = 0; i < 3; i++)); do
	[[ ! -e $dev ]] || unload
	before=$(free_kb)
	start=$(date +%s%N)
	modprobe asblk size=1T
	took=$((($(date +%s%N) - start) / 1000000))
	settle
	spent=$((took < spent ? took : spent))
done
cost=$((before - $(free_kb)))
say "1 TiB: $spent ms, $cost KiB"
[[ $slow ]] || le "load time of 1 TiB in ms" "$spent" 1000
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

# Metadata for data held: at most 0.4 %.
mb=512
load size=4G memory_limit=2G
before=$(free_kb)
dd if=/dev/zero of="$dev" bs=4M count=$((mb / 4)) oflag=direct status=none
eq "data held" "$(emul_count memory_used)" $((mb << 20))
cost=$((before - $(free_kb) - mb * 1024))
say "$mb MiB of data cost $cost KiB more"
# Free memory moves by itself: some MiB of noise are allowed on top.
le "KiB of metadata" "$cost" $((mb * 1024 * 4 / 1000 + 4096))
