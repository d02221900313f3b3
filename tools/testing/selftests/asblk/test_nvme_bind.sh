#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The driver bound and unbound: idle, under I/O, during resets, by ID, mounted.
. "$(dirname -- "$0")/common.sh"

need fio
need_nvme
load disks=1
path=/sys/bus/pci/devices/${nvme[0]}
driver=/sys/bus/pci/drivers/asblk_nvme
bind() {
	echo "${nvme[0]}" >$driver/bind
	[[ -b $dev ]] || fail "no $dev after binding"
}
unbind() { echo "${nvme[0]}" >"$path/driver/unbind"; }
gone() { [[ ! -e $dev ]] || fail "$dev is still there"; }
after_failure() { [[ -e $path/driver ]] || nvme_bind asblk_nvme "${nvme[0]}"; }

idle() {
	local i

	for ((i = 0; i < 200; i++)); do
		unbind
		gone
		bind
	done
}

# Requests end with errors or with success.
under_io() {
	local i

	for ((i = 0; i < 5; i++)); do
		fio --name=unbind --filename="$dev" --rw=randrw --bsrange=4k-256k --direct=1 --ioengine=io_uring \
			--iodepth=16 --time_based --runtime=60 --output="$tmp/fio" >"$tmp/fio.err" 2>&1 &
		sleep 1.5
		unbind
		wait $! && fail "fio did not notice"
		bind
	done
}

during_resets() {
	local i

	for ((i = 0; i < 5; i++)); do
		while echo 1 >"/sys/block/$disk/device/reset_controller"; do :; done 2>/dev/null &
		sleep 1
		unbind
		wait $! || :
		gone
		bind
	done
}

# Every controller of that kind that has no driver
by_id() {
	local id

	id=$(sed 's/^0x//' "$path/vendor" "$path/device" | paste -sd ' ')
	unbind
	echo >"$path/driver_override"
	gone
	echo "$id" >$driver/new_id
	[[ -b $dev ]] || fail "no $dev with its ID"
	echo "$id" >$driver/remove_id
	unbind
	refused "a controller of an unknown ID" bash -c "echo ${nvme[0]} >$driver/bind"
	nvme_bind asblk_nvme "${nvme[0]}"
	[[ -b $dev ]] || fail "no $dev after its ID was removed"
}

# What is no NVMe controller is left alone.
bridge() {
	local bridge=0000:00:00.0

	echo asblk_nvme >/sys/bus/pci/devices/$bridge/driver_override
	log_begin
	refused "a bridge" bash -c "echo $bridge >$driver/bind"
	log_has "is not that of an NVMe controller" || fail "not in the log"
	echo >/sys/bus/pci/devices/$bridge/driver_override
}

# The file system gets errors, and nothing hangs.
mounted() {
	mkfs.ext4 -qF "$dev"
	mount "$dev" "$mnt"
	dd if=/dev/zero of="$mnt/file" bs=1M count=8 status=none
	unbind
	umount "$mnt"
	bind
	e2fsck -fy "$dev" >"$tmp/fsck" 2>&1 || (($? < 4)) || fail "fsck: $(<"$tmp/fsck")"
}

run_case "200 times" idle
run_case "unbound under I/O" under_io
run_case "unbound during resets" during_resets
run_case "bound by ID" by_id
run_case "not bound to a bridge" bridge
run_case "unbound while mounted" mounted
