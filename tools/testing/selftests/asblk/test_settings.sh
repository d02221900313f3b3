#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What can be set at the device while it is in use: write cache, write protection; how
# often the engine tries again; and looking for what has changed.
. "$(dirname -- "$0")/common.sh"

need fio
load size=64M
ctrl=/sys/block/$disk/device
queue=/sys/block/$disk/queue
eq "write cache at first" "$(<"$ctrl/write_cache")" 1
refused "a cache of 2" bash -c "echo 2 >$ctrl/write_cache"
[[ $device != emul ]] || before=$(emul_count flushes) fua=$(emul_count fua_writes)
echo 0 >"$ctrl/write_cache"
eq "write cache" "$(<"$ctrl/write_cache")" 0
eq "the host's view" "$(<"$queue/write_cache")" "write through"
eq "FUA" "$(<"$queue/fua")" 0
if [[ $device == emul ]]; then
	# Flushed once before and once after, and never again while it is off.
	eq "flushes" "$(emul_count flushes)" $((before + 2))
	dd if=/dev/zero of="$dev" bs=4k count=8 oflag=direct,dsync conv=fsync status=none
	eq "flushes while it is off" "$(emul_count flushes)" $((before + 2))
	eq "FUA while it is off" "$(emul_count fua_writes)" "$fua"
else
	eq "the feature" "$(nvme_feature "$dev" 6)" 0
	# KUnit has a controller that forgets it.
	echo 1 >"$ctrl/reset_controller"
	eq "the feature after a reset" "$(nvme_feature "$dev" 6)" 0
	refused "the cache behind our back" nvme set-feature "$dev" -f 6 -v 1
	# Not one of QEMU's features, or out of range.
	refused "coalescing" bash -c "echo 100 >$ctrl/coalesce_usecs"
	refused "coalescing of nothing" bash -c "echo 0 >$ctrl/coalesce_count"
	eq "coalescing" "$(<"$ctrl/coalesce_count") $(<"$ctrl/coalesce_usecs")" "1 0"
fi
eq "retries at first" "$(<"$ctrl/max_retries")" "$(by_device 3 5)"
refused "256 retries" bash -c "echo 256 >$ctrl/max_retries"
refused "no number of retries" bash -c "echo many >$ctrl/max_retries"
echo 0 >"$ctrl/max_retries"
eq "retries" "$(<"$ctrl/max_retries")" 0
by_device 3 5 >"$ctrl/max_retries"
if [[ $device == nvme ]]; then
	refused "no rescan" bash -c "echo 0 >$ctrl/rescan_controller"
	echo 1 >"$ctrl/rescan_controller"
	[[ -b $dev ]] || fail "$dev was lost in a rescan"
else
	[[ ! -e $ctrl/rescan_controller ]] || fail "a rescan of what does not change by itself"
fi
# The host's view follows although the device's setting is the same.
echo 1 >"$ctrl/write_cache"
echo "write through" >"$queue/write_cache"
echo 1 >"$ctrl/write_cache"
eq "the host's view" "$(<"$queue/write_cache")" "write back"
# Turned on and off under I/O that is verified.
fio --name=settings --filename="$dev" --rw=randwrite --bsrange=4k-64k --direct=1 --ioengine=io_uring --iodepth=8 \
	--size=4m --fsync=16 --verify=crc32c --verify_fatal=1 --time_based --runtime="$(by_speed 3 5)" \
	--output="$tmp/fio" >"$tmp/fio.err" 2>&1 &
fio=$!
rounds=0
while kill -0 $fio 2>/dev/null; do
	echo $((rounds % 2 == 0)) >"$ctrl/write_cache"
	rounds=$((rounds + 1))
	sleep 0.1
done
wait $fio || fail "fio: $(tail -n 5 "$tmp/fio" "$tmp/fio.err")"
grep -q 'READ:' "$tmp/fio" || fail "nothing was verified"
echo 1 >"$ctrl/write_cache"
eq "write cache at last" "$(<"$queue/write_cache")" "write back"
ge "rounds" "$rounds" 3

protect=/sys/block/$disk/write_protect
eq "write protection at first" "$(<"$protect")" 0
nvme id-ctrl "$dev" >"$tmp/id" 2>&1 || :
if [[ $device == nvme ]] && ! grep -qE '^nwpc *: (0x)?[1-9]' "$tmp/id"; then
	refused "write protection that the controller does not have" bash -c "echo 1 >$protect"
	eq "write protection" "$(<"$protect")" 0
	exit
fi
mkfs.ext4 -qF "$dev"
mount "$dev" "$mnt"
errors=$(engine_count errors)
echo data >"$mnt/file"
echo 1 >"$protect"
# A file system that is mounted is for the device to refuse.
refused "what a file system has kept back" sync "$mnt/file"
ge "writes that the device refused" "$(engine_count errors)" $((errors + 1))
umount "$mnt"
echo 0 >"$protect"
# What the disk's own page cache keeps back is written before.
exec 3<>"$dev"
printf 'kept back' >&3
echo 1 >"$protect"
kept=$(dd if="$dev" bs=4k count=1 iflag=direct status=none | head -c 9) || :
exec 3>&-
eq "what was kept back" "$kept" "kept back"
echo 0 >"$protect"
mkfs.ext4 -qF "$dev"
echo 1 >"$protect"
eq "read-only" "$(<"/sys/block/$disk/ro")" 1
refused "a write" dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct
refused "a discard" blkdiscard -f "$dev"
mount "$dev" "$mnt" 2>"$tmp/mount"
grep -q " $mnt ext4 ro," /proc/mounts || fail "not mounted read-only"
umount "$mnt"
echo 0 >"$protect"
mount "$dev" "$mnt"
echo data >"$mnt/file"
umount "$mnt"
say "cache changed $rounds times"
