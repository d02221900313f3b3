#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# One interrupt line per queue, and batches, however the handler is reached.
. "$(dirname -- "$0")/common.sh"

need_emul
need fio taskset
total() { awk '/asblk.*ctrl0-q/ { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) sum += $i } END { print sum + 0 }' /proc/interrupts; }
# line QUEUE - how often its interrupt came
line() { awk -v name="ctrl0-q$1" '$NF == name { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) sum += $i } END { print sum + 0 }' /proc/interrupts; }
# contexts KIND - in which requests end: with interrupts off, in a handler of one or not.
contexts() {
	local trace=/sys/kernel/tracing in_handler

	[[ -d $trace/events ]] || skip "this kernel has no tracepoints"
	echo 1 >$trace/events/asblk/asblk_complete/enable
	dd if=/dev/zero of="$dev" bs=4k count=10 oflag=direct status=none
	echo 0 >$trace/events/asblk/asblk_complete/enable
	# Name, CPU, flags: the first says whether interrupts are off, the third is h in a handler
	eq "completions with interrupts on" "$(grep asblk_complete: $trace/trace | grep -cvE '\] [dD]')" 0
	in_handler=$(grep asblk_complete: $trace/trace | grep -cE '\] ..[hH]' || :)
	echo >$trace/trace
	if [[ $1 == ipi ]]; then ge "completions in a handler" "$in_handler" 10; else eq "completions in a handler" "$in_handler" 0; fi
}
check() {
	local lines queue cpu own others before completions interrupts per

	load size=64M interrupt="$1"
	lines=$(grep -c 'asblk.*ctrl0-q' /proc/interrupts)
	eq "interrupt lines" "$lines" "$(nproc --all)"
	# A queue has its own line: what a CPU submits is told by that of its queue, and no other.
	for ((queue = 0; queue < lines; queue++)); do
		cpu=$(sed 's/[,-].*//' "/sys/block/$disk/mq/$queue/cpu_list")
		own=$(line "$queue") others=$(($(total) - $(line "$queue")))
		taskset -c "$cpu" dd if=/dev/zero of="$dev" bs=4k count=100 oflag=direct status=none
		ge "interrupts of queue $queue" $(($(line "$queue") - own)) 90
		le "interrupts of the others meanwhile" $(($(total) - $(line "$queue") - others)) 5
	done
	before=$(total)
	dd if=/dev/zero of="$dev" bs=4k count=100 oflag=direct status=none
	ge "interrupts of 100 writes" $(($(total) - before)) 90
	# One raised while another is on its way is the same interrupt.
	le "interrupts that nobody raised" "$(total)" "$(emul_count interrupts)"
	completions=$(engine_count completions) interrupts=$(emul_count interrupts)
	fio_run batch --filename="$dev" --rw=randread --bs=4k --direct=1 --ioengine=io_uring --iodepth=32 \
		--iodepth_batch_submit=16 --iodepth_batch_complete_min=8 --size=8m
	eq "transfers" "$(engine_count transfers)" "$(engine_count completions)"
	per=$((($(engine_count completions) - completions) / ($(emul_count interrupts) - interrupts)))
	ge "completions per interrupt" "$per" 8
	# None was late, or found done by who looked for it.
	eq "timeouts" "$(engine_count timeouts)" 0
	grep -q 'slots taken' /sys/kernel/debug/asblk/ctrl0/q0/slots || fail "slots"
	grep -q '^submission entries 256 ' /sys/kernel/debug/asblk/ctrl0/q0/rings || fail "rings"
	contexts "$1"
	unload
}
for kind in ipi direct; do
	say "interrupt=$kind"
	check $kind
done
