/* SPDX-License-Identifier: MIT */
#include "model/fold.h"

#include "base/compiler.h"
#include "base/intern.h"
#include "model/path.h"
#include <assert.h>

static const struct {
	const char *word, *what;
} roles[ROLE_COUNT] = {
#define ROLE(id, word, what) [ROLE_##id] = { word, what },
#include "model/roles.def"
#undef ROLE
};

const char *
role_word(enum role r)
{
	assert(r < ROLE_COUNT);
	return roles[r].word;
}

const char *
role_what(enum role r)
{
	assert(r < ROLE_COUNT);
	return roles[r].what;
}

static bool
is_special(const struct interned *path)
{
	static const char *const lasting[] = { "/dev/shm", "/dev/mqueue" };
	static const char *const trees[] = { "/proc", "/sys", "/dev" };

	if (path->bytes[0] != '/')
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(lasting); i++)
		if (path_is_below(path->bytes, lasting[i]))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(trees); i++)
		if (path_is_below(path->bytes, trees[i]))
			return true;
	return false;
}

static enum role
role_of_present(const struct fold_file *file)
{
	uint32_t read = FOLD_READ | FOLD_EXECUTED | FOLD_LISTED;

	if (file->flags & FOLD_DIRECTORY)
		read = FOLD_LISTED;
	if (file->written || file->made)
		return file->existed == KNOWN_YES ? ROLE_MODIFIED : ROLE_OUTPUT;
	if (file->origin)
		return ROLE_MOVED;
	if (file->flags & FOLD_META)
		return ROLE_MODIFIED;
	if (file->flags & read)
		return ROLE_INPUT;
	return file->count ? ROLE_PROBED : ROLE_NONE;
}

static enum role
role_of_absent(const struct fold_file *file)
{
	if (file->existed == KNOWN_YES)
		return ROLE_REMOVED;
	if (file->flags & (FOLD_CREATED | FOLD_RENAMED | FOLD_DELETED))
		return file->moved_to ? ROLE_PASSING : ROLE_TEMPORARY;
	return file->flags & FOLD_MISSING ? ROLE_MISSING : ROLE_NONE;
}

enum role
fold_role(const struct fold_file *file)
{
	if (is_special(file->path))
		return ROLE_SPECIAL;
	switch ((enum known)file->present) {
	case KNOWN_YES:
		return role_of_present(file);
	case KNOWN_NO:
		return role_of_absent(file);
	case KNOWN_NOT:
		break;
	}
	return ROLE_NONE;
}

bool
fold_was_input(const struct fold_file *file)
{
	return file->flags & FOLD_READ_FIRST && !(file->flags & FOLD_DIRECTORY) &&
	       !is_special(file->path);
}

const struct fold_file *
fold_last_name(const struct fold_file *file)
{
	while (file->moved_to && file->present == KNOWN_NO)
		file = file->moved_to;
	return file;
}
