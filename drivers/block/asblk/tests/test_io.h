/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the engine's tests share: a disk of the fake controller, and test I/Os, which
 * are requests that remember how they ended.
 */
#ifndef _ASBLK_TEST_IO_H
#define _ASBLK_TEST_IO_H

#include <linux/completion.h>

#include "core/ctrl.h"
#include "core/disk.h"
#include "core/queue.h"
#include "core/recovery.h"
#include "core/settings.h"
#include "core/state.h"
#include "core/timeout.h"
#include "fake_ctrl.h"

#define PART		SZ_4K
#define MAX_BIOS	512
#define NR_TEST_IOS	8
#define MEMORY_ORDER	6	/* 256 KiB */

struct test_io;

struct tio_bio {
	struct bio *bio;
	struct test_io *io;
	u32 offset;
};

/* A request, as bios that say when and how they ended. */
struct test_io {
	struct tio_bio bio[MAX_BIOS];
	struct completion done;
	unsigned int nr; /* bios */
	unsigned int ends;
	u32 bytes;
	u32 good;	     /* bytes of the bios that ended well */
	u32 bad;	     /* lowest offset of those that did not */
	blk_status_t status; /* of that one */
};

/**
 * struct tio_test - what a test case has
 * @disk: where test I/Os go
 * @fake: its controller, if it is the fake
 * @pages: memory of the test I/Os
 * @io: %NR_TEST_IOS of them
 * @priv: the suite's own
 */
struct tio_test {
	struct asblk_disk *disk;
	struct fake *fake;
	struct page *pages;
	struct test_io *io;
	void *priv;
};

struct tio_test *tio_test_alloc(struct kunit *test);
void tio_test_free(struct tio_test *t);
int tio_test_init(struct kunit *test);
void tio_test_exit(struct kunit *test);
struct asblk_counters *tio_counters(struct tio_test *t);
struct test_io *tio_send_bios(struct kunit *test, unsigned int index,
			      blk_opf_t opf, sector_t sector, u32 bytes,
			      unsigned int nr);
struct test_io *tio_send(struct kunit *test, unsigned int index, blk_opf_t opf,
			 sector_t sector, u32 bytes);
void tio_expect_end(struct kunit *test, struct test_io *p, blk_status_t status,
		    u32 left);
void tio_wait_seen(struct kunit *test, unsigned int nr);
void tio_expect_no_end(struct kunit *test, struct test_io *p);
struct request *tio_request(struct tio_test *t, unsigned int index);
bool tio_time_out_rq(struct tio_test *t, struct request *rq);
bool tio_time_out(struct tio_test *t, unsigned int index);
enum asblk_ctrl_state tio_state(struct tio_test *t);
u16 tio_id(struct tio_test *t, unsigned int index);

#endif /* _ASBLK_TEST_IO_H */
