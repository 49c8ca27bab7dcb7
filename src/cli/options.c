/* SPDX-License-Identifier: MIT */
#include "cli/options.h"

#include "base/compiler.h"
#include "base/duration.h"
#include "base/mem.h"
#include "base/msg.h"
#include "cli/pids.h"
#include "cli/selecting.h"
#include "model/hub.h"
#include "model/selection.h"
#include "model/syscalls.h"
#include "sink/formats.h"
#include "sink/pack.h"
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <string.h>

#define DEFAULT_RING_MIB 16
#define MAX_RING_MIB 4096

enum option_id {
	OPTION_NONE = 0x100, /* above every short option */
#define OPT(id, short_name, long_name, arg, what) OPTION_##id,
#include "options.def"
#undef OPT
};

static const struct {
	int id, short_name;
} short_names[] = {
#define OPT(id, short_name, long_name, arg, what) { OPTION_##id, short_name },
#include "options.def"
#undef OPT
};

static const struct option long_names[] = {
#define OPT(id, short_name, long_name, arg, what) \
	{ long_name, (arg) ? required_argument : no_argument, NULL, OPTION_##id },
#include "options.def"
#undef OPT
	{ 0 },
};

/* "+": stop at the first word that is no option; ":": we word the errors. */
static void
short_string(char *out)
{
	*out++ = '+';
	*out++ = ':';
#define OPT(id, short_name, long_name, arg, what) \
	if (short_name) {                         \
		*out++ = (char)short_name;        \
		if (arg)                          \
			*out++ = ':';             \
	}
#include "options.def"
#undef OPT
	*out = '\0';
}

static int
id_of_short(int c)
{
	for (size_t i = 0; i < ARRAY_SIZE(short_names); i++)
		if (short_names[i].short_name && short_names[i].short_name == c)
			return short_names[i].id;
	return c;
}

static void
add_output(struct options *o, const char *path)
{
	size_t n = o->output_count++;

	/* opened by that name it would be emptied, and written over by the command */
	if (path && (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0))
		path = NULL;
	if (path && !*path)
		msg_die(STATUS_USAGE, "--output: the file name is empty");
	o->outputs = mem_resize(o->outputs, o->output_count, sizeof(*o->outputs));
	o->outputs[n] = (struct output_option){ .path = path };
}

/* One more name to a list that ends with NULL. */
static void
add_name(char ***names, size_t *count, const char *name, const char *option)
{
	if (!*name)
		msg_die(STATUS_USAGE, "%s: the name is empty", option);
	*names = mem_resize(*names, *count + 2, sizeof(**names));
	(*names)[(*count)++] = (char *)name;
	(*names)[*count] = NULL;
}

static const struct sink_ops *
parse_format(const char *word)
{
	const struct sink_ops *format = formats_by_word(word);

	if (!format)
		msg_die(STATUS_USAGE,
			"--format: there is no format \"%s\"; see whatfiles --help",
			word);
	return format;
}

static void
parse_events(struct options *o, const char *words)
{
	unsigned classes;
	char bad[32];

	if (syscall_parse_classes(words, &classes, bad) < 0)
		msg_die(STATUS_USAGE,
			"--events: there is no class \"%s\"; see whatfiles --help", bad);
	o->classes = classes;
	o->probes = classes & CLASS_PROBE;
}

static void
parse_engine(struct options *o, const char *word)
{
	if (strcmp(word, "auto") != 0 && strcmp(word, "fast") != 0 &&
	    strcmp(word, "strict") != 0)
		msg_die(STATUS_USAGE,
			"--engine: there is no engine \"%s\"; use auto, fast or strict",
			word);
	o->engine = word;
}

static uint64_t
parse_duration(const char *option, const char *word)
{
	uint64_t ns;

	if (duration_parse(word, &ns) < 0)
		msg_die(STATUS_USAGE,
			"--%s: \"%s\" is no duration, as 10, 1.5s, 5m or 1h30m are",
			option, word);
	return ns;
}

/* One of two words: whether it is the second. */
static bool
parse_choice(const char *option, const char *word, const char *first, const char *second)
{
	if (strcmp(word, first) != 0 && strcmp(word, second) != 0)
		msg_die(STATUS_USAGE, "--%s: \"%s\" is neither %s nor %s", option, word,
			first, second);
	return strcmp(word, second) == 0;
}

static void
parse_ring_size(struct options *o, const char *word)
{
	char *end;
	unsigned long mib;

	errno = 0;
	mib = strtoul(word, &end, 10);
	if (errno || end == word || *end || *word == '-' || !mib || mib > MAX_RING_MIB)
		msg_die(STATUS_USAGE, "--ring-size: \"%s\" is no number from 1 to %d",
			word, MAX_RING_MIB);
	o->ring_bytes = mib << 20;
}

/* What has to do with attaching; false when it is something else. */
static bool
take_pids(struct options *o, int id)
{
	switch (id) {
	case OPTION_PID:
		o->pids = mem_resize(o->pids, o->pid_count + 1, sizeof(*o->pids));
		o->pids[o->pid_count++] = pids_parse(optarg);
		return true;
	case OPTION_NO_CHILDREN:
		o->no_children = true;
		return true;
	case OPTION_FOR:
		o->leave_after_ns = pids_parse_duration("--for", optarg);
		return true;
	case OPTION_DETACH_AFTER:
		o->leave_after_ns = pids_parse_duration("--detach-after", optarg);
		return true;
	case OPTION_UNTIL_EXEC:
		o->until = optarg;
		return true;
	default:
		return false;
	}
}

static void
take(struct options *o, int id, const struct sink_ops **format, bool *audit)
{
	if (take_pids(o, id))
		return;
	switch (id) {
	case OPTION_OUTPUT:
		add_output(o, optarg);
		break;
	case OPTION_FORMAT:
		*format = parse_format(optarg);
		break;
	case OPTION_STDOUT:
		add_output(o, NULL);
		break;
	case OPTION_SUMMARY:
		o->summary = true;
		break;
	case OPTION_OVERWRITE:
		o->overwrite = true;
		break;
	case OPTION_EVENTS:
		parse_events(o, optarg);
		break;
	case OPTION_AUDIT:
		*audit = true;
		break;
	case OPTION_ALL:
		o->all = true;
		break;
	case OPTION_FAILED:
		o->failed = true;
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
	case OPTION_DETACH:
		add_name(&o->detach, &o->detach_count, optarg, "--detach");
		break;
	case OPTION_PROCESS:
		selecting_take(&o->selection, SELECTING_PROCESS, optarg);
		break;
	case OPTION_OP:
		selecting_take(&o->selection, SELECTING_OP, optarg);
		break;
	case OPTION_DENIED:
		selecting_take(&o->selection, SELECTING_DENIED, NULL);
		break;
	case OPTION_TARGET:
		add_name(&o->targets, &o->target_count, optarg, "--target");
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
	case OPTION_ENGINE:
		parse_engine(o, optarg);
		break;
	case OPTION_RESOLVE:
		o->resolve = true;
		break;
	case OPTION_IO_URING:
		o->allow_uring = parse_choice("io-uring", optarg, "deny", "allow");
		break;
	case OPTION_TIMEOUT:
		o->ending.timeout = parse_duration("timeout", optarg);
		break;
	case OPTION_GRACE:
		o->ending.has_grace = true;
		o->ending.grace = parse_duration("grace", optarg);
		break;
	case OPTION_ON_EXIT:
		o->ending.kill_left = parse_choice("on-exit", optarg, "wait", "kill");
		break;
	case OPTION_ON_LOG_ERROR:
		o->kill_on_log_error =
			parse_choice("on-log-error", optarg, "continue", "kill");
		break;
	case OPTION_RING_SIZE:
		parse_ring_size(o, optarg);
		break;
	case OPTION_DEBUG:
		o->debug = true;
		break;
	case OPTION_PRINT_FILTER:
		o->action = ACTION_PRINT_FILTER;
		break;
	case OPTION_LIST_SYSCALLS:
		o->action = ACTION_LIST_SYSCALLS;
		break;
	case OPTION_ABOUT:
		o->action = ACTION_ABOUT;
		break;
	case OPTION_VERSION:
		o->action = ACTION_VERSION;
		break;
	case OPTION_HELP:
		o->action = ACTION_HELP;
		break;
	default:
		break;
	}
}

/* What an option asks for that only makes sense with --pid, in words; or NULL. */
static const char *
wants_pids(const struct options *o)
{
	if (o->leave_after_ns)
		return "--for and --detach-after";
	if (o->until)
		return "--until-exec";
	return NULL;
}

/* And what only makes sense with a command. */
static const char *
wants_command(const struct options *o)
{
	if (o->ending.timeout || o->ending.has_grace)
		return "--timeout and --grace";
	if (o->ending.kill_left || o->kill_on_log_error)
		return "--on-exit=kill and --on-log-error=kill";
	return NULL;
}

/* A command and processes that run already exclude each other. */
static void
settle_pids(const struct options *o)
{
	const char *leaving = wants_pids(o), *ending = wants_command(o);

	if (o->pid_count && ending)
		msg_die(STATUS_USAGE, "%s: with --pid nobody is ended by whatfiles",
			ending);
	if (o->pid_count && *o->command)
		msg_die(STATUS_USAGE, "--pid attaches to what runs already: a command "
				      "cannot be run with it");
	if (o->pid_count && strcmp(o->engine, "fast") == 0)
		msg_die(STATUS_USAGE, "--engine=fast: nothing is put into a process that "
				      "runs already; with --pid each call stops");
	if (o->pid_count)
		return;
	if (leaving)
		msg_die(STATUS_USAGE,
			"%s: a command that whatfiles has started cannot go on without it: "
			"its filter cannot be taken out, and every file access would fail; "
			"use this with --pid",
			leaving);
	if (o->no_children)
		msg_die(STATUS_USAGE, "--no-children is for --pid only");
}

static _noreturn_ void
bad_option(int c, const char *word)
{
	if (c == ':')
		msg_die(STATUS_USAGE, "option %s needs a value; see whatfiles --help",
			word);
	msg_die(STATUS_USAGE, "there is no option %s; see whatfiles --help", word);
}

/* The option that getopt stumbled over, as the user wrote it. */
static const char *
bad_word(char *argv[], char short_form[3])
{
	if (optopt > 0 && optopt < OPTION_NONE) {
		short_form[0] = '-';
		short_form[1] = (char)optopt;
		short_form[2] = '\0';
		return short_form;
	}
	return argv[optind - 1];
}

static void
check_built(const struct sink_ops *format)
{
	if (!format->make)
		msg_die(STATUS_USAGE, "this whatfiles cannot write the format %s: %s",
			format->format, format->what);
}

/* What the format itself demands. */
static void
check_format(const struct output_option *output)
{
	const struct sink_ops *format = output->format;

	check_built(format);
	if (format->whole_file && !output->path)
		msg_die(STATUS_USAGE,
			"the format %s needs a file, and cannot go to standard output",
			format->format);
}

static void
settle_packing(struct output_option *output)
{
	const struct pack_ops *pack = output->path ? pack_by_name(output->path) : NULL;

	if (pack && !pack->make)
		msg_die(STATUS_USAGE,
			"%s: this whatfiles was built without %s and cannot compress so",
			output->path, pack->library);
	if (pack && !output->format->packs)
		msg_die(STATUS_USAGE, "%s: the format %s cannot be compressed",
			output->path, output->format->format);
	output->pack = pack;
}

static void
settle_formats(struct options *o, const struct sink_ops *format)
{
	for (size_t i = 0; i < o->output_count; i++) {
		const char *path = o->outputs[i].path;

		o->outputs[i].format =
			format ? format : formats_by_name(path ? path : "");
		check_format(&o->outputs[i]);
		settle_packing(&o->outputs[i]);
	}
}

void
options_parse(struct options *o, int argc, char *argv[])
{
	char shorts[2 + 2 * ARRAY_SIZE(short_names) + 1], short_form[3];
	const struct sink_ops *format = NULL;
	bool audit = false;
	int c;

	memset(o, 0, sizeof(*o));
	o->classes = CLASS_DEFAULT;
	o->engine = "auto";
	o->ring_bytes = (size_t)DEFAULT_RING_MIB << 20;
	short_string(shorts);
	opterr = 0;
	while ((c = getopt_long(argc, argv, shorts, long_names, NULL)) != -1) {
		if (c == '?' || c == ':')
			bad_option(c, bad_word(argv, short_form));
		take(o, id_of_short(c), &format, &audit);
	}
	/* whatever --events says before or behind it */
	if (audit)
		o->classes |= CLASS_AUDIT;
	o->command = argv + optind;
	if (o->action == ACTION_RUN)
		settle_pids(o);
	if (o->action == ACTION_RUN && !*o->command && !o->pid_count)
		msg_die(STATUS_USAGE, "no command was given; see whatfiles --help");
	/* without any output the log goes to a file of its own: cli/run names it */
	if (!o->output_count && format)
		o->outputs = mem_zero(1, sizeof(*o->outputs));
	if (o->absolute && o->relative_to)
		msg_die(STATUS_USAGE, "--absolute and --relative-to exclude each other");
	settle_formats(o, format);
	if (!o->output_count && format) {
		check_built(format);
		o->outputs[0].format = format;
	}
}

void
options_done(struct options *o)
{
	free(o->outputs);
	free(o->targets);
	free(o->detach);
	selection_free(o->selection);
	free(o->pids);
	memset(o, 0, sizeof(*o));
}
