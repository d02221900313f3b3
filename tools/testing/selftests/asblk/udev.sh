# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Stop and start udev, for run and common.sh. While its queue is stopped, the time that udev
# takes for an event grows with the number of events: after a hundred loads of the module with
# eight disks it needs 26 s to start again. Without systemd it can be ended instead, and the
# new one does not know of disks that are gone.
udev_stop() {
	if [[ -e /run/systemd/system ]]; then
		udevadm control --stop-exec-queue
	else
		# It may have ended already
		udevadm control --exit 2>/dev/null || :
	fi
}
udev_start() {
	if [[ -e /run/systemd/system ]]; then
		udevadm control --start-exec-queue
	else
		udevadm control --ping 2>/dev/null ||
			/usr/lib/systemd/systemd-udevd --daemon --resolve-names=never 2>/dev/null
	fi
}
