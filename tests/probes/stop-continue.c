/* SPDX-License-Identifier: MIT */
/*
 * Stops and continues a child in every way, and tells what wait says of it and
 * whether it really stood still.
 *
 * stop-continue THREADS: the child has so many, each of which opens files.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_long *steps;

static void *
work(void *data)
{
	for (;;) {
		close(open("/dev/null", O_RDONLY));
		atomic_fetch_add(steps, 1);
	}
	return data;
}

static void
become_child(int threads)
{
	pthread_t id;

	for (int i = 1; i < threads; i++)
		if (pthread_create(&id, NULL, work, NULL))
			abort();
	work(NULL);
}

static void
tell(pid_t child, int options)
{
	siginfo_t info = { 0 };
	int status = 0;
	pid_t pid;

	waitid(P_PID, (id_t)child, &info,
	       WSTOPPED | WNOWAIT | (options & WCONTINUED ? WCONTINUED : WEXITED));
	printf("code %d status %d same pid %d\n", info.si_code, info.si_status,
	       info.si_pid == child);
	pid = waitpid(child, &status, options);
	printf("status %x same pid %d\n", (unsigned)status, pid == child);
	/* there is one report of each change */
	pid = waitpid(child, &status, options | WNOHANG);
	printf("again: %d\n", (int)pid);
}

/* Waits for @n more steps; a child that never makes them is ended by the test's limit. */
static void
let_it_work(long n)
{
	long until = atomic_load(steps) + n;

	while (atomic_load(steps) < until)
		usleep(1000);
}

static void
stop_and_go(pid_t child, int signal)
{
	long before;

	let_it_work(10);
	printf("signal %d\n", signal);
	kill(child, signal);
	tell(child, WUNTRACED);
	/* the other threads of the child may need a moment to arrive */
	usleep(50000);
	before = atomic_load(steps);
	usleep(50000);
	printf("stood still: %d\n", atomic_load(steps) == before);
	kill(child, SIGCONT);
	tell(child, WCONTINUED);
	let_it_work(10);
}

int
main(int argc, char *argv[])
{
	const int signals[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGSTOP };
	pid_t child;
	int status;

	steps = mmap(NULL, sizeof(*steps), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	child = fork();
	/* a group of its own: orphaned ones are not stopped by a terminal's signals */
	setpgid(child, 0);
	if (!child)
		become_child(argc > 1 ? atoi(argv[1]) : 1);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		stop_and_go(child, signals[i]);
	/* one that is stopped can be killed */
	kill(child, SIGSTOP);
	waitpid(child, &status, WUNTRACED);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	printf("end: %x\n", (unsigned)status);
	return 0;
}
