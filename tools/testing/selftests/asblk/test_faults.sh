#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Every fault, on an interrupt and on a polled queue, against every rung of the recovery
# ladder that it can reach; what a rule matches; the log.
. "$(dirname -- "$0")/common.sh"

need_emul
need fio
configfs_load disks=0
make_disk f size=64M queues=1 poll_queues=1 timeout_ms="$(by_speed 500 1000)"
dev=/dev/$(<"$configfs/f/device")
ctrl=/sys/block/${dev#/dev/}/device
debug=/sys/kernel/debug/asblk/ctrl0
engine() { awk -v name="$1" '$1 == name { sum += $2 } END { print sum }' "$debug"/q*/counters; }

# The power goes, and comes back.
again() {
	set_option f power 0
	set_option f power 1
	eq "$what: state after power" "$(<"$ctrl/state")" live
}
rule() { make_rule f r first=2048 blocks=8 "$@"; }
no_rule() { rmdir "$configfs/f/faults/r"; }
hits() { cat "$configfs/f/faults/r/hits"; }

# io MODE read|write [PATTERN] - 4 KiB at 1 MiB, the blocks that rule() is about
io() {
	local poll=0

	[[ $1 != poll ]] || poll=1
	fio --name=io --filename="$dev" --direct=1 --ioengine=io_uring --hipri=$poll --rw="$2" --bs=4k \
		--offset=1m --size=4k --io_size="${io_size:-4k}" --buffer_pattern="${3:-0x11}" --output="$tmp/io" >"$tmp/io.err" 2>&1
}
good() { io "$@" || fail "$*: $(tail -n 3 "$tmp/io" "$tmp/io.err")"; }
bad() { ! io "$@" || fail "$what: $* did not fail"; }

# reads_right MODE PATTERN - is that what is read there?
reads_right() { checked_read "$@" || fail "$what: $2 is not what was read: $(tail -n 3 "$tmp/io" "$tmp/io.err")"; }
reads_wrong() {
	! checked_read "$@" || fail "$what: nothing is wrong with what was read"
	grep -q verify "$tmp/io.err" "$tmp/io" || fail "$what: failed for another reason: $(cat "$tmp/io" "$tmp/io.err")"
}
checked_read() {
	local poll=0

	[[ $1 != poll ]] || poll=1
	fio --name=io --filename="$dev" --direct=1 --ioengine=io_uring --hipri=$poll --rw=read --bs=4k --offset=1m --size=4k \
		--verify=pattern --verify_pattern="$2" --verify_fatal=1 --output="$tmp/io" >"$tmp/io.err" 2>&1
}

# bits - that are set in 4 KiB at 1 MiB
bits() {
	dd if="$dev" bs=4k skip=256 count=1 iflag=direct status=none | od -An -v -tu1 -w1 |
		awk '{ for (v = $1; v; v = int(v / 2)) n += v % 2 } END { print n + 0 }'
}

# content OFFSET - of 4 KiB there, as the number of its first byte if all are the same
content() {
	dd if="$dev" bs=4k skip=$(($1 / 4096)) count=1 iflag=direct status=none |
		od -An -v -tx1 -w1 | sort | uniq -c | awk '{ print $2 "*" $1 }' | paste -sd' '
}
here() { content $((1 << 20)); }

for mode in interrupt poll; do
	what="$mode: status before"
	good $mode write 0x11
	rule op=write status=medium
	bad $mode write 0x22
	grep -q "No data available" "$tmp/io" "$tmp/io.err" || fail "$what: $(cat "$tmp/io" "$tmp/io.err")"
	eq "$what: hits" "$(hits)" 1
	good $mode read
	no_rule
	eq "$what" "$(here)" "11*4096"

	what="$mode: status after"
	rule op=write status=nospc when=after
	bad $mode write 0x22
	no_rule
	eq "$what" "$(here)" "22*4096"

	what="$mode: one that may do better next time"
	rule op=read status=transport transient=1 times=2
	good $mode read
	eq "$what: hits" "$(hits)" 2
	no_rule

	what="$mode: short"
	make_rule f r op=write first=2052 blocks=1 action=short
	bad $mode write 0x33
	no_rule
	eq "$what" "$(here)" "22*2048 33*2048"

	what="$mode: short read"
	make_rule f r op=read first=2052 blocks=1 action=short
	bad $mode read
	no_rule

	what="$mode: corrupt on the way back"
	good $mode write 0x00
	rule op=read action=corrupt bits=3 times=1
	reads_wrong $mode 0x00
	eq "$what: hits" "$(hits)" 1
	no_rule
	eq "$what" "$(here)" "00*4096"
	what="$mode: corrupt on the way there"
	rule op=write action=corrupt times=1
	good $mode write 0x00
	no_rule
	[[ $(here) == "00*4095 "* ]] || fail "$what: $(here)"
	good $mode write 0x00
	make_rule f r op=read first=2050 blocks=1 action=corrupt bits=3
	eq "$what: bits" "$(bits)" 3
	no_rule

	what="$mode: phantom"
	good $mode write 0x44
	rule op=write action=phantom
	good $mode write 0x55
	eq "$what: hits" "$(hits)" 8
	no_rule
	eq "$what" "$(here)" "44*4096"

	what="$mode: misdirect"
	rule op=write action=misdirect distance=8
	good $mode write 0x66
	no_rule
	eq "$what" "$(here)" "44*4096"
	eq "$what" "$(content $(((1 << 20) + 4096)))" "66*4096"

	what="$mode: misdirected reads"
	rule op=read action=misdirect distance=8
	reads_right $mode 0x66
	no_rule
	reads_right $mode 0x44

	what="$mode: stale"
	rule op=read action=stale interval=2
	good $mode write 0x77
	good $mode write 0x88
	reads_right $mode 0x88
	reads_right $mode 0x77
	no_rule
	eq "$what" "$(here)" "88*4096"

	what="$mode: delay"
	rule op=read action=delay usecs=300000
	start=$(date +%s%N)
	good $mode read
	ge "$what, ms" $((($(date +%s%N) - start) / 1000000)) 300
	no_rule
	what="$mode: delay that is too long"
	aborts=$(engine aborts)
	rule op=read action=delay usecs=30000000 times=1
	good $mode read
	no_rule
	ge "$what: aborts" "$(engine aborts)" $((aborts + 1))

	# Completions that are lost, and how far up the ladder it is to what gets them back.
	for action in lose wrong-id late hang; do
		for rung in abort queue-reset controller-reset never; do
			[[ $rung != abort || $action == lose || $action == wrong-id ]] || continue
			# Minutes, with all checkers: the upper rungs are the same for all queues.
			[[ ! $slow || $mode == interrupt || $rung == abort || $rung == queue-reset ]] || continue
			what="$mode: $action until $rung"
			aborts=$(engine aborts) resets=$(engine resets) all=$(<"$ctrl/resets") stale=$(engine unknown_ids)
			rule op=write action=$action recovered_by=$rung times=1
			if [[ $rung == never ]]; then
				bad $mode write 0x99
				eq "$what: state" "$(<"$ctrl/state")" dead
				no_rule
				again
				continue
			fi
			good $mode write 0x99
			no_rule
			reads_right $mode 0x99
			case $rung in
			abort)
				ge "$what: aborts" "$(engine aborts)" $((aborts + 1))
				eq "$what: resets" "$(engine resets)" "$resets"
				;;
			queue-reset)
				ge "$what: resets" "$(engine resets)" $((resets + 1))
				eq "$what: controller resets" "$(<"$ctrl/resets")" "$all"
				;;
			controller-reset)
				eq "$what: controller resets" "$(<"$ctrl/resets")" $((all + 1))
				;;
			esac
			[[ $action != wrong-id && $action != late ]] ||
				ge "$what: stale completions" "$(engine unknown_ids)" $((stale + 1))
		done
	done
	# A lost command has been executed, or it has not.
	for action in lose fatal; do
		for when in before after; do
			what="$mode: $action $when"
			good $mode write 0x11
			rule op=write action=$action recovered_by=never when=$when times=1
			bad $mode write 0x22
			no_rule
			again
			reads_right $mode "$([[ $when == before ]] && echo 0x11 || echo 0x22)"
		done
	done
	what="$mode: lost interrupt"
	lost=$(engine lost_interrupts)
	rule op=read action=lose-interrupt times=1
	good $mode read
	[[ $mode == poll ]] || ge "$what" "$(engine lost_interrupts)" $((lost + 1))
	no_rule
	what="$mode: duplicate"
	stale=$(engine unknown_ids)
	rule op=read action=duplicate
	for ((i = 0; i < 3; i++)); do good $mode read; done
	no_rule
	good $mode read
	ge "$what: stale completions" "$(engine unknown_ids)" $((stale + 3))
	what="$mode: busy"
	busy=$(engine busy)
	rule op=read action=busy usecs=200000 times=1
	io_size=8k good $mode read
	no_rule
	ge "$what" "$(engine busy)" $((busy + 1))
	what="$mode: busy for too long"
	resets=$(engine resets)
	rule op=read action=busy usecs=30000000 times=1
	io_size=8k good $mode read
	no_rule
	ge "$what: resets" "$(engine resets)" $((resets + 1))

	what="$mode: fatal"
	rule op=read action=fatal times=1
	bad $mode read
	bad $mode write
	no_rule
	eq "$what: state" "$(<"$ctrl/state")" dead
	again
	good $mode read
	say "$mode done"
