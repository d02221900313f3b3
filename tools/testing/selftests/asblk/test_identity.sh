#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What lsblk, sysfs and ioctls tell of a disk.
. "$(dirname -- "$0")/common.sh"

need_emul
need lsblk blockdev
udev_on

told() {
	local ctrl=/sys/block/$disk/device wwid

	load disks=2 size=2G removable=1
	eq lsblk "$(lsblk -dnro SIZE,SERIAL,REV,PHY-SEC,LOG-SEC,ROTA,RM "$dev" | tr '\n' ' ')" \
		"2G ASBLK0000 1.0 4096 512 0 1 "
	eq model "$(lsblk -dno MODEL "$dev" | sed 's/ *$//')" "asblk emulated disk"
	eq "model in sysfs" "$(<"$ctrl/model")" "asblk emulated disk"
	eq "serial in sysfs" "$(<"$ctrl/serial")" ASBLK0000
	eq "firmware revision" "$(<"$ctrl/firmware_rev")" 1.0
	eq class "$(readlink -f "$ctrl")" "$(readlink -f /sys/class/asblk/ctrl0)"
	[[ $(<"/sys/block/$disk/wwid") =~ ^eui\.[0-9a-f]{32}$ ]] || fail "wwid $(<"/sys/block/$disk/wwid")"
	[[ $(<"/sys/block/$disk/wwid") != "$(</sys/block/asblk1/wwid)" ]] || fail "two disks with one wwid"
	eq "discard limit" "$(lsblk -dnbro DISC-MAX "$dev")" 4294901760
	eq "cache" "$(<"/sys/block/$disk/queue/write_cache")" "write back"
	eq "fua" "$(<"/sys/block/$disk/queue/fua")" 1
	# HDIO_GETGEO gives what partitioning tools expect.
	eq geometry "$(python3 - "$dev" <<-END
		import fcntl, struct, sys
		buffer = fcntl.ioctl(open(sys.argv[1]), 0x0301, bytes(16))
		print(*struct.unpack("BBHxxxxL", buffer))
		END
	)" "255 63 261 0"
	wwid=$(<"/sys/block/$disk/wwid")
	unload
	load size=2G
	eq "wwid after another load" "$(<"/sys/block/$disk/wwid")" "$wwid"
	eq "removable" "$(<"/sys/block/$disk/removable")" 0
	unload
}

chosen() {
	load size=64M serial=S4711 model="a disk of ours" firmware_rev=2.3 wwid=0123456789abcdef0123456789abcdef
	eq lsblk "$(lsblk -dnro SERIAL,REV "$dev") $(</sys/block/$disk/wwid)" "S4711 2.3 eui.0123456789abcdef0123456789abcdef"
	eq model "$(<"/sys/block/$disk/device/model")" "a disk of ours"
}

run_case "lsblk, sysfs and ioctls" told
run_case "chosen identity" chosen
