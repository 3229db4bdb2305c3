/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "loop/fetch_head.h"

#include "base/limits.h"

#include <strings.h>

struct gk_fetch_joined {
	gk_fetch_joined *next;
	char *name;
	char *value;
};

void gk_fetch_head_init(gk_fetch_head *head)
{
	*head = (gk_fetch_head){ 0 };
}

static void forget_joined(gk_fetch_head *head)
{
	gk_fetch_joined *joined;

	while ((joined = head->joined)) {
		head->joined = joined->next;
		free(joined->name);
		free(joined->value);
		free(joined);
	}
}

void gk_fetch_head_done(gk_fetch_head *head)
{
	gk_buf_done(&head->fields);
	forget_joined(head);
}

void gk_fetch_head_restart(gk_fetch_head *head)
{
	gk_buf_clear(&head->fields);
	forget_joined(head);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void trim(const char **text, size_t *len)
{
	while (*len && is_blank(**text)) {
		(*text)++;
		(*len)--;
	}
	while (*len && is_blank((*text)[*len - 1]))
		(*len)--;
}

/* A line that begins with a blank goes on with the value of the one before. */
static void add_folded(gk_fetch_head *head, const char *text, size_t len)
{
	head->fields.len--; /* the NUL */
	gk_buf_putc(&head->fields, ' ');
	gk_buf_put(&head->fields, text, len);
	gk_buf_putc(&head->fields, '\0');
}

static gk_code count_bytes(gk_fetch_head *head, size_t len, gk_error *err)
{
	head->received += len;
	if (head->received <= GK_MAX_FETCH_HEAD)
		return GK_OK;
	return gk_error_set(err, GK_RESOURCE_EXHAUSTED, "response headers of more than %u bytes",
		GK_MAX_FETCH_HEAD);
}

gk_code gk_fetch_head_add(gk_fetch_head *head, const char *line, size_t len, gk_error *err)
{
	gk_code rc = count_bytes(head, len, err);
	const char *colon, *value;
	size_t value_len;

	if (rc != GK_OK)
		return rc;
	while (len && (line[len - 1] == '\n' || line[len - 1] == '\r'))
		len--;
	if (len == 0)
		return GK_OK;
	colon = memchr(line, ':', len);
	if (memchr(line, '\0', len) || (!is_blank(*line) && (!colon || colon == line)) ||
		(is_blank(*line) && !head->fields.len))
		return gk_error_set(err, GK_UNAVAILABLE, "malformed response headers");
	if (is_blank(*line)) {
		trim(&line, &len);
		add_folded(head, line, len);
	} else {
		value = colon + 1;
		value_len = (size_t)(line + len - value);
		trim(&value, &value_len);
		gk_buf_put(&head->fields, line, (size_t)(colon - line));
		gk_buf_putc(&head->fields, '\0');
		gk_buf_put(&head->fields, value, value_len);
		gk_buf_putc(&head->fields, '\0');
	}
	return gk_buf_failed(&head->fields) ? gk_error_no_memory(err) : GK_OK;
}

/* The value of the first field of that name after `from`; NULL: none. */
static const char *find(const gk_fetch_head *head, const char *from, const char *name)
{
	const char *at, *end;

	if (!head->fields.len)
		return NULL;
	at = from ? from + strlen(from) + 1 : head->fields.data;
	end = head->fields.data + head->fields.len;
	while (at < end) {
		const char *value = at + strlen(at) + 1;

		if (strcasecmp(at, name) == 0)
			return value;
		at = value + strlen(value) + 1;
	}
	return NULL;
}

static const char *join(
	gk_fetch_head *head, const char *name, const char *first, const char *second)
{
	gk_fetch_joined *joined = malloc(sizeof(*joined));
	gk_buf text = GK_BUF_INIT(0);

	if (!joined)
		return NULL;
	gk_buf_puts(&text, first);
	for (; second; second = find(head, second, name)) {
		gk_buf_puts(&text, ", ");
		gk_buf_puts(&text, second);
	}
	*joined = (gk_fetch_joined){ head->joined, strdup(name), gk_buf_take(&text, NULL) };
	head->joined = joined;
	return joined->name ? joined->value : NULL;
}

const char *gk_fetch_head_peek(gk_fetch_head *head, const char *name)
{
	const char *first = find(head, NULL, name);
	const char *second = first ? find(head, first, name) : NULL;

	if (!second)
		return first;
	for (gk_fetch_joined *joined = head->joined; joined; joined = joined->next)
		if (joined->name && strcasecmp(joined->name, name) == 0)
			return joined->value;
	return join(head, name, first, second);
}
