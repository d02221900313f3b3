#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Loading and unloading the module; unloading is refused while a disk is in use.
. "$(dirname -- "$0")/common.sh"

need_emul

insmod_alone() {
	insmod "/lib/modules/$(uname -r)/updates/asblk.ko"
	settle
	[[ -b $dev ]] || fail "insmod gives no $dev"
	eq "other modules needed" "$(sed -n 's/^asblk .* \([^ ]*\) Live.*/\1/p' /proc/modules)" "-"
	unload
}

open() {
	load
	exec 3<"$dev"
	refused "unloading" rmmod asblk
	exec 3<&-
	unload
}

mounted() {
	load
	mkfs.ext4 -q "$dev"
	mount "$dev" "$mnt"
	refused "unloading" rmmod asblk
	echo data >"$mnt/file"
	sync
	refused "unloading after a write" rmmod asblk
	umount "$mnt"
	unload
}

irqs() { find /sys/kernel/irq -mindepth 1 -maxdepth 1 2>/dev/null | wc -l; }

hundred_times() {
	local before

	before=$(irqs)
	python3 - "$(modinfo -n asblk)" "$dev" 100 <<-'END'
		import ctypes, mmap, os, sys, time
		module, device, rounds = sys.argv[1:]
		libc = ctypes.CDLL(None, use_errno=True)
		FINIT_MODULE, DELETE_MODULE = 313, 176
		file = os.open(module, os.O_RDONLY)
		memory = mmap.mmap(-1, 65536)
		for i in range(int(rounds)):
		    error = libc.syscall(FINIT_MODULE, file, b"size=64M queues=1", 0)
		    assert error == 0, f"load in round {i}: {os.strerror(ctypes.get_errno())}"
		    if i % 10 == 0:
		        disk = os.open(device, os.O_WRONLY | os.O_DIRECT)
		        assert os.write(disk, memory) == 65536
		        os.close(disk)
		    # Not waiting for udev: it may have the disk open.
		    end = time.monotonic() + 10
		    while libc.syscall(DELETE_MODULE, b"asblk", os.O_NONBLOCK):
		        assert time.monotonic() < end, f"unload in round {i}: {os.strerror(ctypes.get_errno())}"
		        time.sleep(0.02)
	END
	[[ ! -e /sys/class/asblk && ! -e /sys/kernel/debug/asblk ]] || fail "something is left behind"
	eq "interrupt numbers" "$(irqs)" "$before"
	! grep -q asblk /proc/interrupts || fail "interrupts are left behind"
}

run_case "insmod without other modules" insmod_alone
run_case "refused while open" open
run_case "refused while mounted" mounted
run_case "a hundred times" hundred_times
