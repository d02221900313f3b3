/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of commands share: a fake controller with an admin queue, and commands that
 * remember how they ended.
 */
#ifndef _ASBLK_TEST_COMMAND_H
#define _ASBLK_TEST_COMMAND_H

#include "test_io.h"

/* Of the admin queue, as of the other. */
#define TCMD_DEPTH	4
#define TCMD_NR		(2 * TCMD_DEPTH)

/**
 * struct tcmd - a command that was sent
 * @command: the command
 * @rq: its request
 * @done: it has ended
 * @ends: how often
 * @status: with this
 * @free: @rq is freed then, or has been
 */
struct tcmd {
	struct asblk_command command;
	struct request *rq;
	struct completion done;
	unsigned int ends;
	blk_status_t status;
	bool free;
};

/**
 * struct tcmd_test - what a test case has
 * @fake: controller with an admin queue
 * @sent: commands
 * @nr_sent: number of them
 * @data: for commands with data
 * @destroyed: @fake is
 */
struct tcmd_test {
	struct fake *fake;
	struct tcmd sent[TCMD_NR];
	unsigned int nr_sent;
	void *data;
	bool destroyed;
};

struct tcmd *tcmd_prepare_command(struct kunit *test, struct request_queue *q,
				  struct asblk_command *command, u32 bytes);
struct tcmd *tcmd_prepare(struct kunit *test, struct request_queue *q, u32 bytes);
struct tcmd *tcmd_send_disk(struct kunit *test, u32 bytes);
struct tcmd *tcmd_send_admin(struct kunit *test, u32 bytes);
void tcmd_expect_end(struct kunit *test, struct tcmd *s, blk_status_t status, bool answered);
void tcmd_free(struct tcmd *s);
void tcmd_expect_no_end(struct kunit *test, struct tcmd *s);
bool tcmd_time_out(struct tcmd_test *t, struct tcmd *s);
int tcmd_test_init(struct kunit *test);
void tcmd_test_exit(struct kunit *test);

#endif /* _ASBLK_TEST_COMMAND_H */
