/* SPDX-License-Identifier: MIT */

/*
 * Runs a fuzz target on files, and on those of folders, without libFuzzer: TAP, one test
 * a file.
 */

#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

static unsigned count;

static void
replay_file(const char *path)
{
	static uint8_t bytes[1 << 20];
	FILE *file = fopen(path, "rb");
	size_t len = file ? fread(bytes, 1, sizeof(bytes), file) : 0;
	uint8_t *copy = fuzz_copy(bytes, len);

	printf("# %s\n", path);
	fflush(stdout); /* a target that traps has then told its file */
	if (file)
		LLVMFuzzerTestOneInput(copy, len);
	printf("%sok %u\n", file ? "" : "not ", ++count);
	if (file)
		fclose(file);
	free(copy);
}

static void
replay_folder(const char *path)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			replay_file(file);
		free(entries[i]);
	}
	free(entries);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			replay_folder(argv[i]);
		else
			replay_file(argv[i]);
	}
	printf("%s1..%u\n", count ? "" : "not ok 1 nothing to replay\n",
	       count ? count : 1);
	return 0;
}
