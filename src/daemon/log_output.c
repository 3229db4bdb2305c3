/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "daemon/log_output.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "json/write.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIM   "\033[2m"
#define RESET "\033[0m"

static const struct {
	const char *name, *colour;
} levels[] = {
	[GK_LOG_ERROR] = { "error", "\033[1;31m" },
	[GK_LOG_WARN] = { "warn", "\033[33m" },
	[GK_LOG_INFO] = { "info", "" },
	[GK_LOG_DEBUG] = { "debug", DIM },
};

static struct {
	gk_log_format format;
	bool has_colour;
} output;

gk_log_level gk_log_level_choose(const char *name)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (gk_str_equal(levels[i].name, name))
			return (gk_log_level)i;
	return GK_LOG_INFO;
}

/* systemd sets JOURNAL_STREAM to the device and inode of the socket it connected; a redirection is another file. */
static bool is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat status;

	if (!stream || fstat(fd, &status) < 0)
		return false;
	snprintf(own, sizeof(own), "%llu:%llu", (unsigned long long)status.st_dev,
		(unsigned long long)status.st_ino);
	return strcmp(own, stream) == 0;
}

gk_log_format gk_log_format_choose(const char *name, int fd)
{
	if (gk_str_equal(name, "text"))
		return GK_LOG_TEXT;
	if (gk_str_equal(name, "json"))
		return GK_LOG_JSON;
	if (gk_str_equal(name, "journal"))
		return GK_LOG_JOURNAL;
	return is_journal(fd) ? GK_LOG_JOURNAL : GK_LOG_TEXT;
}

/* --- lines --- */

static void put_json(gk_buf *out, const gk_log_record *record)
{
	const struct {
		const char *name, *value;
	} members[] = {
		{ "component", record->component },
		{ "message", record->message },
		{ "traceId", record->trace_id },
		{ "spanId", record->span_id },
	};
	char time[GK_ISO_TIME_SIZE];

	gk_clock_iso(record->wall_ns, time);
	gk_buf_printf(out, "{\"time\":\"%s\",\"level\":\"%s\"", time, levels[record->level].name);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (!members[i].value || !*members[i].value)
			continue;
		gk_buf_printf(out, ",\"%s\":", members[i].name);
		gk_json_append_string(out, members[i].value, strlen(members[i].value));
	}
	gk_buf_puts(out, "}\n");
}

static void put_text(gk_buf *out, const gk_log_record *record, bool has_colour)
{
	const char *colour = has_colour ? levels[record->level].colour : "";
	const char *reset = *colour ? RESET : "";
	char time[GK_ISO_TIME_SIZE];

	gk_clock_iso(record->wall_ns, time);
	gk_buf_printf(out, "%s%s%s %s%-5s%s ", has_colour ? DIM : "", time, has_colour ? RESET : "",
		colour, levels[record->level].name, reset);
	gk_buf_printf(out, "%s: %s", record->component, *reset ? colour : "");
	gk_buf_put_line(out, record->message);
	gk_buf_puts(out, reset);
	if (record->trace_id && *record->trace_id)
		gk_buf_printf(out, "%s trace=%s%s", has_colour ? DIM : "", record->trace_id,
			has_colour ? RESET : "");
	gk_buf_putc(out, '\n');
}

static void put_journal(gk_buf *out, const gk_log_record *record)
{
	gk_buf_printf(out, "<%d>%s: ", (int)record->level, record->component);
	gk_buf_put_line(out, record->message);
	if (record->trace_id && *record->trace_id)
		gk_buf_printf(out, " trace=%s", record->trace_id);
	gk_buf_putc(out, '\n');
}

void gk_log_put(gk_buf *out, const gk_log_record *record, gk_log_format format, bool has_colour)
{
	if (format == GK_LOG_JSON)
		put_json(out, record);
	else if (format == GK_LOG_JOURNAL)
		put_journal(out, record);
	else
		put_text(out, record, has_colour);
}

/* A line is one write, so that those of several threads and processes do not mix. */
static void sink(const gk_log_record *record, void *user)
{
	gk_auto_buf gk_buf line = GK_BUF_INIT(8 * GK_MAX_LOG_MESSAGE);

	(void)user;
	gk_log_put(&line, record, output.format, output.has_colour);
	if (!gk_buf_failed(&line) && write(STDERR_FILENO, line.data, line.len) < 0)
		return; /* there is nobody to tell */
}

void gk_log_output_set(gk_log_format format, gk_log_level level)
{
	const char *term = getenv("TERM");

	output.format = format;
	output.has_colour = format == GK_LOG_TEXT && isatty(STDERR_FILENO) && !getenv("NO_COLOR") &&
			    !gk_str_equal(term, "dumb");
	gk_log_set_level(level);
	gk_log_set_sink(sink, NULL);
}
