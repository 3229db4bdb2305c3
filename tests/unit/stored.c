/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "stored.h"

gk_session_store *stored_store;
gk_session_realm stored_realm;
gk_error stored_err;

void stored_open(const gk_sessions_opts *opts)
{
	gk_sessions_opts own = opts ? *opts : (gk_sessions_opts){ .size = sizeof(own) };

	ck_assert_int_eq(
		gk_sessions_open(traces_loop, traces_store, &own, &stored_store, NULL), GK_OK);
}

void stored_start(void)
{
	stored_realm = (gk_session_realm){ .store = "agent", .owner = "" };
	traces_start(NULL);
	stored_open(NULL);
}

void stored_stop(void)
{
	gk_session_store_free(gk_steal(stored_store));
	traces_stop();
	gk_error_clear(&stored_err);
}

void stored_reopen_with(const gk_sessions_opts *opts)
{
	gk_session_store_free(gk_steal(stored_store));
	traces_reopen(NULL);
	stored_open(opts);
}

void stored_reopen(void)
{
	stored_reopen_with(NULL);
}

void stored_do_save(void *user)
{
	stored_call *c = user;

	c->rc = gk_snapshot_save(
		NULL, stored_store, &stored_realm, c->change, &c->saved, &stored_err);
}

void stored_do_get(void *user)
{
	stored_call *c = user;

	c->rc = gk_snapshot_get(NULL, stored_store, &stored_realm, c->id, &c->ret, &stored_err);
}

void stored_do_latest(void *user)
{
	stored_call *c = user;

	c->rc = gk_snapshot_latest(NULL, stored_store, &stored_realm, c->id, &c->ret, &stored_err);
}

void stored_do_chat_save(void *user)
{
	stored_call *c = user;

	c->rc = gk_chat_save(NULL, stored_store, &stored_realm, c->chat_change, &stored_err);
}

void stored_do_chat_load(void *user)
{
	stored_call *c = user;

	c->rc = gk_chat_load(NULL, stored_store, &stored_realm, c->id, &c->ret, &stored_err);
}

void stored_do_list(void *user)
{
	stored_call *c = user;

	c->rc = gk_sessions_list(stored_store, c->query, &c->ret, &stored_err);
}

void stored_do_show(void *user)
{
	stored_call *c = user;

	c->rc = gk_sessions_show(stored_store, c->query, &c->ret, &stored_err);
}

void stored_do_delete(void *user)
{
	stored_call *c = user;

	c->rc = gk_sessions_delete(stored_store, c->query, &c->count, &stored_err);
}

json_t *stored_must(gk_fiber_fn *fn, stored_call c)
{
	traces_in_fiber(fn, &c);
	ck_assert_msg(c.rc == GK_OK, "%s", stored_err.message);
	return c.ret;
}

bool stored_change(gk_snapshot_action action, const char *id, json_t *document)
{
	stored_call c = { .change = GK_OPTS(gk_snapshot_change, .action = action, .id = id,
				  .document = document) };
	bool was_written;

	traces_in_fiber(stored_do_save, &c);
	ck_assert_msg(c.rc == GK_OK, "%s", stored_err.message);
	was_written = c.saved.id != NULL;
	gk_snapshot_saved_clear(&c.saved);
	return was_written;
}

bool stored_save(const char *id, const char *text)
{
	gk_auto_json json_t *document = json(text);

	return stored_change(GK_SNAPSHOT_PUT, id, document);
}

json_t *stored_get(const char *id)
{
	return stored_must(stored_do_get, (stored_call){ .id = id });
}

void stored_assert_member(const char *id, const char *path, const char *value)
{
	gk_auto_json json_t *found = stored_get(id);

	ck_assert_pstr_eq(gk_json_str_peek(found, path), value);
}

void stored_assert_latest(const char *session, const char *id)
{
	gk_auto_json json_t *found = stored_must(stored_do_latest, (stored_call){ .id = session });

	ck_assert_pstr_eq(gk_json_str_peek(found, "snapshotId"), id);
}

int64_t stored_bytes_of_parts(void)
{
	return traces_number("SELECT ifnull(sum(length(doc)), 0) FROM session_parts");
}
