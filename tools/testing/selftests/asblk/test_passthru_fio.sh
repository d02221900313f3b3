#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# fio through io_uring's commands: verified data, with registered buffers, polled, and beside
# I/O to the disk.
. "$(dirname -- "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR source=passthru.sh
. "${0%/*}/passthru.sh"

need fio
passthru_load queues=1 poll_queues=1
# uring NAME OPTION…
uring() {
	verify "$1" --ioengine=io_uring_cmd --cmd_type=nvme --verify_state_save=0 "${@:2}"
}
# shellcheck disable=SC2034 # verify() takes it
target=$generic

polled() {
	local before

	before=$(engine_count completions ctrl0/q1)
	uring "$1" --hipri=1 --rw=randwrite --bs=4k --size=4m --iodepth=8 "${@:2}"
	ge "completions of the polled queue" $(($(engine_count completions ctrl0/q1) - before)) 1024
	eq "its interrupts" "$(engine_count interrupts ctrl0/q1)" 0
}

beside() {
	fio_start 10 --rw=randwrite --bsrange=4k-64k --offset=64m --size=8m --iodepth=8
	while fio_runs; do
		uring beside --rw=randwrite --bs=16k --size=8m --iodepth=16
	done
	fio_end
}

# The commands take the way of all requests.
counted() {
	local before

	before=$(engine_count requests)
	fio_run counted --filename="$generic" --ioengine=io_uring_cmd --cmd_type=nvme --rw=read --bs=4k --size=1m
	ge "requests" $(($(engine_count requests) - before)) 256
	eq "errors" "$(engine_count errors)" 0
	eq "completions of an unknown ID" "$(engine_count unknown_ids)" 0
}

run_case "4 KiB" uring small --rw=randwrite --bs=4k --size=8m --iodepth=32
run_case "of many sizes" uring sizes --rw=randwrite --bsrange=4k-"$(by_device 128k 512k)" --size=16m --iodepth=8
run_case "a batch at a time" uring batches --rw=randwrite --bs=4k --size=4m --iodepth=32 \
	--iodepth_batch_submit=16 --iodepth_batch_complete_min=8
run_case "without a command in the pipe" uring alone --rw=randwrite --bs=64k --size=4m --iodepth=1
run_case "registered buffers" uring fixed --fixedbufs=1 --rw=randwrite --bs=64k --size=8m --iodepth=16
run_case "registered buffers and files" uring registered --fixedbufs=1 --registerfiles=1 --rw=randwrite --bs=4k \
	--size=4m --iodepth=16
run_case "vectors" uring vectors --nonvectored=0 --rw=randwrite --bs=16k --size=4m --iodepth=8
run_case "polled" polled polled
run_case "polled, with registered buffers" polled polled-fixed --fixedbufs=1
run_case "submitted by a thread of the kernel's" uring sqpoll --sqthread_poll=1 --rw=randwrite --bs=4k --size=4m \
	--iodepth=16
run_case "three jobs" uring jobs --numjobs=3 --offset_increment=8m --rw=randwrite --bs=16k --size=4m --iodepth=8
run_case "beside I/O to the disk" beside
run_case "counted" counted
