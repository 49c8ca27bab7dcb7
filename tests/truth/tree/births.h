/* SPDX-License-Identifier: MIT */
#pragma once

/* Tasks made, ended and turned into other programs. */

#include "account.h"

/* A task of the tree for a child of @t that goes on in births_live(); NULL: no more room. */
struct task *births_task(struct task *t, bool own_fds, bool own_place);

/* Where the stack of the task @index begins. */
char *births_stack(unsigned index);

/* Makes a child in any of the many ways. */
void step_birth(struct task *t);

/* A child by fork that goes on in @run; returns its pid. */
int births_fork(struct task *t, void (*run)(void *));

/* The first words of a task, when it runs. */
void births_begin(struct task *t);

/* Waits for a child and tells its status. */
void births_wait(struct task *t, int pid);

/* Executes this program again, in any of many ways. */
void step_exec(struct task *t);

/* Executes what is no program. */
void step_failing_exec(struct task *t);

/* The whole life of a task, from its first call on its own stack. */
__attribute__((noreturn)) void births_live(void *task);

/* The same after an exec. */
__attribute__((noreturn)) void births_go_on(void *task);
