#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Attributes of the controller: retries, coalescing, looking for namespaces.
. "$(dirname -- "$0")/common.sh"

load size=64M
ctrl=/sys/block/$disk/device

retries() {
	eq "retries at first" "$(<"$ctrl/max_retries")" "$(by_device 3 5)"
	refused "256 retries" bash -c "echo 256 >$ctrl/max_retries"
	refused "no number of retries" bash -c "echo many >$ctrl/max_retries"
	echo 0 >"$ctrl/max_retries"
	eq "retries" "$(<"$ctrl/max_retries")" 0
	by_device 3 5 >"$ctrl/max_retries"
}

# Not one of QEMU's features, or out of range.
coalescing() {
	[[ $device == nvme ]] || skip "the emulated controller has it: test_latency"
	refused "coalescing" bash -c "echo 100 >$ctrl/coalesce_usecs"
	refused "coalescing of nothing" bash -c "echo 0 >$ctrl/coalesce_count"
	eq "coalescing" "$(<"$ctrl/coalesce_count") $(<"$ctrl/coalesce_usecs")" "1 0"
}

rescan() {
	if [[ $device == nvme ]]; then
		refused "no rescan" bash -c "echo 0 >$ctrl/rescan_controller"
		echo 1 >"$ctrl/rescan_controller"
		[[ -b $dev ]] || fail "$dev was lost in a rescan"
	else
		[[ ! -e $ctrl/rescan_controller ]] || fail "the emulated controller offers a rescan"
	fi
}

run_case "max_retries" retries
run_case "coalescing is refused without the feature" coalescing
run_case "rescan_controller" rescan
