#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A disk that hangs can be unplugged whatever waits for it, and operations on other disks do
# not wait.
. "$(dirname -- "$0")/common.sh"

need_emul
configfs_load disks=0

# soon WHAT COMMAND… - it is over within ten seconds
soon() {
	local what=$1 start=$SECONDS
	shift

	timeout 10 "$@" || fail "$what: status $? after $((SECONDS - start)) s"
}

# hang - set pid to that of a read which waits for a command that is lost
hang() {
	make_disk d size=64M timeout_ms=600000
	dev=/dev/$(<"$configfs/d/device")
	make_rule d r action=lose recovered_by=never op=read first=8 blocks=8 times=1
	dd if="$dev" of=/dev/null bs=4k skip=1 count=1 iflag=direct status=none 2>"$tmp/dd" &
	pid=$!
	wait_for "command lost" hit
	eq "commands lost" "$(<"$configfs/d/faults/r/hits")" 1
}

# wait_end - of the lost read
wait_end() { ! wait "$pid" || fail "the lost read did not fail"; }
hit() { [[ $(<"$configfs/d/faults/r/hits") != 0 ]]; }

while_powering_off() {
	local power

	hang
	sh -c "echo 0 >$configfs/d/power" &
	power=$!
	sleep 1
	kill -0 $power || fail "powered off with a read in flight"
	soon "reading the device" cat "$configfs/d/device" >/dev/null
	soon "reading an option" cat "$configfs/d/size" >/dev/null
	soon "disabling a rule" sh -c "echo 0 >$configfs/d/faults/r/enabled"
	soon unplug sh -c "echo 1 >$configfs/d/unplug"
	wait_end
	wait $power
	eq "power" "$(<"$configfs/d/power")" 0
	rmdir "$configfs/d/faults/r" "$configfs/d"
}

while_setting() {
	local cache

	hang
	sh -c "echo 0 >$configfs/d/write_cache" 2>/dev/null &
	cache=$!
	sleep 1
	soon unplug sh -c "echo 1 >$configfs/d/unplug"
	wait_end
	wait $cache || :
	rmdir "$configfs/d/faults/r" "$configfs/d"
}

# Powering on reads the partition table.
while_powering_on() {
	local power

	mkdir "$configfs/d"
	echo 600000 >"$configfs/d/timeout_ms"
	make_rule d r action=lose recovered_by=never op=read
	sh -c "echo 1 >$configfs/d/power" 2>/dev/null &
	power=$!
	wait_for "command lost" hit
	soon "reading the device" cat "$configfs/d/device" >/dev/null
	soon unplug sh -c "echo 1 >$configfs/d/unplug"
	wait $power || :
	eq "power" "$(<"$configfs/d/power")" 0
	rmdir "$configfs/d/faults/r" "$configfs/d"
}

removed() {
	hang
	rmdir "$configfs/d/faults/r"
	soon rmdir rmdir "$configfs/d"
	wait_end
	soon mkdir mkdir "$configfs/other"
	soon ls ls "$configfs" >/dev/null
	rmdir "$configfs/other"
}

run_case "unplugged while it is powered off" while_powering_off
run_case "unplugged while its write cache is turned off" while_setting
run_case "unplugged while it is powered on" while_powering_on
run_case "rmdir does not wait" removed
