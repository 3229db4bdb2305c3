/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "folder.h"
#include "unit.h"

#include "base/buf.h"
#include "base/limits.h"
#include "daemon/config.h"
#include "json/schema.h"
#include "json/yaml.h"

#include <stdio.h>
#include <unistd.h>

#define SECRET "hunter2hunter2"

static const char *const variables[] = { "PORT", "GENKIT_REFLECTION_HOST", "GENKIT_REFLECTION_PORT",
	"GENKIT_RUNTIME_ID", "GENKIT_REFLECTION_V2_SERVER", "CREDENTIALS_DIRECTORY", "TOP" };

static void set_up(void)
{
	folder_make();
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i]);
}

/* Of the file c.yaml, when there is a text for it, and assignments (NULL: none). */
static gk_code try_load(const char *yaml, const char *const *assign, gk_config **ret, gk_error *err)
{
	static const char *const one[] = { "c.yaml", NULL }, *const none[] = { NULL };
	const gk_config_sources sources = { .files = yaml ? one : none, .assign = assign };

	if (yaml)
		folder_put("c.yaml", yaml);
	return gk_config_load(&sources, ret, err);
}

static gk_config *load_with(const char *yaml, const char *const *assign)
{
	gk_auto_error gk_error err = { 0 };
	gk_config *config = NULL;

	if (try_load(yaml, assign, &config, &err) != GK_OK)
		ck_abort_msg("%s", err.message);
	return config;
}

static gk_config *load(const char *yaml)
{
	return load_with(yaml, NULL);
}

static void assert_mistakes_with(const char *yaml, const char *const *assign, const char *expected)
{
	gk_auto_error gk_error err = { 0 };
	gk_config *config = NULL;

	ck_assert_int_eq(try_load(yaml, assign, &config, &err), GK_INVALID_ARGUMENT);
	ck_assert_ptr_null(config);
	ck_assert_str_eq(err.message, expected);
}

static void assert_mistakes(const char *yaml, const char *expected)
{
	assert_mistakes_with(yaml, NULL, expected);
}

/* --- values --- */

START_TEST(without_a_source_every_key_has_its_default)
{
	gk_auto_config gk_config *config = load(NULL);

	assert_json(gk_config_list_peek(config, "server.listen"), "['127.0.0.1:3400']");
	ck_assert_uint_eq(gk_config_uint(config, "server.max_body"), GK_HTTP_FLOW_BODY);
	ck_assert_uint_eq(
		gk_config_uint(config, "server.max_connections"), GK_HTTP_MAX_CONNECTIONS);
	ck_assert_uint_eq(gk_config_uint(config, "server.header_timeout"), GK_HTTP_HEADER_MS);
	ck_assert_uint_eq(gk_config_uint(config, "server.body_timeout"), GK_HTTP_BODY_MS);
	ck_assert_uint_eq(gk_config_uint(config, "server.idle_timeout"), GK_HTTP_IDLE_MS);
	ck_assert_uint_eq(gk_config_uint(config, "server.drain_timeout"), GK_DRAIN_MS);
	ck_assert_uint_eq(gk_config_uint(config, "server.keep_awake"), GK_AWAKE_MS);
	ck_assert_uint_eq(
		gk_config_uint(config, "http_client.max_host_connections"), GK_FETCH_HOST_CONNS);
	ck_assert_uint_eq(
		gk_config_uint(config, "http_client.max_idle_connections"), GK_FETCH_IDLE_CONNS);
	ck_assert_uint_eq(gk_config_uint(config, "trace.max_attributes"), GK_SPAN_ATTRIBUTES);
	ck_assert_uint_eq(gk_config_uint(config, "trace.max_event_attributes"), GK_SPAN_ATTRIBUTES);
	ck_assert_uint_eq(gk_config_uint(config, "trace.max_events"), GK_SPAN_EVENTS);
	ck_assert_uint_eq(
		gk_config_uint(config, "trace.max_attribute_size"), GK_SPAN_ATTRIBUTE_SIZE);
	ck_assert_uint_eq(gk_config_uint(config, "trace.max_messages"), GK_SPAN_MESSAGES);
	ck_assert(!gk_config_bool(config, "reflection.enabled"));
	ck_assert_str_eq(gk_config_str(config, "reflection.listen"), "127.0.0.1:3100");
	ck_assert_ptr_null(gk_config_str(config, "server.auth"));
	ck_assert_ptr_null(gk_config_list_peek(config, "exec"));
	for (const gk_config_key *key = gk_config_keys; key->name; key++)
		ck_assert_ptr_null(gk_config_where(config, key->name));
}
END_TEST

