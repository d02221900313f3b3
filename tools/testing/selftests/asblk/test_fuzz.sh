#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Generated values for every attribute in configfs, sysfs and debugfs, and every ioctl
# with bad arguments, as root and as a user who may do nothing: clear errors, and a disk
# that works afterwards. From a seed that is printed; ASBLK_SEED=N repeats a run.
. "$(dirname -- "$0")/common.sh"

need_emul
seed=${ASBLK_SEED:-$RANDOM}
say "seed $seed"
configfs_load disks=1 removable=1 size=16M timeout_ms=1000
make_disk off size=16M
set_option off power 0
make_disk on size=16M timeout_ms=1000
make_rule on r op=flush probability=0
set_option on/faults/r enabled 0
python3 - "$configfs" "$seed" "$(by_speed 20000 4000)" <<-'END' || fail "ASBLK_SEED=$seed"
	import errno, fcntl, glob, os, random, struct, sys
	config, seed, writes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
	pick = random.Random(seed)
	CLEAR = {errno.EINVAL, errno.EBUSY, errno.ERANGE, errno.EPERM, errno.EACCES, errno.ENODEV, errno.ENOMEM,
	         errno.ENOSPC, errno.ENOMEDIUM, errno.EROFS, errno.EOPNOTSUPP, errno.EIO, errno.ENOTTY, errno.EFBIG,
	         errno.E2BIG, errno.EOVERFLOW, errno.ENXIO, errno.ETIMEDOUT}
	# Not to be had at will: what the test itself stands on, or what the kernel's own code makes of it.
	LEAVE = {"uevent", "trigger", "wakeup", "io_timeout"}

	def attributes():
	    found = glob.glob(f"{config}/features") + glob.glob(f"{config}/*/*") + glob.glob(f"{config}/*/faults/*/*")
	    for disk in glob.glob("/sys/block/asblk*"):
	        found += glob.glob(f"{disk}/*") + glob.glob(f"{disk}/queue/*") + glob.glob(f"{disk}/emul/*")
	        found += glob.glob(f"{disk}/power/*")
	    for ctrl in glob.glob("/sys/class/asblk/*"):
	        found += glob.glob(f"{ctrl}/*") + glob.glob(f"{ctrl}/power/*")
	    found += [path for path in glob.glob("/sys/kernel/debug/asblk/**", recursive=True)]
	    return sorted(path for path in found if os.path.isfile(path) and os.path.basename(path) not in LEAVE)

	WORDS = ["none", "any", "fixed", "uniform", "lognormal", "percentiles", "every", "random", "read", "write", "flush",
	         "status", "lose", "hang", "fatal", "abort", "never", "ideal", "hdd", "ioerr", "on", "auto", "write back",
	         "mq-deadline", "100:5", "99.9:1"]

	def value():
	    kind = pick.randrange(12)
	    if kind < 3:
	        return str(pick.choice((0, 1, 1, 2, 3, 7, 8, 100, 511, 512, 513, 4096, 65536)))
	    if kind == 3:
	        return str(pick.choice((1, -1)) * pick.getrandbits(pick.randrange(1, 70)))
	    if kind == 4:
	        return f"{pick.randrange(1, 5000)}{pick.choice('KMGTPEkx')}"
	    if kind < 7:
	        return " ".join(pick.choice(WORDS + [str(pick.getrandbits(20))]) for _ in range(pick.randrange(1, 5)))
	    if kind == 7:
	        return "".join(chr(pick.randrange(1, 256)) for _ in range(pick.randrange(0, 40)))
	    if kind == 8:
	        return pick.choice(("", " ", "\n", "\0", "%s%n", "0x10", "1.5", "+1", "١", "9" * 4000, "x" * 4095, "1 " * 1000))
	    if kind == 9:
	        return f"{pick.choice(('fixed', 'uniform', 'lognormal'))} {pick.randrange(300)} {pick.randrange(300)}"
	    return pick.choice(WORDS)

	tried = [0]

	def put(path, text):
	    try:
	        fd = os.open(path, os.O_WRONLY)
	    except OSError as error:
	        assert error.errno in CLEAR | {errno.ENOENT}, f"open {path}: {error}"
	        return False
	    tried[0] += 1
	    try:
	        os.write(fd, text.encode(errors="surrogateescape"))
	        return True
	    except OSError as error:
	        # To an empty write configfs itself says EFAULT.
	        assert error.errno in CLEAR | {errno.ENOENT} or not text, f"{path} = {text!r}: {error}"
	        return False
	    finally:
	        os.close(fd)

	def get(path):
	    try:
	        return open(path, "rb").read()
	    except OSError as error:
	        assert error.errno in CLEAR | {errno.ENOENT}, f"read {path}: {error}"

	CALLS = [0x5309, 0x5319, 0x5329, 0x5326, 0x1261, 0x125f, 0x1268, 0x1260, 0x127b, 0x1277, 0x127f, 0x127d, 0x1269,
	         0x125d, 0xc0484e41, 0xc0484e43, 0x4e40, 0x2285, 0x5382, 0x301]

	# As addresses none of them is one of this process's: an ioctl may write there.
	NUMBERS = (0, 1, 2, 7, -1, -4096, 4096, 65535)

	def calls(nr):
	    """ioctls with arguments from nowhere; BLKDISCARD and the like with ranges from nowhere."""
	    for _ in range(nr):
	        path = pick.choice(glob.glob("/dev/asblk*") or ["/dev/null"])
	        try:
	            fd = os.open(path, pick.choice((os.O_RDONLY, os.O_RDWR)) | os.O_NONBLOCK)
	        except OSError as error:
	            assert error.errno in CLEAR | {errno.ENOENT}, f"open {path}: {error}"
	            continue
	        call = pick.choice(CALLS) if pick.random() < 0.8 else pick.getrandbits(32)
	        try:
	            if pick.random() < 0.5:
	                fcntl.ioctl(fd, call, bytearray(struct.pack("<10Q", *(pick.getrandbits(pick.randrange(1, 65)) for _ in range(10)))))
	            else:
	                fcntl.ioctl(fd, call, pick.choice(NUMBERS))
	        except OSError as error:
	            assert error.errno in CLEAR | {errno.EFAULT, errno.EINTR, errno.ENOENT, errno.EAGAIN, errno.EBADF}, f"{path} {call:#x}: {error}"
	        os.close(fd)

	def unprivileged():
	    """Nobody's attempts: all of them refused."""
	    # What root has opened and handed on does not help either.
	    nodes = [os.open(path, os.O_RDONLY | os.O_NONBLOCK) for path in glob.glob("/dev/asblk*")]
	    pid = os.fork()
	    if pid:
	        for fd in nodes:
	            os.close(fd)
	        assert os.waitstatus_to_exitcode(os.wait()[1]) == 0, "an unprivileged user got through"
	        return
	    os.setgroups([])
	    os.setgid(65534)
	    os.setuid(65534)
	    wrong = 0
	    for path in attributes():
	        if put(path, "1"):
	            print(f"# nobody could write {path}")
	            wrong += 1
	    for fd in nodes:
	        for call in CALLS + [pick.getrandbits(32) for _ in range(20)]:
	            for argument in (0, 1, pick.choice(NUMBERS), bytearray(os.urandom(80))):
	                try:
	                    fcntl.ioctl(fd, call, argument)
	                except OSError as error:
	                    assert error.errno in CLEAR | {errno.EFAULT, errno.EBADF, errno.EAGAIN}, f"nobody {call:#x}: {error}"
	    for path in glob.glob("/dev/asblk*"):
	        try:
	            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
	            print(f"# nobody could open {path}")
	            wrong += 1
	        except OSError as error:
	            assert error.errno == errno.EACCES, error
	    try:
	        os.mkdir(f"{config}/nobody")
	        wrong += 1
	    except OSError as error:
	        assert error.errno == errno.EACCES, error
	    sys.stdout.flush()
	    os._exit(wrong > 0)

	taken = nr = 0
	seen = set()
	while tried[0] < writes:
	    if nr % 500 == 0:
	        # A rule may have stopped a controller, and a size of petabytes takes memory: begin again.
	        put(f"{config}/on/faults/r/enabled", "0")
	        for name, size in (("asblk0", "16M"), ("on", "16M"), ("off", "16M")):
	            put(f"{config}/{name}/power", "0")
	            put(f"{config}/{name}/profile", "ideal")
	            put(f"{config}/{name}/size", size)
	            put(f"{config}/{name}/timeout_ms", "1000")
	            if name != "off":
	                put(f"{config}/{name}/power", "1")
	        paths = attributes()
	        read_only = {path for path in paths if os.path.exists(path) and not os.stat(path).st_mode & 0o222}
	    if nr % 4000 == 0:
	        unprivileged()
	    if nr % 40 == 0:
	        calls(4)
	    # Each at least once; those that cannot be written seldom again.
	    path = paths[nr % len(paths)] if nr < len(paths) else pick.choice(paths)
	    nr += 1
	    if path in seen and path in read_only:
	        continue
	    seen.add(path)
	    before = get(path) if path.startswith(config) else None
	    text = value()
	    if put(path, text):
	        taken += 1
	    elif before is not None:
	        assert get(path) == before, f"{path} = {text!r} was refused and has changed {before!r}"
	    if pick.random() < 0.1:
	        get(path)
	put(f"{config}/on/faults/r/enabled", "0")
	for name in ("asblk0", "on"):
	    put(f"{config}/{name}/power", "0")
	    put(f"{config}/{name}/profile", "ideal")
	    for option, text in (("size", "16M"), ("memory_limit", "0"), ("block_size", "512"), ("read_only", "0")):
	        put(f"{config}/{name}/{option}", text)
	print(f"# {tried[0]} writes to {len(seen)} attributes, {taken} of them taken")
	assert len(seen) > 300 and taken > writes // 50, (len(seen), taken)
END
# It still works.
make_disk after size=16M
new=/dev/$(<"$configfs/after/device")
dd if=/dev/urandom of="$tmp/data" bs=1M count=8 status=none
dd if="$tmp/data" of="$new" bs=1M oflag=direct conv=fsync status=none
cmp -n $((8 << 20)) "$tmp/data" "$new"
