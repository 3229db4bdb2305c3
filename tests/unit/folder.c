/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "folder.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], before[4096];

void folder_make(void)
{
	ck_assert_ptr_nonnull(getcwd(before, sizeof(before)));
	strcpy(folder, "/tmp/genkitd-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
}

void folder_drop(void)
{
	gk_auto_str char *command = NULL;

	ck_assert_int_eq(chdir(before), 0);
	ck_assert_int_gt(asprintf(&command, "rm -rf %s", folder), 0);
	ck_assert_int_eq(system(command), 0);
}

const char *folder_path(void)
{
	return folder;
}

void folder_put_bytes(const char *name, const void *bytes, size_t len)
{
	FILE *file = fopen(name, "we");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
	ck_assert_int_eq(fclose(file), 0);
}

void folder_put(const char *name, const char *text)
{
	folder_put_bytes(name, text, strlen(text));
	if (strncmp(text, "#!", 2) == 0)
		ck_assert_int_eq(chmod(name, 0755), 0);
}