START_TEST(a_destination_has_the_usual_limits)
{
	gk_auto_config gk_config *config = load(
		"telemetry: { export: [{ backend: custom, endpoint: 'http://x/v1/traces' }] }\n");
	json_t *entry = json_array_get(gk_config_list_peek(config, "telemetry.export"), 0);

	ck_assert_int_eq(gk_json_int_at(entry, "timeout", 0), GK_EXPORT_TIMEOUT_MS);
	ck_assert_int_eq(gk_json_int_at(entry, "queue", 0), GK_EXPORT_QUEUE);
	ck_assert_int_eq(gk_json_int_at(entry, "batch", 0), GK_EXPORT_BATCH);
}
END_TEST

START_TEST(values_are_typed_by_their_keys_and_not_by_yaml)
{
	gk_auto_config gk_config *config =
		load("server:\n"
		     "  listen: [127.0.0.1:0, \"[::1]:0\", unix:/tmp/x]\n"
		     "  max_body: 2MiB\n"
		     "  idle_timeout: 2m\n"
		     "  max_connections: 0012\n"
		     "  durable_streams: true\n"
		     "  flows: yes\n"
		     "reflection:\n"
		     "  name: 1.0\n"
		     "  runtime_id: 007\n"
		     "log:\n");

	assert_json(gk_config_list_peek(config, "server.listen"),
		"['127.0.0.1:0','[::1]:0','unix:/tmp/x']");
	ck_assert_uint_eq(gk_config_uint(config, "server.max_body"), 2u << 20);
	ck_assert_uint_eq(gk_config_uint(config, "server.idle_timeout"), 120000);
	ck_assert_uint_eq(gk_config_uint(config, "server.max_connections"), 12);
	ck_assert(gk_config_bool(config, "server.durable_streams"));
	assert_json(gk_config_list_peek(config, "server.flows"), "['yes']");
	ck_assert_str_eq(gk_config_str(config, "reflection.name"), "1.0");
	ck_assert_str_eq(gk_config_str(config, "reflection.runtime_id"), "007");
	ck_assert_str_eq(gk_config_where(config, "server.max_body"), "c.yaml:3:3");
	ck_assert_ptr_null(gk_config_where(config, "server.run_timeout"));
}
END_TEST

START_TEST(later_files_replace_values_and_add_to_lists)
{
	static const char *const files[] = { "a.yaml", "b.yaml", NULL };
	gk_auto_config gk_config *config = NULL;

	folder_put("a.yaml", "modules: one\nserver: {listen: 127.0.0.1:1, max_body: 1KiB}\n"
			     "plugins: {openai: {timeout: 1, headers: {c: 2}}}\n"
			     "exec: [{name: x, command: [/bin/true]}]\n");
	folder_put("b.yaml", "modules: [two, three]\nserver: {listen: [127.0.0.1:2], max_body: }\n"
			     "plugins: {openai: {headers: {d: 3}}}\n"
			     "exec: [{name: y, command: /bin/true}]\n");
	ck_assert_int_eq(
		gk_config_load(&(gk_config_sources){ .files = files }, &config, NULL), GK_OK);
	assert_json(gk_config_list_peek(config, "modules"), "['one','two','three']");
	assert_json(gk_config_list_peek(config, "server.listen"), "['127.0.0.1:2']");
	ck_assert_uint_eq(gk_config_uint(config, "server.max_body"), GK_HTTP_FLOW_BODY);
	assert_json(gk_config_map_peek(config, "plugins"),
		"{'openai':{'timeout':'1','headers':{'c':'2','d':'3'}}}");
	ck_assert_uint_eq(json_array_size(gk_config_list_peek(config, "exec")), 2);
	ck_assert_str_eq(
		gk_config_entry_where(json_array_get(gk_config_list_peek(config, "exec"), 1)),
		"b.yaml:4:8");
}
END_TEST

START_TEST(an_assignment_goes_over_all_files_and_replaces_lists)
{
	static const char *const assign[] = { "modules=[a, b]", "server.listen=[::1]:0",
		"log.level=debug", "log.level=error", "plugins={xai: {timeout: 1}}", NULL };
	gk_auto_config gk_config *config =
		load_with("modules: [c]\nlog: {level: warn}\nplugins: {zai: {}}\n", assign);

	assert_json(gk_config_list_peek(config, "modules"), "['a','b']");
	assert_json(gk_config_list_peek(config, "server.listen"), "['[::1]:0']");
	ck_assert_str_eq(gk_config_str(config, "log.level"), "error");
	assert_json(gk_config_map_peek(config, "plugins"), "{'xai':{'timeout':'1'}}");
	ck_assert_str_eq(gk_config_where(config, "log.level"), "--set");
}
END_TEST

