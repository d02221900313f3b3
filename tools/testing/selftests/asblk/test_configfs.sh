#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Disks made and removed through configfs: what is accepted, and what is refused in words.
. "$(dirname -- "$0")/common.sh"

need_emul
need_cpus 2
udev_on
configfs_load disks=2

made_at_load() {
	local name

	eq "attributes" "$(cat "$configfs"/asblk1/{device,power,serial,size} | tr '\n' ' ')" \
		"asblk1 1 ASBLK0001 4294967296 "
	refused "rmdir of a disk made at load" rmdir "$configfs/asblk0"
	refused "a disk of the same name" mkdir "$configfs/asblk0"
	for name in size queues read_latency faults; do
		[[ ,$(<"$configfs/features"), == *,$name,* ]] || fail "features lack $name"
	done
}

names() {
	refused "a name that is too long" mkdir "$configfs/$(printf 'x%.0s' {1..40})"
	refused "a name that is no serial number" mkdir "$configfs/two words"
}

identity() {
	local name

	eq device "$(<"$configfs/one/device")" asblk2
	eq size "$(blockdev --getsize64 /dev/asblk2)" $((64 << 20))
	eq queues "$(find /sys/block/asblk2/mq -mindepth 1 -maxdepth 1 | wc -l)" 2
	eq "lsblk" "$(lsblk -dnro SERIAL,LOG-SEC /dev/asblk2)" "one 4096"
	eq "model" "$(lsblk -dno MODEL /dev/asblk2 | sed 's/ *$//')" "made at run time"
	settle
	eq "by serial number" "$(readlink -f /dev/disk/by-id/asblk-one)" /dev/asblk2
	eq "by unique ID" "$(readlink -f "/dev/disk/by-id/asblk-$(</sys/block/asblk2/wwid)")" /dev/asblk2
	printf 'start=2048\n' | sfdisk -q /dev/asblk2
	settle
	for name in one "$(</sys/block/asblk2/wwid)"; do
		eq "partition by $name" "$(readlink -f "/dev/disk/by-id/asblk-$name-part1")" /dev/asblk2p1
	done
	sfdisk -q --delete /dev/asblk2
	settle
}

fixed() {
	local option old

	log_begin
	for option in queues queue_depth block_size max_transfer profile serial node interrupt removable timeout_ms; do
		old=$(<"$configfs/one/$option")
		refused "$option of a live disk" set_option one "$option" "$old"
		grep -q "Device or resource busy" "$tmp/out" || fail "$option: not EBUSY: $(<"$tmp/out")"
		log_has "asblk: one: $option cannot change while the disk is powered on" || fail "$option: not in the log"
		eq "$option" "$(<"$configfs/one/$option")" "$old"
	done
}

values() {
	local bad old

	log_begin
	for bad in size=5 size=x memory_limit=1 write_cache=2 coalesce_count=0 read_latency=soon stall="every 5 5" \
		   channels=65 size=4098K; do
		old=$(<"$configfs/one/${bad%%=*}")
		refused "$bad" set_option one "${bad%%=*}" "${bad#*=}"
		log_has "asblk: one: ${bad%%=*}=" || fail "$bad: not in the log"
		eq "after $bad" "$(<"$configfs/one/${bad%%=*}")" "$old"
	done
	refused "queues=100000" set_option one queues 100000
}

# rmdir removes a disk that is there, even if it is open, and its data; not its unique ID.
removed() {
	local wwid

	wwid=$(<"$configfs/one/wwid")
	dd if=/dev/urandom of="/dev/$(<"$configfs/one/device")" bs=1M count=8 oflag=direct status=none
	make_rule one r op=flush
	refused "rmdir of a disk with rules" rmdir "$configfs/one"
	rmdir "$configfs/one/faults/r"
	settle
	exec 3<"/dev/$(<"$configfs/one/device")"
	rmdir "$configfs/one"
	[[ ! -e /sys/block/asblk2 ]] || fail "still there after rmdir"
	exec 3<&-
	make_disk one size=64M
	eq "the unique ID of the same name" "$(<"$configfs/one/wwid")" "$wwid"
	cmp -n $((64 << 20)) /dev/zero "/dev/$(<"$configfs/one/device")" || fail "data after rmdir"
	rmdir "$configfs/one"
}

# Values that contradict each other are refused at power on, and can be changed then.
contradiction() {
	mkdir "$configfs/two"
	set_option two block_size 4K
	set_option two size 1048064
	refused "power with a size of half a block" set_option two power 1
	set_option two size 1M
	set_option two power 1
	rmdir "$configfs/two"
}

run_case "disks made at load" made_at_load
run_case "refused names" names
make_disk one size=64M queues=2 model="made at run time" block_size=4K
run_case "identity of a disk made at run time" identity
run_case "options that cannot change while the disk is powered on" fixed
run_case "refused values" values
run_case "rmdir" removed
run_case "contradicting values" contradiction
