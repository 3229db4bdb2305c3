/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The files of rings: one is made for this process, and those that others left are read. */
#include "store/trace_ring_internal.h"

#include "base/limits.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* --- names and locks --- */

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

static void free_ring(gk_trace_ring *ring)
{
	int before = errno;

	if (ring->fd >= 0)
		close(ring->fd);
	gk_buf_done(&ring->unwritten);
	free(ring->marks);
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

/* --- what is in one --- */

/* All of it, or false with `errno`; ENODATA: the file ends before. */
static bool read_all(int fd, char *ret, size_t len, uint64_t at)
{
	while (len) {
		ssize_t done = pread(fd, ret, len, (off_t)at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			errno = done ? errno : ENODATA;
			return false;
		}
		ret += done;
		len -= (size_t)done;
		at += (uint64_t)done;
	}
	return true;
}

static bool read_at(const gk_trace_ring *ring, uint64_t at, void *ret, size_t len)
{
	uint64_t from = at % ring->size, first = ring->size - from;

	if (len <= first)
		return read_all(ring->fd, ret, len, sizeof(gk_ring_head) + from);
	return read_all(ring->fd, ret, first, sizeof(gk_ring_head) + from) &&
	       read_all(ring->fd, (char *)ret + first, len - first, sizeof(gk_ring_head));
}

typedef enum ring_content {
	NOTHING, /* it was not made whole */
	OURS,
	FOREIGN,    /* it is no file of ours */
	UNREADABLE, /* as `errno` says */
} ring_content;

/* *ends: of one of ours. */
static ring_content look(gk_trace_ring *ring, gk_ring_ends *ends)
{
	gk_ring_head head = { .magic = 0 };
	struct stat info;

	if (fstat(ring->fd, &info) < 0 ||
		(!read_all(ring->fd, (char *)&head, sizeof(head), 0) && errno != ENODATA))
		return UNREADABLE;
	if (!head.magic)
		return NOTHING;
	ring->sum = head.magic == GK_TRACE_RING_MAGIC     ? gk_trace_ring_sum
		    : head.magic == GK_TRACE_RING_MAGIC_2 ? gk_trace_ring_sum_2
							  : NULL;
	if (!ring->sum || !head.size || head.size % 8 || info.st_size < (off_t)sizeof(head) ||
		head.size > (uint64_t)info.st_size - sizeof(head))
		return FOREIGN;
	ring->size = head.size;
	*ends = head.ends;
	return OURS;
}

/* *ret: the entry at `at`, which is the caller's; NULL: there is none. `before`: the number of the one before it. False: the file
 * cannot be read, or memory ran out, as `errno` says. */
static bool read_entry(
	const gk_trace_ring *ring, uint64_t at, uint64_t before, gk_ring_entry *entry, char **ret)
{
	gk_auto_str char *data = NULL;

	*ret = NULL;
	if (!read_at(ring, at, entry, sizeof(*entry)))
		return false;
	if (entry->number <= before || gk_trace_ring_size(entry->len) > ring->size)
		return true;
	data = malloc(entry->len + 1);
	if (!data || !read_at(ring, at + sizeof(*entry), data, entry->len))
		return false;
	if (ring->sum(entry, at, data) == entry->sum)
		*ret = gk_steal(data);
	return true;
}

/* What another process left is not ours to write over. */
static bool holds_something(gk_trace_ring *ring)
{
	gk_auto_str char *data = NULL;
	gk_ring_entry entry;
	gk_ring_ends ends;
	ring_content content = look(ring, &ends);

	return content == FOREIGN || content == UNREADABLE ||
	       (content == OURS && (!read_entry(ring, ends.tail, 0, &entry, &data) || data));
}

/* --- one of our own --- */

/* Where a write asks another machine, or another process, before it returns: the loop cannot wait for that. On any other file
 * system it ends in this machine's memory. */
static const uint32_t remote[] = { NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, CIFS_SUPER_MAGIC,
	SMB2_SUPER_MAGIC, FUSE_SUPER_MAGIC, V9FS_MAGIC, CEPH_SUPER_MAGIC, AFS_SUPER_MAGIC,
	AFS_FS_MAGIC, CODA_SUPER_MAGIC, OCFS2_SUPER_MAGIC, 0x01161970 /* GFS2 */,
	0x0bd00bd0 /* Lustre */, 0x20030528 /* OrangeFS */ };

static bool is_remote(int fd)
{
	struct statfs info;

	if (fstatfs(fd, &info) < 0)
		return true;
	for (size_t i = 0; i < sizeof(remote) / sizeof(remote[0]); i++)
		if ((uint32_t)info.f_type == remote[i])
			return true;
	return false;
}

static bool make(gk_trace_ring *ring, size_t size)
{
	const gk_ring_head head = { .magic = GK_TRACE_RING_MAGIC, .size = size };
	off_t whole = (off_t)(sizeof(head) + size);

	if (is_remote(ring->fd)) {
		errno = EREMOTE;
		return false;
	}
	ring->size = size;
	ring->marks = calloc(GK_STORE_RING_MARKS, sizeof(*ring->marks));
	if (!ring->marks || ftruncate(ring->fd, 0) < 0 || ftruncate(ring->fd, whole) < 0)
		return false;
	/* what is written while the disk is full outlives us as well, where the file system has room set aside; if not, we hear of it */
	(void)fallocate(ring->fd, 0, 0, whole);
	return gk_trace_ring_write_all(ring->fd, (const char *)&head, sizeof(head), 0);
}

static gk_trace_ring *try_open(const char *path, unsigned which, size_t size, bool *is_taken)
{
	gk_trace_ring *ring = new_ring(path, which);
	int failed;

	*is_taken = false;
	if (!ring)
		return NULL;
	ring->fd = open_locked(ring->path, O_CREAT);
	*is_taken = ring->fd < 0 ? errno == EWOULDBLOCK || errno == EACCES : holds_something(ring);
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

static gk_code take_all(gk_trace_ring *ring, const gk_ring_ends *ends, gk_trace_ring_take *take,
	void *user, bool *is_read, gk_error *err)
{
	uint64_t at = ends->tail, number = 0;
	gk_code rc = GK_OK;
	bool more = true;

	while (rc == GK_OK && more) {
		gk_auto_str char *data = NULL;
		gk_ring_entry entry;

		*is_read = read_entry(ring, at, number, &entry, &data);
		if (!*is_read)
			return errno == ENOMEM ? gk_error_no_memory(err) : GK_OK;
		more = data && at + gk_trace_ring_size(entry.len) - ends->tail <= ring->size;
		if (!more)
			break;
		rc = take(user, data, entry.len, err);
		at += gk_trace_ring_size(entry.len);
		number = entry.number;
	}
	if (rc == GK_OK && at < ends->whole)
		gk_log(GK_LOG_ERROR, "store", "%s is damaged: spans are lost", ring->path);
	return rc;
}

static void tell_unread(const gk_trace_ring *ring)
{
	gk_log(GK_LOG_ERROR, "store", "spans in %s are not read: %s", ring->path, strerror(errno));
}

static gk_code recover_file(
	gk_trace_ring *ring, gk_trace_ring_take *take, void *user, gk_error *err)
{
	gk_ring_ends ends;
	ring_content content;
	bool is_read;
	gk_code rc = GK_OK;

	ring->fd = open_locked(ring->path, 0);
	if (ring->fd < 0) {
		if (errno != ENOENT && errno != EWOULDBLOCK)
			tell_unread(ring);
		return GK_OK;
	}
	content = look(ring, &ends);
	is_read = content != UNREADABLE;
	if (content == OURS)
		rc = take_all(ring, &ends, take, user, &is_read, err);
	if (rc == GK_OK && !is_read)
		tell_unread(ring);
	if (rc == GK_OK && content == OURS)
		rc = take(user, NULL, 0, err);
	if (content != FOREIGN && is_read && rc == GK_OK)
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