done

# What a rule matches: operations without data as well.
good interrupt write
write() { dd if=/dev/zero of="$dev" bs=4k seek=256 count=1 oflag=direct status=none "$@"; }
make_rule f r op=flush action=lose times=1
write conv=fsync
eq "lost flushes" "$(hits)" 1
no_rule
make_rule f r op=unmap action=lose recovered_by=queue-reset times=1 first=2050 blocks=1
blkdiscard -o $((1 << 20)) -l 4096 "$dev"
eq "lost unmaps" "$(hits)" 1
no_rule
make_rule f r op=flush status=ioerr times=1
refused "a flush that fails" write conv=fsync
write conv=fsync
no_rule
rule flags=fua op=write status=target
write
write conv=fsync
refused "a FUA write that fails" write oflag=direct,dsync
no_rule
make_rule f r op=unmap status=ioerr first=2050 blocks=1
refused "an unmap of all that fails" blkdiscard -f "$dev"
refused "an unmap that fails" blkdiscard -o $((1 << 20)) -l 4096 "$dev"
blkdiscard -f -o 0 -l 4096 "$dev"
no_rule
make_rule f r op="write-zeroes secure-erase" first=2048 blocks=1
refused "write zeroes that fail" python3 - "$dev" <<-'END'
	import fcntl, os, struct, sys
	fd = os.open(sys.argv[1], os.O_RDWR)
	fcntl.ioctl(fd, 0x127f, struct.pack("QQ", 1 << 20, 4096))	# BLKZEROOUT
