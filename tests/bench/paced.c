/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * So many requests a second, whatever becomes of them, and how long each took from its sending:
 *
 *	build/tests/bench/paced PORT PATH BODY RATE SECONDS
 *
 * Over kept connections, as many as are needed; prints p50, p99 and the longest, in microseconds. A first second is not
 * counted.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 512

typedef struct connection {
	int fd;
	uint64_t sent_ns; /* when the request that is under way was */
	size_t len, need;
	char room[8192];
} connection;

static connection *idle[MAX_CONNECTIONS];
static size_t idle_count, open_count;
static int epoll, port;
static char request[8192];
static size_t request_len, done, failed, sent, late, refused; /* refused: of those done */
static uint64_t *times;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static connection *open_one(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	connection *it = open_count < MAX_CONNECTIONS ? calloc(1, sizeof(*it)) : NULL;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = it };
	int yes = 1;

	if (!it)
		return NULL;
	open_count++;
	it->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(it->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		perror("paced");
		exit(1);
	}
	setsockopt(it->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	epoll_ctl(epoll, EPOLL_CTL_ADD, it->fd, &event);
	return it;
}

static void ask(void)
{
	connection *it = idle_count ? idle[--idle_count] : open_one();

	sent++;
	if (!it) {
		late++;
		return;
	}
	it->sent_ns = now_ns();
	it->len = it->need = 0;
	if (send(it->fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len)
		failed++;
}

static void hear(connection *it)
{
	ssize_t got = recv(it->fd, it->room + it->len, sizeof(it->room) - 1 - it->len, 0);
	const char *end, *length;

	if (got <= 0) {
		fprintf(stderr, "paced: the server closed a connection\n");
		exit(1);
	}
	it->len += (size_t)got;
	it->room[it->len] = '\0';
	end = strstr(it->room, "\r\n\r\n");
	if (!end)
		return;
	if (!it->need) {
		length = strcasestr(it->room, "content-length:");
		it->need = length ? (size_t)(end - it->room) + 4 + strtoul(length + 15, NULL, 10)
				  : SIZE_MAX;
	}
	/* Without a length it ends with the last chunk. */
	if (it->need == SIZE_MAX ? !strstr(end + 2, "\r\n0\r\n\r\n") : it->len < it->need)
		return;
	refused += strncmp(it->room, "HTTP/1.1 200", 12) != 0;
	times[done++] = now_ns() - it->sent_ns;
	idle[idle_count++] = it;
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	struct epoll_event ready[64], event = { .events = EPOLLIN, .data.ptr = NULL };
	struct itimerspec when = { 0 };
	uint64_t start, step, expired;
	size_t total, rate, skip;
	int timer;

	if (argc != 6) {
		fprintf(stderr, "paced PORT PATH BODY RATE SECONDS\n");
		return 2;
	}
	port = atoi(argv[1]);
	rate = strtoul(argv[4], NULL, 10);
	skip = rate;
	total = rate * (1 + strtoul(argv[5], NULL, 10));
	times = calloc(total, sizeof(*times));
	step = 1000000000u / rate;
	request_len = (size_t)snprintf(request, sizeof(request),
		"POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		argv[2], port, strlen(argv[3]), argv[3]);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	when.it_value.tv_nsec = 1;
	when.it_interval.tv_nsec = (long)step;
	timerfd_settime(timer, 0, &when, NULL);
	epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event);
	start = now_ns();
	while (done + failed + late < total) {
		int count = epoll_wait(epoll, ready, 64, 5000);

		if (!count) {
			fprintf(stderr, "paced: no answer for five seconds\n");
			return 1;
		}
		for (int i = 0; i < count; i++) {
			if (ready[i].data.ptr) {
				hear(ready[i].data.ptr);
				continue;
			}
			if (read(timer, &expired, sizeof(expired)) < 0)
				continue;
			while (sent < total && start + sent * step <= now_ns())
				ask();
		}
	}
	if (done <= skip) {
		fprintf(stderr, "paced: %zu of %zu requests were answered\n", done, total);
		return 1;
	}
	qsort(times + skip, done - skip, sizeof(*times), ascending);
	printf("p50_us %.0f p99_us %.0f max_us %.0f failed %zu late %zu connections %zu\n",
		(double)times[skip + (done - skip) / 2] / 1000,
		(double)times[skip + (done - skip) * 99 / 100] / 1000,
		(double)times[done - 1] / 1000, failed + refused, late, open_count);
	return failed + refused != 0;
}
