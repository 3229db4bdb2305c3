/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The ring: what was put into it outlives the process that put it there. */
#include "unit.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/log.h"
#include "store/trace_ring_internal.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOM 4096 /* of most rings here */
#define HEAD 64   /* of the file, before the room */

static char folder[64], path[96], file[112];
static unsigned told;
static gk_buf taken; /* each entry and a blank */
static bool take_fails, end_fails;

/* --- a disk as it may be: what follows stands before libc's --- */

static struct {
	unsigned writes;
	int failure;      /* of each; 0: none */
	size_t most;      /* that one takes; 0: all */
	bool kills;       /* after the next */
	bool fails_later; /* when it is asked for the rest */
	unsigned reads;   /* before one fails; 0: none does */
	uint32_t type;
} disk;

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
	ssize_t (*real)(int, const void *, size_t, off_t);
	ssize_t done;

	*(void **)&real = dlsym(RTLD_NEXT, "pwrite");
	disk.writes++;
	if (disk.failure) {
		errno = disk.failure;
		return -1;
	}
	if (disk.fails_later)
		disk.failure = EIO;
	done = real(fd, data, disk.most && disk.most < len ? disk.most : len, at);
	if (disk.kills)
		kill(getpid(), SIGKILL);
	return done;
}

ssize_t pread(int fd, void *ret, size_t len, off_t at)
{
	ssize_t (*real)(int, void *, size_t, off_t);

	*(void **)&real = dlsym(RTLD_NEXT, "pread");
	if (disk.reads && !--disk.reads) {
		errno = EIO;
		return -1;
	}
	return real(fd, ret, len, at);
}

int fstatfs(int fd, struct statfs *ret)
{
	int (*real)(int, struct statfs *);
	int rc;

	*(void **)&real = dlsym(RTLD_NEXT, "fstatfs");
	rc = real(fd, ret);
	if (disk.type)
		ret->f_type = (__typeof__(ret->f_type))disk.type;
	return rc;
}

static void on_log(const gk_log_record *record, void *user)
{
	(void)record;
	(void)user;
	told++;
}

static void setup(void)
{
	told = 0;
	memset(&disk, 0, sizeof(disk));
	snprintf(folder, sizeof(folder), "/tmp/genkitd-ring-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/traces.db", folder);
	snprintf(file, sizeof(file), "%s-ring", path);
	gk_log_set_sink(on_log, NULL);
}

static void teardown(void)
{
	gk_auto_str char *command = NULL;

	gk_buf_done(&taken);
	gk_log_set_sink(NULL, NULL);
	ck_assert_int_gt(asprintf(&command, "rm -rf %s", folder), 0);
	ck_assert_int_eq(system(command), 0);
}

static gk_trace_ring *open_ring(size_t size)
{
	gk_trace_ring *ring = NULL;
	gk_auto_error gk_error err = { 0 };
	gk_code rc = gk_trace_ring_open(path, size, &ring, &err);

	ck_assert_msg(rc == GK_OK, "%s", err.message);
	return ring;
}

static void add(gk_trace_ring *ring, uint64_t number, const char *data, size_t len)
{
	gk_buf_put(gk_trace_ring_begin(ring), data, len);
	if (!gk_trace_ring_end(ring, number))
		exit(1);
}

static bool put_bytes(gk_trace_ring *ring, uint64_t number, const char *data, size_t len)
{
	add(ring, number, data, len);
	return gk_trace_ring_write(ring);
}

static bool put(gk_trace_ring *ring, uint64_t number, const char *text)
{
	return put_bytes(ring, number, text, strlen(text));
}

static bool is_there(const char *name)
{
	return access(name, F_OK) == 0;
}

static gk_code take(void *user, const void *data, size_t len, gk_error *err)
{
	(void)user;
	if (data ? take_fails : end_fails)
		return gk_error_set(err, GK_UNAVAILABLE, "no");
	if (data)
		gk_buf_put(&taken, data, len);
	gk_buf_putc(&taken, data ? ' ' : '.');
	return GK_OK;
}

static gk_code recover(void)
{
	gk_buf_clear(&taken);
	gk_buf_puts(&taken, "");
	return gk_trace_ring_recover(path, take, NULL, NULL);
}

