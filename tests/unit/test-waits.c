/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "trace/waits.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

/*
 * A made-up kernel: tasks 1 to @count, of which some have stopped and are not yet
 * reported, and one pending SIGCHLD, as signal(7) has it.  Looking at all takes time.
 */

#define MOST 3000
#define STOPPED (SIGTRAP << 8 | 0x7f)

static struct {
	int count;
	bool stopped[MOST + 1], gone[MOST + 1];
	pid_t pending;	    /* whom the signal names */
	bool silent;	    /* stops send none */
	uint64_t now, each; /* ns that looking at one takes */
	unsigned looked, slept, blocked;
	int handler; /* a signal with a handler comes while it sleeps */
	pid_t born;
	void (*meanwhile)(void); /* what happens while somebody sleeps */
} k;

static void
stop(pid_t tid)
{
	k.stopped[tid] = true;
	if (!k.pending && !k.silent)
		k.pending = tid;
}

static pid_t
report(pid_t tid, int *ret_status)
{
	k.stopped[tid] = false;
	*ret_status = k.gone[tid] ? SIGKILL : STOPPED;
	return tid;
}

static pid_t
any(bool block, int *ret_status)
{
	k.looked++;
	k.now += (uint64_t)k.count * k.each;
	for (int round = 0; round < 2; round++) {
		for (pid_t tid = k.count; tid > 0; tid--)
			if (k.stopped[tid])
				return report(tid, ret_status);
		if (!block)
			return 0;
		k.blocked++;
		if (k.meanwhile)
			k.meanwhile();
	}
	return -EINTR;
}

static pid_t
one(pid_t tid, int *ret_status)
{
	k.now += 200;
	if (tid < 1 || tid > k.count || (k.gone[tid] && !k.stopped[tid]))
		return -ECHILD;
	return k.stopped[tid] ? report(tid, ret_status) : 0;
}

static pid_t
hint(uint64_t nanoseconds)
{
	pid_t tid = k.pending;

	k.pending = 0;
	if (tid || !nanoseconds)
		return tid;
	k.slept++;
	k.now += nanoseconds;
	if (k.meanwhile)
		k.meanwhile();
	if (k.handler) {
		k.handler = 0;
		return -EINTR;
	}
	tid = k.pending;
	k.pending = 0;
	return tid;
}

static pid_t
born(pid_t tid, int status)
{
	(void)tid;
	(void)status;
	return k.born;
}

static uint64_t
now(void)
{
	return k.now += 10;
}

static const struct waits_kernel kernel = { any, one, hint, born, now };

/* So many tasks, all seen once; for a crowd it takes some looks to believe that. */
static void
begin(struct waits *w, int count)
{
	int status;

	memset(&k, 0, sizeof(k));
	*w = (struct waits){ .kernel = &kernel };
	k.count = count;
	k.each = 40;
	for (pid_t tid = 1; tid <= count; tid++)
		stop(tid);
	for (int i = 0; i < count + 20; i++) {
		waits_next(w, false, &status);
		k.now += 100 * 1000 * 1000;
	}
	k.looked = k.slept = k.blocked = 0;
}

static int
collect(struct waits *w, pid_t *ret, int most)
{
	int n = 0, status;
	pid_t tid;

	while (n < most && (tid = waits_next(w, !n, &status)) > 0)
		ret[n++] = tid;
	return n;
}

TEST(few_are_looked_at_all)
{
	struct waits w;
	pid_t tids[8];

	begin(&w, 10);
	k.silent = true;
	stop(3);
	stop(7);
	CHECK(collect(&w, tids, 8) == 2);
	CHECK(k.slept == 0);
	waits_done(&w);
}

TEST(one_that_is_busy_in_a_crowd)
{
	struct waits w;
	pid_t tids[8];

	begin(&w, MOST);
	for (int i = 0; i < 10000; i++) {
		stop(17);
		k.now += 5000;
		CHECK(collect(&w, tids, 8) == 1 && tids[0] == 17);
	}
	/* not once a stop: no more than one part in eight of the time */
	CHECK(k.looked * (uint64_t)MOST * k.each < k.now / 8);
	CHECK(k.looked < 1000);
	waits_done(&w);
}

