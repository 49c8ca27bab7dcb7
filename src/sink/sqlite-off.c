/* SPDX-License-Identifier: MIT */
#include "sink/sqlite.h"

const struct sink_ops sqlite_sink = {
	.format = "sqlite",
	.endings = ".db .sqlite",
	.what = "a database, not built in here: libsqlite3 was missing",
};
