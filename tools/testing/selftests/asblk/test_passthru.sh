#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The usual tools on the character devices of a controller and its namespace, and on the disk.
. "$(dirname -- "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR source=passthru.sh
. "${0%/*}/passthru.sh"

need nvme jq
passthru_load
dd if=/dev/urandom of="$tmp/data" bs="$block" count=16 status=none

# pass ARGUMENT… - nvme-cli, which must succeed
pass() { nvme "$@" >"$tmp/nvme" 2>&1 || fail "nvme $*: $(<"$tmp/nvme")"; }
# status TEXT ARGUMENT… - it must fail with this status
status() {
	! nvme "${@:2}" >"$tmp/nvme" 2>&1 || fail "nvme ${*:2} has worked"
	grep -q "$1" "$tmp/nvme" || fail "nvme ${*:2}: $(<"$tmp/nvme")"
}

# Names and owners.
devices() {
	eq "modes" "$(stat -c '%a %U' "$generic" "$control" | sort -u)" "600 root"
	eq "class" "$(cd /sys/class/asblk-passthru && echo *)" "asblk-ctrl0 $disk-generic"
	eq "parent" "$(readlink -f /sys/class/asblk-passthru/asblk-ctrl0/..)" "$(readlink -f "/sys/block/$disk/device")"
	eq "namespace of the disk" "$(nvme get-ns-id "$dev")" "$disk: namespace-id:1"
	eq "of its device" "$(nvme get-ns-id "$generic")" "$disk-generic: namespace-id:1"
}

identify() {
	local node serial

	serial=$(<"/sys/block/$disk/device/serial")
	for node in "$control" "$generic" "$dev"; do
		eq "serial of $node" "$(nvme id-ctrl "$node" -o json | jq -r .sn | sed 's/ *$//')" "$serial"
		eq "blocks of $node" "$(nvme id-ns "$node" -n 1 -o json | jq .nsze)" \
			$(($(blockdev --getsize64 "$dev") / block))
		pass list-ns "$node"
		pass smart-log "$node"
		pass error-log "$node"
		pass fw-log "$node"
		pass get-feature "$node" -f 7
		pass effects-log "$node" --csi=0
		pass changed-ns-list-log "$node"
	done
}

# io NODE - through the device that a namespace has, or the disk
io() {
	local size=$((16 * block))

	pass write "$1" -s 32 -c 15 -z $size -d "$tmp/data"
	pass read "$1" -s 32 -c 15 -z $size -d "$tmp/read"
	cmp "$tmp/data" "$tmp/read" || fail "other data was read than written"
	# It is the disk's.
	dd if="$dev" of="$tmp/read" iflag=direct bs="$block" skip=32 count=16 status=none
	cmp "$tmp/data" "$tmp/read" || fail "other data is on the disk"
	pass compare "$1" -s 32 -c 15 -z $size -d "$tmp/data"
	status "Compare Failure" compare "$1" -s 33 -c 15 -z $size -d "$tmp/data"
	pass verify "$1" -s 32 -c 15
	pass flush "$1" -n 1
	pass io-passthru "$1" --opcode=2 --namespace-id=1 --data-len=$size --read --cdw10=32 --cdw12=15 -b
	pass write-zeroes "$1" -n 1 -s 32 -c 7
	pass read "$1" -s 32 -c 7 -z $((8 * block)) -d "$tmp/read"
	cmp -n $((8 * block)) "$tmp/read" /dev/zero || fail "no zeroes"
	pass dsm "$1" -n 1 -d 1 -s 40 -b 8
	status "LBA Out of Range" read "$1" -s $(($(blockdev --getsize64 "$dev") / block)) -c 0 -z "$block" -d "$tmp/read"
	status "Invalid argument" io-passthru "$1" --opcode=2 --namespace-id=1 --data-len="$block" --read --cdw12=15
}

