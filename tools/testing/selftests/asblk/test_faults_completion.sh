#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Completions that come late, twice or without an interrupt; a device that is busy.
. "$(dirname -- "$0")/common.sh"

need_emul
need fio
. "$(dirname -- "$0")/faults.sh"

delayed() {
	local start

	rule op=read action=delay usecs=300000
	start=$(date +%s%N)
	good read
	ge "milliseconds" "$(ms_since "$start")" 300
	no_rule
}

delayed_too_long() {
	local aborts

	aborts=$(engine_count aborts)
	rule op=read action=delay usecs=30000000 times=1
	good read
	no_rule
	ge aborts "$(engine_count aborts)" $((aborts + 1))
}

lost_interrupt() {
	local lost

	lost=$(engine_count lost_interrupts)
	rule op=read action=lose-interrupt times=1
	good read
	[[ $mode == poll ]] || ge "lost interrupts" "$(engine_count lost_interrupts)" $((lost + 1))
	no_rule
}

duplicate() {
	local unknown i

	unknown=$(engine_count unknown_ids)
	rule op=read action=duplicate
	for ((i = 0; i < 3; i++)); do good read; done
	no_rule
	good read
	ge "completions of an unknown ID" "$(engine_count unknown_ids)" $((unknown + 3))
}

# two_reads - at once: on a slow machine one that is sent later may come too late
two_reads() {
	local poll=0

	[[ $mode != poll ]] || poll=1
	fio_run reads --filename="$dev" --direct=1 --ioengine=io_uring --hipri=$poll --rw=read --bs=4k --offset=$here \
		--size=4k --io_size=8k --iodepth=2 --iodepth_batch_submit=2
}

busy() {
	local busy

	busy=$(engine_count busy)
	rule op=read action=busy usecs=200000 times=1
	two_reads
	no_rule
	ge busy "$(engine_count busy)" $((busy + 1))
}

busy_too_long() {
	local resets

	resets=$(engine_count resets)
	rule op=read action=busy usecs=30000000 times=1
	two_reads
	no_rule
	ge resets "$(engine_count resets)" $((resets + 1))
}

run_modes "delay" delayed
run_modes "delay beyond the timeout is aborted" delayed_too_long
run_modes "lost interrupt" lost_interrupt
run_modes "duplicate completion" duplicate
run_modes "busy" busy
run_modes "busy beyond the timeout leads to a reset" busy_too_long
