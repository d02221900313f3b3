# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Functions for the tests. A test is a script of its own: it loads the module as it
# needs it, checks, and leaves nothing behind. It reports its cases, if it has several, in
# KTAP. Exit status as in kselftest: 0 passed, 4 skipped, anything else failed.
set -Eeuo pipefail
trap '[[ $- != *e* ]] || echo "# FAIL: ${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND" >&2' ERR

disk=asblk0
dev=/dev/$disk
emul=/sys/block/$disk/emul
mnt=$(mktemp -d /tmp/asblk-mnt.XXXXXX)
tmp=$(mktemp -d /tmp/asblk-tmp.XXXXXX)

# Checkers make everything several times slower: do less of the same there.
slow=
[[ ! -e /sys/kernel/debug/kmemleak ]] || slow=yes

# udev opens and reads every disk that appears or was written to. run stops it, as this takes
# longer than most tests; those that are about udev start it, and those that count requests
# stop it also when they run alone.
udev=yes
[[ ! ${ASBLK_UDEV_STOPPED-} ]] || udev=
# shellcheck source-path=SCRIPTDIR source=udev.sh
. "${BASH_SOURCE[0]%/*}/udev.sh"
udev_on() {
	udev=yes
	udev_start || fail "udev does not start"
}
# For a test that is not about udev: with all checkers udev takes longer than the test
udev_on_if_fast() { [[ $slow ]] || udev_on; }
udev_off() {
	[[ $udev ]] || return 0
	# Whatever ends the test, the reader then starts udev.
	exec {udev_fd}> >(trap '' HUP INT TERM; cat; udev_start)
	udev_stop || fail "udev does not stop"
	udev=
}
settle() {
	[[ $udev ]] || return 0
	udevadm settle && return
	# Is it the disk that hangs, or udev?
	fail "udev: $(ps -C udevd,systemd-udevd,udev-worker -o pid,stat,wchan:24,args; ls /run/udev;
		grep -H . /sys/block/asblk*/inflight)"
}

say() { printf '# %s\n' "$*"; }
fail() { printf '# FAIL: %s\n' "$*"; exit 1; }
skip() { printf '# SKIP: %s\n' "$*"; exit 4; }

cases=0 passed_cases=0 failed_cases=0 skipped_cases=0

# report_case NAME STATUS LOG - print a case's messages and its result
report_case() {
	((cases++)) || echo "TAP version 13"
	case $2 in
	0)
		passed_cases=$((passed_cases + 1))
		[[ ! -s $3 ]] || grep '^# ' "$3" || :
		echo "ok $cases $1"
		;;
	4)
		skipped_cases=$((skipped_cases + 1))
		skip_reason=$(sed -n 's/^# SKIP: //p' "$3" | tail -n 1)
		echo "ok $cases $1 # SKIP $skip_reason"
		;;
	*)
		failed_cases=$((failed_cases + 1))
		sed 's/^\([^#]\)/# \1/' "$3" | tail -n 30
		echo "not ok $cases $1"
		;;
	esac
}

# run_case NAME COMMAND… - run COMMAND in a subshell, report the result and go on. After a
# failure, what the case left behind is removed, and after_failure called if the test has
# one.
run_case() {
	# COMMAND sees these variables: their names are not for tests
	local case_name=$1 case_status case_before case_loaded="" case_child=${!-} case_item
	shift

	# No processes for what a case seldom needs: with all checkers each takes tenths of a second
	configfs_items
	case_before=" ${items[*]} "
	[[ ! -e /sys/module/asblk ]] || case_loaded=yes
	# "|| case_status=$?" would turn errexit off in the subshell
	set +e
	(
		trap 'status=$?; [[ ${!-} == "$case_child" ]] || kill_children; exit $status' EXIT
		set -e
		"$@"
	) >"$tmp/case" 2>&1 </dev/null
	case_status=$?
	set -e
	report_case "$case_name" $case_status "$tmp/case"
	((case_status != 0 && case_status != 4)) || return 0
	unmount
	configfs_items
	for case_item in "${items[@]}"; do
		[[ $case_before == *" $case_item "* ]] || rmdir "$case_item" 2>/dev/null || :
	done
	if [[ ! $case_loaded && -e /sys/module/asblk ]]; then
		configfs_unload || :
		settle
		try_unload || fail "asblk is in use after a failure: $(users)"
	fi
	! declare -F after_failure >/dev/null || after_failure
}

# kill_children - processes in the background of the test, or of the case. One that waits for
# a lost command does not end before its disk is gone.
kill_children() {
	local tries

	pkill -P $BASHPID || return 0
	for ((tries = 0; tries < 20; tries++)); do
		pgrep -P $BASHPID >/dev/null || break
		sleep 0.1
	done
}

