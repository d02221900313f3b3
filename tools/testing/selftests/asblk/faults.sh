# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For the tests of fault rules: a disk with an interrupt and a polled queue, rules for the
# blocks of 4 KiB at 1 MiB, and I/O to those. Source it after common.sh.
# shellcheck disable=SC2154 # variables of common.sh

udev_off
configfs_load disks=0
make_disk f size=64M queues=1 poll_queues=1 timeout_ms="$(by_speed 500 1000)"
dev=/dev/$(<"$configfs/f/device")
ctrl=/sys/block/${dev#/dev/}/device
coproc single_io { exec python3 -BIS "${BASH_SOURCE[0]%/*}/single_io.py"; }
# A coprocess's own descriptors are not for subshells
exec {io_out}<&"${single_io[0]}" {io_in}>&"${single_io[1]}"
export trace=/sys/kernel/tracing here=$((1 << 20))

# run_modes NAME COMMAND… - a case for each kind of queue, which COMMAND finds in mode
run_modes() {
	for mode in interrupt poll; do
		run_case "$mode: $1" "${@:2}"
	done
}

after_failure() { [[ $(<"$ctrl/state") == live ]] || power_cycle; }

power_cycle() {
	set_option f power 0
	set_option f power 1
	eq "state after a power cycle" "$(<"$ctrl/state")" live
}
rule() { make_rule f r first=2048 blocks=8 "$@"; }
no_rule() { rmdir "$configfs/f/faults/r"; }
hits() { echo "$(<"$configfs/f/faults/$1/hits")"; }

# ask read|write [VALUE] - have single_io.py read or write the blocks; said is what it says
ask() {
	local poll=0

	[[ $mode != poll ]] || poll=1
	echo "$dev $1 $poll ${at:-$here} 4096 ${2-}" >&"$io_in"
	IFS= read -r -u "$io_out" said || fail "single_io.py has ended"
}
io() {
	ask "$@"
	[[ $said == ok* ]]
}

good() { io "$@" || fail "$*: $said"; }
bad() {
	! io "$@" || fail "$* did not fail"
	[[ $said == "$1: "* ]] || fail "$* failed for another reason: $said"
}
good_write() { good write "$1"; }
bad_write() { bad write "$1"; }

# reads_right VALUE, reads_wrong VALUE - whether that is what all bytes are
reads_right() { good read "$1"; }
reads_wrong() {
	! io read "$1" || fail "it reads $1 in spite of the rule"
	[[ $said == verify:* ]] || fail "failed for another reason: $said"
}

# content OFFSET - of 4 KiB there: each value of a byte, and how often it is there
content() {
	at=$1 mode=interrupt good read
	echo "${said#ok }"
}

# Through the interrupt queue
write() { dd if=/dev/zero of="$dev" bs=4k seek=256 count=1 oflag=direct status=none "$@"; }
read_block() { mode=interrupt io read; }
