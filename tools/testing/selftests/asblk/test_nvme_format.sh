#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Formats under I/O: whatever a namespace is formatted to, alone or with all others, no read
# reaches beyond its memory, and the disks are as the namespaces afterwards.
. "$(dirname -- "$0")/common.sh"

need nvme
need_nvme
# With several namespaces, if there is such a controller.
known=$(nvme_serials) || fail "serial numbers: $known"
several=$(awk '$2 == "variant-namespaces" { print $1 }' <<<"$known")
[[ ! $several ]] || nvme=("$several")
load disks=1
nsid() { nvme id-ns "$1" -n "$2" -o json; }
count=$(find /dev -maxdepth 1 -name 'asblk*' -type b | wc -l)
mapfile -t lba_formats < <(nsid "$dev" 1 | jq -r '.lbafs[] | "\(.ds) \(.ms)"')
ge "LBA formats" "${#lba_formats[@]}" 2

# Reads of 512 bytes into the front of a page, again and again; the rest is not the device's.
reader() {
	python3 - "$1" "$2" <<-'END'
	import mmap, os, sys
	path, stop = sys.argv[1:]
	memory = mmap.mmap(-1, 8192)
	good = beyond = 0
	while not os.path.exists(stop):
	    try:
	        fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
	    except OSError:
	        continue
	    for i in range(200):
	        memory[:] = b"\xaa" * 8192
	        try:
	            good += os.preadv(fd, [memoryview(memory)[:512]], 0) == 512
	        except OSError:
	            pass
	        beyond += memory[512:] != b"\xaa" * 7680
	    os.close(fd)
	print(good, beyond)
	END
}
control=/dev/asblk-ctrl0
# pass ARGUMENT… - an admin command
pass() { timeout 120 nvme admin-passthru "$control" "$@" >"$tmp/pass" 2>&1; }
rescan() { echo 1 >"/sys/bus/pci/devices/${nvme[0]}"/asblk/ctrl*/rescan_controller; }
formats() {
	local readers=() scopes=(1) rounds=0 scope i shift metadata path id good

	for ((i = 0; i < count; i++)); do
		reader "/dev/asblk$i" "$tmp/stop" >"$tmp/reads.$i" &
		readers+=($!)
	done
	sleep 1
	((count == 1)) || scopes+=(0xffffffff)
	for scope in "${scopes[@]}"; do
		for ((i = 0; i < ${#lba_formats[@]}; i++)); do
			pass --opcode=0x80 --namespace-id="$scope" --cdw10="$i" || fail "format $i of $scope: $(<"$tmp/pass")"
			rescan
			read -r shift metadata <<<"${lba_formats[i]}"
			# What is there has the block size that was asked for, or it is not there.
			for path in /dev/asblk*; do
				[[ -b $path ]] || continue
				id=$(nvme get-ns-id "$path" | sed 's/.*://')
				[[ $scope == 0xffffffff || $id -eq $scope ]] || continue
				((metadata == 0)) || fail "$path is there with metadata"
				eq "block size of $path" "$(blockdev --getss "$path")" $((1 << shift))
				ge "its capacity" "$(blockdev --getsize64 "$path")" 4096
			done
			rounds=$((rounds + 1))
		done
	done
	touch "$tmp/stop"
	wait "${readers[@]}"
	good=$(awk '{ good += $1 } END { print good }' "$tmp"/reads.*)
	say "$rounds formats, $good reads"
	ge "reads" "$good" 100
	eq "reads that reached beyond their memory" "$(awk '{ beyond += $2 } END { print beyond }' "$tmp"/reads.*)" 0
}

# A command that transfers more than the data it came with is refused.
lengths() {
	local fid

	refused "Identify without data" pass --opcode=6 --cdw10=1
	refused "a log page of more than its data" pass --opcode=2 --cdw10=0x3ff0002 --data-len=512 --read
	for fid in 6 7 8 0xb 0xd 0xf 0x16 0x19 0x84; do
		refused "feature $fid" pass --opcode=9 --cdw10=$fid
	done
	pass --opcode=6 --cdw10=1 --data-len=4096 --read || fail "Identify: $(<"$tmp/pass")"
}

run_case "formats under I/O" formats
run_case "commands that transfer more than their data" lengths
# As it was.
pass --opcode=0x80 --namespace-id=0xffffffff --cdw10=0 || pass --opcode=0x80 --namespace-id=1 --cdw10=0 ||
	fail "format: $(<"$tmp/pass")"
