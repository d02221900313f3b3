#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# nvme-cli works on the disk's node, for root alone; a format is noticed.
. "$(dirname -- "$0")/common.sh"

need nvme
need_nvme
load disks=1
eq "serial" "$(nvme id-ctrl "$dev" | sed -n 's/^sn *: *\([^ ]*\).*/\1/p')" "$(<"/sys/block/$disk/device/serial")"
eq "size" "$(nvme id-ns "$dev" -n 1 | sed -n 's/^nsze *: *//p')" \
	"$(printf '%#x' $(($(blockdev --getsize64 "$dev") / $(blockdev --getss "$dev"))))"
degrees=$(nvme smart-log "$dev" | sed -n 's,^temperature[[:space:]]*:[[:space:]]*\([0-9]*\).*,\1,p')
hwmon=$(echo "/sys/bus/pci/devices/${nvme[0]}/hwmon/hwmon"*)
eq "sensor" "$(<"$hwmon/name") $(<"$hwmon/temp1_label")" "asblk_nvme Composite"
eq "millidegrees" "$(<"$hwmon/temp1_input")" "${degrees}000"
eq "alarm" "$(<"$hwmon/temp1_alarm")" 0
nvme get-feature "$dev" -f 7 | grep -q 'Number of Queues' || fail "no feature"
refused "another driver's queues" nvme admin-passthru "$dev" --opcode=4 --cdw10=1
refused "more data than fits" nvme admin-passthru "$dev" --opcode=6 --cdw10=1 --data-len=16777216 -r
chmod 666 "$dev"
refused "a user's command" setpriv --reuid=65534 --regid=65534 --clear-groups nvme id-ctrl "$dev"
before=$(blockdev --getss "$dev")
other=$(nvme id-ns "$dev" -n 1 | awk '$3 == ":" && $4 == "ms:0" && !/in use/ { print $2; exit }')
[[ $other ]] || skip "there is one LBA format only"
nvme format -f -n 1 -l "$other" "$dev" >"$tmp/format" 2>&1 || fail "format: $(<"$tmp/format")"
for ((i = 0; i < 100; i++)); do
	[[ ! -b $dev || $(blockdev --getss "$dev") == "$before" ]] || break
	sleep 0.1
done
((i < 100)) || fail "the new format was not noticed"
say "from $before to $(blockdev --getss "$dev")"
dd if=/dev/urandom of="$dev" bs=64k count=1 oflag=direct status=none
nvme format -f -n 1 -l 0 "$dev" >"$tmp/format" 2>&1 || fail "format: $(<"$tmp/format")"
sleep 1
