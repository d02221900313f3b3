#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Documentation/ABI lists the attributes that asblk has in configfs, sysfs and debugfs, all of
# them and no others; its options are described.
. "$(dirname -- "$0")/common.sh"

need_emul
abi=$(dirname -- "$0")/../../../../Documentation/ABI/testing
[[ -e $abi ]] || skip "there are no documents here"
configfs_load disks=0
make_disk x size=16M
make_rule x r op=flush
disk=$(<"$configfs/x/device")
root=$(basename "$(findmnt -no SOURCE /)")

{
	find "$configfs" -mindepth 1 -maxdepth 1 -type f
	find "$configfs/x" -type f
	find "/sys/block/$disk/emul" -type f
	# Not those that the block layer gives every disk
	for path in "/sys/block/$disk"/*; do
		[[ ! -f $path || -e /sys/block/$root/${path##*/} ]] || echo "$path"
	done
	find "$(readlink -f "/sys/block/$disk/device")/" -maxdepth 1 -type f ! -name uevent -printf "/sys/class/asblk/ctrl0/%f\n"
	find /sys/kernel/debug/asblk/ctrl0 -type f
} | sed -E "s,^$configfs/x,$configfs/<disk>,; s,/faults/r/,/faults/<rule>/,; s,/sys/block/$disk/,/sys/block/asblk<N>/,
	s,/ctrl0/,/ctrl<N>/,; s,/q[0-9]+/,/q<M>/," | sort -u >"$tmp/there"
# Only NVMe controllers have rescan_controller: test_settings.
sed -n 's/^What:[[:space:]]*//p' "$abi"/*asblk* | grep -vE '/(<disk>|<rule>|rescan_controller)$' | sort >"$tmp/said"
attributes() {
	diff "$tmp/there" "$tmp/said" >"$tmp/diff" ||
		fail "there but not documented (<), or documented but not there (>): $(grep '^[<>]' "$tmp/diff")"
	ge "attributes" "$(wc -l <"$tmp/there")" 90
}

options() {
	local name

	for name in $(tr ',' ' ' <"$configfs/features"); do
		grep -q "\`\`$name\`\`" "$abi/../../block/asblk-configuration.rst" || [[ $name == faults ]] || fail "$name is not documented"
	done
}

run_case "attributes" attributes
run_case "options" options
