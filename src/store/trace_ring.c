/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The file: a page that says how it stands, then room for entries, which go round in it.
 *
 *	entry:	length u32, sum u32, number u64, bytes, and zeros up to a multiple of 8
 *
 * `head` and `tail` count bytes since the beginning: an entry at N lies at N modulo the room. What was stored into the mapping
 * is the kernel's, whatever becomes of us; `head` moves when the entry before it is there. The sum (of number and bytes) is
 * for a machine that stopped, after which pages are as old as the disk has them. A lock on the file tells that its
 * process lives.
 */
#include "store/trace_ring.h"

#include "base/limits.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE  4096
#define MAGIC 0x31676e69726b67u /* "gkring1" */

typedef struct ring_page {
	uint64_t magic, size; /* size: of the room */
	char between[48];
	_Atomic uint64_t head; /* whoever puts */
	char beside[56];
	_Atomic uint64_t tail; /* whoever drops */
} ring_page;
_Static_assert(sizeof(ring_page) <= PAGE, "it is a page");

typedef struct ring_entry {
	uint32_t len, sum;
	uint64_t number;
} ring_entry;

struct gk_trace_ring {
	char *path;
	int fd;
	ring_page *page;
	char *room;
	size_t size;
};

static size_t size_of(size_t len)
{
	return (sizeof(ring_entry) + len + 7) & ~(size_t)7;
}

/* FNV-1a over words of eight bytes: for each answer, where zlib's sums cost seven times as much. */
static uint64_t sum_words(uint64_t sum, const char *data, size_t len)
{
	uint64_t word;

	for (; len >= sizeof(word); data += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		sum = (sum ^ word) * 0x100000001b3u;
	}
	if (len) {
		word = 0;
		memcpy(&word, data, len);
		sum = (sum ^ word) * 0x100000001b3u;
	}
	return sum;
}

static uint32_t sum_of(const ring_entry *entry, const char *data)
{
	uint64_t sum = sum_words(0xcbf29ce484222325u, (const char *)&entry->number, 8);

	sum = sum_words(sum, data, entry->len);
	return (uint32_t)(sum ^ sum >> 32);
}

/* --- going round --- */

static void write_at(gk_trace_ring *ring, uint64_t at, const void *data, size_t len)
{
	size_t from = (size_t)(at % ring->size), first = ring->size - from;

	if (len <= first) {
		memcpy(ring->room + from, data, len);
		return;
	}
	memcpy(ring->room + from, data, first);
	memcpy(ring->room, (const char *)data + first, len - first);
}

static void read_at(const gk_trace_ring *ring, uint64_t at, void *ret, size_t len)
{
	size_t from = (size_t)(at % ring->size), first = ring->size - from;

	if (len <= first) {
		memcpy(ret, ring->room + from, len);
		return;
	}
	memcpy(ret, ring->room + from, first);
	memcpy((char *)ret + first, ring->room, len - first);
}

/* Nothing is in it, so that nobody else moves `tail`: from the beginning of the room again, which is still in the caches. */
static uint64_t begin_anew(gk_trace_ring *ring, uint64_t head)
{
	uint64_t at = (head + ring->size - 1) / ring->size * ring->size;

	atomic_store_explicit(&ring->page->tail, at, memory_order_relaxed);
	return at;
}

bool gk_trace_ring_put(gk_trace_ring *ring, uint64_t number, const void *data, size_t len)
{
	ring_page *page = ring->page;
	uint64_t head = atomic_load_explicit(&page->head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&page->tail, memory_order_acquire);
	ring_entry entry = { .len = (uint32_t)len, .number = number };

	/* first of all: who begins anew goes on to move `head`, which may not stay behind `tail` */
	if (len > ring->size || size_of(len) > ring->size - (size_t)(head - tail))
		return false;
	if (tail == head)
		head = begin_anew(ring, head);
	entry.sum = sum_of(&entry, data);
	write_at(ring, head, &entry, sizeof(entry));
	write_at(ring, head + sizeof(entry), data, len);
	atomic_store_explicit(&page->head, head + size_of(len), memory_order_release);
	return true;
}

