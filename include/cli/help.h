/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What whatfiles tells about itself, on standard output
 */

#define WHATFILES_VERSION_TEXT "whatfiles " WHATFILES_VERSION

void help_print(void);
void help_version(void);
void help_about(void);

/* One line for each row of the syscall table. */
void help_list_syscalls(unsigned classes);

/* A line of a list: an option, or a word with what it means. */
void help_option(int short_name, const char *long_name, const char *arg,
		 const char *what);
void help_word(const char *word, const char *what);
