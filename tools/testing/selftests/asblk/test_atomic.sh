#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Atomic writes are done as a whole or not at all: when a block of them fails, and when there
# is no memory for all of it. The announced size can be written from any memory.
. "$(dirname -- "$0")/common.sh"

need_emul
configfs_load disks=0

# atomic_write DEVICE FILE-OFFSET LENGTH BYTE [MEMORY-OFFSET] - print "written" or the error
atomic_write() {
	python3 - "$@" <<-'END'
	import mmap, os, sys
	path, at, length, byte = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4].encode()
	skew = int(sys.argv[5]) if len(sys.argv) > 5 else 0
	memory = mmap.mmap(-1, length + skew + 4096)
	memory[:] = byte * len(memory)
	fd = os.open(path, os.O_RDWR | os.O_DIRECT)
	try:
	    written = os.pwritev(fd, [memoryview(memory)[skew:skew + length]], at, 0x40)	# RWF_ATOMIC
	    print("written" if written == length else f"{written} bytes")
	except OSError as e:
	    print(os.strerror(e.errno))
	END
}
# content DEVICE FILE-OFFSET LENGTH - the different bytes in there
content() { dd if="$1" bs=512 skip=$(($2 / 512)) count=$(($3 / 512)) iflag=direct status=none | fold -w1 | sort -u | tr -d '\n'; }
# fill DEVICE LENGTH - with old bytes
fill() { head -c "$2" /dev/zero | tr '\0' O | dd of="$1" bs="$2" iflag=fullblock oflag=direct status=none; }

rules() {
	local dev answer left

	make_disk d size=64M
	dev=/dev/$(<"$configfs/d/device")
	fill "$dev" 131072
	# shellcheck disable=SC2086 # words
	make_rule d r op=write flags=atomic first=4 blocks=1 $1
	answer=$(atomic_write "$dev" 0 4096 N)
	[[ $answer != written ]] || fail "no error"
	left=$(content "$dev" 0 4096)
	[[ $left == O || $left == N ]] || fail "both old and new: $left"
	say "$answer, $left"
	[[ $1 == *after || $left == O ]] || fail "written all the same"
	rmdir "$configfs/d/faults/r" "$configfs/d"
}

# There is memory for half of the write.
no_memory() {
	local dev answer

	make_disk d size=64M memory_limit=64K
	dev=/dev/$(<"$configfs/d/device")
	fill "$dev" $((13 * 4096))
	answer=$(atomic_write "$dev" $((12 * 4096)) 16384 N)
	eq "an atomic write beyond the limit" "$answer" "No space left on device"
	eq "what is left of it" "$(content "$dev" $((12 * 4096)) 4096)" O
	rmdir "$configfs/d"
}

# Limits on segments hold for each page of memory, however it is aligned.
limits() {
	local dev most skew

	make_disk d size=64M max_segment_size=3072 max_transfer=192K "$1"
	dev=/dev/$(<"$configfs/d/device")
	most=$(<"/sys/block/${dev#/dev/}/queue/atomic_write_unit_max_bytes")
	say "at most $most bytes"
	if ((most)); then
		for skew in 0 512 2048; do
			eq "$most bytes from memory at $skew" "$(atomic_write "$dev" 0 "$most" N $skew)" written
		done
	fi
	rmdir "$configfs/d"
}

make_disk d size=64M
dev=/dev/$(<"$configfs/d/device")
queue=/sys/block/${dev#/dev/}/queue
[[ -e $queue/atomic_write_unit_max_bytes ]] || skip "this kernel has no atomic writes"
ge "largest atomic write" "$(<"$queue/atomic_write_unit_max_bytes")" 4096
fill "$dev" 131072
answer=$(atomic_write "$dev" 0 4096 N)
[[ $answer != "Operation not supported" ]] || skip "this kernel does not support atomic writes"
eq "an atomic write" "$answer" written
rmdir "$configfs/d"

for rule in "action=status status=ioerr" "action=status status=medium when=after" "action=short"; do
	run_case "a block fails: $rule" rules "$rule"
done
run_case "no memory for all of it" no_memory
for limit in max_segments=23 max_segments=9 max_segments=3; do
	run_case "any memory with $limit" limits $limit
done
