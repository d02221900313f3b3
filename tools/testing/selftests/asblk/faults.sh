# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For the tests of fault rules: a disk with an interrupt and a polled queue, rules for the
# blocks of 4 KiB at 1 MiB, and I/O to those. Source it after common.sh.
# shellcheck disable=SC2154 # variables of common.sh

need fio
udev_off
configfs_load disks=0
make_disk f size=64M queues=1 poll_queues=1 timeout_ms="$(by_speed 500 1000)"
dev=/dev/$(<"$configfs/f/device")
ctrl=/sys/block/${dev#/dev/}/device
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
hits() { cat "$configfs/f/faults/$1/hits"; }

# io read|write [OPTION…]
io() {
	local poll=0

	[[ $mode != poll ]] || poll=1
	fio --name=io --filename="$dev" --direct=1 --ioengine=io_uring --hipri=$poll --rw="$1" --bs=4k \
		--offset=$here --size=4k --output="$tmp/io" "${@:2}" >"$tmp/io.err" 2>&1
}
io_said() { cat "$tmp/io" "$tmp/io.err"; }

good() { io "$@" || fail "$*: $(io_said | tail -n 6)"; }
bad() { ! io "$@" || fail "$* did not fail"; }
good_write() { good write --buffer_pattern="$1"; }
bad_write() { bad write --buffer_pattern="$1"; }

# reads_right PATTERN, reads_wrong PATTERN - whether that is what is read
check_read() { io read --verify=pattern --verify_pattern="$1" --verify_fatal=1; }
reads_right() { check_read "$1" || fail "not $1: $(io_said | tail -n 6)"; }
reads_wrong() {
	! check_read "$1" || fail "it reads $1 in spite of the rule"
	grep -q verify "$tmp/io.err" "$tmp/io" || fail "failed for another reason: $(io_said)"
}

# content OFFSET - of 4 KiB there: each value of a byte, and how often it is there
content() {
	dd if="$dev" bs=4k skip=$(($1 / 4096)) count=1 iflag=direct status=none |
		od -An -v -tx1 -w1 | sort | uniq -c | awk '{ print $2 "*" $1 }' | paste -sd' '
}

# Without fio, through the interrupt queue
write() { dd if=/dev/zero of="$dev" bs=4k seek=256 count=1 oflag=direct status=none "$@"; }
read_block() { dd if="$dev" of=/dev/null bs=4k skip=256 count=1 iflag=direct status=none; }
