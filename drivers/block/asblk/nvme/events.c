// SPDX-License-Identifier: GPL-2.0-only
/* Asynchronous events (5.2). */
#include <linux/slab.h>

#include "nvme.h"

/* Asynchronous Event Configuration (5.27.1.8): every critical warning. */
#define EVENTS_CRITICAL	0x1f

/* Fields of dword 0 of the completion (5.2.1). */
static unsigned int event_type(u32 event) { return event & 7; }
static unsigned int event_info(u32 event) { return event >> 8 & 0xff; }
static unsigned int event_log(u32 event) { return event >> 16 & 0xff; }

/* Error events by event information (5.2.1). */
static const char *const event_errors[] = {
	"write to an invalid doorbell register",
	"invalid doorbell value",
	"diagnostic failure",
	"persistent internal error",
	"transient internal error",
	"firmware image load error",
};

static void handle_error(struct anvme *nd, unsigned int info)
{
	dev_warn_ratelimited(nd->dev, "error event: %s\n",
			     info < ARRAY_SIZE(event_errors) ? event_errors[info] :
								"unknown error");
	/* Its queues are inconsistent, or it has failed: only a reset helps. */
	if (info <= 1 || info == NVME_AER_ERROR_PERSIST_INT_ERR)
		asblk_ctrl_reset(nd->ctrl);
}

/* Report a critical warning of the SMART / Health Information log (5.16.1.3). */
static void handle_health(struct anvme *nd, const struct nvme_smart_log *log)
{
	u8 critical = log->critical_warning;
	int kelvin = log->temperature[0] | log->temperature[1] << 8;

	/* First, so that the alarm is set when the line appears in the log. */
	if (critical & NVME_SMART_CRIT_TEMPERATURE)
		anvme_hwmon_alarm(nd);
	dev_warn_ratelimited(nd->dev, "health: %d C%s%s%s%s%s\n", kelvin - 273,
			     critical & NVME_SMART_CRIT_SPARE ?
			     ", spare blocks low" : "",
			     critical & NVME_SMART_CRIT_TEMPERATURE ?
			     ", temperature beyond its limits" : "",
			     critical & NVME_SMART_CRIT_RELIABILITY ?
			     ", reliability degraded" : "",
			     critical & NVME_SMART_CRIT_MEDIA ?
			     ", media read-only" : "",
			     critical & NVME_SMART_CRIT_VOLATILE_MEMORY ?
			     ", backup of volatile memory failed" : "");
	/* Identify Namespace says which namespaces are read-only. */
	if (critical & NVME_SMART_CRIT_MEDIA)
		queue_work(system_dfl_wq, &nd->scan);
}

/* Longer reads may be refused, and then events of that type not be sent again. */
static u32 log_size(unsigned int log)
{
	switch (log) {
	case NVME_LOG_ERROR:
		return 64;	/* an entry */
	case NVME_LOG_CHANGED_NS:
		return ANVME_PAGE;
	default:
		return 512;
	}
}

/* Reading the log page re-enables events of that type. */
static void events_work(struct work_struct *work)
{
	struct anvme *nd = container_of(work, struct anvme, events);
	u32 event = READ_ONCE(nd->event);
	void *log = kzalloc(ANVME_PAGE, GFP_KERNEL);
	int status = -ENOMEM;

	/* Reset before reading the log page: it may not be answered. */
	if (event_type(event) == NVME_AER_ERROR)
		handle_error(nd, event_info(event));
	if (log)
		status = anvme_log_page(nd, event_log(event), log, log_size(event_log(event)));
	switch (event_type(event)) {
	case NVME_AER_ERROR:
		break;
	case NVME_AER_SMART:
		if (!status && event_log(event) == NVME_LOG_SMART)
			handle_health(nd, log);
		else
			dev_warn_ratelimited(nd->dev, "failed to read the health log (%#x)\n",
					     status);
		break;
	case NVME_AER_NOTICE:
		if (event_info(event) == NVME_AER_NOTICE_NS_CHANGED) {
			dev_info_ratelimited(nd->dev, "the namespaces have changed\n");
			queue_work(system_dfl_wq, &nd->scan);
			break;
		}
		fallthrough;
	default:
		dev_info_ratelimited(nd->dev, "unhandled event %#x\n", event);
	}
	kfree(log);
	anvme_event_request(nd);
}

void anvme_events_init(struct anvme *nd)
{
	INIT_WORK(&nd->events, events_work);
}

/* Enable namespace and critical events, and request the first. Takes admin commands. */
void anvme_events_start(struct anvme *nd)
{
	u32 want = le32_to_cpu(nd->id->oaes) & NVME_AEN_CFG_NS_ATTR;

	if (!anvme_set_feature(nd, NVME_FEAT_ASYNC_EVENT, want | EVENTS_CRITICAL, NULL))
		anvme_event_request(nd);
}
