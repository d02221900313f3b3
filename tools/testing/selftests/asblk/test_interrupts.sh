#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Interrupt lines, batches of completions and their context, for each kind of interrupt.
. "$(dirname -- "$0")/common.sh"

need_emul
need fio taskset
udev_off
irqs() { irq_count 'ctrl0-q[0-9]+'; }

# Each queue has a line: what a CPU submits raises that of its queue, and no other.
lines() {
	local lines queue cpu own others

	lines=$(grep -c 'asblk.*ctrl0-q' /proc/interrupts)
	eq "interrupt lines" "$lines" "$(nproc --all)"
	for ((queue = 0; queue < lines; queue++)); do
		cpu=$(sed 's/[,-].*//' "/sys/block/$disk/mq/$queue/cpu_list")
		own=$(irq_count "ctrl0-q$queue")
		others=$(($(irqs) - own))
		taskset -c "$cpu" dd if=/dev/zero of="$dev" bs=4k count=100 oflag=direct status=none
		ge "interrupts of queue $queue" $(($(irq_count "ctrl0-q$queue") - own)) 90
		le "interrupts of the others meanwhile" $(($(irqs) - $(irq_count "ctrl0-q$queue") - others)) 5
	done
}

each() {
	local before

	before=$(irqs)
	dd if=/dev/zero of="$dev" bs=4k count=100 oflag=direct status=none
	ge "interrupts of 100 writes" $(($(irqs) - before)) 90
	# An interrupt raised while another is pending is the same interrupt.
	le "interrupts that the device did not raise" "$(irqs)" "$(emul_count interrupts)"
}

batches() {
	local completions interrupts

	completions=$(engine_count completions) interrupts=$(emul_count interrupts)
	fio_run batch --filename="$dev" --rw=randread --bs=4k --direct=1 --ioengine=io_uring --iodepth=32 \
		--iodepth_batch_submit=16 --iodepth_batch_complete_min=8 --size=8m
	eq "transfers" "$(engine_count transfers)" "$(engine_count completions)"
	ge "completions per interrupt" \
		$((($(engine_count completions) - completions) / ($(emul_count interrupts) - interrupts))) 8
	# No completion was found only because of a timeout.
	eq "timeouts" "$(engine_count timeouts)" 0
}

debugfs() {
	grep -q 'slots taken' /sys/kernel/debug/asblk/ctrl0/q0/slots || fail "slots"
	grep -q '^submission entries 128 ' /sys/kernel/debug/asblk/ctrl0/q0/rings || fail "rings"
}

# Requests end with interrupts off; with ipi in an interrupt handler, with direct outside.
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
	if [[ $kind == ipi ]]; then
		ge "completions in a handler" "$in_handler" 10
	else
		eq "completions in a handler" "$in_handler" 0
	fi
}

for kind in ipi direct; do
	load size=64M interrupt=$kind
	run_case "$kind: a line per queue" lines
	run_case "$kind: an interrupt per completion" each
	run_case "$kind: a batch of completions per interrupt" batches
	run_case "$kind: slots and rings in debugfs" debugfs
	run_case "$kind: context of completions" contexts
	unload
done