/* Something that the key takes and is not its default. */
static const char *sample(const gk_config_key *key, char *room, size_t size)
{
	switch (key->type) {
	case GK_CONFIG_BOOL:
		return strcmp(key->fallback, "true") == 0 ? "false" : "true";
	case GK_CONFIG_UINT:
		snprintf(room, size, "%llu", (unsigned long long)(key->max ? key->max : 7));
		return room;
	case GK_CONFIG_DURATION:
		return "77s";
	case GK_CONFIG_SIZE:
		return "77KiB";
	case GK_CONFIG_ENUM:
		return key->choices[1];
	case GK_CONFIG_STRINGS:
	case GK_CONFIG_SECRETS:
		return "[one, two]";
	case GK_CONFIG_SETTINGS:
		return "{some: thing}";
	case GK_CONFIG_MAP:
		return "{openai: {timeout: 1}}";
	case GK_CONFIG_ENTRIES:
		return "[{name: n, command: [/bin/true, x], type: tool, description: d, input: {type: number}, "
		       "output: string, stream: true, timeout: 5s, directory: /, env: {A: b}, max_concurrent: 3}]";
	default:
		return "some text";
	}
}

/* A sample for keys whose text has a form of its own. */
static const char *sample_of(const gk_config_key *key, char *room, size_t size)
{
	if (strcmp(key->name, "server.listen") == 0)
		return "[127.0.0.1:0, unix:/tmp/x]";
	if (strcmp(key->name, "reflection.listen") == 0)
		return "127.0.0.1:7";
	if (strcmp(key->name, "server.api_keys") == 0)
		return "[one, two]";
	if (strcmp(key->name, "telemetry.export") == 0)
		return "[{backend: custom, endpoint: http://c, headers: {a: b}, signals: [logs]}]";
	if (strcmp(key->name, "prompts") == 0)
		return "[{directory: /p, prefix: shop, flows: false}]";
	if (strcmp(key->name, "agents") == 0)
		return "[{name: n, prompt: p, input: {a: {b: 1}}, description: d, state: client, "
		       "state_schema: {n: integer}}]";
	if (strcmp(key->name, "trace.sample") == 0)
		return "7";
	return sample(key, room, size);
}

START_TEST(every_key_can_be_set_by_an_assignment)
{
	gk_auto_config gk_config *plain = load(NULL);

	for (const gk_config_key *key = gk_config_keys; key->name; key++) {
		gk_auto_config gk_config *config = NULL;
		const char *assign[] = { NULL, "server.auth=api_key", "server.api_keys=k", NULL };
		char room[32];
		gk_auto_str char *text = NULL;

		ck_assert_int_gt(
			asprintf(&text, "%s=%s", key->name, sample_of(key, room, sizeof(room))), 0);
		assign[0] = text;
		if (strcmp(key->name, "server.auth") == 0)
			assign[1] = "log.level=info";
		if (strcmp(key->name, "server.api_keys") == 0)
			assign[2] = NULL;
		config = load_with(NULL, assign);
		ck_assert_str_eq(gk_config_where(config, key->name), "--set");
		ck_assert_msg(!gk_config_is_same(config, plain, key->name), "%s", key->name);
	}
}
END_TEST

START_TEST(what_it_prints_can_be_read_again)
{
	gk_auto_config gk_config *config = NULL, *again = NULL;
	gk_auto_str char *text = NULL;

	setenv("TOP", "77s", true);
	config = load("server: {listen: [127.0.0.1:0], run_timeout: \"${TOP}\", max_body: 3KiB,\n"
		      "  cors: {origins: ['*']}}\n"
		      "reflection: {name: \"a: b # c\", enabled: true}\n"
		      "modules: [x, ./y.so]\n"
		      "log: {level: warn, format: json}\n");
	text = gk_config_print(config);
	again = load(text);
	for (const gk_config_key *key = gk_config_keys; key->name; key++)
		ck_assert_msg(
			gk_config_is_same(config, again, key->name), "%s in\n%s", key->name, text);
}
END_TEST

/* --- mistakes --- */

