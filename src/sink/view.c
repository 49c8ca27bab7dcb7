/* SPDX-License-Identifier: MIT */
#include "sink/view.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/escape.h"
#include "model/fold.h"
#include "sink/flags.h"
#include "sink/listing.h"
#include "sink/ptree.h"
#include "sink/summary.h"
#include "sink/who.h"
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

/* The first is what is shown when nothing is asked for. */
static const struct view views[] = {
	{ "summary", NULL, false,
	  "what ran, what it did to files, and whether all was seen", summary_print },
	{ "files", NULL, true, "every file, with its role and what was done to it",
	  listing_files },
	{ "inputs", NULL, true, "what was there before and was read", listing_inputs },
	{ "outputs", NULL, true, "what was made or written and is there at the end",
	  listing_outputs },
	{ "temporaries", NULL, true, "what was made and was gone at the end",
	  listing_temporaries },
	{ "missing", NULL, true, "what was looked for and never there", listing_missing },
	{ "denied", NULL, false, "what was refused, to whom", listing_denied },
	{ "tree", NULL, false, "the processes, with times, status and counts",
	  ptree_print },
	{ "who", "PATH", false, "every process that touched PATH, and how", who_print },
	{ "diff", "LOG", false, "what is different in a second LOG, of another run",
	  NULL },
	{ "ps", "PID", false, "what the process PID touched, and how", ptree_one },
};

const struct view *
view_get(size_t i)
{
	return i < ARRAY_SIZE(views) ? &views[i] : NULL;
}

const struct view *
view_by_word(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(views); i++)
		if (!strcmp(views[i].word, word))
			return &views[i];
	return NULL;
}

void
view_fit(struct view_in *in, int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	struct winsize size;

	if (!isatty(fd))
		return;
	/* https://no-color.org: present and not empty */
	in->colour = !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
	in->width = 80;
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col)
		in->width = MAX(size.ws_col, 40);
}

void
view_style(const struct view_in *in, struct buf *out, enum style style)
{
	static const char *const codes[] = {
		[STYLE_PLAIN] = "0", [STYLE_HEAD] = "1", [STYLE_DIM] = "2",
		[STYLE_GOOD] = "32", [STYLE_BAD] = "31", [STYLE_ODD] = "33",
	};

	if (in->colour)
		buf_printf(out, "\033[%sm", codes[style]);
}

void
view_count(struct buf *out, uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf_addc(out, ',');
		buf_addc(out, digits[i]);
	}
}

void
view_time(struct buf *out, uint64_t ns)
{
	uint64_t ms = ns / 1000000;

	if (ms < 1000)
		buf_printf(out, "%llu ms", (unsigned long long)ms);
	else if (ms < 60000)
		buf_printf(out, "%llu.%llu s", (unsigned long long)(ms / 1000),
			   (unsigned long long)(ms % 1000 / 100));
	else if (ms < 3600000)
		buf_printf(out, "%llu min %02llu s", (unsigned long long)(ms / 60000),
			   (unsigned long long)(ms / 1000 % 60));
	else
		buf_printf(out, "%llu h %02llu min", (unsigned long long)(ms / 3600000),
			   (unsigned long long)(ms / 60000 % 60));
}

/* Columns that the text from @start on takes: characters, without codes for colours. */
static size_t
columns_of(const char *text, size_t len)
{
	size_t columns = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\033') {
			while (i < len && text[i] != 'm')
				i++;
			continue;
		}
		/* bytes that continue a character of UTF-8 */
		columns += ((unsigned char)text[i] & 0xc0) != 0x80;
	}
	return columns;
}

void
view_column(struct buf *out, size_t start, size_t column)
{
	size_t columns = columns_of(buf_str(out) + start, out->len - start);

	do
		buf_addc(out, ' ');
	while (++columns < column);
}

void
view_right(struct buf *out, uint64_t n, unsigned columns)
{
	_cleanup_buf_ struct buf number = { 0 };

	view_count(&number, n);
	for (size_t i = number.len; i < columns; i++)
		buf_addc(out, ' ');
	buf_add(out, number.data, number.len);
}

/* Where the character number @n of the text begins. */
static size_t
character(const char *text, size_t len, size_t n)
{
	size_t i = 0;

	while (i < len && n) {
		i++;
		while (i < len && ((unsigned char)text[i] & 0xc0) == 0x80)
			i++;
		n--;
	}
	return i;
}

void
view_name(const struct view_in *in, struct buf *out, const char *bytes, size_t len,
	  unsigned columns)
{
	_cleanup_buf_ struct buf name = { 0 };
	size_t count, head;

	escape_text(&name, bytes, len);
	count = columns_of(buf_str(&name), name.len);
	if (!in->width || count <= columns || columns < 8) {
		buf_add(out, buf_str(&name), name.len);
		return;
	}
	/* the end says more than the beginning */
	head = (columns - 3) / 3;
	buf_add(out, name.data, character(name.data, name.len, head));
	buf_adds(out, "...");
	buf_adds(out, name.data + character(name.data, name.len,
					    count - (columns - 3 - head)));
}

static void
add_gap(struct buf *out, enum gap g, const struct gap_count *count)
{
	buf_adds(out, gap_what(g));
	if (count->example[0]) {
		buf_adds(out, " (");
		escape_message(out, count->example, strlen(count->example));
		buf_adds(out, count->count > 1 ? ", ...)" : ")");
	}
}

void
view_verdict(const struct view_in *in, struct buf *out)
{
	bool first = true;

	if (outcome_complete(in->outcome)) {
		view_style(in, out, STYLE_GOOD);
		buf_adds(out, "complete");
		view_style(in, out, STYLE_PLAIN);
		return;
	}
	view_style(in, out, STYLE_BAD);
	buf_adds(out, "INCOMPLETE");
	view_style(in, out, STYLE_PLAIN);
	for (enum gap g = 0; g < GAP_COUNT; g++) {
		if (!in->outcome->gaps[g].count)
			continue;
		buf_adds(out, first ? ": " : "; ");
		add_gap(out, g, &in->outcome->gaps[g]);
		first = false;
	}
	if (first)
		buf_adds(out, ": its end was not seen");
}

void
view_status(struct buf *out, bool known, int status)
{
	if (!known) {
		buf_adds(out, "end unknown");
	} else if (WIFEXITED(status)) {
		buf_printf(out, "exit status %d", WEXITSTATUS(status));
	} else if (WIFSIGNALED(status)) {
		flags_signal(out, WTERMSIG(status));
	} else {
		buf_printf(out, "status 0x%x", (unsigned)status);
	}
}

void
view_outcome(const struct view_in *in, struct buf *out, const struct fold_use *u)
{
	view_style(in, out, STYLE_ODD);
	if (u->error == FOLD_UNFINISHED)
		buf_adds(out, "killed inside");
	else
		flags_error(out, u->error);
	view_style(in, out, STYLE_PLAIN);
}
