#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# md RAID 0 and 1, dm linear and striped on asblk disks.
. "$(dirname -- "$0")/common.sh"

need mdadm dmsetup fio
# dmsetup waits for udev to have seen what it makes.
udev_on
mb=$(by_speed 12 4)
md=/dev/md127
clean_test() {
	[[ ! -e $md ]] || mdadm -q --stop $md
	for name in asblk-linear asblk-striped; do
		[[ ! -e /dev/mapper/$name ]] || dmsetup remove --retry "$name"
	done
}
after_failure() { clean_test; }
load disks=3 size=128M max_transfer=64K
stack() {
	target=$1 verify stack --ioengine=io_uring --direct=1 --rw=randwrite --bsrange=4k-1m \
		--size="${mb}m" --iodepth=8
	target=$1 verify stack-buffered --ioengine=psync --rw=write --bs=64k --size="${mb}m"
	blkdiscard -qf "$1" 2>"$tmp/discard" || say "no discard through $1"
}

raid() {
	local level=$1 devices=("$dev" /dev/asblk1) offset

	modprobe -q "raid$level" || [[ -e /sys/module/raid$level ]] || skip "this kernel has no RAID $level"
	mdadm -q --create $md --run --metadata=1.2 --level="$level" --raid-devices=2 "${devices[@]}" \
		--assume-clean 2>"$tmp/md" || fail "mdadm: $(<"$tmp/md")"
	stack $md
	if ((level == 1)); then
		mdadm -q $md --fail /dev/asblk1
		mdadm -q $md --remove /dev/asblk1
		stack $md
		mdadm -q $md --add /dev/asblk2
		mdadm -q --wait $md || :
		eq "copies after a rebuild" "$(<"/sys/block/${md#/dev/}/md/degraded")" 0
		# Both halves hold the same.
		mdadm -q --stop $md
		offset=$(mdadm --examine "$dev" | sed -n 's/.*Data Offset : \([0-9]*\) sectors/\1/p')
		cmp -i $((offset * 512)) -n $((64 << 20)) "$dev" /dev/asblk2 || fail "the halves differ"
	else
		mdadm -q --stop $md
	fi
	mdadm -q --zero-superblock "$dev" /dev/asblk1 /dev/asblk2 2>/dev/null || :
}

# dm NAME TABLE
dm() {
	modprobe -q dm-mod || [[ -e /dev/mapper/control ]] || skip "this kernel has no device mapper"
	dmsetup create "asblk-$1" --table "$2"
	stack "/dev/mapper/asblk-$1"
	dmsetup remove --retry "asblk-$1"
}

run_case "RAID 0" raid 0
run_case "RAID 1, with a rebuild" raid 1
sectors=$(blockdev --getsz "$dev")
run_case "dm linear" dm linear "0 $sectors linear $dev 0
$sectors $sectors linear /dev/asblk1 0"
run_case "dm striped" dm striped "0 $((sectors * 2)) striped 2 128 $dev 0 /dev/asblk1 0"
settle
