/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "tokens.h"

#include <genkit/plugins.h>
#include <stdio.h>

#define A_LITTLE_MS 30

struct tokens tokens;
const char tokens_model[] = "/model/microsoft-foundry/gpt-4o";

static uint64_t tell_time(void *user)
{
	(void)user;
	return tokens.now_s;
}

static const char *env_of(const char *name, void *user)
{
	(void)user;
	return json_string_value(json_object_get(tokens.env, name));
}

static void note(const gk_outgoing *out)
{
	*tokens.headers = '\0';
	for (size_t i = 0; i < out->header_count; i++)
		snprintf(tokens.headers + strlen(tokens.headers),
			sizeof(tokens.headers) - strlen(tokens.headers), "%s\n", out->headers[i]);
	snprintf(tokens.url, sizeof(tokens.url), "%s", out->url);
	snprintf(tokens.body, sizeof(tokens.body), "%s", out->body ? out->body : "");
	tokens.timeout_ms = out->timeout_ms;
}

static gk_code give_token(const gk_outgoing *out, provider_reply *reply, gk_error *err)
{
	unsigned own = ++tokens.asked;
	gk_code rc;

	note(out);
	if (tokens.is_mute)
		return gk_error_set(err, GK_DEADLINE_EXCEEDED, "not finished");
	rc = tokens.is_slow ? gk_fiber_sleep(A_LITTLE_MS, err) : GK_OK;
	if (rc == GK_OK && tokens.is_dead)
		rc = gk_error_set(err, GK_UNAVAILABLE, "connection refused");
	if (rc != GK_OK)
		return rc;
	reply->status = tokens.status;
	reply->header = "metadata-flavor: Google";
	reply->wait_ms = tokens.is_slow_to_tell ? A_LITTLE_MS : 0;
	if (tokens.text)
		reply->text = strdup(tokens.text);
	else if (asprintf(&reply->text,
			 "{\"access_token\":\"token-number-%u\",\"expires_in\":\"3600\"}", own) < 0)
		reply->text = NULL;
	return reply->text ? GK_OK : gk_error_set(err, GK_RESOURCE_EXHAUSTED, "out of memory");
}

static gk_code ask_model(const gk_outgoing *out, provider_reply *reply, gk_error *err)
{
	const char *line = provider_header(out, "Authorization");
	bool is_refused = tokens.refuse_first > 0;

	snprintf(tokens.authorization, sizeof(tokens.authorization), "%s", line ? line : "none");
	tokens.models_asked++;
	tokens.refuse_first -= is_refused;
	reply->status = is_refused ? 401 : 200;
	reply->text = strdup(
		is_refused
			? "{\"error\":{\"message\":\"who are you?\"}}"
			: "{\"choices\":[{\"message\":{\"content\":\"hello\"},\"finish_reason\":\"stop\"}]}");
	return reply->text ? GK_OK : gk_error_set(err, GK_RESOURCE_EXHAUSTED, "out of memory");
}

static gk_code answer(const gk_outgoing *out, provider_reply *reply, gk_error *err)
{
	return (strstr(out->url, "zoo.example") ? ask_model : give_token)(out, reply, err);
}

void tokens_start(void)
{
	core_start();
	tokens = (struct tokens){ .status = 200, .now_s = 1000000 };
	tokens.env = json("{'AZURE_TENANT_ID':'tenant','AZURE_CLIENT_ID':'client',"
			  "'AZURE_CLIENT_SECRET':'very secret & more'}");
	ck_assert(gk_net_set_env(core_app, env_of, NULL));
	ck_assert(gk_net_set_clock(core_app, tell_time, NULL));
	provider_start(answer);
}

void tokens_stop(void)
{
	core_stop();
	json_decref(gk_steal(tokens.env));
}

void tokens_use_foundry(const char *options)
{
	gk_auto_json json_t *all = json(options);

	json_object_set_new(all, "endpoint", json_string("https://zoo.example"));
	ck_assert_int_eq(gk_use_plugin(core_app, "microsoft-foundry", all, NULL), GK_OK);
}

void tokens_ask_well(void)
{
	gk_auto_json json_t *got = core_run(tokens_model, provider_hello());

	assert_json(gk_json_at_peek(got, "message.content"), "[{'text':'hello'}]");
}

static unsigned left;
static json_malloc_t usual_malloc;
static json_free_t usual_free;

static void look_and_free(void *memory)
{
	left += memory && strncmp(memory, "hush", 4) == 0;
	usual_free(memory);
}

void tokens_watch_memory(void)
{
	left = 0;
	json_get_alloc_funcs(&usual_malloc, &usual_free);
	json_set_alloc_funcs(usual_malloc, look_and_free);
}

unsigned tokens_left_in_memory(void)
{
	json_set_alloc_funcs(usual_malloc, usual_free);
	return left;
}
