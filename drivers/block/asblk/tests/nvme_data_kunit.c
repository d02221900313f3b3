// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of nvme/: reads and writes transfer exactly their data, with PRPs and with SGLs,
 * for memory of many layouts; so do commands that are sent on purpose, and those of which
 * nobody knows how much they transfer reach no memory but their own.
 */
#include <kunit/test.h>
#include <linux/bio.h>
#include <linux/random.h>
#include <linux/vmalloc.h>

#include "passthru/execute.h"
#include "bad_nvme.h"
#include "test_io.h"

#define DATA_ORDER	10	/* 4 MiB */
#define DATA_BYTES	(PAGE_SIZE << DATA_ORDER)
#define MAX_PIECES	256
#define GUARD		0xa5

/**
 * struct data_shape - memory of a request
 * @name: for the log
 * @offset: offset of the first byte in its page
 * @bytes: length
 * @run: contiguous pages per piece, pieces in descending order with a page between them;
 *	0: one piece
 */
struct data_shape {
	const char *name;
	u32 offset;
	u32 bytes;
	u32 run;
};

static const struct data_shape shapes[] = {
	{ "a block", 0, 512 },
	{ "a block inside a page", 1024, 512 },
	{ "the last block of a page", 3584, 512 },
	{ "a block from the fourth byte on", 4, 512 },
	{ "a block over the end of a page", 4092 - 252, 512 },
	{ "a page", 0, 4096 },
	{ "a page over the end of a page", 512, 4096 },
	{ "two pages", 0, 8192 },
	{ "two halves of two pages", 2048, 4096 },
	{ "two pages that touch three", 512, 8192 },
	{ "to the end of the third page", 512, 3 * 4096 - 512 },
	{ "a block into the third page", 512, 2 * 4096 },
	{ "as much as a list describes", 0, 512 * 4096 },
	{ "as much from an offset on: 512 entries in the list", 512, 512 * 4096 },
	{ "more than a transfer", 2048, 3 * SZ_1M },
	{ "two pages here and there", 0, 8192, 1 },
	{ "three pages here and there", 0, 3 * 4096, 1 },
	{ "60 pages here and there", 0, 60 * 4096, 1 },
	{ "from the middle of a page, here and there", 2048, 60 * 4096, 1 },
	{ "to the middle of a page, here and there", 0, 20 * 4096 - 1536, 1 },
	{ "127 pages here and there", 0, 127 * 4096, 1 },
	/* Long enough for an SGL of more than one descriptor. */
	{ "two pages in a row, here and there", 0, 60 * 4096, 2 },
	{ "four, from the second block of the first", 512, 64 * 4096 - 512, 4 },
	{ "seven, and half a page", 0, 70 * 4096 + 2048, 7 },
};
KUNIT_ARRAY_PARAM_DESC(shape, shapes, name);

struct data_test {
	struct page *pages;
	struct bio_vec piece[MAX_PIECES];
	unsigned int nr;
};

static const struct data_test no_data;

/* Compute the pieces of a shape. */
static void lay_out(struct data_test *d, const struct data_shape *s)
{
	u32 left = s->bytes, offset = s->offset;
	u32 run = s->run * PAGE_SIZE;
	unsigned int page = run ? (s->run + 1) * DIV_ROUND_UP(left + offset, run) : 1;

	d->nr = 0;
	if (!run) {
		bvec_set_page(&d->piece[d->nr++], d->pages + 1, left, offset);
		return;
	}
	while (left) {
		u32 len = min(left, run - offset);

		bvec_set_page(&d->piece[d->nr++], d->pages + page, len, offset);
		left -= len;
		offset = 0;
		page -= s->run + 1;
	}
}

static u8 *piece_data(const struct bio_vec *bv)
{
	return page_address(bv->bv_page) + bv->bv_offset;
}

