#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Commands that fail with a status, before or after they are executed, or partly.
. "$(dirname -- "$0")/common.sh"

need_emul
. "$(dirname -- "$0")/faults.sh"

before() {
	good_write 0x11
	rule op=write status=medium
	bad_write 0x22
	eq error "$said" "write: No data available"
	eq hits "$(hits r)" 1
	good read
	no_rule
	eq content "$(content "$here")" "11*4096"
}

after() {
	rule op=write status=nospc when=after
	bad_write 0x22
	no_rule
	eq content "$(content "$here")" "22*4096"
}

transient() {
	rule op=read status=transport transient=1 times=2
	good read
	eq hits "$(hits r)" 2
	no_rule
}

short_write() {
	good_write 0x22
	make_rule f r op=write first=2052 blocks=1 action=short
	bad_write 0x33
	no_rule
	eq content "$(content "$here")" "22*2048 33*2048"
}

short_read() {
	make_rule f r op=read first=2052 blocks=1 action=short
	bad read
	no_rule
}

# The cache is flushed before it is turned off, and after that.
flush_of_cache() {
	local flush

	for flush in 1 2; do
		make_rule f r op=flush interval=$flush
		refused "turning the cache off when flush $flush fails" set_option f write_cache 0
		no_rule
		eq "the option after flush $flush" "$(<"$configfs/f/write_cache")" 1
		eq "the controller's cache" "$(<"$ctrl/write_cache")" 1
		eq "the host's view" "$(<"/sys/block/${dev#/dev/}/queue/write_cache")" "write back"
	done
	set_option f write_cache 0
	set_option f write_cache 1
}

run_modes "status before execution" before
run_modes "status after execution" after
run_modes "transient status is retried" transient
run_modes "short write" short_write
run_modes "short read" short_read
run_case "a cache that cannot be flushed stays on" flush_of_cache
