#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Polled queues complete without interrupts.
. "$(dirname -- "$0")/common.sh"

need fio
udev_off
load size=64M queues=1 poll_queues=1
eq "interrupt lines" "$(grep -c 'ctrl0-q' /proc/interrupts)" 1
polled() { verify "$1" --ioengine=io_uring --hipri=1 --direct=1 --rw=randwrite "${@:2}"; }

without_interrupts() {
	local before

	before=$(irq_count 'ctrl0-q[0-9]+')
	polled hipri --bsrange=4k-512k --size=8m --iodepth=4
	ge polls "$(engine_count polls ctrl0/q1)" 1
	ge completions "$(engine_count completions ctrl0/q1)" 16
	eq "interrupts of the polled queue" "$(engine_count interrupts ctrl0/q1)" 0
	# Only those of buffered I/O and of other programs, which use the other queue
	le "interrupts during polled I/O" $(($(irq_count 'ctrl0-q[0-9]+') - before)) "$(engine_count completions ctrl0/q0)"
}

# Commands that a worker executes, as they take memory, are polled as well.
worker() {
	polled hipri-holes --bs=4k --offset=32m --size=4m --iodepth=1
	eq errors "$(engine_count errors)" 0
}

run_case "no interrupts" without_interrupts
run_case "commands of the worker" worker
run_case "three jobs on one queue" polled hipri-jobs --bs=16k --size=4m --iodepth=4 --numjobs=3 --offset_increment=8m
