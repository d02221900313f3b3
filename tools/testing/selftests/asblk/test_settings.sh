#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What can be set at the device while it is in use: write cache, write protection.
. "$(dirname -- "$0")/common.sh"

need fio
load size=64M
ctrl=/sys/block/$disk/device
queue=/sys/block/$disk/queue
eq "write cache at first" "$(<"$ctrl/write_cache")" 1
refused "a cache of 2" bash -c "echo 2 >$ctrl/write_cache"
[[ $device != emul ]] || before=$(emul_count flushes)
echo 0 >"$ctrl/write_cache"
eq "write cache" "$(<"$ctrl/write_cache")" 0
eq "the host's view" "$(<"$queue/write_cache")" "write through"
eq "FUA" "$(<"$queue/fua")" 0
if [[ $device == emul ]]; then
	# Flushed once before and once after, and never again while it is off.
	eq "flushes" "$(emul_count flushes)" $((before + 2))
	dd if=/dev/zero of="$dev" bs=4k count=8 oflag=direct,dsync conv=fsync status=none
	eq "flushes while it is off" "$(emul_count flushes)" $((before + 2))
else
	eq "the feature" "$(nvme_feature "$dev" 6)" 0
	# A reset makes the controller forget.
	echo 1 >"$ctrl/reset_controller"
	eq "the feature after a reset" "$(nvme_feature "$dev" 6)" 0
	refused "the cache behind our back" nvme set-feature "$dev" -f 6 -v 1
fi
# Turned on and off under I/O that is verified.
fio --name=settings --filename="$dev" --rw=randwrite --bsrange=4k-64k --direct=1 --ioengine=io_uring --iodepth=8 \
	--size=32m --fsync=16 --verify=crc32c --verify_fatal=1 --time_based --runtime="$(by_speed 4 8)" \
	--output="$tmp/fio" >"$tmp/fio.err" 2>&1 &
fio=$!
rounds=0
while kill -0 $fio 2>/dev/null; do
	echo $((rounds % 2 == 0)) >"$ctrl/write_cache"
	rounds=$((rounds + 1))
	sleep 0.1
done
wait $fio || fail "fio: $(tail -n 5 "$tmp/fio" "$tmp/fio.err")"
echo 1 >"$ctrl/write_cache"
eq "write cache at last" "$(<"$queue/write_cache")" "write back"
ge "rounds" "$rounds" 3

protect=/sys/block/$disk/write_protect
eq "write protection at first" "$(<"$protect")" 0
if [[ $device == nvme ]] && ! nvme id-ctrl "$dev" | grep -qE '^nwpc *: (0x)?[1-9]'; then
	refused "write protection that the controller does not have" bash -c "echo 1 >$protect"
	eq "write protection" "$(<"$protect")" 0
	exit
fi
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
