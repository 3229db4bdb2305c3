/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "run.h"

#include "base/buf.h"
#include "base/str.h"
#include "json/write.h"
#include "json/yaml.h"

#include <stdarg.h>
#include <stdio.h>

#define MAX_SHOWN 600 /* bytes of a value in a failure line */

/* --- outcomes --- */

static bool is_listed(conformance *run, const char *name)
{
	for (size_t i = 0; i < run->differ_count; i++) {
		differ *d = &run->differs[i];

		if (strcmp(d->name, name) == 0 && strcmp(d->kind, run->kind) == 0 &&
			conformance_is_file(run->file, d->file)) {
			d->met = true;
			return true;
		}
	}
	return false;
}

void conformance_pass(conformance *run, const char *name)
{
	if (is_listed(run, name)) {
		printf("%s %s %s: is listed in differs.txt, but agrees\n", run->kind, run->file,
			name);
		run->failed++;
	} else {
		run->passed++;
	}
}

static void say(
	conformance *run, const char *name, const char *what, const char *format, va_list args)
{
	printf("%s %s %s: %s", run->kind, run->file, name, what);
	vprintf(format, args);
	putchar('\n');
}

void conformance_fail(conformance *run, const char *name, const char *format, ...)
{
	va_list args;

	if (is_listed(run, name)) {
		run->differed++;
		return;
	}
	va_start(args, format);
	say(run, name, "", format, args);
	va_end(args);
	run->failed++;
}

void conformance_skip(conformance *run, const char *name, const char *format, ...)
{
	va_list args;

	(void)is_listed(run, name); /* it was met */
	va_start(args, format);
	say(run, name, "skipped: ", format, args);
	va_end(args);
	run->skipped++;
}

/* --- comparing --- */

static bool is_absent(const json_t *value)
{
	return !value || gk_str_equal(json_string_value(value), "$absent");
}

static bool objects_equal(json_t *got, json_t *expected)
{
	const char *key;
	json_t *member;

	json_object_foreach (expected, key, member)
		if (!conformance_equal(json_object_get(got, key), member))
			return false;
	json_object_foreach (got, key, member)
		if (!json_object_get(expected, key))
			return false;
	return true;
}

static bool arrays_equal(const json_t *got, const json_t *expected)
{
	if (json_array_size(got) != json_array_size(expected))
		return false;
	for (size_t i = 0; i < json_array_size(got); i++)
		if (!conformance_equal(json_array_get(got, i), json_array_get(expected, i)))
			return false;
	return true;
}

static bool strings_equal(const json_t *got, const json_t *expected)
{
	const char *text = json_string_value(expected);

	if (strcmp(text, "$traceId") == 0 || strcmp(text, "$spanId") == 0)
		return json_string_length(got) > 0;
	return json_equal(got, expected);
}

bool conformance_equal(const json_t *got, const json_t *expected)
{
	if (is_absent(got) || is_absent(expected))
		return is_absent(got) == is_absent(expected);
	if (json_is_number(got) && json_is_number(expected))
		return json_equal(got, expected) ||
		       json_number_value(got) == json_number_value(expected);
	if (json_typeof(got) != json_typeof(expected))
		return false;
	if (json_is_object(got))
		return objects_equal((json_t *)(uintptr_t)got, (json_t *)(uintptr_t)expected);
	if (json_is_array(got))
		return arrays_equal(got, expected);
	return json_is_string(got) ? strings_equal(got, expected) : true;
}

static void show(gk_buf *buf, const json_t *value)
{
	size_t before = buf->len;

	if (!value) {
		gk_buf_puts(buf, "nothing");
		return;
	}
	gk_json_append_pretty(buf, value, 0);
	if (gk_buf_failed(buf) || buf->len - before <= MAX_SHOWN)
		return;
	buf->len = before + MAX_SHOWN;
	gk_buf_puts(buf, "...");
}

void conformance_expect(
	conformance *run, const char *name, const json_t *got, const json_t *expected)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);

	if (conformance_equal(got, expected)) {
		conformance_pass(run, name);
		return;
	}
	gk_buf_puts(&text, "got ");
	show(&text, got);
	gk_buf_puts(&text, ", expected ");
	show(&text, expected);
	conformance_fail(run, name, "%s", text.data ? text.data : "out of memory");
}

void conformance_expect_text(
	conformance *run, const char *name, const char *got, const char *expected)
{
	gk_auto_json json_t *a = got ? json_string_nocheck(got) : NULL;
	gk_auto_json json_t *b = expected ? json_string_nocheck(expected) : NULL;

	conformance_expect(run, name, a, b);
}

/* --- files --- */

char *conformance_read(const char *file, size_t *len_ret)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	FILE *stream = fopen(file, "rbe");
	size_t got = 1;

	while (stream && got > 0) {
		char *room = gk_buf_reserve(&text, 65536);

		got = room ? fread(room, 1, 65536, stream) : 0;
		gk_buf_added(&text, got);
	}
	if (!stream || ferror(stream)) {
		perror(file);
		gk_buf_clear(&text);
		text.failed = true;
	}
	if (stream)
		fclose(stream);
	gk_buf_put(&text, "", 0);
	return gk_buf_take(&text, len_ret);
}

json_t *conformance_load(const char *file)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_yaml gk_yaml *yaml = NULL;
	json_t *value = NULL;
	size_t len = 0;
	gk_auto_str char *text = conformance_read(file, &len);
	bool is_json = conformance_has_suffix(file, ".json");
	gk_code rc;

	if (!text)
		return NULL;
	rc = is_json ? gk_json_parse(text, len, SIZE_MAX, &value, &err)
		     : gk_yaml_parse(text, len, file, GK_YAML_CORE, &yaml, &err);
	if (rc != GK_OK)
		fprintf(stderr, "%s: %s\n", file, err.message);
	else if (!is_json)
		value = json_incref(gk_yaml_value_peek(yaml));
	return value;
}

const char *conformance_number(size_t index)
{
	static char text[24];

	snprintf(text, sizeof(text), "%zu", index);
	return text;
}

bool conformance_has_suffix(const char *text, const char *suffix)
{
	size_t len = strlen(text), suffix_len = strlen(suffix);

	return len >= suffix_len && strcmp(text + len - suffix_len, suffix) == 0;
}

bool conformance_is_file(const char *file, const char *tail)
{
	size_t len = strlen(file), tail_len = strlen(tail);

	return conformance_has_suffix(file, tail) &&
	       (len == tail_len || file[len - tail_len - 1] == '/');
}
