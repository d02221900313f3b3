#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# 64 disks at once.
. "$(dirname -- "$0")/common.sh"

need_emul

load disks=64 size=64M
eq "disks" "$(find /sys/block -name 'asblk*' | wc -l)" 64
eq "serial numbers" "$(cat /sys/block/asblk*/device/serial | sort -u | wc -l)" 64
python3 - <<-'END' || fail "content"
	import mmap, os
	disks = [os.open(f"/dev/asblk{i}", os.O_RDWR | os.O_DIRECT) for i in range(64)]
	memory = mmap.mmap(-1, 4096)
	for i, disk in enumerate(disks):
	    memory[:] = f"disk {i}".ljust(4096).encode()
	    assert os.write(disk, memory) == 4096
	for i, disk in enumerate(disks):
	    assert os.preadv(disk, [memory], 0) == 4096
	    assert memory[:].split() == [b"disk", str(i).encode()], f"disk {i}: {memory[:20]}"
END
