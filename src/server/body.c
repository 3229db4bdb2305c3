/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Request bodies as JSON. */
#include "server/body.h"

#include "base/limits.h"

#include <genkit/json.h>

/* One that a worker parses. The text is its own: the exchange may go meanwhile. */
typedef struct reading {
	gk_exchange *x; /* NULL: the client has gone */
	char *text;
	size_t len;
	json_t *value;
	gk_body_fn *fn;
	void *user;
} reading;

static gk_code parse(void *arg, gk_error *err)
{
	reading *r = arg;

	return gk_json_parse(r->text, r->len, r->len, &r->value, err);
}

static void parsed(void *arg, gk_code rc, gk_error *err)
{
	reading *r = arg;

	if (r->x)
		gk_exchange_on_hangup(r->x, NULL, NULL);
	r->fn(r->x, r->value, rc == GK_OK ? NULL : err, r->user);
	json_decref(r->value);
	free(r->text);
	free(r);
}

static void hung_up(gk_exchange *x, void *user)
{
	reading *r = user;

	(void)x;
	r->x = NULL;
}

static gk_code parse_aside(gk_loop *loop, gk_exchange *x, gk_body_fn *fn, void *user, gk_error *err)
{
	reading *r = calloc(1, sizeof(*r));
	gk_code rc;

	if (!r)
		return gk_error_no_memory(err);
	r->x = x;
	r->fn = fn;
	r->user = user;
	r->text = gk_exchange_take_body(x, &r->len);
	rc = r->text ? gk_work_start(loop, parse, parsed, r, err) : gk_error_no_memory(err);
	if (rc != GK_OK) {
		free(r->text);
		free(r);
		return rc;
	}
	gk_exchange_on_hangup(x, hung_up, r);
	return GK_OK;
}

void gk_body_read(gk_loop *loop, gk_exchange *x, gk_body_fn *fn, void *user)
{
	gk_auto_json json_t *value = NULL;
	gk_auto_error gk_error err = { 0 };
	size_t len;
	const char *text = gk_exchange_body(x, &len);
	gk_code rc = GK_OK;

	if (len > GK_PARSE_ON_LOOP) {
		rc = parse_aside(loop, x, fn, user, &err);
		if (rc == GK_OK)
			return;
	} else if (len) {
		rc = gk_json_parse(text, len, len, &value, &err);
	}
	fn(x, value, rc == GK_OK ? NULL : &err, user);
}

gk_code gk_body_text_peek(const json_t *object, const char *name, const char **ret, gk_error *err)
{
	const json_t *value = json_object_get(object, name);

	if (value && !json_is_string(value) && !json_is_null(value))
		return gk_error_set(err, GK_INVALID_ARGUMENT, "%s: expected string", name);
	*ret = json_string_value(value);
	return GK_OK;
}
