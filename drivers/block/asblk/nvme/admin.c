// SPDX-License-Identifier: GPL-2.0-only
/* The admin queue: commands, aborts, asynchronous event requests. */
#include <kunit/visibility.h>
#include <linux/dma-mapping.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "nvme.h"

/* Interval at which waiters poll, in case the interrupt was lost or is masked. */
#define POLL_INTERVAL	DIV_ROUND_UP(HZ, 50)

/* The last slot is reserved for the event request, so that it never waits. */
#define EVENT_SLOT	(ANVME_ADMIN_SLOTS - 1)

/* With more orphans than this, reset the controller to reclaim their slots. */
#define MAX_ORPHANS	8

void anvme_admin_init(struct anvme *nd)
{
	struct anvme_admin *a = &nd->admin;
	unsigned int i;

	spin_lock_init(&a->lock);
	init_waitqueue_head(&a->free);
	init_llist_head(&a->reclaim);
	for (i = 0; i < ANVME_ADMIN_SLOTS; i++)
		init_completion(&a->slot[i].done);
}

int anvme_admin_alloc(struct anvme *nd)
{
	return anvme_ring_alloc(nd, &nd->admin.ring, 0, ANVME_ADMIN_ENTRIES);
}

static void memory_free(struct anvme *nd, struct anvme_admin_memory *m)
{
	if (!m)
		return;
	dma_free_coherent(nd->dev, m->size, m->data, m->dma);
	kfree(m);
}

/* Free the memory of orphans, which may have ended in interrupt context. May sleep. */
static void free_reclaimed(struct anvme *nd)
{
	struct llist_node *list = llist_del_all(&nd->admin.reclaim);
	struct anvme_admin_memory *m, *next;

	llist_for_each_entry_safe(m, next, list, node)
		memory_free(nd, m);
}

/* The controller is disabled. */
void anvme_admin_free(struct anvme *nd)
{
	free_reclaimed(nd);
	anvme_ring_free(nd, &nd->admin.ring);
}

/* Accept commands: the controller has become ready. */
void anvme_admin_up(struct anvme *nd)
{
	scoped_guard(spinlock_irq, &nd->admin.lock)
		nd->admin.up = true;
}

/*
 * Reject new commands. Those in flight, and their memory, belong to the controller until
 * anvme_admin_flush(). Context: any but hard interrupts.
 */
void anvme_admin_down(struct anvme *nd)
{
	scoped_guard(spinlock_irq, &nd->admin.lock)
		nd->admin.up = false;
	wake_up_all(&nd->admin.free);
}

/* The controller is done with the command and its memory. */
static void slot_free(struct anvme_admin *a, struct anvme_admin_slot *slot)
{
	lockdep_assert_held(&a->lock);
	if (slot->memory)
		llist_add(&slot->memory->node, &a->reclaim);
	slot->memory = NULL;
	a->orphans -= slot->use == ANVME_ADMIN_ORPHAN;
	slot->use = ANVME_ADMIN_FREE;
}

/* Fail the commands in flight. The queue is down, the controller disabled. */
void anvme_admin_flush(struct anvme *nd)
{
	struct anvme_admin *a = &nd->admin;
	unsigned int i;

	spin_lock_irq(&a->lock);
	a->aborts = 0;
	for (i = 0; i < ANVME_ADMIN_SLOTS; i++) {
		struct anvme_admin_slot *slot = &a->slot[i];

		if (slot->use == ANVME_ADMIN_WAITED) {
			slot->status = -ESHUTDOWN;
			complete(&slot->done);
		} else {
			slot_free(a, slot);
		}
	}
	spin_unlock_irq(&a->lock);
	wake_up_all(&a->free);
	free_reclaimed(nd);
}

static struct anvme_admin_slot *admin_take(struct anvme_admin *a,
					   enum anvme_admin_use use)
{
	bool event = use == ANVME_ADMIN_EVENT;
	unsigned int i, end = event ? ANVME_ADMIN_SLOTS : EVENT_SLOT;

	lockdep_assert_held(&a->lock);
	for (i = event ? EVENT_SLOT : 0; i < end; i++) {
		if (a->slot[i].use != ANVME_ADMIN_FREE)
			continue;
		a->slot[i].use = use;
		return &a->slot[i];
	}
	return NULL;
}

