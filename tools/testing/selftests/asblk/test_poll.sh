#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Polled queues complete without interrupts.
. "$(dirname -- "$0")/common.sh"

need fio
load size=64M queues=1 poll_queues=1
lines() { grep -c 'ctrl0-q' /proc/interrupts; }
interrupts() { awk '/ctrl0-q/ { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) sum += $i } END { print sum + 0 }' /proc/interrupts; }
eq "interrupt lines" "$(lines)" 1
before=$(interrupts)
verify hipri --ioengine=io_uring --hipri=1 --direct=1 --rw=randwrite --bsrange=4k-512k --size=8m --iodepth=4
read -r polls completions < <(awk '$1 == "polls" { p = $2 } $1 == "completions" { c = $2 } END { print p, c }' \
	/sys/kernel/debug/asblk/ctrl0/q1/counters)
ge polls "$polls" 1
ge completions "$completions" 16
# What is buffered or looked at by others goes elsewhere: not one of the polled requests.
eq "interrupts of the polled queue" "$(awk '$1 == "interrupts" { print $2 }' /sys/kernel/debug/asblk/ctrl0/q1/counters)" 0
le "interrupts during polled I/O" $(($(interrupts) - before)) $(($(awk '$1 == "completions" { print $2 }' \
	/sys/kernel/debug/asblk/ctrl0/q0/counters)))
# A new page table, zeroes and the like come from a worker: polled as well.
verify hipri-holes --ioengine=io_uring --hipri=1 --direct=1 --rw=randwrite --bs=4k --offset=32m --size=4m --iodepth=1
eq errors "$(engine_count errors)" 0
# Two jobs poll the same queue.
verify hipri-jobs --ioengine=io_uring --hipri=1 --direct=1 --rw=randwrite --bs=16k --size=4m --iodepth=4 \
	--numjobs=3 --offset_increment=8m