START_TEST(all_mistakes_are_told_at_once_each_with_its_place)
{
	static const char *const assign[] = { "log.level=loud", "loglevel", "no.such=1", NULL };

	assert_mistakes_with("sever:\n"
			     "  listen: 127.0.0.1:0\n"
			     "server:\n"
			     "  listen: 0.0.0.0:1\n"
			     "  max_body: lots\n"
			     "  idle_timout: 3s\n"
			     "  idle_timeout: 3ms\n"
			     "  max_connections: 70000\n"
			     "  durable_streams: yes\n"
			     "  api_keys: [[x]]\n"
			     "  cors: '*'\n"
			     "exec:\n"
			     "  - name: a\n"
			     "    comand: x\n"
			     "    input: {type: object, properties: 7}\n"
			     "    output: '{\"type\": \"array\", \"items\": 3}'\n"
			     "  - 7\n"
			     "  - {name: b, command: [], type: tool, env: {A=B: c, D: [e]}}\n"
			     "  - {name: b, command: [x], type: tool, timeout: soon}\n"
			     "modules: {a: b}\n"
			     "plugins: 3\n"
			     "log.level: info\n",
		assign,
		"c.yaml:1:1: unknown key 'sever' (did you mean 'server'?)\n"
		"c.yaml:5:3: server.max_body: 'lots' is not a size (512, 64KiB, 16MiB, 1GiB)\n"
		"c.yaml:6:3: unknown key 'server.idle_timout' (did you mean 'server.idle_timeout'?)\n"
		"c.yaml:7:3: server.idle_timeout: 3ms is not between 1s and 31622400s\n"
		"c.yaml:8:3: server.max_connections: 70000 is not between 1 and 65535\n"
		"c.yaml:9:3: server.durable_streams: 'yes' is not true or false\n"
		"c.yaml:10:14: server.api_keys[0]: this is not a string\n"
		"c.yaml:11:3: server.cors: this is not a mapping of keys\n"
		"c.yaml:14:5: unknown key 'exec[0].comand' (did you mean 'exec[0].command'?)\n"
		"c.yaml:15:5: exec[0].input: schema is invalid: data/properties must be object\n"
		"c.yaml:16:5: exec[0].output: schema is invalid: data/items must be object,boolean, data/items must be "
		"array, data/items must match a schema in anyOf\n"
		"c.yaml:13:5: exec[0]: it has no 'command'\n"
		"c.yaml:17:5: exec[1]: this is not a mapping\n"
		"c.yaml:18:46: exec[2].env.A=B: 'A=B' cannot name a variable\n"
		"c.yaml:18:54: exec[2].env.D: this is not a string\n"
		"c.yaml:19:41: exec[3].timeout: 'soon' is not a time (250ms, 10s, 5m, 2h, 1d)\n"
		"c.yaml:20:1: modules: this is not a string or a list of strings\n"
		"c.yaml:21:1: plugins: this is not a mapping\n"
		"c.yaml:22:1: unknown key 'log.level': what follows a dot stands below what is before it\n"
		"--set: log.level: 'loud' is not error, warn, info or debug\n"
		"--set: loglevel: KEY=VALUE is expected\n"
		"--set: unknown key 'no.such'\n"
		"c.yaml:4:3: server.listen: other machines can reach 0.0.0.0:1, and nothing says who may "
		"call: set server.auth to api_key, or to none if everybody may\n"
		"c.yaml:18:5: exec[2].command: it is empty\n"
		"c.yaml:18:5: exec[2]: a tool needs a description: the model reads it\n"
		"c.yaml:19:5: exec[3]: there is another tool 'b' at c.yaml:18:5\n"
		"c.yaml:19:5: exec[3]: a tool needs a description: the model reads it");
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_named)
{
	static const char *const missing[] = { "none.yaml", ".", NULL };
	gk_config *config = NULL;
	gk_auto_error gk_error err = { 0 };

	ck_assert_int_eq(gk_config_load(&(gk_config_sources){ .files = missing }, &config, &err),
		GK_INVALID_ARGUMENT);
	ck_assert_str_eq(err.message, "none.yaml: No such file or directory\n.: Is a directory");
	assert_mistakes("- 1\n", "c.yaml:1:1: this is not a mapping of keys");
	assert_mistakes("a: [\n", "c.yaml:2:1: did not find expected node content");
	assert_mistakes("server: {listen: a, listen: b}\n", "c.yaml:1:21: duplicate key 'listen'");
}
END_TEST

START_TEST(a_key_in_the_wrong_section_is_pointed_to_the_right_one)
{
	assert_mistakes(
		"level: info\n", "c.yaml:1:1: unknown key 'level' (did you mean 'log.level'?)");
	assert_mistakes("server: {origins: ['*']}\n",
		"c.yaml:1:10: unknown key 'server.origins' (did you mean 'server.cors.origins'?)");
	assert_mistakes("zzzzzz: 1\n", "c.yaml:1:1: unknown key 'zzzzzz'");
}
END_TEST

START_TEST(a_file_may_have_a_mebibyte_and_no_more)
{
	gk_auto_str char *text = malloc(GK_MAX_CONFIG + 2);
	gk_config *config;

	memset(text, '#', GK_MAX_CONFIG + 1);
	text[GK_MAX_CONFIG + 1] = '\0';
	assert_mistakes(text, "c.yaml: larger than 1048576 bytes");
	text[GK_MAX_CONFIG] = '\0';
	config = load(text);
	gk_config_free(config);
}
END_TEST

START_TEST(so_many_mistakes_that_they_do_not_fit_are_cut_and_still_told)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	gk_auto_error gk_error err = { 0 };
	gk_config *config = NULL;

	for (unsigned i = 0; i < 5000; i++)
		gk_buf_printf(&text, "no_such_key_as_this_%u: 1\n", i);
	ck_assert_int_eq(try_load(text.data, NULL, &config, &err), GK_INVALID_ARGUMENT);
	ck_assert_ptr_nonnull(
		strstr(err.message, "c.yaml:1:1: unknown key 'no_such_key_as_this_0'"));
	ck_assert_uint_lt(strlen(err.message), GK_MAX_ERROR_MESSAGE);
	ck_assert_uint_gt(strlen(err.message), GK_MAX_ERROR_MESSAGE / 2);
}
END_TEST

/* --- who may call --- */