copy() {
	local ranges

	ranges=$(nvme id-ns "$generic" -n 1 -o json | jq .mcl)
	((ranges)) || skip "the controller does not copy"
	pass write "$generic" -s 0 -c 7 -z $((8 * block)) -d "$tmp/data"
	pass copy "$generic" --sdlba=64 --slbs=0 --blocks=7
	pass read "$generic" -s 64 -c 7 -z $((8 * block)) -d "$tmp/read"
	cmp -n $((8 * block)) "$tmp/data" "$tmp/read" || fail "other data was copied"
}

write_uncor() {
	local status=0

	nvme write-uncor "$generic" -n 1 -s 80 -c 0 >"$tmp/nvme" 2>&1 || status=$?
	! grep -q "Invalid Command Opcode" "$tmp/nvme" || skip "the controller has no Write Uncorrectable"
	((status == 0)) || fail "write-uncor: $(<"$tmp/nvme")"
	status "Unrecovered Read Error" read "$generic" -s 80 -c 0 -z "$block" -d "$tmp/read"
	pass write "$generic" -s 80 -c 0 -z "$block" -d "$tmp/data"
}

manage() {
	local resets

	resets=$(<"/sys/block/$disk/device/resets")
	pass reset "$control"
	eq resets "$(<"/sys/block/$disk/device/resets")" $((resets + 1))
	pass ns-rescan "$control"
	pass read "$generic" -s 0 -c 0 -z "$block" -d "$tmp/read"
	# Only the kernel's names lead nvme-cli to the registers; it then asks as over a network.
	status "Invalid Command Opcode" show-regs "$control"
}

reset_subsystem() {
	! nvme subsystem-reset "$control" >"$tmp/nvme" 2>&1 || return 0
	grep -q "not supported" "$tmp/nvme" || fail "subsystem-reset: $(<"$tmp/nvme")"
	skip "the controller cannot reset its subsystem"
}

# A format through the controller's device is noticed.
other_size() { [[ -b $dev && $(blockdev --getss "$dev") != "$block" ]]; }
format() {
	local other

	other=$(nvme id-ns "$generic" -n 1 | awk '$3 == ":" && $4 == "ms:0" && !/in use/ { print $2; exit }')
	[[ $other ]] || skip "there is one LBA format only"
	pass format -f -n 1 -l "$other" "$control"
	wait_for "new block size" other_size
	# A block is of another length now.
	status "Invalid argument" io-passthru "$generic" --opcode=2 --namespace-id=1 --data-len="$block" --read
	pass io-passthru "$generic" --opcode=2 --namespace-id=1 --data-len="$(blockdev --getss "$dev")" --read
	pass format -f -n 1 -l 0 "$control"
	sleep 1
	eq "block size" "$(blockdev --getss "$dev")" "$block"
}

smartctl_health() {
	need smartctl
	smartctl -d nvme -a "$control" >"$tmp/smart" || fail "smartctl: $(<"$tmp/smart")"
	grep -q 'SMART overall-health self-assessment test result: PASSED' "$tmp/smart" || fail "$(<"$tmp/smart")"
	smartctl -d nvme -i "$generic" >"$tmp/smart" || fail "smartctl: $(<"$tmp/smart")"
	grep -q "Serial Number: *$(<"/sys/block/$disk/device/serial")" "$tmp/smart" || fail "$(<"$tmp/smart")"
}

# What udev and lsblk ask for, as ever.
queries() {
	blkid -p "$dev" >"$tmp/blkid" 2>&1 || (($? == 2)) || fail "blkid: $(<"$tmp/blkid")"
	# It asks udev, which last saw another disk with this name, perhaps.
	udev_on
	udevadm trigger --settle "$dev"
	lsblk -o NAME,MODEL,SERIAL "$dev" >"$tmp/lsblk"
	grep -q "$(<"/sys/block/$disk/device/serial")" "$tmp/lsblk" || fail "lsblk: $(<"$tmp/lsblk")"
}

run_case "devices" devices
run_case "identify, logs and features" identify
run_case "I/O of the namespace's device" io "$generic"
run_case "I/O of the disk" io "$dev"
run_case "copy" copy
run_case "write uncorrectable" write_uncor
run_case "reset and scan" manage
run_case "subsystem reset" reset_subsystem
run_case "format is noticed" format
run_case "smartctl" smartctl_health
run_case "blkid and lsblk" queries
