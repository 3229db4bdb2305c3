/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A file that becomes part of the object as it is; pages of it that nobody asks for are never read.
 *
 *	GK_EMBED(gk_cases, "src/ctl/model_cases.jsonl");
 *
 * It is from gk_cases_start to gk_cases_end, where a NUL stands. The path is from the top folder; the Makefile has to be told
 * of it, for the compiler does not see it.
 */
#ifndef GK_BASE_EMBED_H
#define GK_BASE_EMBED_H

/* The names are hidden ones, not local: a reference to a local one through the global offset table of arm64 loses its
 * offset. */
#define GK_EMBED(name, path)                                                                       \
	__asm__(".pushsection .rodata\n"                                                           \
		".globl " #name "_start, " #name "_end\n"                                          \
		".hidden " #name "_start, " #name "_end\n" #name "_start:\n"                       \
		".incbin \"" path "\"\n" #name "_end:\n"                                           \
		".byte 0\n"                                                                        \
		".popsection\n");                                                                  \
	extern const char name##_start[] __attribute__((visibility("hidden")));                    \
	extern const char name##_end[] __attribute__((visibility("hidden")))

#endif
