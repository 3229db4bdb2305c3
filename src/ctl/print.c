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

void gk_ctl_print(const json_t *value)
{
	gk_auto_str char *text = gk_json_write_pretty(value, NULL);

	printf("%s\n", text ? text : "");
}

void gk_ctl_print_line(const json_t *value)
{
	gk_auto_str char *text = gk_json_write(value, NULL);

	printf("%s\n", text ? text : "");
	fflush(stdout);
}

/* Characters, not bytes; a wide one counts as one. */
static size_t columns(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void put_cut(gk_buf *out, const char *text, size_t room)
{
	size_t n = 0;

	if (columns(text) <= room) {
		gk_buf_puts(out, text);
		return;
	}
	for (; *text; text++) {
		n += ((unsigned char)*text & 0xc0) != 0x80;
		if (n >= room)
			break;
		gk_buf_putc(out, *text);
	}
	gk_buf_puts(out, "\xe2\x80\xa6"); /* an ellipsis */
}

char *gk_ctl_table(const json_t *rows, unsigned width)
{
	gk_auto_buf gk_buf out = GK_BUF_INIT(0);
	size_t left = 0, i;
	json_t *row;

	json_array_foreach (rows, i, row) {
		size_t n = columns(json_string_value(json_array_get(row, 0)));

		left = n > left ? n : left;
	}
	json_array_foreach (rows, i, row) {
		const char *name = json_string_value(json_array_get(row, 0));
		const char *text = json_string_value(json_array_get(row, 1));

		gk_buf_puts(&out, name);
		if (text && *text) {
			for (size_t n = columns(name); n < left + GAP; n++)
				gk_buf_putc(&out, ' ');
			put_cut(&out, text, width > left + GAP + 8 ? width - left - GAP : SIZE_MAX);
		}
		gk_buf_putc(&out, '\n');
	}
	return gk_buf_take(&out, NULL);
}

void gk_ctl_print_table(const json_t *rows)
{
	struct winsize size = { 0 };
	gk_auto_str char *text = NULL;

	if (isatty(STDOUT_FILENO))
		ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	text = gk_ctl_table(rows, size.ws_col);
	fputs(text ? text : "", stdout);
}
