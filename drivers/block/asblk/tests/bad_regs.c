// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory in place of registers, on a machine that emulates readl() and writel(): User Mode Linux.
 */
#include <linux/init.h>
#include <linux/ioport.h>
#include <linux/logic_iomem.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "bad_nvme.h"

#define REGS_START	((resource_size_t)SZ_1T)	/* where nothing else is */

static struct resource *regs;
static u32 *next_map;	/* tests run one at a time */

static unsigned long regs_read(void *priv, unsigned int offset, int size)
{
	WARN_ON(size != 4);
	return READ_ONCE(*(u32 *)(priv + offset));
}

static void regs_write(void *priv, unsigned int offset, int size, unsigned long value)
{
	WARN_ON(size != 4);
	WRITE_ONCE(*(u32 *)(priv + offset), value);
}

static long regs_map(unsigned long offset, size_t size, const struct logic_iomem_ops **ops,
		     void **priv)
{
	static const struct logic_iomem_ops regs_ops = {
		.read = regs_read,
		.write = regs_write,
	};

	*ops = &regs_ops;
	*priv = next_map;
	return 0;
}

static const struct logic_iomem_region_ops regs_region_ops = {
	.map = regs_map,
};

KUNIT_DEFINE_ACTION_WRAPPER(unmap_regs, iounmap, void __iomem *);

/* Until the end of the test, readl() and writel() are to access the @len bytes at @reg. */
void __iomem *bad_map_regs(struct kunit *test, u32 *reg, size_t len)
{
	void __iomem *mapped;

	next_map = reg;
	mapped = ioremap(REGS_START, len);
	KUNIT_ASSERT_NOT_NULL(test, mapped);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, unmap_regs, mapped), 0);
	return mapped;
}

static int __init regs_init(void)
{
	int err;

	regs = kzalloc_obj(*regs);
	if (!regs)
		return -ENOMEM;
	regs->name = "asblk-kunit";
	regs->start = REGS_START;
	regs->end = REGS_START + SZ_1M - 1;
	regs->flags = IORESOURCE_MEM;
	err = logic_iomem_add_region(regs, &regs_region_ops);
	if (err)
		kfree(regs);
	return err;
}
module_init(regs_init);

/* A region stays in the kernel's list for good: leave one that nothing lies in. */
static void __exit regs_exit(void)
{
	release_resource(regs);
	regs->start = 1;
	regs->end = 0;
}
module_exit(regs_exit);
