/* SPDX-License-Identifier: MIT */
#include "model/fold.h"

#include "base/compiler.h"
#include "base/intern.h"
#include "base/mem.h"

static int
by_name(const void *a, const void *b)
{
	const struct fold_file *x = *(const struct fold_file *const *)a;
	const struct fold_file *y = *(const struct fold_file *const *)b;
	int order =
		memcmp(x->path->bytes, y->path->bytes, MIN(x->path->len, y->path->len));

	if (!order)
		order = (x->path->len > y->path->len) - (x->path->len < y->path->len);
	return order ? order : (x->mnt_ns > y->mnt_ns) - (x->mnt_ns < y->mnt_ns);
}

const struct fold_file **
fold_sort_files(const struct fold *f, size_t *ret_count)
{
	const struct fold_file **all =
		mem_zero(fold_files(f) + 1, sizeof(struct fold_file *));
	const struct fold_file *file;
	size_t n = 0;

	for (file = fold_first_file(f); file; file = fold_next_file(file))
		all[n++] = file;
	qsort(all, n, sizeof(*all), by_name);
	*ret_count = n;
	return all;
}