unmount() {
	while mountpoint -q "$mnt"; do
		umount "$mnt" || break
	done
}

# by_speed FAST SLOW - the value for this kernel.
by_speed() { if [[ $slow ]]; then echo "$2"; else echo "$1"; fi; }

# by_device EMULATED NVME - the value for this device.
by_device() { if [[ $device == nvme ]]; then echo "$2"; else echo "$1"; fi; }

need() {
	local command

	for command; do
		command -v "$command" >/dev/null || skip "$command is not installed"
	done
}

# need_cpus NUMBER - possible ones: there are no more queues than these
need_cpus() {
	local there

	there=$(nproc --all)
	((there >= $1)) || skip "$1 CPUs are needed, there is $there"
}

# Is a driver, file system or the like in this kernel?
need_module() {
	local name

	for name; do
		modprobe -q "$name" || [[ -e /sys/module/$name ]] ||
			grep -qw "$name" /proc/filesystems ||
			skip "this kernel has no $name"
	done
}

# The device under test: disks of the emulated controller, or of NVMe controllers.
device=${ASBLK_DEVICE:-emul}
nvme=()
need_emul() { [[ $device == emul ]] || skip "about the emulated controller"; }
need_nvme() {
	[[ $device == nvme ]] || skip "about NVMe controllers"
	nvme_find
	((${#nvme[@]} >= ${1:-1})) || skip "there are ${#nvme[@]} NVMe controllers, ${1:-1} are needed"
}

# nvme_find - set nvme to the PCI addresses of this machine's NVMe controllers
nvme_find() {
	local address

	nvme=()
	for address in /sys/bus/pci/devices/*; do
		[[ $(<"$address/class") != 0x010802 ]] || nvme+=("${address##*/}")
	done
}

# nvme_serials - ADDRESS SERIAL of each, found out once in a boot
nvme_serials() {
	local known=/run/asblk-nvme-serials address

	if [[ ! -e $known ]]; then
		modprobe asblk disks=0
		modprobe asblk_nvme
		for address in "${nvme[@]}"; do
			nvme_bind asblk_nvme "$address"
			echo "$address $(cat "/sys/bus/pci/devices/$address"/asblk/ctrl*/serial)"
			echo "$address" >"/sys/bus/pci/devices/$address/driver/unbind"
			echo >"/sys/bus/pci/devices/$address/driver_override"
		done >"$known.new"
		modprobe -r asblk_nvme asblk
		mv "$known.new" "$known"
	fi
	cat "$known"
}

# need_serial TEXT - set nvme to the controllers whose serial number begins with it:
# a test that makes demands on a controller knows it by name (scripts/test).
need_serial() {
	local known

	need_nvme
	known=$(nvme_serials) || fail "serial numbers: $known"
	mapfile -t nvme < <(awk -v text="$1" 'index($2, text) == 1 { print $1 }' <<<"$known")
	((${#nvme[@]})) || skip "there is no NVMe controller with a serial number $1"
}

# nvme_feature NODE ID - its value, a number
nvme_feature() {
	local value

	value=$(nvme get-feature "$1" -f "$2" | sed -n 's/.*value: *\(0x\)\{0,1\}//p')
	echo $((16#${value%%[^0-9a-fA-F]*}))
}

# monitor COMMAND - send it to QEMU's monitor and print the answer; nothing if there is no
# monitor.
monitor() {
	local port answer='' byte

	port=$(grep -lsx monitor /sys/class/virtio-ports/*/name) || return 0
	port=${port%/name}
	exec {port_fd}<>"/dev/${port##*/}"
	# Whatever it has said before.
	while IFS= read -r -t 0.3 -N 1 -u "$port_fd" byte; do :; done
	printf '%s\n' "$1" >&"$port_fd"
	while IFS= read -r -t 10 -N 1 -u "$port_fd" byte; do
		answer+=$byte
		[[ $answer != *$'\n'*"(qemu) " ]] || break
	done
	exec {port_fd}>&-
	printf '%s\n' "${answer#*$'\n'}" | tr -d '\r' | sed '$d'
}

# nvme_bind DRIVER ADDRESS… - give controllers to a driver: asblk_nvme, or nvme
nvme_bind() {
	local driver=$1 address path tries
	shift

	for address; do
		path=/sys/bus/pci/devices/$address
		# One that was just plugged in is not to be bound at once, or by nvme.
		for ((tries = 0; tries < 20; tries++)); do
			[[ ! -e $path/driver ]] || echo "$address" >"$path/driver/unbind"
			if [[ $driver == nvme ]]; then
				echo >"$path/driver_override"
			else
				echo "$driver" >"$path/driver_override"
			fi
			echo "$address" >/sys/bus/pci/drivers_probe
			[[ $(readlink "$path/driver") != */"$driver" ]] || continue 2
			sleep 0.2
		done
		fail "$driver does not drive $address"
	done
}

# nvme_release - let the next who comes have the controllers
nvme_release() {
	local address

	nvme_find
	for address in "${nvme[@]}"; do
		echo >"/sys/bus/pci/devices/$address/driver_override"
	done
}

# nvme_load [PARAMETER=VALUE…] - as load. What only the emulated controller knows is
# left out.
nvme_load() {
	local argument disks=1 parameters=()

	for argument; do
		case $argument in
		disks=*) disks=${argument#*=} ;;
		queues=* | poll_queues=* | queue_entries=*) parameters+=("$argument") ;;
		esac
	done
	# A test may have chosen some already.
	((${#nvme[@]})) || need_nvme "$disks"
	modprobe asblk disks=0
	modprobe asblk_nvme "${parameters[@]}" || fail "modprobe asblk_nvme ${parameters[*]}"
	nvme_bind asblk_nvme "${nvme[@]:0:disks}"
	[[ -e $dev ]] || fail "no disk"
	# As empty as a new one.
	for ((; disks; disks--)); do
		blkdiscard -qf "/dev/asblk$((disks - 1))"
	done
	settle
}

eq() { [[ $2 == "$3" ]] || fail "$1: $2 instead of $3"; }
le() { (($2 <= $3)) || fail "$1: $2 is more than $3"; }
ge() { (($2 >= $3)) || fail "$1: $2 is less than $3"; }

# refused WHAT COMMAND… - it must fail, and not by a signal.
refused() {
	local what=$1 status=0
	shift

	"$@" >"$tmp/out" 2>&1 || status=$?
	((status > 0 && status < 126)) || fail "$what was not refused (status $status): $(<"$tmp/out")"
}

# load [PARAMETER=VALUE…]
load() {
	if [[ $device == nvme ]]; then
		nvme_load "$@"
	else
		# For a run of all tests with an option: ASBLK_OPTIONS=history=1
		# shellcheck disable=SC2086 # words
		modprobe asblk ${ASBLK_OPTIONS-} "$@" || fail "modprobe asblk $*"
	fi
	settle
}

# configfs_load [PARAMETER=VALUE…] - as load, with configfs
configfs=/sys/kernel/config/asblk
configfs_load() {
	load "$@"
	modprobe asblk_configfs || fail "modprobe asblk_configfs"
	mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
}

# set_option DISK OPTION VALUE - what the kernel says of it is what this says.
set_option() { echo "$3" >"$configfs/$1/$2"; }

# make_disk NAME [OPTION=VALUE…]
make_disk() {
	local name=$1 option
	shift

	mkdir "$configfs/$name"
	for option in ${ASBLK_OPTIONS-} "$@"; do
		set_option "$name" "${option%%=*}" "${option#*=}"
	done
	set_option "$name" power 1
	settle
}

# make_rule DISK NAME [FIELD=VALUE…]
make_rule() {
	local rule=$1/faults/$2 field
	shift 2

	mkdir "$configfs/$rule"
	for field; do
		set_option "$rule" "${field%%=*}" "${field#*=}"
	done
	set_option "$rule" enabled 1
}

# configfs_items - set items to rules, then disks
configfs_items() {
	shopt -s nullglob
	items=("$configfs"/*/faults/*/ "$configfs"/*/)
	shopt -u nullglob
}

# configfs_unload - remove what tests have made there
configfs_unload() {
	[[ -d $configfs ]] || return 0
	configfs_items
	((!${#items[@]})) || rmdir "${items[@]}" 2>/dev/null || :
	modprobe -r asblk_configfs
}

modules() { if [[ $device == nvme ]]; then echo asblk_nvme asblk; else echo asblk; fi; }

# shellcheck disable=SC2046 # words
try_unload() { modprobe -r $(modules); }

# users - who uses our disks, and what else there is
users() {
	local pids

	pids=$(find /proc/[0-9]*/fd -lname '/dev/asblk*' 2>/dev/null | cut -d/ -f3 | sort -u | paste -sd,)
	echo "$(</sys/module/asblk/refcnt) references"
	[[ ! $pids ]] || ps -o pid=,stat=,args= -p "$pids"
	grep ^/dev/asblk /proc/mounts
	find /sys/block/asblk*/ -path '*/holders/*'
}

unload() {
	settle
	try_unload || fail "rmmod asblk: $(users)"
	[[ ! -e $dev ]] || fail "$dev is still there"
}

cleanup() {
	local status=$?

	trap - EXIT
	set +e
	[[ ! ${udev_fd-} ]] || { exec {udev_fd}>&-; udev=yes; }
	kill_children
	unmount
	! declare -F clean_test >/dev/null || clean_test
	configfs_unload
	if [[ -e /sys/module/asblk ]]; then
		settle
		try_unload || { ((status)) || status=1; echo "# FAIL: asblk is in use after the test: $(users)"; }
	fi
	[[ $device != nvme ]] || nvme_release
	# Written to when the disk was gone.
	if find /dev -maxdepth 1 -name 'asblk*' -type f -print -delete | grep .; then
		((status)) || status=1
		echo "# FAIL: a file instead of a disk"
	fi
	if ((cases)); then
		# It ended outside of its cases.
		((status == 0)) || report_case "rest of the test" "$status" /dev/null
		echo "1..$cases"
		echo "# Totals: pass:$passed_cases fail:$failed_cases xfail:0 xpass:0 skip:$skipped_cases error:0"
		((skipped_cases < cases)) || { status=4; echo "# SKIP: $skip_reason"; }
		((failed_cases == 0)) || status=1
	fi
	rm -rf "$mnt" "$tmp"
	exit "$status"
}
trap cleanup EXIT

# emul_count NAME - a counter of the device.
emul_count() { echo "$(<"$emul/$1")"; }

# held WHAT BYTES - the emulated device holds so much data.
held() { [[ $device != emul ]] || eq "memory $1" "$(emul_count memory_used)" "$2"; }

# engine_count NAME [CTRL/QUEUE] - a counter of the engine, over all queues of the first
# controller if nothing else is said
engine_count() {
	local file counters sum=0

	for file in /sys/kernel/debug/asblk/${2:-ctrl0/q*}/counters; do
		counters=$'\n'$(<"$file")
		[[ ! $counters =~ $'\n'"$1 "([0-9]+) ]] || sum=$((sum + BASH_REMATCH[1]))
	done
	echo $sum
}

# irq_count LINES - interrupts on these lines, a regular expression for their names
irq_count() {
	awk -v lines="^$1\$" '$NF ~ lines { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) sum += $i }
		END { print sum + 0 }' /proc/interrupts
}

# wait_for WHAT COMMAND… - until COMMAND succeeds, at most a minute
wait_for() {
	local what=$1 tries
	shift

	for ((tries = 0; tries < 600; tries++)); do
		! "$@" || return 0
		sleep 0.1
	done
	fail "$what: not within a minute"
}

# ms_since NANOSECONDS - milliseconds since then, as date +%s%N tells it
ms_since() { echo $((($(date +%s%N) - $1) / 1000000)); }

# fio_run NAME OPTION… - quiet unless it fails.
fio_run() {
	local name=$1
	shift

	fio --name="$name" --output="$tmp/fio.$name" "$@" >"$tmp/fio.err" 2>&1 ||
		fail "fio $name: $(tail -n 5 "$tmp/fio.err" "$tmp/fio.$name")"
}

# verify NAME OPTION… - write, then read back and compare checksums.
verify() {
	fio_run "$@" --filename="${target:-$dev}" --verify=crc32c --verify_fatal=1 --do_verify=1 \
		--group_reporting
}

# fio_start SECONDS OPTION… - fio writes and verifies in the background meanwhile
fio_start() {
	fio --name=live --filename="$dev" --direct=1 --ioengine=io_uring --verify=crc32c --verify_fatal=1 \
		--time_based --runtime="$1" --output="$tmp/fio" "${@:2}" >"$tmp/fio.err" 2>&1 &
	fio=$!
}
fio_runs() { kill -0 "$fio" 2>/dev/null; }
# fio_end - it ends without an error
fio_end() {
	wait "$fio" || fail "fio: $(tail -n 5 "$tmp/fio" "$tmp/fio.err")"
	grep -q 'READ:' "$tmp/fio" || fail "nothing was verified"
}

sums() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum); }

# free_kb - memory that nobody uses. What CPUs keep for themselves is not in MemFree
# and can be an eighth of all.
free_kb() {
	drop_caches
	awk -v page="$(getconf PAGESIZE)" '/^MemFree:/ { kb = $2 } $1 == "count:" { pages += $2 }
		END { printf "%d\n", kb + pages * page / 1024 }' /proc/meminfo /proc/zoneinfo
}

# log_begin - the kernel's log is of interest from here on
log_begin() { log_lines=$(dmesg | wc -l); }

# log_has TEXT - is it there?
log_has() {
	dmesg | tail -n "+$((log_lines + 1))" >"$tmp/log"
	grep -qF "$1" "$tmp/log"
}

# drop_caches - what is read next comes from the disk.
drop_caches() { sync; echo 3 >/proc/sys/vm/drop_caches; }
