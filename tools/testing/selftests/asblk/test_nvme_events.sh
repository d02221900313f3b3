#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Events of the controller: namespaces detached and attached under I/O on others, and a
# temperature that is too high. (KUnit tests that an event alone leads to a scan: here the
# command that changes them does, too.)
. "$(dirname -- "$0")/common.sh"

need nvme fio
need_nvme
monitor "info version" | grep -q . || skip "QEMU's monitor is not within reach"
need_serial variant-namespaces
modprobe asblk disks=0
modprobe asblk_nvme
nvme_bind asblk_nvme "${nvme[0]}"
controller=/sys/bus/pci/devices/${nvme[0]}
ctrl=$(echo "$controller"/asblk/ctrl*)

disks() { (cd "$ctrl" && dirname asblk*/queue) | tr '\n' ' '; }
are() { [[ $(disks) == "$* " ]]; }
# wait_disks NAME… - until exactly these are there
wait_disks() { wait_for "disks $*" are "$@"; }

# attach 0|1 - attach namespace 2 to the controller, or detach it: Namespace Attachment with
# a list of one controller. (nvme-cli itself wants the kernel's own node for that.)
python3 - "$(nvme id-ctrl /dev/asblk0 | sed -n 's/^cntlid *: *//p')" >"$tmp/list" <<-'END'
	import struct, sys
	sys.stdout.buffer.write(struct.pack("<HH4092x", 1, int(sys.argv[1], 0)))
END
attach() {
	for ((i = 0; i < 30; i++)); do
		nvme admin-passthru /dev/asblk0 --opcode=0x15 --namespace-id=2 --cdw10="$1" --data-len=4096 -w \
			--input-file="$tmp/list" >"$tmp/attach" 2>&1 && return
		# The scan that the last one has led to.
		grep -q busy "$tmp/attach" || break
	done
	fail "attachment $1: $(<"$tmp/attach")"
}
clean_test() {
	[[ $(disks) != "asblk0 asblk2 " ]] || (attach 0)
	[[ ! -e $tmp/hot ]] || monitor "qom-set /machine/peripheral/$(<"$tmp/hot") smart_critical_warning 0" >/dev/null
}


namespaces() {
	local round

	wait_disks asblk0 asblk1 asblk2
	log_begin
	dd if=/dev/urandom of="$tmp/data" bs=1M count=1 status=none
	dd if="$tmp/data" of=/dev/asblk1 bs=64k oflag=direct status=none
	dev=/dev/asblk0:/dev/asblk2 fio_start "$(by_speed 10 30)" --rw=randrw --bs=16k --iodepth=8 --size=32m --loops=1000
	for ((round = 0; round < 5; round++)); do
		attach 1
		wait_disks asblk0 asblk2
		[[ ! -e /dev/asblk1 ]] || fail "/dev/asblk1 is still there"
		attach 0
		wait_disks asblk0 asblk1 asblk2
		cmp -n 1048576 "$tmp/data" /dev/asblk1 || fail "data of a namespace that was detached"
	done
	fio_end
	log_has "the namespaces have changed" || fail "no event in the log"
}

temperature() {
	local i serial hwmon

	# Only its serial number tells which of QEMU's controllers it is.
	for ((i = 1; ; i++)); do
		serial=$(monitor "qom-get /machine/peripheral/ctrl$i serial")
		[[ $serial != *Error* ]] || fail "QEMU has no such controller: $serial"
		[[ $serial != *variant-namespaces* ]] || break
	done
	hwmon=$(echo "$controller/hwmon/hwmon"*)
	eq "alarm" "$(<"$hwmon/temp1_alarm")" 0
	log_begin
	echo "ctrl$i" >"$tmp/hot"
	# Bit 1: beyond its limits
	monitor "qom-set /machine/peripheral/ctrl$i smart_critical_warning 2" >"$tmp/monitor"
	wait_for "a line in the log" log_has "temperature beyond its limits"
	eq "alarm of a hot controller" "$(<"$hwmon/temp1_alarm")" 1
	eq "state" "$(<"$ctrl/state")" live
}

run_case "namespaces detached and attached under I/O" namespaces
run_case "temperature" temperature
