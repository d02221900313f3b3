#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Disks made, changed and removed through configfs.
. "$(dirname -- "$0")/common.sh"

need_emul
need fio
need_cpus 2
udev_on
configfs_load disks=2

# Those made at load are there, and stay.
eq "a disk made at load" "$(cat "$configfs"/asblk1/{device,power,serial,size} | tr '\n' ' ')" \
	"asblk1 1 ASBLK0001 4294967296 "
refused "rmdir of a disk made at load" rmdir "$configfs/asblk0"
refused "a disk of the same name" mkdir "$configfs/asblk0"
refused "a name that is too long" mkdir "$configfs/$(printf 'x%.0s' {1..40})"
refused "a name that is no serial number" mkdir "$configfs/two words"
for name in size queues read_latency faults; do
	[[ ,$(<"$configfs/features"), == *,$name,* ]] || fail "features lack $name"
done

# One that is made, with a name of its own.
make_disk one size=64M queues=2 model="made at run time" block_size=4K
eq device "$(<"$configfs/one/device")" asblk2
eq size "$(blockdev --getsize64 /dev/asblk2)" $((64 << 20))
eq queues "$(find /sys/block/asblk2/mq -mindepth 1 -maxdepth 1 | wc -l)" 2
eq "lsblk" "$(lsblk -dnro SERIAL,LOG-SEC /dev/asblk2)" "one 4096"
eq "model" "$(lsblk -dno MODEL /dev/asblk2 | sed 's/ *$//')" "made at run time"
settle
eq "by serial number" "$(readlink -f /dev/disk/by-id/asblk-one)" /dev/asblk2
eq "by unique ID" "$(readlink -f "/dev/disk/by-id/asblk-$(</sys/block/asblk2/wwid)")" /dev/asblk2
wwid=$(<"$configfs/one/wwid")
printf 'start=2048\n' | sfdisk -q /dev/asblk2
settle
for name in one "$(</sys/block/asblk2/wwid)"; do
	eq "partition by $name" "$(readlink -f "/dev/disk/by-id/asblk-$name-part1")" /dev/asblk2p1
done
sfdisk -q --delete /dev/asblk2
settle

# What cannot change while it is there says so, in the log too; nothing changes.
log_begin
for option in queues queue_depth block_size max_transfer profile serial node interrupt removable timeout_ms; do
	old=$(<"$configfs/one/$option")
	refused "$option of a live disk" set_option one "$option" "$old"
	grep -q "Device or resource busy" "$tmp/out" || fail "$option: not EBUSY: $(<"$tmp/out")"
	log_has "asblk: one: $option cannot change while the disk is there" || fail "$option: not in the log"
	eq "$option" "$(<"$configfs/one/$option")" "$old"
done
for bad in size=5 size=x memory_limit=1 write_cache=2 coalesce_count=0 read_latency=soon stall="every 5 5" \
	   channels=65 size=4098K; do
	old=$(<"$configfs/one/${bad%%=*}")
	refused "$bad" set_option one "${bad%%=*}" "${bad#*=}"
	log_has "asblk: one: ${bad%%=*}=" || fail "$bad: not in the log"
	eq "after $bad" "$(<"$configfs/one/${bad%%=*}")" "$old"
done
refused "queues=100000" set_option one queues 100000

# What can change does, under I/O that is verified.
dd if=/dev/urandom of="$tmp/data" bs=1M count=8 status=none
dd if="$tmp/data" of=/dev/asblk2 bs=1M seek=40 oflag=direct conv=fsync status=none
fio --name=live --filename=/dev/asblk2 --rw=randwrite --bs=4k --direct=1 --ioengine=io_uring --iodepth=8 --size=2m \
	--verify=crc32c --verify_fatal=1 --time_based --runtime="$(by_speed 4 6)" --output="$tmp/fio" >"$tmp/fio.err" 2>&1 &
fio=$!
rounds=0
while kill -0 $fio 2>/dev/null; do
	for option in size=128M read_latency="uniform 10 100" coalesce_count=8 coalesce_usecs=200 \
		      write_bandwidth=200M size=256M write_cache=0 size=64M read_latency=none coalesce_usecs=0 \
		      write_bandwidth=0 write_cache=1 memory_limit=1G; do
		set_option one "${option%%=*}" "${option#*=}"
	done
	rounds=$((rounds + 1))
done
wait $fio || fail "fio: $(tail -n 5 "$tmp/fio" "$tmp/fio.err")"
grep -q 'READ:' "$tmp/fio" || fail "nothing was verified"
ge "rounds of changes" "$rounds" 2
eq "size at last" "$(blockdev --getsize64 /dev/asblk2)" $((64 << 20))
eq "what was written before" "$(dd if=/dev/asblk2 bs=1M skip=40 count=8 iflag=direct status=none | sha256sum)" \
	"$(sha256sum <"$tmp/data")"