START_TEST(beyond_loopback_the_configuration_says_who_may_call)
{
	static const char *const ours[] = { "127.0.0.1:1", "127.7.7.7:1", "localhost:1", "[::1]:1",
		"unix:/x" };
	static const char *const theirs[] = { "0.0.0.0:1", "[::]:1", "10.0.0.1:1",
		"example.org:1" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		gk_auto_str char *set = NULL;
		gk_auto_config gk_config *config = NULL;

		ck_assert_int_gt(asprintf(&set, "server.listen=%s", ours[i]), 0);
		config = load_with(NULL, (const char *[]){ set, NULL });
	}
	for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++) {
		gk_auto_str char *set = NULL, *text = NULL;
		gk_auto_config gk_config *config = NULL;

		ck_assert_int_gt(asprintf(&set, "server.listen=%s", theirs[i]), 0);
		ck_assert_int_gt(
			asprintf(&text,
				"--set: server.listen: other machines can reach %s, and nothing says who may call: set "
				"server.auth to api_key, or to none if everybody may",
				theirs[i]),
			0);
		assert_mistakes_with(NULL, (const char *[]){ set, NULL }, text);
		config = load_with(NULL, (const char *[]){ set, "server.auth=none", NULL });
	}
	assert_mistakes("server: {listen: 'nowhere'}\n",
		"c.yaml:1:10: server.listen: 'nowhere' is not HOST:PORT, [IPv6]:PORT or unix:/path");
}
END_TEST

START_TEST(the_reflection_api_knows_no_keys_and_stays_on_loopback)
{
	static const char *const yaml = "server: {auth: api_key, api_keys: [k]}\n"
					"reflection: {enabled: true, listen: 0.0.0.0:1}\n";
	gk_auto_config gk_config *config = NULL;

	assert_mistakes(yaml,
		"c.yaml:2:29: reflection.listen: other machines can reach 0.0.0.0:1, and nothing says who may call: "
		"the reflection API asks for no key; listen on 127.0.0.1, or set server.auth to none if everybody may");
	config = load("reflection: {enabled: false, listen: 0.0.0.0:1}\n");
}
END_TEST

START_TEST(keys_and_what_asks_for_them_belong_together)
{
	assert_mistakes("server: {auth: api_key}\n",
		"c.yaml:1:10: server.auth: api_key lets nobody in without server.api_keys");
	assert_mistakes("server: {api_keys: [a]}\n",
		"c.yaml:1:10: server.api_keys: nothing asks for them; set server.auth to api_key");
	assert_mistakes("server: {auth: api_key, api_keys: [a, '']}\n",
		"c.yaml:1:25: server.api_keys[1]: the key is empty");
	assert_mistakes("server: {auth: api_kez, api_keys: [a], listen: 0.0.0.0:1}\n",
		"c.yaml:1:10: server.auth: 'api_kez' is not none or api_key (did you mean 'api_key'?)");
}
END_TEST

/* --- references --- */

START_TEST(references_stand_for_variables_files_and_credentials)
{
	gk_auto_config gk_config *config = NULL;

	setenv("TOP", "top", true);
	setenv("CREDENTIALS_DIRECTORY", ".", true);
	folder_put("key", "in a file\n");
	folder_put("cred", "by systemd");
	config = load(
		"server:\n"
		"  auth: api_key\n"
		"  api_keys: ['${TOP}', 'a ${file:key} b', '${credential:cred}', '$${TOP} $TOP $']\n"
		"plugins: {ollama: {models: ['${TOP}', {name: '${file:key}'}]}}\n"
		"exec: [{name: n, command: ['${TOP}'], env: {K: '${TOP}'}}]\n");
	assert_json(gk_config_list_peek(config, "server.api_keys"),
		"['top','a in a file b','by systemd','${TOP} $TOP $']");
	assert_json(gk_config_map_peek(config, "plugins"),
		"{'ollama':{'models':['top',{'name':'in a file'}]}}");
	assert_json(json_object_get(json_array_get(gk_config_list_peek(config, "exec"), 0), "env"),
		"{'K':'top'}");
}
END_TEST

START_TEST(a_reference_to_nothing_is_a_mistake)
{
	setenv("CREDENTIALS_DIRECTORY", ".", true);
	setenv("TOP", "caf\xe9", true);
	folder_put_bytes("nul", "a\0b", 3);
	folder_put("latin1", "caf\xe9");
	assert_mistakes(
		"reflection:\n"
		"  name: '${NOT_SET_ANYWHERE}'\n"
		"server:\n"
		"  flows: ['${file:none}', '${file:nul}', '${file:latin1}', '${credential:none}',\n"
		"    '${credential:../key}', '${1A}', '${', '${TOP}', '${file:.}']\n",
		"c.yaml:2:3: reflection.name: the environment has no variable NOT_SET_ANYWHERE\n"
		"c.yaml:4:11: server.flows[0]: none: No such file or directory\n"
		"c.yaml:4:27: server.flows[1]: nul: it is no text\n"
		"c.yaml:4:42: server.flows[2]: latin1: it is no UTF-8\n"
		"c.yaml:4:60: server.flows[3]: ./none: No such file or directory\n"
		"c.yaml:5:5: server.flows[4]: '../key' is no name of a credential\n"
		"c.yaml:5:29: server.flows[5]: ${1A}: ${NAME}, ${file:/path} or ${credential:name} is expected "
		"($${ stands for ${)\n"
		"c.yaml:5:38: server.flows[6]: '${' without its '}'\n"
		"c.yaml:5:44: server.flows[7]: $TOP is no UTF-8\n"
		"c.yaml:5:54: server.flows[8]: .: Is a directory");
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_mistakes("reflection: {name: '${credential:x}'}\n",
		"c.yaml:1:14: reflection.name: there is no credential 'x': $CREDENTIALS_DIRECTORY is not set");
}
END_TEST

