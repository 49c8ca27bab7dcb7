/* SPDX-License-Identifier: MIT */
#include "sink/pack.h"

#include "base/compiler.h"

#include <string.h>

static const struct pack_ops *const packs[] = { &pack_zstd, &pack_gzip };

const struct pack_ops *
pack_by_name(const char *file)
{
	const char *ending = strrchr(file, '.');

	for (size_t i = 0; ending && i < ARRAY_SIZE(packs); i++)
		if (!strcmp(packs[i]->ending, ending))
			return packs[i];
	return NULL;
}
