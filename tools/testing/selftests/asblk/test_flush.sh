#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Flushes and FUA writes, counted at the device, or where they are handed to it.
. "$(dirname -- "$0")/common.sh"

trace=/sys/kernel/tracing
if [[ $device == nvme ]]; then
	[[ -d $trace/events ]] || skip "this kernel has no tracepoints, and the controller does not count"
	clean_test() { [[ ! -e $trace/events/asblk ]] || echo 0 >$trace/events/asblk/enable; }
fi
load size=64M
if [[ $device == nvme ]]; then
	echo >$trace/trace
	echo 1 >$trace/events/asblk/asblk_transfer/enable
fi
count() {
	if [[ $device == emul ]]; then
		echo "$(emul_count flushes) $(emul_count fua_writes)"
	else
		cp $trace/trace "$tmp/trace"
		echo "$(grep -c ' flush opts ' "$tmp/trace") $(grep -c ' write opts 0x[0-9a-f]*[13579bdf] ' "$tmp/trace")"
	fi
}
eq "nothing yet" "$(count)" "0 0"
dd if=/dev/zero of="$dev" bs=4k count=8 oflag=direct status=none
eq "plain direct writes" "$(count)" "0 0"
# O_DSYNC on a block device: a FUA write and a flush each.
dd if=/dev/zero of="$dev" bs=4k count=8 oflag=direct,dsync status=none
eq "dsync writes" "$(count)" "8 8"
# A split write carries FUA on every part: 8 on the emulated device, which takes 128 KiB.
parts=$(engine_count transfers)
dd if=/dev/zero of="$dev" bs=1M count=1 oflag=direct,dsync status=none
parts=$(($(engine_count transfers) - parts - 1))
[[ $device == nvme ]] || eq parts "$parts" 8
ge parts "$parts" 2
eq "split dsync write" "$(count)" "9 $((8 + parts))"
python3 - "$dev" <<'END'
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
for _ in range(5):
    os.fsync(fd)
END
eq "fsyncs" "$(count)" "14 $((8 + parts))"
# The host's view of the cache off: no flush and no FUA any more.
echo "write through" >"/sys/block/$disk/queue/write_cache"
dd if=/dev/zero of="$dev" bs=4k count=8 oflag=direct,dsync conv=fsync status=none
eq "write through" "$(count)" "14 $((8 + parts))"
echo "write back" >"/sys/block/$disk/queue/write_cache"
# A file system's journal commits with both.
mkfs.ext4 -qF "$dev"
mount "$dev" "$mnt"
read -r flushes fua < <(count)
echo data >"$mnt/file"
sync "$mnt/file"
read -r more_flushes more_fua < <(count)
ge "flushes of a commit" "$more_flushes" $((flushes + 1))
ge "FUA writes of a commit" "$more_fua" $((fua + 1))
