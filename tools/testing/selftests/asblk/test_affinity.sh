#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# With fewer queues than CPUs, queue/rq_affinity decides on which CPU requests end.
. "$(dirname -- "$0")/common.sh"

need_nvme
need taskset
trace=/sys/kernel/tracing
[[ -d $trace/events/block ]] || skip "this kernel has no block tracepoints"
need_cpus 2
udev_off
load queues=1
reads='block_rq_complete: .* R[A-Z]* '
clean_test() { echo 0 >$trace/events/block/block_rq_complete/enable; }

# ended_on CPU - submit reads on that CPU; set others to how many of them other CPUs end
ended_on() {
	local all

	echo >$trace/trace
	echo 1 >$trace/events/block/block_rq_complete/enable
	taskset -c "$1" dd if="$dev" of=/dev/null bs=4k count=60 iflag=direct status=none
	echo 0 >$trace/events/block/block_rq_complete/enable
	all=$(grep -E "$reads" $trace/trace || :)
	ge "reads in the trace" "$(wc -l <<<"$all")" 60
	others=$(grep -cv "\[00$1\]" <<<"$all" || :)
}
same_cpu() {
	local cpu

	echo 2 >/sys/block/$disk/queue/rq_affinity
	for cpu in 0 1; do
		ended_on $cpu
		say "rq_affinity 2: of 60 reads on CPU $cpu $others ended elsewhere"
		le "reads that ended elsewhere" "$others" 5
	done
}

interrupt_cpu() {
	local without

	echo 0 >/sys/block/$disk/queue/rq_affinity
	ended_on 0
	without=$others
	ended_on 1
	ge "reads that ended elsewhere without it" $((without + others)) 30
}

run_case "rq_affinity 2: on the CPU that submitted" same_cpu
run_case "rq_affinity 0: on the CPU of the interrupt" interrupt_cpu