END
refused "a secure erase that fails" blkdiscard -sf -o $((1 << 20)) -l 4096 "$dev"
eq "zeroes and erasures that failed" "$(hits)" 2
no_rule
refused "a rule's name that is two words" mkdir "$configfs/f/faults/two words"

# Bad blocks that heal when they are written, and those that do not.
read1() { dd if="$dev" of=/dev/null bs=4k skip=256 count=1 iflag=direct status=none; }
rule op=read status=medium heal_on_write=1
refused "a bad block" read1
refused "a bad block" read1
write
read1
no_rule
rule op=read status=medium heal_on_write=1
refused "a bad block" read1
blkdiscard -zf -o $((1 << 20)) -l 4096 "$dev"
read1
no_rule
rule op=read status=medium
refused "a bad block" read1
write
refused "a bad block that stays" read1
no_rule
# A write that goes nowhere heals nothing.
make_rule f lost first=2048 blocks=8 op=write action=phantom
rule op=read status=medium heal_on_write=1
write
refused "a bad block that was not written" read1
no_rule
rmdir "$configfs/f/faults/lost"

# How often.
count_bad() {
	local i bad=0

	for ((i = 0; i < $1; i++)); do read1 2>/dev/null || bad=$((bad + 1)); done
	# For no other reason than the rule.
	eq "reads that failed" $bad "$(hits)" >&2
	echo $bad
}
make_rule f r op=read first=2048 blocks=1 interval=3
eq "every third" "$(count_bad 9)" 3
no_rule
make_rule f r op=read first=2048 blocks=1 times_per_block=2
eq "twice at a block" "$(count_bad 5)" 2
no_rule
make_rule f r op=read times=4
eq "four times at all" "$(count_bad 8)" 4
no_rule
make_rule f r op=read first=2048 blocks=1 probability=0
eq "never" "$(count_bad 5)" 0
no_rule
make_rule f r op=read first=2048 blocks=1 probability=500000
bad=$(count_bad 20)
ge "half of them" "$bad" 4
le "half of them" "$bad" 16
# The same seed and history, the same faults.
set_option f/faults/r enabled 0
set_option f/faults/r enabled 1
eq "half of them again" "$(count_bad 20)" "$bad"
no_rule
# What did not come to anything is not in the log: the block is not lost, the write fails.
make_rule f lost first=2048 blocks=1 op=write action=phantom
make_rule f r first=2048 blocks=1 op=write status=ioerr
refused "a write that fails" write
eq "writes that went nowhere" "$(<"$configfs/f/faults/lost/hits")" 0
rmdir "$configfs/f/faults/lost"
no_rule
make_rule f r queue=1 op=read
read1
bad poll read
no_rule

