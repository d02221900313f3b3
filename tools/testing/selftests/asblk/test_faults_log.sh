#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The fault log and the trace event; refused rules and their messages; rules and power.
. "$(dirname -- "$0")/common.sh"

need_emul
. "$(dirname -- "$0")/faults.sh"

faults=/sys/kernel/debug/asblk/ctrl0/faults

logged() {
	make_rule f logged op=read first=2050 blocks=1 status=protection
	refused "a read" read_block
	tail -n 1 $faults | grep -q " logged status 0 read 2050 1$" || fail "log: $(tail -n 1 $faults)"
	rmdir "$configfs/f/faults/logged"
}

traced() {
	[[ -d $trace/events ]] || skip "this kernel has no tracepoints"
	echo 1 >$trace/events/asblk/asblk_fault/enable
	make_rule f traced op=read first=2050 blocks=1 status=protection
	refused "a read" read_block
	echo 0 >$trace/events/asblk/asblk_fault/enable
	grep -q "ctrl0 rule traced status queue 0 read lba 2050 count 1" $trace/trace || fail "trace: $(tail $trace/trace)"
	rmdir "$configfs/f/faults/traced"
}

enabled() {
	make_rule f enabled op=read first=2050 blocks=1
	log_begin
	refused "a change while it is enabled" set_option f/faults/enabled op write
	log_has "rule enabled: op cannot change while it is enabled" || fail "not in the log"
	rmdir "$configfs/f/faults/enabled"
}

names() { refused "a name of two words" mkdir "$configfs/f/faults/two words"; }

values() {
	local wrong lines=0

	mkdir "$configfs/f/faults/r"
	for wrong in op=eat "op=read eat" flags=x queue=-1 queue=x first=-1 interval=0 probability=1000001 \
		     times_per_block=70000 action=explode when=never status=fine usecs=60000001 bits=0 distance=0 \
		     recovered_by=tomorrow heal_on_write=2 transient=x; do
		log_begin
		refused "$wrong" set_option f/faults/r "${wrong%%=*}" "${wrong#*=}"
		# The kernel logs ten such lines in five seconds.
		((lines++ >= 9)) || log_has "asblk: rule r: ${wrong%%=*}=" || fail "$wrong: not in the log"
	done
	no_rule
}

many() {
	local i

	for ((i = 0; i < 64; i++)); do make_rule f "r$i" op=flush probability=0; done
	mkdir "$configfs/f/faults/r64"
	refused "too many rules" set_option f/faults/r64 enabled 1
	power_cycle
	write conv=fsync
}

run_case "fault log" logged
run_case "trace event" traced
run_case "no change while enabled" enabled
run_case "refused name" names
run_case "refused values" values
run_case "at most 64 enabled rules, also over a power cycle" many
# The test ends with 64 rules enabled, for its clean-up to remove.
