#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Flushes and FUA writes, counted at the device.
. "$(dirname -- "$0")/common.sh"

need_emul

load size=64M
count() { echo "$(emul_count flushes) $(emul_count fua_writes)"; }
eq "nothing yet" "$(count)" "0 0"
dd if=/dev/zero of="$dev" bs=4k count=8 oflag=direct status=none
eq "plain direct writes" "$(count)" "0 0"
# O_DSYNC on a block device: a FUA write and a flush each.
dd if=/dev/zero of="$dev" bs=4k count=8 oflag=direct,dsync status=none
eq "dsync writes" "$(count)" "8 8"
# A split write carries FUA on every part: 1 MiB through 128 KiB transfers.
dd if=/dev/zero of="$dev" bs=1M count=1 oflag=direct,dsync status=none
eq "split dsync write" "$(count)" "9 16"
python3 - "$dev" <<'END'
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
for _ in range(5):
    os.fsync(fd)
END
eq "fsyncs" "$(count)" "14 16"
# The host's view of the cache off: no flush and no FUA any more.
echo "write through" >"/sys/block/$disk/queue/write_cache"
dd if=/dev/zero of="$dev" bs=4k count=8 oflag=direct,dsync conv=fsync status=none
eq "write through" "$(count)" "14 16"
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
