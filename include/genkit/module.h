/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Modules: C code that a daemon loads, or that is a daemon itself.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code ping(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		(void)ctx;
 *		(void)input;
 *		(void)err;
 *		*ret = json_string("pong");
 *		return GK_OK;
 *	}
 *
 *	GK_MODULE(ping, app, err)
 *	{
 *		return gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "ping", .run = ping), err);
 *	}
 *
 *	int main(int argc, char **argv) // only for a daemon of its own
 *	{
 *		return gk_main(argc, argv, gk_module_init);
 *	}
 *
 * Running "ping" gives "pong"
 *
 *   cc -shared -fPIC $(pkg-config --cflags genkit) ping.c -o ping.so && genkitd --dev --module ./ping.so
 *   cc $(pkg-config --cflags --libs genkit) ping.c -o pingd && ./pingd --dev
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

#ifdef __cplusplus
#define GK_EXTERN_C extern "C"
#else
#define GK_EXTERN_C extern
#endif

/** Opens the function that defines what the module has: GK_MODULE(name, app, err) { return ...; } */
#define GK_MODULE(name, app, err)                                                                  \
	GK_EXTERN_C const unsigned gk_module_abi;                                                  \
	GK_EXTERN_C const char gk_module_name[];                                                   \
	GK_EXTERN_C gk_code gk_module_init(gk_app *app, gk_error *err);                            \
	const unsigned gk_module_abi = GK_MODULE_ABI;                                              \
	const char gk_module_name[] = #name;                                                       \
	gk_code gk_module_init(gk_app *app, gk_error *err)

/** The whole of genkitd around `init` (NULL: only what the configuration loads). The process's exit status; does not return
 * when runs had to be left behind that do not end. The program's malloc is its own: genkitd itself is linked with mimalloc. */
int gk_main(int argc, char **argv, gk_module_fn *init);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
