// SPDX-License-Identifier: GPL-2.0-only
/* Asynchronous events (5.2): what a controller reports of its own accord. */
#include <linux/slab.h>

#include "nvme.h"

/* Asynchronous Event Configuration (5.27.1.8): every critical warning. */
#define EVENTS_CRITICAL	0x1f

/* Fields of dword 0 of the completion (5.2.1). */
static unsigned int event_type(u32 event) { return event & 7; }
static unsigned int event_info(u32 event) { return event >> 8 & 0xff; }
static unsigned int event_log(u32 event) { return event >> 16 & 0xff; }

/* Error events, by what they say (5.2.1). */
static const char *const event_errors[] = {
	"a doorbell that does not exist was rung",
	"a doorbell was rung with an impossible value",
	"its diagnosis failed",
	"a persistent internal error",
	"a transient internal error",
	"its firmware could not be loaded",
};

static void handle_error(struct anvme *nd, unsigned int info)
{
	dev_warn_ratelimited(nd->dev, "the controller reports: %s\n",
			     info < ARRAY_SIZE(event_errors) ? event_errors[info] : "an error");
	/* Queues that it has lost sight of, or itself: only a reset helps. */
	if ((info <= 1 || info == NVME_AER_ERROR_PERSIST_INT_ERR) &&
	    !IS_ERR_OR_NULL(nd->ctrl))
		asblk_ctrl_reset(nd->ctrl);
}

/* SMART / Health Information (5.16.1.3), of which something has become critical. */
static void handle_health(struct anvme *nd, const struct nvme_smart_log *log)
{
	u8 critical = log->critical_warning;
	int kelvin = log->temperature[0] | log->temperature[1] << 8;

	/* First, so that who reads the log finds the alarm. */
	if (critical & NVME_SMART_CRIT_TEMPERATURE)
		anvme_hwmon_alarm(nd);
	dev_warn_ratelimited(nd->dev, "health: %d C%s%s%s%s%s\n", kelvin - 273,
			     critical & NVME_SMART_CRIT_SPARE ?
			     ", spare blocks run out" : "",
			     critical & NVME_SMART_CRIT_TEMPERATURE ?
			     ", temperature beyond its limits" : "",
			     critical & NVME_SMART_CRIT_RELIABILITY ?
			     ", unreliable" : "",
			     critical & NVME_SMART_CRIT_MEDIA ?
			     ", media are read-only" : "",
			     critical & NVME_SMART_CRIT_VOLATILE_MEMORY ?
			     ", backup of volatile memory failed" : "");
	/* Perhaps of one namespace only: they say so themselves. */
	if (critical & NVME_SMART_CRIT_MEDIA)
		queue_work(system_dfl_wq, &nd->scan);
}

/* More of a page than there is may be refused, and its event then never come again. */
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

/* Reading the log page of an event is what lets the next one of its kind come. */
static void events_work(struct work_struct *work)
{
	struct anvme *nd = container_of(work, struct anvme, events);
	u32 event = READ_ONCE(nd->event);
	void *log = kzalloc(ANVME_PAGE, GFP_KERNEL);
	int status = -ENOMEM;

	/* What calls for a reset does not wait for an answer. */
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
			dev_warn_ratelimited(nd->dev, "the controller reports its health, but not what it is (%#x)\n",
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
		dev_info_ratelimited(nd->dev, "the controller reports event %#x\n", event);
	}
	kfree(log);
	anvme_event_request(nd);
}

/**
 * anvme_events_init - prepare for events
 * @nd: controller
 */
void anvme_events_init(struct anvme *nd)
{
	INIT_WORK(&nd->events, events_work);
}

/**
 * anvme_events_start - have events reported: namespaces, and all that is critical
 * @nd: controller that takes admin commands
 *
 * Context: may sleep.
 */
void anvme_events_start(struct anvme *nd)
{
	u32 want = le32_to_cpu(nd->id->oaes) & NVME_AEN_CFG_NS_ATTR;

	if (!anvme_set_feature(nd, NVME_FEAT_ASYNC_EVENT, want | EVENTS_CRITICAL, NULL))
		anvme_event_request(nd);
}
