#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Formats, identity, and the events that tell user space of a medium that has changed.
. "$(dirname -- "$0")/common.sh"

need_emul
need dmsetup
udev_on
clean_test() { [[ ! -e /dev/mapper/asblk-claim ]] || dmsetup remove --retry asblk-claim; }
load size=64M removable=1 serial=S4711 model="a disk of ours" firmware_rev=2.3 wwid=0123456789abcdef0123456789abcdef
eq lsblk "$(lsblk -dnro SERIAL,REV "$dev") $(</sys/block/$disk/wwid)" "S4711 2.3 eui.0123456789abcdef0123456789abcdef"
eq model "$(<"/sys/block/$disk/device/model")" "a disk of ours"
format=/sys/block/$disk/format

# udev opens what was written to, some time after it is closed: not the disk's fault.
format() {
	local i

	for ((i = 0; i < 50; i++)); do
		settle
		! echo "$*" 2>/dev/null >$format || return 0
		sleep 0.1
	done
	fail "format $*"
}

# Each that is listed.
printf 'start=2048\n' | sfdisk -q "$dev"
settle
[[ -e ${dev}p1 ]] || fail "no partition"
nr=0
physical=$(blockdev --getpbsz "$dev")
granularity=$(</sys/block/$disk/queue/discard_granularity)
while read -r size metadata blocks; do
	eq "metadata" "$metadata" 0
	eq "capacity with blocks of $size" $((size * blocks)) $((64 << 20))
	format "$size"
	settle
	eq "format" "$(<$format)" "$size 0 $blocks"
	eq "block size" "$(blockdev --getss "$dev")" "$size"
	# As the disk was made, but for blocks that are larger.
	eq "physical block size" "$(blockdev --getpbsz "$dev")" $((size > physical ? size : physical))
	eq "capacity" "$(blockdev --getsize64 "$dev")" $((64 << 20))
	cmp -n $((64 << 20)) "$dev" /dev/zero || fail "not erased"
	settle
	[[ ! -e ${dev}p1 ]] || fail "a partition is left"
	dd if=/dev/urandom of="$dev" bs=64k count=4 oflag=direct status=none
	nr=$((nr + 1))
done </sys/block/$disk/formats
ge "formats" "$nr" 4
# A smaller capacity, and the whole again.
format 512 0 2048
eq "capacity" "$(blockdev --getsize64 "$dev")" $((1 << 20))
eq "physical block size again" "$(blockdev --getpbsz "$dev")" "$physical"
eq "discard granularity again" "$(</sys/block/$disk/queue/discard_granularity)" "$granularity"
format 4096
eq "capacity" "$(blockdev --getsize64 "$dev")" $((64 << 20))
settle

# Refused: not listed, too large, nonsense; open, mounted, claimed, protected, out.
before=$(<$format)
for wrong in 513 256 131072 0 -1 x "" "512 0" "512 8 100" "512 0 0" "512 0 1000000" "512 0 8 8" "4294967808" "512 0 -1"; do
	refused "format $wrong" bash -c "echo '$wrong' >$format"
	eq "format after $wrong" "$(<$format)" "$before"
done
busy() {
	# udev opens what has changed.
	settle
	refused "format while $1" bash -c "echo 512 >$format"
	grep -q "$2" "$tmp/out" || fail "format while $1: $(<"$tmp/out")"
	eq "format while $1" "$(<$format)" "$before"
}
exec 3<"$dev"
busy open "Device or resource busy"
exec 3<&-
mkfs.ext4 -qF "$dev"
mount "$dev" "$mnt"
busy mounted "Device or resource busy"
umount "$mnt"
dmsetup create asblk-claim --table "0 1024 linear $dev 0"
busy claimed "Device or resource busy"
dmsetup remove --retry asblk-claim
settle
echo 1 >/sys/block/$disk/write_protect
busy "write protected" "Read-only file system"
echo 0 >/sys/block/$disk/write_protect
settle
eject "$dev"
settle
busy "ejected" "No medium found"

# The events, as udev's users see them.
stdbuf -oL udevadm monitor --kernel --property --subsystem-match=block >"$tmp/events" 2>&1 &
monitor=$!
until grep -q "^KERNEL" "$tmp/events"; do sleep 0.1; done
sleep 0.5
events() { grep -c "^DISK_MEDIA_CHANGE=1" "$tmp/events" || :; }
seen() { local i; for ((i = 0; i < 50; i++)); do (($(events) < $1)) || return 0; sleep 0.1; done; fail "$2: $(events) events"; }
eject -t "$dev"
seen 1 load
settle
eject "$dev"
seen 2 eject
settle
eject -t "$dev"
seen 3 "load again"
settle
echo 512 >$format
seen 4 format
kill $monitor
wait $monitor || :

# The physical block size is what it was made with, but for blocks that are larger.
unload
load size=64M physical_block_size=512
for size in 4096 512; do
	format $size
	eq "physical block size with blocks of $size" "$(blockdev --getpbsz "$dev")" $size
done