START_TEST(a_secret_may_have_64_kib_and_no_more)
{
	gk_auto_str char *text = malloc(GK_MAX_SECRET + 1);
	gk_config *config;

	memset(text, 'x', GK_MAX_SECRET + 1);
	folder_put_bytes("key", text, GK_MAX_SECRET + 1);
	assert_mistakes("reflection: {name: '${file:key}'}\n",
		"c.yaml:1:14: reflection.name: key: larger than 65536 bytes");
	folder_put_bytes("key", text, GK_MAX_SECRET);
	config = load("reflection: {name: '${file:key}'}\n");
	ck_assert_uint_eq(strlen(gk_config_str(config, "reflection.name")), GK_MAX_SECRET);
	gk_config_free(config);
}
END_TEST

/* However a reference is misplaced. */
START_TEST(what_a_reference_stands_for_is_never_printed)
{
	setenv("TOP", SECRET, true);
	for (const gk_config_key *key = gk_config_keys; key->name; key++) {
		gk_auto_str char *set = NULL, *printed = NULL;
		gk_auto_config gk_config *config = NULL;
		gk_auto_error gk_error err = { 0 };
		bool is_flow = key->type == GK_CONFIG_MAP || key->type == GK_CONFIG_ENTRIES;

		ck_assert_int_gt(
			asprintf(&set,
				!is_flow ? "%s=${TOP}"
				: key->type == GK_CONFIG_MAP
					? "%s={a: {b: \"${TOP}\"}}"
					: "%s=[{name: x, command: [\"${TOP}\"], env: {A: \"${TOP}\"}}]",
				key->name),
			0);
		if (try_load(NULL, (const char *[]){ set, "reflection.enabled=true", NULL },
			    &config, &err) == GK_OK)
			printed = gk_config_print(config);
		ck_assert_msg(printed || err.message, "%s", key->name);
		ck_assert_msg(!strstr(printed ? printed : err.message, SECRET), "%s: %s", key->name,
			printed ? printed : err.message);
	}
}
END_TEST

START_TEST(what_is_wrong_with_a_plugin_is_told_where_it_stands)
{
	assert_mistakes("plugins:\n"
			"  openai:\n"
			"    api_key: " SECRET "\n"
			"    bse_url: " SECRET "\n"
			"    timeout: " SECRET "\n"
			"  opneai: {}\n"
			"  ollama: " SECRET "\n"
			"  xai:\n"
			"  compat:\n"
			"    - {name: a/b, base_url: x, json_mode: " SECRET "}\n"
			"    - name: lab\n"
			"      base_ulr: " SECRET "\n"
			"    - base_url: " SECRET "\n"
			"    - 7\n",
		"c.yaml:4:5: plugins: plugin openai: there is no option 'bse_url'; did you mean 'base_url'?\n"
		"c.yaml:5:5: plugins: plugin openai: option 'timeout' must be a number from 0\n"
		"c.yaml:6:3: plugins: there is no plugin 'opneai'; did you mean 'openai'?\n"
		"c.yaml:7:3: plugins: the options of a plugin are a mapping\n"
		"c.yaml:10:7: plugins: plugin a/b: option 'jsonMode' is schema, object or none\n"
		"c.yaml:12:7: plugins: plugin lab: there is no option 'base_ulr'; did you mean 'base_url'?\n"
		"c.yaml:13:7: plugins: plugin compat: a service is a mapping with 'name' and 'base_url'\n"
		"c.yaml:14:7: plugins: plugin compat: a service is a mapping with 'name' and 'base_url'");
}
END_TEST

START_TEST(a_key_that_stands_in_the_file_is_not_printed_either)
{
	gk_auto_config gk_config *config =
		load("server: {auth: api_key, api_keys: " SECRET "}\n"
		     "plugins: {openai: {api_key: " SECRET "}}\n"
		     "exec: [{name: n, command: [x, " SECRET "], env: {K: " SECRET "}}]\n");
	gk_auto_str char *printed = gk_config_print(config);
	gk_auto_error gk_error err = { 0 };

	ck_assert_msg(!strstr(printed, SECRET), "%s", printed);
	gk_config_free(config);
	config = NULL;
	ck_assert_int_eq(try_load("server: {api_keys: {a: " SECRET "}}\nplugins: " SECRET "\n"
				  "exec: [{name: n, command: x, env: " SECRET "}]\n",
				 NULL, &config, &err),
		GK_INVALID_ARGUMENT);
	ck_assert_msg(!strstr(err.message, SECRET), "%s", err.message);
}
END_TEST