static void admin_submit(struct anvme_admin *a, struct anvme_admin_slot *slot,
			 struct nvme_command *cmd)
{
	struct anvme_ring *r = &a->ring;

	lockdep_assert_held(&a->lock);
	cmd->common.command_id = slot - a->slot;
	r->sq[r->sq_tail] = *cmd;
	if (++r->sq_tail == r->size)
		r->sq_tail = 0;
	anvme_ring_doorbell(&r->sq_db, r->sq_tail);
}

/* One event is requested at a time: events_work() is done with the last one. */
static void event_reported(struct anvme *nd, u32 result)
{
	WRITE_ONCE(nd->event, result);
	queue_work(system_dfl_wq, &nd->events);
}

static void admin_complete(struct anvme *nd, const struct nvme_completion *cqe)
{
	struct anvme_admin *a = &nd->admin;
	u16 id = READ_ONCE(cqe->command_id);
	struct anvme_admin_slot *slot;

	lockdep_assert_held(&a->lock);
	if (id >= ANVME_ADMIN_SLOTS || a->slot[id].use == ANVME_ADMIN_FREE) {
		dev_err_ratelimited(nd->dev, "invalid completion: admin command %#x is not in flight\n",
				    id);
		return;
	}
	slot = &a->slot[id];
	slot->status = le16_to_cpu(cqe->status) >> 1;
	/*
	 * The SQ head is not used, but a controller that gets it wrong may not be done with
	 * the memory of the command either. Fail a waiter, whose memory is kept until the
	 * reset; treat all else as still in flight.
	 */
	if (le16_to_cpu(cqe->sq_head) >= a->ring.size) {
		dev_err_ratelimited(nd->dev, "invalid SQ head %u in the completion of admin command %#x, must be below %u\n",
				    le16_to_cpu(cqe->sq_head), id, a->ring.size);
		if (slot->use != ANVME_ADMIN_WAITED)
			return;
		slot->status = -EIO;
	}
	slot->result = le64_to_cpu(cqe->result.u64);
	switch (slot->use) {
	case ANVME_ADMIN_WAITED:
		complete(&slot->done);
		return;
	case ANVME_ADMIN_ABORT:
		a->aborts--;
		break;
	case ANVME_ADMIN_EVENT:
		if (!slot->status)
			event_reported(nd, slot->result);
		else	/* Retrying would fail the same way. */
			dev_warn_ratelimited(nd->dev, "failed to request asynchronous events (%#x)\n",
					     slot->status);
		break;
	default:
		break;
	}
	slot_free(a, slot);
	wake_up(&a->free);
}

/* Handle new completions. Context: any but NMI. Return: true if there were any. */
bool anvme_admin_reap(struct anvme *nd)
{
	struct anvme_admin *a = &nd->admin;
	struct anvme_ring *r = &a->ring;
	struct nvme_completion *cqe;
	unsigned int nr = 0;

	scoped_guard(spinlock_irqsave, &a->lock) {
		while (a->up && nr < r->size && (cqe = anvme_ring_peek(r))) {
			admin_complete(nd, cqe);
			anvme_ring_consume(r);
			nr++;
		}
		if (nr)
			anvme_ring_doorbell(&r->cq_db, r->cq_head);
	}
	return nr;
}
EXPORT_SYMBOL_IF_KUNIT(anvme_admin_reap);

/* Submit once a slot is free. Return: the slot; NULL on timeout or if the queue is down. */
static struct anvme_admin_slot *admin_wait_slot(struct anvme *nd, struct nvme_command *cmd,
						unsigned long timeout)
{
	struct anvme_admin *a = &nd->admin;
	struct anvme_admin_slot *slot = NULL;

	spin_lock_irq(&a->lock);
	wait_event_lock_irq_timeout(a->free, !a->up ||
				    (slot = admin_take(a, ANVME_ADMIN_WAITED)),
				    a->lock, timeout);
	if (slot && a->up) {
		reinit_completion(&slot->done);
		admin_submit(a, slot, cmd);
	} else if (slot) {
		slot->use = ANVME_ADMIN_FREE;
		slot = NULL;
	}
	spin_unlock_irq(&a->lock);
	return slot;
}

