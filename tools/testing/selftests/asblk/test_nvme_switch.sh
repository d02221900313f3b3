#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A controller given to asblk by the kernel's driver and back: both see the same data.
. "$(dirname -- "$0")/common.sh"

need nvme fio
need_nvme
modprobe -q nvme || [[ -e /sys/bus/pci/drivers/nvme ]] || skip "this kernel has no nvme"
has_disk() { [[ $(find /sys/block -name 'nvme*n1') ]]; }
# kernel_disk - the disk's name with the kernel's driver
kernel_disk() { (cd "/sys/bus/pci/devices/${nvme[0]}/nvme" && basename "$(echo nvme*/nvme*n1)"); }
pattern() { fio_run "pattern-$1" --filename="$2" --direct=1 --bs=64k --size=16m --verify=crc32c --ioengine=psync "${@:3}"; }

modprobe asblk disks=0
modprobe asblk_nvme
eq "controllers taken by loading" "$(find /sys/bus/pci/drivers/asblk_nvme -name '0000:*' | wc -l)" 0
nvme_bind nvme "${nvme[0]}"
wait_for "the kernel's disk" has_disk
mapfile -t formats < <(nvme id-ns "/dev/$(kernel_disk)" | sed -n 's/^lbaf *\([0-9]*\) *: ms:0 .*/\1/p')
ge "LBA formats without metadata" "${#formats[@]}" 1
after_failure() {
	nvme_bind nvme "${nvme[0]}"
	wait_for "the kernel's disk" has_disk
}

# Written by one, read by the other
both() {
	local block

	nvme format -f -l "$1" "/dev/$(kernel_disk)" >"$tmp/format" 2>&1 || fail "format: $(<"$tmp/format")"
	block=$(blockdev --getss "/dev/$(kernel_disk)")
	pattern "kernel-$1" "/dev/$(kernel_disk)" --rw=write
	nvme_bind asblk_nvme "${nvme[0]}"
	eq "block size" "$(blockdev --getss "$dev")" "$block"
	pattern "kernel-$1" "$dev" --rw=read
	pattern "asblk-$1" "$dev" --rw=write --offset=32m
	nvme_bind nvme "${nvme[0]}"
	wait_for "the kernel's disk" has_disk
	pattern "asblk-$1" "/dev/$(kernel_disk)" --rw=read --offset=32m
	say "blocks of $block bytes"
}

for format in "${formats[@]}"; do
	run_case "LBA format $format" both "$format"
done
nvme format -f -l 0 "/dev/$(kernel_disk)" >"$tmp/format" 2>&1 || fail "format: $(<"$tmp/format")"
