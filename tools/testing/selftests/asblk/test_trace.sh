#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tracepoints show requests, transfers and completions, and which belong together, to a
# program that knows only their format files.
. "$(dirname -- "$0")/common.sh"

need_emul
need trace-cmd
udev_off
trace=/sys/kernel/tracing
[[ -d $trace/events ]] || skip "this kernel has no tracepoints"
load size=64M queues=1 disks=2
# record COMMAND… - write the trace of it to $tmp/trace. Not with trace-cmd record, which
# reads the buffers meanwhile, and on a busy machine misses events; nor with trace-cmd start,
# which first turns off each of the kernel's thousands of events.
record() {
	echo 1 >$trace/events/asblk/enable
	"$@" >"$tmp/out" 2>&1 || say "$*: $(<"$tmp/out")"
	echo 0 >$trace/events/asblk/enable
	trace-cmd extract -o "$tmp/trace.dat" >"$tmp/out" 2>&1 || fail "trace-cmd: $(<"$tmp/out")"
	trace-cmd report -i "$tmp/trace.dat" >"$tmp/trace" 2>"$tmp/err"
}
shown() { grep "$1" "$tmp/trace" | head -n 3; }

# A write of two transfers. A transfer is joined to its request by device and tag, to its
# completion by the ID.
joined() {
	local number who tag id

	record dd if=/dev/zero of=/dev/asblk1 bs=256k count=1 oflag=direct status=none
	number=$(</sys/block/asblk1/dev)
	number=${number/:/,}
	who="$number ctrl1 queue 0 tag"
	grep -qE "asblk_submit: +$who [0-9]+ write sector 0 bytes 262144" "$tmp/trace" || fail "no submit: $(shown asblk_submit)"
	eq transfers "$(grep -cE "asblk_transfer: +$who [0-9]+ id 0x[0-9a-f]{4} write opts 0x[0-9a-f]+ .* bytes 131072" "$tmp/trace")" 2
	eq completions "$(grep -cE "asblk_complete: +$who [0-9]+ id 0x[0-9a-f]{4} status ok good 131072" "$tmp/trace")" 2
	tag=$(sed -nE "s/.*asblk_submit: +$who ([0-9]+) write .* bytes 262144.*/\1/p" "$tmp/trace")
	eq "transfers of the request" "$(grep -cE "asblk_transfer: +$who $tag id .* bytes 131072" "$tmp/trace")" 2
	while read -r id; do
		eq "completions of $id" "$(grep -cE "asblk_complete: +$who $tag id $id status ok" "$tmp/trace")" 1
	done < <(sed -nE "s/.*asblk_transfer: +$who $tag id (0x[0-9a-f]{4}) .* bytes 131072.*/\1/p" "$tmp/trace")
	# No operation is a number that only this kernel knows.
	! grep -E 'asblk_(submit|transfer).*(tag|id) [0-9a-fx]+ (0x)?[0-9]+ ' "$tmp/trace" || fail "an operation without a name"
}

failed() {
	configfs_load disks=0
	make_disk one size=64M
	dev=/dev/$(<"$configfs/one/device")
	make_rule one bad op=read status=medium first=8 blocks=1
	record dd if="$dev" of=/dev/null bs=4k skip=1 count=1 iflag=direct status=none
	grep -qE 'asblk_complete: .* status medium good 0' "$tmp/trace" || fail "no status by name: $(shown asblk_complete)"
	grep -qE 'asblk_fault: .*rule bad status queue [0-9]+ read lba 8 count 1' "$tmp/trace" || fail "no fault: $(shown asblk_fault)"
}

run_case "submit, transfer and complete can be joined" joined
unload
run_case "a failed read has its status and the fault" failed
