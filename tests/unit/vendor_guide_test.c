/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What docs/adding-a-provider.md shows is there, and works. */
#include "acme.h"
#include "base/file.h"
#include "provider.h"

static const char *says;
static char *asked; /* the last request: address, key, body */

static gk_code answer(const gk_outgoing *out, provider_reply *reply, gk_error *err)
{
	(void)err;
	free(asked);
	ck_assert_int_gt(asprintf(&asked, "%s %s %s", out->url, provider_header(out, "X-Acme-Key"),
				 out->body),
		0);
	reply->text = strdup(says);
	reply->piece = 3;
	return GK_OK;
}

static void set_up(void)
{
	gk_auto_json json_t *options = json("{'apiKey':'secret-key'}");

	core_start_unseen();
	asked = NULL;
	provider_start(answer);
	ck_assert_int_eq(gk_add_plugin(core_app, &gk_plugin_acme.plugin, options, NULL), GK_OK);
}

static void tear_down(void)
{
	core_stop();
	free(asked);
}

START_TEST(the_provider_of_the_guide_answers)
{
	gk_auto_json json_t *got = NULL;

	says = "{\"text\":\"hello\"}";
	got = core_run("/model/acme/acme-small", provider_hello());
	assert_json(gk_json_at_peek(got, "message.content"), "[{'text':'hello'}]");
	ck_assert_str_eq(asked, "https://api.acme.example/talk secret-key "
				"{\"model\":\"acme-small\",\"prompt\":\"hi\",\"stream\":false}");
}
END_TEST

START_TEST(the_provider_of_the_guide_streams)
{
	gk_auto_json json_t *input = provider_hello();
	core_sink sink;
	gk_run *run;

	says = "{\"text\":\"hel\"}\n{\"text\":\"lo\"}\n{\"done\":true}\n";
	core_sink_init(&sink);
	run = core_begin(GK_OPTS(gk_run_opts, .app = core_app, .key = "/model/acme/acme-9",
		.input = input, .sink = &sink.base, .is_streaming = true));
	core_finish(run);
	assert_json(
		gk_json_at_peek(gk_run_result_peek(run), "message.content"), "[{'text':'hello'}]");
	assert_json(sink.chunks, "[{'index':0,'role':'model','content':[{'text':'hel'}]},"
				 "{'index':0,'role':'model','content':[{'text':'lo'}]}]");
	gk_run_unref(run);
	core_sink_done(&sink);
}
END_TEST

/* Fails the test unless the guide has the file from that text on. */
static void assert_shown(const char *path, const char *from)
{
	gk_auto_str char *guide = NULL, *text = NULL;
	const char *at;
	size_t len;

	ck_assert_int_eq(
		gk_file_read("docs/adding-a-provider.md", 1 << 20, &guide, &len, NULL), GK_OK);
	ck_assert_int_eq(gk_file_read(path, 1 << 20, &text, &len, NULL), GK_OK);
	at = strstr(text, from);
	ck_assert_ptr_nonnull(at);
	ck_assert_msg(strstr(guide, at) != NULL, "the guide should have of %s:\n%s", path, at);
}

START_TEST(the_guide_shows_what_is_there)
{
	assert_shown("src/plugins/zai/zai.c", "#include");
	assert_shown("tests/unit/acme.c", "/* --- conversions --- */");
}
END_TEST

static Suite *vendor_guide_suite(void)
{
	Suite *suite = suite_create("vendor_guide");
	TCase *tcase = tcase_create("vendor_guide");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, the_provider_of_the_guide_answers);
	tcase_add_test(tcase, the_provider_of_the_guide_streams);
	tcase_add_test(tcase, the_guide_shows_what_is_there);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(vendor_guide_suite)
