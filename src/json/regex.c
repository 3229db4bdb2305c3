/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "json/regex.h"

#include "base/limits.h"

#include <pthread.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* PCRE2 keeps its backtracking frames in the match data. One is kept for each thread; a long text, which may need
 * many frames, gets one of its own, so that the memory goes when the match is over. */
#define SHORT_TEXT 4096

/* The first try is cheap, linear in the text and free of charge; a pattern that needs more pays for each further try. */
#define FIRST_LIMIT 2000u
#define PER_BYTE    8u

struct gk_regex {
	pcre2_code *code;
};

/* The compiler recurses for each parenthesis, and fibers have small stacks. There is no just-in-time compiler: it
 * wants memory that is writable and executable, which the daemon's unit forbids. */
static gk_code compile(const char *pattern, size_t len, gk_regex *regex, const char **wrong,
	char wrong_text[static 120])
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(GK_MAX_REGEX * 8u);
	pcre2_compile_context *context;
	PCRE2_SIZE offset;
	int code = 0;

	if (len > GK_MAX_REGEX) {
		*wrong = "pattern too long";
		return GK_INVALID_ARGUMENT;
	}
	*wrong = gk_regex_translate(pattern, len, &text);
	if (*wrong)
		return GK_INVALID_ARGUMENT;
	context = pcre2_compile_context_create(NULL);
	if (!context || gk_buf_failed(&text)) {
		pcre2_compile_context_free(context);
		return GK_RESOURCE_EXHAUSTED;
	}
	pcre2_set_parens_nest_limit(context, GK_MAX_REGEX_DEPTH);
	regex->code = pcre2_compile((PCRE2_SPTR)(text.data ? text.data : ""), text.len,
		PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF |
			PCRE2_NEVER_BACKSLASH_C,
		&code, &offset, context);
	pcre2_compile_context_free(context);
	if (regex->code)
		return GK_OK;
	if (code == PCRE2_ERROR_HEAP_FAILED || code == PCRE2_ERROR_NOMEMORY)
		return GK_RESOURCE_EXHAUSTED;
	pcre2_get_error_message(code, (PCRE2_UCHAR *)wrong_text, 120);
	*wrong = wrong_text;
	return GK_INVALID_ARGUMENT;
}

gk_code gk_regex_compile(const char *pattern, size_t len, gk_regex **ret, gk_error *err)
{
	gk_regex *regex = calloc(1, sizeof(*regex));
	char wrong_text[120];
	const char *wrong = NULL;
	gk_code rc =
		regex ? compile(pattern, len, regex, &wrong, wrong_text) : GK_RESOURCE_EXHAUSTED;

	if (rc == GK_OK) {
		*ret = regex;
		return GK_OK;
	}
	gk_regex_free(regex);
	if (rc == GK_RESOURCE_EXHAUSTED)
		return gk_error_no_memory(err);
	return gk_error_set_plain(err, "Invalid regular expression: /%.*s/u: %s",
		(int)(len > GK_MAX_REGEX ? GK_MAX_REGEX : len), pattern, wrong);
}

void gk_regex_free(gk_regex *regex)
{
	if (!regex)
		return;
	pcre2_code_free(regex->code);
	free(regex);
}

bool gk_regex_is_valid(const char *pattern, size_t len)
{
	gk_regex regex = { 0 };
	char wrong_text[120];
	const char *wrong;
	bool valid = compile(pattern, len, &regex, &wrong, wrong_text) == GK_OK;

	pcre2_code_free(regex.code);
	return valid;
}

/* --- matching --- */

typedef struct matcher {
	pcre2_match_data *data;
	pcre2_match_context *context;
} matcher;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool have_key;

static void free_matcher(void *value)
{
	matcher *m = value;

	if (!m)
		return;
	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->context);
	free(m);
}

static matcher *new_matcher(void)
{
	matcher *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->data = pcre2_match_data_create(1, NULL);
	m->context = pcre2_match_context_create(NULL);
	if (!m->data || !m->context) {
		free_matcher(m);
		return NULL;
	}
	pcre2_set_heap_limit(m->context, GK_PCRE_HEAP_KIB);
	return m;
}

/* The main thread's is freed here: thread-specific destructors run only for threads that end. */
static void __attribute__((destructor)) free_at_exit(void)
{
	if (have_key)
		free_matcher(pthread_getspecific(key));
}

static void make_key(void)
{
	have_key = pthread_key_create(&key, free_matcher) == 0;
}

static matcher *thread_matcher(void)
{
	matcher *m;

	pthread_once(&once, make_key);
	if (!have_key)
		return NULL;
	m = pthread_getspecific(key);
	if (m)
		return m;
	m = new_matcher();
	if (m && pthread_setspecific(key, m) != 0) {
		free_matcher(m);
		return NULL;
	}
	return m;
}

/* A group that is repeated over a long text goes one deeper with each round. */
static uint32_t depth_limit(size_t len)
{
	uint64_t limit = GK_PCRE_DEPTH_LIMIT + (len > SHORT_TEXT ? 4 * (uint64_t)len : 0);

	return limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
}

static gk_regex_result match(
	const gk_regex *regex, const char *text, size_t len, uint64_t *work, matcher *m)
{
	uint64_t limit = FIRST_LIMIT + PER_BYTE * (uint64_t)len;

	pcre2_set_depth_limit(m->context, depth_limit(len));
	for (;;) {
		int rc;

		pcre2_set_match_limit(
			m->context, limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX);
		rc = pcre2_match(regex->code, (PCRE2_SPTR)text, len, 0, 0, m->data, m->context);
		if (rc >= 0)
			return GK_REGEX_MATCH;
		if (rc == PCRE2_ERROR_DEPTHLIMIT || rc == PCRE2_ERROR_HEAPLIMIT ||
			rc == PCRE2_ERROR_NOMEMORY)
			return GK_REGEX_LIMIT;
		if (rc != PCRE2_ERROR_MATCHLIMIT)
			return GK_REGEX_NONE;
		if (limit >= GK_PCRE_MATCH_LIMIT || *work == 0)
			return GK_REGEX_LIMIT;
		limit = limit > GK_PCRE_MATCH_LIMIT / 16 ? GK_PCRE_MATCH_LIMIT : limit * 16;
		if (limit > *work)
			limit = *work;
		*work -= limit;
	}
}

gk_regex_result gk_regex_match(const gk_regex *regex, const char *text, size_t len, uint64_t *work)
{
	uint64_t own_work = 2 * GK_PCRE_MATCH_LIMIT;
	bool is_short = len <= SHORT_TEXT;
	matcher *m = is_short ? thread_matcher() : new_matcher();
	gk_regex_result result;

	if (!m)
		return GK_REGEX_LIMIT;
	result = match(regex, text, len, work ? work : &own_work, m);
	if (!is_short)
		free_matcher(m);
	return result;
}
