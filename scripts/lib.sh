# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the scripts of the VM lab share. Source it after `set -euo pipefail`.

scripts=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
checkout=$(dirname -- "$scripts")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/asblk
me=${0##*/}
# Not every user's has mke2fs and chroot
export PATH=$PATH:/usr/sbin:/sbin

say() { printf '%s: %s\n' "$me" "$*" >&2; }
die() { say "$@"; exit 1; }

# is_native KERNEL - whether it is an ordinary process, on this machine's own CPU
is_native() { [[ $1 == native || $1 == checked ]]; }

# Nothing in the lab outlives the script that started it. A script that needs
# more at its end defines cleanup().
cleanup() { :; }
on_exit() {
	local status=$? group

	trap - EXIT
	trap '' INT TERM HUP
	for group in $(jobs -p); do
		kill -TERM -- "-$group" 2>/dev/null || kill "$group" 2>/dev/null || :
	done
	cleanup
	exit "$status"
}
trap on_exit EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# progress LABEL COMMAND [ARG…] - run COMMAND, which can take a while, with a
# line that shows how long it has been running; its output is shown only when
# it fails. COMMAND is a process group of its own, to be killed as a whole.
progress() {
	local label=$1 log start=$SECONDS status=0 spent child
	shift

	mkdir -p "$cache/logs"
	log=$(mktemp "$cache/logs/step.XXXXXX")
	set -m
	"$@" >"$log" 2>&1 </dev/null &
	child=$!
	set +m
	while kill -0 "$child" 2>/dev/null; do
		sleep 0.2
		spent=$((SECONDS - start))
		if [[ -t 2 ]]; then
			printf '\r%s: %s ... %d s ' "$me" "$label" "$spent" >&2
		elif ((spent >= ${shown:=3})); then
			say "$label ... $spent s"
			shown=$((spent + 15))
		fi
	done
	unset shown
	wait "$child" || status=$?
	spent=$((SECONDS - start))
	if ((status)); then
		[[ -t 2 ]] && echo >&2
		tail -n 40 "$log" >&2
		rm -f "$log"
		say "$label: failed after $spent s (exit status $status)"
		return "$status"
	fi
	if [[ -t 2 ]]; then
		printf '\r%s: %s: %d s    \n' "$me" "$label" "$spent" >&2
	elif ((spent >= 3)); then
		say "$label: done after $spent s"
	fi
	rm -f "$log"
}

# lock NAME - until the script ends, or unlock NAME.
declare -A locks
lock() {
	local fd

	mkdir -p "$cache/locks"
	exec {fd}>"$cache/locks/$1"
	locks[$1]=$fd
	flock -w 2 "$fd" && return
	say "waiting for another run that is preparing $1"
	flock "$fd"
}

unlock() {
	local fd=${locks[$1]}

	exec {fd}>&-
	unset "locks[$1]"
}

# need COMMAND=PACKAGE… - install the Debian packages whose command is missing.
need() {
	local pair packages=()

	for pair in "$@"; do
		command -v "${pair%%=*}" >/dev/null ||
			packages+=("${pair#*=}")
	done
	((${#packages[@]})) || return 0
	[[ -w /var/lib/dpkg ]] || die "needs packages that only root can install: ${packages[*]}"
	lock packages
	progress "apt-get install ${packages[*]}" install_packages "${packages[@]}" || exit
	unlock packages
}

install_packages() {
	local apt=(apt-get -y -o DPkg::Lock::Timeout=300)

	export DEBIAN_FRONTEND=noninteractive
	"${apt[@]}" install --no-install-recommends "$@" ||
		{ "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "$@"; }
}

# in_root ROOT [--bind SOURCE TARGET]… -- COMMAND [ARG…] - run COMMAND inside
# the Debian tree ROOT. Mounts and processes live in namespaces of their own
# and go when COMMAND does. Who is not root becomes it there.
in_root() {
	local user=()

	((EUID == 0)) || user=(--user --map-root-user)
	# shellcheck disable=SC2016 # for the inner shell to expand
	unshare "${user[@]}" --mount --pid --fork --kill-child -- bash -c '
		set -euo pipefail
		root=$1
		shift
		while [[ $1 == --bind ]]; do
			mkdir -p "$root$3"
			mount --bind -- "$2" "$root$3"
			shift 3
		done
		shift
		mount -t proc proc "$root/proc"
		# Only root can make device files
		[[ -c $root/dev/null ]] || mount --rbind /dev "$root/dev"
		cd /
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
			DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
	' in_root "$@"
}

# The file name that stands for this checkout inside the cache.
checkout_id() { printf '%s' "$checkout" | sha256sum | cut -c1-12; }
