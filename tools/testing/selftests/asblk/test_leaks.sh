#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# After I/O and unloading, memory, slabs and interrupts are as before.
. "$(dirname -- "$0")/common.sh"

need_emul
need fio
udev_off
work() {
	load size=512M disks=2
	fio_run work --filename="$dev" --rw=write --bs=1m --size="$(by_speed 96m 48m)" --direct=1 --ioengine=io_uring
	mkfs.ext4 -qF /dev/asblk1
	mount /dev/asblk1 "$mnt"
	cp -r /usr/lib/python3*/encodings "$mnt"
	umount "$mnt"
	blkdiscard -o 0 -l $((64 << 20)) "$dev"
	unload
}
# Free pages and caches, after everything lazy has been done.
snapshot() {
	local free

	drop_caches
	sleep 2
	free=$(free_kb)
	awk -v sum="$free" '/^(Buffers|Cached|SReclaimable):/ { sum += $2 } END { print sum }' /proc/meminfo
}
slabs() { awk '/^SUnreclaim:/ { print $2 }' /proc/meminfo; }
vmalloc() { awk '/^VmallocUsed:/ { print $2 }' /proc/meminfo; }
work	# the first time fills caches that stay
free=$(snapshot) slab=$(slabs) vm=$(vmalloc) irqs=$(wc -l </proc/interrupts)
rounds=2
for ((i = 0; i < rounds; i++)); do work; done
lost=$((free - $(snapshot)))
grown=$(($(slabs) - slab))
say "$rounds rounds: $lost KiB less free, slabs $grown KiB more, vmalloc $(($(vmalloc) - vm)) KiB more"
# Each round would leave 48 MiB of data, 1 MiB of tables or 100 KiB of queues.
le "KiB of pages lost" "$lost" $((8 * 1024))
le "KiB of slab grown" "$grown" "$(by_speed 2048 8192)"
le "KiB of vmalloc grown" $(($(vmalloc) - vm)) 512
eq "interrupt lines" "$(wc -l </proc/interrupts)" "$irqs"