/* Another process runs it and is killed. */
static void in_killed_process(void (*fn)(void))
{
	int status;
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (!child) {
		fn();
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* The file knows, then, that the others were whole. */
static void put_four_and_drop_one(void)
{
	gk_trace_ring *ring = open_ring(ROOM);

	if (!put(ring, 1, "zero") || !put(ring, 2, "one") || !put(ring, 5, "two") ||
		!put(ring, 6, ""))
		exit(1);
	gk_trace_ring_drop(ring, 1);
}

static void put_three(void)
{
	gk_trace_ring *ring = open_ring(ROOM);

	if (!put(ring, 1, "one") || !put(ring, 5, "two") || !put(ring, 6, ""))
		exit(1);
}

START_TEST(what_a_killed_process_had_put_is_found_in_order)
{
	in_killed_process(put_three);
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, "one two  .");
	ck_assert(!is_there(file));
}
END_TEST

static void put_and_drop(void)
{
	gk_trace_ring *ring = open_ring(ROOM);

	if (!put(ring, 1, "one") || !put(ring, 5, "two") || !put(ring, 6, "three"))
		exit(1);
	gk_trace_ring_drop(ring, 5);
}

/* The last one ends where one of earlier begins. */
static void put_and_drop_all(void)
{
	gk_trace_ring *ring = open_ring(ROOM);

	if (!put(ring, 1, "one") || !put(ring, 2, "two"))
		exit(1);
	gk_trace_ring_drop(ring, 2);
	if (!put(ring, 3, "tre"))
		exit(1);
	gk_trace_ring_drop(ring, 3);
}

START_TEST(what_lay_there_before_is_not_found)
{
	in_killed_process(put_and_drop_all);
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, ".");
	ck_assert_uint_eq(told, 0);
}
END_TEST

START_TEST(what_is_kept_elsewhere_is_not_found)
{
	in_killed_process(put_and_drop);
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, "three .");
}
END_TEST

/* Entries of sizes that share no factor with the room lie over its end sooner or later. */
static void go_round(void)
{
	gk_trace_ring *ring = open_ring(ROOM);
	char text[1200];

	for (uint64_t i = 1; i <= 1000; i++) {
		snprintf(text, sizeof(text), "%03u%0*u", (unsigned)i, (int)(i * 37 % 1100), 0);
		if (!put(ring, i, text))
			exit(1);
		if (i > 2)
			gk_trace_ring_drop(ring, i - 2);
	}
}

START_TEST(entries_go_round)
{
	char expected[2400];

	in_killed_process(go_round);
	ck_assert_int_eq(recover(), GK_OK);
	snprintf(expected, sizeof(expected), "999%0*u 1000%0*u .", 999 * 37 % 1100, 0,
		1000 * 37 % 1100, 0);
	ck_assert_str_eq(taken.data, expected);
	ck_assert_uint_eq(told, 0);
}
END_TEST

START_TEST(what_has_no_room_is_refused_until_there_is_some)
{
	gk_trace_ring *ring = open_ring(ROOM);
	char text[1100];
	uint64_t number = 0;

	memset(text, 'x', sizeof(text));
	while (put_bytes(ring, number + 1, text, sizeof(text)))
		number++;
	ck_assert_uint_eq(number, 3);
	ck_assert_uint_ge(gk_trace_ring_used(ring), 3 * sizeof(text));
	gk_trace_ring_drop(ring, 1);
	ck_assert(put_bytes(ring, 4, text, sizeof(text)));
	gk_trace_ring_drop(ring, 4);
	ck_assert_uint_eq(gk_trace_ring_used(ring), 0);
	gk_trace_ring_close(ring);
}
END_TEST

START_TEST(an_entry_may_take_all_the_room_and_no_more)
{
	static char text[ROOM];
	gk_trace_ring *ring = open_ring(ROOM);

	ck_assert(!put_bytes(ring, 1, text, ROOM));
	ck_assert(!put_bytes(ring, 1, text, ROOM - 15));
	ck_assert(put_bytes(ring, 1, text, ROOM - 16));
	ck_assert(!put_bytes(ring, 2, text, 0));
	gk_trace_ring_drop(ring, 1);
	gk_trace_ring_close(ring);
}
END_TEST

