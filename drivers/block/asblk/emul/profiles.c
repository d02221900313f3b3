// SPDX-License-Identifier: GPL-2.0-only
/*
 * Profiles: values for many options that go together, after a class of devices.
 * Documentation/block/asblk-configuration.rst says where the figures come from.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "options.h"

struct profile_value {
	enum emul_option option;
	const char *text;
};

#define PROFILE_INDEX(NAME, name)	NAME,
enum { EMUL_PROFILES(PROFILE_INDEX) NR_PROFILES };

#define PROFILE_NAME(NAME, name)	name,
static const char *const profile_names[] = { EMUL_PROFILES(PROFILE_NAME) };

static const struct emul_profile {
	struct profile_value value[20];
	unsigned int nr;
} profiles[NR_PROFILES] = {
	[SATA_SSD] = { {
		{ EMUL_WRITE_CACHE, "1" },
		{ EMUL_QUEUES, "1" },
		{ EMUL_QUEUE_DEPTH, "32" },
		{ EMUL_MAX_TRANSFER, "512K" },
		{ EMUL_MAX_SEGMENTS, "168" },
		{ EMUL_CHANNELS, "8" },
		{ EMUL_READ_LATENCY, "lognormal 80 200" },
		{ EMUL_WRITE_LATENCY, "lognormal 30 100" },
		{ EMUL_FLUSH_LATENCY, "lognormal 1500 6000" },
		{ EMUL_UNMAP_LATENCY, "lognormal 500 2000" },
		{ EMUL_READ_BANDWIDTH, "550000000" },
		{ EMUL_WRITE_BANDWIDTH, "520000000" },
	}, 12 },
	[NVME_SSD] = { {
		{ EMUL_WRITE_CACHE, "1" },
		{ EMUL_QUEUE_DEPTH, "256" },
		{ EMUL_MAX_TRANSFER, "512K" },
		{ EMUL_MAX_SEGMENTS, "129" },
		{ EMUL_MAX_SEGMENT_SIZE, "512K" },
		{ EMUL_VIRT_BOUNDARY, "4K" },
		{ EMUL_CHANNELS, "64" },
		{ EMUL_READ_LATENCY, "lognormal 60 150" },
		{ EMUL_WRITE_LATENCY, "lognormal 12 40" },
		{ EMUL_FLUSH_LATENCY, "lognormal 500 3000" },
		{ EMUL_UNMAP_LATENCY, "lognormal 200 1000" },
		{ EMUL_READ_BANDWIDTH, "7000000000" },
		{ EMUL_WRITE_BANDWIDTH, "5000000000" },
	}, 13 },
	[PLP] = { {
		{ EMUL_QUEUE_DEPTH, "256" },
		{ EMUL_MAX_TRANSFER, "512K" },
		{ EMUL_MAX_SEGMENTS, "129" },
		{ EMUL_MAX_SEGMENT_SIZE, "512K" },
		{ EMUL_VIRT_BOUNDARY, "4K" },
		{ EMUL_VOLATILE_CACHE, "0" },
		{ EMUL_CHANNELS, "64" },
		{ EMUL_READ_LATENCY, "lognormal 70 160" },
		{ EMUL_WRITE_LATENCY, "lognormal 12 20" },
		{ EMUL_UNMAP_LATENCY, "lognormal 200 1000" },
		{ EMUL_READ_BANDWIDTH, "6500000000" },
		{ EMUL_WRITE_BANDWIDTH, "3000000000" },
	}, 12 },
	[QLC] = { {
		{ EMUL_WRITE_CACHE, "1" },
		{ EMUL_QUEUE_DEPTH, "256" },
		{ EMUL_MAX_TRANSFER, "512K" },
		{ EMUL_MAX_SEGMENTS, "129" },
		{ EMUL_MAX_SEGMENT_SIZE, "512K" },
		{ EMUL_VIRT_BOUNDARY, "4K" },
		{ EMUL_CHANNELS, "16" },
		{ EMUL_READ_LATENCY, "lognormal 120 600" },
		{ EMUL_WRITE_LATENCY, "percentiles 90:15 99:200 99.9:3000 100:20000" },
		{ EMUL_FLUSH_LATENCY, "lognormal 2000 20000" },
		{ EMUL_UNMAP_LATENCY, "lognormal 500 5000" },
		{ EMUL_READ_BANDWIDTH, "3500000000" },
		{ EMUL_WRITE_BANDWIDTH, "450000000" },
		{ EMUL_STALL, "random 500000 20000" },
	}, 14 },
	[HDD] = { {
		{ EMUL_WRITE_CACHE, "1" },
		{ EMUL_QUEUES, "1" },
		{ EMUL_QUEUE_DEPTH, "32" },
		{ EMUL_MAX_TRANSFER, "512K" },
		{ EMUL_MAX_SEGMENTS, "168" },
		{ EMUL_ROTATIONAL, "1" },
		{ EMUL_CHANNELS, "1" },
		{ EMUL_SEEK_MIN_USECS, "800" },
		{ EMUL_SEEK_MAX_USECS, "16000" },
		{ EMUL_RPM, "7200" },
		{ EMUL_FLUSH_LATENCY, "lognormal 8000 30000" },
		{ EMUL_READ_BANDWIDTH, "200000000" },
		{ EMUL_WRITE_BANDWIDTH, "200000000" },
	}, 13 },
	[USB_STICK] = { {
		{ EMUL_QUEUES, "1" },
		{ EMUL_QUEUE_DEPTH, "1" },
		{ EMUL_MAX_TRANSFER, "120K" },
		{ EMUL_REMOVABLE, "1" },
		{ EMUL_VOLATILE_CACHE, "0" },
		{ EMUL_CHANNELS, "1" },
		{ EMUL_READ_LATENCY, "lognormal 800 2000" },
		{ EMUL_WRITE_LATENCY, "lognormal 4000 50000" },
		{ EMUL_READ_BANDWIDTH, "35000000" },
		{ EMUL_WRITE_BANDWIDTH, "10000000" },
		{ EMUL_STALL, "random 2000000 200000" },
	}, 11 },
};

static const struct emul_profile *profile_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < NR_PROFILES; i++)
		if (!strcmp(profile_names[i], name))
			return &profiles[i];
	return NULL;
}

/*
 * Set the options that o->profile sets; options that only other profiles set return to their
 * default. Return: 0, or -EINVAL after a line in the log: there is no such profile.
 */
int emul_profile_apply(struct emul_options *o)
{
	const struct emul_profile *chosen = profile_find(o->profile);
	unsigned int i, j;

	if (!chosen) {
		pr_err_ratelimited("%s%sprofile=%*pE is not one of"
				   EMUL_PROFILES(EMUL_PROFILE_TEXT) "\n",
				   o->who ?: "", o->who ? ": " : "",
				   (int)strlen(o->profile), o->profile);
		return -EINVAL;
	}
	for (i = 0; i < NR_PROFILES; i++)
		for (j = 0; j < profiles[i].nr; j++)
			emul_option_reset(o, profiles[i].value[j].option);
	for (j = 0; j < chosen->nr; j++)
		emul_option_set(o, chosen->value[j].option, chosen->value[j].text);
	return 0;
}
