/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The program: gk_main(), and the malloc it shall have (docs/decisions/0017-malloc.md). */
#include <genkit/module.h>

#ifdef GK_WITH_MIMALLOC
#include <errno.h>
#include <mimalloc.h>
#include <stdlib.h>
#include <sys/prctl.h>

/* What became free goes back to the system after so long. By default every page that becomes free puts that off for all
 * others near it: a crowd's memory would stay. */
#define FREE_MS 10

static void set_up_malloc(void)
{
	/* Where huge pages are for everybody, each of its areas would begin with 2 MB. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	mi_option_set(mi_option_decommit_delay, FREE_MS);
	mi_option_set(mi_option_decommit_extend_delay, 0);
}

/* In place of mimalloc's: that is the one of its functions that valgrind does not replace, and takes for an error to free. */
__attribute__((visibility("default"))) void *reallocarray(void *old, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, bytes);
}
#else
static void set_up_malloc(void)
{
}
#endif

int main(int argc, char **argv)
{
	set_up_malloc();
	return gk_main(argc, argv, NULL);
}
