#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Commands that succeed with the wrong data: corrupt, lost, misdirected and stale.
. "$(dirname -- "$0")/common.sh"

need_emul
. "$(dirname -- "$0")/faults.sh"

corrupt_read() {
	good_write 0x00
	rule op=read action=corrupt bits=3 times=1
	reads_wrong 0x00
	eq hits "$(hits r)" 1
	no_rule
	eq content "$(content "$here")" "00*4096"
}

corrupt_write() {
	rule op=write action=corrupt times=1
	good_write 0x00
	no_rule
	[[ $(content "$here") == "00*4095 "* ]] || fail "content: $(content "$here")"
}

corrupt_bits() {
	local bits

	good_write 0x00
	make_rule f r op=read first=2050 blocks=1 action=corrupt bits=3
	bits=$(dd if="$dev" bs=4k skip=256 count=1 iflag=direct status=none | od -An -v -tu1 -w1 |
		awk '{ for (v = $1; v; v = int(v / 2)) n += v % 2 } END { print n + 0 }')
	eq "bits that are set" "$bits" 3
	no_rule
}

lost_write() {
	good_write 0x44
	rule op=write action=phantom
	good_write 0x55
	eq hits "$(hits r)" 8
	no_rule
	eq content "$(content "$here")" "44*4096"
}

misdirected() {
	good_write 0x44
	rule op=write action=misdirect distance=8
	good_write 0x66
	no_rule
	eq "content here" "$(content "$here")" "44*4096"
	eq "content at the distance" "$(content $((here + 4096)))" "66*4096"
	rule op=read action=misdirect distance=8
	reads_right 0x66
	no_rule
	reads_right 0x44
}

stale() {
	rule op=read action=stale interval=2
	good_write 0x77
	good_write 0x88
	reads_right 0x88
	reads_right 0x77
	no_rule
	eq content "$(content "$here")" "88*4096"
}

run_modes "corrupt read" corrupt_read
run_modes "corrupt write" corrupt_write
run_modes "number of corrupt bits" corrupt_bits
run_modes "lost write" lost_write
run_modes "misdirected write and read" misdirected
run_modes "stale read" stale
