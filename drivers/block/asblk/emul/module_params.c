// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module parameters: the disks made at load. All are strings to the kernel, so that a wrong
 * value is answered by one line that says what is allowed.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/build_bug.h>
#include <linux/kstrtox.h>
#include <linux/module.h>

#include "module_params.h"

#define EMUL_MAX_DISKS	1024

static char *param_text[EMUL_NR_OPTIONS];

/* The other options override what it sets. */
static_assert(EMUL_PROFILE == 0);

/* An option that is not given has the profile's value, or the default. */
#define OPTION_PARAM(id, name, type, def, min, max, kind, live, text)		\
	module_param_named(name, param_text[EMUL_##id], charp, 0444);		\
	MODULE_PARM_DESC(name, text " (default " def ")");
EMUL_OPTIONS(OPTION_PARAM)

static char *disks = "1";
module_param(disks, charp, 0444);
MODULE_PARM_DESC(disks, "Number of disks (default 1)");

/* Context: module load. Return: 0, or -EINVAL after one line in the log. */
int emul_module_params(struct emul_options *o, unsigned int *nr_disks)
{
	enum emul_option i;
	int err;

	if (*disks < '0' || *disks > '9' || kstrtouint(disks, 10, nr_disks) ||
	    *nr_disks > EMUL_MAX_DISKS) {
		pr_err("disks=%*pE is not a number from 0 to %u\n", (int)strlen(disks),
		       disks, EMUL_MAX_DISKS);
		return -EINVAL;
	}
	/* Two disks cannot have one name. */
	if (*nr_disks > 1 && (param_text[EMUL_SERIAL] || param_text[EMUL_WWID])) {
		i = param_text[EMUL_SERIAL] ? EMUL_SERIAL : EMUL_WWID;
		pr_err("%s=%*pE is not possible with disks=%u\n", emul_option_name(i),
		       (int)strlen(param_text[i]), param_text[i], *nr_disks);
		return -EINVAL;
	}
	emul_options_init(o, NULL);
	for (i = 0; i < EMUL_NR_OPTIONS; i++) {
		if (!param_text[i])
			continue;
		err = emul_option_set(o, i, param_text[i]);
		if (!err && i == EMUL_PROFILE)
			err = emul_profile_apply(o);
		if (err)
			return err;
	}
	return emul_options_check(o);
}