# The log says what was done, and the trace event too.
trace=/sys/kernel/tracing
echo 1 >$trace/events/asblk/asblk_fault/enable
make_rule f logged op=read first=2050 blocks=1 status=protection
refused "a read" read1
echo 0 >$trace/events/asblk/asblk_fault/enable
tail -n 1 "$debug/faults" | grep -q " logged status 0 read 2050 1$" || fail "log: $(tail -n 1 "$debug/faults")"
grep -q "ctrl0 rule logged status queue 0 read lba 2050 count 1" $trace/trace || fail "trace: $(tail $trace/trace)"
# What is wrong is refused, in words.
log_begin
refused "a change while it is enabled" set_option f/faults/logged op write
log_has "rule logged: op cannot change while it is enabled" || fail "not in the log"
rmdir "$configfs/f/faults/logged"
mkdir "$configfs/f/faults/r"
lines=0
for wrong in op=eat "op=read eat" flags=x queue=-1 queue=x first=-1 interval=0 probability=1000001 times_per_block=70000 action=explode \
	     when=never status=fine usecs=60000001 bits=0 distance=0 recovered_by=tomorrow heal_on_write=2 transient=x; do
	log_begin
	refused "$wrong" set_option f/faults/r "${wrong%%=*}" "${wrong#*=}"
	# The log takes ten such lines in five seconds.
	((lines++ >= 9)) || log_has "asblk: rule r: ${wrong%%=*}=" || fail "$wrong: not in the log"
done
rmdir "$configfs/f/faults/r"
# No more than so many at a time.
for ((i = 0; i < 64; i++)); do make_rule f "r$i" op=flush probability=0; done
mkdir "$configfs/f/faults/r64"
refused "too many rules" set_option f/faults/r64 enabled 1
# Off with rules enabled, on, and rmdir.
set_option f power 0
set_option f power 1
write conv=fsync
