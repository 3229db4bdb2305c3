/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "base/cpu_limit.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Where the two versions of control groups say it. A line of /proc/self/cgroup reads NUMBER:CONTROLLERS:GROUP; version 2
 * names no controllers. */
static const struct {
	const char *controllers, *folder, *file;
} versions[] = {
	{ "", "/sys/fs/cgroup", "cpu.max" },
	{ "cpu", "/sys/fs/cgroup/cpu", "cpu.cfs_quota_us" },
	{ "cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct", "cpu.cfs_quota_us" },
};

/* Without a limit it says "max 100000", or -1. */
static bool is_limit(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long long quota;
	bool ret;

	if (!file)
		return false;
	ret = fscanf(file, "%llu", &quota) == 1 && quota < LLONG_MAX;
	fclose(file);
	return ret;
}

/* What a group may use, those that it is in may not exceed. A container sees its own group as the highest, by whatever
 * name the line has. */
static bool is_group_limited(const char *root, const char *folder, char *group, const char *file)
{
	char path[PATH_MAX], *end = group + strlen(group);

	for (;;) {
		*end = '\0';
		if (snprintf(path, sizeof(path), "%s%s%s/%s", root, folder, group, file) <
				(int)sizeof(path) &&
			is_limit(path))
			return true;
		if (end == group)
			return false;
		end = strrchr(group, '/');
		if (!end)
			return false;
	}
}

bool gk_cpu_is_limited(const char *root)
{
	char path[PATH_MAX], line[PATH_MAX];
	bool ret = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
	file = fopen(path, "re");
	while (file && !ret && fgets(line, sizeof(line), file)) {
		char *controllers = strchr(line, ':');
		char *group = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!group)
			continue;
		*controllers++ = *group++ = '\0';
		group[strcspn(group, "\n")] = '\0';
		for (size_t i = 0; !ret && i < sizeof(versions) / sizeof(versions[0]); i++)
			ret = strcmp(controllers, versions[i].controllers) == 0 &&
			      is_group_limited(root, versions[i].folder, group, versions[i].file);
	}
	if (file)
		fclose(file);
	return ret;
}
