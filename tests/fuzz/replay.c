/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Runs one fuzz target over the files and folders given: the seeds, in every test run. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long replayed;

static int replay_file(const char *path, off_t size)
{
	FILE *file = fopen(path, "rbe");
	uint8_t *data = malloc((size_t)size + 1);
	size_t len;

	if (!file || !data) {
		perror(path);
		return 1;
	}
	len = fread(data, 1, (size_t)size, file);
	fclose(file);
	LLVMFuzzerTestOneInput(data, len);
	free(data);
	replayed++;
	return 0;
}

static int replay(const char *path)
{
	struct stat info;
	struct dirent *entry;
	DIR *folder;
	int failed = 0;

	if (stat(path, &info) != 0) {
		perror(path);
		return 1;
	}
	if (!S_ISDIR(info.st_mode))
		return replay_file(path, info.st_size);
	folder = opendir(path);
	while (folder && (entry = readdir(folder)) != NULL) {
		char *below = NULL;

		if (entry->d_name[0] == '.' || asprintf(&below, "%s/%s", path, entry->d_name) < 0)
			continue;
		failed |= replay(below);
		free(below);
	}
	if (folder)
		closedir(folder);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = argc < 2;

	for (int i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	printf("%s: %lu inputs replayed\n", argv[0], replayed);
	return failed || !replayed;
}
