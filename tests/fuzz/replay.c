/* SPDX-License-Identifier: MIT */

/* Runs a fuzz target on the files of a corpus, without libFuzzer: TAP, one test a file. */

#include "base/compiler.h"

#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
main(int argc, char **argv)
{
	static uint8_t bytes[1 << 20];

	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		size_t len = file ? fread(bytes, 1, sizeof(bytes), file) : 0;

		printf("# %s\n", argv[i]);
		fflush(stdout); /* a target that traps has then told its file */
		if (file)
			LLVMFuzzerTestOneInput(bytes, len);
		printf("%sok %d\n", file ? "" : "not ", i);
		if (file)
			fclose(file);
	}
	return 0;
}
