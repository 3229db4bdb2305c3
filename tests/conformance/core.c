/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core.h"

static const core_op *const tables[] = { core_action_ops, core_generate_ops, core_middleware_ops,
	core_extract_ops, core_format_ops, core_message_ops, core_rag_ops, core_schema_ops,
	core_tool_ops, core_prompt_ops };
#define TABLES (sizeof(tables) / sizeof(tables[0]))

static const core_op *find_op(const char *file, const char *op)
{
	for (size_t i = 0; i < TABLES; i++)
		for (const core_op *row = tables[i]; row->op; row++)
			if (strcmp(row->op, op) == 0 &&
				(!row->file || conformance_is_file(file, row->file)))
				return row;
	return NULL;
}

void conformance_core(conformance *run, const char *file, json_t *doc)
{
	json_t *cases = json_object_get(doc, "cases"), *one;
	size_t i;

	if (!json_is_array(cases)) {
		conformance_skip(run, "-", "is no list of cases");
		return;
	}
	json_array_foreach (cases, i, one) {
		const char *name = gk_json_str_peek(one, "name"), *op = gk_json_str_peek(one, "op");
		const core_op *row = op ? find_op(file, op) : NULL;

		if (!name)
			name = conformance_number(i);
		if (!row)
			conformance_fail(run, name, "unknown op '%s'", op ? op : "");
		else if (row->run)
			row->run(run, name, one);
		else
			conformance_skip(run, name, "%s comes with %s", op, row->comes_with);
	}
}

void core_expect_error(conformance *run, const char *name, const gk_error *err, const json_t *one)
{
	const char *status = gk_json_str_peek(one, "expectError.status");
	const char *message = gk_json_str_peek(one, "expectError.message");
	const char *got_status = err->is_plain ? "none" : gk_code_name(err->code);

	if (strcmp(got_status, status ? status : "none") != 0)
		conformance_fail(run, name, "error status %s, expected %s (%s)", got_status,
			status ? status : "none", err->message);
	else
		conformance_expect_text(run, name, message ? err->message : NULL, message);
}

void core_expect(conformance *run, const char *name, gk_code rc, const json_t *got,
	const gk_error *err, const json_t *one)
{
	if (rc != GK_OK && json_object_get(one, "expectError"))
		core_expect_error(run, name, err, one);
	else if (rc != GK_OK)
		conformance_fail(run, name, "error %s: %s", gk_code_name(rc), err->message);
	else if (json_object_get(one, "expectError"))
		conformance_fail(run, name, "no error");
	else
		conformance_expect(run, name, got, json_object_get(one, "expect"));
}
