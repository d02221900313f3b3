#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Completions lost by the kernel's own fault injection (fail_io_timeout) are recovered from.
. "$(dirname -- "$0")/common.sh"

need_emul
need fio
inject=/sys/kernel/debug/fail_io_timeout
[[ -d $inject ]] || skip "this kernel has no fail_io_timeout"
load size=64M queues=1 timeout_ms=1000
clean_test() { echo 0 >$inject/probability; }
echo 1 >/sys/block/$disk/io-timeout-fail
echo 0 >$inject/verbose
echo 3 >$inject/times
echo 100 >$inject/probability
verify lost --direct=1 --rw=randwrite --bsrange=4k-512k --size=4m --ioengine=io_uring --iodepth=4
eq "left to inject" "$(<$inject/times)" 0
ge "queue resets" "$(engine_count resets)" 1
ge "requeued transfers" "$(engine_count requeued)" 1
eq errors "$(engine_count errors)" 0
