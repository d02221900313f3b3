#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Devices that stay open when their controller goes: their commands fail, nothing hangs, and
# the modules can be unloaded when they are closed. Resets with commands out. And commands that a
# slow device keeps: who has sent them can be killed.
. "$(dirname -- "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR source=passthru.sh
. "${0%/*}/passthru.sh"

need nvme fio
need_nvme
passthru_build passthru_stress
known=$(nvme_serials) || fail "serial numbers: $known"
passthru_load
path=/sys/bus/pci/devices/${nvme[0]}

# through FD - identify through an open device
through() { nvme id-ctrl "/proc/self/fd/$1" >"$tmp/nvme" 2>&1; }

unbound() {
	exec {generic_fd}<>"$generic" {control_fd}<>"$control"
	through "$generic_fd" || fail "$(<"$tmp/nvme")"
	refused "unloading" modprobe -r asblk_nvme
	fio --name=gone --filename="$generic" --ioengine=io_uring_cmd --cmd_type=nvme --rw=randread --bs=4k \
		--size=32m --iodepth=32 --time_based --runtime=300 --output="$tmp/fio" >"$tmp/fio.err" 2>&1 &
	fio=$!
	sleep 2
	echo "${nvme[0]}" >"$path/driver/unbind"
	wait $fio && fail "fio did not notice"
	[[ ! -e $generic && ! -e $control ]] || fail "the devices are still there"
	python3 - "$generic_fd" "$control_fd" <<-'END'
	import errno, fcntl, struct, sys
	generic, control = map(int, sys.argv[1:])
	command = lambda opcode: bytearray(struct.pack("<BBHI64x", opcode, 0, 0, 1))
	calls = {
	    "I/O": (generic, 0xc0484e43, command(0)),
	    "identify": (generic, 0xc0484e41, command(6)),
	    "of the controller": (control, 0xc0484e41, command(9)),
	    "a reset": (control, 0x4e44, 0),
	    "a scan": (control, 0x4e46, 0),
	}
	for name, (fd, number, argument) in calls.items():
	    try:
	        fcntl.ioctl(fd, number, argument)
	    except OSError as error:
	        if error.errno in (errno.ENODEV, errno.EINVAL if name == "identify" else errno.ENODEV):
	            continue
	        sys.exit(f"{name}: {error}")
	    sys.exit(f"{name} has worked")
	END
	# The driver of what is open stays.
	refused "unloading" modprobe -r asblk_nvme
	exec {generic_fd}>&- {control_fd}>&-
	modprobe -r asblk_nvme || fail "the driver is in use"
	# With it asblk may have gone.
	modprobe asblk disks=0
	modprobe asblk_nvme
	nvme_bind asblk_nvme "${nvme[0]}"
	[[ -c $generic && -c $control ]] || fail "the devices are not there again"
}

# Commands that a reset loses fail, and those after it do not.
reset() {
	local resets sender i

	resets=$(<"/sys/block/$disk/device/resets")
	"$tmp/passthru_stress" endure "$generic" "$block" 256 >"$tmp/endure" &
	sender=$!
	for ((i = 0; i < 8; i++)); do
		sleep 0.5
		nvme reset "$control" || fail "reset"
	done
	sleep 0.5
	kill $sender
	wait $sender || fail "$(<"$tmp/endure")"
	cat "$tmp/endure"
	wait_for "the end of all commands" no_commands
	eq resets "$(<"/sys/block/$disk/device/resets")" $((resets + 8))
	eq state "$(<"/sys/block/$disk/device/state")" live
	eq "completions of an unknown ID" "$(engine_count unknown_ids)" 0
	fio --name=after --filename="$generic" --ioengine=io_uring_cmd --cmd_type=nvme --rw=randread --bs=4k \
		--size=1m --iodepth=32 --output="$tmp/fio" >"$tmp/fio.err" 2>&1 || fail "$(<"$tmp/fio.err")"
}

# throttle IOPS - of the drive behind it; 0 for no limit
throttle() { monitor "block_set_io_throttle nvme1 0 0 0 $1 0 0" >"$tmp/monitor"; }
clean_test() { throttle 0; }

aborted() { (($(engine_count aborts))); }

need_throttle() {
	monitor "info version" | grep -q . || skip "QEMU's monitor is not within reach"
	grep -qxF "${nvme[0]} asblk-nvme1" <<<"$known" || skip "the controller is not QEMU's first"
}

# A ring that goes before it hears that its commands have ended, whose requests are gone by then.
late() {
	local scheduler=/sys/block/$disk/queue/scheduler

	need_throttle
	grep -q mq-deadline "$scheduler" || skip "the kernel has no mq-deadline"
	echo mq-deadline >"$scheduler"
	throttle 20
	"$tmp/passthru_stress" late "$generic" "$block" 32 "$scheduler" >"$tmp/late" || fail "$(<"$tmp/late")"
	say "$(<"$tmp/late")"
	throttle 0
	wait_for "the end of all commands" no_commands
}

# The device keeps its commands for long: who waits for them goes at once, when killed.
killed() {
	local start victim

	need_throttle
	throttle 1
	"$tmp/passthru_stress" hold "$generic" "$block" 16 >"$tmp/hold" &
	victim=$!
	wait_for "commands" grep -q sent "$tmp/hold"
	sleep 1
	! no_commands || fail "the device is not slow"
	start=$SECONDS
	kill -KILL $victim
	wait $victim 2>/dev/null || :
	le "seconds until it was gone" $((SECONDS - start)) 10
	wait_for "aborts" aborted
	say "$(engine_count aborts) aborts"
	throttle 0
	wait_for "the end of all commands" no_commands
	eq state "$(<"/sys/block/$disk/device/state")" live
}

run_case "resets with commands out" reset
run_case "open devices of a controller that is gone" unbound
run_case "a ring that goes too early" late
run_case "killed with commands in a slow device" killed
