#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# 64 disks at once.
. "$(dirname -- "$0")/common.sh"

load disks=64 size=64M
eq "disks" "$(find /sys/block -name 'asblk*' | wc -l)" 64
eq "serial numbers" "$(cat /sys/block/asblk*/device/serial | sort -u | wc -l)" 64
for i in {0..63}; do
	printf 'disk %d' "$i" | dd of="/dev/asblk$i" bs=4k conv=sync oflag=direct iflag=fullblock status=none
done
for i in {0..63}; do
	eq "content of disk $i" "$(dd if="/dev/asblk$i" bs=4k count=1 iflag=direct status=none | tr -d '\0')" \
		"disk $i"
done
