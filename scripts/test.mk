# SPDX-License-Identifier: GPL-2.0-only
#
# What scripts/test runs: a target is a part, one command whose report counts, or a group of
# parts. scripts/test sets scripts and out, a directory that has a list of tests for each
# machine that shares those of its kernel.

selftests := $(basename $(notdir $(wildcard $(out)/*.tests)))
comma := ,

part = @$(scripts)/test --part $(out)/$@
vm = $(part) $(scripts)/vm
run := /asblk/tools/testing/selftests/asblk/run

# The longest first, so that all lanes end at about the same time.
all: $(filter stable-%,$(selftests)) debug checked kunit-debug check stable kunit-checked next
quick: $(filter native-%,$(selftests)) kunit-native
debug: $(filter debug-%,$(selftests))
checked: $(filter checked-%,$(selftests))
stable: $(filter stable-%,$(selftests)) stable-nvme stable-aer stable-iommu stable-bounce
next: $(filter next-%,$(selftests)) next-iommu next-bounce next-cpus
nvme: nvme-debug nvme-stable nvme-next nvme-cpus debug-aer stable-aer next-aer

check:
	$(part) $(scripts)/check

kunit: kunit-debug kunit-checked

# All of them with one CPU. On debug the very slow ones take minutes; their races are those
# of the others.
kunit-debug: filter := 'speed>very_slow'
kunit-%:
	$(vm) --kernel $* -- /asblk/scripts/kunit-guest $(filter)

# A test that hangs has its own time limit, and then says what hangs
$(selftests):
	$(vm) --kernel $(firstword $(subst -, ,$@)) --idle-limit 1000 -- $(run) $$(cat $(out)/$@.tests)

# Whether faults depend on the CPUs is a question for more of them.
next-cpus:
	$(vm) --kernel next --cpus 4 -- $(run) test_determinism test_oracle

# Data that the device does not reach where it is: through an IOMMU, and by copies.
%-iommu:
	$(vm) --kernel $* --iommu --nvme 512M -- bash -c '$(run) --nvme test_integrity && \
		{ grep -q ^DMA /sys/kernel/iommu_groups/*/type || ! echo no device is behind the IOMMU >&2; }'

# The second option has newer kernels count at all; older ones always do.
%-bounce:
	$(vm) --kernel $* --boot-option swiotlb=force --boot-option swiotlb=,track_hiwater \
		--nvme 512M -- bash -c '$(run) --nvme test_integrity test_unaligned && \
		{ grep -q [1-9] /sys/kernel/debug/swiotlb/io_tlb_used_hiwater || ! echo nothing was bounced >&2; }'

# QEMU may abort when it moves the registers of a frozen controller while another CPU uses
# them.
%-aer:
	$(vm) --kernel $* --cpus 1 --monitor --nvme 512M -- $(run) --nvme test_pcie_aer

stable-nvme:
	$(vm) --kernel stable --monitor --nvme 512M --nvme 64M,$(word 2,$(many)) -- $(run) --nvme \
		test_affinity test_flush test_nvme_bind test_nvme_cli test_nvme_format test_nvme_gone \
		test_nvme_held test_passthru test_passthru_bad test_passthru_fio \
		test_nvme_passthru_gone test_nvme_switch test_reset test_settings test_write_cache \
		test_write_protect

# The controllers that the tests know by their serial numbers, besides the first three.
read := blkdebug.inject-error.0
write := blkdebug.inject-error.1
faulty := $(read).event=none,$(read).iotype=read,$(read).sector=2100,$(read).once=off,$(read).errno=5
faulty := $(faulty),$(write).event=none,$(write).iotype=write,$(write).sector=6100,$(write).once=off,$(write).errno=5
kinds := \
	serial=faulty,mdts=5,$(faulty) \
	serial=variant-mdts9,mdts=9 \
	serial=variant-mdts1,mdts=1 \
	serial=variant-mdts7,mdts=7,logical_block_size=4096,physical_block_size=4096 \
	serial=variant-1pair,mdts=5,max_ioqpairs=1 \
	serial=variant-2pairs,max_ioqpairs=2 \
	serial=variant-2vectors,max_ioqpairs=8,msix_qsize=2 \
	serial=variant-1vector,max_ioqpairs=8,msix_qsize=1 \
	serial=variant-cmb,cmb_size_mb=16 \
	serial=variant-16entries,mqes=15,dbcs=off \
	serial=variant-atomic,atomic.awun=31,atomic.awupf=15
# And those with many queues, or many disks.
many := serial=variant-64pairs,max_ioqpairs=64 serial=variant-namespaces,namespaces=3

nvme-debug nvme-stable nvme-next: nvme-%:
	$(vm) --kernel $* --idle-limit 1000 --monitor --nvme 512M --nvme 512M --nvme 512M \
		$(addprefix --nvme 64M$(comma),$(kinds) $(many)) -- $(run) --nvme --not test_pcie_aer

# Once, all 64 pairs of queues have a CPU each.
nvme-cpus:
	$(vm) --cpus 64 --nvme 512M $(addprefix --nvme 64M$(comma),$(many)) -- \
		$(run) --nvme test_nvme_variants test_integrity
