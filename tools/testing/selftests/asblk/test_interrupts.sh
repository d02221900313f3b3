#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# One interrupt line per queue, and batches.
. "$(dirname -- "$0")/common.sh"

need_emul
need fio
load size=64M
lines=$(grep -c 'asblk.*ctrl0-q' /proc/interrupts)
eq "interrupt lines" "$lines" "$(nproc --all)"
total() { awk '/asblk.*ctrl0-q/ { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) sum += $i } END { print sum + 0 }' /proc/interrupts; }
before=$(total)
dd if=/dev/zero of="$dev" bs=4k count=100 oflag=direct status=none
ge "interrupts of 100 writes" $(($(total) - before)) 90
# One raised while another is on its way is the same interrupt.
le "interrupts that nobody raised" "$(total)" "$(emul_count interrupts)"
fio_run batch --filename="$dev" --rw=randread --bs=4k --direct=1 --ioengine=io_uring --iodepth=32 \
	--iodepth_batch_submit=16 --iodepth_batch_complete_min=8 --size=8m
eq "transfers" "$(engine_count transfers)" "$(engine_count completions)"
per=$(awk -v c="$(engine_count completions)" -v i="$(engine_count interrupts)" 'BEGIN { print int(c / i) }')
ge "completions per interrupt" "$per" 2
grep -q 'slots taken' /sys/kernel/debug/asblk/ctrl0/q0/slots || fail "slots"
grep -q '^submission entries 256 ' /sys/kernel/debug/asblk/ctrl0/q0/rings || fail "rings"
