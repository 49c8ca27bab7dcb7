/* SPDX-License-Identifier: MIT */
#include "cli/report-options.h"

#include "base/compiler.h"
#include "base/mem.h"
#include "base/msg.h"
#include "cli/help.h"
#include "cli/selecting.h"
#include "model/hub.h"
#include "model/selection.h"
#include "sink/formats.h"
#include "sink/pack.h"
#include "sink/view.h"
#include <getopt.h>
#include <stdio.h>

enum option_id {
	OPTION_NONE = 0x100, /* above every short option */
#define OPT(id, short_name, long_name, arg, what) OPTION_##id,
#include "report-options.def"
#undef OPT
};

static const struct row {
	int id, short_name;
	bool has_arg;
} rows[] = {
#define OPT(id, short_name, long_name, arg, what) \
	{ OPTION_##id, short_name, (arg) != NULL },
#include "report-options.def"
#undef OPT
};

static const struct option long_names[] = {
#define OPT(id, short_name, long_name, arg, what) \
	{ long_name, (arg) ? required_argument : no_argument, NULL, OPTION_##id },
#include "report-options.def"
#undef OPT
	{ 0 },
};

/* ":": we word the errors.  Options may stand anywhere. */
static void
short_string(char *out)
{
	*out++ = ':';
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!rows[i].short_name)
			continue;
		*out++ = (char)rows[i].short_name;
		if (rows[i].has_arg)
			*out++ = ':';
	}
	*out = '\0';
}

static int
id_of(int c)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].short_name && rows[i].short_name == c)
			return rows[i].id;
	return c;
}

static void
add_target(struct report_options *o, const char *name)
{
	if (!*name)
		msg_die(REPORT_TROUBLE, "--target: the name is empty");
	o->targets = mem_resize(o->targets, o->target_count + 2, sizeof(*o->targets));
	o->targets[o->target_count++] = (char *)name;
	o->targets[o->target_count] = NULL;
}

static void
take(struct report_options *o, int id)
{
	switch (id) {
	case OPTION_OUTPUT:
		if (!*optarg)
			msg_die(REPORT_TROUBLE, "--output: the file name is empty");
		o->output = strcmp(optarg, "-") != 0 ? optarg : NULL;
		break;
	case OPTION_NUL:
		o->nul = true;
		break;
	case OPTION_ONLY:
		selecting_take(&o->selection, SELECTING_ONLY, optarg);
		break;
	case OPTION_IGNORE:
		selecting_take(&o->selection, SELECTING_IGNORE, optarg);
		break;
	case OPTION_UNDER:
		selecting_take(&o->selection, SELECTING_UNDER, optarg);
		break;
	case OPTION_PROCESS:
		selecting_take(&o->selection, SELECTING_PROCESS, optarg);
		break;
	case OPTION_OP:
		selecting_take(&o->selection, SELECTING_OP, optarg);
		break;
	case OPTION_FAILED:
		selecting_take(&o->selection, SELECTING_FAILED, NULL);
		break;
	case OPTION_DENIED:
		selecting_take(&o->selection, SELECTING_DENIED, NULL);
		break;
	case OPTION_TARGET:
		add_target(o, optarg);
		break;
	case OPTION_ABSOLUTE:
		o->absolute = true;
		break;
	case OPTION_RELATIVE_TO:
		o->relative_to = optarg;
		break;
	case OPTION_SYSTEM_FILES:
		o->system_files = true;
		break;
	case OPTION_VERSION:
		o->action = REPORT_VERSION;
		break;
	case OPTION_HELP:
		o->action = REPORT_HELP;
		break;
	default:
		break;
	}
}

static _noreturn_ void
bad_option(int c, char *argv[])
{
	char short_form[3] = { '-', (char)optopt };
	bool is_short = optopt > 0 && optopt < OPTION_NONE;
	const char *word = is_short ? short_form : argv[optind - 1];

	if (c == ':')
		msg_die(REPORT_TROUBLE,
			"option %s needs a value; see whatfiles-report --help", word);
	msg_die(REPORT_TROUBLE, "there is no option %s; see whatfiles-report --help",
		word);
}

