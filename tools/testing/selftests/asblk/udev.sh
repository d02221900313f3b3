# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Stop and start udev: for run, common.sh and the scripts of the lab. It is ended, not told to
# wait: a message from udevadm control that comes while udevd sets the connection up is ignored,
# and udevadm reports success all the same.

# udev_stop - when it returns 0 nothing of udev is left, no worker either
udev_stop() {
	if [[ -e /run/systemd/system ]]; then
		systemctl -q stop systemd-udevd-{control,kernel}.socket systemd-udevd.service
		return
	fi
	pkill -x systemd-udevd || return 0
	# It waits for its workers, and they for what they are doing.
	timeout 60 pidwait -x 'systemd-udevd|\(udev-worker\)' || [[ $? == 1 ]] || {
		echo "# udev does not end:"
		ps -C 'systemd-udevd,(udev-worker)' -o pid,stat,wchan:24,args
		return 1
	} >&2
}

# udev_start - when it returns 0 udev answers
udev_start() {
	if [[ -e /run/systemd/system ]]; then
		systemctl -q start systemd-udevd.service
		return
	fi
	pgrep -x systemd-udevd >/dev/null ||
		/usr/lib/systemd/systemd-udevd --daemon --resolve-names=never 2>/dev/null || return
	# Nobody waits for one that does not listen yet, udevadm settle neither.
	timeout 60 bash -c 'until udevadm control --ping 2>/dev/null; do sleep 0.1; done'
}
