/* SPDX-License-Identifier: MIT */
/*
 * Tells everything that a process has from its parent, a line for each thing, so
 * that two runs can be compared.  What is in /proc/self/status goes out as it
 * is; the test drops what must differ.
 *
 * dump-state FILE [WORDS...]
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

extern char **environ;

static FILE *out;

static void
tell_file(const char *path)
{
	FILE *in = fopen(path, "re");
	char line[4096];

	if (!in) {
		fprintf(out, "%s: %s\n", path, strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), in))
		fprintf(out, "%s: %s%s", path, line, strchr(line, '\n') ? "" : "\n");
	fclose(in);
}

static void
tell_link(const char *path)
{
	char target[4096];
	ssize_t n = readlink(path, target, sizeof(target));

	fprintf(out, "%s -> %.*s\n", path, n < 0 ? 0 : (int)n, target);
}

/* The entries of /proc/self/NAME and what they mean; without our own descriptor. */
static void
tell_links_in(const char *name)
{
	DIR *dir = opendir(name);
	struct dirent *entry;
	char path[512];

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(dir))
			continue;
		snprintf(path, sizeof(path), "%s/%s", name, entry->d_name);
		tell_link(path);
	}
	if (dir)
		closedir(dir);
}

static void
tell_descriptors(void)
{
	for (int fd = 0; fd < 1024; fd++) {
		int flags = fcntl(fd, F_GETFL), own = fcntl(fd, F_GETFD);

		if (flags >= 0)
			fprintf(out, "fd %d: flags %o %d, at %ld, tty %d\n", fd, flags,
				own, (long)lseek(fd, 0, SEEK_CUR), isatty(fd));
	}
	tell_links_in("/proc/self/fd");
}

static void
tell_signals(void)
{
	struct itimerval timer;
	stack_t stack;

	for (int signal = 1; signal < 65; signal++) {
		struct sigaction action;

		if (sigaction(signal, NULL, &action) == 0)
			fprintf(out, "signal %d: %s flags %x\n", signal,
				action.sa_handler == SIG_DFL   ? "default"
				: action.sa_handler == SIG_IGN ? "ignored"
							       : "handled",
				(unsigned)action.sa_flags);
	}
	sigaltstack(NULL, &stack);
	fprintf(out, "signal stack: %d\n", stack.ss_flags);
	for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
		getitimer(which, &timer);
		fprintf(out, "timer %d: %s\n", which,
			timer.it_value.tv_sec || timer.it_value.tv_usec ? "runs" : "no");
	}
}

static void
tell_terminal(void)
{
	int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios t;

	fprintf(out, "controlling terminal: %s\n", tty < 0 ? strerror(errno) : "there");
	if (tty < 0)
		return;
	fprintf(out, "foreground: %d\n", tcgetpgrp(tty) == getpgrp());
	fprintf(out, "session: %d\n", tcgetsid(tty) == getsid(0));
	tcgetattr(tty, &t);
	fprintf(out, "modes: %x %x %x %x\n", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag);
	close(tty);
}

static void
tell_prctl(const char *what, int option, bool by_pointer)
{
	int value = 0, r;

	r = by_pointer ? prctl(option, &value) : prctl(option, 0, 0, 0, 0);
	fprintf(out, "%s: %d\n", what, r < 0 ? -errno : by_pointer ? value : r);
}

static void
tell_rest(void)
{
	int r;

	fprintf(out, "group %d session %d\n", (int)getpgrp(), (int)getsid(0));
	fprintf(out, "umask: %03o\n", umask(0));
	fprintf(out, "nice: %d\n", getpriority(PRIO_PROCESS, 0));
	fprintf(out, "scheduler: %d\n", sched_getscheduler(0));
	fprintf(out, "io priority: %ld\n", syscall(SYS_ioprio_get, 1, 0));
	fprintf(out, "personality: %x\n", personality(0xffffffff));
	tell_prctl("timer slack", PR_GET_TIMERSLACK, false);
	tell_prctl("securebits", PR_GET_SECUREBITS, false);
	tell_prctl("dumpable", PR_GET_DUMPABLE, false);
	tell_prctl("keep capabilities", PR_GET_KEEPCAPS, false);
	tell_prctl("no huge pages", PR_GET_THP_DISABLE, false);
	tell_prctl("subreaper", PR_GET_CHILD_SUBREAPER, true);
	tell_prctl("signal at parent's death", PR_GET_PDEATHSIG, true);
	fprintf(out, "secure: %lu\n", getauxval(AT_SECURE));
	fprintf(out, "executed as: %s\n", (char *)getauxval(AT_EXECFN));
	r = waitpid(-1, NULL, WNOHANG | __WALL);
	fprintf(out, "children: %d %d\n", r, errno);
}

int
main(int argc, char *argv[])
{
	char *text;
	size_t size;
	FILE *file;

	if (argc < 2)
		return 2;
	/* memory first: what we open ourselves must not be among what we tell */
	out = open_memstream(&text, &size);
	tell_descriptors();
	for (int i = 0; i < argc; i++)
		fprintf(out, "argument %d: %s\n", i, argv[i]);
	for (char **variable = environ; *variable; variable++)
		fprintf(out, "variable %s\n", *variable);
	tell_signals();
	tell_terminal();
	tell_rest();
	tell_link("/proc/self/cwd");
	tell_link("/proc/self/root");
	tell_link("/proc/self/exe");
	tell_links_in("/proc/self/ns");
	tell_file("/proc/self/status");
	tell_file("/proc/self/limits");
	tell_file("/proc/self/oom_score_adj");
	tell_file("/proc/self/coredump_filter");
	tell_file("/proc/self/cgroup");
	tell_file("/proc/self/loginuid");
	fclose(out);
	file = fopen(argv[1], "we");
	if (!file || fwrite(text, 1, size, file) != size || fclose(file))
		return 1;
	return 0;
}