/* Transfer the pieces as one bio, and wait. */
static blk_status_t transfer(struct kunit *test, struct data_test *d, blk_opf_t opf, sector_t at)
{
	struct tio_test *t = test->priv;
	struct bio *bio = bio_alloc(t->disk->gd->part0, d->nr, opf, GFP_KERNEL);
	blk_status_t status;
	unsigned int i;

	bio->bi_iter.bi_sector = at;
	for (i = 0; i < d->nr; i++)
		__bio_add_page(bio, d->piece[i].bv_page, d->piece[i].bv_len,
			       d->piece[i].bv_offset);
	submit_bio_wait(bio);
	status = bio->bi_status;
	bio_put(bio);
	return status;
}

/* Does @medium contain the data of the pieces? */
static bool same(const struct data_test *d, const u8 *medium)
{
	unsigned int i;

	for (i = 0; i < d->nr; i++) {
		if (memcmp(medium, piece_data(&d->piece[i]), d->piece[i].bv_len))
			return false;
		medium += d->piece[i].bv_len;
	}
	return true;
}

/* Is memory outside the pieces unchanged? */
static bool guarded(const struct data_test *d, u8 *memory)
{
	unsigned int i;

	for (i = 0; i < d->nr; i++)
		memset(piece_data(&d->piece[i]), GUARD, d->piece[i].bv_len);
	return !memchr_inv(memory, GUARD, DATA_BYTES);
}

static void no_mdts(struct nvme_id_ctrl *id) { id->mdts = 0; }

static void sgls(struct nvme_id_ctrl *id)
{
	id->mdts = 0;
	id->sgls = cpu_to_le32(1);
}

static void move(struct kunit *test, void (*edit)(struct nvme_id_ctrl *id))
{
	const struct data_shape *s = test->param_value;
	struct data_test *d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);
	struct bad_nvme *b = bad_nvme(test);
	sector_t at = 24;
	u8 *memory;

	KUNIT_ASSERT_NOT_NULL(test, d);
	d->pages = alloc_pages(GFP_KERNEL, DATA_ORDER);
	b->medium = vzalloc(BAD_BLOCKS << BAD_SHIFT);
	KUNIT_ASSERT_TRUE(test, d->pages && b->medium);
	memory = page_address(d->pages);
	b->edit_ctrl = edit;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	lay_out(d, s);

	get_random_bytes(memory, DATA_BYTES);
	KUNIT_EXPECT_EQ(test, (__force int)transfer(test, d, REQ_OP_WRITE, at), 0);
	KUNIT_EXPECT_TRUE(test, same(d, b->medium + (at << 9)));
	KUNIT_EXPECT_NULL(test, memchr_inv(b->medium, 0, at << 9));
	KUNIT_EXPECT_NULL(test, memchr_inv(b->medium + (at << 9) + s->bytes, 0, SZ_64K));

	memset(memory, GUARD, DATA_BYTES);
	KUNIT_EXPECT_EQ(test, (__force int)transfer(test, d, REQ_OP_READ, at), 0);
	KUNIT_EXPECT_TRUE(test, same(d, b->medium + (at << 9)));
	KUNIT_EXPECT_TRUE(test, guarded(d, memory));
	KUNIT_EXPECT_NULL(test, b->dma_error);
	if (b->dma_error)
		kunit_info(test, "%s", b->dma_error);
	bad_take_down(test);
	__free_pages(d->pages, DATA_ORDER);
}

static void nvme_data_prp(struct kunit *test)
{
	move(test, no_mdts);
}

static void nvme_data_sgl(struct kunit *test)
{
	move(test, sgls);
}

#define VENDOR_READ	(nvme_cmd_vendor_start | 2)
#define VENDOR_WRITE	(nvme_cmd_vendor_start | 1)

/* Send a command with the pieces as its data, and wait. */
static blk_status_t command(struct kunit *test, const struct data_test *d,
			    struct asblk_command *c)
{
	const struct nvme_command *cmd = (const void *)c->bytes;
	struct tio_test *t = test->priv;
	struct request *rq;
	struct bio *bio;
	blk_status_t status;
	unsigned int i;

