#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# How often a rule applies: interval, times, times_per_block, probability.
. "$(dirname -- "$0")/common.sh"

need_emul
. "$(dirname -- "$0")/faults.sh"

# failures READS - how many of so many reads fail, all of them because of the rule
failures() {
	local i failed=0

	for ((i = 0; i < $1; i++)); do
		read_block 2>/dev/null || failed=$((failed + 1))
	done
	eq "failed reads" $failed "$(hits r)" >&2
	echo $failed
}

# rate READS FAILURES FIELD=VALUE…
rate() {
	make_rule f r op=read first=2048 blocks=1 "${@:3}"
	eq "failures of $1 reads" "$(failures "$1")" "$2"
	no_rule
}

# Of all blocks of a read together
times() {
	make_rule f r op=read times=4
	eq "failures of 8 reads" "$(failures 8)" 4
	no_rule
}

half() {
	local failed

	make_rule f r op=read first=2048 blocks=1 probability=500000
	failed=$(failures 20)
	ge failures "$failed" 4
	le failures "$failed" 16
	# The same seed and history, the same faults
	set_option f/faults/r enabled 0
	set_option f/faults/r enabled 1
	eq "failures after enabling it again" "$(failures 20)" "$failed"
	no_rule
}

run_case "interval" rate 9 3 interval=3
run_case "times_per_block" rate 5 2 times_per_block=2
run_case "times" times
run_case "probability 0" rate 5 0 probability=0
run_case "probability one half" half
