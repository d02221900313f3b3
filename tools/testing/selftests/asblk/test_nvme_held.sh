#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A device that takes too long: commands are aborted, the queue is reset, requests are
# requeued, and in the end it works as before.
. "$(dirname -- "$0")/common.sh"

need fio
need_nvme
monitor "info version" | grep -q . || skip "QEMU's monitor is not within reach"
need_serial asblk-nvme1
load disks=1
echo 2000 >"/sys/block/$disk/queue/io_timeout"
# throttle IOPS - of the drive behind it; 0 for no limit
throttle() { monitor "block_set_io_throttle nvme1 0 0 0 $1 0 0" >"$tmp/monitor"; }
clean_test() { throttle 0; }
throttle 1
fio --name=held --filename="$dev" --rw=write --bs=64k --direct=1 --ioengine=io_uring --iodepth=8 --size=512k \
	--verify=crc32c --do_verify=0 --output="$tmp/fio" >"$tmp/fio.err" 2>&1 &
fio=$!
recovering() { (($(engine_count aborts) > 0 && $(engine_count resets) > 0)); }
wait_for "an abort and a reset" recovering
throttle 0
# On a slow machine a command may be out of retries before the monitor has answered.
if wait $fio; then
	fio_run check --filename="$dev" --rw=read --bs=64k --direct=1 --size=512k --verify=crc32c --verify_fatal=1
else
	grep -q "Connection timed out" "$tmp/fio.err" || fail "fio: $(tail -n 5 "$tmp/fio" "$tmp/fio.err")"
	say "out of retries"
fi
echo 30000 >"/sys/block/$disk/queue/io_timeout"
verify after --ioengine=io_uring --direct=1 --rw=randwrite --bs=64k --size=8m --iodepth=8
eq "state" "$(<"/sys/block/$disk/device/state")" live
say "$(engine_count aborts) aborts, $(engine_count resets) resets, $(engine_count requeued) transfers requeued," \
	"$(engine_count unknown_ids) completions of an unknown ID"
