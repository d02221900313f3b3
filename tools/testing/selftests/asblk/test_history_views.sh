#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Disks that show what a power cut may have left of another disk.
. "${BASH_SOURCE[0]%/*}/common.sh"
need_emul
need python3
configfs_load disks=0
# Who reads a disk asks for decisions.
udev_off

option() { cat "$configfs/$1/$2"; }
path() { echo "/dev/$(option "$1" device)"; }

# put DISK BLOCK LETTER [dd OPTION…] - fill a block of 4 KiB
put() {
	local disk=$1 block=$2 letter=$3
	shift 3

	head -c 4096 /dev/zero | tr '\0' "$letter" |
		dd of="$(path "$disk")" bs=4k seek="$block" oflag=direct iflag=fullblock status=none "$@"
}
flush() { dd if=/dev/zero of="$(path "$1")" count=0 conv=fsync,notrunc status=none; }

# get DISK BLOCKS - a letter for each block, 0 for zeroes; each block has to be full of it
get() { get_from "$1" 0 "$2"; }
# get_from DISK BLOCK BLOCKS - not from the first block on
get_from() {
	local block text=

	for ((block = $2; block < $2 + $3; block++)); do
		dd if="$(path "$1")" of="$tmp/block" bs=4k skip="$block" count=1 iflag=direct status=none || return
		text+=$(tr '\0' 0 <"$tmp/block" | fold -w 1 | uniq | tr -d '\n')
	done
	echo "$text"
}

make_base() {
	make_disk d size=16M block_size=4096 queues=1 history=1 "$@"
}
# make_view NAME [OPTION=VALUE…]
make_view() {
	local name=$1
	shift

	make_disk "$name" base=d "$@"
}
rewind() { set_option "$1" rewind 1; }
asked() { cut -d ' ' -f 1-3 "$configfs/$1/asked"; }

# What was flushed is there, what was not may be.
undecided() {
	make_base
	put d 0 A
	put d 1 A
	flush d
	put d 0 B
	put d 1 C
	make_view v
	eq "all" "$(get v 3)" BC0
	set_option v decide none
	rewind v
	eq "none" "$(get v 3)" AA0
	eq "asked" "$(wc -l <"$configfs/v/asked")" 2
	# As they were asked for, they can be given again.
	asked v | sed '1s/0$/1/' >"$tmp/given"
	cat "$tmp/given" >"$configfs/v/decisions"
	eq "given" "$(option v decisions)" 2
	rewind v
	eq "the first of them" "$(get v 3)" BA0
	eq "asked again" "$(asked v)" "$(<"$tmp/given")"
	set_option v decisions clear
	rewind v
	eq "forgotten" "$(get v 3)" AA0
	# Decided once, whatever else is asked.
	set_option v decide "seed 5"
	rewind v
	eq "twice" "$(get v 3)" "$(get v 3)"
	rmdir "$configfs/v" "$configfs/d"
}

# The past does not change while the disk and its views do.
past() {
	local at

	make_base
	put d 0 A
	flush d
	at=$(option d now)
	put d 0 B
	flush d
	set_option d mark here
	eq "mark" "$(option d mark)" "$(option d now)"
	put d 0 C
	blkdiscard -f "$(path d)"
	flush d
	make_view old instant="$at"
	make_view marked instant=here
	make_view before instant=here-1 decide=none
	make_view now
	eq "old" "$(get old 1)" A
	eq "marked" "$(get marked 1)" B
	# The flush is in flight.
	eq "before" "$(get before 1)" A
	eq "now" "$(get now 1)" 0
	put old 0 X
	put old 1 Y
	blkdiscard -f -o 0 -l 4096 "$(path now)"
	put d 0 D
	eq "written" "$(get old 3)" XY0
	eq "live" "$(get d 2)" D0
	eq "others" "$(get marked 2)" B0
	rewind old
	eq "rewound" "$(get old 3)" A00
	set_option old instant here
	rewind old
	eq "another instant" "$(get old 1)" B
	rmdir "$configfs"/{old,marked,before,now} "$configfs/d"
}

