#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Eject and load: mounted, open, idle; the data stays.
. "$(dirname -- "$0")/common.sh"

need_emul
need eject fio
udev_on_if_fast
load size=64M removable=1
printf 'start=2048\n' | sfdisk -q "$dev"
settle
dd if=/dev/urandom of="$tmp/data" bs=1M count=4 status=none
dd if="$tmp/data" of="${dev}p1" bs=1M conv=fsync status=none

# The ioctl itself: CDROMEJECT 0x5309, CDROMCLOSETRAY 0x5319, CDROM_LOCKDOOR
# 0x5329, CDROM_DRIVE_STATUS 0x5326.
control() {
	python3 - "$@" <<-'END'
		import fcntl, os, sys
		fd = os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK)
		try:
		    print(fcntl.ioctl(fd, int(sys.argv[2], 0), int(sys.argv[3])))
		except OSError as error:
		    print(os.strerror(error.errno))
	END
}
drive_status() { control "$dev" 0x5326 0; }

after_failure() {
	control "$dev" 0x5329 0
	eject -t "$dev"
}

open() {
	eq "status" "$(drive_status)" 4
	exec 3<"$dev"
	eq "eject" "$(control "$dev" 0x5309 0)" "Device or resource busy"
	exec 3<&-
}

# The ioctl refuses; eject(1) unmounts first.
mounted() {
	mkfs.ext4 -q "${dev}p1"
	mount "${dev}p1" "$mnt"
	cp "$tmp/data" "$mnt/data"
	eq "eject while mounted" "$(control "$dev" 0x5309 0)" "Device or resource busy"
	cmp "$tmp/data" "$mnt/data"
	eject "$dev"
	! mountpoint -q "$mnt" || fail "still mounted"
	eq "status when ejected" "$(drive_status)" 2
	eq "capacity when ejected" "$(<"/sys/block/$disk/size")" 0
	refused "opening without a medium" dd if="$dev" of=/dev/null count=1
	grep -q "No medium" "$tmp/out" || fail "not ENOMEDIUM: $(<"$tmp/out")"
	eq "eject again" "$(control "$dev" 0x5309 0)" 0
	eject -t "$dev"
	eq "status when loaded again" "$(drive_status)" 4
	blockdev --rereadpt "$dev" || :	# udev may have been faster
	settle
	mount "${dev}p1" "$mnt"
	cmp "$tmp/data" "$mnt/data" || fail "data lost by eject"
	umount "$mnt"
}

# Unwritten data in the disk's page cache is written.
page_cache() {
	settle
	python3 - "$dev" <<-'END'
		import fcntl, os, sys
		fd = os.open(sys.argv[1], os.O_RDWR)
		os.pwrite(fd, b"not synced yet", 40 << 20)
		fcntl.ioctl(fd, 0x5309)
	END
	eject -t "$dev"
	eq "data written before eject" "$(dd if="$dev" bs=1M skip=40 count=1 status=none | head -c 14)" "not synced yet"
}

locked() {
	eq "lock" "$(control "$dev" 0x5329 1)" 0
	eq "eject while locked" "$(control "$dev" 0x5309 0)" "Device or resource busy"
	eq "unlock" "$(control "$dev" 0x5329 0)" 0
	eq "bad lock value" "$(control "$dev" 0x5329 7)" "Invalid argument"
}

partition() { eq "eject" "$(control "${dev}p1" 0x5309 0)" "Inappropriate ioctl for device"; }

# Ejects are refused, and no request fails.
busy() {
	local reads i

	reads=$(emul_count reads)
	fio --name=load --filename="$dev" --rw=randrw --bs=4k --direct=1 --ioengine=io_uring --iodepth=8 \
		--time_based --runtime=300 --output="$tmp/fio" &
	fio=$!
	until (($(emul_count reads) > reads + 100)); do sleep 0.1; done
	for ((i = 0; i < 5; i++)); do
		eq "eject" "$(control "$dev" 0x5309 0)" "Device or resource busy"
	done
	kill -INT $fio
	wait $fio || :	# its status tells of the signal; the counters, of errors
	eq "errors" "$(engine_count errors) $(emul_count errors)" "0 0"
}

rounds() {
	local i

	settle
	for ((i = 0; i < 8; i++)); do
		settle	# udev opens the disk when its medium changes
		eq "eject, round $i" "$(control "$dev" 0x5309 0)" 0
		eq "load, round $i" "$(control "$dev" 0x5319 0)" 0
	done
}

fixed() {
	load size=64M
	eq "eject" "$(control "$dev" 0x5309 0)" "Inappropriate ioctl for device"
}

run_case "refused while open" open
run_case "mounted: refused, by eject(1) unmounted first" mounted
run_case "data in the page cache is written" page_cache
run_case "refused while locked" locked
run_case "refused for a partition" partition
run_case "refused under I/O" busy
run_case "eject and load eight times" rounds
unload
run_case "refused by a fixed disk" fixed
