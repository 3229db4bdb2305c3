/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Allocation failures: the linker sends this program's calls of malloc and its kin, and of what copies or prints a text into
 * new memory, here (--wrap). Libraries keep their own, except jansson, which is given ours. */
#include "unit.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SWEEP 10000
/* What asprintf() leaves behind when it fails is nothing to free, nor to look at. */
#define NO_STRING ((char *)1)

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t max);
int __wrap_asprintf(char **ret, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_vasprintf(char **ret, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static _Thread_local size_t countdown;
static _Thread_local bool happened, is_passing;
static _Thread_local size_t asked;

static bool fails(void)
{
	if (!countdown)
		return false;
	if (countdown > 1) {
		countdown--;
		return false;
	}
	happened = true;
	countdown = !is_passing;
	return true;
}

void *__wrap_malloc(size_t size)
{
	asked += size;
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	asked += count * size;
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	asked += size;
	return fails() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	size_t all;

	return __builtin_mul_overflow(count, size, &all) ? NULL : __wrap_realloc(old, all);
}

char *__wrap_strndup(const char *text, size_t max)
{
	size_t len;
	char *copy;

	if (!text) /* also when it is not read, for there is no memory anyway */
		abort();
	len = strnlen(text, max);
	copy = __wrap_malloc(len + 1);
	if (!copy)
		return NULL;
	copy[len] = '\0';
	return memcpy(copy, text, len);
}

char *__wrap_strdup(const char *text)
{
	return __wrap_strndup(text, SIZE_MAX);
}

int __wrap_vasprintf(char **ret, const char *format, va_list args)
{
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	*ret = len < 0 ? NULL : __wrap_malloc((size_t)len + 1);
	if (*ret)
		return vsnprintf(*ret, (size_t)len + 1, format, args);
	*ret = NO_STRING;
	return -1;
}

int __wrap_asprintf(char **ret, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = __wrap_vasprintf(ret, format, args);
	va_end(args);
	return len;
}

void fault_after(size_t n)
{
	json_set_alloc_funcs(__wrap_malloc, free);
	happened = false;
	countdown = n;
}

size_t fault_asked(void)
{
	return asked;
}

bool fault_happened(void)
{
	return happened;
}

static void sweep(bool (*body)(void))
{
	for (size_t n = 1; n < MAX_SWEEP; n++) {
		bool worked, failed_one;

		fault_after(n);
		worked = body();
		failed_one = fault_happened();
		fault_after(0);
		if (!failed_one) {
			ck_assert_msg(worked, "fails without any allocation failing");
			return;
		}
	}
	ck_abort_msg("still allocating after %d failures", MAX_SWEEP);
}

void fault_sweep(bool (*body)(void))
{
	is_passing = false;
	sweep(body);
}

void fault_sweep_passing(bool (*body)(void))
{
	is_passing = true;
	sweep(body);
	is_passing = false;
}
