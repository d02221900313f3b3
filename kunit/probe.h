/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the engine's tests share: a disk of the fake controller, and probes, which
 * are requests that remember how they ended.
 */
#ifndef _ASBLK_KUNIT_PROBE_H
#define _ASBLK_KUNIT_PROBE_H

#include <linux/completion.h>

#include "core/core.h"
#include "fake.h"

#define PART		SZ_4K
#define MAX_BIOS	512
#define NR_PROBES	8
#define MEMORY_ORDER	6	/* 256 KiB */

struct probe;

struct probe_bio {
	struct bio *bio;
	struct probe *probe;
	u32 offset;
};

/* A request, as bios that say when and how they ended. */
struct probe {
	struct probe_bio bio[MAX_BIOS];
	struct completion done;
	unsigned int nr; /* bios */
	unsigned int ends;
	u32 bytes;
	u32 good;	     /* bytes of the bios that ended well */
	u32 bad;	     /* lowest offset of those that did not */
	blk_status_t status; /* of that one */
};

/**
 * struct probe_test - what a test case has
 * @disk: where probes go
 * @fake: its controller, if it is the fake
 * @pages: memory of the probes
 * @probe: %NR_PROBES of them
 * @priv: the suite's own
 */
struct probe_test {
	struct asblk_disk *disk;
	struct fake *fake;
	struct page *pages;
	struct probe *probe;
	void *priv;
};

struct probe_test *probe_test_alloc(struct kunit *test);
void probe_test_free(struct probe_test *t);
int probe_test_init(struct kunit *test);
void probe_test_exit(struct kunit *test);
struct asblk_counters *probe_counters(struct probe_test *t);
struct probe *probe_send_bios(struct kunit *test, unsigned int index,
			      blk_opf_t opf, sector_t sector, u32 bytes,
			      unsigned int nr);
struct probe *probe_send(struct kunit *test, unsigned int index, blk_opf_t opf,
			 sector_t sector, u32 bytes);
void probe_expect_end(struct kunit *test, struct probe *p, blk_status_t status,
		      u32 left);
void probe_wait_seen(struct kunit *test, unsigned int nr);
void probe_expect_no_end(struct kunit *test, struct probe *p);

#endif /* _ASBLK_KUNIT_PROBE_H */
