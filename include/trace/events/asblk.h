/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM asblk

#if !defined(_TRACE_ASBLK_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_ASBLK_H

#include <linux/asblk.h>
#include <linux/blk-mq.h>
#include <linux/tracepoint.h>

/* perf and trace-cmd read the format files, where a name of an enum says nothing. */
#undef ASBLK_OP_TRACE
#define ASBLK_OP_TRACE(name, word)	TRACE_DEFINE_ENUM(ASBLK_OP_##name);
ASBLK_OPS(ASBLK_OP_TRACE, ASBLK_OP_TRACE)

#undef ASBLK_OP_SYMBOL
#undef ASBLK_OP_LAST_SYMBOL
#define ASBLK_OP_SYMBOL(name, word)		{ ASBLK_OP_##name, word },
#define ASBLK_OP_LAST_SYMBOL(name, word)	{ ASBLK_OP_##name, word }
#define show_asblk_op(op) \
	__print_symbolic(op, ASBLK_OPS(ASBLK_OP_SYMBOL, ASBLK_OP_LAST_SYMBOL))

/*
 * A request is known by disk, queue and tag, a transfer by controller, queue and ID: the
 * events of a transfer have all of them.
 */

/* A request was accepted. */
TRACE_EVENT(asblk_submit,
	TP_PROTO(const struct asblk_queue *q, struct request *rq),
	TP_ARGS(q, rq),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(int, ctrl)
		__field(unsigned int, queue)
		__field(int, tag)
		__field(sector_t, sector)
		__field(u32, bytes)
		__field(u8, op)
		__field(bool, fua)
	),
	TP_fast_assign(
		__entry->dev = asblk_trace_dev(rq);
		__entry->ctrl = asblk_trace_ctrl(q);
		__entry->queue = q->index;
		__entry->tag = rq->tag;
		__entry->sector = req_op(rq) == REQ_OP_FLUSH ?
				  0 : blk_rq_pos(rq);
		__entry->bytes = blk_rq_bytes(rq);
		__entry->op = asblk_submit_op(rq);
		__entry->fua = rq->cmd_flags & REQ_FUA;
	),
	TP_printk("%d,%d ctrl%d queue %d tag %d %s%s sector %llu bytes %u",
		  MAJOR(__entry->dev), MINOR(__entry->dev), __entry->ctrl, __entry->queue,
		  __entry->tag, show_asblk_op(__entry->op),
		  __entry->fua ? " fua" : "",
		  (unsigned long long)__entry->sector, __entry->bytes)
);

/* A transfer is offered to the controller. */
TRACE_EVENT(asblk_transfer,
	TP_PROTO(const struct asblk_queue *q, const struct asblk_transfer *t,
		 struct request *rq, u32 offset),
	TP_ARGS(q, t, rq, offset),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(int, ctrl)
		__field(unsigned int, queue)
		__field(int, tag)
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
		__entry->dev = asblk_trace_dev(rq);
		__entry->ctrl = asblk_trace_ctrl(q);
		__entry->queue = q->index;
		__entry->tag = rq->tag;
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
	TP_printk("%d,%d ctrl%d queue %d tag %d id 0x%04x %s opts 0x%x unit %u lba %llu bytes %u segments %u ranges %u at %u",
		  MAJOR(__entry->dev), MINOR(__entry->dev), __entry->ctrl, __entry->queue,
		  __entry->tag, __entry->id, show_asblk_op(__entry->op),
		  __entry->opts, __entry->unit, __entry->lba, __entry->bytes,
		  __entry->segments, __entry->ranges, __entry->offset)
);

/* The controller reported the end of a transfer. */
TRACE_EVENT(asblk_complete,
	TP_PROTO(const struct asblk_queue *q, u16 id, struct request *rq,
		 blk_status_t status, u32 good_bytes),
	TP_ARGS(q, id, rq, status, good_bytes),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(int, ctrl)
		__field(unsigned int, queue)
		__field(int, tag)
		__field(u16, id)
		__string(status, asblk_status_word(status))
		__field(u32, good_bytes)
	),
	TP_fast_assign(
		__entry->dev = asblk_trace_dev(rq);
		__entry->ctrl = asblk_trace_ctrl(q);
		__entry->queue = q->index;
		__entry->tag = rq->tag;
		__entry->id = id;
		__assign_str(status);
		__entry->good_bytes = good_bytes;
	),
	TP_printk("%d,%d ctrl%d queue %d tag %d id 0x%04x status %s good %u",
		  MAJOR(__entry->dev), MINOR(__entry->dev), __entry->ctrl, __entry->queue,
		  __entry->tag, __entry->id, __get_str(status), __entry->good_bytes)
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
	TP_printk("%s rule %s %s queue %d %s lba %lld count %u", __get_str(ctrl),
		  __get_str(rule), __get_str(action), __entry->queue,
		  show_asblk_op(__entry->op), (s64)__entry->lba, __entry->count)
);

#endif /* _TRACE_ASBLK_H */

#include <trace/define_trace.h>
