// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupt lines of the emulated controller: real Linux interrupt numbers from
 * a small domain and chip. They arrive on the CPU that raises them, so their affinity
 * cannot be set: from an irq_work, which gets that CPU into hard interrupt context by
 * an interrupt to itself; or directly, by a call of the same handler.
 */
#include <linux/bottom_half.h>
#include <linux/device.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/irqdomain.h>

#include "emul.h"

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

/**
 * emul_irq_domain_create - make a domain with a line for each queue
 * @emul: controller
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int emul_irq_domain_create(struct emul *emul)
{
	struct fwnode_handle *fwnode;

	fwnode = irq_domain_alloc_named_id_fwnode("asblk", emul->nr);
	if (!fwnode)
		return -ENOMEM;
	emul->irqs = irq_domain_create_linear(fwnode, emul->params.queues,
					      &emul_irq_domain_ops, emul);
	if (emul->irqs)
		return 0;
	irq_domain_free_fwnode(fwnode);
	return -ENOMEM;
}

/**
 * emul_irq_domain_remove - remove the domain
 * @emul: controller without requested interrupts
 *
 * Context: may sleep.
 */
void emul_irq_domain_remove(struct emul *emul)
{
	struct fwnode_handle *fwnode = emul->irqs->fwnode;

	irq_domain_remove(emul->irqs);
	irq_domain_free_fwnode(fwnode);
}

static void emul_irq_deliver(struct irq_work *work)
{
	struct emul_irq *irq = container_of(work, struct emul_irq, raise);

	generic_handle_irq_desc(irq->desc);
}

/**
 * emul_irq_request - get the interrupt of a queue
 * @eq: queue
 * @handler: called with the &struct asblk_queue
 *
 * Context: may sleep.
 * Return: 0, -ENOSPC if the kernel has no interrupt number left, or another negative
 * errno.
 */
int emul_irq_request(struct emul_queue *eq, irq_handler_t handler)
{
	struct emul_irq *irq = &eq->irq;
	int err;

	irq->virq = irq_create_mapping(eq->emul->irqs, eq->q->index);
	if (!irq->virq) {
		dev_err(asblk_ctrl_device(eq->q->ctrl),
			"the kernel has no interrupt number left for queue %u\n",
			eq->q->index);
		return -ENOSPC;
	}
	/* Looking the line up on every interrupt would be a tree walk. */
	irq->desc = irq_data_to_desc(irq_get_irq_data(irq->virq));
	irq->raise = IRQ_WORK_INIT_HARD(emul_irq_deliver);
	snprintf(irq->name, sizeof(irq->name), "%s-q%u",
		 dev_name(asblk_ctrl_device(eq->q->ctrl)), eq->q->index);
	err = request_irq(irq->virq, handler, 0, irq->name, eq->q);
	if (err)
		irq_dispose_mapping(irq->virq);
	return err;
}

/**
 * emul_irq_free - give the interrupt of a queue back
 * @eq: queue; nobody raises it any more
 *
 * Context: may sleep.
 */
void emul_irq_free(struct emul_queue *eq)
{
	irq_work_sync(&eq->irq.raise);
	free_irq(eq->irq.virq, eq->q);
	irq_dispose_mapping(eq->irq.virq);
}

/*
 * As generic_handle_irq_safe(), with the line at hand. What the handler leaves to softirqs
 * runs right afterwards, as it would on return from an interrupt.
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

/**
 * emul_irq_raise - raise the interrupt of a queue on this CPU
 * @eq: queue
 *
 * Context: task or softirq, with interrupts on and without run_lock: the handler may be
 * called from here. Harmless while one is on its way.
 */
void emul_irq_raise(struct emul_queue *eq)
{
	if (eq->emul->params.direct_irq)
		emul_irq_call(&eq->irq);
	else
		irq_work_queue(&eq->irq.raise);
}
