#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# nvme-cli works on the disk's node, for root only; its format is noticed.
. "$(dirname -- "$0")/common.sh"

need nvme
need_nvme
load disks=1

identify() {
	eq "serial" "$(nvme id-ctrl "$dev" | sed -n 's/^sn *: *\([^ ]*\).*/\1/p')" "$(<"/sys/block/$disk/device/serial")"
	eq "size" "$(nvme id-ns "$dev" -n 1 | sed -n 's/^nsze *: *//p')" \
		"$(printf '%#x' $(($(blockdev --getsize64 "$dev") / $(blockdev --getss "$dev"))))"
}

temperature() {
	local degrees hwmon

	degrees=$(nvme smart-log "$dev" | sed -n 's,^temperature[[:space:]]*:[[:space:]]*\([0-9]*\).*,\1,p')
	hwmon=$(echo "/sys/bus/pci/devices/${nvme[0]}/hwmon/hwmon"*)
	eq "sensor" "$(<"$hwmon/name") $(<"$hwmon/temp1_label")" "asblk_nvme Composite"
	eq "millidegrees" "$(<"$hwmon/temp1_input")" "${degrees}000"
	eq "alarm" "$(<"$hwmon/temp1_alarm")" 0
}

commands() {
	nvme get-feature "$dev" -f 7 >"$tmp/feature"
	grep -q 'Number of Queues' "$tmp/feature" || fail "no feature"
	refused "creating a queue" nvme admin-passthru "$dev" --opcode=4 --cdw10=1
	refused "more data than fits" nvme admin-passthru "$dev" --opcode=6 --cdw10=1 --data-len=16777216 -r
}

unprivileged() {
	chmod 666 "$dev"
	refused "a user's command" setpriv --reuid=65534 --regid=65534 --clear-groups nvme smart-log "$dev"
}

other_size() { [[ -b $dev && $(blockdev --getss "$dev") != "$1" ]]; }

format() {
	local before other

	before=$(blockdev --getss "$dev")
	other=$(nvme id-ns "$dev" -n 1 | awk '$3 == ":" && $4 == "ms:0" && !/in use/ { print $2; exit }')
	[[ $other ]] || skip "there is one LBA format only"
	nvme format -f -n 1 -l "$other" "$dev" >"$tmp/format" 2>&1 || fail "format: $(<"$tmp/format")"
	wait_for "new block size" other_size "$before"
	say "from $before to $(blockdev --getss "$dev")"
	dd if=/dev/urandom of="$dev" bs=64k count=1 oflag=direct status=none
	nvme format -f -n 1 -l 0 "$dev" >"$tmp/format" 2>&1 || fail "format: $(<"$tmp/format")"
	sleep 1
}

run_case "identify" identify
run_case "temperature, as hwmon has it" temperature
run_case "allowed and refused commands" commands
run_case "refused without privileges" unprivileged
run_case "format is noticed" format
