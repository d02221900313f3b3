#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The events that tell user space of a medium that has changed.
. "$(dirname -- "$0")/common.sh"

need_emul
need eject
udev_on
load size=64M removable=1
settle
eject "$dev"
settle
stdbuf -oL udevadm monitor --kernel --property --subsystem-match=block >"$tmp/events" 2>&1 &
wait_for "udevadm monitor" grep -q "^KERNEL" "$tmp/events"
sleep 0.5
at_least() { (($(grep -c "^DISK_MEDIA_CHANGE=1" "$tmp/events") >= $1)); }

# event NUMBER COMMAND… - COMMAND leads to one more
event() {
	"${@:2}"
	wait_for "event $1" at_least "$1"
	settle
}
reformat() { echo 512 >/sys/block/$disk/format; }

run_case "load" event 1 eject -t "$dev"
run_case "eject" event 2 eject "$dev"
run_case "load again" event 3 eject -t "$dev"
run_case "format" event 4 reformat
