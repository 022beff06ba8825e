// epoll is missing from the toolchain's Glibc module.
#ifndef SVC_INDEX_LOAD_EPOLL_H
#define SVC_INDEX_LOAD_EPOLL_H

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>

enum { LOAD_READABLE = EPOLLIN, LOAD_WRITABLE = EPOLLOUT, LOAD_BROKEN = EPOLLERR | EPOLLHUP };

static inline int load_watch(int epoll, int operation, int descriptor, uint32_t events,
                             uint32_t number) {
    struct epoll_event event = {.events = events, .data = {.u32 = number}};
    return epoll_ctl(epoll, operation, descriptor, &event);
}

static inline uint32_t load_number(const struct epoll_event *event) { return event->data.u32; }

// Waits for nanoseconds; where the kernel has no epoll_pwait2, for milliseconds rounded up.
static inline int load_wait(int epoll, struct epoll_event *events, int count, int64_t ns) {
    struct timespec limit = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    int ready = epoll_pwait2(epoll, events, count, &limit, 0);
    if (ready < 0 && errno == ENOSYS)
        ready = epoll_wait(epoll, events, count, (int)((ns + 999999) / 1000000));
    return ready;
}

// Sleeps of this thread end within a microsecond of their time instead of fifty.
static inline void load_exact_timers(void) { prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0); }

#endif
