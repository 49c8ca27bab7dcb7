/* SPDX-License-Identifier: MIT */
#include "trace/privilege.h"

#include "base/compiler.h"
#include "base/msg.h"
#include <sys/auxv.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

/*
 * What looking at processes takes that are not our user's (ptrace(2), "Ptrace access
 * mode checking"), at files that only they may read, such as /proc/PID/mem and
 * programs of mode 711, and ending them.  A database makes files beside itself.
 */
static const cap_value_t needed[] = { CAP_SYS_PTRACE, CAP_DAC_OVERRIDE, CAP_KILL };

static bool
has(cap_t caps, cap_value_t value)
{
	cap_flag_value_t set = CAP_CLEAR;

	return caps && cap_get_flag(caps, value, CAP_EFFECTIVE, &set) == 0 &&
	       set == CAP_SET;
}

bool
privilege_is_admin(void)
{
	cap_t caps = cap_get_proc();
	bool admin = has(caps, CAP_SYS_ADMIN);

	cap_free(caps);
	return admin;
}

static bool
has_any(void)
{
	cap_t caps = cap_get_proc(), none = cap_init();
	bool any = caps && none && cap_compare(caps, none) != 0;

	cap_free(caps);
	cap_free(none);
	return any;
}

/*
 * The kernel's own mark alone would also stand for a change of security domain (SELinux),
 * which is the administrator's affair.
 */
bool
privilege_is_borrowed(void)
{
	if (getuid() != geteuid() || getgid() != getegid())
		return true;
	return getauxval(AT_SECURE) && getuid() != 0 && has_any();
}

/*
 * Without CAP_SYS_PTRACE, as root in a container, we may look at those whose
 * capabilities are some of ours: then we need all that the job could have.
 */
static void
drop_capabilities(void)
{
	cap_t caps = cap_get_proc(), rest = cap_init();
	size_t kept = 0;

	if (has(caps, CAP_SYS_PTRACE) && rest) {
		for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
			if (!has(caps, needed[i]))
				continue;
			cap_set_flag(rest, CAP_PERMITTED, 1, &needed[i], CAP_SET);
			cap_set_flag(rest, CAP_EFFECTIVE, 1, &needed[i], CAP_SET);
			kept++;
		}
		if (cap_set_proc(rest) == 0)
			msg_debug("kept %zu capabilities", kept);
	}
	cap_free(caps);
	cap_free(rest);
}

void
privilege_drop(void)
{
	prctl(PR_SET_DUMPABLE, 0);
	drop_capabilities();
}

void
privilege_end(void)
{
	prctl(PR_SET_DUMPABLE, 1);
}
