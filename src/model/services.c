/* SPDX-License-Identifier: MIT */
#include "model/services.h"

#include "base/compiler.h"
#include "model/path.h"
#include <fnmatch.h>
#include <stddef.h>
#include <string.h>

static const struct service services[] = {
#define SERVICE(kind, name, pattern) { SERVICE_##kind, name, pattern },
#include "model/services.def"
#undef SERVICE
};

const struct service *
service_at(const char *path)
{
	/* a symbolic link everywhere since the File Hierarchy Standard 3.0 */
	if (path_is_below(path, "/var/run"))
		path += strlen("/var");
	for (size_t i = 0; i < ARRAY_SIZE(services); i++)
		if (!fnmatch(services[i].pattern, path, 0))
			return &services[i];
	return NULL;
}