/* Wait for the command. Return: false on timeout. */
static bool admin_wait(struct anvme *nd, struct anvme_admin_slot *slot,
		       const struct anvme_admin_io *io)
{
	unsigned long end = jiffies + (io->timeout ?: ANVME_ADMIN_TIMEOUT);
	bool late;

	do {
		late = time_after(jiffies, end) || (io->timeout && READ_ONCE(nd->removing));
		if (wait_for_completion_timeout(&slot->done, POLL_INTERVAL))
			return true;
		anvme_admin_reap(nd);
	} while (!late);
	return false;
}

/*
 * A command timed out: reclaim its slot and memory by an abort, or by a reset if the
 * command is not optional or there are too many orphans.
 */
static void admin_abandon(struct anvme *nd, struct anvme_admin_slot *slot,
			  const struct nvme_command *cmd, bool optional)
{
	struct anvme_admin *a = &nd->admin;
	bool many = READ_ONCE(a->orphans) > MAX_ORPHANS;

	dev_err_ratelimited(nd->dev, "admin command %#x did not complete\n", cmd->common.opcode);
	if (IS_ERR_OR_NULL(nd->ctrl) || READ_ONCE(nd->removing))
		return;
	if (!optional || many)
		asblk_ctrl_reset(nd->ctrl);
	else
		anvme_admin_abort(nd, 0, slot - a->slot);
}

/*
 * Frees @memory. If the command may still be executed the controller may still DMA into
 * it: then it stays with the slot until the command ends. Return: as anvme_admin_io().
 */
static int admin_execute(struct anvme *nd, struct nvme_command *cmd,
			 struct anvme_admin_memory *memory, struct anvme_admin_io *io)
{
	unsigned long timeout = io->timeout ?: ANVME_ADMIN_TIMEOUT;
	struct anvme_admin_slot *slot = admin_wait_slot(nd, cmd, timeout);
	struct anvme_admin *a = &nd->admin;
	int status;
	bool done;

	if (!slot) {
		memory_free(nd, memory);
		return -ENODEV;
	}
	done = admin_wait(nd, slot, io);
	spin_lock_irq(&a->lock);
	status = done || try_wait_for_completion(&slot->done) ? slot->status : -ETIMEDOUT;
	io->result = slot->result;
	if (status == -ETIMEDOUT || status == -EIO) {
		slot->use = ANVME_ADMIN_ORPHAN;
		slot->memory = memory;
		a->orphans++;
	} else {
		slot->use = ANVME_ADMIN_FREE;
	}
	spin_unlock_irq(&a->lock);
	if (status == -ETIMEDOUT || status == -EIO) {
		admin_abandon(nd, slot, cmd, io->optional && status == -ETIMEDOUT);
		return status;
	}
	wake_up(&a->free);
	if (io->from_device && !status && io->len)
		memcpy(io->data, memory->data, io->len);
	memory_free(nd, memory);
	return status;
}

/* Execute a command without data. @result may be NULL. Return: as anvme_admin_io(). */
int anvme_admin(struct anvme *nd, struct nvme_command *cmd, u64 *result)
{
	struct anvme_admin_io io = {};
	int status = admin_execute(nd, cmd, NULL, &io);

	if (result)
		*result = io.result;
	return status;
}

/*
 * Allocate data, PRP list and a spare page, zeroed. The length that the controller derives
 * from the dwords of a command may exceed @len. Such a transfer must only reach the spare
 * page and the list: every PRP entry (4.1.1) is filled in, and the last one of the list,
 * which may be used as a pointer to the next list, points to the list itself.
 */
static struct anvme_admin_memory *memory_alloc(struct anvme *nd, const struct anvme_admin_io *io,
					       struct nvme_command *cmd)
{
	struct anvme_admin_memory *m = kzalloc_obj(*m);
	u32 offset = io->from_device ? 0 : io->offset;
	size_t data_size = round_up(offset + io->len, ANVME_PAGE);
	unsigned int i, nr = data_size / ANVME_PAGE;
	dma_addr_t list_dma, spare;
	__le64 *list;

