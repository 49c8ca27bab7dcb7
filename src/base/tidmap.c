/* SPDX-License-Identifier: MIT */
#include "base/tidmap.h"

#include "base/compiler.h"
#include "base/mem.h"

bool
tidmap_takes(pid_t tid)
{
	return tid > 0 && tid < TIDMAP_MAX;
}

void *
tidmap_get(const struct tidmap *m, pid_t tid)
{
	void **page = tidmap_takes(tid) ? m->pages[tid / TIDMAP_PAGE] : NULL;

	return page ? page[tid % TIDMAP_PAGE] : NULL;
}

void
tidmap_put(struct tidmap *m, pid_t tid, void *value)
{
	void ***page;

	if (!tidmap_takes(tid))
		return;
	page = &m->pages[tid / TIDMAP_PAGE];
	if (!*page)
		*page = mem_zero(TIDMAP_PAGE, sizeof(void *));
	(*page)[tid % TIDMAP_PAGE] = value;
}

void
tidmap_each(const struct tidmap *m, void (*each)(void *value, void *data), void *data)
{
	for (size_t i = 0; i < ARRAY_SIZE(m->pages); i++)
		for (size_t k = 0; m->pages[i] && k < TIDMAP_PAGE; k++)
			if (m->pages[i][k])
				each(m->pages[i][k], data);
}

void
tidmap_done(struct tidmap *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(m->pages); i++)
		free(m->pages[i]);
	memset(m, 0, sizeof(*m));
}