static void put_after_what_has_no_room(void)
{
	static char text[ROOM + 1];
	gk_trace_ring *ring = open_ring(ROOM);

	if (!put(ring, 1, "one"))
		exit(1);
	gk_trace_ring_drop(ring, 1);
	if (put_bytes(ring, 2, text, sizeof(text)) || !put(ring, 3, "three") ||
		gk_trace_ring_used(ring) == 0)
		exit(1);
}

START_TEST(what_can_never_have_room_changes_nothing)
{
	in_killed_process(put_after_what_has_no_room);
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, "three .");
}
END_TEST

START_TEST(the_file_is_ours_alone_and_goes_when_nothing_is_in_it)
{
	gk_trace_ring *ring = open_ring(ROOM);
	struct stat info;

	ck_assert_int_eq(stat(file, &info), 0);
	ck_assert_uint_eq(info.st_mode & 0777, 0600);
	gk_trace_ring_close(ring);
	ck_assert(!is_there(file));
}
END_TEST

START_TEST(what_was_never_kept_elsewhere_stays)
{
	gk_trace_ring *ring = open_ring(ROOM);

	ck_assert(put(ring, 1, "one"));
	gk_trace_ring_close(ring);
	ck_assert(is_there(file));
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, "one .");
}
END_TEST

START_TEST(what_cannot_be_taken_is_found_again)
{
	in_killed_process(put_three);
	take_fails = true;
	ck_assert_int_eq(recover(), GK_UNAVAILABLE);
	take_fails = false;
	end_fails = true;
	ck_assert_int_eq(recover(), GK_UNAVAILABLE);
	end_fails = false;
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, "one two  .");
}
END_TEST

START_TEST(what_was_left_is_not_written_over)
{
	gk_trace_ring *ring;

	in_killed_process(put_three);
	ring = open_ring(ROOM);
	ck_assert(put(ring, 1, "mine"));
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, "one two  .");
	gk_trace_ring_drop(ring, 1);
	gk_trace_ring_close(ring);
}
END_TEST

START_TEST(that_of_a_process_that_lives_is_left_alone)
{
	gk_trace_ring *first = open_ring(ROOM), *second = open_ring(ROOM);

	ck_assert(put(first, 1, "first") && put(second, 1, "second"));
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, "");
	gk_trace_ring_close(first);
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, "first .");
	gk_trace_ring_close(second);
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, "second .");
}
END_TEST

START_TEST(so_many_processes_have_one)
{
	gk_trace_ring *rings[GK_STORE_RINGS], *more = NULL;
	gk_auto_error gk_error err = { 0 };

	for (size_t i = 0; i < GK_STORE_RINGS; i++)
		rings[i] = open_ring(ROOM);
	ck_assert_int_eq(gk_trace_ring_open(path, ROOM, &more, &err), GK_UNAVAILABLE);
	ck_assert_msg(strstr(err.message, "other processes") != NULL, "%s", err.message);
	gk_trace_ring_close(rings[3]);
	more = open_ring(ROOM);
	gk_trace_ring_close(more);
	for (size_t i = 0; i < GK_STORE_RINGS; i++)
		if (i != 3)
			gk_trace_ring_close(rings[i]);
}
END_TEST

/* --- files that are not as we left them --- */

static void change(long at, const void *bytes, size_t len)
{
	FILE *f = fopen(file, "r+b");

	ck_assert_ptr_nonnull(f);
	fseek(f, at, SEEK_SET);
	ck_assert_uint_eq(fwrite(bytes, 1, len, f), len);
	fclose(f);
}

START_TEST(what_is_damaged_ends_the_file_and_is_said)
{
	in_killed_process(put_four_and_drop_one);
	change(HEAD + 48 + 16, "T", 1); /* of "two" */
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, "one .");
	ck_assert_uint_eq(told, 1);
	ck_assert(!is_there(file));
}
END_TEST

START_TEST(a_length_that_cannot_be_is_damage)
{
	in_killed_process(put_four_and_drop_one);
	change(HEAD + 48, "\xff\xff\xff\xff", 4);
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, "one .");
	ck_assert_uint_eq(told, 1);
}
END_TEST

