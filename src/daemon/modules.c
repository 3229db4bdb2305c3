/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "daemon/modules.h"

#include "base/log.h"
#include "base/str.h"
#include "base/table.h"
#include "daemon/paths.h"
#include "json/edit.h"

#include <dlfcn.h>
#include <stdio.h>

struct gk_modules {
	gk_app *app;
	gk_table *handles; /* path: dlopen()'s handle */
	json_t *names;
	json_t *failed; /* path: what it said; what it had defined by then is there */
};

static void close_handle(void *handle)
{
	dlclose(handle);
}

gk_modules *gk_modules_new(gk_app *app)
{
	gk_modules *modules = calloc(1, sizeof(*modules));

	if (!modules)
		return NULL;
	modules->app = app;
	modules->handles = gk_table_new(close_handle);
	modules->names = json_array();
	modules->failed = json_object();
	if (modules->handles && modules->names && modules->failed)
		return modules;
	gk_modules_free(modules);
	return NULL;
}

void gk_modules_free(gk_modules *modules)
{
	if (!modules)
		return;
	if (modules->handles)
		gk_table_free(modules->handles);
	json_decref(modules->names);
	json_decref(modules->failed);
	free(modules);
}

json_t *gk_modules_names_peek(const gk_modules *modules)
{
	return modules->names;
}

static char *path_of(const char *name)
{
	size_t len = strlen(name);
	bool has_end = len > 3 && strcmp(name + len - 3, ".so") == 0;
	char *path;

	if (strchr(name, '/'))
		return strdup(name);
	return asprintf(&path, "%s/%s%s", gk_path_modules, name, has_end ? "" : ".so") < 0 ? NULL
											   : path;
}

static gk_code missing_symbol(const char *path, const char *symbol, gk_error *err)
{
	return gk_error_set(err, GK_FAILED_PRECONDITION,
		"module %s: it has no %s; is it a module, made with GK_MODULE()?", path, symbol);
}

/* The three symbols, and the ABI before anything of it runs. */
static gk_code look_into(void *handle, const char *path, const char **name_ret,
	gk_module_fn **init_ret, gk_error *err)
{
	const unsigned *abi = dlsym(handle, "gk_module_abi");
	const char *name = dlsym(handle, "gk_module_name");
	void *init = dlsym(handle, "gk_module_init");

	if (!abi)
		return missing_symbol(path, "gk_module_abi", err);
	if (*abi != GK_MODULE_ABI)
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"module %s: it was built for module ABI %u, this genkitd has %u: compile it again",
			path, *abi, (unsigned)GK_MODULE_ABI);
	if (!name)
		return missing_symbol(path, "gk_module_name", err);
	if (!init)
		return missing_symbol(path, "gk_module_init", err);
	*name_ret = name;
	memcpy(init_ret, &init, sizeof(init)); /* ISO C has no cast from object to function */
	return GK_OK;
}

static bool has_handle(const gk_modules *modules, const void *handle)
{
	gk_table_foreach (modules->handles, entry)
		if (gk_table_entry_value(entry) == handle)
			return true;
	return false;
}

/* Its code stays when it fails: what it has defined by then uses it. It is not asked a second time. */
static gk_code start(
	gk_modules *modules, const char *path, const char *name, gk_module_fn *init, gk_error *err)
{
	gk_auto_error gk_error failure = { 0 };
	gk_code rc = init(modules->app, &failure);

	if (rc == GK_OK) {
		if (!gk_json_push_take(modules->names, json_string(name)))
			return gk_error_no_memory(err);
		gk_log(GK_LOG_DEBUG, "modules", "loaded %s from %s", name, path);
		return GK_OK;
	}
	if (!failure.message)
		gk_error_set(&failure, rc, "it failed without saying why");
	json_object_set_new(modules->failed, path, json_string(failure.message));
	gk_error_move(err, &failure);
	return gk_error_prefix(err, "module %s: ", path);
}

gk_code gk_modules_load(gk_modules *modules, const char *name, gk_error *err)
{
	gk_auto_str char *path = path_of(name);
	gk_module_fn *init = NULL;
	const char *own_name = NULL, *failure;
	void *handle;
	gk_code rc;

	if (!path)
		return gk_error_no_memory(err);
	failure = json_string_value(json_object_get(modules->failed, path));
	if (failure)
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"module %s: it failed when it was loaded (%s): start genkitd again", path,
			failure);
	if (gk_table_get(modules->handles, path))
		return GK_OK;
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return gk_error_set(err, GK_NOT_FOUND, "module %s: %s", name, dlerror());
	if (has_handle(modules, handle)) { /* by another path */
		dlclose(handle);
		return GK_OK;
	}
	rc = look_into(handle, path, &own_name, &init, err);
	if (rc == GK_OK && !gk_table_set(modules->handles, path, handle))
		rc = gk_error_no_memory(err);
	if (rc != GK_OK) {
		dlclose(handle);
		return rc;
	}
	return start(modules, path, own_name, init, err);
}
