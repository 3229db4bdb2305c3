/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What people read. */
#include "ctl/ctl.h"

#include "base/buf.h"

#include <genkit/json.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define GAP 2

void gk_ctl_put_json(FILE *file, const char *text, size_t len)
{
	const unsigned char *c = (const unsigned char *)text, *end = c + len;

	/* The first two stand between values, where an escape would be wrong. */
	for (; c < end; c++)
		if (*c == '\t' || *c == '\r')
			putc(' ', file);
		else if ((*c < 0x20 && *c != '\n') || *c == 0x7f)
			fprintf(file, "\\u%04x", *c);
		else if (*c == 0xc2 && c + 1 < end && c[1] >= 0x80 && c[1] < 0xa0)
			fprintf(file, "\\u%04x", *++c);
		else
			putc(*c, file);
	putc('\n', file);
}

void gk_ctl_print(const json_t *value)
{
	gk_auto_str char *text = gk_json_write_pretty(value, NULL);

	gk_ctl_put_json(stdout, text, text ? strlen(text) : 0);
}

void gk_ctl_print_line(const json_t *value)
{
	gk_auto_str char *text = gk_json_write(value, NULL);

	gk_ctl_put_json(stdout, text, text ? strlen(text) : 0);
	fflush(stdout);
}

void gk_ctl_say(FILE *file, const char *format, ...)
{
	gk_auto_str char *text = NULL;
	gk_auto_buf gk_buf out = GK_BUF_INIT(0);
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0) {
		text = NULL;
		return;
	}
	for (char *line = text, *end; line; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		gk_buf_put_line(&out, line);
		if (end)
			gk_buf_putc(&out, '\n');
	}
	fputs(out.data ? out.data : "", file);
}

size_t gk_ctl_columns(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

void gk_ctl_put_cut(gk_buf *out, const char *text, size_t room)
{
	gk_auto_buf gk_buf line = GK_BUF_INIT(0);
	size_t n = 0;

	gk_buf_put_line(&line, text);
	if (!line.data || gk_ctl_columns(line.data) <= room) {
		gk_buf_puts(out, line.data ? line.data : "");
		return;
	}
	for (const char *c = line.data; *c; c++) {
		n += ((unsigned char)*c & 0xc0) != 0x80;
		if (n >= room)
			break;
		gk_buf_putc(out, *c);
	}
	gk_buf_puts(out, "\xe2\x80\xa6"); /* an ellipsis */
}

unsigned gk_ctl_width(void)
{
	struct winsize size = { 0 };

	if (isatty(STDOUT_FILENO))
		ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	return size.ws_col;
}

/* With its control characters escaped. */
static size_t shown_columns(const char *text)
{
	gk_auto_buf gk_buf line = GK_BUF_INIT(0);

	gk_buf_put_line(&line, text);
	return line.data ? gk_ctl_columns(line.data) : 0;
}

char *gk_ctl_table(const json_t *rows, unsigned width)
{
	gk_auto_buf gk_buf out = GK_BUF_INIT(0);
	size_t left = 0, i;
	json_t *row;

	json_array_foreach (rows, i, row) {
		size_t n = shown_columns(json_string_value(json_array_get(row, 0)));

		left = n > left ? n : left;
	}
	json_array_foreach (rows, i, row) {
		const char *name = json_string_value(json_array_get(row, 0));
		const char *text = json_string_value(json_array_get(row, 1));

		gk_buf_put_line(&out, name);
		if (text && *text) {
			for (size_t n = shown_columns(name); n < left + GAP; n++)
				gk_buf_putc(&out, ' ');
			gk_ctl_put_cut(
				&out, text, width > left + GAP + 8 ? width - left - GAP : SIZE_MAX);
		}
		gk_buf_putc(&out, '\n');
	}
	return gk_buf_take(&out, NULL);
}

void gk_ctl_print_table(const json_t *rows)
{
	gk_auto_str char *text = gk_ctl_table(rows, gk_ctl_width());

	fputs(text ? text : "", stdout);
}