static const struct {
	long at;
	const char *bytes;
	const char *found;
	unsigned told;
} heads[] = {
	{ 56, "\xff\xff\xff\xff\xff\xff\xff\x7f", "one two  .", 1 }, /* more than the room has */
	{ 48, "\xf8\xff\xff\xff\xff\xff\xff\xff", ".", 0 }, /* an end before the beginning */
	{ 48, "\x18\0\0\0\0\0\0\0", "two  .", 0 },
	{ 48, "\x03\0\0\0\0\0\0\0", ".", 0 },
};

START_TEST(positions_that_cannot_be_lead_nowhere)
{
	in_killed_process(put_three);
	change(heads[_i].at, heads[_i].bytes, 8);
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, heads[_i].found);
	ck_assert_uint_eq(told, heads[_i].told);
	gk_trace_ring_close(open_ring(ROOM));
}
END_TEST

/* As a daemon of version 2 wrote it: two entries behind each other. */
static const struct {
	gk_ring_head head;
	gk_ring_entry first;
	char one[8];
	gk_ring_entry second;
	char two[24];
} before = { .head = { .magic = GK_TRACE_RING_MAGIC_2, .size = ROOM, .ends.whole = 64 },
	.first = { .len = 3, .sum = 0xb8e15686, .number = 1 },
	.one = "one",
	.second = { .len = 21, .sum = 0xb63e4166, .number = 5 },
	.two = "of the version before" };

START_TEST(a_ring_of_the_version_before_is_found)
{
	FILE *f = fopen(file, "wb");
	gk_trace_ring *ring;

	ck_assert_uint_eq(fwrite(&before, 1, sizeof(before), f), sizeof(before));
	fclose(f);
	ck_assert_int_eq(truncate(file, HEAD + ROOM), 0);
	ring = open_ring(ROOM); /* beside it */
	ck_assert(put(ring, 1, "mine"));
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, "one of the version before .");
	ck_assert_uint_eq(told, 0);
	gk_trace_ring_drop(ring, 1);
	gk_trace_ring_close(ring);
}
END_TEST

/* Of all lengths that blocks leave a rest of, and more. */
START_TEST(a_sum_tells_every_bit_and_every_order)
{
	gk_ring_entry entry = { .len = (uint32_t)_i, .number = 1 };
	char data[100], swapped[8];
	uint32_t sum;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * i * 31 + 7 * i);
	sum = gk_trace_ring_sum(&entry, 8, data);
	ck_assert_uint_ne(sum, gk_trace_ring_sum(&entry, 16, data));
	entry.number = 2;
	ck_assert_uint_ne(sum, gk_trace_ring_sum(&entry, 8, data));
	entry = (gk_ring_entry){ .len = (uint32_t)_i + 1, .number = 1 };
	ck_assert_uint_ne(sum, gk_trace_ring_sum(&entry, 8, data));
	entry.len--;
	for (size_t bit = 0; bit < 8 * (size_t)_i; bit++) {
		data[bit / 8] ^= (char)(1 << bit % 8);
		ck_assert_uint_ne(sum, gk_trace_ring_sum(&entry, 8, data));
		data[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (int a = 0; a + 16 <= _i; a += 8)
		for (int b = a + 8; b + 8 <= _i; b += 8) {
			memcpy(swapped, data + a, 8);
			memcpy(data + a, data + b, 8);
			memcpy(data + b, swapped, 8);
			ck_assert_uint_ne(sum, gk_trace_ring_sum(&entry, 8, data));
			memcpy(data + b, data + a, 8);
			memcpy(data + a, swapped, 8);
		}
	ck_assert_uint_eq(sum, gk_trace_ring_sum(&entry, 8, data));
}
END_TEST

/* What is not written at all is zeros, of which there may be as many as there should be bytes. */
START_TEST(zeros_have_the_sum_of_so_many_zeros_only)
{
	static const char zeros[256];
	gk_ring_entry entry = { .len = 256, .number = 1 };
	uint32_t sum = gk_trace_ring_sum(&entry, 0, zeros);

	while (entry.len--) {
		uint32_t shorter = gk_trace_ring_sum(&entry, 0, zeros);

		ck_assert_uint_ne(sum, 0);
		ck_assert_uint_ne(sum, shorter);
		sum = shorter;
	}
}
END_TEST

static const struct {
	const char *text;
	size_t len;
	bool is_foreign;
} files[] = {
	{ "", 0, false },
	{ "\0\0\0\0\0\0\0\0\0\0\0\0", 12, false }, /* made, but not more */
	{ "my own notes on rings", 21, true },
};

START_TEST(a_file_that_is_no_ring_stays_as_it_is)
{
	FILE *f = fopen(file, "wb");
	gk_trace_ring *ring;
	char text[32] = "";

	ck_assert_uint_eq(fwrite(files[_i].text, 1, files[_i].len, f), files[_i].len);
	fclose(f);
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, "");
	ck_assert_int_eq(is_there(file), files[_i].is_foreign);
	ring = open_ring(ROOM);
	ck_assert(put(ring, 1, "one"));
	gk_trace_ring_drop(ring, 1);
	gk_trace_ring_close(ring);
	ck_assert_int_eq(is_there(file), files[_i].is_foreign);
	if (!files[_i].is_foreign)
		return;
	f = fopen(file, "rb");
	ck_assert_uint_eq(fread(text, 1, sizeof(text) - 1, f), files[_i].len);
	fclose(f);
	ck_assert_str_eq(text, files[_i].text);
}
END_TEST

