#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Buffered writes at any byte, through the disk and a partition.
. "$(dirname -- "$0")/common.sh"

load size=64M block_size="${1:-512}"
printf 'start=2048\n' | sfdisk -q "$dev"
settle
for path in "$dev" "${dev}p1"; do
	run_case "${path#/dev/}" "$(dirname -- "$0")/unaligned.py" "$path" "$(by_speed 400 100)"
done
