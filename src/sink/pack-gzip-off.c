/* SPDX-License-Identifier: MIT */
#include "sink/pack.h"

const struct pack_ops pack_gzip = { .ending = ".gz", .library = "zlib" };