# Beyond the end is an error, and what was there is gone for good.
echo 1 >/sys/block/asblk2/write_protect
refused "shrinking what is write protected" set_option one size 44M
echo 0 >/sys/block/asblk2/write_protect
set_option one size 44M
refused "writing beyond the end" dd if=/dev/zero of=/dev/asblk2 bs=1M seek=44 count=1 oflag=direct
set_option one size 64M
cmp -n $((4 << 20)) "$tmp/data" <(dd if=/dev/asblk2 bs=1M skip=40 count=4 iflag=direct status=none) ||
	fail "data below the end"
cmp -n $((4 << 20)) /dev/zero <(dd if=/dev/asblk2 bs=1M skip=44 count=4 iflag=direct status=none) ||
	fail "not zero after shrinking"

# Removed and there again: its data is too. (When udev is done with it, so that its
# number is free.)
settle
set_option one power 0
[[ ! -e /sys/block/asblk2 ]] || fail "still there"
eq "device" "$(<"$configfs/one/device")" ""
set_option one queues 1
set_option one power 1
settle
eq "device" "$(<"$configfs/one/device")" asblk2
cmp -n $((4 << 20)) "$tmp/data" <(dd if=/dev/asblk2 bs=1M skip=40 count=4 iflag=direct status=none) ||
	fail "data after power off and on"

# Pulled out under load: errors, no hang; and there again, with the data. (Written, as reads of
# a disk without capacity meet its end, which is no error.)
fio --name=load --filename=/dev/asblk2 --rw=randwrite --size=32m --bs=4k --direct=1 --ioengine=io_uring --iodepth=8 \
	--time_based --runtime=60 --output="$tmp/fio" >"$tmp/fio.err" 2>&1 &
fio=$!
until (($(</sys/block/asblk2/emul/writes) > 100)); do sleep 0.1; done
settle
set_option one unplug 1
! wait $fio || fail "fio did not notice"
refused "unplugging twice" set_option one unplug 1
set_option one power 1
settle
eq "device" "$(<"$configfs/one/device")" asblk2
cmp -n $((4 << 20)) "$tmp/data" <(dd if=/dev/asblk2 bs=1M skip=40 count=4 iflag=direct status=none) ||
	fail "data after unplugging"

# Mounted meanwhile.
mkfs.ext4 -qF /dev/asblk2
mount /dev/asblk2 "$mnt"
echo data >"$mnt/file"
settle
set_option one power 0
umount "$mnt" || umount -l "$mnt"
# rmdir removes a disk that is there, cleanly, and its data.
set_option one power 1
settle
make_rule one r op=flush
refused "rmdir of a disk with rules" rmdir "$configfs/one"
rmdir "$configfs/one/faults/r"
exec 3<"/dev/$(<"$configfs/one/device")"
rmdir "$configfs/one"
[[ ! -e /sys/block/asblk2 ]] || fail "still there after rmdir"
exec 3<&-
make_disk one size=64M
eq "the unique ID of the same name" "$(<"$configfs/one/wwid")" "$wwid"
cmp -n $((64 << 20)) /dev/zero "/dev/$(<"$configfs/one/device")" || fail "data after rmdir"
rmdir "$configfs/one"

# Values that do not go together can be mended before it is there.
mkdir "$configfs/two"
set_option two block_size 4K
set_option two size 1048064
refused "power with a size of half a block" set_option two power 1
set_option two size 1M
set_option two power 1
rmdir "$configfs/two"

# Profiles: limits and times that go together.
for profile in sata-ssd nvme-ssd plp qlc hdd usb-stick ideal; do
	make_disk "$profile" profile=$profile size=64M
	name=$(<"$configfs/$profile/device")
	dd if=/dev/zero of="/dev/$name" bs=64k count=4 oflag=direct conv=fsync status=none
	say "$profile: rotational $(<"/sys/block/$name/queue/rotational"), write cache" \
		"$(<"/sys/block/$name/queue/write_cache"), removable $(<"/sys/block/$name/removable")"
	case $profile in
	hdd) eq "$profile" "$(<"/sys/block/$name/queue/rotational")" 1 ;;
	plp) eq "$profile" "$(<"/sys/block/$name/queue/write_cache")" "write through" ;;
	usb-stick) eq "$profile" "$(<"/sys/block/$name/removable")" 1 ;;
	nvme-ssd) eq "$profile" "$(<"/sys/block/$name/queue/virt_boundary_mask")" 4095 ;;
	ideal) eq "$profile" "$(<"$configfs/$profile/read_latency")" none ;;
	esac
	rmdir "$configfs/$profile"
done
refused "a profile that there is not" bash -c "mkdir $configfs/x && echo floppy >$configfs/x/profile"
rmdir "$configfs/x"
say "changed $rounds times"
