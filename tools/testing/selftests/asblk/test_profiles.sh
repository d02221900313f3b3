#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Profiles: limits and times that go together.
. "$(dirname -- "$0")/common.sh"

need_emul
configfs_load disks=0

# profile NAME ATTRIBUTE VALUE - an attribute of the queue, of the disk or in configfs
profile() {
	local name path

	make_disk "$1" profile="$1" size=64M
	name=$(<"$configfs/$1/device")
	dd if=/dev/zero of="/dev/$name" bs=64k count=4 oflag=direct conv=fsync status=none
	for path in /sys/block/"$name"{/queue,} "$configfs/$1"; do
		[[ ! -e $path/$2 ]] || break
	done
	eq "$2" "$(<"$path/$2")" "$3"
	rmdir "$configfs/$1"
}

unknown() {
	mkdir "$configfs/x"
	refused "a profile that there is not" set_option x profile floppy
	rmdir "$configfs/x"
}

run_case sata-ssd profile sata-ssd nr_requests 32
run_case nvme-ssd profile nvme-ssd virt_boundary_mask 4095
run_case plp profile plp write_cache "write through"
run_case qlc profile qlc rotational 0
run_case hdd profile hdd rotational 1
run_case usb-stick profile usb-stick removable 1
run_case ideal profile ideal read_latency none
run_case "unknown profile" unknown
