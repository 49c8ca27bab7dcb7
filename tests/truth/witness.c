/* SPDX-License-Identifier: MIT */
/*
 * Writes down what fanotify tells of whole file systems, until SIGTERM.
 *
 *   witness OUT DIRECTORY...
 *
 * One record for each name: "<ns> <pid> <mask> <path>", ended by a NUL, because
 * a name may hold anything else.  The path of a directory is looked up when its
 * event is read and remembered, as it may be gone by the next one.  "ready" on
 * standard output says that everything from now on is seen.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <search.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

/* <linux/fanotify.h> of 5.17 */
#ifndef FAN_RENAME
#define FAN_RENAME 0x10000000
#endif
#define INFO_OLD_NAME 10
#define INFO_NEW_NAME 12

#define EVENTS                                                                          \
	(FAN_OPEN | FAN_OPEN_EXEC | FAN_CREATE | FAN_DELETE | FAN_RENAME | FAN_ATTRIB | \
	 FAN_ONDIR)
#define MOUNTS_MAX 16

/* A directory whose path is known. */
struct place {
	struct fanotify_event_info_fid *info;
	size_t len; /* of the handle in info */
	char *path;
};

static volatile sig_atomic_t ended;
static void *places;

static struct mount {
	__kernel_fsid_t id;
	int fd;
} mounts[MOUNTS_MAX];
static int mount_count;

static void
on_signal(int signal)
{
	(void)signal;
	ended = 1;
}

static struct file_handle *
handle_of(struct fanotify_event_info_fid *info)
{
	return (struct file_handle *)info->handle;
}

static int
compare(const void *a, const void *b)
{
	const struct place *p = a, *q = b;
	int order = memcmp(&p->info->fsid, &q->info->fsid, sizeof(p->info->fsid));

	if (order)
		return order;
	if (p->len != q->len)
		return p->len < q->len ? -1 : 1;
	return memcmp(p->info->handle, q->info->handle, p->len);
}

static void
forget(void *data)
{
	struct place *place = data;

	free(place->info);
	free(place->path);
	free(place);
}

static void *
copy(const void *data, size_t size)
{
	void *ret = malloc(size);

	if (!ret)
		err(1, "malloc");
	return memcpy(ret, data, size);
}

/* The path of the directory now, NULL when it is gone. */
static char *
look_up(struct fanotify_event_info_fid *info)
{
	static const char deleted[] = " (deleted)";
	char link[64], path[4096];
	struct stat st = { 0 };
	ssize_t len;
	int fd = -1;

	for (int i = 0; i < mount_count && fd < 0; i++)
		if (!memcmp(&mounts[i].id, &info->fsid, sizeof(info->fsid)))
			fd = open_by_handle_at(mounts[i].fd, handle_of(info), O_PATH);
	if (fd < 0)
		return NULL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	fstat(fd, &st);
	close(fd);
	if (len < 0)
		return NULL;
	path[len] = '\0';
	/* removed, and somebody still in it; removed just now, it has no such ending */
	len -= (ssize_t)strlen(deleted);
	if (st.st_nlink == 0 && len > 0 && !strcmp(path + len, deleted))
		path[len] = '\0';
	return strdup(path);
}

static const char *
path_of(struct fanotify_event_info_fid *info)
{
	size_t len = sizeof(struct file_handle) + handle_of(info)->handle_bytes;
	struct place key = { .info = info, .len = len }, *place;
	struct place **found = tfind(&key, &places, compare);
	char *path;

	if (found)
		return (*found)->path;
	path = look_up(info);
	if (!path)
		return "?";
	key.path = path;
	place = copy(&key, sizeof(key));
	place->info = copy(info, sizeof(*info) + len);
	if (!tsearch(place, &places, compare))
		err(1, "tsearch");
	return path;
}

static unsigned long long
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned long long)t.tv_sec * 1000000000 + (unsigned long long)t.tv_nsec;
}

static void
tell(FILE *out, const struct fanotify_event_metadata *e, unsigned long long time)
{
	const char *end = (const char *)e + e->event_len;
	char *at = (char *)e + e->metadata_len;

	if (e->mask & FAN_Q_OVERFLOW)
		fprintf(out, "%llu 0 overflow ?%c", time, 0);
	while (at < end) {
		struct fanotify_event_info_fid *info = (void *)at;
		int type = info->hdr.info_type;

		if (type == FAN_EVENT_INFO_TYPE_DFID_NAME || type == INFO_OLD_NAME ||
		    type == INFO_NEW_NAME) {
			struct file_handle *h = handle_of(info);
			const char *name = (char *)h->f_handle + h->handle_bytes;

			fprintf(out, "%llu %d %llx %s/%s%c", time, e->pid,
				(unsigned long long)e->mask, path_of(info), name, 0);
		}
		at += info->hdr.len;
	}
	/* names below it are others now */
	if (e->mask & FAN_RENAME && e->mask & FAN_ONDIR) {
		tdestroy(places, forget);
		places = NULL;
	}
}

/* Reads what there is; 0 when nothing was. */
static int
drain(int fd, FILE *out)
{
	static char buf[1 << 18] __attribute__((aligned(8)));
	struct fanotify_event_metadata *e = (void *)buf;
	ssize_t len = read(fd, buf, sizeof(buf));

	if (len < 0 && errno != EAGAIN && errno != EINTR)
		err(1, "read");
	for (; FAN_EVENT_OK(e, len); e = FAN_EVENT_NEXT(e, len))
		tell(out, e, now());
	return len > 0;
}

static void
mark(int fd, const char *directory)
{
	struct mount *m = &mounts[mount_count];
	struct statfs fs;

	if (mount_count == MOUNTS_MAX)
		errx(1, "too many directories");
	m->fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->fd < 0 || fstatfs(m->fd, &fs))
		err(1, "%s", directory);
	memcpy(&m->id, &fs.f_fsid, sizeof(m->id));
	if (fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, EVENTS, AT_FDCWD,
			  directory))
		err(1, "fanotify_mark %s", directory);
	mount_count++;
}

int
main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct pollfd p = { .events = POLLIN };
	FILE *out;

	if (argc < 3)
		errx(1, "usage: witness OUT DIRECTORY...");
	sigaction(SIGTERM, &action, NULL);
	out = fopen(argv[1], "w");
	if (!out)
		err(1, "%s", argv[1]);
	p.fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK |
				     FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS |
				     FAN_REPORT_DFID_NAME,
			     O_RDONLY | O_LARGEFILE);
	if (p.fd < 0)
		err(1, "fanotify_init");
	for (int i = 2; i < argc; i++)
		mark(p.fd, argv[i]);
	/* quick, as a directory may be gone soon; no harm where it is not allowed */
	setpriority(PRIO_PROCESS, 0, -10);
	puts("ready");
	fflush(stdout);
	while (!ended) {
		poll(&p, 1, 100);
		while (drain(p.fd, out))
			;
	}
	while (drain(p.fd, out))
		;
	return fclose(out) ? 1 : 0;
}
