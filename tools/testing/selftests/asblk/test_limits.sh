#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Data is right with unusual limits, whatever has to be split.
. "$(dirname -- "$0")/common.sh"

need_emul
need fio
mb=$(by_speed 3 1)
# odd PARAMETER=VALUE…
odd() {
	local align

	load size=64M "$@"
	verify limits --ioengine=io_uring --direct=1 --rw=randwrite --bsrange=4k-1m --size="${mb}m" \
		--iodepth=16 --numjobs=2 --offset_increment=32m
	# Memory that begins anywhere the device allows.
	align=$(($(<"/sys/block/$disk/queue/dma_alignment") + 1))
	python3 - "$dev" "$align" "$(blockdev --getss "$dev")" "$(by_speed 40 10)" <<-END
		import mmap, os, random, sys
		path, align, block = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
		seed = random.SystemRandom().randrange(1 << 32)
		print(f"# seed {seed}")
		random.seed(seed)
		fd = os.open(path, os.O_RDWR | os.O_DIRECT)
		memory = mmap.mmap(-1, 4 << 20)
		view = memoryview(memory)
		for step in range(int(sys.argv[4])):
		    nr = random.randrange(1, 64)
		    offset = random.randrange(0, 8192, align)
		    data = random.randbytes(nr * block)
		    view[offset:offset + nr * block] = data
		    assert os.pwritev(fd, [view[offset:offset + nr * block]], 0) == nr * block
		    view[offset:offset + nr * block] = bytes(nr * block)
		    back = random.randrange(0, 8192, align)
		    assert os.preadv(fd, [view[back:back + nr * block]], 0) == nr * block
		    assert view[back:back + nr * block] == data, (step, nr, offset, back)
	END
	eq errors "$(engine_count errors)" 0
	unload
}

for limits in "max_transfer=4K queue_depth=2" "max_transfer=12K max_segments=3" max_segments=1 \
	      "max_segments=2 max_segment_size=1K" "max_segment_size=1536 max_segments=5" segment_boundary=4K \
	      virt_boundary=4K "virt_boundary=4K max_transfer=20K" dma_alignment=2 dma_alignment=512 \
	      "block_size=4K max_segments=2 segment_boundary=64K" "queue_depth=1 queues=1 max_transfer=512"; do
	# shellcheck disable=SC2086 # words
	run_case "$limits" odd $limits
done