	if (!m)
		return NULL;
	m->size = data_size + 2 * ANVME_PAGE;
	m->data = dma_alloc_coherent(nd->dev, m->size, &m->dma, GFP_KERNEL);
	if (!m->data) {
		kfree(m);
		return NULL;
	}
	list = m->data + data_size;
	list_dma = m->dma + data_size;
	spare = list_dma + ANVME_PAGE;
	for (i = 0; i < ANVME_PRPS - 1; i++)
		list[i] = cpu_to_le64(i + 1 < nr && nr > 2 ? m->dma + (i + 1) * ANVME_PAGE : spare);
	list[ANVME_PRPS - 1] = cpu_to_le64(list_dma);
	cmd->common.dptr.prp1 = cpu_to_le64(nr ? m->dma + offset : spare);
	cmd->common.dptr.prp2 = cpu_to_le64(nr == 2 ? m->dma + ANVME_PAGE : list_dma);
	/* Vendor commands may transfer metadata; otherwise the pointer is reserved. */
	if (cmd->common.opcode >= nvme_admin_vendor_start)
		cmd->common.metadata = cpu_to_le64(spare);
	/*
	 * If the command transfers more than two pages, the controller takes the second one
	 * for the PRP list: put a copy there, which does not point to itself and so is not
	 * overwritten by data.
	 */
	if (nr == 2)
		memcpy(m->data + ANVME_PAGE, list, ANVME_PAGE);
	if (!io->from_device && io->len)
		memcpy(m->data + offset, io->data, io->len);
	return m;
}

/*
 * Execute an admin command. @cmd lacks its identifier, data and metadata pointers. Whatever
 * length the command implies, the controller only reaches memory of the command.
 *
 * Return: 0, the NVMe status code, or a negative errno: -ENODEV if the queue is down or
 * has no free slot in time, -ESHUTDOWN if it went down meanwhile, -ETIMEDOUT, -EIO after
 * an invalid completion, or -ENOMEM.
 */
int anvme_admin_io(struct anvme *nd, struct nvme_command *cmd, struct anvme_admin_io *io)
{
	struct anvme_admin_memory *memory;

	free_reclaimed(nd);
	memory = memory_alloc(nd, io, cmd);
	if (!memory)
		return -ENOMEM;
	return admin_execute(nd, cmd, memory, io);
}
EXPORT_SYMBOL_IF_KUNIT(anvme_admin_io);

/*
 * Send an Abort command (5.1) without waiting for it. Context: any but NMI. Return: 0, -EBUSY
 * if the abort limit is reached or no slot is free, or -ENODEV.
 */
int anvme_admin_abort(struct anvme *nd, u16 sqid, u16 cid)
{
	struct nvme_command cmd = {
		.abort.opcode	= nvme_admin_abort_cmd,
		.abort.sqid	= cpu_to_le16(sqid),
		.abort.cid	= cid,
	};
	struct anvme_admin *a = &nd->admin;
	struct anvme_admin_slot *slot;
	int err = -EBUSY;

	scoped_guard(spinlock_irqsave, &a->lock) {
		if (!a->up) {
			err = -ENODEV;
		} else if (a->aborts <= nd->id->acl) {	/* counts from 0 (5.17.2.1) */
			slot = admin_take(a, ANVME_ADMIN_ABORT);
			if (slot) {
				a->aborts++;
				admin_submit(a, slot, &cmd);
				err = 0;
			}
		}
	}
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(anvme_admin_abort);

/*
 * Request the next asynchronous event (5.2), unless that is pending already. Context: any
 * but hard interrupts.
 */
void anvme_event_request(struct anvme *nd)
{
	struct nvme_command cmd = {
		.common.opcode = nvme_admin_async_event,
	};
	struct anvme_admin *a = &nd->admin;
	struct anvme_admin_slot *slot;

	scoped_guard(spinlock_irq, &a->lock) {
		slot = a->up ? admin_take(a, ANVME_ADMIN_EVENT) : NULL;
		if (slot)
			admin_submit(a, slot, &cmd);
	}
}
EXPORT_SYMBOL_IF_KUNIT(anvme_event_request);
