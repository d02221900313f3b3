#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The scenarios of the cookbook in Documentation/block/asblk-faults.rst, as they stand.
. "$(dirname -- "$0")/common.sh"

need_emul
need fio e2fsck
doc=$(dirname -- "$0")/../../../../Documentation/block/asblk-faults.rst
configfs_load disks=0

# Number, and the indented lines after the "::" that ends the text.
awk -v out="$tmp" '
	/^Cookbook$/ { book = 1 }
	book && /^[0-9]+\. / { number = $1 + 0; code = 0 }
	number && code && /^      / { print substr($0, 7) >(out "/" number); next }
	number && /::$/ { code = 1 }' "$doc"

rule() {
	local name=$1 field
	shift

	mkdir "$name"
	for field; do echo "${field#*=}" >"$name/${field%%=*}"; done
	echo 1 >"$name/enabled"
}
fails() { ! "$@" >>"$tmp/fails" 2>&1 || fail "did not fail: $*"; }
export MNT=$mnt DEV LOG=/sys/kernel/debug/asblk/ctrl0/faults

run=0
while [[ -e $tmp/$((run + 1)) ]]; do
	run=$((run + 1))
	make_disk d size=64M queues=1 timeout_ms="$(by_speed 1000 4000)"
	DEV=/dev/$(<"$configfs/d/device")
	say "scenario $run"
	# A shell of its own: any command that fails ends it. (Not in a list with ||: there
	# nothing would.)
	set +e
	(
		set -ex +o pipefail
		trap - EXIT
		cd "$configfs/d/faults"
		# shellcheck disable=SC1090
		. "$tmp/$run"
	) >"$tmp/output" 2>&1
	status=$?
	set -e
	((status == 0)) || fail "scenario $run (status $status): $(cat "$tmp/$run" "$tmp/output")"
	! mountpoint -q "$mnt" || fail "scenario $run leaves $mnt mounted"
	for path in "$configfs"/d/faults/*/; do [[ ! -d $path ]] || rmdir "$path"; done
	rmdir "$configfs/d"
done
eq "scenarios" "$run" 12