	rq = asblk_command_request(asblk_disk_queue(t->disk), c,
				   nvme_is_write(cmd) ? REQ_OP_DRV_OUT : REQ_OP_DRV_IN, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(rq));
	if (d->nr) {
		bio = bio_alloc(NULL, d->nr, rq->cmd_flags, GFP_KERNEL);
		for (i = 0; i < d->nr; i++)
			__bio_add_page(bio, d->piece[i].bv_page, d->piece[i].bv_len,
				       d->piece[i].bv_offset);
		KUNIT_EXPECT_EQ(test, blk_rq_append_bio(rq, bio), 0);
		status = asblk_command_execute(rq);
		bio_put(bio);
	} else {
		status = asblk_command_execute(rq);
	}
	blk_mq_free_request(rq);
	return status;
}

static struct data_test *data_test_alloc(struct kunit *test)
{
	struct data_test *d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, d);
	d->pages = alloc_pages(GFP_KERNEL | __GFP_ZERO, DATA_ORDER);
	KUNIT_ASSERT_NOT_NULL(test, d->pages);
	return d;
}

static void rw_command(struct asblk_command *c, u8 opcode, u64 lba, u32 bytes)
{
	struct nvme_command *cmd = (void *)c->bytes;

	*c = (struct asblk_command) { .exact = true };
	cmd->rw.opcode = opcode;
	cmd->rw.nsid = cpu_to_le32(1);
	cmd->rw.slba = cpu_to_le64(lba);
	cmd->rw.length = cpu_to_le16((bytes >> BAD_SHIFT) - 1);
}

static void move_command(struct kunit *test, void (*edit)(struct nvme_id_ctrl *id))
{
	const struct data_shape *s = test->param_value;
	struct data_test *d = data_test_alloc(test);
	u8 *memory = page_address(d->pages);
	struct bad_nvme *b = bad_nvme(test);
	struct asblk_command c;
	unsigned int nr;
	u64 at = 24;

	b->medium = vzalloc(BAD_BLOCKS << BAD_SHIFT);
	KUNIT_ASSERT_NOT_NULL(test, b->medium);
	b->edit_ctrl = edit;
	b->result = 0x1234567890abcdef;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	nr = b->nr_commands;
	lay_out(d, s);

	get_random_bytes(memory, DATA_BYTES);
	rw_command(&c, nvme_cmd_write, at, s->bytes);
	if (s->bytes > b->nd.max_bytes) {
		KUNIT_EXPECT_EQ(test, (__force int)command(test, d, &c),
				(__force int)BLK_STS_INVAL);
		KUNIT_EXPECT_EQ(test, b->nr_commands, nr);
		goto out;
	}
	KUNIT_EXPECT_EQ(test, (__force int)command(test, d, &c), 0);
	KUNIT_EXPECT_EQ(test, c.result, 0x1234567890abcdef);
	KUNIT_EXPECT_TRUE(test, same(d, b->medium + (at << BAD_SHIFT)));
	KUNIT_EXPECT_NULL(test, memchr_inv(b->medium, 0, at << BAD_SHIFT));

	memset(memory, GUARD, DATA_BYTES);
	rw_command(&c, nvme_cmd_read, at, s->bytes);
	KUNIT_EXPECT_EQ(test, (__force int)command(test, d, &c), 0);
	KUNIT_EXPECT_TRUE(test, same(d, b->medium + (at << BAD_SHIFT)));
	KUNIT_EXPECT_TRUE(test, guarded(d, memory));
	KUNIT_EXPECT_STREQ(test, b->dma_error ?: "", "");
out:
	bad_take_down(test);
	__free_pages(d->pages, DATA_ORDER);
}

static void nvme_data_command_prp(struct kunit *test)
{
	move_command(test, no_mdts);
}

static void nvme_data_command_sgl(struct kunit *test)
{
	move_command(test, sgls);
}

