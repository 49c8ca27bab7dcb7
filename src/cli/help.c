/* SPDX-License-Identifier: MIT */
#include "cli/help.h"

#include "base/compiler.h"
#include "cli/selecting.h"
#include "model/hub.h"
#include "model/syscalls.h"
#include "sink/formats.h"
#include <stdio.h>
#include <string.h>

#define WIDTH 79
#define INDENT 26

/* Prints @text from column INDENT on, broken between words. */
static void
print_wrapped(const char *text)
{
	int column = INDENT;

	for (const char *word = text; *word;) {
		int len = (int)strcspn(word, " ");

		if (column > INDENT && column + 1 + len > WIDTH) {
			printf("\n%*s", INDENT, "");
			column = INDENT;
		}
		column += printf("%s%.*s", column > INDENT ? " " : "", len, word);
		word += word[len] ? len + 1 : len;
	}
	putchar('\n');
}

void
help_option(int short_name, const char *long_name, const char *arg, const char *what)
{
	char left[64];
	int n;

	n = snprintf(left, sizeof(left), "  %c%c%s --%s%s%s", short_name ? '-' : ' ',
		     short_name ? short_name : ' ', short_name ? "," : " ", long_name,
		     arg ? "=" : "", arg ? arg : "");
	printf("%s%s%*s", left, n < INDENT ? "" : "\n", n < INDENT ? INDENT - n : INDENT,
	       "");
	print_wrapped(what);
}

void
help_word(const char *word, const char *what)
{
	printf("  %-*s", INDENT - 2, word);
	print_wrapped(what);
}

void
help_print(void)
{
	const struct sink_ops *format;

	printf("usage: whatfiles [options] [--] command [argument ...]\n"
	       "       whatfiles [options] -p PID [-p PID ...]\n"
	       "Runs the command unchanged and tells what files it and every process below\n"
	       "it read, wrote, created, deleted, renamed, listed, probed and executed.\n\n"
	       "Without -o or -s the log goes to whatfiles-<time>-<pid>.log.\n\noptions:\n");
#define OPT(id, short_name, long_name, arg, what) \
	help_option(short_name, long_name, arg, what);
#include "options.def"
#undef OPT
	printf("\nclasses for --events (by default all but audit):\n");
	for (enum class_index c = 0; c < CLASS_COUNT; c++)
		help_word(syscall_class_word(c), syscall_class_what(c));
	printf("\nformats:\n");
	for (size_t i = 0; (format = formats_get(i)); i++)
		help_word(format->format, format->what);
	selecting_help();
	printf("\nThe exit status is the command's; 125 if whatfiles itself failed, 126 and 127\n"
	       "if the command could not be run or found, 2 for a wrong command line.\n"
	       "See whatfiles(1) and whatfiles-log(5).\n");
}

void
help_version(void)
{
	puts(WHATFILES_VERSION_TEXT);
}

void
help_about(void)
{
	printf("%s: tells what files a command touches\n"
	       "Linux, x86_64, i386 and x32; seccomp and ptrace, no root needed.\n\n"
	       "Free software under the MIT licence, without any warranty: you may use, copy,\n"
	       "change and pass it on if the copyright and licence notice goes with it.\n",
	       WHATFILES_VERSION_TEXT);
}

static void
print_number(int nr)
{
	if (nr < 0)
		printf("%8s", "-");
	else
		printf("%8d", nr);
}

static void
print_classes(const struct syscall_row *row)
{
	const char *comma = "  ";

	for (enum class_index c = 0; c < CLASS_COUNT; c++)
		if (row->classes & 1u << c) {
			printf("%s%s", comma, syscall_class_word(c));
			comma = ",";
		}
	printf("%s\n", row->always ? " (always)" : "");
}

void
help_list_syscalls(unsigned classes)
{
	printf("%-18s  %-10s%8s%8s%8s  %s\n", "syscall", "operation", "x86_64", "i386",
	       "x32", "classes");
	for (size_t i = 0; i < syscall_row_count; i++) {
		const struct syscall_row *row = &syscall_rows[i];

		if (!syscall_chosen(row, classes))
			continue;
		printf("%-18s  %-10s", row->name, op_word((enum op)row->op));
		for (enum abi abi = 0; abi < ABI_COUNT; abi++)
			print_number(row->nr[abi]);
		print_classes(row);
	}
}
