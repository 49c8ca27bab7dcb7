/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/buf.h"
#include "base/intern.h"
#include "model/fold.h"
#include "model/hub.h"

#include <errno.h>

/* A sink that writes down what it is asked and fails where it is told to. */
struct fake {
	struct sink sink;
	struct buf *story;
	char fail_at;
	uint64_t told_log;
	char told_example[160];
};

static int
tell(struct sink *s, char what)
{
	struct fake *f = (struct fake *)s;

	buf_addc(f->story, what);
	return what == f->fail_at ? -ENOSPC : 0;
}

static int
fake_begin(struct sink *s, const struct run *run)
{
	(void)run;
	return tell(s, 'b');
}

static int
fake_process(struct sink *s, const struct process_event *e)
{
	(void)e;
	return tell(s, 'p');
}

static int
fake_access(struct sink *s, const struct access *a)
{
	(void)a;
	return tell(s, 'a');
}

static int
fake_flush(struct sink *s)
{
	return tell(s, 'f');
}

static int
fake_end(struct sink *s, const struct outcome *o)
{
	struct fake *f = (struct fake *)s;

	f->told_log = o->gaps[GAP_LOG].count;
	memcpy(f->told_example, o->gaps[GAP_LOG].example, sizeof(f->told_example));
	return tell(s, 'e');
}

static void
fake_free(struct sink *s)
{
	tell(s, '.');
}

static const char *
fake_remark(const struct sink *s)
{
	(void)s;
	return "a remark";
}

static const struct sink_ops fake_ops = {
	.begin = fake_begin,
	.process = fake_process,
	.access = fake_access,
	.flush = fake_flush,
	.end = fake_end,
	.remark = fake_remark,
	.free = fake_free,
};

static const struct sink_ops silent_ops = { 0 };

static void
tell_all(struct hub *h, struct outcome *o)
{
	const struct run run = { 0 };
	const struct process_event process = { 0 };
	const struct access access = { 0 };

	hub_begin(h, &run);
	hub_process(h, &process);
	hub_access(h, &access);
	hub_flush(h);
	hub_access(h, &access);
	hub_end(h, o);
}

TEST(everyone_is_told_everything)
{
	_cleanup_buf_ struct buf one = { 0 }, two = { 0 };
	struct fake a = { .sink.ops = &fake_ops, .story = &one };
	struct fake b = { .sink.ops = &fake_ops, .story = &two };
	struct sink silent = { .ops = &silent_ops };
	struct hub *h = hub_new();
	struct outcome o = { .status_known = true };
	const char *what;

	hub_add(h, &a.sink, "a.log");
	hub_add(h, &silent, "silent");
	hub_add(h, &b.sink, "b.log");
	tell_all(h, &o);
	CHECK_INT(hub_count(h), 3);
	CHECK_INT(hub_error(h, 2, &what), 0);
	CHECK_STR(what, "b.log");
	CHECK_STR(hub_remark(h, 0, &what), "a remark");
	CHECK_STR(what, "a.log");
	CHECK(!hub_remark(h, 1, &what));
	CHECK(outcome_complete(&o));
	hub_free(h);
	CHECK_STR(buf_str(&one), "bpafafe.");
	CHECK_STR(buf_str(&two), "bpafafe.");
	hub_free(NULL);
}

/* The story of a sink that fails at @at, while another goes on. */
static void
check_failure(int line, char at, const char *want, uint64_t told)
{
	_cleanup_buf_ struct buf one = { 0 }, two = { 0 };
	struct fake bad = { .sink.ops = &fake_ops, .story = &one, .fail_at = at };
	struct fake good = { .sink.ops = &fake_ops, .story = &two };
	struct hub *h = hub_new();
	struct outcome o = { .status_known = true };
	const char *what = NULL;

	hub_add(h, &bad.sink, "bad.log");
	hub_add(h, &good.sink, "good.log");
	tell_all(h, &o);
	unit_check_int(__FILE__, line, hub_error(h, 0, &what), -ENOSPC, "error");
	unit_check_str(__FILE__, line, what, "bad.log", "name");
	CHECK_INT(hub_error(h, 1, &what), 0);
	unit_check_str(__FILE__, line, buf_str(&one), want, "story");
	CHECK_STR(buf_str(&two), "bpafafe");
	unit_check_int(__FILE__, line, (intmax_t)bad.told_log, (intmax_t)told, "told");
	CHECK_STR(bad.told_example, told ? "bad.log: No space left on device" : "");
	CHECK_INT(good.told_log, 0);
	CHECK(!outcome_complete(&o));
	CHECK_INT(o.gaps[GAP_LOG].count, 1);
	CHECK_STR(o.gaps[GAP_LOG].example, "bad.log: No space left on device");
	hub_free(h);
}

