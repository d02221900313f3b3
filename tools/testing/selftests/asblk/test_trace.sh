#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tracepoints tell of requests, transfers and completions.
. "$(dirname -- "$0")/common.sh"

need_emul

trace=/sys/kernel/tracing
[[ -d $trace/events ]] || skip "this kernel has no tracepoints"
load size=64M queues=1
clean_test() { [[ ! -e $trace/events/asblk ]] || echo 0 >$trace/events/asblk/enable; }
echo >$trace/trace
echo 1 >$trace/events/asblk/enable
dd if=/dev/zero of="$dev" bs=256k count=1 oflag=direct status=none
echo 0 >$trace/events/asblk/enable
cp $trace/trace "$tmp/trace"
grep -q 'asblk_submit: 259,[0-9]* queue 0 tag [0-9]* write sector 0 bytes 262144' "$tmp/trace" ||
	fail "no submit: $(tail -n 5 "$tmp/trace")"
eq transfers "$(grep -c 'asblk_transfer: .* write .* bytes 131072' "$tmp/trace")" 2
eq completions "$(grep -c 'asblk_complete: .* status 0 good 131072' "$tmp/trace")" 2
