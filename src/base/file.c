/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "base/file.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define CHUNK 4096

static gk_code system_error(const char *path, gk_error *err)
{
	return gk_error_set(err, errno == ENOENT ? GK_NOT_FOUND : GK_UNAVAILABLE, "%s: %s", path,
		strerror(errno));
}

/* One byte more than is allowed says that there are more. */
static gk_code read_all(int fd, const char *path, size_t max, gk_buf *text, gk_error *err)
{
	for (;;) {
		size_t left = max + 1 - text->len, size = left < CHUNK ? left : CHUNK;
		char *room = gk_buf_reserve(text, size);
		ssize_t got;

		if (!room)
			return gk_error_no_memory(err);
		got = read(fd, room, size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return system_error(path, err);
		gk_buf_added(text, (size_t)got);
		if (text->len > max)
			return gk_error_set(
				err, GK_RESOURCE_EXHAUSTED, "%s: larger than %zu bytes", path, max);
		if (got == 0)
			return GK_OK;
	}
}

gk_code gk_file_read(const char *path, size_t max, char **ret, size_t *len_ret, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *content;
	size_t len;
	gk_code rc;

	if (fd < 0)
		return system_error(path, err);
	rc = read_all(fd, path, max, &text, err);
	close(fd);
	if (rc != GK_OK)
		return rc;
	gk_buf_puts(&text, "");
	content = gk_buf_take(&text, &len);
	if (!content)
		return gk_error_no_memory(err);
	*ret = content;
	*len_ret = len;
	return GK_OK;
}
