#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Loading and unloading, many times; unloading while busy is refused.
. "$(dirname -- "$0")/common.sh"

rounds=100
insmod "/lib/modules/$(uname -r)/updates/asblk.ko"
settle
[[ -b $dev ]] || fail "insmod gives no $dev"
eq "other modules needed" "$(sed -n 's/^asblk .* \([^ ]*\) Live.*/\1/p' /proc/modules)" "-"

# Open: by a process, then by a mount.
exec 3<"$dev"
refused "unloading with the disk open" rmmod asblk
exec 3<&-
mkfs.ext4 -q "$dev"
mount "$dev" "$mnt"
refused "unloading with the disk mounted" rmmod asblk
echo data >"$mnt/file"
sync
refused "unloading with the disk mounted" rmmod asblk
umount "$mnt"
unload

for ((i = 1; i <= rounds; i++)); do
	modprobe asblk size=64M queues=1 || fail "load in round $i"
	# Not waiting for udev: it may have the disk open.
	if ((i % 10 == 0)); then
		dd if=/dev/zero of="$dev" bs=4k count=16 oflag=direct status=none
	fi
	for ((try = 0; try < 100; try++)); do
		! rmmod asblk 2>/dev/null || continue 2
		sleep 0.05
	done
	fail "unload in round $i"
done
[[ ! -e /sys/class/asblk && ! -e /sys/kernel/debug/asblk ]] || fail "something is left behind"
! grep -q asblk /proc/interrupts || fail "interrupts are left behind"
say "$rounds rounds"