START_TEST(a_file_that_was_cut_short_is_not_read_beyond_its_end)
{
	static const off_t ends[] = { 4096, 200 };

	in_killed_process(put_three);
	ck_assert_int_eq(truncate(file, ends[_i]), 0);
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, "");
}
END_TEST

/* With the page before it that is 0, which every file has. */
START_TEST(a_room_that_no_file_can_have_leads_nowhere)
{
	in_killed_process(put_three);
	change(8, "\0\xf0\xff\xff\xff\xff\xff\xff", 8);
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, "");
}
END_TEST

START_TEST(without_a_folder_there_is_none)
{
	gk_trace_ring *ring = NULL;
	gk_auto_error gk_error err = { 0 };

	snprintf(path, sizeof(path), "%s/nowhere/traces.db", folder);
	ck_assert_int_eq(gk_trace_ring_open(path, ROOM, &ring, &err), GK_UNAVAILABLE);
	ck_assert_msg(strstr(err.message, "No such file") != NULL, "%s", err.message);
	ck_assert_int_eq(recover(), GK_OK);
}
END_TEST

/* --- what is written at once --- */

static void put_many(void)
{
	gk_trace_ring *ring = open_ring(ROOM);

	if (!put(ring, 1, "one"))
		exit(1);
	disk.writes = 0;
	add(ring, 2, "two", 3);
	add(ring, 3, "", 0);
	add(ring, 7, "seven", 5);
	if (gk_trace_ring_unwritten(ring) == 0 || disk.writes || !gk_trace_ring_write(ring) ||
		gk_trace_ring_unwritten(ring) || disk.writes != 1 || !gk_trace_ring_write(ring))
		exit(1);
	add(ring, 8, "never", 5);
}

START_TEST(entries_are_written_together)
{
	in_killed_process(put_many);
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, "one two  seven .");
	ck_assert_uint_eq(told, 0);
}
END_TEST

START_TEST(what_was_written_together_is_dropped_together)
{
	gk_trace_ring *ring = open_ring(ROOM);

	add(ring, 1, "one", 3);
	add(ring, 2, "two", 3);
	ck_assert(gk_trace_ring_write(ring));
	gk_trace_ring_drop(ring, 1);
	ck_assert_uint_eq(gk_trace_ring_used(ring), 48);
	gk_trace_ring_drop(ring, 2);
	ck_assert_uint_eq(gk_trace_ring_used(ring), 0);
	gk_trace_ring_close(ring);
}
END_TEST