/* --- the environment --- */

START_TEST(the_environment_changes_defaults_and_names_this_runtime)
{
	gk_config *config;

	setenv("PORT", "8080", true);
	setenv("GENKIT_REFLECTION_HOST", "::1", true);
	setenv("GENKIT_REFLECTION_PORT", "4000", true);
	setenv("GENKIT_RUNTIME_ID", "me", true);
	setenv("GENKIT_REFLECTION_V2_SERVER", "ws://127.0.0.1:9", true);
	config = load("reflection: {runtime_id: you}\n");
	assert_json(gk_config_list_peek(config, "server.listen"), "['127.0.0.1:8080']");
	ck_assert_str_eq(gk_config_str(config, "reflection.listen"), "[::1]:4000");
	ck_assert_str_eq(gk_config_str(config, "reflection.runtime_id"), "me");
	ck_assert_str_eq(gk_config_str(config, "reflection.manager"), "ws://127.0.0.1:9");
	ck_assert_str_eq(gk_config_where(config, "server.listen"), "$PORT");
	ck_assert_str_eq(gk_config_where(config, "reflection.runtime_id"), "$GENKIT_RUNTIME_ID");
	gk_config_free(config);
	config = load("server: {listen: 127.0.0.1:1}\nreflection: {listen: 127.0.0.1:2}\n");
	assert_json(gk_config_list_peek(config, "server.listen"), "['127.0.0.1:1']");
	ck_assert_str_eq(gk_config_str(config, "reflection.listen"), "127.0.0.1:2");
	gk_config_free(config);
	setenv("PORT", "http", true);
	assert_mistakes(NULL, "$PORT: 'http' is no port");
}
END_TEST

START_TEST(development_turns_reflection_on_unless_it_is_turned_off)
{
	static const char *const none[] = { NULL };
	gk_config_sources sources = { .files = none, .is_dev = true };
	gk_config *config = NULL;

	ck_assert_int_eq(gk_config_load(&sources, &config, NULL), GK_OK);
	ck_assert(gk_config_bool(config, "reflection.enabled"));
	gk_config_free(config);
	sources.assign = (const char *[]){ "reflection.enabled=false", NULL };
	ck_assert_int_eq(gk_config_load(&sources, &config, NULL), GK_OK);
	ck_assert(!gk_config_bool(config, "reflection.enabled"));
	gk_config_free(config);
}
END_TEST

/* --- the schema --- */

static gk_code check_against_schema(const char *yaml)
{
	gk_auto_json json_t *json_schema = gk_config_schema();
	gk_auto_error gk_error err = { 0 };
	gk_auto_yaml gk_yaml *doc = NULL;
	gk_schema *schema = NULL;
	gk_code rc;

	ck_assert_ptr_nonnull(json_schema);
	ck_assert_int_eq(gk_schema_compile(json_schema, NULL, NULL, &schema, NULL), GK_OK);
	ck_assert_int_eq(
		gk_yaml_parse(yaml, strlen(yaml), "c.yaml", GK_YAML_CORE, &doc, NULL), GK_OK);
	rc = gk_schema_check(schema, gk_yaml_value_peek(doc), &err);
	gk_schema_unref(schema);
	return rc;
}

