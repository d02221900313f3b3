#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Module parameters: bad values are refused with one line, good ones take effect.
. "$(dirname -- "$0")/common.sh"

need_emul

# bad PARAMETER=VALUE [OTHER…] - to be loaded with, and refused.
bad() { printf '%s\n' "$*" >>"$tmp/bad"; }

for value in -1 1025 x 1.5 0x10 1K 99999999999999999999; do bad disks=$value; done
for value in 0 -1 1000 511 x 4X 4GG 4097 2P 99999999999E; do bad size=$value; done
for value in -1 1 63K x 4KM; do bad memory_limit=$value; done
for value in -1 100000 x 1K 0x2; do bad queues=$value; done
for value in -1 100000 x 1K 2.0; do bad poll_queues=$value; done
for value in 0 -1 2049 x 1K; do bad queue_depth=$value; done
for value in 0 256 1000 128K x; do bad block_size=$value; done
for value in 1 256 3000 2M x; do bad physical_block_size=$value; done
for value in 0 511 1000 32M x; do bad max_transfer=$value; done
for value in 0 -1 1025 x 1K; do bad max_segments=$value; done
for value in 1 511 1000 32M x; do bad max_segment_size=$value; done
for value in 1 2048 5000 8G x; do bad segment_boundary=$value; done
for value in 1 256 5000 128K x; do bad virt_boundary=$value; done
for value in 0 1 3 8K -4 x; do bad dma_alignment=$value; done
for value in 2 -1 maybe y 0x; do bad removable=$value; done
for value in 2 -1 maybe y 0x; do bad read_only=$value; done
for value in 2 x; do bad rotational=$value; bad volatile_cache=$value; bad write_cache=$value; done
for value in 0 257 x; do bad coalesce_count=$value; done
for value in -1 100001 1K; do bad coalesce_usecs=$value; done
for value in 0 99 3600001 x; do bad timeout_ms=$value; done
for value in 65 -1 x; do bad channels=$value; done
for value in 1 63K 2T x; do bad read_bandwidth=$value; bad write_bandwidth=$value; done
for value in -1 10000001; do bad burst_usecs=$value; done
for value in -1 1000001 x; do bad seek_min_usecs=$value; bad seek_max_usecs=$value; done
for value in 1 59 100001 x; do bad rpm=$value; done
for value in -1 x 99999999999999999999; do bad seed=$value; done
for value in floppy ""; do bad profile=$value; done
for value in 1000 -1 x ""; do bad node=$value; done
for value in "" 1 ipis x; do bad interrupt=$value; done
for value in "" "$(printf 'x%.0s' {1..41})"; do bad "model=$value"; done
for value in "" "$(printf 'x%.0s' {1..21})"; do bad "serial=$value"; done
for value in "" 123456789; do bad firmware_rev=$value; done
for value in "" 00000000000000000000000000000000 12 0123456789abcdef0123456789abcdeg; do bad wwid=$value; done
for value in "" soon fixed '"fixed"' '"fixed 10000001"' '"uniform 2 1"' '"lognormal 0 1"' '"lognormal 2 1"' \
	     '"percentiles"' '"percentiles 50"' '"percentiles 50:2 40:3"' '"percentiles 50:2 60:1"' \
	     '"percentiles 101:1"' '"percentiles 1.23456:1"' '"fixed 1 2"' '"none 1"'; do
	bad "read_latency=$value"
done
for value in "" often '"every 5"' '"every 5 5"' '"random 5 6"' '"never 5 1"'; do bad "stall=$value"; done
bad serial=same disks=2

# Values that do not go together.
bad physical_block_size=512 block_size=4K
bad size=1048064 block_size=4K
bad max_transfer=6K block_size=4K
bad dma_alignment=1K block_size=512
bad max_segments=7 block_size=4K max_segment_size=512
bad max_segment_size=1536 dma_alignment=1K block_size=4K
large_blocks=
if (($(uname -r | cut -d. -f1) >= 7)) &&
   grep -q always /sys/kernel/mm/transparent_hugepage/enabled 2>/dev/null; then
	large_blocks=yes
else
	bad block_size=64K
fi

refused_values() { "$(dirname -- "$0")/bad_params.py" "$(modinfo -n asblk)" "$dev" <"$tmp/bad"; }

queue() { cat "/sys/block/$disk/queue/$1"; }

# good ATTRIBUTE VALUE PARAMETER=VALUE…
good() {
	local attribute=$1 value=$2
	shift 2

	load "$@"
	eq "$attribute" "$(queue "$attribute")" "$value"
	dd if="$dev" of=/dev/null bs=128k count=1 iflag=direct status=none
	unload
}

size() {
	load size=3M
	eq size "$(blockdev --getsize64 "$dev")" $((3 << 20))
	unload
}

no_disks() {
	load size=1T disks=0
	[[ ! -e $dev ]] || fail "a disk with disks=0"
	unload
}

# queues NUMBER PARAMETER=VALUE…
queues() {
	load "${@:2}"
	eq queues "$(find "/sys/block/$disk/mq" -mindepth 1 -maxdepth 1 | wc -l)" "$1"
	eq scheduler "$(queue scheduler | grep -o '\[.*\]')" "[none]"
	unload
}

run_case "refused values" refused_values
for size in 512 1024 2048 4096; do
	run_case "block_size=$size" good logical_block_size $size block_size=$size
	run_case "block_size=$size physical_block_size=$((size * 4))" \
		good physical_block_size $((size * 4)) block_size=$size physical_block_size=$((size * 4))
done
if [[ $large_blocks ]]; then
	run_case block_size=64K good logical_block_size 65536 block_size=64K
else
	run_case block_size=64K skip "this kernel has no blocks larger than a page"
fi
run_case queue_depth=17 good nr_requests 17 queue_depth=17
run_case dma_alignment=512 good dma_alignment 511 dma_alignment=512
run_case virt_boundary=4K good virt_boundary_mask 4095 virt_boundary=4K
run_case node=0 good nr_requests 19 queue_depth=19 node=0
run_case profile=sata-ssd good nr_requests 32 profile=sata-ssd
run_case profile=hdd good rotational 1 profile=hdd
run_case size=3M size
run_case disks=0 no_disks
run_case "queues=1 poll_queues=1" queues 2 queues=1 poll_queues=1
run_case "as many queues as CPUs" queues "$(nproc --all)"