TEST(an_error_closes_one_sink_but_for_its_last_words)
{
	check_failure(__LINE__, 'b', "be", 1);
	check_failure(__LINE__, 'p', "bpe", 1);
	check_failure(__LINE__, 'a', "bpae", 1);
	check_failure(__LINE__, 'f', "bpafe", 1);
	check_failure(__LINE__, 'e', "bpafafe", 0);
}

/* A sink that asks for the fold, and sees in it what it is just being told. */
struct folding {
	struct sink sink;
	const struct fold *fold;
	size_t seen;
};

static void
folding_fold(struct sink *s, const struct fold *f)
{
	((struct folding *)s)->fold = f;
}

static int
folding_access(struct sink *s, const struct access *a)
{
	struct folding *f = (struct folding *)s;

	f->seen = fold_find_file(f->fold, a->path->bytes, a->path->len, 0)->count;
	return 0;
}

TEST(one_fold_for_all_who_ask)
{
	static const struct sink_ops ops = { .fold = folding_fold,
					     .access = folding_access };
	static const struct syscall_row row = { .name = "open" };
	struct folding a = { .sink.ops = &ops }, b = { .sink.ops = &ops };
	struct sink silent = { .ops = &silent_ops };
	struct intern *names = intern_new();
	const struct process p = { .serial = 1 };
	const struct access access = {
		.process = &p,
		.row = &row,
		.path = intern_get(names, "/a", 2),
	};
	struct hub *h = hub_new();

	hub_add(h, &a.sink, "a");
	hub_add(h, &silent, "silent");
	hub_add(h, &b.sink, "b");
	hub_access(h, &access);
	hub_access(h, &access);
	CHECK(a.fold && a.fold == b.fold);
	CHECK_INT(a.seen, 2);
	CHECK_INT(b.seen, 2);
	hub_free(h);
	intern_free(names);
}

TEST(long_names_fit_the_example)
{
	_cleanup_buf_ struct buf story = { 0 }, name = { 0 };
	struct fake bad = { .sink.ops = &fake_ops, .story = &story, .fail_at = 'a' };
	struct hub *h = hub_new();
	struct outcome o = { 0 };

	for (int i = 0; i < 300; i++)
		buf_addc(&name, 'x');
	hub_add(h, &bad.sink, buf_str(&name));
	tell_all(h, &o);
	CHECK_INT(strlen(o.gaps[GAP_LOG].example), sizeof(o.gaps[GAP_LOG].example) - 1);
	hub_free(h);
}

TEST(what_the_log_already_lacked_is_kept)
{
	_cleanup_buf_ struct buf story = { 0 };
	struct fake bad = { .sink.ops = &fake_ops, .story = &story, .fail_at = 'a' };
	struct hub *h = hub_new();
	struct outcome o = { .gaps[GAP_LOG] = { 2, "earlier" } };

	hub_add(h, &bad.sink, "bad.log");
	tell_all(h, &o);
	CHECK_INT(bad.told_log, 3);
	CHECK_INT(o.gaps[GAP_LOG].count, 3);
	CHECK_STR(o.gaps[GAP_LOG].example, "earlier");
	hub_free(h);
}

TEST(complete_means_nothing_is_missing)
{
	struct outcome o = { .status_known = true };

	CHECK(outcome_complete(&o));
	for (int i = 0; i < GAP_COUNT; i++) {
		o.gaps[i].count = 1;
		CHECK(!outcome_complete(&o));
		o.gaps[i].count = 0;
	}
	o.status_known = false;
	CHECK(!outcome_complete(&o));
}

TEST(every_gap_has_words)
{
	for (int i = 0; i < GAP_COUNT; i++) {
		CHECK(*gap_word(i));
		CHECK(*gap_what(i));
		for (int k = 0; k < i; k++)
			CHECK(strcmp(gap_word(i), gap_word(k)));
	}
}
