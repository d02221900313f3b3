#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Namespaces that go and come under I/O on others, and a controller that is too hot: it
# reports both, and disks and sensors follow. (That an event alone is enough for the disks
# is KUnit's to show: here they were looked for after the command that changed them, too.)
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

disks() { basename -a "$ctrl"/asblk* | tr '\n' ' '; }
# wait_disks NAME… - until exactly these are there
wait_disks() {
	for ((i = 0; i < 300; i++)); do
		[[ $(disks) != "$* " ]] || return 0
		sleep 0.1
	done
	fail "disks: $(disks)instead of $*"
}

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
# Others find it as it was.
clean_test() {
	[[ $(disks) != "asblk0 asblk2 " ]] || (attach 0)
	[[ ! ${hot-} ]] || monitor "qom-set /machine/peripheral/$hot smart_critical_warning 0" >/dev/null
}

wait_disks asblk0 asblk1 asblk2
log_begin
dd if=/dev/urandom of="$tmp/data" bs=1M count=1 status=none
dd if="$tmp/data" of=/dev/asblk1 bs=64k oflag=direct status=none
fio --name=others --filename=/dev/asblk0:/dev/asblk2 --rw=randrw --bs=16k --direct=1 --ioengine=io_uring --iodepth=8 \
	--size=32m --loops=1000 --time_based --runtime="$(by_speed 10 30)" --verify=crc32c --verify_fatal=1 \
	--output="$tmp/fio" >"$tmp/fio.err" 2>&1 &
others=$!
for ((round = 0; round < 5; round++)); do
	attach 1
	wait_disks asblk0 asblk2
	[[ ! -e /dev/asblk1 ]] || fail "/dev/asblk1 is still there"
	attach 0
	wait_disks asblk0 asblk1 asblk2
	cmp -n 1048576 "$tmp/data" /dev/asblk1 || fail "data of a namespace that was away"
done
wait $others || fail "fio on the others: $(tail -n 5 "$tmp/fio.err" "$tmp/fio")"
log_has "the namespaces have changed" || fail "no event in the log"

# Which of the machine's controllers it is, only its serial number tells.
for ((i = 1; ; i++)); do
	serial=$(monitor "qom-get /machine/peripheral/ctrl$i serial")
	[[ $serial != *Error* ]] || fail "QEMU has no such controller: $serial"
	[[ $serial != *variant-namespaces* ]] || break
done
hwmon=$(echo "$controller/hwmon/hwmon"*)
eq "alarm" "$(<"$hwmon/temp1_alarm")" 0
# Bit 1: beyond its limits
hot=ctrl$i
monitor "qom-set /machine/peripheral/$hot smart_critical_warning 2" >"$tmp/monitor"
for ((i = 0; i < 100; i++)); do
	! log_has "temperature beyond its limits" || break
	sleep 0.1
done
((i < 100)) || fail "the controller's temperature is not in the log: $(<"$tmp/monitor" "$tmp/log")"
eq "alarm of a hot controller" "$(<"$hwmon/temp1_alarm")" 1
eq "state" "$(<"$ctrl/state")" live
