/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* ${NAME}, ${file:/path}, ${credential:name}: what does not belong into a file that others may read. */
#include "daemon/config.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/str.h"

#include <stdio.h>

/* The content of a file without the newline at its end. */
static gk_code put_file(gk_buf *out, const char *path, gk_error *err)
{
	gk_auto_str char *text = NULL;
	size_t len = 0;
	gk_code rc = gk_file_read(path, GK_MAX_SECRET, &text, &len, err);

	if (rc != GK_OK)
		return rc;
	if (strlen(text) < len)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "%s: it is no text", path);
	if (len && text[len - 1] == '\n')
		len--;
	if (gk_str_valid_utf8(text, len) != len)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "%s: it is no UTF-8", path);
	gk_buf_put(out, text, len);
	return GK_OK;
}

static gk_code put_credential(gk_buf *out, const char *name, gk_error *err)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	gk_auto_str char *path = NULL;

	if (!folder)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"there is no credential '%s': $CREDENTIALS_DIRECTORY is not set", name);
	if (!*name || *name == '.' || strchr(name, '/'))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "'%s' is no name of a credential", name);
	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return gk_error_no_memory(err);
	}
	return put_file(out, path, err);
}

static bool is_variable(const char *name)
{
	if (!*name || (*name >= '0' && *name <= '9'))
		return false;
	return name[strspn(name,
		       "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789")] == '\0';
}

static gk_code put_variable(gk_buf *out, const char *name, gk_error *err)
{
	const char *value;

	if (!is_variable(name))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"${%s}: ${NAME}, ${file:/path} or ${credential:name} is expected ($${ stands for ${)",
			name);
	value = getenv(name);
	if (!value)
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "the environment has no variable %s", name);
	if (gk_str_valid_utf8(value, strlen(value)) != strlen(value))
		return gk_error_set(err, GK_INVALID_ARGUMENT, "$%s is no UTF-8", name);
	gk_buf_puts(out, value);
	return GK_OK;
}

static gk_code put_named(gk_buf *out, const char *name, gk_error *err)
{
	if (gk_str_has_prefix(name, "file:"))
		return put_file(out, name + strlen("file:"), err);
	if (gk_str_has_prefix(name, "credential:"))
		return put_credential(out, name + strlen("credential:"), err);
	return put_variable(out, name, err);
}

gk_code gk_config_expand(const char *text, char **ret, gk_error *err)
{
	gk_auto_buf gk_buf out = GK_BUF_INIT(GK_MAX_YAML_TEXT);
	const char *start;
	char *done;

	gk_buf_puts(&out, "");
	while ((start = strstr(text, "${"))) {
		const char *end = strchr(start, '}');
		gk_auto_str char *name = NULL;
		gk_code rc;

		gk_buf_put(&out, text, (size_t)(start - text));
		if (start > text && start[-1] == '$') {
			gk_buf_putc(&out, '{'); /* "$${": the first dollar is there */
			text = start + 2;
			continue;
		}
		if (!end)
			return gk_error_set(err, GK_INVALID_ARGUMENT, "'${' without its '}'");
		name = strndup(start + 2, (size_t)(end - start - 2));
		if (!name)
			return gk_error_no_memory(err);
		rc = put_named(&out, name, err);
		if (rc != GK_OK)
			return rc;
		text = end + 1;
	}
	gk_buf_puts(&out, text);
	done = gk_buf_take(&out, NULL);
	if (!done)
		return gk_error_no_memory(err);
	*ret = done;
	return GK_OK;
}
