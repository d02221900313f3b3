/* SPDX-License-Identifier: GPL-2.0-only */
/* An emulated controller to test: a disk of 16 MiB with one queue and a fault rule. */
#ifndef _ASBLK_TEST_EMUL_H
#define _ASBLK_TEST_EMUL_H

#include "emul/controller.h"
#include "test_io.h"

/**
 * struct emul_test - what a case works on, &tio_test.priv
 * @emul: controller
 * @options: of its disk
 * @medium: medium, and the following, as the disk's configuration would have them
 * @budget: memory
 * @faults: fault rules
 * @rule: the only one, which is disabled
 */
struct emul_test {
	struct emul *emul;
	struct emul_options options;
	struct emul_medium medium;
	struct emul_budget budget;
	struct emul_faults faults;
	struct emul_rule *rule;
};

int emul_test_init(struct kunit *test);
void emul_test_exit(struct kunit *test);
struct emul_test *emul_test(struct kunit *test);

static inline struct emul *emul_of(struct kunit *test)
{
	return emul_test(test)->emul;
}

#endif /* _ASBLK_TEST_EMUL_H */
