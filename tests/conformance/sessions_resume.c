/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Answers to interrupts: which are taken (sessions section 4.2). */
#include "sessions.h"

#include "ai/agent.h"

/* As both rules have it: the wide one first, then that of genkitd, which takes answers to the last message alone. */
static gk_code check(json_t *one, bool is_wide, gk_error *err)
{
	return gk_agent_check_resume(
		json_object_get(one, "resume"), json_object_get(one, "history"), is_wide, err);
}

void sessions_run_resume(conformance *run, const char *name, core_app *app, json_t *one)
{
	const char *wide = gk_json_str_peek(one, "error");
	const char *strict = gk_json_str_peek(one, "error_go");
	gk_auto_error gk_error err = { 0 }, strict_err = { 0 };
	gk_code rc = check(one, true, &err), strict_rc = check(one, false, &strict_err);
	bool is_ok = gk_json_bool_at(one, "ok", false);

	(void)app;
	if ((rc == GK_OK) != is_ok)
		conformance_fail(run, name, "it is %s", rc == GK_OK ? "taken" : "refused");
	else if ((strict_rc == GK_OK) != (is_ok && !strict))
		conformance_fail(run, name, "it is %s", strict_rc == GK_OK ? "taken" : "refused");
	else if (rc != GK_OK && rc != GK_INVALID_ARGUMENT)
		conformance_fail(run, name, "its status is %s", gk_code_name(rc));
	else if (wide && strcmp(wide, err.message) != 0)
		conformance_fail(run, name, "'%s' instead of '%s'", err.message, wide);
	else if (strict && strcmp(strict, strict_err.message) != 0)
		conformance_fail(run, name, "'%s' instead of '%s'", strict_err.message, strict);
	else
		conformance_pass(run, name);
}
