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