START_TEST(the_disk_may_be_so_many_writes_behind)
{
	gk_trace_ring *ring = open_ring(GK_STORE_RING);
	uint64_t number = 0;

	while (put(ring, number + 1, "x"))
		number++;
	ck_assert_uint_eq(number, GK_STORE_RING_MARKS);
	ck_assert_uint_lt(gk_trace_ring_used(ring), GK_STORE_RING);
	gk_trace_ring_drop(ring, 1);
	ck_assert(put(ring, number + 2, "x") && !put(ring, number + 3, "x"));
	gk_trace_ring_drop(ring, number + 2);
	ck_assert_uint_eq(gk_trace_ring_used(ring), 0);
	ck_assert(put(ring, number + 4, "x"));
	gk_trace_ring_drop(ring, number + 4);
	gk_trace_ring_close(ring);
	ck_assert(!is_there(file));
}
END_TEST

/* --- a disk that fails --- */

static const int failures[] = { ENOSPC, EIO, EROFS };

START_TEST(what_the_disk_does_not_take_is_refused_and_said_once)
{
	gk_trace_ring *ring = open_ring(ROOM);

	disk.failure = failures[_i];
	ck_assert(!put(ring, 1, "one") && !put(ring, 2, "two"));
	ck_assert_uint_eq(told, 1);
	disk.failure = 0;
	ck_assert(put(ring, 3, "three"));
	disk.failure = failures[_i];
	ck_assert(!put(ring, 4, "four"));
	ck_assert_uint_eq(told, 2);
	disk.failure = 0;
	ck_assert(put(ring, 5, "five"));
	gk_trace_ring_close(ring);
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, "three five .");
}
END_TEST

/* Room that the file still counts as used is not written over: who looks for entries goes through it. */
static void drop_in_vain(void)
{
	static char text[ROOM / 4];
	gk_trace_ring *ring = open_ring(ROOM);

	memset(text, 'x', sizeof(text));
	for (uint64_t i = 1; i <= 3; i++)
		if (!put_bytes(ring, i, text, sizeof(text)))
			exit(1);
	disk.failure = ENOSPC;
	gk_trace_ring_drop(ring, 2);
	disk.failure = 0;
	if (put_bytes(ring, 4, text, sizeof(text)) || !put(ring, 5, "five"))
		exit(1);
	gk_trace_ring_drop(ring, 3);
	if (!put_bytes(ring, 6, text, sizeof(text)))
		exit(1);
}

START_TEST(what_cannot_be_dropped_takes_room)
{
	in_killed_process(drop_in_vain);
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_int_eq(strncmp(taken.data, "five xxxx", 9), 0);
	ck_assert_uint_eq(taken.len, 5 + ROOM / 4 + 2);
	ck_assert_uint_eq(told, 0);
}
END_TEST

START_TEST(a_write_may_take_many_calls)
{
	gk_trace_ring *ring = open_ring(ROOM);

	disk.most = 7;
	ck_assert(put(ring, 1, "one") && put(ring, 2, "two"));
	gk_trace_ring_close(ring);
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, "one two .");
}
END_TEST

static void die_while_writing(void)
{
	gk_trace_ring *ring = open_ring(ROOM);

	if (!put(ring, 1, "one"))
		exit(1);
	disk.most = 44;
	disk.kills = true;
	add(ring, 2, "two", 3);
	add(ring, 3, "three", 5);
	(void)!gk_trace_ring_write(ring);
}

START_TEST(what_was_being_written_is_found_as_far_as_it_is_whole)
{
	in_killed_process(die_while_writing);
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, "one two .");
	ck_assert_uint_eq(told, 0);
}
END_TEST

/* What lies behind it is of an earlier write that failed: whole, but not what was put. */
static void fail_while_writing(void)
{
	gk_trace_ring *ring = open_ring(ROOM);

	if (!put(ring, 1, "one"))
		exit(1);
	add(ring, 2, "two", 3);
	add(ring, 3, "three", 5);
	disk.most = 46; /* both, but for zeros */
	disk.fails_later = true;
	if (gk_trace_ring_write(ring))
		exit(1);
	memset(&disk, 0, sizeof(disk));
	if (!put(ring, 4, "FOU"))
		exit(1);
}

START_TEST(what_a_write_that_failed_left_is_not_found_behind_the_next)
{
	in_killed_process(fail_while_writing);
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, "one FOU .");
}
END_TEST