/* "diff A B", as diff(1) has it, becomes "A diff B". */
static void
turn_diff(char **words)
{
	char *first = words[0];

	if (!words[1] || !words[2] || strcmp(first, "diff") != 0 ||
	    view_by_word(words[1]) || formats_by_word(words[1]))
		return;
	words[0] = words[1];
	words[1] = first;
}

/* The words behind the options: LOG [VIEW [ARGUMENT]]. */
static void
take_words(struct report_options *o, char **words)
{
	const char *word;

	if (!*words)
		msg_die(REPORT_TROUBLE, "no log was given; see whatfiles-report --help");
	turn_diff(words);
	o->log = *words++;
	word = *words ? *words++ : NULL;
	if (word) {
		o->view = view_by_word(word);
		o->format = o->view ? NULL : formats_by_word(word);
		if (!o->view && !o->format)
			msg_die(REPORT_TROUBLE,
				"there is no view \"%s\"; see whatfiles-report --help",
				word);
	} else if (o->output) {
		o->format = formats_by_name(o->output);
	} else {
		o->view = view_get(0);
	}
	if (o->view && o->view->arg) {
		if (!*words)
			msg_die(REPORT_TROUBLE, "%s needs a %s", o->view->word,
				o->view->arg);
		o->arg = *words++;
	}
	if (*words)
		msg_die(REPORT_TROUBLE, "\"%s\" is one word too many", *words);
}

static void
check(struct report_options *o)
{
	if (o->absolute && o->relative_to)
		msg_die(REPORT_TROUBLE,
			"--absolute and --relative-to exclude each other");
	if (o->nul && !(o->view && o->view->lists))
		msg_die(REPORT_TROUBLE, "--null: only for lists of files");
	if (o->format && !o->format->make)
		msg_die(REPORT_TROUBLE, "this program cannot write the format %s: %s",
			o->format->format, o->format->what);
	if (o->format && o->format->whole_file && !o->output)
		msg_die(REPORT_TROUBLE, "the format %s needs a file: use -o",
			o->format->format);
	o->pack = o->format && o->output ? pack_by_name(o->output) : NULL;
	if (o->pack && !o->pack->make)
		msg_die(REPORT_TROUBLE,
			"%s: this program was built without %s and cannot compress so",
			o->output, o->pack->library);
	if (o->pack && !o->format->packs)
		msg_die(REPORT_TROUBLE, "%s cannot be compressed: %s", o->format->format,
			o->output);
}

void
report_options_parse(struct report_options *o, int argc, char *argv[])
{
	char shorts[1 + 2 * ARRAY_SIZE(rows) + 1];
	int c;

	memset(o, 0, sizeof(*o));
	short_string(shorts);
	opterr = 0;
	while ((c = getopt_long(argc, argv, shorts, long_names, NULL)) != -1) {
		if (c == '?' || c == ':')
			bad_option(c, argv);
		take(o, id_of(c));
	}
	if (o->action != REPORT_RUN)
		return;
	take_words(o, argv + optind);
	check(o);
}

void
report_options_done(struct report_options *o)
{
	free(o->targets);
	selection_free(o->selection);
	memset(o, 0, sizeof(*o));
}

void
report_options_help(void)
{
	const struct sink_ops *format;
	const struct view *view;
	char word[64];

	printf("usage: whatfiles-report [options] LOG [VIEW]\n"
	       "Tells what a log of whatfiles holds.  LOG is a JSONL log, which may be\n"
	       "compressed, or - for standard input; or a database.\n\noptions:\n");
#define OPT(id, short_name, long_name, arg, what) \
	help_option(short_name, long_name, arg, what);
#include "report-options.def"
#undef OPT
	printf("\nviews:\n");
	for (size_t i = 0; (view = view_get(i)); i++) {
		snprintf(word, sizeof(word), "%s%s%s", view->word, view->arg ? " " : "",
			 view->arg ? view->arg : "");
		help_word(word, view->what);
	}
	printf("\nor any format of a log:\n");
	for (size_t i = 0; (format = formats_get(i)); i++)
		help_word(format->format, format->what);
	selecting_help();
	printf("\nThe exit status is 0, 1 if the log does not have what was asked about or if two\n"
	       "logs differ, and 2 if a log could not be read, or not in full.\n"
	       "See whatfiles-report(1) and whatfiles-log(5).\n");
}
