// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/test.h>

#include "test_emul.h"

struct emul_test *emul_test(struct kunit *test)
{
	struct tio_test *t = test->priv;

	return t->priv;
}

int emul_test_init(struct kunit *test)
{
	struct tio_test *t = tio_test_alloc(test);
	struct emul_test *et = kunit_kzalloc(test, sizeof(*et), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, et);
	emul_options_init(&et->options, NULL);
	et->options.size = SZ_16M;
	et->options.queues = 1;
	et->options.queue_depth = 16;
	et->options.max_transfer = SZ_4K;
	et->options.max_segments = 4;
	emul_budget_init(&et->budget, SZ_16M);
	KUNIT_ASSERT_EQ(test, emul_medium_init(&et->medium, &et->budget), 0);
	KUNIT_ASSERT_EQ(test, emul_medium_insert(&et->medium, SZ_16M, 512), 0);
	emul_faults_init(&et->faults, &et->budget);
	et->rule = emul_rule_create(&et->faults, "rule");
	KUNIT_ASSERT_FALSE(test, IS_ERR(et->rule));
	et->emul = emul_create(&et->options, 900, &et->medium, &et->faults);
	KUNIT_ASSERT_FALSE(test, IS_ERR(et->emul));
	KUNIT_ASSERT_EQ(test, emul_add_disk(et->emul), 0);
	t->priv = et;
	t->disk = et->emul->disk;
	return 0;
}

void emul_test_exit(struct kunit *test)
{
	struct tio_test *t = test->priv;
	struct emul_test *et = t->priv;

	emul_destroy(et->emul);
	emul_rule_destroy(et->rule);
	emul_faults_exit(&et->faults);
	emul_medium_exit(&et->medium);
	tio_test_free(t);
}
