#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Partition tables, blkpg, rescans.
. "$(dirname -- "$0")/common.sh"

need sfdisk partx
udev_on
load size=256M

# blkpg add|del NUMBER [START LENGTH] - in sectors, as addpart and delpart do.
blkpg() {
	python3 - "$dev" "$@" <<-'END'
		import ctypes, fcntl, os, struct, sys
		path, operation, number, *place = sys.argv[1:]
		start, length = (int(sectors) * 512 for sectors in place or (0, 0))
		data = ctypes.create_string_buffer(struct.pack("qqi64s64s4x", start, length, int(number), b"", b""))
		argument = struct.pack("iii4xP", {"add": 1, "del": 2}[operation], 0, len(data), ctypes.addressof(data))
		try:
		    fcntl.ioctl(os.open(path, os.O_RDONLY), 0x1269, argument)
		except OSError as error:
		    sys.exit(os.strerror(error.errno))
	END
}

sfdisk -q "$dev" <<-END
	label: gpt
	start=2048, size=64M
	size=32M
END
settle

table() {
	local part start

	for part in 1 2; do [[ -b ${dev}p$part ]] || fail "no ${dev}p$part"; done
	eq "size of the second" "$(blockdev --getsize64 "${dev}p2")" $((32 << 20))
	# A partition begins where the table says.
	printf 'first block of p2' | dd of="${dev}p2" bs=512 conv=notrunc,sync oflag=direct status=none iflag=fullblock
	start=$(</sys/block/$disk/${disk}p2/start)
	eq "through the disk" "$(dd if="$dev" bs=512 skip="$start" count=1 iflag=direct status=none | tr -d '\0')" \
		"first block of p2"
}

rescan() {
	mkfs.ext4 -q "${dev}p1"
	mount "${dev}p1" "$mnt"
	refused "rescan with a partition mounted" blockdev --rereadpt "$dev"
	umount "$mnt"
	# Nor is it possible while udev has one open.
	settle
	blockdev --rereadpt "$dev"
	settle
}

one_by_one() {
	blkpg del 2
	[[ ! -e /sys/block/$disk/${disk}p2 ]] || fail "partition 2 is still there"
	blkpg add 3 262144 8192
	settle
	eq "size of the third" "$(blockdev --getsz "${dev}p3")" 8192
	refused "partition over another" blkpg add 4 260000 8192
	partx -d "$dev"
	partx -a "$dev"
	settle
	[[ -b ${dev}p2 ]] || fail "partx does not bring ${dev}p2 back"
}

end() { refused "write beyond the end" dd if=/dev/zero of="${dev}p2" bs=1M seek=32 count=1 oflag=direct; }

discard() {
	local unmaps

	[[ $device != emul ]] || unmaps=$(emul_count unmaps)
	blkdiscard "${dev}p1"
	[[ $device != emul ]] || ge "unmaps at the device" "$(emul_count unmaps)" $((unmaps + 1))
}

run_case "partition table" table
run_case "rescan, refused while one is mounted" rescan
run_case "partitions added and deleted (blkpg)" one_by_one
run_case "write beyond the end of a partition" end
run_case "discard of a partition" discard
