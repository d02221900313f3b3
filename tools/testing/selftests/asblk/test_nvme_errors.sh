#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A medium with a block that cannot be read (sector 2100) and one that cannot be written
# (sector 6100): the status and the sector are right, and everything else succeeds. The
# controller transfers at most 128 KiB.
. "$(dirname -- "$0")/common.sh"

need fio nvme
need_serial faulty
load disks=1
part=256	# sectors of a transfer
eq "MDTS" "$(nvme id-ctrl "$dev" | sed -n 's/^mdts *: *//p')" 5

# said SECTOR READ|WRITE - the kernel has reported a medium error there
said() {
	log_has "critical medium error, dev $disk, sector $1 op 0x$([[ $2 == READ ]] && echo 0 || echo 1):($2)" ||
		fail "no $2 error at $1: $(tail -n 3 "$tmp/log")"
}

read_block() {
	log_begin
	refused "a read of the block" dd if="$dev" of=/dev/null bs=512 skip=2100 count=1 iflag=direct
	said 2100 READ
	dd if="$dev" of=/dev/null bs=512 skip=2099 count=1 iflag=direct status=none
	dd if="$dev" of=/dev/null bs=512 skip=2101 count=99 iflag=direct status=none
}

# Of parts in flight at the same time the lowest that failed is reported, from its start.
read_parts() {
	log_begin
	refused "1 MiB around it" dd if="$dev" of=/dev/null bs=1M skip=$((1536 * 512)) count=1 iflag=direct,skip_bytes
	said $((2100 / part * part)) READ
}

# Reads before the bad part succeed, all others fail.
merged_reads() {
	local bytes

	log_begin
	fio --name=merged --filename="$dev" --rw=read --bs=64k --offset=$((1536 * 512)) --size=1m --direct=1 \
		--ioengine=io_uring --iodepth=16 --iodepth_batch=16 --iodepth_batch_complete_min=16 \
		--output-format=json --output="$tmp/fio" >"$tmp/err" 2>&1 && fail "the merged reads did not fail"
	bytes=$(sed -n '/^{/,$p' "$tmp/fio" |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["jobs"][0]["read"]["io_bytes"])')
	eq "bytes that were read" "$bytes" $(((2048 - 1536) * 512))
	said 2048 READ
}

writes() {
	log_begin
	refused "a write of the block" dd if=/dev/zero of="$dev" bs=512 seek=6100 count=1 oflag=direct
	said 6100 WRITE
	refused "1 MiB around it" dd if=/dev/zero of="$dev" bs=1M seek=2 count=2 oflag=direct
	said $((6100 / part * part)) WRITE
	dd if=/dev/urandom of="$tmp/data" bs=64k count=1 status=none
	dd if="$tmp/data" of="$dev" bs=512 seek=6144 oflag=direct status=none
	dd if="$dev" bs=512 skip=6144 count=128 iflag=direct status=none | cmp - "$tmp/data" || fail "data next to it"
}

run_case "read of a bad block" read_block
run_case "read of several parts" read_parts
run_case "merged reads" merged_reads
run_case "writes" writes
run_case "no resets" eq "resets" "$(<"/sys/block/$disk/device/resets")" 0
