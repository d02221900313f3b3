// SPDX-License-Identifier: GPL-2.0-only
/* Interrupt vectors and their handlers. */
#include <linux/interrupt.h>
#include <linux/pci.h>

#include "../compat.h"
#include "nvme.h"

/* Vector 0: the admin queue and, if it is the only vector, the I/O queues. */
static irqreturn_t anvme_shared_interrupt(int irq, void *data)
{
	struct anvme *nd = data;
	irqreturn_t ret = IRQ_NONE;
	unsigned int i;

	/* Pairs with anvme_request_irq(). */
	if (smp_load_acquire(&nd->admin.irq_on) && asblk_reap(nd->admin.q))
		ret = IRQ_HANDLED;
	/* Admin completions come before the I/O queues exist. */
	if (nd->nr_vectors > 1 || !READ_ONCE(nd->queues))
		return ret;
	for (i = 0; i < nd->nr_queues; i++) {
		struct anvme_queue *nq = &nd->queues[i];

		/* Pairs with anvme_request_irq(). */
		if (smp_load_acquire(&nq->irq_on) && asblk_reap(nq->q))
			ret = IRQ_HANDLED;
	}
	return ret;
}

static irqreturn_t anvme_queue_interrupt(int irq, void *data)
{
	struct anvme_queue *nq = data;

	/* Not shared: handled, even if a poll has reaped everything already. */
	asblk_reap(nq->q);
	return IRQ_HANDLED;
}

int anvme_request_irq(struct anvme_queue *nq)
{
	struct anvme *nd = nq->nd;
	int err = 0;

	if (nq->vector) {
		snprintf(nq->name, sizeof(nq->name), "%s-q%u",
			 dev_name(asblk_ctrl_device(nq->q->ctrl)), nq->q->index);
		err = request_irq(pci_irq_vector(nd->pdev, nq->vector),
				  anvme_queue_interrupt, 0, nq->name, nq);
	}
	/* Publish the queue to the handler. Pairs with anvme_shared_interrupt(). */
	smp_store_release(&nq->irq_on, !err);
	return err;
}

/* The queue pair no longer exists in the controller. */
void anvme_free_irq(struct anvme_queue *nq)
{
	struct anvme *nd = nq->nd;

	WRITE_ONCE(nq->irq_on, false);
	if (nq->vector)
		free_irq(pci_irq_vector(nd->pdev, nq->vector), nq);
	else if (nd->pdev)
		synchronize_irq(pci_irq_vector(nd->pdev, 0));
}

/* &asblk_ctrl_ops.map_queues: follow the affinity of the interrupts */
void anvme_map_queues(struct asblk_ctrl *ctrl, struct blk_mq_tag_set *set)
{
	struct blk_mq_queue_map *map = &set->map[HCTX_TYPE_DEFAULT];
	struct anvme *nd = asblk_ctrl_priv(ctrl);

	if (nd->pdev && nd->nr_vectors > 1)
		asblk_map_pci_queues(map, nd->pdev, 1);
	else
		blk_mq_map_queues(map);
}

static int admin_irq(struct anvme *nd)
{
	return request_irq(pci_irq_vector(nd->pdev, 0), anvme_shared_interrupt,
			   IRQF_SHARED, "asblk-nvme", nd);
}

void anvme_free_vectors(struct anvme *nd)
{
	free_irq(pci_irq_vector(nd->pdev, 0), nd);
	pci_free_irq_vectors(nd->pdev);
}

/* Allocate a vector for the admin queue and one per I/O queue, or as many as possible. */
int anvme_alloc_vectors(struct anvme *nd, unsigned int nr_queues)
{
	struct irq_affinity affinity = { .pre_vectors = 1 };
	int nr, err;

	if (nr_queues)
		nr = pci_alloc_irq_vectors_affinity(nd->pdev, 1, nr_queues + 1,
						    PCI_IRQ_ALL_TYPES | PCI_IRQ_AFFINITY,
						    &affinity);
	else
		nr = pci_alloc_irq_vectors(nd->pdev, 1, 1, PCI_IRQ_ALL_TYPES);
	if (nr < 0)
		return nr;
	nd->nr_vectors = nr;
	nd->intx = !nd->pdev->msi_enabled && !nd->pdev->msix_enabled;
	err = admin_irq(nd);
	if (err)
		pci_free_irq_vectors(nd->pdev);
	return err;
}

/* Allocate vectors for nd->nr_queues, and reduce that to the vectors available. */
int anvme_realloc_vectors(struct anvme *nd)
{
	int err;

	anvme_free_vectors(nd);
	err = anvme_alloc_vectors(nd, nd->nr_queues);
	if (err)
		return err;
	nd->nr_queues = min(nd->nr_queues, max(nd->nr_vectors, 2) - 1);
	return 0;
}
