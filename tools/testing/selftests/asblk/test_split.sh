#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Requests become as many transfers as the limits make necessary.
. "$(dirname -- "$0")/common.sh"

need_emul
udev_off

# split REQUEST_KB REQUESTS EXPECTED PARAMETER=VALUE…
split() {
	local kb=$1 requests=$2 want=$3 before after

	shift 3
	load size=64M queues=1 "$@"
	echo $((kb > 1280 ? kb : 1280)) >"/sys/block/$disk/queue/max_sectors_kb"
	before="$(engine_count requests) $(engine_count transfers)"
	# One page-aligned buffer, huge pages or not: segments do not matter here.
	dd if=/dev/zero of="$dev" bs="${kb}K" count="$requests" oflag=direct status=none
	after="$(engine_count requests) $(engine_count transfers)"
	eq requests "$((${after% *} - ${before% *}))" "$requests"
	eq transfers "$((${after#* } - ${before#* }))" "$want"
	eq "commands at the device" "$(emul_count writes)" "$want"
	cmp -n $((kb * 1024 * requests)) "$dev" /dev/zero || fail "data"
	unload
}

# Request in KiB, requests, transfers, parameters
while read -r kb requests transfers parameters; do
	# shellcheck disable=SC2086 # words
	run_case "requests of $kb KiB${parameters:+ with $parameters}" split "$kb" "$requests" "$transfers" $parameters
done <<-END
	1024 8 64
	128 8 8
	132 4 8
	4 16 16
	1024 4 32 max_segments=1024
	1024 4 4 max_transfer=1M max_segments=1024
	1024 4 64 max_transfer=64K
	1024 2 512 max_transfer=4K
	64 2 256 max_transfer=512
	1024 2 64 max_transfer=32K block_size=4K
	256 2 128 max_segments=1 max_segment_size=4K
	256 2 64 max_segments=2 max_segment_size=4K
	256 2 32 segment_boundary=4K max_segments=4
	1024 1 64 max_transfer=16K queue_depth=1
	4096 2 64
END
