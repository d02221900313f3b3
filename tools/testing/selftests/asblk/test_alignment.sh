#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Direct I/O from and to memory aligned in every way that is allowed.
. "$(dirname -- "$0")/common.sh"

load size=64M
"$(dirname -- "$0")/alignment.py" "$dev" "$(blockdev --getss "$dev")" \
	"$(($(cat /sys/block/$disk/queue/dma_alignment) + 1))" "$(by_speed 1 29)"
