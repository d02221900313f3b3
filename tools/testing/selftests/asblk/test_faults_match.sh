#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What a rule matches: operations with and without data, flags, queues; blocks that are
# bad until they are written.
. "$(dirname -- "$0")/common.sh"

need_emul
. "$(dirname -- "$0")/faults.sh"

mode=interrupt

lost_flush() {
	make_rule f r op=flush action=lose times=1
	write conv=fsync
	eq hits "$(hits r)" 1
	no_rule
}

lost_unmap() {
	make_rule f r op=unmap action=lose recovered_by=queue-reset times=1 first=2050 blocks=1
	blkdiscard -o "$here" -l 4096 "$dev"
	eq hits "$(hits r)" 1
	no_rule
}

failed_flush() {
	make_rule f r op=flush status=ioerr times=1
	refused "a flush that fails" write conv=fsync
	write conv=fsync
	no_rule
}

fua() {
	rule flags=fua op=write status=target
	write
	write conv=fsync
	refused "a FUA write that fails" write oflag=direct,dsync
	no_rule
}

failed_unmap() {
	make_rule f r op=unmap status=ioerr first=2050 blocks=1
	refused "an unmap of all that fails" blkdiscard -f "$dev"
	refused "an unmap that fails" blkdiscard -o "$here" -l 4096 "$dev"
	blkdiscard -f -o 0 -l 4096 "$dev"
	no_rule
}

failed_erasure() {
	make_rule f r op="write-zeroes secure-erase" first=2048 blocks=1
	refused "write zeroes that fail" python3 - "$dev" <<-'END'
		import fcntl, os, struct, sys
		fd = os.open(sys.argv[1], os.O_RDWR)
		fcntl.ioctl(fd, 0x127f, struct.pack("QQ", 1 << 20, 4096))	# BLKZEROOUT
	END
	refused "a secure erase that fails" blkdiscard -sf -o "$here" -l 4096 "$dev"
	eq hits "$(hits r)" 2
	no_rule
}

healed_by_write() {
	rule op=read status=medium heal_on_write=1
	refused "a bad block" read_block
	refused "a bad block" read_block
	write
	read_block
	no_rule
}

healed_by_zeroes() {
	rule op=read status=medium heal_on_write=1
	refused "a bad block" read_block
	blkdiscard -zf -o "$here" -l 4096 "$dev"
	read_block
	no_rule
}

not_healed() {
	rule op=read status=medium
	refused "a bad block" read_block
	write
	refused "a bad block that stays" read_block
	no_rule
}

not_healed_by_lost_write() {
	make_rule f lost first=2048 blocks=8 op=write action=phantom
	rule op=read status=medium heal_on_write=1
	write
	refused "a bad block that was not written" read_block
	no_rule
	rmdir "$configfs/f/faults/lost"
}

# A write that fails has lost nothing.
failed_before_lost() {
	make_rule f lost first=2048 blocks=1 op=write action=phantom
	make_rule f r first=2048 blocks=1 op=write status=ioerr
	refused "a write that fails" write
	eq "lost writes" "$(hits lost)" 0
	rmdir "$configfs/f/faults/lost"
	no_rule
}

queue() {
	make_rule f r queue=1 op=read
	read_block
	mode=poll bad read
	no_rule
}

good write
run_case "lost flush" lost_flush
run_case "lost unmap" lost_unmap
run_case "failed flush" failed_flush
run_case "only FUA writes" fua
run_case "failed unmap" failed_unmap
run_case "failed write zeroes and secure erase" failed_erasure
run_case "a write heals a bad block" healed_by_write
run_case "write zeroes heals a bad block" healed_by_zeroes
run_case "a write does not heal without heal_on_write" not_healed
run_case "a lost write does not heal" not_healed_by_lost_write
run_case "a failed write is not lost as well" failed_before_lost
run_case "only one queue" queue
