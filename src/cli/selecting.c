/* SPDX-License-Identifier: MIT */
#include "cli/selecting.h"

#include "base/msg.h"
#include "cli/help.h"
#include "model/selection.h"
#include <stdio.h>

#define STATUS_USAGE 2 /* of both programs */

static void
check(int r, const char *option, const char *word)
{
	if (r == SELECTION_NO_SET)
		msg_die(STATUS_USAGE, "%s: there is no set \"%s\"; see --help", option,
			word);
	if (r == SELECTION_NO_OP)
		msg_die(STATUS_USAGE,
			"%s: there is no operation \"%s\"; see whatfiles-log(5)", option,
			word);
}

void
selecting_take(struct selection **s, enum selecting what, const char *value)
{
	char bad[32];

	if (!*s)
		*s = selection_new();
	switch (what) {
	case SELECTING_ONLY:
		check(selection_only(*s, value), "--only", value);
		break;
	case SELECTING_IGNORE:
		check(selection_ignore(*s, value), "--ignore", value);
		break;
	case SELECTING_UNDER:
		selection_under(*s, value);
		break;
	case SELECTING_PROCESS:
		check(selection_process(*s, value), "--process", value);
		break;
	case SELECTING_OP:
		check(selection_ops(*s, value, bad), "--op", bad);
		break;
	case SELECTING_FAILED:
		selection_failed(*s);
		break;
	case SELECTING_DENIED:
		selection_denied(*s);
		break;
	}
}

void
selecting_help(void)
{
	const char *word, *globs;
	char name[32];

	printf("\nsets of names for --only and --ignore:\n");
	for (size_t i = 0; (word = selection_set(i, &globs)); i++) {
		snprintf(name, sizeof(name), "@%s", word);
		help_word(name, globs);
	}
}
