#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# PCI Express errors on the way to the controller, injected through QEMU's monitor while
# data is written and checked: the link is reset after a fatal one, and nobody notices.
. "$(dirname -- "$0")/common.sh"

need fio
need_nvme
monitor "info version" | grep -q . || skip "QEMU's monitor is not within reach"
need_serial asblk-nvme1
port=$(dirname "$(readlink -f "/sys/bus/pci/devices/${nvme[0]}")")
[[ -e $port/aer_rootport_total_err_fatal ]] || skip "this kernel does not handle PCI Express errors"
load disks=1

# inject ERROR WANTED - have the port above the controller report an error
inject() {
	log_begin
	monitor "pcie_aer_inject_error slot1 $1" >"$tmp/monitor"
	grep -q '^OK' "$tmp/monitor" || fail "inject $1: $(<"$tmp/monitor")"
	for ((i = 0; i < 300; i++)); do
		! log_has "$2" || return 0
		sleep 0.1
	done
	fail "$1: no \"$2\" in the log: $(<"$tmp/log")"
}

resets() { cat "/sys/block/$disk/device/resets"; }
before=$(resets)
fio --name=aer --filename="$dev" --rw=randrw --bsrange=4k-256k --direct=1 --ioengine=io_uring --iodepth=16 \
	--size=64m --loops=1000 --time_based --runtime="$(by_speed 30 90)" --verify=crc32c --verify_fatal=1 \
	--output="$tmp/fio" >"$tmp/fio.err" 2>&1 &
fio=$!
sleep 2
# It has to be asked whether it can go on; that is all.
inject COMP_TIME "device recovery successful"
eq "resets after an error that is not fatal" "$(resets)" "$before"
for ((round = 1; round <= 5; round++)); do
	inject DLP "device recovery successful"
	log_has "the link is frozen" || fail "not told of the frozen link: $(<"$tmp/log")"
	eq "resets after fatal errors" "$(resets)" $((before + round))
	eq "state" "$(<"/sys/block/$disk/device/state")" live
	# A slow machine has time for fewer.
	kill -0 $fio 2>/dev/null || break
	sleep 0.5
done
ge "rounds until fio ended" "$round" 2
wait $fio || fail "fio: $(tail -n 5 "$tmp/fio.err" "$tmp/fio")"
