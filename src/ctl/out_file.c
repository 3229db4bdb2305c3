/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Files that a command writes. */
#include "ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool is_stdout(const char *path)
{
	return strcmp(path, "-") == 0;
}

gk_code gk_ctl_fail_file(const char *path, gk_error *err)
{
	return gk_error_set(err, GK_UNAVAILABLE, "%s: %s", path, strerror(errno));
}

gk_code gk_ctl_create_file(const char *path, FILE **ret, gk_error *err)
{
	int fd = is_stdout(path) ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
				 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
	gk_code rc = file ? GK_OK : gk_ctl_fail_file(path, err);

	if (!file && fd >= 0) { /* nothing is left behind that nobody can fill */
		close(fd);
		if (!is_stdout(path))
			unlink(path);
	}
	if (file)
		*ret = file;
	return rc;
}

gk_code gk_ctl_close_file(FILE *file, const char *path, gk_code rc, gk_error *err)
{
	bool has_failed = ferror(file);

	if (fclose(file) != 0 && rc == GK_OK)
		rc = gk_ctl_fail_file(path, err);
	if (has_failed && rc == GK_OK)
		rc = gk_error_set(err, GK_UNAVAILABLE, "%s: it could not be written", path);
	if (rc != GK_OK && !is_stdout(path))
		unlink(path);
	return rc;
}