# An atomic write is there or not; any other may be there in part.
pieces() {
	make_base atomic_unit=16K
	python3 - "$(path d)" <<-'PY'
		import mmap, os, sys
		fd = os.open(sys.argv[1], os.O_RDWR | os.O_DIRECT)
		m = mmap.mmap(-1, 8192)
		m[:] = b"A" * 8192
		os.pwritev(fd, [m], 0, 0x40)   # RWF_ATOMIC
		m[:] = b"P" * 8192
		os.pwritev(fd, [m], 8192)
	PY
	make_view v decide=none
	get v 4 >/dev/null
	eq "pieces" "$(cut -d ' ' -f 2 "$configfs/v/asked" | tr '\n' ' ')" "whole 2 3 "
	rmdir "$configfs/v" "$configfs/d"
}

# FUA, and a cache that is off.
durable() {
	make_base
	put d 0 A oflag=direct,dsync
	set_option d write_cache 0
	put d 1 B
	set_option d write_cache 1
	make_view v decide=none
	eq "durable" "$(get v 2)" AB
	eq "asked" "$(wc -l <"$configfs/v/asked")" 0
	rmdir "$configfs/v" "$configfs/d"
}

# Profiles that break an assumption: what is durable is lost; what is not, is hurt.
profiles() {
	make_base
	put d 0 A
	flush d
	put d 0 B
	make_view v decide=none
	eq "a device that does not lie" "$(get v 1)" A
	set_option v cut_profile liar
	rewind v
	eq "one that does" "$(get v 1)" 0
	set_option v cut_profile torn
	asked v | sed '1s/0$/2/;2,$d' >"$configfs/v/decisions"
	rewind v
	[[ $(get v 1) == BA ]] || fail "torn: $(get v 1)"
	set_option v cut_profile unreadable
	rewind v
	refused "reading it" dd if="$(path v)" of=/dev/null bs=4k count=1 iflag=direct
	eq "the next" "$(dd if="$(path v)" bs=4k skip=1 count=1 iflag=direct status=none | tr -d '\0' | wc -c)" 0
	put v 0 C
	eq "written again" "$(get v 1)" C
	set_option v cut_profile rollback
	set_option v decisions clear
	set_option v decisions "0 0 2"
	rewind v
	get v 1 >/dev/null
	grep -qE '^0 0 2 [0-9]+ erase-unit$' "$configfs/v/asked" || fail "asked: $(option v asked)"
	rmdir "$configfs/v" "$configfs/d"
}

# A second power cut while the first is recovered from.
nested() {
	make_base
	put d 0 A
	flush d
	put d 0 B
	make_view v history=1 decide=none
	put v 1 C
	make_disk w base=v decide=none
	eq "view" "$(get v 2)" AC
	eq "view of the view" "$(get w 2)" A0
	set_option w decide all
	rewind w
	eq "all of it" "$(get w 2)" AC
	refused "rewinding what others look at" rewind v
	rmdir "$configfs/w" "$configfs/v" "$configfs/d"
}

# Two disks of one power domain.
domain() {
	local at

	make_disk d size=16M block_size=4096 history=1 power_domain=p
	make_disk e size=16M block_size=4096 history=1 power_domain=p
	put d 0 A
	put e 0 A
	flush d
	flush e
	at=$(option d now)
	eq "one counter" "$(option e now)" "$at"
	put d 0 B
	put e 0 B
	flush d
	make_view v instant="$at"
	make_disk w base=e instant="$at"
	eq "then" "$(get v 1)$(get w 1)" AA
	set_option v instant now
	set_option w instant now
	set_option v decide none
	set_option w decide none
	rewind v
	rewind w
	eq "a flush is for one disk" "$(get v 1)$(get w 1)" BA
	set_option d power 0
	rewind w
	eq "a shutdown is for one disk" "$(get w 1)" A
	flush e
	rewind w
	eq "a flush of the other" "$(get w 1)" B
	rmdir "$configfs"/{v,w,d,e}
}

