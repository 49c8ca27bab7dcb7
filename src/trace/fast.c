/* SPDX-License-Identifier: MIT */
#include "trace/fast.h"

#include "trace/tracing.h"

const struct record *
fast_exec_call(struct tracing *tr, pid_t former)
{
	return tr->fast ? tr->fast->ops->exec_call(tr->fast, former) : NULL;
}

void
fast_exec(struct tracing *tr, struct tracee *t)
{
	if (tr->fast)
		tr->fast->ops->exec(tr->fast, tr, t);
}

void
fast_birth(struct tracing *tr, struct tracee *parent, struct tracee *child,
	   enum birth how, bool shares_vm)
{
	if (tr->fast)
		tr->fast->ops->birth(tr->fast, parent, child, how, shares_vm);
}

void
fast_orphan(struct tracing *tr, struct tracee *child)
{
	if (tr->fast)
		tr->fast->ops->orphan(tr->fast, child);
}

void
fast_first_run(struct tracing *tr, struct tracee *child)
{
	if (tr->fast)
		tr->fast->ops->first_run(tr->fast, child);
}

bool
fast_entry(struct tracing *tr, struct tracee *t, const struct syscall_row *row, int abi,
	   struct syscall_stop *stop)
{
	return tr->fast && tr->fast->ops->entry(tr->fast, t, row, abi, stop);
}

bool
fast_unlisted(struct tracing *tr, struct tracee *t, const struct syscall_stop *stop)
{
	return tr->fast && tr->fast->ops->unlisted(tr->fast, t, stop);
}

void
fast_returned(struct tracing *tr, struct tracee *t)
{
	if (tr->fast)
		tr->fast->ops->returned(tr->fast, t);
}

bool
fast_signal(struct tracing *tr, struct tracee *t, int signal)
{
	return tr->fast && tr->fast->ops->signal(tr->fast, tr, t, signal);
}

void
fast_hush(struct tracing *tr, struct tracee *t)
{
	if (tr->fast)
		tr->fast->ops->hush(tr->fast, t);
}

void
fast_end(struct tracing *tr, struct tracee *t)
{
	if (tr->fast)
		tr->fast->ops->end(tr->fast, tr, t);
}

bool
fast_is_recorded(const struct tracing *tr, uint64_t ip)
{
	return tr->fast && tr->fast->ops->is_recorded(tr->fast, ip);
}
