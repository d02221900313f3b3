/* SPDX-License-Identifier: GPL-2.0-only */
/* Interrupt lines of the emulated controller, and when one is due. */
#ifndef _ASBLK_EMUL_IRQ_H
#define _ASBLK_EMUL_IRQ_H

#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/types.h>

struct irq_desc;
struct irq_domain;

/**
 * struct emul_irq - an interrupt line
 * @raise: gets the CPU into hard interrupt context, unless @direct
 * @direct: the handler is called instead
 * @desc: the kernel's descriptor of the line
 * @virq: its Linux interrupt number
 * @name: in /proc/interrupts
 * @handler: of a line without a number, and the following
 * @data: its argument
 */
struct emul_irq {
	struct irq_work raise;
	bool direct;
	struct irq_desc *desc;
	unsigned int virq;
	char name[24];
	irq_handler_t handler;
	void *data;
};

/**
 * struct emul_coalesce - completions that wait for an interrupt
 * @nr: completions since the last interrupt
 * @raise_at: when it is raised at the latest, in nanoseconds; U64_MAX if none is due
 * @lose: a fault rule wants the next one lost
 */
struct emul_coalesce {
	unsigned int nr;
	u64 raise_at;
	bool lose;
};

void emul_coalesce_init(struct emul_coalesce *c);
bool emul_coalesce_add(struct emul_coalesce *c, unsigned int nr, unsigned int count,
		       unsigned int usecs, u64 now);

struct irq_domain *emul_irq_domain_create(unsigned int id, unsigned int nr_lines);
void emul_irq_domain_remove(struct irq_domain *domain);
int emul_irq_request(struct emul_irq *irq, struct irq_domain *domain, unsigned int index,
		     irq_handler_t handler, void *data, struct device *dev);
void emul_irq_request_unnumbered(struct emul_irq *irq, irq_handler_t handler, void *data);
void emul_irq_free(struct emul_irq *irq, void *data);
void emul_irq_raise(struct emul_irq *irq);

#endif /* _ASBLK_EMUL_IRQ_H */
