/* SPDX-License-Identifier: MIT */
#pragma once

#include "account.h"

/* A child that waits for a pipe's other end and is interrupted, again and again. */
void step_interrupted(struct task *t);
