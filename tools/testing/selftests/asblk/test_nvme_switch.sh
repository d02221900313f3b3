#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# From the kernel's driver to asblk's and back: the data is the same for both.
. "$(dirname -- "$0")/common.sh"

need nvme fio
need_nvme
modprobe -q nvme || [[ -e /sys/bus/pci/drivers/nvme ]] || skip "this kernel has no nvme"
# kernel_disk - the disk's name with the kernel's driver
kernel_disk() { (cd "/sys/bus/pci/devices/${nvme[0]}/nvme" && basename "$(echo nvme*/nvme*n1)"); }
pattern() { fio_run "pattern-$1" --filename="$2" --direct=1 --bs=64k --size=16m --verify=crc32c --ioengine=psync "${@:3}"; }

modprobe asblk disks=0
modprobe asblk_nvme
eq "taken by loading" "$(find /sys/bus/pci/drivers/asblk_nvme -name '0000:*' | wc -l)" 0
nvme_bind nvme "${nvme[0]}"
for ((i = 0; i < 100 && $(find /sys/block -name 'nvme*n1' | wc -l) == 0; i++)); do sleep 0.1; done
formats=$(nvme id-ns "/dev/$(kernel_disk)" | grep -c '^lbaf.*ms:0 ')
ge "LBA formats without metadata" "$formats" 1
index=0
while read -r format; do
	index=$((index + 1))
	nvme format -f -l "$format" "/dev/$(kernel_disk)" >"$tmp/format" 2>&1 || fail "format: $(<"$tmp/format")"
	block=$(blockdev --getss "/dev/$(kernel_disk)")
	# Written by one, read by the other.
	pattern "kernel-$index" "/dev/$(kernel_disk)" --rw=write
	nvme_bind asblk_nvme "${nvme[0]}"
	eq "block size" "$(blockdev --getss "$dev")" "$block"
	pattern "kernel-$index" "$dev" --rw=read
	pattern "asblk-$index" "$dev" --rw=write --offset=32m
	nvme_bind nvme "${nvme[0]}"
	for ((i = 0; i < 100 && $(find /sys/block -name 'nvme*n1' | wc -l) == 0; i++)); do sleep 0.1; done
	pattern "asblk-$index" "/dev/$(kernel_disk)" --rw=read --offset=32m
	say "LBA format $format: blocks of $block bytes"
done < <(nvme id-ns "/dev/$(kernel_disk)" | sed -n 's/^lbaf *\([0-9]*\) *: ms:0 .*/\1/p')
ge "formats tried" "$index" 1
nvme format -f -l 0 "/dev/$(kernel_disk)" >"$tmp/format" 2>&1 || fail "format: $(<"$tmp/format")"