# The disk goes, and comes back with one outcome.
power_cut() {
	local seed states=

	for ((seed = 0; seed < $(by_speed 12 5); seed++)); do
		make_disk d size=16M block_size=4096 history=1 power_domain=p
		make_disk e size=16M block_size=4096 history=1 power_domain=p
		put d 0 A
		put d 2 A
		put e 0 A
		flush d
		flush e
		put d 0 B
		blkdiscard -f -o 8192 -l 4096 "$(path d)"
		put e 0 B
		set_option d cut "$seed"
		states+="$(get d 3)$(get e 1) "
		eq "recording" "$(option d history_state)$(option e history_state)" recordingrecording
		# What is there now is there for good.
		make_disk v base=d decide=none
		eq "afterwards" "$(get v 3)" "$(get d 3)"
		rmdir "$configfs/v" "$configfs/d" "$configfs/e"
	done
	[[ ! ${states//[AB]0[A0][AB] /} ]] || fail "other states: $states"
	ge "different states" "$(tr ' ' '\n' <<<"$states" | sort -u | grep -c .)" "$(by_speed 3 2)"
	make_base
	make_view v
	refused "a power cut under a view" set_option d cut 1
	rmdir "$configfs/v" "$configfs/d"
}

# format DISK - by a command to its controller, with blocks of 4 KiB
format() {
	local node

	node=$(echo "/sys/block/$(option "$1" device)/device/asblk-ctrl"*)
	nvme format "/dev/${node##*/}" -n 1 -l 3 --force
}

# Commands of the NVMe command set: blocks that cannot be read, and a format.
commands() {
	command -v nvme >/dev/null || skip "no nvme-cli"
	make_base
	put d 0 A
	put d 1 A
	flush d
	nvme write-uncor "$(path d)" -s 0 -c 1
	refused "reading the disk" get d 1
	put d 1 B
	make_view v decide=none
	eq "lost" "$(get v 2)" AA
	set_option v decide all
	rewind v
	refused "reading the view" get v 1
	eq "the next" "$(get_from v 1 1)" B
	# Without the write the command before it has survived.
	asked v | sed 's/^\(.* 1 \)1$/\10/' >"$configfs/v/decisions"
	rewind v
	refused "reading what was not written again" get_from v 1 1
	set_option v decisions clear
	flush d
	set_option v decide none
	rewind v
	refused "reading what is durable" get v 1
	eq "asked" "$(wc -l <"$configfs/v/asked")" 0
	put v 0 C
	eq "written again" "$(get v 2)" CB
	nvme write-uncor "$(path v)" -s 1 -c 0
	refused "reading what the view cannot" get_from v 1 1
	rewind v
	eq "rewound" "$(get_from v 1 1)" B
	refused "a format under a view" format d
	format v
	eq "formatted" "$(get v 2)" 00
	rmdir "$configfs/v"
	set_option d cut 1
	refused "reading after a power cut" get d 1
	format d
	eq "recording" "$(option d history_state)" recording
	make_view v decide=none
	eq "formatted" "$(get v 2)" 00
	rmdir "$configfs/v" "$configfs/d"
}

wrong() {
	make_base
	put d 0 A
	make_view v
	exec {fd}<"$(path v)"
	refused "rewinding an open disk" rewind v
	exec {fd}<&-
	refused "decide" set_option v decide perhaps
	refused "a decision" set_option v decisions "1 whole 3"
	refused "a mark" set_option d mark now
	log_begin
	set_option v instant 1000000
	refused "an instant to come" rewind v
	log_has "not between oldest and now" || fail "the log does not say why"
	set_option v instant nothing
	refused "an unknown mark" rewind v
	set_option v instant now
	rewind v
	eq "still there" "$(get v 1)" A
	refused "a format under a view" set_option d size 8M
	set_option d history 0
	refused "reading what was forgotten" dd if="$(path v)" of=/dev/null bs=4k count=1 iflag=direct
	refused "rewinding to it" rewind v
	rmdir "$configfs/d"
	refused "a disk that is gone" rewind v
	rmdir "$configfs/v"
}

for name in undecided past pieces durable profiles nested domain power_cut commands wrong; do
	run_case "$name" "$name"
done
