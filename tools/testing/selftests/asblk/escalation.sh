# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Completions that never come: each is recovered from by the escalation step that the rule
# says, and by no lower one. For a queue with interrupts and for a polled one it is a test
# each, as both wait for timeouts most of the time. Source it after faults.sh.
# shellcheck disable=SC2154 # variables of common.sh and faults.sh

# lost ACTION STEP
lost() {
	local aborts resets all unknown

	aborts=$(engine_count aborts) resets=$(engine_count resets) all=$(<"$ctrl/resets") unknown=$(engine_count unknown_ids)
	rule op=write action="$1" recovered_by="$2" times=1
	if [[ $2 == never ]]; then
		bad_write 0x99
		eq state "$(<"$ctrl/state")" dead
		no_rule
		power_cycle
		return
	fi
	good_write 0x99
	no_rule
	reads_right 0x99
	case $2 in
	abort)
		ge aborts "$(engine_count aborts)" $((aborts + 1))
		eq resets "$(engine_count resets)" "$resets"
		;;
	queue-reset)
		ge resets "$(engine_count resets)" $((resets + 1))
		eq "controller resets" "$(<"$ctrl/resets")" "$all"
		;;
	controller-reset)
		eq "controller resets" "$(<"$ctrl/resets")" $((all + 1))
		;;
	esac
	[[ $1 != wrong-id && $1 != late ]] ||
		ge "completions of an unknown ID" "$(engine_count unknown_ids)" $((unknown + 1))
}

# never ACTION before|after - a lost command has been executed, or it has not
never() {
	good_write 0x11
	rule op=write action="$1" recovered_by=never when="$2" times=1
	bad_write 0x22
	no_rule
	power_cycle
	reads_right "$([[ $2 == before ]] && echo 0x11 || echo 0x22)"
}

fatal() {
	rule op=read action=fatal times=1
	bad read
	bad write
	no_rule
	eq state "$(<"$ctrl/state")" dead
	power_cycle
	good read
}

# Seconds each with all checkers: there, once a queue is not enough, what was lost and how makes
# no difference any more, nor does the kind of queue.
in_short() {
	[[ $slow && $2 != abort && $2 != queue-reset ]] && [[ $mode == poll || $1 != lose ]]
}

# escalation_cases - for the queue of $mode
escalation_cases() {
	local action step when

	for action in lose wrong-id late hang; do
		for step in abort queue-reset controller-reset never; do
			# These two are not over with an abort.
			[[ $step != abort || $action == lose || $action == wrong-id ]] || continue
			if in_short $action $step; then
				run_case "$action, recovered by $step" skip "as for a lost completion of the interrupt queue"
				continue
			fi
			run_case "$action, recovered by $step" lost $action $step
		done
	done
	for action in lose fatal; do
		for when in before after; do
			run_case "$action for good $when execution" never $action $when
		done
	done
	run_case "fatal error" fatal
}
