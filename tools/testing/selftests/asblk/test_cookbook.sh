#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The scenarios of the cookbook in Documentation/block/asblk-faults.rst, as they stand.
. "$(dirname -- "$0")/common.sh"

need_emul
need fio e2fsck
udev_off
doc=$(dirname -- "$0")/../../../../Documentation/block/asblk-faults.rst
[[ -e $doc ]] || skip "there are no documents here"
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

# scenario NUMBER
scenario() {
	local path

	make_disk d size=64M queues=1 timeout_ms="$(by_speed 1000 4000)"
	DEV=/dev/$(<"$configfs/d/device")
	# The first command that fails ends it; what it did is shown if it fails.
	(
		set -ex +o pipefail
		cd "$configfs/d/faults"
		# shellcheck disable=SC1090
		. "$tmp/$1"
	)
	! mountpoint -q "$mnt" || fail "$mnt is left mounted"
	for path in "$configfs"/d/faults/*/; do [[ ! -d $path ]] || rmdir "$path"; done
	rmdir "$configfs/d"
}

for ((nr = 1; ; nr++)); do
	[[ -e $tmp/$nr ]] || break
	run_case "scenario $nr" scenario $nr
done
eq "scenarios" $((nr - 1)) 12
