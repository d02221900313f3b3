#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A file's extents give the same bytes through the raw disk.
. "$(dirname -- "$0")/common.sh"

need filefrag
load size=256M
printf 'start=4096\n' | sfdisk -q "$dev"
settle
mkfs.ext4 -q "${dev}p1"
mount "${dev}p1" "$mnt"
dd if=/dev/urandom of="$mnt/file" bs=64k count=40 conv=fsync status=none
start=$(</sys/block/$disk/${disk}p1/start)
# The raw disk has a page cache of its own.
drop_caches
checked=0
while read -r logical physical length; do
	cmp -n $((length * 512)) -i $((logical * 512)):$(((start + physical) * 512)) "$mnt/file" "$dev" ||
		fail "extent at $logical differs"
	checked=$((checked + length))
done < <(filefrag -b512 -e -s "$mnt/file" |
	sed -nE 's/^ *[0-9]+: *([0-9]+)\.\. *[0-9]+: *([0-9]+)\.\. *[0-9]+: *([0-9]+):.*/\1 \2 \3/p')
eq "blocks compared" "$checked" 5120
