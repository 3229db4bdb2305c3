/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Whether processor time is rationed, told from control groups as Linux shows them. */
#include "folder.h"
#include "unit.h"

#include "base/cpu_limit.h"

#include <sys/stat.h>

static void put(const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s", name);
	for (char *at = strchr(path, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		mkdir(path, 0700);
		*at = '/';
	}
	folder_put(name, text);
}

START_TEST(without_control_groups_there_is_no_limit)
{
	ck_assert(!gk_cpu_is_limited(folder_path()));
	put("proc/self/cgroup", "no such form\n::\n");
	ck_assert(!gk_cpu_is_limited(folder_path()));
}
END_TEST

START_TEST(version_2_says_it_in_the_own_group)
{
	put("proc/self/cgroup", "0::/system.slice/genkitd.service\n");
	put("sys/fs/cgroup/system.slice/genkitd.service/cpu.max", "max 100000\n");
	ck_assert(!gk_cpu_is_limited(folder_path()));
	put("sys/fs/cgroup/system.slice/genkitd.service/cpu.max", "50000 100000\n");
	ck_assert(gk_cpu_is_limited(folder_path()));
}
END_TEST

START_TEST(version_2_says_it_in_a_group_above)
{
	put("proc/self/cgroup", "0::/system.slice/genkitd.service\n");
	put("sys/fs/cgroup/system.slice/genkitd.service/cpu.max", "max 100000\n");
	put("sys/fs/cgroup/system.slice/cpu.max", "200000 100000\n");
	ck_assert(gk_cpu_is_limited(folder_path()));
}
END_TEST

START_TEST(a_container_finds_its_own_at_the_top)
{
	put("proc/self/cgroup", "0::/\n");
	put("sys/fs/cgroup/cpu.max", "150000 100000\n");
	ck_assert(gk_cpu_is_limited(folder_path()));
	put("proc/self/cgroup", "0::/docker/4f1c\n"); /* a name of outside */
	ck_assert(gk_cpu_is_limited(folder_path()));
}
END_TEST

START_TEST(version_1_says_it_for_each_controller)
{
	put("proc/self/cgroup",
		"4:memory:/docker/4f1c\n3:cpu,cpuacct:/docker/4f1c\n0::/init.scope\n");
	put("sys/fs/cgroup/cpu,cpuacct/docker/4f1c/cpu.cfs_quota_us", "-1\n");
	ck_assert(!gk_cpu_is_limited(folder_path()));
	put("sys/fs/cgroup/memory/docker/4f1c/cpu.cfs_quota_us", "50000\n");
	ck_assert(!gk_cpu_is_limited(folder_path()));
	put("sys/fs/cgroup/cpu,cpuacct/docker/4f1c/cpu.cfs_quota_us", "50000\n");
	ck_assert(gk_cpu_is_limited(folder_path()));
	put("proc/self/cgroup", "3:cpu:/a\n");
	ck_assert(!gk_cpu_is_limited(folder_path()));
	put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n");
	ck_assert(gk_cpu_is_limited(folder_path()));
}
END_TEST

static Suite *cpu_limit_suite(void)
{
	Suite *suite = suite_create("cpu limit");
	TCase *tcase = tcase_create("cpu limit");

	tcase_add_checked_fixture(tcase, folder_make, folder_drop);
	tcase_add_test(tcase, without_control_groups_there_is_no_limit);
	tcase_add_test(tcase, version_2_says_it_in_the_own_group);
	tcase_add_test(tcase, version_2_says_it_in_a_group_above);
	tcase_add_test(tcase, a_container_finds_its_own_at_the_top);
	tcase_add_test(tcase, version_1_says_it_for_each_controller);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(cpu_limit_suite)
