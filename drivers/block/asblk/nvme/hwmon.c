// SPDX-License-Identifier: GPL-2.0-only
/* Temperature sensors (hwmon). */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/hwmon.h>
#include <linux/slab.h>
#include <linux/units.h>

#include "nvme.h"

#define KELVIN_TO_MC(k)	(((k) - 273) * (long)MILLIDEGREE_PER_DEGREE)

/* Channel 0 is the composite temperature, the others are the sensors. */
#define NR_CHANNELS	(1 + ARRAY_SIZE(((struct nvme_smart_log *)NULL)->temp_sensor))

/* At most once a second: any user may read the sensors. Failed attempts count too. */
static bool health_is_due(struct anvme *nd)
{
	guard(mutex)(&nd->smart_lock);
	return nd->smart_old || time_after_eq(jiffies, nd->smart_at + HZ);
}

static void health_work(struct work_struct *work)
{
	struct anvme *nd = container_of(work, struct anvme, health);
	struct nvme_smart_log *log;
	int status = -ENOMEM;

	/* Several may have asked for this. */
	if (!health_is_due(nd))
		return;
	log = kmalloc_obj(*log);
	/* Before the command: an alarm from now on may be missing in its answer. */
	scoped_guard(mutex, &nd->smart_lock)
		nd->smart_old = false;
	if (log)
		status = anvme_log_page(nd, NVME_LOG_SMART, log, sizeof(*log));
	scoped_guard(mutex, &nd->smart_lock) {
		nd->smart_err = status > 0 ? -EIO : status;
		nd->smart_at = jiffies;
		if (!status)
			*nd->smart = *log;
	}
	kfree(log);
}

/* Have &anvme.smart read, if that is due, and wait for it. */
void anvme_read_health(struct anvme *nd)
{
	if (!health_is_due(nd))
		return;
	queue_work(system_dfl_wq, &nd->health);
	flush_work(&nd->health);
}
EXPORT_SYMBOL_IF_KUNIT(anvme_read_health);

static int read_input(struct anvme *nd, u32 attr, int channel, long *value)
{
	const struct nvme_smart_log *log = nd->smart;

	anvme_read_health(nd);
	guard(mutex)(&nd->smart_lock);
	if (attr == hwmon_temp_alarm)
		*value = !!(log->critical_warning & NVME_SMART_CRIT_TEMPERATURE);
	else if (channel)
		*value = KELVIN_TO_MC(le16_to_cpu(log->temp_sensor[channel - 1]));
	else
		*value = KELVIN_TO_MC(log->temperature[0] | log->temperature[1] << 8);
	return nd->smart_err;
}

static int temp_read(struct device *dev, enum hwmon_sensor_types type, u32 attr,
		     int channel, long *value)
{
	struct anvme *nd = dev_get_drvdata(dev);

	switch (attr) {
	case hwmon_temp_max:
		*value = KELVIN_TO_MC(le16_to_cpu(nd->id->wctemp));
		return 0;
	case hwmon_temp_crit:
		*value = KELVIN_TO_MC(le16_to_cpu(nd->id->cctemp));
		return 0;
	}
	return read_input(nd, attr, channel, value);
}

static int temp_read_string(struct device *dev, enum hwmon_sensor_types type,
			    u32 attr, int channel, const char **str)
{
	static const char *const labels[NR_CHANNELS] = {
		"Composite", "Sensor 1", "Sensor 2", "Sensor 3", "Sensor 4",
		"Sensor 5", "Sensor 6", "Sensor 7", "Sensor 8",
	};

	*str = labels[channel];
	return 0;
}

static umode_t temp_is_visible(const void *data, enum hwmon_sensor_types type,
			       u32 attr, int channel)
{
	const struct anvme *nd = data;

	if (channel)
		return nd->sensors & BIT(channel) ? 0444 : 0;
	if (attr == hwmon_temp_max)
		return nd->id->wctemp ? 0444 : 0;
	if (attr == hwmon_temp_crit)
		return nd->id->cctemp ? 0444 : 0;
	return 0444;
}

#define SENSOR	(HWMON_T_INPUT | HWMON_T_LABEL)

static const struct hwmon_channel_info *const channels[] = {
	HWMON_CHANNEL_INFO(temp, SENSOR | HWMON_T_MAX | HWMON_T_CRIT | HWMON_T_ALARM,
			   SENSOR, SENSOR, SENSOR, SENSOR, SENSOR, SENSOR, SENSOR, SENSOR),
	NULL
};

static const struct hwmon_ops ops = {
	.is_visible	= temp_is_visible,
	.read		= temp_read,
	.read_string	= temp_read_string,
};

static const struct hwmon_chip_info chip = {
	.ops	= &ops,
	.info	= channels,
};

/* Register the temperature sensors, if the controller reports temperatures. */
void anvme_hwmon_add(struct anvme *nd)
{
	struct device *hwmon;
	unsigned int i;

	nd->smart = kzalloc_obj(*nd->smart);
	if (!nd->smart)
		return;
	mutex_init(&nd->smart_lock);
	INIT_WORK(&nd->health, health_work);
	nd->smart_old = true;
	anvme_read_health(nd);
	/* No reader yet: nobody changes it. */
	if (nd->smart_err)
		return;
	/* Sensors that are not implemented read as 0 (5.16.1.3). */
	for (i = 1; i < NR_CHANNELS; i++)
		if (nd->smart->temp_sensor[i - 1])
			nd->sensors |= BIT(i);
	hwmon = hwmon_device_register_with_info(nd->dev, "asblk_nvme", nd, &chip,
						NULL);
	if (IS_ERR(hwmon))
		dev_warn(nd->dev, "failed to register hwmon: %pe\n", hwmon);
	else
		/* Pairs with anvme_hwmon_alarm(). */
		smp_store_release(&nd->hwmon, hwmon);
}

/*
 * The events work is disabled: nobody calls anvme_hwmon_alarm() any more. Readers are waited
 * for, and wait for the health work.
 */
void anvme_hwmon_remove(struct anvme *nd)
{
	if (nd->hwmon)
		hwmon_device_unregister(nd->hwmon);
	nd->hwmon = NULL;
	kfree(nd->smart);
	nd->smart = NULL;
}

/* Notify pollers of the alarm. Called by the events work. */
void anvme_hwmon_alarm(struct anvme *nd)
{
	/* Pairs with anvme_hwmon_add(). */
	struct device *hwmon = smp_load_acquire(&nd->hwmon);

	if (!hwmon)
		return;
	/* Invalidate the cached log: a reader that is notified must see the alarm. */
	scoped_guard(mutex, &nd->smart_lock)
		nd->smart_old = true;
	hwmon_notify_event(hwmon, hwmon_temp, hwmon_temp_alarm, 0);
}
EXPORT_SYMBOL_IF_KUNIT(anvme_hwmon_alarm);
