/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM asblk

#if !defined(_TRACE_ASBLK_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_ASBLK_H

#include <linux/asblk.h>
#include <linux/blk-mq.h>
#include <linux/tracepoint.h>

#define show_asblk_op(op) __print_symbolic(op,		\
	{ ASBLK_OP_READ,	 "read" },		\
	{ ASBLK_OP_WRITE,	 "write" },		\
	{ ASBLK_OP_FLUSH,	 "flush" },		\
	{ ASBLK_OP_UNMAP,	 "unmap" },		\
	{ ASBLK_OP_WRITE_ZEROES, "write_zeroes" },	\
	{ ASBLK_OP_SECURE_ERASE, "secure_erase" })

#define show_asblk_req_op(op) __print_symbolic(op,	\
	{ (__force u8)REQ_OP_READ, "read" },		\
	{ (__force u8)REQ_OP_WRITE, "write" },		\
	{ (__force u8)REQ_OP_FLUSH, "flush" },		\
	{ (__force u8)REQ_OP_DISCARD, "discard" },		\
	{ (__force u8)REQ_OP_WRITE_ZEROES, "write_zeroes" },	\
	{ (__force u8)REQ_OP_SECURE_ERASE, "secure_erase" })

/* A request was accepted. */
TRACE_EVENT(asblk_submit,
	TP_PROTO(const struct asblk_queue *q, struct request *rq),
	TP_ARGS(q, rq),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(unsigned int, queue)
		__field(int, tag)
		__field(sector_t, sector)
		__field(u32, bytes)
		__field(u8, op)
		__field(bool, fua)
	),
	TP_fast_assign(
		__entry->dev = rq->q->disk ? disk_devt(rq->q->disk) : 0;
		__entry->queue = q->index;
		__entry->tag = rq->tag;
		__entry->sector = req_op(rq) == REQ_OP_FLUSH ?
				  0 : blk_rq_pos(rq);
		__entry->bytes = blk_rq_bytes(rq);
		__entry->op = (__force u8)req_op(rq);
		__entry->fua = rq->cmd_flags & REQ_FUA;
	),
	TP_printk("%d,%d queue %u tag %d %s%s sector %llu bytes %u",
		  MAJOR(__entry->dev), MINOR(__entry->dev), __entry->queue,
		  __entry->tag, show_asblk_req_op(__entry->op),
		  __entry->fua ? " fua" : "",
		  (unsigned long long)__entry->sector, __entry->bytes)
);

/* A transfer is offered to the controller. */
TRACE_EVENT(asblk_transfer,
	TP_PROTO(const struct asblk_queue *q, const struct asblk_transfer *t,
		 u32 offset),
	TP_ARGS(q, t, offset),
	TP_STRUCT__entry(
		__field(unsigned int, queue)
		__field(u16, id)
		__field(u8, op)
		__field(u8, opts)
		__field(u32, unit)
		__field(u32, offset)
		__field(u64, lba)
		__field(u32, bytes)
		__field(u32, segments)
		__field(u32, ranges)
	),
	TP_fast_assign(
		__entry->queue = q->index;
		__entry->id = t->id;
		__entry->op = t->op;
		__entry->opts = t->opts;
		__entry->unit = t->unit;
		__entry->offset = offset;
		__entry->lba = t->op == ASBLK_OP_FLUSH ? 0 : t->range.lba;
		__entry->bytes = t->bytes;
		__entry->segments = t->nr_segments;
		__entry->ranges = t->nr_ranges;
	),
	TP_printk("queue %u id %#06x %s opts %#x unit %u lba %llu bytes %u segments %u ranges %u at %u",
		  __entry->queue, __entry->id, show_asblk_op(__entry->op),
		  __entry->opts, __entry->unit, __entry->lba, __entry->bytes,
		  __entry->segments, __entry->ranges, __entry->offset)
);

/* The controller reported the end of a transfer. */
TRACE_EVENT(asblk_complete,
	TP_PROTO(const struct asblk_queue *q, u16 id, blk_status_t status,
		 u32 good_bytes),
	TP_ARGS(q, id, status, good_bytes),
	TP_STRUCT__entry(
		__field(unsigned int, queue)
		__field(u16, id)
		__field(u8, status)
		__field(u32, good_bytes)
	),
	TP_fast_assign(
		__entry->queue = q->index;
		__entry->id = id;
		__entry->status = (__force u8)status;
		__entry->good_bytes = good_bytes;
	),
	TP_printk("queue %u id %#06x status %u good %u", __entry->queue,
		  __entry->id, __entry->status, __entry->good_bytes)
);

/* A fault rule has acted. */
TRACE_EVENT(asblk_fault,
	TP_PROTO(const char *ctrl, const char *rule, const char *action,
		 unsigned int queue, u8 op, u64 lba, u32 count),
	TP_ARGS(ctrl, rule, action, queue, op, lba, count),
	TP_STRUCT__entry(
		__string(ctrl, ctrl)
		__string(rule, rule)
		__string(action, action)
		__field(unsigned int, queue)
		__field(u8, op)
		__field(u64, lba)
		__field(u32, count)
	),
	TP_fast_assign(
		__assign_str(ctrl);
		__assign_str(rule);
		__assign_str(action);
		__entry->queue = queue;
		__entry->op = op;
		__entry->lba = lba;
		__entry->count = count;
	),
	/* A flush has no block: -1. */
	TP_printk("%s rule %s %s queue %u %s lba %lld count %u", __get_str(ctrl),
		  __get_str(rule), __get_str(action), __entry->queue,
		  show_asblk_op(__entry->op), (s64)__entry->lba, __entry->count)
);

#endif /* _TRACE_ASBLK_H */

#include <trace/define_trace.h>
