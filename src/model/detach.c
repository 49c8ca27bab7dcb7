/* SPDX-License-Identifier: MIT */
#include "model/detach.h"

#include "base/intern.h"
#include "model/event.h"
#include "model/path.h"
#include <fnmatch.h>
#include <string.h>

static bool
matches(const char *glob, const struct process *p)
{
	const char *exe = p->exe ? p->exe->bytes : "";

	if (strchr(glob, '/'))
		return fnmatch(glob, exe, 0) == 0;
	return fnmatch(glob, path_base(exe), 0) == 0 ||
	       (p->name && fnmatch(glob, p->name->bytes, 0) == 0);
}

bool
detach_matches(char *const *globs, const struct process *p)
{
	for (; globs && *globs; globs++)
		if (matches(*globs, p))
			return true;
	return false;
}
