#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Controllers with other limits than most: as many queues and vectors and as large transfers
# as they allow, and data that is right.
. "$(dirname -- "$0")/common.sh"

need nvme fio
need_serial variant
modprobe asblk disks=0
modprobe asblk_nvme
debugfs=/sys/kernel/debug/asblk

# vectors ADDRESS - how many messages its interrupt capability has: MSI-X (11h)
vectors() {
	python3 - "/sys/bus/pci/devices/$1/config" <<-'END'
		import sys
		config = open(sys.argv[1], "rb").read()
		at = config[0x34]
		while at and config[at] != 0x11: at = config[at + 1]
		print((config[at + 2] | config[at + 3] << 8 & 0x700) + 1 if at else 1)
	END
}

# check_doorbells CTRL NODE - those in memory are used where it has them (OACS bit 8)
check_doorbells() {
	local oacs

	oacs=$(nvme id-ctrl "/dev/$2" | sed -n 's/^oacs *: *//p')
	if ((oacs & 0x100)); then
		ge "shadow doorbells of $1" "$(cat "$debugfs/$1"/q*/rings | awk '/^shadow/ { sum += $3 } END { print sum + 0 }')" 1
	else
		refused "shadow doorbells of $1, which has none" grep -r shadow "$debugfs/$1"
	fi
}

# check_data NODE - at any offset, in any size
check_data() {
	target=$1
	for engine in "io_uring --direct=1" "psync"; do
		# shellcheck disable=SC2086 # two words
		verify "data-${1##*/}-${engine%% *}" --ioengine=$engine --rw=randwrite --iodepth=16 \
			--bsrange="$(blockdev --getss "$1")-1m" --blockalign="$(blockdev --getss "$1")" --size=16m
	done
	blkdiscard -qf "$1"
	cmp -n 1048576 "$1" /dev/zero || fail "$1 is not zero after a discard"
	dd if=/dev/urandom of="$1" bs=1M count=1 oflag=direct status=none
	blkdiscard -qzf "$1"
	cmp -n 1048576 "$1" /dev/zero || fail "$1 is not zero"
}

# disks_of CONTROLLER
disks_of() { (cd "/sys/class/asblk/$1" && dirname asblk*/queue); }

