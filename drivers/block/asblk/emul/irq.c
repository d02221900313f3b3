// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupt lines of the emulated controller: real Linux interrupt numbers from
 * a small domain and chip. They arrive on the CPU that raises them, so their affinity
 * cannot be set: from an irq_work, which gets that CPU into hard interrupt context by
 * an interrupt to itself; or directly, by a call of the same handler.
 */
#include <kunit/visibility.h>
#include <linux/bottom_half.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/irqdomain.h>
#include <linux/time64.h>

#include "irq.h"

/* The line is a message, not a level: there is nothing to acknowledge or mask. */
static void emul_irq_nothing(struct irq_data *data)
{
}

static struct irq_chip emul_irq_chip = {
	.name		= "asblk",
	.irq_ack	= emul_irq_nothing,
	.irq_mask	= emul_irq_nothing,
	.irq_unmask	= emul_irq_nothing,
};

static int emul_irq_map(struct irq_domain *domain, unsigned int virq,
			irq_hw_number_t hwirq)
{
	/*
	 * Edge: if a second CPU raises a line whose handler is running, the
	 * handler runs once more instead of missing it.
	 */
	irq_set_chip_and_handler(virq, &emul_irq_chip, handle_edge_irq);
	irq_modify_status(virq, IRQ_NOREQUEST, IRQ_NOPROBE | IRQ_NO_BALANCING | IRQ_IS_POLLED);
	return 0;
}

static const struct irq_domain_ops emul_irq_domain_ops = {
	.map = emul_irq_map,
};

/* @id is for the name. Context: may sleep. Return: NULL if there is no memory. */
struct irq_domain *emul_irq_domain_create(unsigned int id, unsigned int nr_lines)
{
	struct fwnode_handle *fwnode = irq_domain_alloc_named_id_fwnode("asblk", id);
	struct irq_domain *domain;

	if (!fwnode)
		return NULL;
	domain = irq_domain_create_linear(fwnode, nr_lines, &emul_irq_domain_ops, NULL);
	if (!domain)
		irq_domain_free_fwnode(fwnode);
	return domain;
}

/* Remove a domain without requested interrupts. Context: may sleep. */
void emul_irq_domain_remove(struct irq_domain *domain)
{
	struct fwnode_handle *fwnode = domain->fwnode;

	irq_domain_remove(domain);
	irq_domain_free_fwnode(fwnode);
}

static void emul_irq_deliver(struct irq_work *work)
{
	struct emul_irq *irq = container_of(work, struct emul_irq, raise);

	generic_handle_irq_desc(irq->desc);
}

/*
 * @irq->direct is filled in; @index is the line's number in @domain, @dev the controller, for
 * the name and the log. Context: may sleep. Return: 0, -ENOSPC if the kernel has no interrupt
 * number left, or another negative errno.
 */
int emul_irq_request(struct emul_irq *irq, struct irq_domain *domain, unsigned int index,
		     irq_handler_t handler, void *data, struct device *dev)
{
	int err;

	irq->virq = irq_create_mapping(domain, index);
	if (!irq->virq) {
		dev_err(dev, "the kernel has no interrupt number left for queue %u\n", index);
		return -ENOSPC;
	}
	/* Looking the line up on every interrupt would be a tree walk. */
	irq->desc = irq_data_to_desc(irq_get_irq_data(irq->virq));
	irq->raise = IRQ_WORK_INIT_HARD(emul_irq_deliver);
	snprintf(irq->name, sizeof(irq->name), "%s-q%u", dev_name(dev), index);
	err = request_irq(irq->virq, handler, 0, irq->name, data);
	if (err)
		irq_dispose_mapping(irq->virq);
	return err;
}

static void emul_irq_deliver_unnumbered(struct irq_work *work)
{
	struct emul_irq *irq = container_of(work, struct emul_irq, raise);

	irq->handler(0, irq->data);
}

/*
 * A line that takes none of the kernel's interrupt numbers, of which there may be few, for a
 * queue that is seldom used. Its handler runs where those of other lines do: in hard interrupt
 * context, with PREEMPT_RT in a thread.
 */
void emul_irq_request_unnumbered(struct emul_irq *irq, irq_handler_t handler, void *data)
{
	irq->direct = false;
	irq->desc = NULL;
	irq->raise = IRQ_WORK_INIT(emul_irq_deliver_unnumbered);
	irq->handler = handler;
	irq->data = data;
}

/* Free a line that is not raised any more. Context: may sleep. */
void emul_irq_free(struct emul_irq *irq, void *data)
{
	irq_work_sync(&irq->raise);
	if (!irq->desc)
		return;
	free_irq(irq->virq, data);
	irq_dispose_mapping(irq->virq);
}

/*
 * As generic_handle_irq_safe(), with the line at hand. Softirqs that the handler raises run
 * right afterwards, as they would on return from an interrupt.
 */
static void emul_irq_call(struct emul_irq *irq)
{
	unsigned long flags;

	local_bh_disable();
	local_irq_save(flags);
	generic_handle_irq_desc(irq->desc);
	local_irq_restore(flags);
	local_bh_enable();
}

/*
 * Raise an interrupt on this CPU. Context: task or softirq, with interrupts on and without
 * run_lock: it may call the handler. Harmless while an interrupt is on its way.
 */
void emul_irq_raise(struct emul_irq *irq)
{
	if (irq->direct)
		emul_irq_call(irq);
	else
		irq_work_queue(&irq->raise);
}

void emul_coalesce_init(struct emul_coalesce *c)
{
	c->nr = 0;
	c->raise_at = U64_MAX;
	c->lose = false;
}
EXPORT_SYMBOL_IF_KUNIT(emul_coalesce_init);

/*
 * Note @nr new completions, possibly 0. An interrupt waits for @count of them, but at most
 * @usecs microseconds (0: not at all). Return: true if an interrupt is due at @now
 * (nanoseconds); if not, c->raise_at says when.
 */
bool emul_coalesce_add(struct emul_coalesce *c, unsigned int nr, unsigned int count,
		       unsigned int usecs, u64 now)
{
	bool lose;

	c->nr += nr;
	if (!c->nr)
		return false;
	if (usecs && c->nr < count) {
		if (c->raise_at == U64_MAX)
			c->raise_at = now + usecs * NSEC_PER_USEC;
		if (c->raise_at > now)
			return false;
	}
	lose = c->lose;
	emul_coalesce_init(c);
	return !lose;
}
EXPORT_SYMBOL_IF_KUNIT(emul_coalesce_add);
