/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What is wrong with the plugins of a configuration, before anybody uses one. */
#include "plugins/common/builtin.h"

#include "base/buf.h"
#include "base/str.h"
#include "json/edit.h"
#include "json/pointer.h"
#include "plugins/common/vendor_internal.h"

typedef struct check {
	gk_buf pointer;
	gk_plugins_tell_fn *tell;
	void *user;
} check;

/* Goes down to a member; what it gives leads back. */
static size_t enter(check *it, const char *name)
{
	size_t before = it->pointer.len;

	gk_buf_putc(&it->pointer, '/');
	gk_json_pointer_escape(&it->pointer, name, strlen(name));
	return before;
}

static void leave(check *it, size_t before)
{
	if (gk_buf_failed(&it->pointer))
		return;
	it->pointer.len = before;
	it->pointer.data[before] = '\0';
}

static void tell(check *it, const char *text)
{
	it->tell(it->user, gk_buf_failed(&it->pointer) ? "" : it->pointer.data, text);
}

static void tell_error(check *it, const gk_error *err)
{
	tell(it, err->message ? err->message : "out of memory");
}

static void check_options(
	check *it, const gk_vendor_type *type, const json_t *options, const char *also)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)options, name, value) {
		gk_auto_error gk_error err = { 0 };
		gk_auto_json json_t *own = NULL;
		const char *known;
		size_t before = enter(it, name);

		if (!gk_str_equal(name, also) &&
			gk_vendor_read_option(type, name, value, &known, &own, &err) != GK_OK)
			tell_error(it, &err);
		leave(it, before);
	}
}

/* A service that is its configuration: it says what it is called. */
static void check_named(check *it, const json_t *options)
{
	const char *name = gk_json_str_peek(options, "name");
	const gk_vendor_type type = { .plugin.name = name, .options = gk_compat_options };
	gk_auto_error gk_error err = { 0 };

	if (name && *name)
		check_options(it, &type, options, "name");
	if (gk_compat_check(options, &err) != GK_OK)
		tell_error(it, &err);
}

static void check_list(check *it, const json_t *list)
{
	json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		size_t before = it->pointer.len;

		gk_buf_printf(&it->pointer, "/%zu", i);
		check_named(it, one);
		leave(it, before);
	}
}

static void check_plugin(check *it, const char *name, const json_t *options)
{
	const gk_vendor_type *type = NULL;
	gk_auto_error gk_error err = { 0 };

	if (gk_builtin_find(name, &type, &err) != GK_OK)
		tell_error(it, &err);
	else if (!type && json_is_array(options))
		check_list(it, options);
	else if (!type)
		check_named(it, options);
	else if (json_is_object(options))
		check_options(it, type, options, NULL);
	else if (options && !json_is_null(options))
		tell(it, "the options of a plugin are a mapping");
}

void gk_plugins_check(const json_t *plugins, gk_plugins_tell_fn *say, void *user)
{
	check it = { .pointer = GK_BUF_INIT(0), .tell = say, .user = user };
	const char *name;
	json_t *options;

	gk_buf_puts(&it.pointer, "");
	json_object_foreach ((json_t *)(uintptr_t)plugins, name, options) {
		size_t before = enter(&it, name);

		check_plugin(&it, name, options);
		leave(&it, before);
	}
	gk_buf_done(&it.pointer);
}