void gk_trace_ring_drop(gk_trace_ring *ring, uint64_t number)
{
	ring_page *page = ring->page;
	uint64_t head = atomic_load_explicit(&page->head, memory_order_acquire);
	uint64_t tail = atomic_load_explicit(&page->tail, memory_order_relaxed);
	ring_entry entry;

	while (tail < head) {
		read_at(ring, tail, &entry, sizeof(entry));
		if (entry.number > number)
			break;
		tail += size_of(entry.len);
		atomic_store_explicit(&page->tail, tail, memory_order_release);
	}
}

size_t gk_trace_ring_used(const gk_trace_ring *ring)
{
	uint64_t head = atomic_load_explicit(&ring->page->head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&ring->page->tail, memory_order_relaxed);

	return head > tail ? (size_t)(head - tail) : 0;
}

/* --- files --- */

static char *name_file(const char *path, unsigned which)
{
	char *name = NULL;
	int len = which ? asprintf(&name, "%s-ring%u", path, which)
			: asprintf(&name, "%s-ring", path);

	return len < 0 ? NULL : name;
}

/* That the name still leads to it: another process may have taken the file away before we had the lock. */
static bool is_there(int fd, const char *name)
{
	struct stat own, there;

	return fstat(fd, &own) == 0 && stat(name, &there) == 0 && own.st_ino == there.st_ino &&
	       own.st_dev == there.st_dev;
}

/* Locked; -1: there is none, or a process that lives has it. `errno` is EWOULDBLOCK for the latter. */
static int open_locked(const char *name, int flags)
{
	int fd = open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);

	if (fd >= 0 && (flock(fd, LOCK_EX | LOCK_NB) < 0 || !is_there(fd, name))) {
		close(fd);
		errno = EWOULDBLOCK;
		fd = -1;
	}
	return fd;
}

static bool map(gk_trace_ring *ring, size_t size)
{
	void *at = mmap(NULL, PAGE + size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);

	if (at == MAP_FAILED)
		return false;
	ring->page = at;
	ring->room = (char *)at + PAGE;
	ring->size = size;
	return true;
}

static void free_ring(gk_trace_ring *ring)
{
	int before = errno;

	if (ring->page)
		munmap(ring->page, PAGE + ring->size);
	if (ring->fd >= 0)
		close(ring->fd);
	free(ring->path);
	free(ring);
	errno = before;
}

static gk_trace_ring *new_ring(const char *path, unsigned which)
{
	gk_trace_ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return NULL;
	ring->fd = -1;
	ring->path = name_file(path, which);
	if (ring->path)
		return ring;
	free(ring);
	return NULL;
}

typedef enum ring_content {
	NOTHING, /* or nothing that is to be had */
	ENTRIES,
	FOREIGN, /* it is no file of ours */
} ring_content;

/* *size: of the room, where there are entries. */
static ring_content look(const gk_trace_ring *ring, size_t *size)
{
	ring_page page = { .magic = 0 };
	struct stat info;
	uint64_t head, tail;

	if (pread(ring->fd, &page, sizeof(page), 0) < (ssize_t)sizeof(page) ||
		fstat(ring->fd, &info) < 0 || !page.magic)
		return page.magic ? FOREIGN : NOTHING;
	head = atomic_load(&page.head);
	tail = atomic_load(&page.tail);
	*size = (size_t)page.size;
	if (page.magic != MAGIC || page.size % PAGE || info.st_size < PAGE ||
		page.size > (uint64_t)info.st_size - PAGE)
		return FOREIGN;
	return head > tail && head - tail <= page.size ? ENTRIES : NOTHING;
}

/* All of it has its place on the disk: a store into the mapping cannot fail for want of one. */
static bool make(gk_trace_ring *ring, size_t size)
{
	int failed = posix_fallocate(ring->fd, 0, (off_t)(PAGE + size));

	if (failed) {
		errno = failed;
		return false;
	}
	if (!map(ring, size))
		return false;
	*ring->page = (ring_page){ .magic = MAGIC, .size = size };
	return true;
}

/* What another process has, or left, is not ours to write over. */
static gk_trace_ring *try_open(const char *path, unsigned which, size_t size, bool *is_taken)
{
	gk_trace_ring *ring = new_ring(path, which);
	size_t before;
	int failed;

	*is_taken = false;
	if (!ring)
		return NULL;
	ring->fd = open_locked(ring->path, O_CREAT);
	*is_taken = ring->fd < 0 ? errno == EWOULDBLOCK || errno == EACCES
				 : look(ring, &before) != NOTHING;
	if (ring->fd >= 0 && !*is_taken) {
		if (make(ring, size))
			return ring;
		failed = errno;
		unlink(ring->path);
		errno = failed;
	}
	free_ring(ring);
	return NULL;
}