/**
 * struct unknown - a command of which nobody knows how much it transfers
 * @shape: its data, up to the end of a page, or none
 * @transfers: pages that the device transfers
 * @sgls: the controller supports SGLs
 * @refused: the command must not be sent
 */
struct unknown {
	struct data_shape shape;
	unsigned int transfers;
	bool sgls;
	bool refused;
};

static const struct unknown unknowns[] = {
	{ { "no data, a page" }, 1 },
	{ { "no data, two pages" }, 2 },
	{ { "no data, more than two lists" }, 1100 },
	{ { "a page, a page", 0, 4096 }, 1 },
	{ { "a page, two pages", 0, 4096 }, 2 },
	{ { "a page, three pages", 0, 4096 }, 3 },
	{ { "a page, more than two lists", 0, 4096 }, 1100 },
	{ { "the end of a page, a page", 512, 4096 - 512 }, 1 },
	{ { "the end of a page, more than two lists", 512, 4096 - 512 }, 1100 },
	{ { "two pages", 0, 8192 }, 2, false, true },
	{ { "two pages here and there", 0, 8192, 1 }, 2, false, true },
	{ { "the end of a page and a page", 2048, 4096 + 2048 }, 2, false, true },
	{ { "two pages, with SGLs", 0, 8192 }, 2, true },
	{ { "two pages here and there, with SGLs", 0, 8192, 1 }, 2, true },
	{ { "three pages, two pages", 0, 3 * 4096 }, 2 },
	{ { "three pages, three pages", 0, 3 * 4096 }, 3 },
	{ { "three pages, more than two lists", 0, 3 * 4096 }, 1100 },
	{ { "the end of a page and two pages", 512, 3 * 4096 - 512 }, 3 },
	{ { "the end of a page and two pages, more", 512, 3 * 4096 - 512 }, 600 },
	{ { "60 pages here and there, 60 pages", 0, 60 * 4096, 1 }, 60 },
	{ { "60 pages here and there, more than two lists", 0, 60 * 4096, 1 }, 1100 },
	{ { "60 pages here and there, with SGLs, more", 0, 60 * 4096, 1 }, 600, true },
	{ { "as much as a list describes, more than two lists", 0, 512 * 4096 }, 1100 },
	{ { "an entry more than a list has", 512, 512 * 4096 }, 513, false, true },
};

