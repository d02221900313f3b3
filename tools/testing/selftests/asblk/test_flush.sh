#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Flushes and FUA writes, counted by the device, or in the trace of transfers to it.
. "$(dirname -- "$0")/common.sh"

udev_off
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
# counts FLUSHES FUA-WRITES COMMAND… - COMMAND leads to so many
counts() {
	local flushes fua more_flushes more_fua want="$1 $2"
	shift 2

	read -r flushes fua < <(count)
	"$@"
	read -r more_flushes more_fua < <(count)
	eq "flushes and FUA writes" "$((more_flushes - flushes)) $((more_fua - fua))" "$want"
}
write() { dd if=/dev/zero of="$dev" bs=4k count=8 status=none "$@"; }

# A split write carries FUA on each part.
split_write() {
	local transfers parts flushes fua more_flushes more_fua

	transfers=$(engine_count transfers)
	read -r flushes fua < <(count)
	dd if=/dev/zero of="$dev" bs=1M count=1 oflag=direct,dsync status=none
	read -r more_flushes more_fua < <(count)
	parts=$(($(engine_count transfers) - transfers - 1))
	# The emulated device takes 128 KiB.
	[[ $device == nvme ]] || eq parts "$parts" 8
	ge parts "$parts" 2
	eq "flushes and FUA writes" "$((more_flushes - flushes)) $((more_fua - fua))" "1 $parts"
}

fsyncs() {
	python3 - "$dev" <<-'END'
		import os, sys
		fd = os.open(sys.argv[1], os.O_RDWR)
		for _ in range(5):
		    os.fsync(fd)
	END
}

write_through() {
	echo "write through" >"/sys/block/$disk/queue/write_cache"
	counts 0 0 write oflag=direct,dsync conv=fsync
	echo "write back" >"/sys/block/$disk/queue/write_cache"
}

# A file system's journal commits with both.
commit() {
	local flushes fua more_flushes more_fua

	mkfs.ext4 -qF "$dev"
	mount "$dev" "$mnt"
	read -r flushes fua < <(count)
	echo data >"$mnt/file"
	sync "$mnt/file"
	read -r more_flushes more_fua < <(count)
	ge "flushes of a commit" "$more_flushes" $((flushes + 1))
	ge "FUA writes of a commit" "$more_fua" $((fua + 1))
	umount "$mnt"
}

eq "nothing yet" "$(count)" "0 0"
run_case "none for direct writes" counts 0 0 write oflag=direct
# O_DSYNC on a block device: a FUA write and a flush each
run_case "FUA writes for O_DSYNC" counts 8 8 write oflag=direct,dsync
run_case "FUA on each part of a split write" split_write
run_case "flushes for fsync" counts 5 0 fsyncs
run_case "none with queue/write_cache write through" write_through
run_case "both for a journal's commit" commit