static void
stop_two(void)
{
	static int turn;

	/* the second one's signal is merged with the first one's */
	stop(100 + turn % 100);
	stop(2000 + turn % 700);
	turn++;
}

TEST(who_is_not_named_is_found)
{
	struct waits w;
	pid_t tids[8];
	int found = 0;

	begin(&w, MOST);
	k.meanwhile = stop_two;
	for (int i = 0; i < 2000; i++)
		found += collect(&w, tids, 8);
	k.meanwhile = NULL;
	/* all that is left is found without any new signal */
	for (int i = 0; i < 20; i++)
		found += collect(&w, tids, 8);
	for (pid_t tid = 1; tid <= MOST; tid++)
		CHECK(!k.stopped[tid]);
	CHECK(found > 2000);
	waits_done(&w);
}

TEST(no_signal_at_all)
{
	struct waits w;
	pid_t tids[8];

	begin(&w, MOST);
	/* somebody was seen a moment ago: then all are looked at soon */
	stop(5);
	CHECK(collect(&w, tids, 8) == 1);
	k.silent = true;
	stop(1234);
	CHECK(collect(&w, tids, 8) == 1 && tids[0] == 1234);
	waits_done(&w);
}

static void
stop_silently(void)
{
	if (k.blocked)
		stop(77);
}

TEST(who_sleeps_long_is_woken_without_a_signal)
{
	struct waits w;
	pid_t tids[8];

	begin(&w, MOST);
	k.silent = true;
	k.meanwhile = stop_silently;
	CHECK(collect(&w, tids, 1) == 1 && tids[0] == 77);
	CHECK(k.blocked == 1);
	waits_done(&w);
}

TEST(handlers_interrupt)
{
	struct waits w;
	int status;

	begin(&w, MOST);
	k.handler = 1;
	CHECK(waits_next(&w, true, &status) == -EINTR);
	waits_done(&w);
}

TEST(everybody_at_once)
{
	struct waits w;
	pid_t tids[MOST];
	int found = 0;

	begin(&w, MOST);
	for (pid_t tid = 1; tid <= MOST; tid++) {
		k.gone[tid] = true;
		stop(tid);
	}
	k.now += 1000 * 1000 * 1000;
	for (int i = 0; i < 100 && found < MOST; i++)
		found += collect(&w, tids, MOST);
	CHECK(found == MOST);
	/* each was asked: looking at all for each of them would be millions of looks */
	CHECK(k.looked < 100);
	CHECK(w.count == 0);
	waits_done(&w);
}

TEST(a_child_is_expected)
{
	struct waits w;
	pid_t tids[8];

	begin(&w, MOST - 1);
	stop(9);
	k.born = MOST;
	CHECK(collect(&w, tids, 1) == 1 && tids[0] == 9);
	k.born = 0;
	k.count = MOST;
	k.silent = true;
	stop(MOST);
	k.looked = 0;
	CHECK(collect(&w, tids, 1) == 1 && tids[0] == MOST);
	CHECK(k.looked == 0);
	waits_done(&w);
}

TEST(random_stops_are_reported_once_each)
{
	struct waits w;
	pid_t tids[64];
	unsigned seed = 7, made = 0, told = 0;

	begin(&w, MOST);
	for (int i = 0; i < 5000; i++) {
		for (int j = 0; j < 5; j++) {
			pid_t tid = 1 + (pid_t)((seed = seed * 1103515245 + 12345) >> 8) %
						MOST;

			made += !k.stopped[tid];
			stop(tid);
		}
		k.now += 50000;
		told += (unsigned)collect(&w, tids, 64);
	}
	k.silent = true;
	for (int i = 0; i < MOST && told < made; i++)
		told += (unsigned)collect(&w, tids, 64);
	CHECK(told == made);
	CHECK(w.count == MOST);
	waits_done(&w);
}