static void unknown_desc(const struct unknown *u, char *desc)
{
	strscpy(desc, u->shape.name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(unknown, unknowns, unknown_desc);

static void nvme_data_unknown_length(struct kunit *test)
{
	const struct unknown *u = test->param_value;
	struct data_test *d = data_test_alloc(test);
	u32 gets = min(u->shape.bytes, u->transfers * ANVME_PAGE);
	bool has_list = u->shape.bytes > 2 * ANVME_PAGE;
	struct asblk_command c = { };
	struct nvme_command *cmd = (void *)c.bytes;
	struct bad_nvme *b = bad_nvme(test);
	u8 *memory = page_address(d->pages), *got = vmalloc(u->shape.bytes + 1);
	unsigned int i;
	u32 at = 0;

	KUNIT_ASSERT_NOT_NULL(test, got);
	/* A device that transfers two pages takes the list for the second one. */
	if (has_list && u->transfers == 2)
		gets = ANVME_PAGE;
	b->edit_ctrl = u->sgls ? sgls : no_mdts;
	b->transfer_pages = u->transfers;
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	if (u->shape.bytes)
		lay_out(d, &u->shape);

	cmd->common.opcode = VENDOR_READ;
	cmd->common.nsid = cpu_to_le32(1);
	KUNIT_EXPECT_EQ(test, (__force int)command(test, d, &c),
			u->refused ? (__force int)BLK_STS_INVAL : 0);
	KUNIT_EXPECT_EQ(test, b->vendor, !u->refused);
	KUNIT_EXPECT_STREQ(test, b->dma_error ?: "", "");
	for (i = 0; i < d->nr; i++) {
		memcpy(got + at, piece_data(&d->piece[i]), d->piece[i].bv_len);
		memset(piece_data(&d->piece[i]), 0, d->piece[i].bv_len);
		at += d->piece[i].bv_len;
	}
	if (!u->refused)
		KUNIT_EXPECT_NULL(test, memchr_inv(got, 0x5a, gets));
	KUNIT_EXPECT_NULL(test, memchr_inv(memory, 0, DATA_BYTES));
	bad_take_down(test);
	vfree(got);
	__free_pages(d->pages, DATA_ORDER);
}

static int user_command(struct kunit *test, u8 opcode, void *data, size_t bytes)
{
	struct tio_test *t = test->priv;
	struct bad_nvme *b = bad_nvme(test);
	struct passthru_target target = { .pt = b->nd.passthru, .disk = t->disk, .nsid = 1 };
	struct passthru_call call = {
		.cmd.common.opcode = opcode, .cmd.common.nsid = cpu_to_le32(1),
	};
	struct kvec vec = { .iov_base = data, .iov_len = bytes };

	iov_iter_kvec(&call.data, passthru_direction(&call), &vec, 1, bytes);
	return passthru_execute(&target, &call);
}

/* Of users' commands, too, whatever takes two pages arrives, and leads nowhere else. */
static void nvme_data_two_pages(struct kunit *test)
{
	static const u32 lengths[] = {
		ANVME_PAGE + 8, ANVME_PAGE + 512, 2 * ANVME_PAGE - 3, 2 * ANVME_PAGE,
	};
	struct bad_nvme *b = bad_nvme(test);
	u8 *data = kunit_kzalloc(test, 2 * ANVME_PAGE, GFP_KERNEL);
	unsigned int i;

	b->edit_ctrl = no_mdts;
	b->medium = vzalloc(BAD_BLOCKS << BAD_SHIFT);
	KUNIT_ASSERT_TRUE(test, data && b->medium);
	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		u32 bytes = lengths[i];

		b->transfer_bytes = round_up(bytes, 4);
		memset(data, 0, 2 * ANVME_PAGE);
		KUNIT_EXPECT_EQ(test, user_command(test, VENDOR_READ, data, bytes), 0);
		KUNIT_EXPECT_NULL(test, memchr_inv(data, 0x5a, bytes));
		KUNIT_EXPECT_NULL(test, memchr_inv(data + bytes, 0, 2 * ANVME_PAGE - bytes));
		get_random_bytes(data, bytes);
		KUNIT_EXPECT_EQ(test, user_command(test, VENDOR_WRITE, data, bytes), 0);
		KUNIT_EXPECT_MEMEQ(test, b->medium, data, bytes);
		/* No entry of a list that is the sender's is good. */
		memset(data, 0, bytes);
		b->transfer_bytes = 0;
		b->transfer_pages = 1100;
		KUNIT_EXPECT_EQ(test, user_command(test, VENDOR_READ, data, bytes), 0);
		memset(data, 0, bytes);
		KUNIT_EXPECT_EQ(test, user_command(test, VENDOR_WRITE, data, bytes), 0);
	}
	KUNIT_EXPECT_EQ(test, b->vendor, 4 * ARRAY_SIZE(lengths));
	KUNIT_EXPECT_STREQ(test, b->dma_error ?: "", "");
	KUNIT_EXPECT_EQ(test, user_command(test, VENDOR_READ, data, ANVME_PAGE + 4), -EINVAL);
	KUNIT_EXPECT_EQ(test, b->vendor, 4 * ARRAY_SIZE(lengths));
	bad_take_down(test);
}

/* A command without data has no pointers; what must not be sent is not. */
static void nvme_data_command_fields(struct kunit *test)
{
	struct asblk_command c;
	struct nvme_command *cmd = (void *)c.bytes;
	struct bad_nvme *b = bad_nvme(test);
	const struct nvme_command *last;
	unsigned int nr;

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	nr = b->nr_commands;
	memset(&c, 0xa5, sizeof(c));
	c.exact = true;
	cmd->common.opcode = nvme_cmd_verify;
	cmd->common.flags = 0;
	cmd->common.nsid = cpu_to_le32(1);
	KUNIT_EXPECT_EQ(test, (__force int)command(test, &no_data, &c), 0);
	KUNIT_EXPECT_TRUE(test, c.answered);
	last = bad_last_command(b);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(last->common.metadata), 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(last->common.dptr.prp1), 0);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(last->common.dptr.prp2), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(last->common.cdw2[0]), 0xa5a5a5a5);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(last->common.cdw15), 0xa5a5a5a5);
	KUNIT_EXPECT_EQ(test, b->nr_commands, nr + 1);

	cmd->common.flags = NVME_CMD_SGL_METABUF;
	KUNIT_EXPECT_EQ(test, (__force int)command(test, &no_data, &c),
			(__force int)BLK_STS_INVAL);
	cmd->common.flags = 1;	/* first of a fused pair */
	KUNIT_EXPECT_EQ(test, (__force int)command(test, &no_data, &c),
			(__force int)BLK_STS_INVAL);
	cmd->common.flags = 0;
	cmd->common.nsid = cpu_to_le32(NVME_NSID_ALL);
	KUNIT_EXPECT_EQ(test, (__force int)command(test, &no_data, &c),
			(__force int)BLK_STS_INVAL);
	KUNIT_EXPECT_FALSE(test, c.answered);
	KUNIT_EXPECT_EQ(test, b->nr_commands, nr + 1);
	bad_take_down(test);
}

