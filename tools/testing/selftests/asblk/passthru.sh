# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Functions for the tests of the NVMe passthrough interface. common.sh is there already.
# shellcheck disable=SC2154,SC2034 # its variables, and those for the tests

generic=/dev/$disk-generic
control=/dev/asblk-ctrl0

# passthru_build - compile the programs into $tmp
passthru_build() {
	local program here

	need gcc
	here=$(dirname -- "${BASH_SOURCE[0]}")
	for program; do
		gcc -O2 -Wall -o "$tmp/$program" "$here/$program.c" "$here/passthru.c" >"$tmp/gcc" 2>&1 ||
			fail "gcc: $(tail -n 5 "$tmp/gcc")"
	done
}

# passthru_load [PARAMETER=VALUE…] - one controller of one disk, and its devices
# shellcheck disable=SC2120 # most tests need no parameters
passthru_load() {
	load disks=1 "$@"
	[[ -c $generic && -c $control ]] || fail "no $generic or $control"
	block=$(blockdev --getss "$dev")
}

# no_commands - is none out? The block layer does not count them.
no_commands() { ! grep -h ' slots taken' /sys/kernel/debug/asblk/ctrl0/q*/slots | grep -qv '^0 of '; }

# as_nobody COMMAND… - as somebody without privileges
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all "$@"; }

# max_transfer - most bytes of a command, from MDTS
max_transfer() {
	local mdts

	mdts=$(nvme id-ctrl "$control" | sed -n 's/^mdts *: *//p')
	if ((mdts && mdts < 9)); then echo $((4096 << mdts)); else echo $((2 << 20)); fi
}