/* The head, an entry's own, its bytes. */
START_TEST(what_cannot_be_read_is_said_and_found_again)
{
	in_killed_process(put_three);
	disk.reads = (unsigned)_i + 1;
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_uint_eq(told, 1);
	ck_assert(is_there(file));
	ck_assert_int_eq(recover(), GK_OK);
	ck_assert_str_eq(taken.data, "one two  .");
	ck_assert_uint_eq(told, 1);
}
END_TEST

static const uint32_t remote[] = { NFS_SUPER_MAGIC, CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC,
	FUSE_SUPER_MAGIC, V9FS_MAGIC, CEPH_SUPER_MAGIC, 0x20030528 };

START_TEST(on_a_file_system_of_another_machine_there_is_none)
{
	gk_trace_ring *ring = NULL;
	gk_auto_error gk_error err = { 0 };

	disk.type = remote[_i];
	ck_assert_int_eq(gk_trace_ring_open(path, ROOM, &ring, &err), GK_UNAVAILABLE);
	ck_assert_msg(strstr(err.message, "remote") != NULL, "%s", err.message);
	ck_assert(!is_there(file));
}
END_TEST

static Suite *ring_suite(void)
{
	Suite *suite = suite_create("trace_ring");
	TCase *t = tcase_create("trace_ring");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_a_killed_process_had_put_is_found_in_order);
	tcase_add_test(t, what_is_kept_elsewhere_is_not_found);
	tcase_add_test(t, what_lay_there_before_is_not_found);
	tcase_add_test(t, entries_go_round);
	tcase_add_test(t, what_has_no_room_is_refused_until_there_is_some);
	tcase_add_test(t, an_entry_may_take_all_the_room_and_no_more);
	tcase_add_test(t, what_can_never_have_room_changes_nothing);
	tcase_add_test(t, the_file_is_ours_alone_and_goes_when_nothing_is_in_it);
	tcase_add_test(t, what_was_never_kept_elsewhere_stays);
	tcase_add_test(t, what_cannot_be_taken_is_found_again);
	tcase_add_test(t, what_was_left_is_not_written_over);
	tcase_add_test(t, that_of_a_process_that_lives_is_left_alone);
	tcase_add_test(t, so_many_processes_have_one);
	tcase_add_test(t, what_is_damaged_ends_the_file_and_is_said);
	tcase_add_test(t, a_length_that_cannot_be_is_damage);
	tcase_add_loop_test(t, positions_that_cannot_be_lead_nowhere, 0, 4);
	tcase_add_loop_test(t, a_file_that_is_no_ring_stays_as_it_is, 0, 3);
	tcase_add_test(t, a_ring_of_the_version_before_is_found);
	tcase_add_loop_test(t, a_sum_tells_every_bit_and_every_order, 0, 99);
	tcase_add_test(t, zeros_have_the_sum_of_so_many_zeros_only);
	tcase_add_loop_test(t, a_file_that_was_cut_short_is_not_read_beyond_its_end, 0, 2);
	tcase_add_test(t, a_room_that_no_file_can_have_leads_nowhere);
	tcase_add_test(t, without_a_folder_there_is_none);
	tcase_add_test(t, entries_are_written_together);
	tcase_add_test(t, what_was_written_together_is_dropped_together);
	tcase_add_test(t, the_disk_may_be_so_many_writes_behind);
	tcase_add_loop_test(t, what_the_disk_does_not_take_is_refused_and_said_once, 0, 3);
	tcase_add_test(t, what_cannot_be_dropped_takes_room);
	tcase_add_test(t, a_write_may_take_many_calls);
	tcase_add_test(t, what_was_being_written_is_found_as_far_as_it_is_whole);
	tcase_add_test(t, what_a_write_that_failed_left_is_not_found_behind_the_next);
	tcase_add_loop_test(t, what_cannot_be_read_is_said_and_found_again, 0, 3);
	tcase_add_loop_test(t, on_a_file_system_of_another_machine_there_is_none, 0, 7);
	suite_add_tcase(suite, t);
	return suite;
}

UNIT_MAIN(ring_suite)