# check ADDRESS messages|intx - a controller, with that kind of interrupt
check() {
	local address=$1 ctrl wanted have offered mdts max transfers node nr queue entries

	nvme_bind asblk_nvme "$address"
	ctrl=$(basename "/sys/bus/pci/devices/$address"/asblk/ctrl*)
	node=$(disks_of "$ctrl" | head -n 1)
	# Number of Queues, from 0 in both halves.
	offered=$(($(nvme_feature "/dev/$node" 7) % 65536 + 1))
	have=$(find "$debugfs/$ctrl" -maxdepth 1 -name 'q*' | wc -l)
	wanted=$(nproc)
	((offered >= wanted)) || wanted=$offered
	nr=$(if [[ $2 == messages ]]; then vectors "$address"; else echo 1; fi)
	# One is the admin queue's, if there are more.
	((nr < 2 || nr - 1 >= wanted)) || wanted=$((nr - 1))
	((nr > 1)) || wanted=1
	eq "queues of $address ($2)" "$have" "$wanted"
	mdts=$(nvme id-ctrl "/dev/$node" | sed -n 's/^mdts *: *//p')
	max=$((2 << 20))
	((mdts == 0 || (4096 << mdts) >= max)) || max=$((4096 << mdts))
	for node in $(disks_of "$ctrl"); do
		transfers=$(engine_count transfers "$ctrl/q*")
		dd if="/dev/$node" of=/dev/null bs=1M count=1 iflag=direct status=none
		transfers=$(($(engine_count transfers "$ctrl/q*") - transfers))
		# A transfer more for each place where the memory is not in one piece.
		ge "transfers of 1 MiB" "$transfers" $(((1048576 + max - 1) / max))
		le "transfers of 1 MiB" "$transfers" $(((1048576 + max - 1) / max + 1))
		check_data "/dev/$node"
		fio_run every --filename="/dev/$node" --rw=randread --bs=4k --size=1m --direct=1 --ioengine=psync --thread \
			--numjobs="$(nproc)" --cpus_allowed="0-$(($(nproc) - 1))" --cpus_allowed_policy=split --number_ios=4
		for queue in "$debugfs/$ctrl"/q*; do
			ge "transfers of ${queue##*/}" "$(engine_count transfers "$ctrl/${queue##*/}")" 1
		done
		echo "$node" >>"$tmp/disks"
	done
	check_doorbells "$ctrl" "$node"
	# Its AWUPF of 16 blocks is no promise of the namespace: NAWUPF would be (NVM 2.1.4)
	[[ $(<"/sys/class/asblk/$ctrl/serial") != variant-atomic ]] ||
		eq "atomic writes" "$(<"/sys/block/$node/queue/atomic_write_unit_max_bytes")" 512
	have=$(awk '/^submission/ { print $3; exit }' "$debugfs/$ctrl/q0/rings")
	entries=$(cat "/sys/module/asblk_nvme/parameters/queue_entries")
	[[ $(<"/sys/class/asblk/$ctrl/serial") != variant-16entries ]] || entries=16
	eq "entries of a queue" "$have" "$entries"
	say "$(<"/sys/class/asblk/$ctrl/serial") ($2): $wanted queues, $nr vectors, MDTS $mdts, $(disks_of "$ctrl" | wc -l) disks"
	echo "$address" >"/sys/bus/pci/devices/$address/driver/unbind"
}

after_failure() {
	local address

	for address in "${nvme[@]}"; do
		[[ ! -e /sys/bus/pci/devices/$address/driver ]] || echo "$address" >"/sys/bus/pci/devices/$address/driver/unbind"
	done
}

# Without messages all queues share INTx.
intx() {
	echo 0 >"/sys/bus/pci/devices/${nvme[0]}/msi_bus"
	check "${nvme[0]}" intx
}

# Not under I/O: QEMU 10 forgets to lower INTx when it is reset with completions that were not
# yet consumed.
intx_reset() {
	local i

	nvme_bind asblk_nvme "${nvme[0]}"
	for ((i = 0; i < 5; i++)); do
		echo 1 >"/sys/block/$disk/device/reset_controller"
		verify "intx-$i" --ioengine=io_uring --direct=1 --rw=randwrite --bsrange=4k-64k --iodepth=8 --size=4m
	done
}

# The next driver finds INTx as it should be.
intx_kernel() {
	local node

	nvme_bind nvme "${nvme[0]}"
	node=$(basename "/sys/bus/pci/devices/${nvme[0]}"/nvme/nvme*)
	wait_for "the kernel's disk" test -b "/dev/${node}n1"
	timeout 20 dd if="/dev/${node}n1" of=/dev/null bs=64k count=16 iflag=direct status=none || fail "nvme reads nothing"
	echo "${nvme[0]}" >"/sys/bus/pci/devices/${nvme[0]}/driver/unbind"
}

longest_queues() {
	modprobe -r asblk_nvme
	modprobe asblk_nvme queue_entries=1024
	check "${nvme[0]}" messages
}

# One controller has three disks, and one was checked three times.
all_disks() { eq "disks" "$(wc -l <"$tmp/disks")" $((${#nvme[@]} + 4)); }

for address in "${nvme[@]}"; do
	run_case "$address" check "$address" messages
done
run_case "INTx" intx
run_case "INTx: reset between I/O" intx_reset
run_case "INTx: the kernel's driver afterwards" intx_kernel
echo 1 >"/sys/bus/pci/devices/${nvme[0]}/msi_bus"
run_case "queues of 1024 entries" longest_queues
run_case "all disks were checked" all_disks
