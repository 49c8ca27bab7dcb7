/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Whole reads and whole writes on descriptors
 *
 * A signal or a short transfer is no reason to stop; these go on until all is
 * done or the kernel gives a real error.
 */

#include <stddef.h>
#include <stdint.h>

struct buf;

/* What fdio_read_whole() says besides -errno. */
enum fdio_result {
	FDIO_WHOLE,
	FDIO_CUT, /* there was more than the limit: the first part was read */
};

/*
 * Writes @len bytes, and waits for room where there is none.  0 or -errno; -ETIME:
 * it took no byte for as long as fdio_hurry() allows.  @ret_done (may be NULL) gets
 * how many bytes went out, also after an error.
 */
int fdio_write_all(int fd, const void *bytes, size_t len, size_t *ret_done);

/*
 * From the time @from on (CLOCK_MONOTONIC, ns; the earliest one counts) whatever takes
 * no byte for @patience is not waited for any longer, until then without end: who reads
 * a pipe may never do so again.  Async-signal-safe, and for every thread.
 */
void fdio_hurry(uint64_t from, uint64_t patience);

/*
 * Adds what the file @path (below @dirfd, or AT_FDCWD) holds to @out, at most
 * @limit bytes.  Meant for small files without a size, as in /proc.  An enum
 * fdio_result or -errno; after an error @out is as before.
 */
int fdio_read_whole(int dirfd, const char *path, size_t limit, struct buf *out);

/*
 * Closed standard files would be given to whatever is opened first, a log for one.
 * The place is held by a file that nobody can read or write, and that is gone again
 * for a command.
 */
void fdio_hold_standard_files(void);
