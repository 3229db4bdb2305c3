/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Modules: C code that a daemon loads, or that is a daemon itself.
 *
 *	cc -shared -fPIC $(pkg-config --cflags genkit) tiny.c -o tiny.so && genkitd --dev --module ./tiny.so
 *
 *	int main(int argc, char **argv)
 *	{
 *		return gk_main(argc, argv, gk_module_init);
 *	}
 */
#ifndef GENKIT_MODULE_H
#define GENKIT_MODULE_H

#include <genkit/app.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/** Changes when a module must be compiled again. */
#define GK_MODULE_ABI 1

typedef gk_code gk_module_fn(gk_app *app, gk_error *err);

/** Opens the function that defines what the module has: GK_MODULE(name, app, err) { return ...; } */
#define GK_MODULE(name, app, err)                                                                  \
	extern const unsigned gk_module_abi;                                                       \
	extern const char gk_module_name[];                                                        \
	gk_code gk_module_init(gk_app *app, gk_error *err);                                        \
	const unsigned gk_module_abi = GK_MODULE_ABI;                                              \
	const char gk_module_name[] = #name;                                                       \
	gk_code gk_module_init(gk_app *app, gk_error *err)

/** The whole of genkitd around `init` (NULL: only what the configuration loads). The process's exit status. */
int gk_main(int argc, char **argv, gk_module_fn *init);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
