# SPDX-License-Identifier: GPL-2.0-only
#
# The verbs for people, see `make help`. The kernel's build reads Kbuild instead.

KDIR ?= /lib/modules/$(shell uname -r)/build

version := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)
# Of the kernel that KDIR belongs to
release = $(shell cat $(KDIR)/include/config/kernel.release)
sources := /usr/src/asblk-$(version)
# A package has udevdir=/usr/lib/udev
udevdir := /etc/udev
udev_rules := $(DESTDIR)$(udevdir)/rules.d

modules:	## build asblk.ko for the running kernel, or the one whose headers are in KDIR
	@test -e $(KDIR)/Makefile || { \
		echo "No kernel headers in $(KDIR)." >&2; \
		echo "On Debian: apt-get install linux-headers-$(shell uname -r)." >&2; \
		echo "For another kernel: make KDIR=DIRECTORY" >&2; \
		exit 1; }
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

# Below DESTDIR, if that is given, without DKMS and depmod
install:	## install it, through DKMS if that is there
	@test "$(DESTDIR)" || test "$$(id -u)" = 0 || { echo "make $@ needs root." >&2; exit 1; }
	@if test ! "$(DESTDIR)" && command -v dkms >/dev/null; then $(MAKE) install-dkms; else $(MAKE) install-plain; fi
	install -D -m 644 -t $(udev_rules) tools/udev/60-asblk.rules

install-plain: modules
	$(MAKE) -C $(KDIR) M=$(CURDIR) INSTALL_MOD_PATH="$(DESTDIR)" modules_install
	$(if $(DESTDIR),,depmod $(release))

# What an earlier install has left would be taken for the present sources
install-dkms: uninstall
	mkdir $(sources)
	cp -r COPYING Kbuild Makefile dkms.conf drivers include $(sources)
	$(MAKE) -C $(sources) clean
	dkms install asblk/$(version) -k $(release)

uninstall:	## remove what install has installed, all versions, from all kernels
	@test "$$(id -u)" = 0 || { echo "make $@ needs root." >&2; exit 1; }
	@rm -f $(udev_rules)/60-asblk.rules
	@for tree in /usr/src/asblk-*; do \
		test -e "$$tree" || continue; \
		! command -v dkms >/dev/null || \
			dkms remove "asblk/$${tree#/usr/src/asblk-}" --all || :; \
		rm -rf "$$tree"; \
	done
	@for kernel in /lib/modules/*; do \
		test -n "$$(find "$$kernel/updates" -name 'asblk*.ko*' -print -delete 2>/dev/null)" || continue; \
		depmod "$${kernel##*/}"; \
	done

demo:		## see it work in a virtual machine
	@scripts/demo

test:		## run all tests in virtual machines
	@scripts/test

test-quick:	## those that User Mode Linux can run, in minutes; not a substitute
	@scripts/test quick

soak:		## ten minutes of changes and faults on the debug kernel
	@scripts/vm --kernel debug --idle-limit 1500 -- env ASBLK_SOAK=600 ASBLK_TEST_LIMIT=1400 \
		/asblk/tools/testing/selftests/asblk/run test_soak

check:		## build with all warnings, check style and documents; part of test
	@scripts/check

bench:		## measure it next to null_blk, brd and nvme
	@scripts/bench

docs:		## build the documents as HTML
	@scripts/docs

# Without the kernel's help, whose headers may be gone
clean:		## remove what has been built here
	@find Makefile Kbuild drivers tools/bench .*.cmd Module.symvers modules.order \
		\( -name '*.ko' -o -name '*.o' -o -name '*.mod' -o -name '*.mod.c' -o -name '*.o.d' \
		-o -name '.*.cmd' -o -name modules.order -o -name Module.symvers \) -delete 2>/dev/null || :
	@rm -rf .tmp_versions .module-common.o Documentation/_build

help:		## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 20

.PHONY: modules install install-plain install-dkms uninstall demo test test-quick soak check bench docs clean help
