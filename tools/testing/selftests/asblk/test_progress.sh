#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A timeout of a request whose transfers go on leads to nothing, however long it takes; if
# none of them goes on, the second timeout leads to a queue reset, however many there are.
. "$(dirname -- "$0")/common.sh"

need_emul

# 32 transfers, one after the other, of a quarter of a second each. The block layer looks at
# its requests every second or two.
slow() {
	local start counter

	load size=64M queues=1 queue_depth=1 max_transfer=16K write_bandwidth=64K burst_usecs=0 timeout_ms=1000
	echo 512 >/sys/block/$disk/queue/max_sectors_kb
	# An abort, or a reset, would fail it.
	echo 0 >/sys/block/$disk/device/max_retries
	start=$(date +%s%N)
	dd if=/dev/zero of="$dev" bs=512K count=1 oflag=direct status=none || fail "the write"
	say "512 KiB took $(ms_since "$start") ms, $(engine_count timeouts) timeouts"
	ge "timeouts" "$(engine_count timeouts)" 2
	for counter in aborts retries resets errors requeued; do
		eq "$counter" "$(engine_count $counter)" 0
	done
	unload
}

# 128 transfers, none of which is completed
lost() {
	configfs_load disks=0
	make_disk many size=64M queues=1 queue_depth=256 max_transfer=4K timeout_ms=1000
	dev=/dev/$(<"$configfs/many/device")
	echo 512 >"/sys/block/${dev#/dev/}/queue/max_sectors_kb"
	make_rule many stop action=lose recovered_by=queue-reset times=128 op=write
	dd if=/dev/zero of="$dev" bs=512K count=1 oflag=direct status=none || fail "the write"
	eq "queue resets" "$(engine_count resets)" 1
	le "timeouts until then" "$(engine_count timeouts)" 3
	ge "aborts" "$(engine_count aborts)" 100
}

run_case "a request that advances is not recovered" slow
run_case "a request that does not is recovered at its second timeout" lost
