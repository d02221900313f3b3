#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# PCI Express errors injected through QEMU's monitor under I/O that is verified: the link is
# reset after a fatal one, and no I/O fails.
. "$(dirname -- "$0")/common.sh"

need fio
need_nvme
monitor "info version" | grep -q . || skip "QEMU's monitor is not within reach"
need_serial asblk-nvme1
port=$(dirname "$(readlink -f "/sys/bus/pci/devices/${nvme[0]}")")
[[ -e $port/aer_rootport_total_err_fatal ]] || skip "this kernel does not handle PCI Express errors"
load disks=1

# inject ERROR MESSAGE - the port above the controller reports an error; wait for the message
inject() {
	log_begin
	monitor "pcie_aer_inject_error slot1 $1" >"$tmp/monitor"
	grep -q '^OK' "$tmp/monitor" || fail "inject $1: $(<"$tmp/monitor")"
	wait_for "$1: \"$2\" in the log" log_has "$2"
}

resets() { cat "/sys/block/$disk/device/resets"; }
before=$(resets)
fio_start "$(by_speed 30 90)" --rw=randrw --bsrange=4k-256k --iodepth=16 --size=64m --loops=1000
sleep 2
# Not fatal: the driver is asked whether it can go on.
inject COMP_TIME "device recovery successful"
eq "resets after an error that is not fatal" "$(resets)" "$before"
for ((round = 1; round <= 5; round++)); do
	inject DLP "device recovery successful"
	log_has "the link is frozen" || fail "not told of the frozen link: $(<"$tmp/log")"
	eq "resets after fatal errors" "$(resets)" $((before + round))
	eq "state" "$(<"/sys/block/$disk/device/state")" live
	# On a slow machine fio may end first.
	fio_runs || break
	sleep 0.5
done
ge "rounds until fio ended" "$round" 2
fio_end
