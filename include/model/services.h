/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Services that touch files for others
 *
 * What a daemon does on the command's behalf makes no call of the command's; the
 * connection to its socket is all that there is to see.  services.def has the
 * sockets where such services are usually found.
 */

enum service_kind {
	SERVICE_DELEGATED, /* it exists to work for others */
	SERVICE_ASKED,	   /* it mostly answers questions */
};

struct service {
	enum service_kind kind;
	const char *name;
	const char *pattern;
};

/* The service whose socket has the absolute name @path, NULL if that is none. */
const struct service *service_at(const char *path);