gk_code gk_trace_ring_open(const char *path, size_t size, gk_trace_ring **ret, gk_error *err)
{
	bool is_taken = true;

	for (unsigned which = 0; is_taken && which < GK_STORE_RINGS; which++) {
		gk_trace_ring *ring = try_open(path, which, size, &is_taken);

		if (ring) {
			*ret = ring;
			return GK_OK;
		}
	}
	return is_taken ? gk_error_set(err, GK_UNAVAILABLE,
				  "%s-ring: %u other processes have theirs there", path,
				  GK_STORE_RINGS)
			: gk_error_set(err, GK_UNAVAILABLE, "%s-ring: %s", path, strerror(errno));
}

void gk_trace_ring_close(gk_trace_ring *ring)
{
	if (!ring)
		return;
	if (!gk_trace_ring_used(ring))
		unlink(ring->path);
	free_ring(ring);
}

/* --- what others left --- */

/* *ret: NULL at the end, and where it is damaged; otherwise the caller's. */
static gk_code next_entry(const gk_trace_ring *ring, uint64_t *at, uint64_t head, char **ret,
	size_t *len, gk_error *err)
{
	ring_entry entry;
	char *data;

	*ret = NULL;
	if (head - *at < sizeof(entry))
		return GK_OK;
	read_at(ring, *at, &entry, sizeof(entry));
	if (size_of(entry.len) > head - *at)
		return GK_OK;
	data = malloc(entry.len + 1);
	if (!data)
		return gk_error_no_memory(err);
	read_at(ring, *at + sizeof(entry), data, entry.len);
	if (sum_of(&entry, data) != entry.sum) {
		free(data);
		return GK_OK;
	}
	*at += size_of(entry.len);
	*len = entry.len;
	*ret = data;
	return GK_OK;
}

static gk_code recover_one(
	const gk_trace_ring *ring, gk_trace_ring_take *take, void *user, gk_error *err)
{
	uint64_t head = atomic_load(&ring->page->head), at = atomic_load(&ring->page->tail);
	gk_code rc = GK_OK;

	while (rc == GK_OK && at < head) {
		gk_auto_str char *data = NULL;
		size_t len = 0;

		rc = next_entry(ring, &at, head, &data, &len, err);
		if (rc == GK_OK && !data) {
			gk_log(GK_LOG_ERROR, "store", "%s is damaged: %llu bytes of spans are lost",
				ring->path, (unsigned long long)(head - at));
			at = head;
		} else if (rc == GK_OK) {
			rc = take(user, data, len, err);
		}
	}
	return rc == GK_OK ? take(user, NULL, 0, err) : rc;
}

static gk_code recover_file(
	gk_trace_ring *ring, gk_trace_ring_take *take, void *user, gk_error *err)
{
	size_t size = 0;
	ring_content content;
	gk_code rc = GK_OK;

	ring->fd = open_locked(ring->path, 0);
	if (ring->fd < 0) {
		if (errno != ENOENT && errno != EWOULDBLOCK)
			gk_log(GK_LOG_ERROR, "store", "spans in %s are not read: %s", ring->path,
				strerror(errno));
		return GK_OK;
	}
	content = look(ring, &size);
	if (content == ENTRIES && !map(ring, size))
		return gk_error_set(err, GK_UNAVAILABLE, "%s: %s", ring->path, strerror(errno));
	if (content == ENTRIES)
		rc = recover_one(ring, take, user, err);
	if (content != FOREIGN && rc == GK_OK)
		unlink(ring->path);
	return rc;
}

gk_code gk_trace_ring_recover(const char *path, gk_trace_ring_take *take, void *user, gk_error *err)
{
	gk_code rc = GK_OK;

	for (unsigned which = 0; rc == GK_OK && which < GK_STORE_RINGS; which++) {
		gk_trace_ring *ring = new_ring(path, which);

		if (!ring)
			return gk_error_no_memory(err);
		rc = recover_file(ring, take, user, err);
		free_ring(ring);
	}
	return rc;
}