START_TEST(the_json_schema_takes_what_the_daemon_takes)
{
	static const char *const good =
		"server: {listen: [127.0.0.1:0], max_body: 16MiB, idle_timeout: 90s, max_connections: 5,\n"
		"  auth: api_key, api_keys: [\"${TOP}\"], cors: {origins: '*'}, durable_streams: \"${FLAG}\"}\n"
		"reflection: {enabled: true}\n"
		"modules: [a]\n"
		"plugins: {openai: {api_key: \"${TOP}\", baseURL: 'http://a', max_concurrent: \"${COUNT}\"}, ollama: {},\n"
		"  compat: [{name: lab, base_url: 'http://a', headers: {A: 1}, stream_usage: false}],\n"
		"  huggingface: {token: false, provider: p}}\n"
		"exec: [{name: n, command: [x], type: tool, description: d, input: {type: number}, env: {A: 1}}]\n"
		"log: {level: debug}\n";
	static const char *const bad[] = { "sever: {}", "log: {level: loud}", "server: {listen: 7}",
		"server: {max_body: lots}", "server: {max_connections: 70000}", "exec: [{name: n}]",
		"exec: [{name: n, command: x, comand: y}]", "reflection: {enabled: maybe}",
		"plugins: {opnai: {}}", "plugins: {openai: {base_ulr: x}}",
		"plugins: {openai: {timeout: -1}}", "plugins: {compat: [{base_url: 'http://a'}]}" };
	gk_config *config;

	setenv("TOP", "k", true);
	setenv("FLAG", "true", true);
	setenv("COUNT", "7", true);
	config = load(good);
	gk_config_free(config);
	ck_assert_int_eq(check_against_schema(good), GK_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(check_against_schema(bad[i]) != GK_OK, "%s", bad[i]);
}
END_TEST

START_TEST(every_key_is_in_the_schema_with_its_default)
{
	gk_auto_json json_t *schema = gk_config_schema();

	for (const gk_config_key *key = gk_config_keys; key->name; key++) {
		json_t *at = schema;
		const char *rest = key->name;

		while (at && *rest) {
			size_t len = strcspn(rest, ".");
			gk_auto_str char *name = strndup(rest, len);

			at = json_object_get(json_object_get(at, "properties"), name);
			rest += len + (rest[len] == '.');
		}
		ck_assert_msg(at, "%s", key->name);
		ck_assert_str_eq(gk_json_str_peek(at, "description"), key->help);
		ck_assert_msg(!key->fallback == !json_object_get(at, "default"), "%s", key->name);
	}
}
END_TEST

/* --- memory --- */

static bool load_everything(void)
{
	gk_config *config = NULL;
	gk_auto_error gk_error err = { 0 };
	gk_code rc = try_load(NULL,
		(const char *[]){ "server.listen=[127.0.0.1:0, \"${TOP}\"]",
			"plugins={ollama: {models: [c]}}",
			"exec=[{name: n, command: [x], input: {type: number}, env: {A: b}}]",
			NULL },
		&config, &err);

	gk_config_free(config);
	return rc == GK_OK;
}

START_TEST(loading_survives_a_lack_of_memory)
{
	setenv("TOP", "127.0.0.1:1", true);
	fault_sweep(load_everything);
}
END_TEST

static bool print_all(void)
{
	gk_auto_json json_t *schema = gk_config_schema();
	gk_auto_str char *manual = gk_config_manual();

	return schema && manual;
}

START_TEST(printing_survives_a_lack_of_memory)
{
	fault_sweep(print_all);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("config");
	TCase *values = tcase_create("values"), *mistakes = tcase_create("mistakes");
	TCase *references = tcase_create("references"), *schema = tcase_create("schema");
	TCase *cases[] = { values, mistakes, references, schema };

	tcase_add_test(values, without_a_source_every_key_has_its_default);
	tcase_add_test(values, a_destination_has_the_usual_limits);
	tcase_add_test(values, values_are_typed_by_their_keys_and_not_by_yaml);
	tcase_add_test(values, later_files_replace_values_and_add_to_lists);
	tcase_add_test(values, an_assignment_goes_over_all_files_and_replaces_lists);
	tcase_add_test(values, every_key_can_be_set_by_an_assignment);
	tcase_add_test(values, what_it_prints_can_be_read_again);
	tcase_add_test(values, the_environment_changes_defaults_and_names_this_runtime);
	tcase_add_test(values, development_turns_reflection_on_unless_it_is_turned_off);
	tcase_add_test(mistakes, all_mistakes_are_told_at_once_each_with_its_place);
	tcase_add_test(mistakes, a_file_that_cannot_be_read_is_named);
	tcase_add_test(mistakes, a_key_in_the_wrong_section_is_pointed_to_the_right_one);
	tcase_add_test(mistakes, a_file_may_have_a_mebibyte_and_no_more);
	tcase_add_test(mistakes, so_many_mistakes_that_they_do_not_fit_are_cut_and_still_told);
	tcase_add_test(mistakes, beyond_loopback_the_configuration_says_who_may_call);
	tcase_add_test(mistakes, the_reflection_api_knows_no_keys_and_stays_on_loopback);
	tcase_add_test(mistakes, keys_and_what_asks_for_them_belong_together);
	tcase_add_test(references, references_stand_for_variables_files_and_credentials);
	tcase_add_test(references, a_reference_to_nothing_is_a_mistake);
	tcase_add_test(references, a_secret_may_have_64_kib_and_no_more);
	tcase_add_test(references, what_a_reference_stands_for_is_never_printed);
	tcase_add_test(references, what_is_wrong_with_a_plugin_is_told_where_it_stands);
	tcase_add_test(references, a_key_that_stands_in_the_file_is_not_printed_either);
	tcase_add_test(schema, the_json_schema_takes_what_the_daemon_takes);
	tcase_add_test(schema, every_key_is_in_the_schema_with_its_default);
	tcase_add_test(schema, loading_survives_a_lack_of_memory);
	tcase_add_test(schema, printing_survives_a_lack_of_memory);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tcase_add_checked_fixture(cases[i], set_up, folder_drop);
		suite_add_tcase(s, cases[i]);
	}
	return s;
}

UNIT_MAIN(suite)