/* The sender gets the device's status as it is. */
static void nvme_data_command_status(struct kunit *test)
{
	struct asblk_command c;
	struct bad_nvme *b = bad_nvme(test);

	KUNIT_ASSERT_TRUE(test, bad_bring_up(test));
	b->fails = 1;
	b->fails_with = NVME_SC_COMPARE_FAILED | NVME_STATUS_DNR;
	b->result = 5;
	rw_command(&c, nvme_cmd_verify, 0, 512);
	KUNIT_EXPECT_EQ(test, (__force int)command(test, &no_data, &c),
			(__force int)BLK_STS_MEDIUM);
	KUNIT_EXPECT_TRUE(test, c.answered);
	KUNIT_EXPECT_EQ(test, c.status, NVME_SC_COMPARE_FAILED | NVME_STATUS_DNR);
	KUNIT_EXPECT_EQ(test, c.result, 5);
	/* A status code of 0 is good, whatever the other bits are. */
	b->fails = 1;
	b->fails_with = NVME_STATUS_DNR;
	KUNIT_EXPECT_EQ(test, (__force int)command(test, &no_data, &c), 0);
	KUNIT_EXPECT_EQ(test, c.status, 0);
	bad_take_down(test);
}

static struct kunit_case nvme_data_cases[] = {
	KUNIT_CASE_PARAM(nvme_data_prp, shape_gen_params),
	KUNIT_CASE_PARAM(nvme_data_sgl, shape_gen_params),
	KUNIT_CASE_PARAM(nvme_data_command_prp, shape_gen_params),
	KUNIT_CASE_PARAM(nvme_data_command_sgl, shape_gen_params),
	KUNIT_CASE_PARAM(nvme_data_unknown_length, unknown_gen_params),
	KUNIT_CASE(nvme_data_two_pages),
	KUNIT_CASE(nvme_data_command_fields),
	KUNIT_CASE(nvme_data_command_status),
	{}
};

static struct kunit_suite nvme_data_suite = {
	.name = "asblk_nvme_data",
	.attr.speed = KUNIT_SPEED_VERY_SLOW,	/* thousands of shapes, one after the other */
	.init = bad_init,
	.exit = bad_exit,
	.test_cases = nvme_data_cases,
};
kunit_test_suite(nvme_data_suite);
